"""What HubSpot's refusals mean, without a server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.clock import SystemClock
from sync.connectors.base import Fixed
from sync.connectors.hubspot_answers import classify, is_expired, patient, unbatched
from sync.connectors.hubspot_api import Api
from sync.connectors.outcome import retry_after
from sync.connectors.transport import Answer, Transport
from sync.errors import ErrorType, TryLater
from sync.outcomes import Ambiguous, NotSent

NOW = datetime(2026, 11, 20, tzinfo=UTC)
INVALID = {
    "category": "VALIDATION_ERROR",
    "message": 'Property values were not valid: [{"isValid":false,"error":"INVALID_EMAIL",'
    '"name":"email"}]',
}
NO_PROPERTY = {
    "category": "VALIDATION_ERROR",
    "message": 'Property values were not valid: [{"isValid":false,"name":"invsync_key",'
    '"error":"PROPERTY_DOESNT_EXIST"}]',
}
NO_CURRENCY = {
    "category": "VALIDATION_ERROR",
    "message": "EUR is not enabled",
    "errors": [{"message": "EUR", "context": {"propertyName": ["hs_currency"]}}],
}
TAKEN = {
    "category": "VALIDATION_ERROR",
    "message": "not valid",
    "errors": [{"code": "CONFLICTING_UNIQUE_VALUE", "context": {"propertyName": ["invsync_key"]}}],
}


def answer(status: int, body: Any, **headers: str) -> Answer:
    """Return an answer of HubSpot's."""
    return Answer(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "body", "error_type", "key"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, ErrorType.UNAUTHORIZED, "crm"),
        (403, {"category": "MISSING_SCOPES"}, ErrorType.PERMISSION_DENIED, "crm"),
        (404, {"category": "OBJECT_NOT_FOUND"}, ErrorType.NOT_FOUND, "hubspot"),
        (404, "<html>", ErrorType.UNKNOWN, "404"),
        (409, {"category": "CONFLICT"}, ErrorType.CONFLICT, "CONFLICT"),
        (400, TAKEN, ErrorType.CONFLICT, "invsync_key"),
        (400, INVALID, ErrorType.FIELD_INVALID, "email"),
        (400, NO_PROPERTY, ErrorType.FIELD_INVALID, "invsync_key"),
        (400, NO_CURRENCY, ErrorType.CURRENCY_UNSUPPORTED, "hs_currency"),
        (400, {}, ErrorType.FIELD_INVALID, "request"),
        (423, {}, ErrorType.DESTINATION_DOWN, "crm"),
        (477, {}, ErrorType.DESTINATION_DOWN, "crm"),
        (414, {}, ErrorType.UNKNOWN, "414"),
    ],
)
def test_a_refusal_means(status: int, body: Any, error_type: ErrorType, key: str) -> None:
    """Each refusal of the guide has its type and a key without anything that changes."""
    failure = classify("crm", answer(status, body), body)
    assert (failure.error_type, failure.key) == (error_type, key)


def test_a_reason_is_whole() -> None:
    """The correlation id, the missing scopes and the way out stand in the reason."""
    scopes = {"requiredGranularScopes": ["crm.objects.invoices.read"]}
    body = {"message": "no", "correlationId": "c-1", "errors": [{"context": scopes}]}
    reason = classify("crm", answer(403, body), body).reason
    assert "c-1" in reason
    assert "crm.objects.invoices.read" in reason
    assert "Connect HubSpot again" in classify("crm", answer(400, {}), NO_PROPERTY).reason


@pytest.mark.parametrize(
    ("category", "expired"),
    [("EXPIRED_AUTHENTICATION", True), ("INVALID_AUTHENTICATION", False), (None, False)],
)
def test_only_an_expired_token_is_renewed(category: str | None, *, expired: bool) -> None:
    """An invalid token is no reason to ask for another one."""
    assert is_expired(answer(401, {"category": category})) is expired
    assert not is_expired(Answer(401, {}, b"<html>"))


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [("SECONDLY", 1), ("TEN_SECONDLY_ROLLING", 10), ("DAILY", 3600), (None, 10)],
)
def test_a_limit_without_a_wait_has_its_own(policy: str | None, seconds: int) -> None:
    """The name of the limit tells how long to wait where no header does."""
    limited = patient(answer(429, {"policyName": policy}))
    assert retry_after(limited, NOW) == timedelta(seconds=seconds)
    told = patient(answer(429, {"policyName": policy}, **{"retry-after": "7"}))
    assert retry_after(told, NOW) == timedelta(seconds=7)


@pytest.mark.parametrize(("status", "seconds"), [(423, 2), (477, None), (521, None)])
def test_passing_troubles(status: int, seconds: int | None) -> None:
    """A read waits and tries again; of a create nobody knows whether it arrived."""
    clock = SystemClock()
    fixed = Fixed("token")
    transport = Transport("hubspot", "http://x", fixed, timeout=1, clock=clock, pace=lambda: None)
    api = Api("crm", "v3", transport, clock)
    refused = api.refusal(patient(answer(status, {})))
    assert isinstance(refused, TryLater)
    assert refused.failure.error_type is ErrorType.DESTINATION_DOWN
    assert refused.wait == (timedelta(seconds=seconds) if seconds else None)
    assert isinstance(api.outcome(answer(status, {})), Ambiguous)
    assert isinstance(api.outcome(patient(answer(429, {}))), NotSent)
    api.close()


def test_a_record_of_a_batch_fails_as_if_it_had_been_sent_alone() -> None:
    """The category of each error in a 207 says what its status would have been."""
    errors = [{"category": "VALIDATION_ERROR"}, {"category": "RATE_LIMITS"}, {}]
    assert [one.status for one in unbatched({"errors": errors})] == [400, 429, 400]
    assert not unbatched({"results": []})


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        (
            "v3",
            [
                "/crm/v3/objects/invoices/v1%3Aa",
                "/crm/v3/properties/invoices",
                "/crm/v4/associations/invoices/contacts/batch/associate/default",
                "/crm/v4/objects/invoices/1/associations/contacts/2",
            ],
        ),
        (
            "2026-03",
            [
                "/crm/objects/2026-03/invoices/v1%3Aa",
                "/crm/properties/2026-03/invoices",
                "/crm/associations/2026-03/invoices/contacts/batch/associate/default",
                "/crm/objects/2026-03/invoices/1/associations/contacts/2",
            ],
        ),
    ],
)
def test_both_prefixes(prefix: str, paths: list[str]) -> None:
    """One setting names the paths; everything else is the same."""
    clock = SystemClock()
    fixed = Fixed("token")
    transport = Transport("hubspot", "http://x", fixed, timeout=1, clock=clock, pace=lambda: None)
    api = Api("crm", prefix, transport, clock)
    api.close()
    assert [
        api.objects("invoices", "v1:a"),
        api.properties("invoices"),
        api.associating("invoices", "contacts"),
        api.association("1", "2"),
    ] == paths
