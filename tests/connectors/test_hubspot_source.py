"""HubSpot as a source, against the stand-in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sync.connectors.hubspot import OVERLAP
from sync.documents import COPIED, Kind, Line
from sync.errors import ErrorType, FixData, Reconnect
from sync.money import Money
from tests.connectors.crm import Crm, crm
from tests.connectors.sales import KEY, sale

DAY = date(2026, 11, 20)


@pytest.fixture
def account() -> Iterator[Crm]:
    """Open an account."""
    with crm() as opened:
        yield opened


def refusal(account: Crm, source_id: str) -> tuple[ErrorType, str]:
    """Return why a document cannot be read."""
    with pytest.raises(FixData) as error:
        account.source.read(source_id)
    return error.value.failure.error_type, error.value.failure.reason


def test_an_open_invoice_is_a_document_in_three_calls(account: Crm) -> None:
    """Lines, customer, amounts and days come whole, in no more than three requests."""
    two = {"hs_sku": "ABC-2", "name": "Gadget", "quantity": "3", "price": "9.99"}
    invoice = account.invoice({"hs_sku": "ABC-1", "quantity": "2"}, two)
    account.calls()
    document = account.source.read(invoice)
    assert sum(account.calls().values()) <= 3
    assert (document.kind, document.source_id, document.issued) == (Kind.INVOICE, invoice, DAY)
    assert document.due == date(2026, 12, 20)
    assert document.total == Money.of("229.97", "USD")
    assert document.lines == [
        Line("Widget", "ABC-1", Decimal(2), Decimal(100), Decimal(0), Decimal(0)),
        Line("Gadget", "ABC-2", Decimal(3), Decimal("9.99"), Decimal(0), Decimal(0)),
    ]
    customer = document.customer
    assert (customer.name, customer.email) == ("Ada Byron", "ada@example.com")
    assert document.number == document.order.number
    assert (document.order.id, document.order.status) == (invoice, "open")
    assert document.order.url


@pytest.mark.parametrize("prefix", ["v3", "2026-03"])
def test_both_prefixes_serve(prefix: str) -> None:
    """The same invoice is read under the old paths and under the dated ones."""
    with crm(prefix) as account:
        invoice = account.invoice()
        assert account.source.read(invoice).total == Money.of("100", "USD")
        assert [one.source_id for one in account.source.headers(DAY)] == [invoice]


def test_a_sku_comes_from_the_product_where_the_line_has_none(account: Crm) -> None:
    """A line that was added from the library may only name its product."""
    product = account.add("products", name="Cup", hs_sku="CUP-7", price="5")
    invoice = account.invoice({"hs_product_id": product}, {"name": "typed by hand"})
    assert [line.sku for line in account.source.read(invoice).lines] == ["CUP-7", None]


def test_discounts_are_per_unit_or_a_percent(account: Crm) -> None:
    """An amount off each unit and a percent become the discount of the whole line."""
    per_unit = {"hs_sku": "A", "quantity": "3", "discount": "10"}
    percent = {"hs_sku": "B", "price": "10.05", "hs_discount_percentage": "50"}
    document = account.source.read(account.invoice(per_unit, percent))
    first, second = document.lines
    assert first.discount == Decimal(30)
    made = first.unit_price * first.quantity - first.discount
    made += second.unit_price - second.discount
    assert Money.of(made, "USD") == document.total


def test_a_bill_that_its_lines_do_not_explain_is_refused(account: Crm) -> None:
    """Nobody books an amount that no line accounts for."""
    invoice = account.invoice()
    account.force(invoice, "hs_amount_billed", "101.00")
    error_type, reason = refusal(account, invoice)
    assert error_type is ErrorType.AMOUNT_MISMATCH
    assert "USD 100.00" in reason
    assert "USD 101.00" in reason


def test_an_invoice_without_lines_is_refused(account: Crm) -> None:
    """Lines that someone deleted are no reason to book nothing."""
    invoice = account.invoice()
    account.unlink()
    assert refusal(account, invoice)[0] is ErrorType.FIELD_INVALID


def test_a_contact_without_an_email_leaves_it_to_the_destination(account: Crm) -> None:
    """The document is read; the books say that an e-mail is missing."""
    contact = account.add("contacts", firstname="Bo", company="Bo Ltd")
    document = account.source.read(account.invoice(contact=contact))
    assert (document.customer.email, document.customer.name) == (None, "Bo Ltd")


def test_the_same_one_of_several_contacts_is_taken(account: Crm) -> None:
    """Whatever the order in which they were added, it is the oldest contact."""
    old, new = account.contact("old@example.com"), account.contact("new@example.com")
    invoice = account.draft(contact=new)
    account.link(invoice, "contacts", old)
    account.change("invoices", invoice, hs_invoice_status="open")
    assert account.source.read(invoice).customer.email == "old@example.com"


def test_a_draft_is_no_document_yet(account: Crm) -> None:
    """It is not listed, and read by name it says that it is not ready."""
    invoice = account.draft()
    assert not list(account.source.headers(DAY))
    assert not account.source.hinted("invoice", invoice)
    assert refusal(account, invoice)[0] is ErrorType.NOT_READY


def test_a_voided_invoice_is_the_return_of_its_sale(account: Crm) -> None:
    """It is listed as a return that only matters if the sale was booked."""
    invoice = account.invoice()
    account.change("invoices", invoice, hs_invoice_status="voided")
    (header,) = account.source.headers(DAY)
    assert (header.source_id, header.kind) == (f"void-{invoice}", Kind.RETURN)
    assert (header.order_id, header.follows_sale) == (invoice, True)
    assert account.source.hinted("invoice", invoice) == [header]
    document = account.source.read(header.source_id)
    assert (document.kind, document.total) == (Kind.RETURN, Money.of("100", "USD"))
    assert [line.sku for line in document.lines] == ["ABC-1"]
    error_type, reason = refusal(account, invoice)
    assert error_type is ErrorType.NOT_FOUND
    assert "voided in HubSpot before it was synced; there is nothing to book" in reason


def test_an_open_invoice_is_no_return(account: Crm) -> None:
    """An invoice that was not voided cannot be read as if it was."""
    assert refusal(account, f"void-{account.invoice()}")[0] is ErrorType.NOT_FOUND


def test_what_we_made_never_goes_back(account: Crm) -> None:
    """Our own invoices are not listed, are known as copies by number, and are not read."""
    invoice = account.create(sale())
    number = account.get("invoices", invoice, "hs_number")["properties"]["hs_number"]
    assert not list(account.source.headers(date(2026, 1, 1)))
    order = account.source.order_by_number(number)
    assert order is not None
    assert (order.id, order.status) == (invoice, COPIED)
    assert refusal(account, invoice)[0] is ErrorType.NOT_FOUND


def test_headers_keep_to_their_days(account: Crm) -> None:
    """Both days belong to the period."""
    days = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    made = [account.invoice(day=day) for day in days]
    listed = account.source.headers(date(2026, 11, 18), date(2026, 11, 19))
    assert [header.source_id for header in listed] == made[1:3]
    header = next(account.source.headers(DAY))
    assert (header.issued, header.total) == (DAY, Money.of("100", "USD"))
    assert header.order is not None
    assert header.order.status == "open"


def test_changes_reach_back_over_the_lag_of_the_index(account: Crm) -> None:
    """What changed shortly before the last sweep, and was not shown to it, is found."""
    invoice = account.invoice()
    now = datetime.now(UTC)
    assert [one.source_id for one in account.source.changes(now, DAY)] == [invoice]
    later = now + OVERLAP + timedelta(seconds=5)
    assert not list(account.source.changes(later, DAY))


def test_what_the_index_does_not_show_yet_is_found_by_the_next_sweep(account: Crm) -> None:
    """A direct read sees it at once, the list when the index does."""
    account.portal.lag = 60.0
    invoice = account.invoice()
    assert not list(account.source.changes(datetime.now(UTC), DAY))
    assert account.source.hinted("invoice", invoice)
    account.portal.lag = 0.0
    assert list(account.source.changes(datetime.now(UTC), DAY))


def test_pages_that_shift_skip_nothing(account: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that changes while the pages are read hides none behind it."""
    monkeypatch.setattr("sync.connectors.hubspot_api.PER_PAGE", 2)
    made = [account.invoice() for _ in range(5)]
    seen = []
    for header in account.source.changes(datetime.now(UTC) - timedelta(hours=1), DAY):
        seen.append(header.source_id)
        account.change("invoices", header.source_id, hs_title=f"touched {len(seen)}")
    assert seen == made


def test_a_number_is_compared_exactly(account: Crm) -> None:
    """HubSpot's search takes letters of either case; a number in other letters is another."""
    invoice = account.invoice()
    number = account.source.order(invoice).number
    found = account.source.order_by_number(number)
    assert found is not None
    assert found.id == invoice
    assert account.source.order_by_number(number.lower()) is None
    by_id = account.source.order_by_number(invoice)
    assert by_id is not None
    assert by_id.id == invoice
    assert account.source.order_by_number("٤٢") is None


def test_an_invoice_is_its_own_order(account: Crm) -> None:
    """The documents of an order are the one invoice; one that is gone is not found."""
    invoice = account.invoice()
    order = account.source.order(invoice)
    assert [one.source_id for one in account.source.headers_of(order)] == [invoice]
    with pytest.raises(FixData) as error:
        account.source.order("999999999")
    assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_events_about_other_objects_concern_no_document(account: Crm) -> None:
    """A contact's change, and an invoice that is gone, lead to nothing."""
    assert not account.source.hinted("contact", "101")
    assert not account.source.hinted("invoice", "999999999")


def test_the_account_says_who_it_is(account: Crm) -> None:
    """The portal's id stands for the account, and HubSpot's own sync is warned of."""
    found = account.source.check()
    assert (found.id, found.currency, found.warnings) == ("62515", "USD", [])
    account.force(account.invoice(), "hs_object_source_detail_1", "QuickBooks Online")
    assert account.source.check().warnings


def test_a_refused_token_asks_for_a_reconnect(account: Crm) -> None:
    """A token that HubSpot does not take is nobody's data."""
    account.fault(method="GET", path="/crm", fault="token_expired", times=2)
    with pytest.raises(Reconnect) as error:
        account.source.read("1")
    failure = error.value.failure
    assert (failure.error_type, error.value.connection) == (ErrorType.UNAUTHORIZED, "crm")


def test_our_key_is_the_documents_own(account: Crm) -> None:
    """An empty mark is none: the invoice of a person goes to the books."""
    invoice = account.invoice(invsync_key="")
    assert [one.source_id for one in account.source.headers(DAY)] == [invoice]
    assert not account.ours(KEY)
