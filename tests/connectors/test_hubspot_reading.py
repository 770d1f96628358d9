"""How a HubSpot invoice is read, without a server."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from sync.connectors.fields import Fields
from sync.connectors.hubspot_reading import (
    associated,
    customer_of,
    document_of,
    product_ids,
    tax_groups,
)
from sync.connectors.hubspot_shapes import Credit, credits_of, header_of
from sync.documents import Document, Kind
from sync.errors import ErrorType, FixData
from sync.money import Money

RATES = {"8": Decimal("7.25")}


def invoice(billed: str, **given: Any) -> Fields:
    """Return an open invoice."""
    properties = {
        "hs_number": "INV-1001",
        "hs_invoice_status": "open",
        "hs_invoice_date": "2026-11-20T00:00:00Z",
        "hs_currency": "USD",
        "hs_amount_billed": billed,
        **given,
    }
    return Fields("HubSpot's invoice 7", {"id": "7", "properties": properties})


def item(one: str = "1", **given: str | None) -> Fields:
    """Return a line item at 100 dollars."""
    properties = {"name": "Widget", "hs_sku": "A", "quantity": "1", "price": "100", **given}
    return Fields("HubSpot's line item", {"id": one, "properties": properties})


def read(one: Fields, *items: Fields, skus: Mapping[str, str] | None = None) -> Document:
    """Return the document."""
    customer = customer_of(None, one, None)
    return document_of(one, items, customer, skus or {}, RATES, "http://7", Kind.INVOICE)


def test_a_tax_of_the_library_has_the_librarys_percent() -> None:
    """Its amount is HubSpot's where it is told, else what the percent makes of the line."""
    group = {"hs_tax_rate_group_id": "8"}
    one = read(invoice("214.50"), item(**group), item("2", hs_tax_amount="7.25", **group))
    assert [line.tax_percent for line in one.lines] == [Decimal("7.25"), Decimal("7.25")]
    assert one.tax == Money.of("14.50", "USD")


@pytest.mark.parametrize(
    ("price", "tax", "percent"),
    [("100", "15", "15"), ("0.33", "0.05", "15"), ("100", "7.25", "7.25"), ("50", "0", "0")],
)
def test_a_tax_that_is_told_as_an_amount_has_the_roundest_percent(
    price: str, tax: str, percent: str
) -> None:
    """Five cents of 33 are 15 percent, not 15.15."""
    billed = str(Decimal(price) + Decimal(tax))
    one = read(invoice(billed), item(price=price, hs_tax_amount=tax))
    assert one.lines[0].tax_percent == Decimal(percent)


def test_hubspots_own_rounding_of_a_discount_holds() -> None:
    """Half a cent that HubSpot rounds otherwise is no mismatch."""
    off = item(price="10.05", hs_discount_percentage="50", amount="5.03")
    assert read(invoice("5.03"), off).lines[0].discount == Decimal("5.02")
    alone = item(price="10.05", hs_discount_percentage="50")
    assert read(invoice("5.02"), alone).lines[0].discount == Decimal("5.03")


def test_lines_come_in_their_order() -> None:
    """By place, else by age."""
    names = [item("10", name="c"), item("9", name="b"), item("11", name="a")]
    one = read(invoice("300"), *names)
    assert [line.name for line in one.lines] == ["b", "c", "a"]
    placed = [item("9", name="b", hs_position_on_quote="2"), item("10", hs_position_on_quote="1")]
    assert [line.name for line in read(invoice("200"), *placed).lines] == ["Widget", "b"]


def test_empty_texts_are_nothing() -> None:
    """HubSpot tells an emptied property as null or as an empty text."""
    empty = item(discount="", hs_discount_percentage=None, hs_sku="", hs_product_id="5")
    assert read(invoice("100"), empty, skus={"5": "B"}).lines[0].sku == "B"
    assert product_ids([empty, item(hs_product_id="6")]) == ["5"]
    assert tax_groups([empty, item(hs_tax_rate_group_id="8")]) == ["8"]


@pytest.mark.parametrize("missing", ["hs_amount_billed", "hs_currency", "hs_invoice_date"])
def test_what_is_missing_is_named(missing: str) -> None:
    """An invoice that cannot be understood says why, and is never guessed."""
    with pytest.raises(FixData) as error:
        read(invoice("100", **{missing: None}), item())
    assert missing in error.value.failure.reason


def linked(results: list[dict[str, str]], name: str = "line items", **more: Any) -> Fields:
    """Return an invoice with associations."""
    associations = {name: {"results": results, **more}}
    return Fields("HubSpot's invoice 7", {"id": "7", "associations": associations})


def test_associations_come_once_each_the_primary_first() -> None:
    """Line items are spelt with a blank, a labelled pair comes twice."""
    several = [
        {"id": "10", "type": "invoice_to_line_item"},
        {"id": "9", "type": "invoice_to_line_item"},
        {"id": "10", "type": "labelled"},
    ]
    assert associated(linked(several), "line_items") == ["9", "10"]
    assert associated(linked(several, "line_items"), "line_items") == ["9", "10"]
    primary = [*several, {"id": "11", "type": "primary_contact"}]
    assert associated(linked(primary, "contacts"), "contacts") == ["11", "9", "10"]
    assert associated(linked([]), "contacts") == []


def test_more_associations_than_one_answer_holds_are_told() -> None:
    """Part of the lines is never taken for all of them."""
    with pytest.raises(FixData) as error:
        associated(linked([], paging={"next": {"after": "100"}}), "line_items")
    assert error.value.failure.error_type is ErrorType.FIELD_INVALID


def test_credits_survive_what_people_type() -> None:
    """A number with a bar or a line break, and a remark between the lines, break nothing."""
    odd = Credit("v1:q:1:return:creditmemo-1", "A|1\n2", Money.of("5", "USD"))
    written = f"{odd}\nasked by Bo\n\n{Credit('v1:q:1:return:x', '', Money.of('1.5', 'KWD'))}"
    first, second = credits_of(invoice("1", invsync_credit_refs=written))
    assert (first.key, first.number, first.total) == (odd.key, "A 1 2", Money.of("5", "USD"))
    assert (second.number, second.total) == ("", Money.of("1.500", "KWD"))


def test_a_status_that_is_new_to_us_is_no_document() -> None:
    """Only what is known to be open, paid or voided is listed."""
    assert header_of(invoice("1", hs_invoice_status="processing"), "u") is None
    assert header_of(invoice("1", hs_invoice_status=None), "u") is None
    assert header_of(invoice("1", hs_invoice_status="paid"), "u") is not None
