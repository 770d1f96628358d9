"""What tests share: the databases that they run on, and one browser a process."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from playwright.sync_api import Browser, sync_playwright

from tests.postgres import Postgres, running
from tests.sqlite import fresh_file

FIRST = ("e2e", "browser", "slack", "engine")
"""The folders whose modules take longest: begun last, one of them would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take long first; within a folder the order stays as it was drawn."""
    folders = {folder: place for place, folder in enumerate(FIRST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(FIRST)))


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Begin each test with logs as text, whatever another one configured.

    Tracebacks are plain, as in the product: to draw one takes longer than what a test waits for.
    """
    structlog.reset_defaults()
    plain = (structlog.processors.add_log_level, structlog.processors.format_exc_info)
    structlog.configure(processors=[*plain, structlog.dev.ConsoleRenderer()])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; without one, skip with a word, or fail where one is required."""
    found = shutil.which("chromium")
    if found is None:
        word = "no chromium on this machine; on Debian: apt-get install chromium"
        if os.environ.get("INVSYNC_REQUIRE_BROWSER") == "1":
            pytest.fail(word)
        pytest.skip(word)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a server of PostgreSQL, started when the first test asks for it."""
    with running() as server:
        yield server


@pytest.fixture
def fresh_database(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], str]]:
    """Give what makes a fresh database of a kind, sqlite or postgresql, and names it."""
    made: list[str] = []

    def fresh(kind: str) -> str:
        if kind == "sqlite":
            return fresh_file(tmp_path)
        server: Postgres = request.getfixturevalue("postgres")
        made.append(server.fresh())
        return made[-1]

    yield fresh
    for url in made:
        request.getfixturevalue("postgres").give_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> str:
    """Name a fresh database, once of each kind: what holds on one must hold on the other."""
    kind: str = request.param
    return fresh_database(kind)
