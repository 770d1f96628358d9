"""What an answer means: one function for creates, one for reads, both tables in code."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from sync.connectors.transport import Answer, Transport, Unanswered, Unsent
from sync.errors import ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.outcomes import Ambiguous, Created, NotSent, Outcome, Rejected
from sync.systems import title_of

LONGEST_WAIT = timedelta(hours=1)
USUAL_WAIT = timedelta(seconds=60)
DIGITS = 9
"""The most of a number in a header that is believed."""

SHOWN = 300
"""How much of an unreadable answer a reason quotes."""

Event = Answer | Unsent | Unanswered
Classify = Callable[[Answer, Any], Failure]
"""Turns a refusal (answer and its parsed body, None where it has none) into a failure."""


Named = Callable[[dict[str, Any]], Any]
"""Finds the id of what was created in a parsed answer."""


def _id_in(data: dict[str, Any]) -> Any:
    return data.get("id")


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """Return what Retry-After asks for, in seconds or as a date, an hour at most; None: nothing."""
    given = answer.headers.get("retry-after", "").strip()
    if not given:
        return None
    if given.isdecimal():
        seconds = timedelta(seconds=int(given[:DIGITS]))
        return min(seconds, LONGEST_WAIT) if len(given) <= DIGITS else LONGEST_WAIT
    try:
        moment = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return USUAL_WAIT
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(aware - now, LONGEST_WAIT))


def outcome_of(
    event: Event,
    *,
    system: str,
    connection: str,
    classify: Classify,
    now: datetime,
    named: Named = _id_in,
) -> Outcome:
    """Decide what became of a create (reliability: the HTTP outcome table).

    Not sent: connect trouble, 429, 503 with Retry-After. Ambiguous: no answer, any other 5xx, 2xx
    that cannot be read or names no id (`named` finds it). Rejected: everything else, also a 200
    that says `failed` or carries a Fault.
    """
    title = title_of(system)
    match event:
        case Unsent():
            return NotSent(_down(connection, f"{title} could not be reached: {event}"))
        case Unanswered():
            return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, connection, f"{title} {event}"))
        case Answer():
            return _outcome_of_answer(event, title, connection, classify, now, named)


def _outcome_of_answer(
    answer: Answer,
    title: str,
    connection: str,
    classify: Classify,
    now: datetime,
    named: Named,
) -> Outcome:
    wait = retry_after(answer, now)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return NotSent(_limited(connection, title), wait if wait is not None else USUAL_WAIT)
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None:
        return NotSent(_down(connection, f"{title} is not available (503)"), wait)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = f"{title} answered {answer.status} to the create"
        return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, connection, reason))
    data = _parsed(answer)
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return Rejected(classify(answer, data))
    if not isinstance(data, dict):
        reason = f"{title} answered {answer.status} with what is no JSON object"
        return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, connection, reason))
    if data.get("result") == "failed" or "Fault" in data or "fault" in data:
        return Rejected(classify(answer, data))
    given = named(data)
    if isinstance(given, int | str) and not isinstance(given, bool) and str(given).strip():
        return Created(str(given))
    reason = f"{title} answered {answer.status} without an id"
    return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, connection, reason))


def read_json(
    transport: Transport,
    path: str,
    params: dict[str, Any] | None = None,
    *,
    connection: str,
    classify: Classify,
    now: datetime,
) -> dict[str, Any]:
    """Return the JSON object at `path`. Raises Reconnect, FixData or TryLater."""
    return ask_json(
        transport,
        "GET",
        path,
        params=params,
        connection=connection,
        classify=classify,
        now=now,
    )


def ask_json(
    transport: Transport,
    method: str,
    path: str,
    *,
    params: dict[str, Any] | None = None,
    body: Any = None,
    connection: str,
    classify: Classify,
    now: datetime,
) -> dict[str, Any]:
    """Return the JSON object that answers a request which may be repeated.

    Raises Reconnect, FixData or TryLater.
    """
    title = title_of(transport.system)
    try:
        answer = transport.send(method, path, params=params, body=body)
    except Unsent as error:
        failure = _down(connection, f"{title} could not be reached: {error}")
        raise TryLater(failure) from error
    except Unanswered as error:
        raise TryLater(_down(connection, f"{title} {error}")) from error
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise refusal_of(answer, title, connection, classify, now)
    data = _parsed(answer)
    if not isinstance(data, dict):
        what = "HTML" if answer.text.lstrip()[:1] == "<" else "what is no JSON object"
        reason = f"{title} answered {method} {path} with {what}: {answer.text.strip()[:SHOWN]}"
        raise FixData(Failure(ErrorType.UNKNOWN, "unreadable", reason))
    if data.get("result") == "failed" or "Fault" in data or "fault" in data:
        raise _fix(classify(answer, data), connection)
    return data


def refusal_of(
    answer: Answer, title: str, connection: str, classify: Classify, now: datetime
) -> ReadError:
    """Return the error that a refused read raises."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(answer, now)
        return TryLater(_limited(connection, title), wait if wait is not None else USUAL_WAIT)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = f"{title} answered {answer.status}"
        return TryLater(_down(connection, reason), retry_after(answer, now))
    return _fix(classify(answer, _parsed(answer)), connection)


def _fix(failure: Failure, connection: str) -> ReadError:
    refused = {
        ErrorType.UNAUTHORIZED,
        ErrorType.PERMISSION_DENIED,
        ErrorType.ACCOUNT_SUSPENDED,
    }
    if failure.error_type in refused:
        return Reconnect(failure, connection)
    return FixData(failure)


def _parsed(answer: Answer) -> Any:
    try:
        return answer.data()
    except (ValueError, RecursionError):
        return None


def _limited(connection: str, title: str) -> Failure:
    return Failure(ErrorType.RATE_LIMITED, connection, f"{title} asks for a slower pace (429)")


def _down(connection: str, reason: str) -> Failure:
    return Failure(ErrorType.DESTINATION_DOWN, connection, reason)
