"""What the store returns and the engine's callers see: rows as frozen values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.states import Status

CHANGED, ROUNDED, ALREADY_SYNCED = "changed", "rounded", "already_synced"
CREDIT_ON_INVOICE = "credit_on_invoice"
LINKED = "linked"
"""Notes on a success; what each says stands at `Sync.note`."""

CONNECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""What a connection may be called: a route joins two of them with a colon."""

INVESTIGATE_FROM = 3
"""From this failed outcome on a sync needs investigation (product, section 2, rule 4)."""


class Trigger(StrEnum):
    """Why an attempt began."""

    SWEEP = "sweep"
    WEBHOOK = "webhook"
    BACKFILL = "backfill"
    PERSON = "person"
    ENGINE = "engine"
    PARENT = "parent"


class WaitingFor(StrEnum):
    """What a pending or processing sync waits for, where it does not just wait its turn."""

    ANSWER = "answer"
    """The destination did not answer a create; a look-up follows when `settle` is over."""

    BACKOFF = "backoff"
    PREREQUISITE = "prerequisite"
    CONNECTION = "connection"


class Priority:
    """The order of claims in a lane: a person's click first."""

    PERSON = 0
    WEBHOOK = 10
    SWEEP = 20
    BULK = 25
    """Retries of a cause: a click and what is new overtake them."""

    BACKFILL = 30


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moves a sync: a person's id as the surface knows it, or the engine itself."""

    id: str
    name: str = ""


ENGINE = Actor("engine")
TERMINAL = Actor("terminal")


@dataclass(frozen=True, slots=True)
class Connection:
    """An authenticated account of one system, without its secret."""

    id: int
    system: str
    name: str
    base_url: str
    api_prefix: str | None
    web_url: str | None
    account: str
    account_name: str


@dataclass(frozen=True, slots=True)
class Route:
    """Which source feeds which destination; `since` is the source's own day, `statuses` slugs."""

    id: int
    name: str
    source: Connection
    destination: Connection
    since: date
    statuses: Sequence[str]
    watermark: datetime | None = None
    """Up to here the source's changes are known (UTC); None before the first whole sweep."""

    walked_at: datetime | None = None
    """When the source's whole list was walked last (UTC)."""

    @property
    def lane(self) -> str:
        """The lane of this route's syncs: their destination connection."""
        return self.destination.name


@dataclass(frozen=True, slots=True)
class Sync:
    """One row of the log: one source document's way along a route."""

    id: int
    route: str
    route_id: int
    source_key: str
    source_id: str
    kind: Kind
    order_id: str
    order_number: str
    document_number: str | None
    source_system: str
    destination_system: str
    source_url: str | None
    lane: str
    status: Status
    attempts: int
    retries: int
    failures: int
    fence: int
    sent_at: datetime | None
    not_before: datetime | None
    waiting_for: WaitingFor | None
    error_type: ErrorType | None
    cause_key: str | None
    reason: str | None
    note: str | None
    """What is notable about a success: `already_synced` where the look-up found it instead of
    creating, `rounded` where the amounts differ within the rounding of taxes, `credit_on_invoice`
    where a credit stands on the original invoice, `changed` where the source changed afterwards,
    `linked` where a person named the document of the books that it is."""

    amount: Money | None
    customer: str | None
    destination_id: str | None
    destination_number: str | None
    destination_url: str | None
    discovered_at: datetime
    attempted_at: datetime | None
    finished_at: datetime | None

    @property
    def number(self) -> str:
        """What people call the document: its own number, else the order's."""
        return self.document_number or self.order_number

    @property
    def url(self) -> str | None:
        """Where View leads: the destination document, before there is one the source order."""
        return self.destination_url or self.source_url

    @property
    def needs_investigation(self) -> bool:
        """Whether it failed so often that rule 9's advice stands beside it."""
        return self.status is Status.FAILED and self.failures >= INVESTIGATE_FROM

    @property
    def retrying(self) -> bool:
        """Whether the engine tries a failed sync again by itself, at `not_before`."""
        return self.status is Status.FAILED and self.not_before is not None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a system and its answer, secrets starred; times aware UTC."""

    at: datetime
    system: str
    method: str
    url: str
    status: int | None
    request: str
    response: str
    milliseconds: int
    request_id: str = ""
    """What the system calls this exchange: its support asks for it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a sync; `outcome` is the status it led to, None while it runs."""

    number: int
    trigger: Trigger
    actor: Actor
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error_type: ErrorType | None
    reason: str | None
    exchanges: Sequence[Exchange] = ()
    due: datetime | None = None
    """From when on it waited for its turn."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """What stops a sync now: one of all that were found at once."""

    error_type: ErrorType
    key: str
    reason: str
    cause_id: int | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows of the log: every field narrows; None or empty does not."""

    statuses: tuple[Status, ...] = ()
    kind: Kind | None = None
    error_type: ErrorType | None = None
    cause_key: str | None = None
    source: str | None = None
    destination: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    numbers: tuple[str, ...] = ()
    bulk: int | None = None
    """What this bulk retry sent back last."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log, newest first, with cursors to its neighbours."""

    rows: Sequence[Sync]
    next: str | None
    previous: str | None


class HoldKind(StrEnum):
    """Why a lane is held."""

    REFUSED = "refused"
    """The connection was refused: a person reconnects it."""

    BREAKER = "breaker"
    """The connection gives no answer: it is asked again by itself."""

    PAUSED = "paused"
    """A person has paused the connection, and resumes it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lane that is held: since when, for which connection, and what waits behind it."""

    lane: str
    connection: str
    system: str
    reason: str
    since: datetime
    waiting: int
    amounts: Sequence[Money]
    kind: HoldKind = HoldKind.REFUSED
    next_at: datetime | None = None
    """When a breaker asks the connection again."""


class Answer(StrEnum):
    """What became of a press on Retry."""

    QUEUED = "queued"
    """A failed sync went back to pending."""

    HURRIED = "hurried"
    """A pending sync moved to the front; not counted."""

    ALREADY_SYNCED = "already_synced"
    """A success: nothing was sent."""

    PROCESSING = "processing"
    """Being worked on: nothing was sent, the person is told when it ends."""

    WAITS_FOR_CONNECTION = "waits_for_connection"
    """Its lane is held."""

    SKIPPED = "skipped"
    """A person decided to skip it: nothing was sent."""

    NOT_FOUND = "not_found"
    """No such sync in the log."""


@dataclass(frozen=True, slots=True)
class Retried:
    """The answer to a press: what was done, and the row as it stands after it."""

    answer: Answer
    sync: Sync | None
    first: Actor | None = None
    """Who pressed before, where it has not ended yet or that press synced it."""

    again: bool = False
    """Whether that was the person who presses now."""


class Found(StrEnum):
    """What became of one number given to `sync`."""

    FOUND = "found"
    NOT_FOUND = "record not found"
    NOT_READY = "not ready"
    COPIED = "copied by invsync"
    """invsync itself made it there: it never goes back."""

    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Numbered:
    """The answer for one number: the syncs of its documents, or why there are none."""

    number: str
    found: Found
    syncs: Sequence[Sync] = ()
    reason: str | None = None
