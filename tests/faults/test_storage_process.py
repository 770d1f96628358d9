"""`serve` as a process of its own, whose database is taken away and given back, beside commands."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.house import House, opened, until
from tests.e2e.test_commandline import EXAMPLE, WITH_FAILURES, WRONG_USE, Shell

PATIENCE = 20.0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a terminal with both ends connected and a route between them."""
    with opened(tmp_path) as house:
        shell = Shell(house)
        for system, name, url, token in (
            ("salla", "shop", house.salla, "salla-sandbox-token"),
            ("daftra", "books", house.daftra, "daftra-sandbox-key"),
        ):
            shell.says("connect", system, "--name", name, "--base-url", url, "--token", token)
        shell.says("routes", "add", "shop", "books", "--since", "2030-01-01")
        yield shell


@contextmanager
def served(shell: Shell) -> Iterator[httpx.Client]:
    """Run `serve` until the block ends; give a client of its health."""
    serving: subprocess.Popen[str] = shell.start("serve", "--port", "0")
    assert serving.stdout
    try:
        told = re.search(r"http://127\.0\.0\.1:\d+", serving.stdout.readline())
        assert told
        with httpx.Client(base_url=told[0], trust_env=False, timeout=30) as http:
            until(lambda: http.get("/readyz").status_code == 200, "readiness", PATIENCE)
            yield http
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0
    finally:
        if serving.poll() is None:
            serving.kill()
            serving.wait(10)
        serving.stdout.close()


def file_of(house: House) -> Path:
    """Return the database's file."""
    return house.folder / "invsync.db"


def test_the_file_is_moved_away_and_back_under_a_running_serve(shell: Shell) -> None:
    """People, watchers and commands are told; then all goes on without a restart, and once."""
    house = shell.house
    path, away = file_of(house), house.folder / "elsewhere.db"
    with served(shell) as http:
        path.rename(away)
        house.clerk.types(f"/invsync sync {EXAMPLE}", "Not stored", "Try again in a minute")
        until(lambda: http.get("/readyz").status_code == 503, "a word of it", PATIENCE)
        assert "database cannot be opened" in http.get("/readyz").json()["parts"]["database"]
        assert http.get("/healthz").status_code == 200
        assert f"{path} does not exist, and" in shell.says("log", code=WRONG_USE)
        assert not path.exists(), "somebody made a new, empty one"
        away.rename(path)
        until(lambda: http.get("/readyz").status_code == 200, "readiness", PATIENCE)
        house.clerk.types(f"/invsync sync {EXAMPLE}", "Fetching")
        house.clerk.sees("1040", "synced successfully", seconds=PATIENCE)
    assert len(house.booked(int(EXAMPLE))) == 1
    (row,) = shell.data("show", EXAMPLE)["rows"]
    assert (row["status"], row["attempts"]) == ("success", 1)


def test_commands_work_beside_a_running_serve(shell: Shell) -> None:
    """One file, two processes: a terminal's sync and the server's lanes book each document once."""
    with served(shell):
        asked = [shell.start("sync", EXAMPLE, "--json") for _ in range(2)]
        for one in asked:
            one.communicate(timeout=60)
        assert {one.returncode for one in asked} <= {0, WITH_FAILURES}
        (row,) = shell.data("show", EXAMPLE)["rows"]
        assert row["status"] == "success"
    assert len(shell.house.booked(int(EXAMPLE))) == 1
    assert shell.house.creates() == 1
