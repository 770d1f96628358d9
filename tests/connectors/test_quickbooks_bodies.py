"""What QuickBooks is sent for a document, and that it books exactly the total we expect."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.quickbooks import Company
from sync.connectors.base import Parent
from sync.connectors.quickbooks_bodies import body_of, number_for, request_id_of, sum_of
from sync.connectors.quickbooks_facts import Facts
from sync.documents import Charge, Document, Kind, Line
from sync.money import Money
from tests.builders import document
from tests.connectors.facts import US

KEY = "v1:hubspot:77:invoice:123"
CODES = {Decimal(0): "1", Decimal(5): "2", Decimal(20): "3"}
GB = replace(US, country="GB", currency="GBP", codes=CODES)


def line(price: str, quantity: str = "1", discount: str = "0", percent: str = "0") -> Line:
    """Return a line of the item 7."""
    figures = (Decimal(one) for one in (quantity, price, discount, percent))
    return Line("Widget", "ABC-1", *figures)


def sale(*lines: Line, tax: str = "0", **changed: Any) -> Document:
    """Return a sale of these lines in dollars."""
    money = Money.of(tax, "USD")
    return replace(document("123", number="4711"), lines=lines, tax=money, total=money, **changed)


def body(one: Document, facts: Facts = US, parent: Parent | None = None) -> dict[str, Any]:
    """Return what is sent for a document to the customer 58."""
    charged = {charge.name: "SHIPPING_ITEM_ID" for charge in one.charges}
    return body_of(KEY, one, parent, "58", {"ABC-1": "7"}, facts, charges=charged)


def booked(sent: dict[str, Any], facts: Facts) -> Decimal:
    """Return the total that a company makes of what it was sent."""
    company = Company(country=facts.country, currency="USD")
    company.rows["Customer"]["58"] = {"Id": "58", "DisplayName": "Ada"}
    company.rows["Item"]["7"] = {"Id": "7", "Name": "Widget"}
    for percent, code in CODES.items():
        company.rows["TaxRate"][code] = {"Id": code, "RateValue": str(percent)}
        rates = {"TaxRateDetail": [{"TaxRateRef": {"value": code}}]}
        company.rows["TaxCode"][code] = {"Id": code, "SalesTaxRateList": rates}
    return Decimal(str(company.save("Invoice", sent)["TotalAmt"]))


@pytest.mark.parametrize(
    ("called", "number"),
    [
        ("4711", "HS-4711"),
        ("N" * 18, "HS-" + "N" * 18),
        ("N" * 19, "HS-NNNNNNNNN-f0c9c4a4"),
        ("N" * 21, "HS-NNNNNNNNN-f0c9c4a4"),
        ("N" * 22, "HS-NNNNNNNNN-f0c9c4a4"),
    ],
)
def test_a_number_is_ours_and_at_most_21_characters_long(called: str, number: str) -> None:
    """What fits stands whole behind the prefix, what is longer ends in a hash of the key."""
    made = number_for(KEY, sale(number=called))
    assert made == number
    assert len(made) <= 21


def test_documents_with_long_numbers_do_not_share_one() -> None:
    """The hash is that of the key, so numbers that begin alike stay apart."""
    long = sale(number="N" * 30)
    assert number_for(KEY, long) != number_for(KEY + "4", long)


def test_a_return_is_numbered_apart_from_its_sale() -> None:
    """HubSpot's voided invoice keeps its number; the credit memo has one of its own."""
    assert number_for(KEY, sale(kind=Kind.RETURN)) == "HS-R-4711"


def test_a_request_id_is_that_of_the_payload() -> None:
    """The same payload is repeated under the same id, a changed one goes under another."""
    one, other = body(sale(line("100"))), body(sale(line("101")))
    assert request_id_of(KEY, one) == request_id_of(KEY, dict(one))
    assert request_id_of(KEY, one) != request_id_of(KEY, other)
    assert request_id_of(KEY, one) != request_id_of(KEY + "4", one)
    assert len(request_id_of(KEY, one)) <= 50


def test_the_note_holds_the_key_and_names_the_sale() -> None:
    """The whole key stands on a line of its own; a credit refers to its invoice."""
    credit = sale(line("100"), kind=Kind.RETURN)
    sent = body(credit, parent=Parent("145", "HS-4711"))
    assert sent["PrivateNote"].splitlines()[:2] == [f"invsync {KEY}", "Credit of invoice HS-4711"]
    assert sent["InvoiceRef"] == {"value": "145"}
    refund = body(replace(credit, refunded=True), parent=Parent("145", "HS-4711"))
    assert "InvoiceRef" not in refund, "a refund receipt knows no such field"


def test_lines_of_the_united_states_say_only_whether_they_are_taxed() -> None:
    """The tax is told in all, so QuickBooks books the cents that the source charged."""
    sent = body(sale(line("100", percent="8.25"), line("10"), tax="8.25"))
    codes = [one["SalesItemLineDetail"]["TaxCodeRef"]["value"] for one in sent["Line"]]
    assert codes == ["TAX", "NON"]
    assert sent["TxnTaxDetail"] == {"TotalTax": 8.25}
    assert "GlobalTaxCalculation" not in sent


def test_lines_elsewhere_name_the_code_of_their_percent() -> None:
    """The company's own code stands on each line, and amounts are without tax."""
    sent = body(sale(line("100", percent="20"), line("10", percent="5"), tax="20.50"), GB)
    codes = [one["SalesItemLineDetail"]["TaxCodeRef"]["value"] for one in sent["Line"]]
    assert codes == ["3", "2"]
    assert sent["GlobalTaxCalculation"] == "TaxExcluded"
    assert "TxnTaxDetail" not in sent


def test_discounts_become_one_line() -> None:
    """Line discounts and the document's own are one amount after the items, taken off first."""
    sent = body(sale(line("100", "3", "10"), line("50"), discount=Decimal("5.50")))
    assert [one["Amount"] for one in sent["Line"]] == [300.0, 50.0, 15.5]
    assert sent["Line"][2]["DiscountLineDetail"] == {"PercentBased": False}
    assert sent["ApplyTaxAfterDiscount"] is True


def test_line_discounts_stand_in_the_price_where_percents_differ() -> None:
    """One discount line would be spread over both percents; net prices keep each line's tax."""
    lines = (line("100", "3", "10", "20"), line("50", percent="5"))
    sent = body(sale(*lines, tax="60.50"), GB)
    assert [one["Amount"] for one in sent["Line"]] == [290.0, 50.0]
    assert sent["Line"][0]["SalesItemLineDetail"]["UnitPrice"] == 96.6666667
    assert booked(sent, GB) == Decimal("400.50")


def test_charges_stand_under_their_own_items() -> None:
    """Shipping and a fee are two lines with an item each."""
    charges = [Charge(name, Decimal(5), Decimal(0)) for name in ("Shipping", "Fee")]
    items = {"Shipping": "SHIPPING_ITEM_ID", "Fee": "9"}
    one = sale(line("100"), charges=charges)
    sent = body_of(KEY, one, None, "58", {"ABC-1": "7"}, US, charges=items)
    refs = [each["SalesItemLineDetail"]["ItemRef"]["value"] for each in sent["Line"]]
    assert refs == ["7", "SHIPPING_ITEM_ID", "9"]


cents = st.decimals("0.01", "9999.99", places=2)
sold = st.builds(
    lambda price, quantity, share, percent: Line(
        "Widget", "ABC-1", quantity, price, (price * quantity * share / 100), percent
    ),
    st.decimals("0.0001", "9999.9999", places=4),
    st.decimals("0.01", "500", places=2),
    st.integers(0, 50),
    st.sampled_from(sorted(CODES)),
)
charged = st.lists(
    st.builds(Charge, st.just("Shipping"), cents, st.sampled_from(sorted(CODES))), max_size=1
)


@given(
    lines=st.lists(sold, min_size=1, max_size=5),
    charges=charged,
    tax=cents,
    share=st.integers(0, 40),
    facts=st.sampled_from([US, GB]),
)
def test_quickbooks_books_the_sum_that_was_expected(
    lines: list[Line], charges: list[Charge], tax: Decimal, share: int, facts: Facts
) -> None:
    """Whatever the lines, discounts and percents: no line is refused and the total is as said."""
    net = sum((one.unit_price * one.quantity - one.discount for one in lines), Decimal(0))
    off = (net * share / 100).quantize(Decimal("0.01"))
    one = sale(*lines, tax=str(tax), charges=charges, discount=off)
    assert booked(body(one, facts), facts) == sum_of(one, facts).amount
