"""Salla as a source, against the stand-in."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from sync.connectors.salla import _check_sum
from sync.documents import Kind
from sync.errors import ErrorType, FixData, ReadError, Reconnect, TryLater
from sync.money import Money
from tests.builders import document
from tests.connectors.conftest import Ends


def test_the_check_says_whose_store_it_is(ends: Ends) -> None:
    """The account is the merchant's id, without the usual envelope."""
    account = ends.source.check()
    assert (account.id, account.currency) == ("1305146709", "SAR")


def test_every_document_is_listed_once_over_all_pages(ends: Ends) -> None:
    """Walking the pages yields each invoice and credit note of the store exactly once."""
    listed = [header.source_id for header in ends.source.headers(date(2026, 1, 1))]
    assert sorted(listed) == sorted(str(number) for number in ends.seed.shop.invoices)


def test_the_start_date_is_kept(ends: Ends) -> None:
    """Documents from before the route's start are not listed."""
    listed = list(ends.source.headers(date(2026, 11, 19)))
    assert listed
    assert all(header.issued >= date(2026, 11, 19) for header in listed)


def test_the_documented_example_is_read_to_the_cent(ends: Ends) -> None:
    """Sub-total 200, discount 12.50, shipping 25 at 15 %: tax 31.88, total 244.38."""
    read = ends.source.read("1479538700")
    assert read.total == Money.of("244.38", "SAR")
    assert read.tax == Money.of("31.88", "SAR")
    assert read.discount == Decimal("12.50")
    lines = [(line.sku, line.unit_price) for line in read.lines]
    assert lines == [("sam-ssd-256g", Decimal(200))]
    assert (read.order.number, read.order.status) == ("40436266", "completed")
    assert read.customer.email == "sara@example.sa"


def test_a_credit_note_with_texts_for_money_is_a_return(ends: Ends) -> None:
    """The documented credit note, amounts as texts and the currency as a symbol, is a return."""
    read = ends.source.read("1479538730")
    assert read.kind is Kind.RETURN
    assert read.total == Money.of("115.58", "SAR")


def test_a_null_invoice_number_falls_back_to_the_reference(ends: Ends) -> None:
    """An invoice that was issued elsewhere is known by its reference."""
    assert ends.source.read("1479538731").number == "EXT-1043"


def test_an_order_is_found_by_its_exact_number(ends: Ends) -> None:
    """The merchant's number finds its order; one that nobody has finds nothing."""
    order = ends.source.order_by_number("40436267")
    assert order is not None
    kinds = sorted(header.kind for header in ends.source.headers_of(order))
    assert kinds == [Kind.INVOICE, Kind.RETURN]
    assert ends.source.order_by_number("4043626") is None


def test_a_missing_email_is_none(ends: Ends) -> None:
    """An order by mobile number has a customer without an e-mail, and that is no error here."""
    order = ends.source.order_by_number(str(ends.seed.names["email"]))
    assert order is not None
    header = ends.source.headers_of(order)[0]
    assert ends.source.read(header.source_id).customer.email is None


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"fault": "half_json"}, FixData, "Salla answered GET"),
        ({"fault": "html_200"}, FixData, "HTML"),
        ({"fault": "wrong_type"}, FixData, "no JSON object"),
        ({"fault": "empty_204"}, FixData, "Salla answered GET"),
        ({"fault": "html_502"}, TryLater, "502"),
        ({"fault": "drop_before"}, TryLater, "closed the connection"),
        ({"fault": "hang", "seconds": 3.2}, TryLater, "did not answer in time"),
        ({"fault": "status", "status": 429}, TryLater, "slower pace"),
        ({"fault": "token_expired"}, Reconnect, "expired"),
    ],
)
def test_a_bad_answer_is_a_readable_error(
    ends: Ends, fault: dict[str, object], kind: type[ReadError], words: str
) -> None:
    """Whatever Salla answers becomes an error by what to do, in words, never another exception."""
    ends.fault(ends.shop_url, method="GET", path="/admin/v2/orders/invoices/", **fault)
    with pytest.raises(kind, match=words):
        ends.source.read("1479538700")


def test_a_document_whose_lines_do_not_add_up_is_refused() -> None:
    """Totals are compared before anything is sent: one that the lines do not make is refused."""
    one = document()
    _check_sum(one)
    with pytest.raises(FixData) as error:
        _check_sum(replace(one, total=Money.of("230.00", "SAR")))
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH
    assert error.value.failure.reason == (
        "The lines in Salla make 115.00, the document says SAR 230.00"
    )
