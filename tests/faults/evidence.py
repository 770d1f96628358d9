"""What the systems around the engine recorded in a run, as the checker takes it: plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """A document in the destination's own ledger."""

    source_id: str
    kind: str
    minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """A create that the destination received; in flight from `at` to `until`."""

    source_id: str
    kind: str
    at: datetime
    until: datetime
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """A press that Slack knows to be delivered: acknowledged."""

    receipt: str
    user: str
    sync_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A message in Slack's own ledger; `lost` where its answer was."""

    at: datetime
    channel: str
    user: str | None
    text: str
    uid: str | None
    lost: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the systems around the engine recorded; `wanted` is each source document's amount."""

    wanted: Mapping[tuple[str, str], tuple[int, str]]
    bookings: Sequence[Booking]
    sent: Sequence[Sent]
    presses: Sequence[Press] = ()
    said: Sequence[Said] = ()
    renewals: Mapping[str, int] = field(default_factory=dict)
    single_use: bool = False
    spoilt: bool = False
    canaries: Sequence[str] = ()
    plain: Sequence[str] = ()
    """Texts that people or files get to see: traces, logs."""

    healed_at: datetime | None = None
    ended_at: datetime | None = None
    listened: bool = False
    """Whether somebody delivered what was to be said in Slack."""

    digest_channel: str = ""
