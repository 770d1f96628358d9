"""A chosen record that is switched off later: the cause names it, another choice mends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.causes import Cause, Verdict
from sync.errors import ErrorType
from sync.records import Actor, Sync
from sync.states import Status
from tests.builders import document, order
from tests.connectors.company import books
from tests.slack.desk import OPERATOR, words
from tests.slack.test_new_product import Ledger

CLERK = Actor(OPERATOR, "Omar")


class Shelf(Ledger):
    """A ledger whose documents go to the company, too."""

    def sold(self, number: str) -> Sync:
        """Let a sale of the SKU be tried."""
        return self.worked(document(number, number=f"INV-{number}", of=order(number), sku="OLD-1"))

    def again(self, sync: Sync) -> Sync:
        """Retry a document."""
        self.engine.retry(sync.id, CLERK)
        self.work()
        return self.row(sync.id)

    def cause(self) -> Cause:
        """Return the only open cause."""
        (cause,) = self.store.causes.open()
        return cause

    def choose(self, item: str, count: int) -> str:
        """Choose an item in the form of the open cause; return what the form says then."""
        form = self.form(self.cause().id)
        self.submit(form, view_id=f"V{count}", how="map", record=item)
        return self.outcome(count)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Give a surface and a lane before a company with a tax of 15 %."""
    with books(country="SA", currency="SAR") as company:
        company.tax(15)
        made = Shelf(tmp_path, company)
        made.serve_company()
        yield made
        made.close()


def test_a_chosen_item_that_was_switched_off(shelf: Shelf) -> None:
    """The refusal names the choice, the look notices it, the form tells it and mends it."""
    first, second = (shelf.company.item(sku, Name=f"Item {sku}") for sku in ("NEW-1", "NEW-2"))
    sync = shelf.sold("1")
    assert sync.error_type is ErrorType.SKU_NOT_FOUND
    assert "stands for Item NEW-1 (NEW-1) from now on" in shelf.choose(first, 1)
    assert shelf.again(sync).status is Status.SUCCESS
    shelf.company.company.rows["Item"][first]["Active"] = False
    sync = shelf.sold("2")
    assert (sync.status, sync.error_type) == (Status.FAILED, ErrorType.ITEM_INACTIVE)
    assert "The item Item NEW-1 that was chosen for OLD-1 is switched off" in (sync.reason or "")
    assert shelf.probing.check(shelf.cause(), anew=True).verdict is Verdict.STILL
    form = words(shelf.form(shelf.cause().id))
    assert "Chosen before: Item NEW-1 (NEW-1)." in form
    told = shelf.choose(second, 2)
    assert "stands for Item NEW-2 (NEW-2) from now on" in told
    assert "no objection any more" in told
    assert shelf.again(sync).status is Status.SUCCESS


def test_a_chosen_item_that_is_gone_can_be_created(shelf: Shelf) -> None:
    """The new product takes the place of the choice, so that nothing stops its documents."""
    gone = shelf.company.item("NEW-1", Name="Item NEW-1")
    sync = shelf.sold("1")
    shelf.choose(gone, 1)
    del shelf.company.company.rows["Item"][gone]
    assert shelf.probing.check(shelf.cause(), anew=True).verdict is Verdict.STILL
    form = shelf.form(shelf.cause().id)
    shelf.submit(form, view_id="V2", how="create", name="Honey")
    assert "In QuickBooks now: Honey (OLD-1)." in shelf.outcome(2)
    assert shelf.probing.check(shelf.cause(), anew=True).verdict is Verdict.GONE
    assert shelf.again(sync).status is Status.SUCCESS
