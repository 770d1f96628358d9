"""The states of a sync and the only moves between them.

What is absent is the rule: no move leaves SUCCESS, and nothing retries a sync that is PROCESSING.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a sync stands. Each member says who moves it on, and what a crash leaves behind."""

    PENDING = "pending"
    """Waits for its lane, which claims it when it is due. A crash changes nothing."""

    PROCESSING = "processing"
    """A worker has it under a lease. After a crash the lease ends and RESCUE hands it on."""

    SUCCESS = "success"
    """The destination document is known, its amounts agree. Nothing moves it; a trigger agrees."""

    FAILED = "failed"
    """Stopped with a reason. A person, or the policy for passing troubles, may RETRY it."""

    SKIPPED = "skipped"
    """A person decided, with a reason, not to sync it. A person may REOPEN it."""


class Move(StrEnum):
    """What can happen to a sync; the audit names each by this word."""

    DISCOVER = "discover"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    POSTPONE = "postpone"
    RESCUE = "rescue"
    RETRY = "retry"
    HURRY = "hurry"
    SKIP = "skip"
    LINK = "link"
    REOPEN = "reopen"


MOVES = {
    (Status.PENDING, Move.START): Status.PROCESSING,
    (Status.PROCESSING, Move.SUCCEED): Status.SUCCESS,
    (Status.PROCESSING, Move.FAIL): Status.FAILED,
    (Status.PROCESSING, Move.POSTPONE): Status.PENDING,
    (Status.PROCESSING, Move.RESCUE): Status.PROCESSING,
    (Status.FAILED, Move.RETRY): Status.PENDING,
    (Status.PENDING, Move.HURRY): Status.PENDING,
    (Status.FAILED, Move.SKIP): Status.SKIPPED,
    (Status.FAILED, Move.LINK): Status.SUCCESS,
    (Status.SKIPPED, Move.REOPEN): Status.PENDING,
}


class RefusedMove(Exception):
    """The table of moves has no such move from this status."""

    def __init__(self, status: Status, move: Move) -> None:
        super().__init__(f"{move} is not possible while {status}")
        self.status = status
        self.move = move


def after(status: Status, move: Move) -> Status:
    """Return the status a sync has once `move` is made; raises RefusedMove where none is."""
    try:
        return MOVES[status, move]
    except KeyError:
        raise RefusedMove(status, move) from None
