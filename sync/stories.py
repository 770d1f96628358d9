"""The story of one document: everything that View shows of it, joined from what is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync.causes import Cause, Deed
from sync.money import Money
from sync.records import Attempt, Blocker, Sync


@dataclass(frozen=True, slots=True)
class Story:
    """A sync with its attempts (oldest first), what stops it now, and what is known around it."""

    sync: Sync
    attempts: Sequence[Attempt]
    blockers: Sequence[Blocker]
    oddities: Sequence[str] = ()
    """Codes of what is odd in this document's data, such as `blank_at_the_end:HONEY-500 `."""

    causes: Mapping[int, Cause] = field(default_factory=dict)
    """What its blockers stand for, by id."""

    fixes: Mapping[int, Deed] = field(default_factory=dict)
    """The last repair of each cause, by the cause's id."""

    sale: Sync | None = None
    """The invoice that a return belongs to."""

    returns: Sequence[Sync] = ()
    """The returns of an invoice, oldest first."""

    payload_hash: str = ""
    """The SHA-256 of what was sent last; empty where nothing ever was."""

    usual: Money | None = None
    """The median of the route's last documents in this currency, where there are enough."""
