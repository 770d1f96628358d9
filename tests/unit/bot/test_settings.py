"""Settings: where they come from, and how all problems are told at once."""

from datetime import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.settings import SLACK_API, Settings, SettingsError, load

KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        for name in getattr(field.validation_alias, "choices", ()):
            monkeypatch.delenv(str(name), raising=False)


def test_defaults() -> None:
    """Without any setting the documented defaults hold."""
    settings = load()
    assert settings.database_url == "sqlite:///invsync.db"
    assert settings.slack_api_url == SLACK_API
    assert settings.digest_at == time(9)
    assert settings.timezone.key == "UTC"
    assert settings.viewer_groups == ()


def test_environment_beats_dotenv_beats_toml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment wins over `.env`, which wins over `invsync.toml`."""
    toml = 'INVSYNC_TIMEZONE = "Asia/Riyadh"\nINVSYNC_DIGEST_AT = "07:00"\n'
    (tmp_path / "invsync.toml").write_text(toml + 'INVSYNC_VIEWER_GROUPS = ["S0A", "S0B"]\n')
    (tmp_path / ".env").write_text("INVSYNC_DIGEST_AT=08:00\nSLACK_APP_TOKEN=xapp-env\n")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-shell")
    settings = load()
    assert settings.timezone.key == "Asia/Riyadh"
    assert settings.digest_at == time(8)
    assert settings.slack_app_token is not None
    assert settings.slack_app_token.get_secret_value() == "xapp-shell"
    assert settings.viewer_groups == ("S0A", "S0B")


def test_a_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`NAME_FILE` names a file with the value, as mounted secrets do."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("INVSYNC_SECRET_KEYS_FILE", str(tmp_path / "key"))
    assert load().keys == (KEY,)


def test_all_problems_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wrong setting is named in one error, each with an example that would do."""
    wrong = {
        "SLACK_BOT_TOKEN": "hello",
        "SLACK_API_URL": "http://example.com/api",
        "INVSYNC_DATABASE_URL": "mysql://x",
        "INVSYNC_SECRET_KEYS": f"{KEY},short",
        "INVSYNC_DIGEST_CHANNEL": "#finance",
        "INVSYNC_DIGEST_AT": "24:00",
        "INVSYNC_TIMEZONE": "Mars/Base",
        "INVSYNC_ADMIN_GROUPS": "S0A,admins",
        "INVSYNC_LOG_FORMAT": "xml",
        "INVSYNC_METRICS_PORT": "many",
        "SLACK_SIGNING_SECRET_FILE": "/no/such/file",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as told:
        load()
    assert {problem.name for problem in told.value.problems} == set(wrong)
    assert all(problem.what and problem.example for problem in told.value.problems)
    assert len(str(told.value).splitlines()) == len(wrong)


@pytest.mark.parametrize("name", ["INVSYNC_DIGEST_AT", "INVSYNC_TIMEZONE"])
def test_examples_are_valid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The example of a setting is accepted as its value."""
    monkeypatch.setenv(name, "nonsense")
    with pytest.raises(SettingsError) as told:
        load()
    monkeypatch.setenv(name, told.value.problems[0].example)
    load()


@pytest.mark.parametrize(
    ("timeout", "settle", "lease", "refused"),
    [
        ("2", "6", "4", set()),
        ("2", "5.9", "4", {"INVSYNC_SETTLE_SECONDS"}),
        ("2", "6", "3.9", {"INVSYNC_LEASE_SECONDS"}),
        ("", "59", "39", {"INVSYNC_SETTLE_SECONDS", "INVSYNC_LEASE_SECONDS"}),
        ("", "60", "40", set()),
    ],
)
def test_times_that_would_break_the_promise(
    monkeypatch: pytest.MonkeyPatch, timeout: str, settle: str, lease: str, refused: set[str]
) -> None:
    """Settle below 3 x and lease below 2 x the request time-out are refused."""
    monkeypatch.setenv("INVSYNC_REQUEST_TIMEOUT_SECONDS", timeout)
    monkeypatch.setenv("INVSYNC_SETTLE_SECONDS", settle)
    monkeypatch.setenv("INVSYNC_LEASE_SECONDS", lease)
    try:
        load()
        found = set()
    except SettingsError as error:
        found = {problem.name for problem in error.problems}
    assert found == refused


def test_what_serve_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Socket Mode needs an app token, HTTP a signing secret, both a bot token."""
    with pytest.raises(SettingsError) as told:
        load().slack_required(http=False)
    assert [problem.name for problem in told.value.problems] == [
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    ]
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    with pytest.raises(SettingsError) as told:
        load().slack_required(http=True)
    assert [problem.name for problem in told.value.problems] == ["SLACK_SIGNING_SECRET"]
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s")
    load().slack_required(http=True)


def test_secrets_are_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret shows when settings are printed, nor when they are wrong."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    monkeypatch.setenv("INVSYNC_SECRET_KEYS", KEY)
    settings = load()
    assert "canary" not in repr(settings)
    assert KEY not in repr(settings)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "canary")
    with pytest.raises(SettingsError) as told:
        load()
    assert "canary" not in str(told.value)


def test_settings_are_frozen() -> None:
    """Nobody changes a setting after the start."""
    with pytest.raises(ValueError, match="frozen"):
        load().digest_channel = "C0OTHER"
