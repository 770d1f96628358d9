"""The table of moves: what it allows, and above all what it does not."""

import itertools

import pytest

from sync.states import MOVES, Move, RefusedMove, Status, after


def test_nothing_leaves_success() -> None:
    """No move whatever starts at a success."""
    for move in Move:
        with pytest.raises(RefusedMove):
            after(Status.SUCCESS, move)


def test_a_running_sync_is_never_retried() -> None:
    """While a worker has a sync, no person and no policy can send it again."""
    for move in (Move.RETRY, Move.HURRY, Move.START, Move.SKIP, Move.LINK, Move.REOPEN):
        with pytest.raises(RefusedMove, match=f"{move} is not possible while processing"):
            after(Status.PROCESSING, move)


def test_only_a_held_sync_can_end() -> None:
    """A success by an attempt, a failure and a postponement come from processing alone."""
    for status, move in itertools.product(Status, (Move.SUCCEED, Move.FAIL, Move.POSTPONE)):
        assert ((status, move) in MOVES) == (status is Status.PROCESSING)


def test_retry_is_for_failed_and_hurry_for_pending() -> None:
    """Both lead to pending; only the first starts at a failure, only it is counted."""
    assert {status for status, move in MOVES if move is Move.RETRY} == {Status.FAILED}
    assert {status for status, move in MOVES if move is Move.HURRY} == {Status.PENDING}
    assert after(Status.FAILED, Move.RETRY) is after(Status.PENDING, Move.HURRY) is Status.PENDING


def test_every_status_but_success_has_a_way_on() -> None:
    """From each other status a success can be reached: nothing is a dead end."""
    reached = {Status.SUCCESS}
    for _ in Status:
        reached |= {status for (status, _), became in MOVES.items() if became in reached}
    assert reached == set(Status)


def test_a_refusal_names_status_and_move() -> None:
    """Whoever catches the refusal can say what was asked of what."""
    with pytest.raises(RefusedMove) as refused:
        after(Status.SKIPPED, Move.RETRY)
    assert (refused.value.status, refused.value.move) == (Status.SKIPPED, Move.RETRY)
