"""QuickBooks as a destination: what is found, what stops a document, what is booked, and once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sync.connectors.base import Parent
from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.documents import Document, Kind, Line
from sync.errors import ErrorType, FixData, Reconnect
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Rejected
from tests.connectors.company import INVOICES, KEY, Books, books, charge, end, line, sale

FOREIGN = "v1:hubspot:4711:invoice:999"
PARENT = Parent("145", "HS-INV-1001", Money.of("200", "USD"))


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US."""
    with books() as opened:
        yield opened


@pytest.fixture
def british() -> Iterator[Books]:
    """Start a company that taxes by codes: none, 5 and 20 %."""
    with books(country="GB", currency="GBP") as opened:
        for percent in (0, 5, 20):
            opened.tax(percent)
        yield opened


def pounds(*lines: Line, **how: Any) -> Document:
    """Return an invoice in pounds."""
    return sale(*lines, currency="GBP", **how)


def credit(*, refunded: bool = False) -> Document:
    """Return a return of the whole sale."""
    return sale(source_id="void-501", kind=Kind.RETURN, number="CR-7", refunded=refunded)


def test_a_create_is_found_again_by_its_key(company: Books) -> None:
    """Created tells the whole document, and the look-up adopts exactly it."""
    assert company.find(sale()).ours is None
    created = company.create(sale())
    assert created.booked is not None
    assert created.booked.total == Money.of("200", "USD")
    assert created.booked.number == "HS-INV-1001"
    assert created.booked.url.endswith(f"/app/invoice?txnId={created.destination_id}")
    assert company.find(sale()).ours == created.booked
    assert company.destination.read(created.destination_id, Kind.INVOICE) == created.booked


@pytest.mark.parametrize("fault", ["drop_after", "status_after", "half_json"])
def test_a_lost_answer_is_replayed_and_books_one_invoice(company: Books, fault: str) -> None:
    """The outcome is unknown; the same create again gets the first answer, not a second invoice."""
    company.destination.blockers(sale())
    company.fault(method="POST", path=INVOICES, fault=fault)
    assert isinstance(company.send(sale()), Ambiguous)
    assert company.find(sale()).ours is not None
    again = company.send(sale())
    assert isinstance(again, Created)
    assert [one["Id"] for one in company.booked()] == [again.destination_id]


def test_an_unseen_create_is_not_found(company: Books) -> None:
    """What was dropped on the way in is ambiguous too, but the look-up finds nothing."""
    company.destination.blockers(sale())
    company.fault(method="POST", path=INVOICES, fault="drop_before")
    assert isinstance(company.send(sale()), Ambiguous)
    assert company.find(sale()).ours is None
    assert not company.booked()


def test_a_changed_document_gets_another_request_id(company: Books) -> None:
    """The old answer is not replayed for a new body: the duplicate number refuses it instead."""
    company.create(sale())
    changed = sale(line(price="110"), total="220")
    outcome = company.send(changed)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.CONFLICT
    assert len(company.booked()) == 1


def test_a_number_that_a_stranger_uses_is_a_conflict(company: Books) -> None:
    """6140 rejects the create, and the look-up shows the foreign transaction, not ours."""
    company.customer()
    taken = company.bill(DocNumber="HS-INV-1001", PrivateNote=f"invsync {FOREIGN}")
    company.destination.blockers(sale())
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.key) == (ErrorType.CONFLICT, "DocNumber")
    found = company.find(sale())
    assert found.ours is None
    assert found.foreign is not None
    assert (found.foreign.id, found.foreign.key) == (taken, FOREIGN)


def test_a_key_that_only_begins_like_ours_is_foreign(company: Books) -> None:
    """The whole key is compared: invoice 5010 is not invoice 501."""
    company.customer()
    company.bill(DocNumber="HS-INV-1001", PrivateNote=f"invsync {KEY}0")
    assert company.find(sale()).ours is None
    assert company.find(sale()).foreign is not None


def test_ours_is_found_beside_a_stranger_of_the_same_number(company: Books) -> None:
    """Where the company lets numbers repeat, the note decides."""
    company.company.warns_duplicates = False
    company.customer()
    company.bill(DocNumber="HS-INV-1001")
    created = company.create(sale())
    found = company.find(sale())
    assert found.ours is not None
    assert found.ours.id == created.destination_id


@pytest.mark.parametrize(("number", "same"), [("1" * 18, True), ("1" * 19, False)])
def test_a_number_has_21_characters_at_most(company: Books, number: str, same: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A longer one ends in a hash of the key; either is found again."""
    one = sale(number=number)
    booked = company.create(one).booked
    assert booked is not None
    assert booked.number is not None
    assert len(booked.number) == 21
    assert (booked.number == f"HS-{number}") is same
    assert company.find(one).ours == booked


def test_long_numbers_that_begin_alike_differ(company: Books) -> None:
    """Two documents of 30 characters that share their first 25 are both booked."""
    first, second = (sale(number=f"{'9' * 25}{end}") for end in ("aaaaa", "bbbbb"))
    company.create(first)
    company.create(second, FOREIGN)
    assert len({one["DocNumber"] for one in company.booked()}) == 2


def test_books_that_close_between_are_told(company: Books) -> None:
    """6000 about the period is no other business rule."""
    company.destination.blockers(sale())
    company.company.closed_before = "2026-12-31"
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.PERIOD_CLOSED


def test_taxes_and_discounts_of_the_us(company: Books) -> None:
    """Lines say TAX or NON, the tax is sent as charged, all discounts are one line."""
    lines = (line(percent="8", discount=Decimal(10)), line(price="50"))
    one = sale(*lines, tax="14.40", total="289.40", discount=Decimal(15), charges=[charge()])
    created = company.create(
        replace(one, total=Money.of("304.40", "USD"), tax=Money.of("14.40", "USD"))
    )
    row = company.row("Invoice", created.destination_id)
    codes = [
        one["SalesItemLineDetail"]["TaxCodeRef"]["value"]
        for one in row["Line"]
        if one["DetailType"] == "SalesItemLineDetail"
    ]
    assert codes == ["TAX", "NON", "NON"]
    taken_off = [one["Amount"] for one in row["Line"] if one["DetailType"] == "DiscountLineDetail"]
    assert taken_off == [25.0]
    assert (row["TxnTaxDetail"]["TotalTax"], row["TotalAmt"]) == (14.4, 304.4)


def test_taxes_by_code_outside_the_us(british: Books) -> None:
    """Each percent has its code; a discount on one line is in that line's price."""
    lines = (line(percent="20", discount=Decimal(20)), line(percent="5"))
    one = pounds(
        *lines,
        tax="46",
        total="426",
    )
    created = british.create(one)
    assert created.booked is not None
    assert created.booked.total == Money.of("426", "GBP")


def test_a_percent_without_a_code_is_told(british: Books) -> None:
    """An inactive code counts as none."""
    british.tax(7, Active=False)
    found = british.stops(pounds(line(percent="7"), tax="14", total="214"))
    assert found == [(ErrorType.TAX_NOT_MAPPED, "7")]


def test_rounding_of_taxes_is_tolerated_by_a_cent_a_line(british: Books) -> None:
    """QuickBooks rounds once a rate, the source a line: 0.05 there, 0.06 here."""
    small = line(price="0.33", percent="5", quantity=Decimal(1))
    one = pounds(small, small, small, tax="0.06", total="1.05")
    assert british.destination.tolerance(one) == Money.of("0.03", "GBP")
    created = british.create(one)
    assert created.booked is not None
    assert created.booked.total == Money.of("1.04", "GBP")


def test_sums_that_differ_by_more_are_not_sent(british: Books) -> None:
    """A plan whose total would not be the document's is refused before anything is made."""
    one = pounds(line(percent="20"), tax="40", total="241")
    british.destination.blockers(one)
    with pytest.raises(FixData) as error:
        british.send(one)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH
    assert not british.company.rows["Customer"]


def test_without_taxes_nothing_is_tolerated(company: Books) -> None:
    """A cent of difference is then no rounding of taxes."""
    assert company.destination.tolerance(sale()) == Money.of(0, "USD")


def test_shipping_off_needs_an_item_of_that_name(company: Books) -> None:
    """Where the preference is off, an ordinary item named Shipping stands for it."""
    company.company.allows_shipping = False
    one = sale(charges=[charge()], total="215")
    assert company.stops(one) == [(ErrorType.SKU_NOT_FOUND, "Shipping")]
    item = company.item("SHIP", Name="Shipping")
    created = company.create(one)
    sold = company.row("Invoice", created.destination_id)["Line"][1]["SalesItemLineDetail"]
    assert sold["ItemRef"]["value"] == item


def test_shipping_on_uses_its_own_id(company: Books) -> None:
    """The preference's item needs no look-up."""
    created = company.create(sale(charges=[charge()], total="215"))
    sold = company.row("Invoice", created.destination_id)["Line"][1]["SalesItemLineDetail"]
    assert sold["ItemRef"]["value"] == "SHIPPING_ITEM_ID"


def test_discounts_that_are_off_are_told(company: Books) -> None:
    """The setting is named before anything is sent."""
    company.company.allows_discount = False
    one = sale(discount=Decimal(10), total="190")
    assert company.stops(one) == [(ErrorType.FIELD_INVALID, "discount")]


def test_a_return_becomes_a_credit_memo(company: Books) -> None:
    """It names its sale in the note, is found by its key and read as a return."""
    created = company.create(credit(), FOREIGN, PARENT)
    row = company.row("CreditMemo", created.destination_id)
    assert "HS-INV-1001" in row["PrivateNote"]
    assert company.find(credit(), FOREIGN).ours == created.booked
    read = company.destination.read(created.destination_id, Kind.RETURN)
    assert read == created.booked
    assert read.kind is Kind.RETURN


def test_money_that_went_out_becomes_a_refund_receipt(company: Books) -> None:
    """It is paid from the one bank account; with none or two, a person decides."""
    one = credit(refunded=True)
    missing = [(ErrorType.ACCOUNT_NOT_MAPPED, "DepositToAccountRef")]
    assert company.stops(one) == missing
    bank = company.company.add("Account", Name="Checking", AccountType="Bank")["Id"]
    created = company.create(one, FOREIGN, PARENT)
    row = company.row("RefundReceipt", created.destination_id)
    assert row["DepositToAccountRef"]["value"] == bank
    assert company.destination.read(created.destination_id, Kind.RETURN) == created.booked
    company.company.add("Account", Name="Savings", AccountType="Bank")
    assert company.stops(one) == missing


def test_what_quickbooks_does_not_know_cannot_be_read(company: Books) -> None:
    """Neither as an invoice nor as a return."""
    for kind in Kind:
        with pytest.raises(FixData) as error:
            company.destination.read("9999", kind)
        assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_a_create_that_would_leave_too_late_is_not_sent(company: Books) -> None:
    """Past the moment that the mark allows nothing leaves."""
    company.destination.blockers(sale())
    plan = company.destination.plan(KEY, sale(), None)
    late = datetime.now(UTC) - timedelta(seconds=1)
    assert isinstance(company.destination.create(plan, sent_by=late), NotSent)
    assert not company.booked()


def test_calls_of_a_warm_and_of_a_cold_create(company: Books) -> None:
    """Warm: one look-up and one create. Cold: customer and item are looked up once each, too."""
    company.customer()
    company.destination.check()
    company.calls()
    company.find(sale())
    company.create(sale())
    assert sum(company.calls().values()) == 2 + 2
    warm = sale(number="INV-1002", source_id="502")
    company.find(warm, FOREIGN)
    company.create(warm, FOREIGN)
    assert sum(company.calls().values()) == 2


def test_the_check_names_the_company_and_what_is_wrong(company: Books) -> None:
    """Numbers that QuickBooks would choose itself are warned of, another connector too."""
    account = company.destination.check()
    assert (account.id, account.name, account.currency) == ("310687", "Acme Trading", "USD")
    assert not account.warnings
    company.company.custom_numbers = False
    company.customer()
    company.bill(PrivateNote="Created by HubSpot")
    another = end(QuickBooksDestination, str(company.staff.base_url), company.mappings)
    assert len(another.check().warnings) == 2
    another.close()


def test_a_token_of_another_company_is_told(company: Books) -> None:
    """3100 says what may have been mixed up."""
    other = end(QuickBooksDestination, str(company.staff.base_url), company.mappings, "999")
    with pytest.raises(Reconnect) as error:
        other.check()
    assert error.value.failure.error_type is ErrorType.PERMISSION_DENIED
    assert "another company" in error.value.failure.reason
    other.close()
