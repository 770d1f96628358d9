"""What became of a press on Reopen: done, done before by somebody, or nothing to reopen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.rows import Row, Who, row_of, who_of
from sync.causes import Deed
from sync.records import Sync
from sync.states import Status

MOVING = frozenset({Status.PENDING, Status.PROCESSING})
"""States after which there is an end to be told."""


class Reopening(StrEnum):
    """What a press came to."""

    DONE = "done"
    BEFORE = "before"
    """Somebody had reopened it already."""

    NOT_SKIPPED = "not_skipped"


@dataclass(frozen=True, slots=True)
class ReopenedView:
    """The answer for `templates/reopened.xml`; `first` reopened it before, at that time (UTC).

    `again`: that was the same person. `moving`: it has not ended, so the end will be told.
    """

    came: Reopening
    row: Row
    first: Who | None = None
    at: datetime | None = None
    again: bool = False
    moving: bool = False


def reopened_view(sync: Sync, by: str, first: Deed | None, *, done: bool) -> ReopenedView:
    """Return what a press of `by` came to; `first` is who reopened the document before, if any."""
    row, moving = row_of(sync), sync.status in MOVING
    if done:
        return ReopenedView(Reopening.DONE, row, moving=moving)
    if first is None:
        return ReopenedView(Reopening.NOT_SKIPPED, row, moving=moving)
    again = first.by.id == by
    return ReopenedView(Reopening.BEFORE, row, who_of(first.by), first.at, again, moving)
