"""How things stand, as the status card and the digest count it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync.causes import NOTHING_SHARED, Ageing, Cause, Shared
from sync.money import Money
from sync.records import Actor, Hold
from sync.states import Status


@dataclass(frozen=True, slots=True)
class Way:
    """A route as people call it: from which system to which, and to whose account there."""

    source: str
    destination: str
    account: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A source that could not be swept whole: why, and since when its list is not known."""

    connection: str
    system: str
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand: what the status card and the digest count."""

    by_status: dict[Status, int]
    retrying: int
    """Failed syncs that the engine tries again by itself."""

    waiting: int
    """Pending syncs that wait for something other than their turn."""

    synced_since: int
    ageing: Ageing
    """Failed documents that need somebody, each counted once."""

    causes: Sequence[Cause]
    """What stops anything now, by the documents that mending it releases."""

    shared: Shared = NOTHING_SHARED
    """Of those that ask for somebody now: documents that stand under several of them."""

    holds: Sequence[Hold] = ()
    unread: Sequence[Unread] = ()
    oldest: datetime | None = None
    resolved_since: int = 0
    routes: Sequence[str] = ()
    unattended: bool = False
    """No worker process runs, and this one only hands lanes out: nothing is sent."""
    ways: Sequence[Way] = ()
    """The routes, as people call them."""

    new: Mapping[int, int] = field(default_factory=dict)
    """By cause: how many of its failed documents had never failed before."""

    closed: Sequence[Cause] = ()
    """Causes that were closed since then, and are so still."""

    menders: Mapping[int, Actor] = field(default_factory=dict)
    """By cause that is closed: who mended it, where it was done here."""

    @property
    def need(self) -> int:
        """How many failed documents need somebody."""
        return self.ageing.count

    @property
    def at_risk(self) -> Sequence[Money]:
        """Their amounts, one per currency."""
        return self.ageing.amounts
