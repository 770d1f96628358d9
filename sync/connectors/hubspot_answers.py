"""How HubSpot's answers are read: refusals, limits, and one record's share of a batch.

Every field of an error body is optional (HubSpot guide, section 4), and the codes of single
properties stand in a list or inside the message's own text, so both places are read.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from sync.connectors.transport import Answer
from sync.errors import ErrorType, Failure

PASSING = (HTTPStatus.LOCKED, 477)
"""A locked record, an account that is being moved: passing troubles that answer below 500."""

WAITS = {"SECONDLY": "1", "TEN_SECONDLY_ROLLING": "10", "DAILY": "3600"}
"""Seconds to wait by a limit's name where no Retry-After says more. DAILY ends at the account's
midnight: one refused request an hour finds it, whatever the account's zone."""

LOCK_WAIT = "2"
SHOWN = 600
"""How much of an answer without a message a reason quotes."""

STATUSES = {
    "RATE_LIMITS": HTTPStatus.TOO_MANY_REQUESTS,
    "INTERNAL_ERROR": HTTPStatus.INTERNAL_SERVER_ERROR,
    "OBJECT_NOT_FOUND": HTTPStatus.NOT_FOUND,
    "CONFLICT": HTTPStatus.CONFLICT,
    "MISSING_SCOPES": HTTPStatus.FORBIDDEN,
}
"""The status that a record's error in a batch would have had, had the record been sent alone."""

BY_PROPERTY = {
    "hs_currency": ErrorType.CURRENCY_UNSUPPORTED,
    "hs_line_item_currency_code": ErrorType.CURRENCY_UNSUPPORTED,
    "hs_product_id": ErrorType.SKU_NOT_FOUND,
}
_CODE = re.compile(r'"(?:error|code)"\s*:\s*"([A-Z_]+)"')
_NAME = re.compile(r'"(?:name|propertyName)"\s*:\s*"([a-z0-9_]+)"')
_QUOTED = re.compile(r'[Pp]roperty "([a-z0-9_]+)"')


def parsed(answer: Answer) -> Any:
    """Return the parsed body, None where it is no JSON."""
    try:
        return answer.data()
    except (ValueError, RecursionError):
        return None


def errors_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the single errors of a refusal."""
    given = body.get("errors")
    for one in given if isinstance(given, list) else ():
        if isinstance(one, dict):
            yield one


def codes_of(body: dict[str, Any]) -> set[str]:
    """Return every code of a refusal, wherever it stands."""
    found = set(_CODE.findall(str(body.get("message") or "")))
    for one in (body, *errors_of(body)):
        found |= {str(one[name]) for name in ("category", "code", "subCategory") if one.get(name)}
        found |= {code for code in ("CONFLICTING_UNIQUE_VALUE",) if code in str(one.get("message"))}
    return found


def properties_of(body: dict[str, Any]) -> list[str]:
    """Return the names of the properties that a refusal is about, once each."""
    found: list[str] = []
    for one in (body, *errors_of(body)):
        context = one.get("context")
        named = context.get("propertyName") if isinstance(context, dict) else None
        found += [str(name) for name in (named if isinstance(named, list) else [named]) if name]
        message = str(one.get("message") or "")
        found += _NAME.findall(message) + _QUOTED.findall(message)
    return list(dict.fromkeys(found))


def classify(connection: str, answer: Answer, data: Any) -> Failure:
    """Turn a refusal into a failure (HubSpot guide, section 4); unknown texts are kept whole."""
    body = data if isinstance(data, dict) else {}
    said = _said(answer, body)
    if answer.status in PASSING:
        return Failure(ErrorType.DESTINATION_DOWN, connection, said)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return Failure(ErrorType.UNAUTHORIZED, connection, said)
        case HTTPStatus.FORBIDDEN:
            return Failure(ErrorType.PERMISSION_DENIED, connection, said + _scopes(body))
        case HTTPStatus.NOT_FOUND if body:  # a page of some other server proves nothing absent
            return Failure(ErrorType.NOT_FOUND, "hubspot", said)
        case HTTPStatus.CONFLICT:
            return Failure(ErrorType.CONFLICT, _subject(body), said)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Failure(ErrorType.RATE_LIMITED, connection, said)
        case HTTPStatus.BAD_REQUEST:
            return _invalid(body, said)
        case _:
            return Failure(ErrorType.UNKNOWN, str(answer.status), said)


def _invalid(body: dict[str, Any], said: str) -> Failure:
    codes, names = codes_of(body), properties_of(body)
    subject = names[0] if names else _subject(body)
    if "CONFLICTING_UNIQUE_VALUE" in codes:
        return Failure(ErrorType.CONFLICT, subject, said)
    if "PROPERTY_DOESNT_EXIST" in codes:
        if subject.startswith("invsync_"):
            said += ". Connect HubSpot again: that makes the properties that invsync needs."
        return Failure(ErrorType.FIELD_INVALID, subject, said)
    return Failure(BY_PROPERTY.get(subject, ErrorType.FIELD_INVALID), subject, said)


def _subject(body: dict[str, Any]) -> str:
    names = properties_of(body)
    return names[0] if names else str(body.get("category") or "request")


def _said(answer: Answer, body: dict[str, Any]) -> str:
    texts = [str(body.get("message") or "")]
    texts += [str(one.get("message") or "") for one in errors_of(body)]
    whole = "; ".join(dict.fromkeys(text for text in texts if text))
    said = whole or answer.text.strip()[:SHOWN] or f"status {answer.status}"
    traced = body.get("correlationId")
    return f"HubSpot: {said}" + (f" (correlation id {traced})" if traced else "")


def _scopes(body: dict[str, Any]) -> str:
    found: list[str] = []
    for one in (body, *errors_of(body)):
        context = one.get("context")
        named = context.get("requiredGranularScopes") if isinstance(context, dict) else None
        found += [str(scope) for scope in named] if isinstance(named, list) else []
    return f" (needed: {', '.join(dict.fromkeys(found))})" if found else ""


def is_expired(answer: Answer) -> bool:
    """Return whether a 401 means that the token has ended, so that a new one may be tried once."""
    body = parsed(answer)
    return isinstance(body, dict) and "EXPIRED_AUTHENTICATION" in codes_of(body)


def patient(answer: Answer) -> Answer:
    """Return the answer with a Retry-After where HubSpot leaves its wait to be known."""
    if "retry-after" in answer.headers:
        return answer
    if answer.status == HTTPStatus.LOCKED:
        return replace(answer, headers={**answer.headers, "retry-after": LOCK_WAIT})
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return answer
    body = parsed(answer)
    policy = body.get("policyName") if isinstance(body, dict) else None
    wait = WAITS.get(str(policy), WAITS["TEN_SECONDLY_ROLLING"])
    return replace(answer, headers={**answer.headers, "retry-after": wait})


def unbatched(body: dict[str, Any]) -> Sequence[Answer]:
    """Return the errors of a batch's answer, each as if its record had been sent alone."""
    return [
        Answer(
            STATUSES.get(str(one.get("category")), HTTPStatus.BAD_REQUEST),
            {},
            json.dumps(one).encode(),
        )
        for one in errors_of(body)
    ]
