"""How things stand, as the status card and the digest count it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sync.causes import Ageing, Cause
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Hold, Sync
from sync.states import Status


@dataclass(frozen=True, slots=True)
class Group:
    """All causes of one error type, the largest first, and the newest three of their syncs.

    A document with two causes of the type counts for each of them.
    """

    error_type: ErrorType
    count: int
    amounts: Sequence[Money]
    causes: Sequence[Cause]
    newest: Sequence[Sync]


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

    groups: Sequence[Group]
    """The causes that need somebody, by error type, largest count first."""

    holds: Sequence[Hold] = ()
    unread: Sequence[Unread] = ()
    oldest: datetime | None = None
    resolved_since: int = 0
    routes: Sequence[str] = ()
    unattended: bool = False
    """No worker process runs, and this one only hands lanes out: nothing is sent."""

    @property
    def need(self) -> int:
        """How many failed documents need somebody."""
        return self.ageing.count

    @property
    def at_risk(self) -> Sequence[Money]:
        """Their amounts, one per currency."""
        return self.ageing.amounts
