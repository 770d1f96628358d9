"""Customers and items in QuickBooks: compared exactly, made once, told where they stop a sale."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sync.documents import Customer
from sync.errors import ErrorType, FixData, TryLater
from sync.outcomes import Created, Rejected
from tests.connectors.company import EMAIL, INVOICES, Books, books, charge, line, sale

FOREIGN = "v1:hubspot:4711:invoice:999"


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US."""
    with books() as opened:
        yield opened


def test_skus_are_compared_exactly(company: Books) -> None:
    """Leading zeros and case count: 3200, 003200 and the like are different products."""
    zeros, bare = company.item("003200"), company.item("3200")
    lines = (line("003200"), line("3200"), line("abc-1"), line("03200"))
    found = company.stops(sale(*lines, total="800"))
    assert found == [(ErrorType.SKU_NOT_FOUND, "abc-1"), (ErrorType.SKU_NOT_FOUND, "03200")]
    created = company.create(sale(*lines[:2], total="400"))
    sold = company.row("Invoice", created.destination_id)["Line"][:2]
    items = [one["SalesItemLineDetail"]["ItemRef"]["value"] for one in sold]
    assert items == [zeros, bare]


def test_an_apostrophe_in_a_sku_is_quoted(company: Books) -> None:
    """The query language's own signs are part of the text."""
    company.item("O'Neil\\1")
    assert not company.stops(sale(line("O'Neil\\1")))


def test_an_inactive_item_is_told(company: Books) -> None:
    """A query leaves inactive names out unless it asks for them."""
    company.item("OLD", Active=False)
    assert company.stops(sale(line("OLD"))) == [(ErrorType.ITEM_INACTIVE, "OLD")]


def test_two_items_with_one_sku_are_a_conflict(company: Books) -> None:
    """Nobody picks one; both are named."""
    company.item("ABC-1", Name="Gadget")
    stop = company.destination.blockers(sale())[0]
    assert (stop.error_type, stop.key) == (ErrorType.CONFLICT, "ABC-1")
    assert "Widget" in stop.reason
    assert "Gadget" in stop.reason


def test_an_inactive_twin_does_not_matter(company: Books) -> None:
    """The one active item of a SKU stands for it."""
    company.item("ABC-1", Name="Old widget", Active=False)
    assert not company.stops(sale())


def test_every_cause_is_told_at_once(company: Books) -> None:
    """E-mail, SKU and closed books come together, so that people fix them in one go."""
    company.company.closed_before = "2026-11-20"
    nobody = Customer("77", "Ada", "Byron", None)
    found = company.stops(sale(line("NOPE"), line(None), total="400", customer=nobody))
    assert {kind for kind, _ in found} == {
        ErrorType.PERIOD_CLOSED,
        ErrorType.CUSTOMER_EMAIL_MISSING,
        ErrorType.SKU_NOT_FOUND,
    }
    assert (ErrorType.PERIOD_CLOSED, "2026-11-20") in found
    assert (ErrorType.SKU_NOT_FOUND, "NOPE") in found


def test_an_email_of_no_shape_is_told(company: Books) -> None:
    """What is no address is not sent as one."""
    one = sale(customer=Customer("77", "Ada", "Byron", "ada at example"))
    assert [kind for kind, _ in company.stops(one)] == [ErrorType.CUSTOMER_INVALID]


def test_a_customer_is_known_by_email_in_any_case(company: Books) -> None:
    """No second customer is made."""
    known = company.customer("ADA@Example.com", "Somebody")
    created = company.create(sale())
    assert company.row("Invoice", created.destination_id)["CustomerRef"]["value"] == known


def test_several_customers_of_one_email_are_a_conflict(company: Books) -> None:
    """Nobody picks."""
    company.customer(name="One")
    company.customer(name="Two")
    assert company.stops(sale()) == [(ErrorType.CONFLICT, EMAIL)]


def test_an_inactive_customer_is_told(company: Books) -> None:
    """It is not made a second time under the same e-mail."""
    company.customer(Active=False)
    assert company.stops(sale()) == [(ErrorType.CUSTOMER_INACTIVE, EMAIL)]


def test_a_customer_of_another_currency_is_told(company: Books) -> None:
    """QuickBooks bills a customer in one currency only."""
    company.customer(CurrencyRef={"value": "EUR"})
    assert company.stops(sale()) == [(ErrorType.CURRENCY_UNSUPPORTED, "USD")]


def test_a_new_customer_is_made_once(company: Books) -> None:
    """The second document finds it by e-mail, even when nothing is remembered."""
    company.create(sale())
    company.mappings.kept.clear()
    company.create(sale(number="INV-1002", source_id="502"), FOREIGN)
    made = list(company.company.rows["Customer"].values())
    assert [one["DisplayName"] for one in made] == ["Engines"]


def test_a_claimed_customer_is_waited_for(company: Books) -> None:
    """While another thread makes the customer, this document waits."""
    company.mappings.claim("customer", f"USD:{EMAIL}")
    company.destination.blockers(sale())
    with pytest.raises(TryLater) as error:
        company.send(sale())
    assert error.value.failure.error_type is ErrorType.STALE


def test_a_taken_name_of_the_same_person_is_reused(company: Books) -> None:
    """6240 while somebody else just made the customer: the same e-mail is the same person."""
    company.destination.blockers(sale())
    known = company.customer()
    created = company.send(sale())
    assert isinstance(created, Created)
    assert company.row("Invoice", created.destination_id)["CustomerRef"]["value"] == known


def test_a_taken_name_of_somebody_else_is_a_conflict(company: Books) -> None:
    """6240 with another e-mail needs a person; nothing is booked, and a retry may try again."""
    other = company.customer("grace@example.com")
    for _ in range(2):
        company.destination.blockers(sale())
        with pytest.raises(FixData) as error:
            company.send(sale())
        assert error.value.failure.error_type is ErrorType.NAME_CONFLICT
    company.company.rows["Customer"][other]["DisplayName"] = "Other Engines"
    company.create(sale())


def test_a_lost_customer_is_found_by_the_next_try(company: Books) -> None:
    """The customer may have been made: nothing is made again before a look."""
    path = INVOICES.replace("invoice", "customer")
    company.fault(method="POST", path=path, fault="drop_after")
    company.destination.blockers(sale())
    with pytest.raises(TryLater):
        company.send(sale())
    company.create(sale())
    assert len(company.company.rows["Customer"]) == 1


@pytest.mark.parametrize("change", ["gone", "inactive"])
def test_an_item_that_is_gone_is_forgotten(company: Books, change: str) -> None:
    """2500 or 610 names the item; the next look finds what there is now."""
    company.destination.blockers(sale())
    items = company.company.rows["Item"]
    known = next(iter(items))
    if change == "gone":
        del items[known]
    else:
        items[known]["Active"] = False
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    expected = ErrorType.SKU_NOT_FOUND if change == "gone" else ErrorType.ITEM_INACTIVE
    assert outcome.failure.error_type is expected
    company.item(Name="Widget again")
    company.create(sale())


def test_a_customer_that_is_gone_is_forgotten(company: Books) -> None:
    """2500 names CustomerRef; the next try makes or finds another."""
    company.mappings.put("customer", f"USD:{EMAIL}", "987")
    company.destination.blockers(sale())
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.CUSTOMER_INVALID
    company.create(sale())


def test_a_charge_whose_item_is_inactive_now_is_looked_up_again(company: Books) -> None:
    """A refusal forgets the item of a charge like that of a line."""
    company.company.allows_shipping = False
    old = company.item("SHIP", Name="Shipping")
    one = sale(charges=[charge()], total="215")
    company.destination.blockers(one)
    company.company.rows["Item"][old] |= {"Active": False, "Name": "Shipping (deleted)"}
    assert isinstance(company.send(one), Rejected)
    assert (ErrorType.SKU_NOT_FOUND, "Shipping") in company.stops(one)


def test_each_charge_has_the_item_of_its_own_name(company: Books) -> None:
    """A fee is not booked as shipping."""
    company.company.allows_shipping = False
    items = [company.item("S", Name="Shipping"), company.item("F", Name="Fee")]
    charges = [charge(), replace(charge("5"), name="Fee")]
    created = company.create(sale(charges=charges, total="220"))
    rows = company.row("Invoice", created.destination_id)["Line"][1:3]
    assert [one["SalesItemLineDetail"]["ItemRef"]["value"] for one in rows] == items
