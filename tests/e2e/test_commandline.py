"""The command line as processes of their own, against the far ends, beside the running house."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.house import House, opened, until

ROOT = Path(__file__).parents[2]
DONE, WITH_FAILURES, WRONG_USE = 0, 1, 2
EXAMPLE = "40436266"
"""The order of Salla's documented example."""

ROW = {
    *("order_number", "document_number", "type", "status", "retries", "attempts", "error_type"),
    *("reason", "amount", "currency", "route", "source_url", "destination_id"),
    *("destination_number", "destination_url", "attempted_at", "waiting_for", "sync_id"),
}


class Shell:
    """Runs `app.py` with the settings of a house, in its folder."""

    def __init__(self, house: House, **settings: str) -> None:
        self.house = house
        self._env = {"PATH": os.environ["PATH"], **house.env, **settings}

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603 because it is our own program, without a shell
            [sys.executable, str(ROOT / "app.py"), *words],
            env=self._env,
            cwd=self.house.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command that goes on."""
        return subprocess.Popen(  # noqa: S603 because it is our own program, without a shell
            [sys.executable, str(ROOT / "app.py"), *words],
            env=self._env,
            cwd=self.house.folder,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, *words: str, code: int = DONE) -> str:
        """Return what a command prints; it ends with `code`, without a traceback."""
        ended = self.run(*words)
        said = ended.stdout + ended.stderr
        assert ended.returncode == code, said
        assert "Traceback" not in said
        return said

    def data(self, *words: str, code: int = DONE) -> Any:
        """Return the JSON that a command prints, and nothing else, on its standard output."""
        ended = self.run(*words, "--json")
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def shell(house: House) -> Shell:
    """Return a terminal beside the running house."""
    return Shell(house)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Shell]:
    """Return a terminal where the far ends are up, and nothing of ours yet."""
    with opened(tmp_path) as house:
        yield Shell(house)


def test_from_nothing_to_the_first_invoice(bare: Shell) -> None:
    """Migrate, connect, add a route, sync by number, look: without a running `serve`."""
    house = bare.house
    assert "at revision" in bare.says("migrate")
    for system, name, url, token in (
        ("salla", "shop", house.salla, "salla-sandbox-token"),
        ("daftra", "books", house.daftra, "daftra-sandbox-key"),
    ):
        given = ("--name", name, "--base-url", url, "--token", token)
        assert f"{name}: connected to " in bare.says("connect", system, *given)
    assert "shop:books" in bare.says("routes", "add", "shop", "books", "--since", "2026-01-01")
    assert bare.data("routes", "list")["rows"][0]["route"] == "shop:books"
    synced = bare.says("sync", EXAMPLE)
    assert re.search(rf"{EXAMPLE}: invoice 1040 success", synced)
    (row,) = bare.data("show", EXAMPLE)["rows"]
    assert [one["outcome"] for one in row["attempts_list"]] == ["success"]
    assert len(house.booked(int(EXAMPLE))) == 1


def test_wrong_settings_are_told_all_at_once(bare: Shell) -> None:
    """Every wrong setting is named with an example in one message; the exit code is 2."""
    wrong = Shell(
        bare.house,
        SLACK_BOT_TOKEN="token",
        INVSYNC_DIGEST_AT="25:00",
        INVSYNC_TIMEZONE="Riyadh",
        INVSYNC_SECRET_KEYS="short",
    )
    said = wrong.says("serve", code=WRONG_USE)
    for name in (
        "SLACK_BOT_TOKEN",
        "INVSYNC_DIGEST_AT",
        "INVSYNC_TIMEZONE",
        "INVSYNC_SECRET_KEYS",
    ):
        assert re.search(rf"^{name}: .*Example: {name}=", said, re.MULTILINE)


def test_without_settings_the_try_out_is_explained(bare: Shell) -> None:
    """No arguments and no settings: what is missing, and how to try it; the exit code is 2."""
    bare.house.env.clear()
    said = Shell(bare.house).says(code=WRONG_USE)
    assert "SLACK_BOT_TOKEN: is missing" in said
    assert "python app.py demo" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frobnicate",), "frobnicate"),
        (("connect", "sapp", "--name", "x"), "There is no system sapp"),
        (("routes", "add", "shop", "nowhere"), "There is no connection nowhere"),
        (("routes", "add", "shop", "books", "--since", "soon"), "'soon' is no day"),
        (("log", "--cursor", "zzz"), "zzz is no cursor"),
        (("show", "999999"), "There is no 999999 in the log"),
    ],
)
def test_wrong_use_is_named(shell: Shell, words: tuple[str, ...], named: str) -> None:
    """What cannot be done is named in a sentence; the exit code is 2."""
    assert named in shell.says(*words, code=WRONG_USE)


def test_sync_beside_the_running_house(shell: Shell) -> None:
    """Numbers that succeed, fail and do not exist: a line each, one document, exit code 1."""
    good, bad = (shell.house.sale(sku).reference_id for sku in ("WIDGET-001", "NOT-THERE"))
    said = shell.says("sync", str(good), str(bad), "999999", code=WITH_FAILURES)
    assert f"{good}: invoice INV-{good} success" in said
    assert f"{bad}: invoice INV-{bad} failed: SKU NOT-THERE not found in Daftra" in said
    assert "999999: record not found" in said
    assert len(shell.house.booked(good)) == 1


def test_log_pages_as_json(shell: Shell) -> None:
    """`log --json` prints the contract's fields, 20 rows, and a cursor to the next ones."""
    first = shell.data("log")
    assert set(first["rows"][0]) == ROW
    assert len(first["rows"]) == 20
    second = shell.data("log", "--cursor", first["next"])
    ids = [{row["sync_id"] for row in page["rows"]} for page in (first, second)]
    assert not ids[0] & ids[1]


def test_failed_and_its_story(shell: Shell) -> None:
    """`failed` lists failures only; `show --json` has the attempts and what stops the document."""
    rows = shell.data("failed", "error:sku_not_found")["rows"]
    assert {row["error_type"] for row in rows} == {"sku_not_found"}
    assert {row["status"] for row in rows} == {"failed"}
    honey = str(shell.house.seed.names["honey"])
    (story,) = shell.data("show", honey)["rows"]
    assert set(story) >= ROW | {"attempts_list", "blockers"}
    assert story["attempts_list"][0]["reason"] == "SKU HONEY-500 not found in Daftra"


def test_retry_ends_with_its_outcome(shell: Shell) -> None:
    """`retry` waits: the failure with its sentence and code 1; after the repair the success."""
    order = str(shell.house.sale("CLI-1").reference_id)
    shell.house.clerk.types(f"/invsync sync {order}", "Failed to sync invoice", f"INV-{order}")
    said = shell.says("retry", order, code=WITH_FAILURES)
    assert f"{order}: Failed to sync invoice. SKU CLI-1 not found in Daftra" in said
    shell.house.create_product("CLI-1")
    assert f"{order}: Invoice synced successfully" in shell.says("retry", order)


def test_digest(shell: Shell) -> None:
    """`digest preview` counts by cause; `digest now` leaves the post to the running house."""
    assert re.search(
        r"customer_email_missing .+: \d+ documents?, SAR ", shell.says("digest", "preview")
    )
    assert {cause["error_type"] for cause in shell.data("digest", "preview")["causes"]} >= {
        "sku_not_found",
        "unauthorized",
    }
    assert "on its way" in shell.says("digest", "now")


def test_check_finds_every_template_well(shell: Shell) -> None:
    """All templates draw with all their samples."""
    assert shell.says("check") == "0 problems.\n"


def test_a_renewed_connection_lets_its_documents_go(shell: Shell) -> None:
    """The key is refused: one fails, the next waits, none is lost; `connect` lets both go."""
    house = shell.house
    httpx.post(f"{house.daftra}/sandbox/settings", json={"key": "renewed"})
    first, second = (house.sale("WIDGET-001").reference_id for _ in range(2))
    house.clerk.types(f"/invsync sync {first}", f"INV-{first}", "Daftra: Unauthorized", "Reconnect")
    house.clerk.types(f"/invsync sync {second}", f"INV-{second}: pending")
    house.clerk.types(f"/invsync retry {second}", f"INV-{second} waits for the connection")
    for number in (first, second):
        said = shell.says("retry", str(number), code=WITH_FAILURES)
        assert said.startswith(f"{number}: waits for the connection. Nothing was sent")
    given = ("--name", "books", "--base-url", house.daftra, "--token", "renewed")
    assert "books: connected to" in shell.says("connect", "daftra", *given)
    until(lambda: house.booked(first) and house.booked(second), "what waited")
    house.clerk.sees(f"INV-{second}", "Invoice synced successfully")


def test_a_paused_connection_keeps_its_documents(shell: Shell) -> None:
    """`pause` holds what is sent from then on, `resume` lets it go; a wrong name is told."""
    assert "books: paused. Its documents wait" in shell.says("pause", "books")
    assert "held already" in shell.says("pause", "books")
    order = shell.house.sale("WIDGET-001").reference_id
    assert "pending" in shell.says("sync", str(order), code=WITH_FAILURES)
    assert "books: resumed" in shell.says("resume", "books")
    until(lambda: shell.house.booked(order), "what waited")
    assert "is not paused" in shell.says("resume", "books")
    assert "No route uses a connection nowhere" in shell.says("pause", "nowhere", code=WRONG_USE)


def test_serve_tells_its_health_and_ends_at_a_signal(bare: Shell) -> None:
    """`serve` says where its health is, answers there, lets no second one in, and ends cleanly."""
    serving = bare.start("serve", "--port", "0")
    try:
        line = serving.stdout.readline() if serving.stdout else ""
        url = re.findall(r"http://\S+/healthz", line)[0]
        assert httpx.get(url).json()["status"] == "ok"
        ready = url.replace("healthz", "readyz")
        until(lambda: httpx.get(ready).status_code == 200, "the socket")
        assert "Another serve works on" in bare.says("serve", "--port", "0", code=WRONG_USE)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=20)
    assert serving.returncode == DONE
