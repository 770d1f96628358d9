"""A real Chromium in front of a house of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.house import House, lived_in

MILLISECONDS = 20_000


@pytest.fixture(scope="module")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run a house once it is sure that somebody can look at it."""
    assert browser.is_connected()
    with lived_in(tmp_path_factory.mktemp("house"), whole=True) as house:
        yield house


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    """Open the workspace; nothing on any page may break while the test runs."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    context.set_default_timeout(MILLISECONDS)
    page, broken = context.new_page(), list[str]()
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(house.slack)
    yield page
    context.close()
    assert broken == []
