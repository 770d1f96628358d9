"""A bulk retry as a value: whose documents, who asked and approved, what became of them.

A person asks once for all documents that a cause stops. What is large waits for a second person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sync.batches import Counts
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor

APPROVED_WITHIN = timedelta(hours=24)
"""So long a large bulk retry waits for its second person (product, section 5)."""

GROWN_BY = Decimal("1.1")
"""From this share of what was shown on, an approval asks again."""


class BulkState(StrEnum):
    """Where a bulk retry stands."""

    ASKED = "asked"
    """Waits for a second person."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    """Nothing more is sent back; what is queued is finished."""

    STOPPED = "stopped"
    DONE = "done"
    STILL = "still"
    """The cause was still there: nothing was sent."""

    LAPSED = "lapsed"
    """Nobody approved it in time: nothing was sent."""

    FAILED = "failed"
    """A mistake of ours ended it; what is queued is finished all the same."""


ACTIVE = (BulkState.ASKED, BulkState.QUEUED, BulkState.RUNNING, BulkState.STOPPING)
WORKED = (BulkState.QUEUED, BulkState.RUNNING, BulkState.STOPPING)
"""The states in which somebody has to do something about it."""

_SENDING = (BulkState.ASKED, BulkState.QUEUED, BulkState.RUNNING)


@dataclass(frozen=True, slots=True)
class Size:
    """How many documents, and their amounts, one per currency."""

    count: int
    amounts: Sequence[Money]

    def outgrows(self, shown: "Size") -> bool:
        """Return whether this is so much more than was shown that one must be asked again."""
        before = {one.currency: abs(one.amount) for one in shown.amounts}
        return self.count > shown.count * GROWN_BY or any(
            abs(one.amount) > before.get(one.currency, Decimal(0)) * GROWN_BY
            for one in self.amounts
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What one person may send alone: documents, and an amount by currency.

    A currency that is not named has no limit of its own.
    """

    documents: int = 100
    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    def exceeded(self, size: Size) -> bool:
        """Return whether a second person must agree."""
        return size.count > self.documents or any(
            abs(one.amount) > self.amounts[one.currency]
            for one in size.amounts
            if one.currency in self.amounts
        )


@dataclass(frozen=True, slots=True)
class Bulk:
    """One bulk retry of a cause's documents; `size` is what the person who asked was shown.

    `sent` is how many were sent back, `upto` the store's mark of the last one to send, None when
    there is no more. `message` belongs to the surface alone; `reason` says why nothing was sent or
    what went wrong.
    """

    id: int
    cause_id: int
    lane: str
    system: str
    error_type: ErrorType
    key: str
    state: BulkState
    size: Size
    anyway: bool
    by: Actor
    approver: Actor | None
    approve_until: datetime | None
    sent: int
    upto: int | None
    reason: str | None
    owner: str | None
    created_at: datetime
    finished_at: datetime | None
    message: dict[str, Any] | None

    @property
    def active(self) -> bool:
        """Whether it has not come to an end."""
        return self.state in ACTIVE

    @property
    def all_sent(self) -> bool:
        """Whether there is nothing more to send back."""
        return self.upto is None


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """A bulk retry and how its documents stand, counted now."""

    bulk: Bulk
    counts: Counts
    held: bool
    """Whether its lane waits for a connection."""

    @property
    def left(self) -> int:
        """How many have not ended: those to be sent and those on their way."""
        sends = self.bulk.state in _SENDING and not self.bulk.all_sent
        unsent = max(self.bulk.size.count - self.bulk.sent, 0) if sends else 0
        return unsent + self.counts.pending


class AlreadyRunning(Exception):
    """A bulk retry of the same cause has not come to its end; `bulk` is it."""

    def __init__(self, bulk: Bulk) -> None:
        super().__init__(f"bulk retry {bulk.id} of cause {bulk.cause_id} is {bulk.state}")
        self.bulk = bulk


class Nothing(Exception):
    """The cause stops nothing that a person could retry."""


class Approval(StrEnum):
    """What became of an approval."""

    APPROVED = "approved"
    OWN = "own"
    """Who asked cannot approve."""

    GROWN = "grown"
    """There is more than was shown: the new figures are asked for."""

    EMPTY = "empty"
    """Nothing is left to retry."""

    LATE = "late"
    """It no longer waits for an approval."""


def size_of(counted: Iterable[tuple[str | None, int, int]]) -> Size:
    """Return the size of (currency, count, minor units) per currency."""
    rows = sorted(counted, key=lambda row: row[0] or "")
    amounts = [Money.from_minor(minor, currency) for currency, _, minor in rows if currency]
    return Size(sum(count for _, count, _ in rows), amounts)
