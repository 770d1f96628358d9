"""What HubSpot is sent for a sale, and that it bills exactly the sale's total."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.connectors.hubspot_bodies import billed_of, items_of, text_of
from sync.documents import Charge, Document, Line
from sync.errors import ErrorType, FixData
from sync.money import Money, rounded
from tests.builders import document

KEY = "v1:quickbooks:310687:invoice:145"
PRODUCTS = {"ABC-1": "777"}


def sale(lines: list[Line], tax: str, total: str, currency: str = "USD") -> Document:
    """Return a sale with these lines."""
    money = Money.of(total, currency)
    return replace(document(), lines=lines, tax=Money.of(tax, currency), total=money)


def line(price: str, quantity: str = "1", discount: str = "0", percent: str = "0") -> Line:
    """Return a line."""
    figures = (Decimal(one) for one in (quantity, price, discount, percent))
    return Line("Widget", "ABC-1", *figures)


def billed(items: list[dict[str, str]], currency: str = "USD") -> Money:
    """Return what HubSpot bills for the items."""
    return Money.of(sum((billed_of(one, currency) for one in items), Decimal(0)), currency)


def test_a_line_names_its_product_and_its_price() -> None:
    """All values are texts; the line's key is ours with its place."""
    (item,) = items_of(KEY, sale([line("100", "2")], "0", "200"), PRODUCTS)
    assert item == {
        "name": "Widget",
        "hs_sku": "ABC-1",
        "hs_product_id": "777",
        "quantity": "2",
        "price": "100",
        "discount": "0",
        "hs_line_item_currency_code": "USD",
        "invsync_line_key": f"{KEY}#1",
    }


def test_a_discount_is_told_per_unit() -> None:
    """Ten off three units is a third of it each, and the line bills what it should."""
    (item,) = items_of(KEY, sale([line("100", "3", "10")], "0", "290"), PRODUCTS)
    assert item["discount"] == "3.333333"
    assert billed([item]) == Money.of("290", "USD")


def test_a_discount_of_the_whole_document_is_spread_over_its_lines() -> None:
    """No unit of it is lost between the lines."""
    one = replace(sale([line("100"), line("50", "2")], "0", "190.01"), discount=Decimal("9.99"))
    items = items_of(KEY, one, PRODUCTS)
    assert [item["discount"] for item in items] == ["5", "2.495"]
    assert billed(items) == one.total


def test_charges_and_tax_are_lines_without_a_sku() -> None:
    """Shipping and the tax stand as line items of their own."""
    one = sale([line("100", percent="15")], "16.50", "126.50")
    one = replace(one, charges=[Charge("Shipping", Decimal(10), Decimal(15))])
    items = items_of(KEY, one, PRODUCTS)
    assert [(item["name"], item["price"], "hs_sku" in item) for item in items] == [
        ("Widget", "100", True),
        ("Shipping", "10", False),
        ("Tax", "16.5", False),
    ]
    assert [item["invsync_line_key"].split("#")[1] for item in items] == ["1", "charge-1", "tax"]


def test_the_tax_takes_up_what_rounding_leaves() -> None:
    """Net prices out of a gross total round to a cent more: the tax line is a cent less."""
    prices = [line("8.695652", percent="15")] * 3
    items = items_of(KEY, sale(prices, "3.91", "30"), PRODUCTS)
    assert billed(items) == Money.of("30", "USD")
    assert items[-1]["price"] == "3.9"


@pytest.mark.parametrize(("tax", "total"), [("0", "100.01"), ("15", "115.02"), ("15", "99")])
def test_a_sum_that_is_not_explained_is_not_sent(tax: str, total: str) -> None:
    """More than rounding is nobody's tax."""
    with pytest.raises(FixData) as error:
        items_of(KEY, sale([line("100", percent="15")], tax, total), PRODUCTS)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+2", "100"), ("10.50", "10.5"), ("0.000001", "0.000001"), ("-0.0", "0"), ("0", "0")],
)
def test_numbers_are_plain_digits(number: str, text: str) -> None:
    """No exponent and no idle zero reaches HubSpot."""
    assert text_of(Decimal(number)) == text


amounts = st.decimals(min_value=1, max_value=9999, places=2)


@given(
    st.lists(st.tuples(amounts, st.integers(1, 999), st.integers(0, 100)), min_size=1, max_size=8),
    st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_whatever_the_lines_the_total_is_billed(
    figures: list[tuple[Decimal, int, int]], currency: str
) -> None:
    """Prices, quantities and discounts of any size are billed to the minor unit."""
    lines, total = [], Decimal(0)
    for price, quantity, off in figures:
        gross = rounded(price, currency) * quantity
        discount = rounded(gross * off / 100, currency)
        lines.append(line(str(rounded(price, currency)), str(quantity), str(discount)))
        total += gross - discount
    items = items_of(KEY, sale(lines, "0", str(total), currency), PRODUCTS)
    assert billed(items, currency) == Money.of(total, currency)
