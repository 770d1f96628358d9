"""The three journeys that people take most: what they end in, and what they cost in presses."""

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import MILLISECONDS
from tests.browser.journeys import (
    ADMIN,
    Meter,
    TryOut,
    expired_token,
    is_now,
    missing_email,
    missing_sku,
    throw_switch,
    tried_out,
)

pytestmark = pytest.mark.browser

expect.set_options(timeout=MILLISECONDS)


@pytest.fixture(scope="module")
def tryout(browser: Browser) -> Iterator[TryOut]:
    """Run the try-out with all four systems."""
    assert browser.is_connected()
    with tried_out() as tryout:
        yield tryout


@pytest.fixture(scope="module")
def meter(tryout: TryOut) -> Iterator[Meter]:
    """Count the journeys; print them all at the end, for `-s`."""
    meter = Meter(tryout.sandbox)
    yield meter
    print(f"\n{meter.table()}")  # noqa: T201 because the figures are what a reader asks for


@pytest.fixture
def page(browser: Browser, tryout: TryOut) -> Iterator[Page]:
    """Open the workspace; no page may break."""
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    context.set_default_timeout(MILLISECONDS)
    page, broken = context.new_page(), list[str]()
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(tryout.sandbox.workspace)
    yield page
    context.close()
    assert broken == []


def creates(tryout: TryOut, system: str, mark: str) -> Counter[str]:
    """Return how often a system stored an invoice of each of our keys, by its own ledger."""
    ledger = httpx.get(f"{tryout.sandbox.systems[system]}/sandbox/ledger").json()
    keys = (one[mark].partition("\n")[0] for one in ledger["creates"])
    return Counter(key for key in keys if ":invoice:" in key)


def test_a_missing_product_of_38_documents(page: Page, tryout: TryOut, meter: Meter) -> None:
    """Two presses, a choice and a form: 31 are synced, once; 7 are stopped by another product."""
    before = creates(tryout, "daftra", "key")
    with meter.measuring("missing SKU of 38 documents", page) as hand:
        missing_sku(hand)
    assert (hand.presses, hand.choices, hand.typed, hand.forms) == (2, 1, 0, 1)
    stored = creates(tryout, "daftra", "key") - before
    assert len(stored) == 31
    assert set(stored.values()) == {1}


def test_a_missing_email(page: Page, tryout: TryOut, meter: Meter) -> None:
    """Three presses, an address and one form: both documents of the customer are synced, once."""
    before = creates(tryout, "daftra", "key")
    with meter.measuring("missing e-mail of a customer", page) as hand:
        missing_email(hand)
    assert (hand.presses, hand.choices, hand.typed, hand.forms) == (3, 0, 1, 1)
    stored = creates(tryout, "daftra", "key") - before
    assert sorted(stored.values()) == [1, 1]


def test_an_expired_token_with_312_waiting(page: Page, tryout: TryOut, meter: Meter) -> None:
    """Three presses, no form: what waited goes on by itself, and nothing of it is created twice."""
    throw_switch(page)
    tryout.sweep()
    is_now(page, ADMIN)
    with meter.measuring("expired token, 312 waiting", page) as hand:
        expired_token(hand)
    assert (hand.presses, hand.choices, hand.typed, hand.forms) == (3, 0, 0, 0)
    assert set(creates(tryout, "quickbooks", "PrivateNote").values()) == {1}
