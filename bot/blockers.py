"""What stops a document, as View and outcome messages show it: one line of facts per cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions import fix_value
from bot.rows import Who, led, who_of
from sync.causes import Cause, Checked, Deed
from sync.errors import ErrorType, Remedy, remedy_of
from sync.records import Blocker, Sync

FIXABLE = frozenset({Remedy.NEEDS_DATA, Remedy.NEEDS_MAPPING, Remedy.NEEDS_DECISION})
"""What a form can do something about; a refused connection is reconnected instead."""


@dataclass(frozen=True, slots=True)
class FixView:
    """The last repair of a cause: when, by whom, and how many of the documents it synced.

    `since_opened`: the cause stands, although it was mended after it had opened.
    """

    at: datetime
    by: Who
    tried: int
    synced: int
    since_opened: bool


@dataclass(frozen=True, slots=True)
class BlockerView:
    """What stops the document, with what is known of it and what to do about it.

    `others` is how many more failed documents it stops; `value` is what its Fix button carries, or
    None where no form mends it.
    """

    error_type: ErrorType
    remedy: Remedy
    key: str
    reason: str
    value: str | None = None
    checked: Checked | None = None
    owner: Who | None = None
    again: bool = False
    fix: FixView | None = None
    others: int = 0
    snoozed_until: datetime | None = None


def blocker_view(
    blocker: Blocker, sync: Sync, causes: Mapping[int, Cause], fixes: Mapping[int, Deed]
) -> BlockerView:
    """Return one blocker of a sync with its cause's standing."""
    remedy, reason = remedy_of(blocker.error_type), led(blocker.reason, sync.customer)
    cause = causes.get(blocker.cause_id or 0)
    if cause is None or not cause.open:
        return BlockerView(blocker.error_type, remedy, blocker.key, reason)
    fix = fixes.get(cause.id)
    return BlockerView(
        error_type=blocker.error_type,
        remedy=remedy,
        key=blocker.key,
        reason=reason,
        value=fix_value(cause.id, sync.id) if remedy in FIXABLE else None,
        checked=cause.checked,
        owner=who_of(cause.owner) if cause.owner else None,
        again=cause.openings > 1,
        fix=_fix(fix, cause) if fix else None,
        others=max(0, cause.count - 1),
        snoozed_until=cause.snoozed_until,
    )


def first_to_fix(causes: Sequence[Cause]) -> Cause | None:
    """Return the first cause that a form can mend, or None."""
    return next((one for one in causes if one.open and one.remedy in FIXABLE), None)


def blocker_of(cause: Cause, sync: Sync) -> Blocker:
    """Return a cause as what stops this sync; the reason is the sync's where it is about it."""
    reason = sync.reason if sync.cause_key == cause.key else ""
    return Blocker(cause.error_type, cause.key, reason or "", cause.id)


def _fix(fix: Deed, cause: Cause) -> FixView:
    return FixView(fix.at, who_of(fix.by), fix.tried, fix.synced, fix.at >= cause.opened_at)
