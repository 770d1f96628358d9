"""How a transaction of QuickBooks is read, whatever its company's taxes and habits."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sync.connectors.fields import Fields
from sync.connectors.quickbooks_facts import Facts
from sync.connectors.quickbooks_reading import customer_of, document_of, header_of, status_of
from sync.documents import COPIED, Customer, Document, Header, Kind, Order
from sync.errors import ErrorType, FixData
from sync.money import Money
from tests.connectors.facts import US

PERCENTS = {"1": Decimal(0), "3": Decimal(20), "4": Decimal(5)}
GB = replace(US, country="GB", currency="GBP", percents=PERCENTS)
ORDER = Order("145", "1043", "open", None)
NOBODY = Customer("58", "Ada", "", None)


def sold(amount: float, code: str | None = "NON", item: str = "7", **detail: Any) -> dict[str, Any]:
    """Return a line that sells an item."""
    given = {"ItemRef": {"value": item}, **({"TaxCodeRef": {"value": code}} if code else {})}
    kind = "SalesItemLineDetail"
    return {"Amount": amount, "DetailType": kind, kind: {**given, **detail}}


def off(amount: float) -> dict[str, Any]:
    """Return a discount line."""
    kind = "DiscountLineDetail"
    return {"Amount": amount, "DetailType": kind, kind: {"PercentBased": False}}


def invoice(*lines: dict[str, Any], total: float, tax: float = 0, **more: Any) -> dict[str, Any]:
    """Return an invoice as the API tells it."""
    return {
        "Id": "145",
        "DocNumber": "1043",
        "TxnDate": "2026-11-20",
        "CurrencyRef": {"value": "USD"},
        "CustomerRef": {"value": "58", "name": "Ada"},
        "Line": [*lines, {"Amount": 1, "DetailType": "SubTotalLineDetail"}],
        "TxnTaxDetail": {"TotalTax": tax},
        "TotalAmt": total,
        "Balance": total,
        **more,
    }


def read(row: dict[str, Any], facts: Facts = US) -> Document:
    """Return the document."""
    fields = Fields("QuickBooks' Invoice 145", row)
    return document_of("145", "Invoice", fields, NOBODY, ORDER, {"7": "ABC-1"}, facts)


def header(entity: str, row: dict[str, Any]) -> Header | None:
    """Return the header of a row in a company that counts in pounds."""
    return header_of(entity, Fields(f"QuickBooks' {entity}", row), "http://page", "GBP")


def test_items_shipping_and_discount_are_told_apart() -> None:
    """Subtotals and descriptions are nothing; a bundle is what is in it."""
    bundle = {"Line": [sold(30, Qty=3)]}
    lines = [
        sold(200, Qty=2, UnitPrice=100),
        {"DetailType": "GroupLineDetail", "GroupLineDetail": bundle},
        {"DetailType": "DescriptionOnly", "Description": "Thank you"},
        sold(15, item="SHIPPING_ITEM_ID"),
        off(20),
    ]
    one = read(invoice(*lines, total=225))
    assert [(each.sku, each.quantity, each.unit_price) for each in one.lines] == [
        ("ABC-1", Decimal(2), Decimal(100)),
        ("ABC-1", Decimal(3), Decimal(10)),
    ]
    assert [each.amount for each in one.charges] == [Decimal(15)]
    assert (one.discount, one.total) == (Decimal(20), Money.of("225", "USD"))


def test_taxes_of_the_united_states_are_the_rates_together() -> None:
    """State and county make one percent of the lines that are taxed."""
    rates = [{"TaxLineDetail": {"TaxPercent": percent}} for percent in (6.25, 2)]
    given = {"TotalTax": 8.25, "TaxLine": rates}
    row = invoice(sold(100, "TAX"), sold(50), total=158.25, tax=8.25, TxnTaxDetail=given)
    assert [each.tax_percent for each in read(row).lines] == [Decimal("8.25"), Decimal(0)]


@pytest.mark.parametrize(("first", "tax"), [(True, 7.2), (False, 8)])
def test_a_tax_without_rates_is_what_it_makes_of_the_lines(*, first: bool, tax: float) -> None:
    """8 % of 90 where the discount was taken off first, else of 100."""
    lines, total = (sold(100, "TAX"), off(10)), 90 + tax
    row = invoice(*lines, total=total, tax=tax, ApplyTaxAfterDiscount=first)
    assert [each.tax_percent for each in read(row).lines] == [Decimal(8)]


def test_codes_tell_the_percents_elsewhere() -> None:
    """Each line's code is one of the company's."""
    row = invoice(sold(100, "3"), sold(100, "4"), total=225, tax=25)
    assert [each.tax_percent for each in read(row, GB).lines] == [Decimal(20), Decimal(5)]


def test_a_code_that_nobody_knows_is_told() -> None:
    """A percent is never guessed."""
    with pytest.raises(FixData) as error:
        read(invoice(sold(100, "99"), total=120, tax=20), GB)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.TAX_NOT_MAPPED, "99")


@pytest.mark.parametrize(
    ("amounts", "discount"), [((120, 105), 22.5), ((100, 100), 20)], ids=["gross", "net"]
)
def test_amounts_with_their_tax_become_net(amounts: tuple[float, float], discount: float) -> None:
    """A tax-inclusive company may write lines and discount with their tax or without it."""
    lines = [sold(amounts[0], "3"), sold(amounts[1], "4"), off(discount)]
    row = invoice(*lines, total=202.5, tax=22.5, GlobalTaxCalculation="TaxInclusive")
    one = read(row, GB)
    assert [each.unit_price for each in one.lines] == [Decimal(100), Decimal(100)]
    assert round(one.discount, 6) == Decimal(20)


def test_a_sum_that_does_not_agree_is_told() -> None:
    """What the lines make must be what the document says, but for a cent a line."""
    assert read(invoice(sold(100), total=100.02)).total == Money.of("100.02", "USD")
    with pytest.raises(FixData) as error:
        read(invoice(sold(100), total=100.03))
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH


def test_a_company_of_one_currency_need_not_name_it() -> None:
    """Its own is meant, in lists as in documents."""
    row = invoice(sold(100, "1"), total=100)
    del row["CurrencyRef"]
    assert read(row, GB).total == Money.of("100", "GBP")
    told = header("Invoice", row)
    assert told is not None
    assert told.total == Money.of("100", "GBP")


def test_a_credit_belongs_to_the_invoice_that_it_names() -> None:
    """Linked or referred to; number and state of that sale are not in the list."""
    link = {
        "LinkedTxn": [{"TxnType": "Payment", "TxnId": "9"}, {"TxnType": "Invoice", "TxnId": "7"}]
    }
    for more in (link, {"InvoiceRef": {"value": "7"}}):
        told = header("CreditMemo", invoice(total=10, **more))
        assert told is not None
        assert (told.source_id, told.order_id, told.order) == ("creditmemo-145", "7", None)


def test_a_credit_that_names_no_invoice_stands_alone() -> None:
    """It is its own order, so that people see it and read why it stops."""
    told = header("RefundReceipt", invoice(total=10))
    assert told is not None
    assert (told.kind, told.order_id) == (Kind.RETURN, "refundreceipt-145")
    assert told.order is not None
    assert told.order.number == "1043"


def test_the_state_of_a_sale() -> None:
    """Open and paid by the balance; voided by its note; ours by its key, also when voided."""
    ours = "invsync v1:hubspot:77:invoice:1"
    rows = {
        "open": invoice(total=10),
        "paid": invoice(total=10, Balance=0),
        "voided": invoice(total=0, PrivateNote="Voided\nnote"),
        "deleted": {"Id": "145", "status": "Deleted"},
        COPIED: invoice(total=0, PrivateNote=f"Voided\n{ours}"),
    }
    assert [status_of(Fields("row", row)) for row in rows.values()] == list(rows)


def test_the_bills_own_address_comes_first() -> None:
    """Where people wrote several addresses into one field, the first counts."""
    primary = {"PrimaryEmailAddr": {"Address": "ada@example.com; office@example.com"}}
    customer = Fields("customer", {"Id": "58", "DisplayName": "Ada", **primary})
    billed = invoice(total=1, BillEmail={"Address": "ap@example.com, x@example.com"})
    for row, email in ((billed, "ap@example.com"), (invoice(total=1), "ada@example.com")):
        assert customer_of(Fields("row", row), customer, None).email == email
