"""Answers to what people press and type: one line per number (product, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.blockers import BlockerView, blocker_of, blocker_view, first_to_fix
from bot.rows import Row, Who, row_of, who_of
from sync.causes import Cause
from sync.records import Answer, Found, Numbered, Retried, Sync
from sync.states import Status

_Line = TypeVar("_Line")

LINES_IN_A_SECTION = 10
"""Slack folds long sections away; ten lines stay in sight and below its 3,000 characters."""


@dataclass(frozen=True, slots=True)
class RetriedLine:
    """What became of one press on Retry; `first` pressed before: it has not ended, or is synced.

    `again`: that was the same person. `seconds`: how long it has been processing, where it is.
    """

    number: str
    answer: Answer
    row: Row | None
    first: Who | None
    again: bool
    seconds: int | None


@dataclass(frozen=True, slots=True)
class BroughtLine:
    """What became of one number given to `sync`."""

    number: str
    found: Found
    reason: str | None
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class RetriedView:
    """The lines for `templates/retried.xml`, in parts of ten; `missing` has no row in the log."""

    lines: Sequence[RetriedLine]
    parts: Sequence[Sequence[RetriedLine]]
    missing: str | None


@dataclass(frozen=True, slots=True)
class BroughtView:
    """The lines for `templates/brought.xml`, in parts of ten; `missing` was found nowhere."""

    lines: Sequence[BroughtLine]
    parts: Sequence[Sequence[BroughtLine]]
    missing: str | None


@dataclass(frozen=True, slots=True)
class FinishedView:
    """How an attempt ended, for `templates/finished.xml`.

    `stop` is what stands in the way first, `still` whether it did so before; `more` counts the
    others; `value` is what the Fix button carries, or None. `retrying`: this is told while the
    engine tries again by itself, and the end will be told too.
    """

    row: Row
    stop: BlockerView | None = None
    still: bool = False
    more: int = 0
    retrying: bool = False


def finished_view(
    sync: Sync, causes: Sequence[Cause] = (), *, retrying: bool = False
) -> FinishedView:
    """Return how an attempt ended; `causes` are what stops the document, first what it says."""
    row = row_of(sync)
    if sync.status is not Status.FAILED or not causes:
        return FinishedView(row, retrying=retrying)
    first = first_to_fix(causes) or causes[0]
    stop = blocker_view(blocker_of(first, sync), sync, {first.id: first}, {})
    return FinishedView(row, stop, sync.failures > 1, len(causes) - 1, retrying)


def retried_view(answers: Sequence[tuple[str, Retried]], now: datetime) -> RetriedView:
    """Return what became of each press, as seen `now`."""
    lines = [_retried(number, answer, now) for number, answer in answers]
    lost = (line.number for line in lines if line.answer is Answer.NOT_FOUND)
    return RetriedView(lines, _parts(lines), next(lost, None))


def brought_view(answers: Sequence[Numbered]) -> BroughtView:
    """Return what became of each number."""
    lines = [
        BroughtLine(one.number, one.found, one.reason, [row_of(sync) for sync in one.syncs])
        for one in answers
    ]
    lost = (line.number for line in lines if line.found is Found.NOT_FOUND)
    return BroughtView(lines, _parts(lines), next(lost, None))


def _retried(number: str, answer: Retried, now: datetime) -> RetriedLine:
    row = row_of(answer.sync) if answer.sync else None
    first = who_of(answer.first) if answer.first else None
    began = row.at if row and answer.answer is Answer.PROCESSING else None
    seconds = max(0, int((now - began).total_seconds())) if began else None
    shown = row.number if row else number
    return RetriedLine(shown, answer.answer, row, first, answer.again, seconds)


def _parts(lines: Sequence[_Line]) -> list[Sequence[_Line]]:
    size = LINES_IN_A_SECTION
    return [lines[at : at + size] for at in range(0, len(lines), size)]
