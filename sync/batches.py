"""A backfill as a value: which days of which route, how far it walked, what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sync.money import Money
from sync.records import Actor


class BatchState(StrEnum):
    """Where a backfill stands."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    """Nothing more is put in; what is queued is finished."""

    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    """Its source answered what cannot be understood; what is queued is finished all the same."""


ACTIVE = (BatchState.QUEUED, BatchState.RUNNING, BatchState.STOPPING)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the source listed so far, by what was done with it."""

    listed: int = 0
    new: int = 0
    known: int = 0
    """In the log already, from elsewhere: left alone."""

    failed_before: int = 0
    """Of the known ones: those that had failed. A retry sends them, a backfill does not."""

    passed_over: int = 0
    """What cannot be read, such as an odd order."""

    @property
    def left_out(self) -> int:
        """How many are not to be synced: another status, voided, made by invsync itself."""
        return self.listed - self.new - self.known - self.passed_over


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk stands: `day` begins the part that is walked, None once it is at its end.

    `before` is the tally at that day's beginning: a part that is walked again is counted anew.
    `refused` is the connection that must be opened again before the walk goes on.
    """

    day: date | None
    before: Tally = Tally()
    tally: Tally = Tally()
    refused: str | None = None
    odd: str | None = None
    """Why the last document that was passed over cannot be read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One backfill: a route's documents from `first` to `last`, both included, source's days.

    `message` belongs to the surface alone; `reason` says why it waits or failed.
    """

    id: int
    route_id: int
    route: str
    lane: str
    source: str
    source_system: str
    destination: str
    destination_system: str
    first: date
    last: date
    state: BatchState
    place: Place
    reason: str | None
    by: Actor
    owner: str | None
    created_at: datetime
    finished_at: datetime | None
    message: dict[str, Any] | None

    @property
    def walked(self) -> bool:
        """Whether everything of the period was looked at."""
        return self.place.day is None

    @property
    def active(self) -> bool:
        """Whether it has not come to an end."""
        return self.state in ACTIVE


@dataclass(frozen=True, slots=True)
class Counts:
    """How the documents of a backfill or a bulk retry stand; amounts one per currency."""

    pending: int = 0
    """Waiting their turn or being worked on."""

    waiting: int = 0
    """Returns that wait for their invoice: they end by themselves, whenever that is."""

    synced: int = 0
    failed: int = 0
    skipped: int = 0
    synced_amounts: Sequence[Money] = ()
    failed_amounts: Sequence[Money] = ()

    @property
    def new(self) -> int:
        """How many documents there are."""
        return self.pending + self.waiting + self.synced + self.failed + self.skipped


class AlreadyRunning(Exception):
    """A backfill of the same route has not come to its end; `batch` is it."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(f"backfill {batch.id} of {batch.route} is {batch.state}")
        self.batch = batch


class Flaw(StrEnum):
    """What is wrong with a period."""

    REVERSED = "reversed"
    """Its first day is after its last."""

    FUTURE = "future"
    """Its last day has not begun anywhere."""

    TOO_LONG = "too_long"
    """It is longer than `LONGEST`."""


class BadPeriod(ValueError):
    """A period that no backfill can walk; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Progress:
    """A backfill and how its documents stand, counted now."""

    batch: Batch
    counts: Counts
    held: bool
    """Whether its lane waits for a connection."""
