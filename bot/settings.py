"""Settings: environment over `.env` over `invsync.toml`, read once and handed in.

`NAME_FILE` names a file that holds the value of `NAME` (mounted secrets). Every problem is found
before any is reported; secrets print as stars.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography.fernet import Fernet
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.apps import LOOPBACK, AppSettings
from bot.named import named
from bot.schedule import WhenClear
from sync.bulk import Limits
from sync.times import LEASE_FACTOR, REQUEST_TIMEOUT_SECONDS, SETTLE_FACTOR, Times

BULK_AMOUNT: Mapping[str, Decimal] = {"SAR": Decimal(100_000), "USD": Decimal(25_000)}
SLACK_API = "https://slack.com/api/"

_NEW_KEY = "from cryptography.fernet import Fernet as F; print(F.generate_key().decode())"
_KEY_EXAMPLE = f'$(python -c "{_NEW_KEY}")'
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}")
_GROUP = re.compile(r"S[A-Z0-9]{2,}")
_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_AMOUNT = re.compile(r"([A-Za-z]{3}):(\d+(?:\.\d+)?)")
_HOUR = re.compile(r"(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that is missing or wrong: its name, what is wrong, and a value that would do."""

    name: str
    what: str
    example: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}. Example: {self.name}={self.example}"


class SettingsError(Exception):
    """Everything that is wrong with the settings, at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, Iterable) else value


def _hour(value: object) -> object:
    if isinstance(value, time):
        return value
    found = _HOUR.fullmatch(str(value).strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004 because a day has 24 hours
        raise ValueError("is not a time of day such as 09:00")
    return time(int(found[1]), int(found[2]))


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value).strip())
    except (KeyError, OSError, ValueError):
        raise ValueError("is no IANA time zone") from None


def _amounts(value: object) -> object:
    """Return what `SAR:100000,USD:25000` says, by currency."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    found = [_AMOUNT.fullmatch(part) for part in parts]
    if not all(found):
        raise ValueError("is no list of currency codes and amounts")
    return {one[1].upper(): Decimal(one[2]) for one in found if one}


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Seconds = Annotated[float | None, Field(gt=0)]


class _FileSource(EnvSettingsSource):
    """Reads `NAME_FILE` from the environment: the file's text is the value of `NAME`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field_name  # the alias is what operators write
        name = _name_of(field)
        return _file_of(name), name, False


class Settings(AppSettings):
    """All settings, frozen; `docs/settings.md` is their reference."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_ignore_empty=True,
        toml_file="invsync.toml",
        arbitrary_types_allowed=True,
        validate_default=False,
    )

    slack_bot_token: SecretStr | None = named("SLACK_BOT_TOKEN", None, "xoxb-...")
    slack_app_token: SecretStr | None = named("SLACK_APP_TOKEN", None, "xapp-...")
    slack_signing_secret: SecretStr | None = named("SLACK_SIGNING_SECRET", None, "8f742231b10e...")
    slack_api_url: str = named("SLACK_API_URL", SLACK_API, SLACK_API)
    database_url: str = named("INVSYNC_DATABASE_URL", "sqlite:///invsync.db", "sqlite:///inv.db")
    secret_keys: SecretStr | None = named("INVSYNC_SECRET_KEYS", None, _KEY_EXAMPLE)
    digest_channel: str | None = named("INVSYNC_DIGEST_CHANNEL", None, "C024BE91L")
    digest_at: Annotated[time, BeforeValidator(_hour)] = named(
        "INVSYNC_DIGEST_AT", time(9), "09:00"
    )
    digest_when_clear: WhenClear = named("INVSYNC_DIGEST_WHEN_CLEAR", WhenClear.MESSAGE, "silence")
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = named(
        "INVSYNC_TIMEZONE", ZoneInfo("UTC"), "Asia/Riyadh"
    )
    viewer_groups: Names = named("INVSYNC_VIEWER_GROUPS", (), "S024BE91L")
    operator_groups: Names = named("INVSYNC_OPERATOR_GROUPS", (), "S024BE91L,S024BE92M")
    approver_groups: Names = named("INVSYNC_APPROVER_GROUPS", (), "S024BE91L")
    admin_groups: Names = named("INVSYNC_ADMIN_GROUPS", (), "S024BE91L")
    bulk_documents: Annotated[int, Field(gt=0)] = named("INVSYNC_BULK_DOCUMENTS", 100, "100")
    bulk_amount: Annotated[Mapping[str, Decimal], NoDecode, BeforeValidator(_amounts)] = named(
        "INVSYNC_BULK_AMOUNT", BULK_AMOUNT, "SAR:100000,USD:25000"
    )
    owner: str | None = named("INVSYNC_OWNER", None, "U024BE7LH")
    request_timeout_seconds: Seconds = named("INVSYNC_REQUEST_TIMEOUT_SECONDS", None, "20")
    settle_seconds: Seconds = named("INVSYNC_SETTLE_SECONDS", None, "120")
    lease_seconds: Seconds = named("INVSYNC_LEASE_SECONDS", None, "40")
    retry_base_seconds: Seconds = named("INVSYNC_RETRY_BASE_SECONDS", None, "30")
    sweep_seconds: Seconds = named("INVSYNC_SWEEP_SECONDS", None, "300")
    tick_seconds: Seconds = named("INVSYNC_TICK_SECONDS", None, "5")
    log_format: str = named("INVSYNC_LOG_FORMAT", "auto", "json")
    log_level: str = named("INVSYNC_LOG_LEVEL", "INFO", "INFO")
    metrics_port: int | None = named("INVSYNC_METRICS_PORT", None, "9464")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the strongest first."""
        del file_secret_settings  # `NAME_FILE` names the file instead of its directory
        files, toml = _FileSource(settings_cls), TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, files, dotenv_settings, toml

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _token(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        start = "xoxb-" if info.field_name == "slack_bot_token" else "xapp-"
        if value and not value.get_secret_value().startswith(start):
            raise ValueError(f"does not start with {start}")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _api(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("is no https address")
        return value if value.endswith("/") else f"{value}/"

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("is neither sqlite:/// nor postgresql+psycopg://")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _fernet(cls, value: SecretStr | None) -> SecretStr | None:
        for position, key in enumerate(_keys(value), start=1):
            try:
                Fernet(key)
            except ValueError:
                what = f"key {position} is no Fernet key (32 bytes in url-safe base64)"
                raise ValueError(what) from None
        return value

    @field_validator("digest_channel")
    @classmethod
    def _channel(cls, value: str | None) -> str | None:
        if value and not _CHANNEL.fullmatch(value):
            raise ValueError("is no channel id; Slack shows it below a channel's details")
        return value

    @field_validator("owner")
    @classmethod
    def _user(cls, value: str | None) -> str | None:
        if value and not _USER.fullmatch(value):
            raise ValueError("is no user id; Slack shows it in a person's profile")
        return value

    @field_validator("viewer_groups", "operator_groups", "approver_groups", "admin_groups")
    @classmethod
    def _groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [group for group in value if not _GROUP.fullmatch(group)]
        if wrong:
            raise ValueError(f"has what is no user-group id: {', '.join(wrong)}")
        return value

    @field_validator("settle_seconds")
    @classmethod
    def _settle(cls, value: float | None, info: ValidationInfo) -> float | None:
        return _at_least(SETTLE_FACTOR, value, info)

    @field_validator("lease_seconds")
    @classmethod
    def _lease(cls, value: float | None, info: ValidationInfo) -> float | None:
        return _at_least(LEASE_FACTOR, value, info)

    @field_validator("log_format")
    @classmethod
    def _format(cls, value: str) -> str:
        return _one_of(value.lower(), ("auto", "console", "json"))

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        return _one_of(value.upper(), ("DEBUG", "INFO", "WARNING", "ERROR"))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The Fernet keys, newest first; empty where none is set."""
        return tuple(_keys(self.secret_keys))

    @property
    def timeout_seconds(self) -> float:
        """What a request to a system may take."""
        return self.request_timeout_seconds or REQUEST_TIMEOUT_SECONDS

    @property
    def times(self) -> Times:
        """The protocol's times."""
        return Times.of(
            request_timeout=self.request_timeout_seconds,
            settle=self.settle_seconds,
            lease=self.lease_seconds,
            retry_base=self.retry_base_seconds,
            sweep=self.sweep_seconds,
            tick=self.tick_seconds,
        )

    @property
    def bulk_limits(self) -> Limits:
        """What one person may retry in bulk without a second one."""
        return Limits(self.bulk_documents, self.bulk_amount)

    def slack_required(self, *, http: bool) -> None:
        """Raise SettingsError where what `serve` needs to speak to Slack is missing."""
        needed: dict[str, SecretStr | None] = {"SLACK_BOT_TOKEN": self.slack_bot_token}
        if http:
            needed["SLACK_SIGNING_SECRET"] = self.slack_signing_secret
        else:
            needed["SLACK_APP_TOKEN"] = self.slack_app_token
        missing = [name for name, value in needed.items() if value is None]
        if missing:
            raise SettingsError([Problem(name, "is missing", EXAMPLES[name]) for name in missing])


def _keys(value: SecretStr | None) -> list[str]:
    return [key.strip() for key in value.get_secret_value().split(",")] if value else []


def _at_least(times: int, value: float | None, info: ValidationInfo) -> float | None:
    timeout = info.data.get("request_timeout_seconds") or REQUEST_TIMEOUT_SECONDS
    if value is not None and value < times * timeout:
        raise ValueError(f"is below {times} x the request time-out of {timeout:g} s")
    return value


def _one_of(value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"is none of {', '.join(allowed)}")
    return value


def _name_of(field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else str(alias)


EXAMPLES: Mapping[str, str] = {
    _name_of(field): str((field.examples or [""])[0]) for field in Settings.model_fields.values()
}
"""An example value for each setting, by its name."""


def load() -> Settings:
    """Read the settings; raises SettingsError with everything that is wrong."""
    problems = [problem for name in EXAMPLES if (problem := _unreadable(name))]
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [_problem(one) for one in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def _file_of(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else None
    except (OSError, UnicodeDecodeError):
        return None  # `_unreadable` reports it, with all other problems


def _unreadable(name: str) -> Problem | None:
    if os.environ.get(f"{name}_FILE") and _file_of(name) is None:
        return Problem(f"{name}_FILE", "names a file that cannot be read", "/run/secrets/name")
    return None


def _problem(error: Any) -> Problem:
    name = str(error["loc"][0])
    what = error["msg"].removeprefix("Value error, ")
    return Problem(name, what[:1].lower() + what[1:], EXAMPLES.get(name, ""))
