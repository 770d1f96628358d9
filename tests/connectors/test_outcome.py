"""What an answer means: the table of outcomes, row by row."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.connectors import daftra_answers
from sync.connectors import salla as salla_connector
from sync.connectors.limits import Advice, advice_of
from sync.connectors.outcome import Event, outcome_of, refusal_of, retry_after
from sync.connectors.transport import Answer, Unanswered, Unsent
from sync.errors import ErrorType, FixData, Reconnect, TryLater
from sync.outcomes import Ambiguous, Created, NotSent, Rejected

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(seconds=60)


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    """Return an answer with a JSON body, or the text that is given."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {n.replace("_", "-"): v for n, v in headers.items()}, text.encode())


def decided(event: Event) -> Any:
    """Return what became of a create."""
    return outcome_of(
        event, system="daftra", connection="books", classify=daftra_answers.classify, now=NOW
    )


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (Unsent("connection refused"), NotSent),
        (Unanswered("did not answer in time"), Ambiguous),
        (answer(429), NotSent),
        (answer(503, "busy", retry_after="5"), NotSent),
        (answer(503, "busy"), Ambiguous),
        (answer(500, "<html>"), Ambiguous),
        (answer(502, "<html>"), Ambiguous),
        (answer(504), Ambiguous),
        (answer(202, '{"code": 202, "id'), Ambiguous),
        (answer(202, {"code": 202, "result": "successful"}), Ambiguous),
        (answer(202, {"id": ""}), Ambiguous),
        (answer(202, {"id": True}), Ambiguous),
        (answer(200, ["a", "list"]), Ambiguous),
        (answer(204, ""), Ambiguous),
        (answer(200, "<html>maintenance</html>"), Ambiguous),
        (answer(202, {"id": "2415"}), Created),
        (answer(202, {"id": 2415}), Created),
        (answer(200, {"result": "failed", "message": "no"}), Rejected),
        (answer(200, {"Fault": {}}), Rejected),
        (answer(400, {"result": "failed", "message": "no"}), Rejected),
        (answer(404, "gone"), Rejected),
        (answer(422, {"message": "no"}), Rejected),
        (answer(418, "teapot"), Rejected),
        (answer(401, {"message": "Unauthorized"}), Rejected),
        (answer(302, ""), Rejected),
    ],
)
def test_the_table_of_outcomes(event: Event, kind: type) -> None:
    """Each event of a create has exactly one meaning, and none raises."""
    assert type(decided(event)) is kind


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        ("5", timedelta(seconds=5)),
        ("0", timedelta(0)),
        ("3600", timedelta(hours=1)),
        ("999999", timedelta(hours=1)),
        ("9" * 40, timedelta(hours=1)),
        ("9" * 9000, timedelta(hours=1)),
        ("Fri, 20 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("soon", MINUTE),
        ("Fri, 20 Nov 99999999999999999999 12:00:30 GMT", MINUTE),
    ],
)
def test_retry_after_in_every_form(given: str, wait: timedelta) -> None:
    """Retry-After counts as seconds or as a date, an hour at most; what is neither is a minute."""
    assert retry_after(answer(429, retry_after=given), NOW) == wait


@pytest.mark.parametrize("digits", [10, 400, 9000])
def test_absurd_rate_headers_are_passed_over(digits: int) -> None:
    """A limit of more digits than any system has teaches nothing, and breaks nothing."""
    absurd = {"x_ratelimit_limit": "9" * digits, "x_ratelimit_remaining": "1"}
    assert advice_of(answer(201, {"id": 1}, **absurd), NOW) == Advice()


def test_a_429_without_retry_after_waits_a_minute() -> None:
    """Daftra documents no Retry-After: then a minute passes."""
    assert decided(answer(429)).wait == MINUTE


@pytest.mark.parametrize(
    ("errors", "kind", "key"),
    [
        ({"client_email": "required"}, ErrorType.CUSTOMER_EMAIL_MISSING, "client_email"),
        ({"InvoiceItem.0.product_id": "x"}, ErrorType.SKU_NOT_FOUND, "InvoiceItem.0.product_id"),
        ({"InvoiceItem": [{"product_id": ["x"]}]}, ErrorType.SKU_NOT_FOUND, None),
        ({"client_id": "wrong"}, ErrorType.CUSTOMER_INVALID, "client_id"),
        ({"no": "used"}, ErrorType.CONFLICT, "no"),
        ({"currency_code": "no"}, ErrorType.CURRENCY_UNSUPPORTED, "currency_code"),
        ({"date": "is in a closed period"}, ErrorType.PERIOD_CLOSED, "date"),
        ({"date": "التاريخ في الفترة المالية المغلقة"}, ErrorType.PERIOD_CLOSED, "date"),
        ({"po_number": "too long"}, ErrorType.FIELD_INVALID, "po_number: too long"),
    ],
)
def test_daftras_validation_errors_have_names(
    errors: dict[str, Any], kind: ErrorType, key: str | None
) -> None:
    """A field that Daftra refuses names the cause; the text is kept, Arabic too."""
    body = {"result": "failed", "code": 400, "message": "خطأ", "validation_errors": errors}
    failure = decided(answer(400, body)).failure
    assert failure.error_type is kind
    assert key is None or failure.key == key


def test_an_unknown_refusal_keeps_its_text_whole() -> None:
    """What nobody has mapped is `unknown`, with every word that the system said."""
    text = "Ledger 4100 rejected the entry; " * 124
    failure = decided(answer(400, {"result": "failed", "message": text})).failure
    assert (failure.error_type, failure.reason) == (ErrorType.UNKNOWN, f"Daftra: {text}")


@pytest.mark.parametrize(
    ("given", "kind", "error_type"),
    [
        (answer(401, {"error": {"message": "expired"}}), Reconnect, ErrorType.UNAUTHORIZED),
        (
            answer(401, {"error": {"message": "access to one of those scopes: orders.read"}}),
            Reconnect,
            ErrorType.PERMISSION_DENIED,
        ),
        (answer(401, {"error": "invalid_grant"}), Reconnect, ErrorType.UNAUTHORIZED),
        (answer(403, {"error": {"message": "no"}}), Reconnect, ErrorType.PERMISSION_DENIED),
        (answer(404, {"error": {"message": "x"}}), FixData, ErrorType.NOT_FOUND),
        (answer(410, {"error": {"message": "x"}}), FixData, ErrorType.NOT_FOUND),
        (
            answer(422, {"error": {"message": "bad", "fields": {"page": ["no"]}}}),
            FixData,
            ErrorType.FIELD_INVALID,
        ),
        (answer(406, "?"), FixData, ErrorType.UNKNOWN),
        (answer(429), TryLater, ErrorType.RATE_LIMITED),
        (answer(500, "<html>"), TryLater, ErrorType.DESTINATION_DOWN),
    ],
)
def test_sallas_refusals_of_reads(given: Answer, kind: type, error_type: ErrorType) -> None:
    """A refused read raises by what to do, with the named error type."""
    error = refusal_of(given, "Salla", "shop", salla_connector.classify, NOW)
    assert type(error) is kind
    assert error.failure.error_type is error_type
