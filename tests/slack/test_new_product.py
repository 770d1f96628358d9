"""A new product in QuickBooks from its form: the income account is asked for, kept and used."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from sandbox.quickbooks.company import SALES
from sync.clock import SystemClock
from sync.connectors.base import NEW_PRODUCTS, Kept
from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.documents import Account
from sync.fixing import Fixing
from sync.opener import Opener
from sync.probing import Probing
from sync.records import Route
from sync.worker import Worker
from tests.connectors.company import Books as Company
from tests.connectors.company import books, end
from tests.connectors.conftest import Remembered
from tests.fakes import Books, Ends
from tests.slack.desk import NOBODY_LISTENS, OPERATOR, TIMES, VIEWER, words
from tests.slack.test_fixing import Office

CREATED = "In QuickBooks now: Honey (HONEY-500)."


class Ledger(Office):
    """An office whose fixes reach a QuickBooks company over its API."""

    def __init__(self, folder: Path, company: Company) -> None:
        super().__init__(folder)
        kept = cast("Remembered", self.store.mappings("books", SystemClock()))
        self.company = company
        self.destination = end(QuickBooksDestination, str(company.staff.base_url), kept)
        ends, clock = Ends(self.shop, cast("Books", self.destination)), self.engine.clock
        self.probing = Probing(self.store, cast("Opener", ends), clock)
        self.engine.fixing = Fixing(self.store, ends, self.probing, clock, TIMES, self.surface.ring)
        self._other = Worker(self.store, ends, clock, TIMES)

    def serve_company(self) -> None:
        """Let the lane's documents go to the company."""
        self._worker = self._other

    def close(self) -> None:
        """End everything."""
        super().close()
        self.destination.close()

    def _route(self) -> Route:
        now = SystemClock().now()
        ends = [
            self.store.connections.save(
                system, name, NOBODY_LISTENS, {"token": "t"}, Account("77", name), now
            )
            for system, name in (("salla", "shop"), ("quickbooks", "books"))
        ]
        self.store.lanes.add("books")
        return self.store.connections.add_route(ends[0], ends[1], date(2026, 1, 1), ["completed"])

    def account(self, name: str, *, active: bool = True) -> str:
        """Add an income account; returns its id."""
        given = {"Name": name, "AccountType": "Income", "Active": active}
        return str(self.company.company.add("Account", **given)["Id"])

    def made(self, sku: str) -> str:
        """Return the income account of the item with this SKU."""
        rows = self.company.company.rows["Item"].values()
        (row,) = [row for row in rows if row.get("Sku") == sku]
        return str(row["IncomeAccountRef"]["value"])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a running surface before a company with two income accounts, none in use."""
    with books() as company:
        made = Ledger(tmp_path, company)
        yield made
        made.close()


def test_the_account_is_asked_for_kept_and_used(ledger: Ledger) -> None:
    """Several accounts and none in use: the form asks, offers income accounts alone, keeps one."""
    services = ledger.account("Services")
    ledger.company.company.add("Account", Name="Checking", AccountType="Bank", Active=True)
    cause = ledger.fail()
    form = ledger.form(cause.id)
    assert "Income account of new products in QuickBooks" in words(form)
    ledger.submit(form, how="create", name="Honey")
    told = ledger.outcome()
    assert "Choose the income account of the new product." in told
    assert "Try again" in told
    found = ledger.search(form, "", action_id="account", block_id="account")
    (group,) = found["option_groups"]
    assert {one["value"] for one in group["options"]} == {SALES, services}
    assert ledger.search(form, "", VIEWER, action_id="account", block_id="account") == {
        "options": []
    }
    ledger.submit(form, view_id="V2", how="create", name="Honey", account=services)
    assert CREATED in ledger.outcome(2)
    assert ledger.made("HONEY-500") == services
    (kept,) = ledger.store.choices.of("books")
    assert (kept["kind"], kept["key"], kept["value"]) == (Kept.INCOME, NEW_PRODUCTS, services)
    assert kept["actor_id"] == OPERATOR


def test_what_was_chosen_before_stands_in_the_form(ledger: Ledger) -> None:
    """The next form names it and needs no other one; another choice takes its place."""
    services = ledger.account("Services")
    cause = ledger.fail()
    form = ledger.form(cause.id)
    ledger.submit(form, how="create", name="Honey", account=services)
    ledger.outcome()
    again = ledger.form(cause.id)
    assert "Left empty: Services (Income), as chosen before." in words(again)
    ledger.company.company.rows["Item"].clear()
    ledger.submit(again, view_id="V2", how="create", name="Honey", account=SALES)
    assert CREATED in ledger.outcome(2)
    assert ledger.made("HONEY-500") == SALES


def test_an_account_that_is_switched_off_is_not_kept(ledger: Ledger) -> None:
    """Somebody chose it from an old list: nothing is made and nothing is kept."""
    off = ledger.account("Services", active=False)
    form = ledger.form(ledger.fail().id)
    ledger.submit(form, how="create", name="Honey", account=off)
    assert "This record is switched off." in ledger.outcome()
    assert ledger.store.choices.of("books") == []


def test_an_account_without_a_new_product_is_refused_at_its_field(ledger: Ledger) -> None:
    """Where an existing product is chosen, an account would be dropped: the form says so."""
    honey = str(ledger.company.item("honey-500", Name="Honey"))
    form = ledger.form(ledger.fail().id)
    answer = ledger.submit(form, how="map", record=honey, account=SALES)
    assert "kept only where the product is created" in answer.body["errors"]["account"]
    assert ledger.store.choices.of("books") == []
    ledger.submit(form, how="map", record=honey)
    assert "stands for Honey (honey-500) from now on" in ledger.outcome()


def test_daftra_has_no_such_field(tmp_path: Path) -> None:
    """Where products have no account of their own, nothing is asked."""
    office = Office(tmp_path)
    form = office.form(office.fail().id)
    assert "account" not in words(form)
    assert office.search(form, "", action_id="account", block_id="account") == {"options": []}
    office.close()
