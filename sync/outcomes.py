"""What became of a create: one of four values, decided in one place by `outcome_of`."""

from dataclasses import dataclass
from datetime import timedelta

from sync.documents import Booked
from sync.errors import Failure


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request provably never reached the system, or was turned away unread."""

    failure: Failure
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nobody knows whether the document was created; only a look-up after `settle` can tell."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Rejected:
    """The system said no, and created nothing."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Created:
    """The system created the document and named it; `booked` where its answer told all of it."""

    destination_id: str
    booked: Booked | None = None


Outcome = NotSent | Ambiguous | Rejected | Created
