"""QuickBooks as a source: which documents there are, what they say, and what changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.quickbooks import SHIPPING
from sync.documents import COPIED, Header, Kind
from sync.errors import ErrorType, Failure, FixData, TryLater
from sync.money import Money
from tests.connectors.company import DAY, EMAIL, KEY, Books, books

LONG_AGO = date(2020, 1, 1)


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US with one customer."""
    with books() as opened:
        opened.customer(GivenName="Ada", FamilyName="Byron", CompanyName="Engines Ltd")
        yield opened


@pytest.fixture
def british() -> Iterator[Books]:
    """Start a company that taxes by codes, with one customer."""
    with books(country="GB", currency="GBP") as opened:
        opened.customer(CurrencyRef={"value": "GBP"})
        yield opened


def recently() -> datetime:
    """Return an hour ago."""
    return datetime.now(UTC) - timedelta(hours=1)


def linked(sale: str) -> dict[str, Any]:
    """Return what ties a credit to its invoice."""
    return {"LinkedTxn": [{"TxnId": sale, "TxnType": "Invoice"}]}


def ids(headers: Iterator[Header]) -> list[str]:
    """Return the source ids."""
    return [one.source_id for one in headers]


def many(company: Books, count: int) -> list[str]:
    """Add invoices to the books at once; returns their ids."""
    given = {"CustomerRef": {"value": next(iter(company.company.rows["Customer"]))}}
    added = (company.company.add("Invoice", **given, Line=[company.sold()]) for _ in range(count))
    return [str(one["Id"]) for one in added]


def refused(company: Books, source_id: str) -> Failure:
    """Return why a document cannot be read."""
    with pytest.raises(FixData) as error:
        company.source.read(source_id)
    return error.value.failure


def discount(amount: float, **detail: Any) -> dict[str, Any]:
    """Return a discount's line."""
    kind = "DiscountLineDetail"
    return {"Amount": amount, "DetailType": kind, kind: {"PercentBased": False, **detail}}


def test_an_invoice_is_read_whole(company: Books) -> None:
    """Lines with their SKUs, the customer, the sale as its own order, and dates."""
    number = company.bill(DocNumber="1043", DueDate="2026-12-20")
    one = company.source.read(number)
    assert (one.kind, one.number, one.issued, one.due) == (
        Kind.INVOICE,
        "1043",
        DAY,
        date(2026, 12, 20),
    )
    assert (one.order.id, one.order.number, one.order.status) == (number, "1043", "open")
    assert [(line.sku, line.quantity, line.unit_price) for line in one.lines] == [
        ("ABC-1", Decimal(2), Decimal(100))
    ]
    assert (one.customer.name, one.customer.email) == ("Engines Ltd", EMAIL)
    assert one.total == Money.of("200", "USD")
    assert one.order.url == f"https://app.qbo.intuit.com/app/invoice?txnId={number}"


def test_reading_takes_three_calls(company: Books) -> None:
    """The transaction, its customer, and all its items at once; the company's facts are kept."""
    second = company.item("ABC-2", Name="Gadget")
    number = company.bill(company.sold(), company.sold(item=second))
    company.source.check()
    company.calls()
    company.source.read(number)
    assert sum(company.calls().values()) == 3


def test_the_address_of_the_bill_comes_first(company: Books) -> None:
    """Else the customer's own; with neither there is no e-mail."""
    number = company.bill(BillEmail={"Address": "bills@example.com"})
    assert company.source.read(number).customer.email == "bills@example.com"
    for row in company.company.rows["Customer"].values():
        del row["PrimaryEmailAddr"]
    assert company.source.read(company.bill()).customer.email is None


def test_taxes_and_discounts_of_the_us(company: Books) -> None:
    """The percent of what is charged stands on each taxed line; shipping is a charge."""
    shipping = company.sold(15, item=SHIPPING)
    lines = (company.sold(200, "TAX"), company.sold(100), shipping, discount(10))
    one = company.source.read(company.bill(*lines, TxnTaxDetail={"TotalTax": 16}))
    assert [line.tax_percent for line in one.lines] == [Decimal(8), Decimal(0)]
    assert [(charge.name, charge.amount) for charge in one.charges] == [("Shipping", Decimal(15))]
    assert one.discount == Decimal(10)
    assert (one.tax, one.total) == (Money.of("16", "USD"), Money.of("321", "USD"))


def test_a_discount_in_percent_is_read_as_its_amount(company: Books) -> None:
    """QuickBooks tells both."""
    lines = (company.sold(200), discount(0, PercentBased=True, DiscountPercent=10))
    one = company.source.read(company.bill(*lines))
    assert (one.discount, one.total) == (Decimal(20), Money.of("180", "USD"))


def test_bundles_are_read_as_what_they_hold(company: Books) -> None:
    """Group lines hold their items; descriptions sell nothing."""
    number = company.bill()
    inner = [company.sold(120), company.sold(80)]
    group = {"DetailType": "GroupLineDetail", "GroupLineDetail": {"Line": inner}, "Amount": 200}
    words = {"DetailType": "DescriptionOnly", "Description": "Thanks", "Amount": 0}
    company.company.rows["Invoice"][number]["Line"] = [group, words]
    one = company.source.read(number)
    assert [line.unit_price for line in one.lines] == [Decimal(60), Decimal(40)]


def test_taxes_outside_the_us_are_those_of_their_codes(british: Books) -> None:
    """Amounts without tax are net already."""
    twenty, five = british.tax(20), british.tax(5)
    lines = (british.sold(200, twenty), british.sold(100, five))
    number = british.bill(*lines, GlobalTaxCalculation="TaxExcluded")
    one = british.source.read(number)
    assert [line.tax_percent for line in one.lines] == [Decimal(20), Decimal(5)]
    assert (one.tax, one.total) == (Money.of("45", "GBP"), Money.of("345", "GBP"))


def test_amounts_that_hold_their_tax_become_net(british: Books) -> None:
    """Lines and discount of a tax-inclusive invoice are read without tax, to the same total."""
    twenty = british.tax(20)
    number = british.bill(british.sold(200, twenty))
    row = british.company.rows["Invoice"][number]
    row |= {"GlobalTaxCalculation": "TaxInclusive", "TotalAmt": 228.0}
    row["Line"] = [british.sold(240, twenty), discount(12)]
    row["TxnTaxDetail"] = {"TotalTax": 38.0}
    one = british.source.read(number)
    assert one.lines[0].unit_price == Decimal(100)
    assert one.discount == Decimal(10)
    assert one.total == Money.of("228", "GBP")


def test_sums_that_do_not_add_up_are_told(company: Books) -> None:
    """Within a cent a line it is rounding, beyond it nobody guesses."""
    number = company.bill()
    row = company.company.rows["Invoice"][number]
    row["TotalAmt"] = 200.02
    assert company.source.read(number).total == Money.of("200.02", "USD")
    row["TotalAmt"] = 200.03
    assert refused(company, number).error_type is ErrorType.AMOUNT_MISMATCH


def test_a_credit_memo_is_a_return_of_its_invoice(company: Books) -> None:
    """Its order is the sale that it is linked to."""
    sale = company.bill(DocNumber="1043")
    number = company.bill(entity="CreditMemo", DocNumber="1050", **linked(sale))
    one = company.source.read(f"creditmemo-{number}")
    assert (one.kind, one.number, one.order.id, one.order.number) == (
        Kind.RETURN,
        "1050",
        sale,
        "1043",
    )
    assert not one.refunded


def test_a_refund_receipt_is_a_return_whose_money_went_out(company: Books) -> None:
    """InvoiceRef names the sale as well as a link does."""
    bank = company.company.add("Account", Name="Checking", AccountType="Bank")["Id"]
    sale = company.bill()
    given = {"InvoiceRef": {"value": sale}, "DepositToAccountRef": {"value": bank}}
    number = company.bill(entity="RefundReceipt", **given)
    one = company.source.read(f"refundreceipt-{number}")
    assert (one.refunded, one.order.id) == (True, sale)


def test_a_credit_without_invoice_is_told(company: Books) -> None:
    """A person links it; the reason names it."""
    number = company.bill(entity="CreditMemo", DocNumber="1050")
    failure = refused(company, f"creditmemo-{number}")
    assert (failure.error_type, failure.key) == (ErrorType.FIELD_INVALID, "LinkedTxn")
    assert "1050" in failure.reason


def void(company: Books, number: str) -> None:
    """Void an invoice over the API."""
    token = company.row("Invoice", number)["SyncToken"]
    path = f"{company.base}/invoice?operation=void"
    company.staff.post(path, json={"Id": number, "SyncToken": token}).raise_for_status()


def delete(company: Books, number: str) -> None:
    """Delete an invoice over the API."""
    token = company.row("Invoice", number)["SyncToken"]
    path = f"{company.base}/invoice?operation=delete"
    company.staff.post(path, json={"Id": number, "SyncToken": token}).raise_for_status()


def test_a_voided_invoice_is_a_return_of_the_whole_sale(company: Books) -> None:
    """It only matters if the sale was booked; the sale itself is nothing to book any more."""
    number = company.bill(DocNumber="1043")
    void(company, number)
    header = next(company.source.headers(DAY))
    assert (header.source_id, header.kind, header.follows_sale) == (
        f"void-{number}",
        Kind.RETURN,
        True,
    )
    one = company.source.read(header.source_id)
    assert one.reverses_sale
    assert (one.order.status, one.total) == ("voided", Money.of(0, "USD"))
    assert refused(company, number).error_type is ErrorType.NOT_FOUND


def test_a_deleted_invoice_is_told_as_a_change(company: Books) -> None:
    """Its stub has nothing but its id, and reads as a return of the whole sale."""
    number = company.bill()
    delete(company, number)
    for stub in company.company.deleted:
        stub["TxnDate"] = None
    header = next(company.source.changes(recently(), DAY))
    assert (header.source_id, header.order_id, header.follows_sale) == (
        f"void-{number}",
        number,
        True,
    )
    one = company.source.read(header.source_id)
    assert (one.reverses_sale, one.order.status) == (True, "deleted")
    assert company.source.hinted("invoice", number)[0].source_id == f"void-{number}"


def test_a_stub_without_times_is_understood(company: Books) -> None:
    """The guide's example of a stub has no MetaData."""
    number = company.bill()
    delete(company, number)
    stub = f'{{"Id": "{number}", "status": "Deleted", "domain": "QBO"}}'
    body = f'{{"CDCResponse": [{{"QueryResponse": [{{"Invoice": [{stub}]}}]}}]}}'
    company.odd(body, "GET", "/cdc")
    assert ids(company.source.changes(recently(), DAY)) == [f"void-{number}"]


def test_an_invoice_that_is_not_voided_has_no_return(company: Books) -> None:
    """Somebody restored it before the return was read."""
    number = company.bill()
    assert refused(company, f"void-{number}").error_type is ErrorType.NOT_READY


def test_what_invsync_made_itself_does_not_go_back(company: Books) -> None:
    """Not in lists, not in changes, not by hint, not when read; its order says so."""
    number = company.bill(DocNumber="HS-1", PrivateNote=f"invsync {KEY}\nDocument 1")
    assert not ids(company.source.headers(LONG_AGO))
    assert not ids(company.source.changes(recently(), LONG_AGO))
    assert not company.source.hinted("invoice", number)
    assert refused(company, number).error_type is ErrorType.NOT_FOUND
    order = company.source.order_by_number("HS-1")
    assert order is not None
    assert order.status == COPIED


def test_the_list_is_bounded_by_both_days(company: Books) -> None:
    """Both days count."""
    for day in ("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"):
        company.bill(TxnDate=day, DocNumber=day)
    found = company.source.headers(date(2026, 11, 19), DAY)
    assert [one.number for one in found] == ["2026-11-19", "2026-11-20"]


@pytest.mark.parametrize("rows", [1000, 1001])
def test_lists_are_walked_page_by_page(company: Books, rows: int) -> None:
    """A full last page and a short one end the walk; nothing comes twice."""
    made = many(company, rows)
    assert ids(company.source.headers(LONG_AGO)) == made


def test_changes_tell_what_is_new_and_old_days_are_left_out(company: Books) -> None:
    """Documents dated before the route's first day are not told."""
    company.bill(TxnDate="2026-01-01")
    number = company.bill()
    assert ids(company.source.changes(recently(), DAY)) == [number]
    assert not ids(company.source.changes(datetime.now(UTC) + timedelta(hours=1), DAY))


def test_changes_of_more_than_30_days_are_the_list(company: Books) -> None:
    """QuickBooks tells changes for 30 days only: then everything is listed, and nothing fails."""
    number = company.bill()
    company.calls()
    long_ago = datetime.now(UTC) - timedelta(days=31)
    assert ids(company.source.changes(long_ago, DAY)) == [number]
    assert not [name for name in company.calls() if name.endswith("/cdc")]


def test_pages_that_shift_lose_nothing(company: Books) -> None:
    """A full page of changes is walked by instants: what changes meanwhile hides no other row."""
    made = many(company, 1002)
    walk = company.source.changes(recently(), LONG_AGO)
    first = next(walk).source_id
    row = {**company.row("Invoice", first), "DueDate": "2026-12-24"}
    company.staff.post(f"{company.base}/invoice", json=row).raise_for_status()
    assert set(made) == {first, *ids(walk)}


def test_many_rows_of_one_instant_are_all_told(company: Books) -> None:
    """An import stamps all rows alike: the walk goes on by position within the instant."""
    made = many(company, 2001)
    moment = company.row("Invoice", made[0])["MetaData"]
    for row in company.company.rows["Invoice"].values():
        row["MetaData"] = moment
    assert ids(company.source.changes(recently(), LONG_AGO)) == made


def test_a_sale_and_its_partial_returns_belong_together(company: Books) -> None:
    """Credits of the same customer's other sales are left out."""
    sale, other = company.bill(DocNumber="1"), company.bill(DocNumber="2")
    half = company.sold(100, quantity=1)
    mine = company.bill(half, entity="CreditMemo", DocNumber="C1", **linked(sale))
    company.bill(half, entity="CreditMemo", DocNumber="C2", **linked(other))
    found = company.source.headers_of(company.source.order(sale))
    assert [one.source_id for one in found] == [sale, f"creditmemo-{mine}"]
    assert found[1].total == Money.of("100", "USD")
    assert found[1].order_id == sale


def test_orders_are_found_by_exact_number_or_id(company: Books) -> None:
    """Leading zeros count; a credit's number finds its sale."""
    sale = company.bill(DocNumber="01043")
    company.bill(entity="CreditMemo", DocNumber="C-1", **linked(sale))
    for called in ("01043", "C-1", sale):
        order = company.source.order_by_number(called)
        assert order is not None
        assert (order.id, order.number) == (sale, "01043")
    assert company.source.order_by_number("1043") is None
    assert company.source.order_by_number("O'Neil") is None


def test_hints_are_read_anew(company: Books) -> None:
    """A credit's hint gives the credit; one about a customer gives nothing."""
    sale = company.bill()
    number = company.bill(entity="CreditMemo", DocNumber="C-1", **linked(sale))
    assert company.source.hinted("creditmemo", number)[0].source_id == f"creditmemo-{number}"
    assert not company.source.hinted("customer", "1")
    assert not company.source.hinted("creditmemo", "9999")


def test_a_paid_invoice_says_so(company: Books) -> None:
    """Its balance is nothing."""
    assert company.source.order(company.bill(Paid=True)).status == "paid"


def test_a_slower_pace_is_waited_for(company: Books) -> None:
    """429 promises no Retry-After: a minute then."""
    company.fault(method="GET", path="/v3/company", fault="status", status=429)
    with pytest.raises(TryLater) as error:
        company.source.read("1")
    assert error.value.wait == timedelta(seconds=60)
