"""One cause in words and buttons: as a line of a digest or a list, and on a page of its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions import ActionId, numbered, page_value
from bot.ages import Age, age_of
from bot.rows import Row, Who, row_of, who_of
from sync.causes import Cause, Deed, Verdict
from sync.errors import ErrorType, Remedy
from sync.money import Money
from sync.nearness import Near, alike
from sync.records import Filters, Sync
from sync.states import Status

NO_FIX = frozenset({Remedy.RETRYING, Remedy.WAITING, Remedy.NOTHING, Remedy.UNKNOWN})
"""Remedies that leave a person nothing to enter or choose."""

OF_CUSTOMERS = frozenset(
    {
        ErrorType.CUSTOMER_EMAIL_MISSING,
        ErrorType.CUSTOMER_INVALID,
        ErrorType.CUSTOMER_INACTIVE,
    }
)
"""Causes that people know by the customer's name, not by the key."""

_RATE = re.compile(r"\d+(?:\.\d+)?")
"""A tax that is named by its rate in percent."""

MOST_ROWS = 10
MOST_DEEDS = 5


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause as it stands: figures, history, the last look, and what may be pressed.

    `called` is the key, or the customer's name where the cause is about one, or the reason where
    the key is only a hash of it.
    """

    value: str
    error_type: ErrorType
    remedy: Remedy
    system: str
    called: str
    count: int
    amounts: Sequence[Money]
    releases: int
    released: Sequence[Money]
    retrying: int
    new: int
    oldest: Age
    first_seen: datetime
    openings: int
    fixed_at: datetime | None
    closed_at: datetime | None
    owner: Who | None
    gone_at: datetime | None
    still: str
    looked_at: datetime | None
    snoozed_until: datetime | None
    near: str
    """A code of the destination that the eye takes for the key."""

    differs: Near | None
    """How it differs; None where there is none, and once the cause is gone."""

    can_fix: bool
    fix_action: str
    check_action: str
    view_action: str
    menu_action: str
    show_all: str
    """Value of the button that shows the log of its failed documents."""


@dataclass(frozen=True, slots=True)
class CauseView:
    """One cause with what people did about it and the newest of its documents."""

    line: CauseLine
    deeds: Sequence["DeedLine"]
    documents: Sequence["Behind"]
    more: int


@dataclass(frozen=True, slots=True)
class Behind:
    """A document that the cause stops; `first`: it gives the reason that the row shows."""

    row: Row
    first: bool


@dataclass(frozen=True, slots=True)
class DeedLine:
    """What somebody did about the cause, and what came of the retry that followed."""

    kind: str
    by: Who
    at: datetime
    tried: int
    synced: int


def cause_line(
    cause: Cause, now: datetime, *, place: int = 1, name: str = "", new: int = 0
) -> CauseLine:
    """Return a cause as seen `now`; `place` tells its buttons from those of other lines.

    `name` is the customer's or the reason; `new` counts its documents that had never failed before.
    """
    told = cause.checked
    gone_at = told.at if told and told.verdict is Verdict.GONE else None
    return CauseLine(
        **{name: getattr(cause, name) for name in _SAME},
        value=str(cause.id),
        called=called(cause, name),
        new=new,
        oldest=age_of(cause.oldest, now),
        owner=who_of(cause.owner) if cause.owner else None,
        gone_at=gone_at,
        still=told.reason if told and told.verdict is Verdict.STILL else "",
        looked_at=told.at if told else None,
        snoozed_until=cause.snoozed_until if cause.sleeps(now) else None,
        near=cause.near,
        differs=alike(cause.key, cause.near) if cause.near and not gone_at else None,
        can_fix=cause.remedy not in NO_FIX,
        fix_action=numbered(ActionId.FIX, place),
        check_action=numbered(ActionId.CHECK, place),
        view_action=numbered(ActionId.CAUSE, place),
        menu_action=numbered(ActionId.CAUSE_MENU, place),
        show_all=page_value(
            Filters(
                statuses=(Status.FAILED,),
                error_type=cause.error_type,
                cause_key=cause.key or None,
                destination=cause.lane,
            )
        ),
    )


_SAME = (
    *("error_type", "remedy", "system", "count", "amounts", "releases", "released", "retrying"),
    *("first_seen", "openings", "fixed_at", "closed_at"),
)
"""What a line shows just as the cause has it."""


def called(cause: Cause, name: str) -> str:
    """Return what people call a cause's subject: a name, a reason, a tax's rate, else the key."""
    if cause.error_type is ErrorType.TAX_NOT_MAPPED and _RATE.fullmatch(cause.key):
        return f"{cause.key} %"
    is_named = cause.error_type in OF_CUSTOMERS or cause.error_type is ErrorType.UNKNOWN
    return name if name and is_named else cause.key


def cause_view(
    cause: Cause, deeds: Sequence[Deed], syncs: Sequence[Sync], now: datetime
) -> CauseView:
    """Return the page of a cause; `syncs` are documents that it stops, the newest first."""
    documents = [
        Behind(row_of(sync, place), _is_first(cause, sync))
        for place, sync in enumerate(syncs[:MOST_ROWS], start=1)
    ]
    is_unknown = cause.error_type is ErrorType.UNKNOWN
    reasons = (sync.reason for sync in syncs if _is_first(cause, sync))
    names = reasons if is_unknown else (sync.customer for sync in syncs)
    line = cause_line(cause, now, name=next(filter(None, names), ""))
    more = max(0, cause.count - len(documents))
    return CauseView(line, [_deed(deed) for deed in deeds[:MOST_DEEDS]], documents, more)


def _is_first(cause: Cause, sync: Sync) -> bool:
    return (sync.error_type, sync.cause_key) == (cause.error_type, cause.key)


def _deed(deed: Deed) -> DeedLine:
    return DeedLine(deed.kind.value, who_of(deed.by), deed.at, deed.tried, deed.synced)
