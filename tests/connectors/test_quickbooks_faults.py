"""Refusals as QuickBooks really words them: nothing named, several things named, null texts."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sync.connectors.quickbooks_answers import classify, is_expired
from sync.connectors.transport import Answer
from sync.errors import ErrorType, Failure
from tests.connectors.company import books

GENERAL = (
    "Object Not Found : Something you're trying to use has been made inactive. Check the fields "
    "with accounts, customers, items, vendors or employees."
)


def failure(status: int = 400, **error: str | None) -> Failure:
    """Return what a refusal with one error means."""
    fault = {"Error": [{"Message": "Refused", **error}], "type": "ValidationFault"}
    return classify(answer(status, {"Fault": fault}), {"Fault": fault})


def answer(status: int, body: Mapping[str, object]) -> Answer:
    """Return an answer with a trace id."""
    return Answer(status, {"intuit_tid": "1-abc"}, json.dumps(body).encode())


def test_the_general_610_names_nothing() -> None:
    """Its text lists all that may be inactive: it is no word about an item."""
    found = failure(code="610", Detail=GENERAL, element=None)
    assert found.error_type is ErrorType.NOT_FOUND
    assert found.reason.endswith("(intuit_tid 1-abc)")


def test_a_deleted_invoice_is_told_as_one_whatever_the_610_lists() -> None:
    """The read of a deleted invoice is answered with the general text."""
    with books() as company:
        number = company.bill()
        fault = {"Error": [{"Message": "Object Not Found", "Detail": GENERAL, "code": "610"}]}
        body = json.dumps({"Fault": fault})
        company.odd(body, "GET", f"/invoice/{number}", status=400)
        (header,) = company.source.hinted("invoice", number)
        assert (header.source_id, header.follows_sale) == (f"void-{number}", True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "2500", "Detail": "Items element id 19 not found"}, ErrorType.SKU_NOT_FOUND),
        ({"code": "2500", "Detail": "Names element id 58 not found"}, ErrorType.CUSTOMER_INVALID),
        (
            {"code": "2500", "element": "Line.SalesItemLineDetail.ItemRef"},
            ErrorType.SKU_NOT_FOUND,
        ),
        ({"code": "2500", "Detail": "Terms element id 3 not found"}, ErrorType.FIELD_INVALID),
        (
            {"code": "6000", "Detail": "Make sure all your transactions have a GST rate"},
            ErrorType.TAX_NOT_MAPPED,
        ),
        ({"code": "6000", "Detail": "This is taxing"}, ErrorType.FIELD_INVALID),
        ({"code": "6210", "Detail": "The account period has closed"}, ErrorType.PERIOD_CLOSED),
        ({"code": "003001", "Detail": None}, ErrorType.RATE_LIMITED),
        ({"code": "10000", "Detail": None}, ErrorType.DESTINATION_DOWN),
    ],
)
def test_the_text_tells_where_the_code_does_not(error: dict[str, Any], kind: ErrorType) -> None:
    """Fields by their paths, references by what the text calls them, rules by their words."""
    assert failure(**error).error_type is kind


def test_closed_books_are_one_cause_a_date() -> None:
    """The day in the text is the key; without one it is the date as such."""
    told = "The account period has closed; books are closed until 2026-10-31"
    assert failure(code="6000", Detail=told).key == "2026-10-31"
    assert failure(code="6210", Detail="The account period has closed").key == "date"


def test_null_texts_are_no_texts() -> None:
    """What is null does not appear as a word, and is no field."""
    found = failure(code="2010", Detail=None, element=None)
    assert (found.key, found.reason) == ("2010", "QuickBooks: Refused (intuit_tid 1-abc)")


def test_an_expired_token_without_detail_is_renewed() -> None:
    """The lower-case 401 has null for whatever it does not say."""
    error = {"message": "token expired", "detail": None, "code": "3200", "element": None}
    assert is_expired(answer(401, {"fault": {"error": [error], "type": "AUTHENTICATION"}}))
