"""What a person does in the try-out's pages, pressed in a real browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import MILLISECONDS
from tests.e2e.house import House

pytestmark = pytest.mark.browser

SYNCED = "Invoice synced successfully"
FAILED = "Failed to sync invoice"
SKU = "HONEY-500"

expect.set_options(timeout=MILLISECONDS)


def message(page: Page, words: str) -> Locator:
    """Return the newest message with these words."""
    return page.get_by_role("article").filter(has_text=words).last


def types(page: Page, command: str) -> None:
    """Type a command into the composer and send it."""
    page.get_by_label("Message or command").fill(command)
    page.get_by_role("button", name="Send").click()


def first_honey(page: Page) -> str:
    """Return the number of the newest invoice below the missing product, in its cause's View."""
    message(page, "need you").get_by_role("button", name=re.compile(f"^View: .*{SKU}")).click()
    modal = page.get_by_role("dialog", name="Cause")
    view = modal.get_by_role("button", name=re.compile("^View INV-")).first
    label = view.get_attribute("aria-label") or ""
    modal.get_by_role("button", name="Close").first.click()
    expect(modal).to_have_count(0)
    return label.removeprefix("View ")


def loud(house: House) -> str:
    """Return the number of the newest failed invoice of the customer whose name shouts."""
    shop, wanted = house.seed.shop, house.seed.names["loud"]
    order = next(one for one in shop.orders.values() if one.reference_id == wanted)
    return str(shop.invoices_of(order.id)[0].number)


def test_from_the_digest_to_a_synced_invoice(page: Page, house: House) -> None:
    """Digest, View, a Retry that fails, the repair in Daftra, a Retry that succeeds."""
    digest = message(page, "need you")
    expect(digest).to_contain_text(SKU)
    expect(digest).to_contain_text("38 documents")
    number = first_honey(page)
    types(page, f"/invsync log {number}")
    row = message(page, "Sync log")
    row.get_by_role("button", name=f"View {number}").click()
    modal = page.get_by_role("dialog", name=f"Invoice {number}")
    expect(modal.get_by_role("link", name="Open order in Salla")).to_be_visible()
    expect(modal).to_contain_text("The product does not exist in Daftra.")
    modal.get_by_role("button", name="Close").first.click()
    expect(modal).to_have_count(0)

    row.get_by_role("button", name=f"Retry {number}").click()
    still = f"SKU {SKU} is still missing in Daftra"
    expect(message(page, f"{number}: ✗ {FAILED}")).to_contain_text(still)

    with page.expect_popup() as opened:
        page.get_by_role("link", name="Daftra").click()
    books = opened.value
    books.get_by_role("link", name="Products").click()
    books.get_by_label("Product code (SKU, exact)").fill(SKU)
    books.get_by_role("button", name="Create product").click()
    expect(books.get_by_role("status")).to_have_text("Product saved.")

    message(page, f"{number}: ✗ {FAILED}").get_by_role("button", name=f"Retry {number}").click()
    told = message(page, f"{number}: ✓ {SYNCED}")
    expect(told).to_be_visible()
    expect(digest).to_contain_text("37 documents")

    with page.expect_popup() as opened:
        told.get_by_role("link", name="Open in Daftra").click()
    expect(opened.value.get_by_role("main")).to_contain_text("SALLA-")
    assert len(house.booked(house.seed.names["honey"])) == 1


def test_the_log_pages_to_older_documents_and_back(page: Page) -> None:
    """`/invsync log` shows 20 documents; Older and Newer turn its pages in place."""
    expect(message(page, "need you")).to_be_visible()
    logs = page.get_by_role("article").filter(has_text="Sync log")
    log = logs.nth(logs.count())  # not one that another test has asked for
    types(page, "/invsync log")
    views = log.get_by_role("button", name=re.compile("^View "))
    expect(views).to_have_count(20)
    newest = views.first.get_attribute("aria-label") or ""
    log.get_by_role("button", name="Older documents").click()
    expect(log.get_by_role("button", name="Newer documents")).to_be_visible()
    expect(log.get_by_role("button", name=newest, exact=True)).to_have_count(0)
    log.get_by_role("button", name="Newer documents").click()
    # which are the newest may change meanwhile: what is retried moves up
    expect(log.get_by_role("button", name="Older documents")).to_be_visible()
    expect(views).to_have_count(20)


def test_a_guest_is_refused_alone(page: Page) -> None:
    """The guest presses Check and retry: a refusal that only the guest sees, nobody else."""
    refusal = page.get_by_text("Guests, bots and people of other workspaces cannot use invsync.")
    page.get_by_label("Who you are").select_option(label="Sam Guest, guest")
    digest = message(page, "need you")
    digest.get_by_role("button", name=re.compile("^Check and retry")).first.click()
    page.get_by_role("alertdialog").get_by_role("button", name="Check and retry").click()
    expect(refusal).to_be_visible()
    expect(message(page, "cannot use invsync")).to_contain_text("Only visible to you")
    page.get_by_label("Who you are").select_option(label="Layla Hassan, finance clerk")
    expect(digest).to_be_visible()
    expect(refusal).to_have_count(0)


def test_what_is_hostile_stays_text(page: Page, house: House) -> None:
    """A customer called `<!channel> *bold* & <b>x</b>` calls nobody, and nothing of it is bold."""
    types(page, "/invsync failed error:sku_not_found")
    log = message(page, "Sync log")
    log.get_by_role("button", name=f"View {loud(house)}").click()
    modal = page.get_by_role("dialog")
    expect(modal).to_contain_text(re.compile(r"<!channel> .bold. & <b>x</b>"))
    expect(modal.locator("b, strong").filter(has_text=re.compile("^(x|bold)$"))).to_have_count(0)
    page.keyboard.press("Escape")
    expect(modal).to_have_count(0)
