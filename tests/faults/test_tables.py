"""The tables that decide: what an answer means, which moves there are, how long to wait."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest

from sync.connectors.outcome import Event, outcome_of
from sync.connectors.transport import Answer, Unanswered, Unsent
from sync.errors import ErrorType
from sync.outcomes import Ambiguous, Created, NotSent, Rejected
from sync.policy import LONGEST, RETRIES, UNKNOWN_RETRIES, backoff, retries_itself
from sync.states import MOVES, Move, RefusedMove, Status, after
from tests.faults.books import classify
from tests.faults.checker import EDGES, KNOWN_ERRORS

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = {"retry-after": "7"}
ANSWERS: tuple[tuple[Event, type], ...] = (
    (Unsent("connection refused"), NotSent),
    (Unanswered("did not answer in time"), Ambiguous),
    (Answer(429, {}, b""), NotSent),
    (Answer(429, LATER, b"{}"), NotSent),
    (Answer(503, LATER, b""), NotSent),
    (Answer(503, {}, b""), Ambiguous),
    *((Answer(status, {}, b"<h1>oops</h1>"), Ambiguous) for status in (500, 501, 502, 504, 520)),
    (Answer(500, LATER, b""), Ambiguous),
    (Answer(502, LATER, b""), Ambiguous),
    *((Answer(status, {}, b'{"message": "no"}'), Rejected) for status in (400, 401, 404, 409, 422)),
    (Answer(302, {"location": "http://x.example"}, b""), Rejected),
    (Answer(200, {}, b'{"result": "failed"}'), Rejected),
    (Answer(200, {}, b'{"Fault": {}}'), Rejected),
    (Answer(201, {}, b'{"id": 7}'), Created),
    (Answer(200, {}, b'\xef\xbb\xbf{"id": "7"}'), Created),
    (Answer(200, {}, b'{"id": "6", "id": "7"}'), Created),
    (Answer(200, {}, b'{"id": '), Ambiguous),
    (Answer(204, {}, b""), Ambiguous),
    (Answer(200, {"content-type": "text/html"}, b"<html>fine</html>"), Ambiguous),
    (Answer(200, {}, b"[]"), Ambiguous),
    (Answer(200, {}, b"null"), Ambiguous),
    (Answer(200, {}, b'{"id": null}'), Ambiguous),
    (Answer(200, {}, b'{"id": true}'), Ambiguous),
    (Answer(200, {}, b'{"id": "  "}'), Ambiguous),
    (Answer(200, {}, b"[" * 100_000), Ambiguous),
)


@pytest.mark.parametrize(("event", "meaning"), ANSWERS, ids=lambda value: repr(value)[:60])
def test_what_an_answer_to_a_create_means(event: Event, meaning: type) -> None:
    """Not sent only where it provably was not; rejected only where the system said no."""
    outcome = outcome_of(event, system="daftra", connection="books", classify=classify, now=NOW)
    assert type(outcome) is meaning


def test_an_ambiguous_answer_is_never_taken_for_a_refusal() -> None:
    """Every status from 500 on, but a 503 that names a wait, leaves open what was created."""
    for status, headers in product(range(500, 600), ({}, LATER)):
        event = Answer(status, headers, b'{"result": "failed"}')
        outcome = outcome_of(event, system="x", connection="x", classify=classify, now=NOW)
        turned_away = status == 503 and headers
        assert isinstance(outcome, NotSent if turned_away else Ambiguous)


def test_the_checker_knows_the_same_moves() -> None:
    """The table that the checker wrote down for itself is the engine's."""
    assert {(was.value, move.value): now.value for (was, move), now in MOVES.items()} == EDGES
    assert {error.value for error in ErrorType} == KNOWN_ERRORS


@pytest.mark.parametrize("move", Move)
def test_nothing_leaves_success(move: Move) -> None:
    """No move leads away from a success."""
    with pytest.raises(RefusedMove):
        after(Status.SUCCESS, move)


def test_waits_double_up_to_an_hour() -> None:
    """Each wait is twice the one before, never longer than an hour, however often it was tried."""
    waits = [backoff(tried, 30.0) for tried in range(40)]
    assert waits[0] == timedelta(seconds=30)
    assert all(later in (2 * before, LONGEST) for before, later in pairwise(waits))
    assert waits[-1] == LONGEST


@pytest.mark.parametrize("error", ErrorType)
def test_the_engine_gives_up_by_itself(error: ErrorType) -> None:
    """Whatever the error, sooner or later it is left to people."""
    most = UNKNOWN_RETRIES if error is ErrorType.UNKNOWN else RETRIES
    assert not retries_itself(error, most + 1)
