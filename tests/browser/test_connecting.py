"""An admin connects a system in a real browser: consent page, callback, and our own pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

import app
from bot.web import listening, port_of
from demo.house import Sandbox, running
from handlers.process import served, serving
from tests.browser.conftest import MILLISECONDS

pytestmark = pytest.mark.browser

ADMIN = "U0ADMIN01"


@pytest.fixture(scope="module")
def sandbox(browser: Browser) -> Iterator[Sandbox]:
    """Run the try-out with all four systems, as `app.py demo` does."""
    assert browser.is_connected()
    with running(0) as sandbox:
        listener = listening("127.0.0.1", 0)
        settings = sandbox.settings(f"http://127.0.0.1:{port_of(listener)}")
        with app.opened(settings) as engine:
            sandbox.fill(engine)
            with (
                serving(settings, engine, http=False) as surface,
                served(surface.site(), listener),
            ):
                sandbox.tell(settings.public_url)
                yield sandbox


@pytest.fixture
def page(browser: Browser, sandbox: Sandbox) -> Iterator[Page]:
    """Open the workspace as its administrator; no page may break."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(MILLISECONDS)
    page, broken = context.new_page(), list[str]()
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(sandbox.workspace)
    page.get_by_label("Who you are").select_option(ADMIN)
    yield page
    context.close()
    assert broken == []


def consent(page: Page, system: str, title: str) -> Page:
    """Type the command, press the link, and return the tab that opens."""
    page.get_by_label("Message or command").fill(f"/invsync connect {system}")
    page.get_by_role("button", name="Send").click()
    with page.context.expect_page() as opened:
        page.get_by_text(f"Connect {title}", exact=True).last.click()
    return opened.value


def test_an_admin_consents(page: Page) -> None:
    """Allow on QuickBooks' page leads back to ours, which names the account."""
    tab = consent(page, "quickbooks", "QuickBooks")
    tab.get_by_role("button", name="Allow").click()
    expect(tab.get_by_role("heading")).to_have_text("QuickBooks (ledger) is connected")
    expect(tab.get_by_text("(310687)")).to_be_visible()


def test_an_admin_refuses(page: Page) -> None:
    """Refuse on HubSpot's page leads to a page that says so, with the next step."""
    tab = consent(page, "hubspot", "HubSpot")
    tab.get_by_role("button", name="Refuse").click()
    expect(tab.get_by_role("heading")).to_have_text("HubSpot was told no")
    expect(tab.get_by_text("/invsync connect hubspot")).to_be_visible()


def test_daftras_key_is_typed_into_our_page(page: Page, sandbox: Sandbox) -> None:
    """A wrong key is told in the form, the right one connects."""
    tab = consent(page, "daftra", "Daftra")
    for key, said in (("wrong", "Daftra"), ("daftra-sandbox-key", "is connected")):
        tab.get_by_label("Address of the site").fill(sandbox.daftra)
        tab.get_by_label("API key").fill(key)
        tab.get_by_role("button", name="Connect").click()
        expect(tab.get_by_role("main")).to_contain_text(said)
