"""The digest: one message that is drawn again whenever a sync it lists moves (product, section 4).

What it lists is fixed when it is posted (`kept`); how those syncs stand is read at each drawing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.actions import page_value
from bot.ages import Age, age_of
from bot.rows import Row, row_of
from sync.causes import Cause
from sync.errors import ErrorType, Remedy, remedy_of
from sync.figures import Figures, Group, Unread
from sync.money import Money
from sync.outward import Digest
from sync.records import Filters, Hold, HoldKind, Sync
from sync.states import Status

MOST_GROUPS = 6
MOST_CAUSES = 5
MOST_HOLDS = 5

_OVER = frozenset({Status.SUCCESS, Status.SKIPPED})
_ALL_FAILED = Filters(statuses=(Status.FAILED,))


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause: what is wrong with what, how many documents it stops, since when."""

    error_type: ErrorType
    key: str
    count: int
    amounts: Sequence[Money]
    oldest: Age


@dataclass(frozen=True, slots=True)
class Smaller:
    """The causes that got no line of their own."""

    causes: int
    documents: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """One error type: its open documents and causes now, and the rows that were listed."""

    error_type: ErrorType
    remedy: Remedy
    destination: str
    count: int
    amounts: Sequence[Money]
    causes: Sequence[CauseLine]
    smaller: Smaller | None
    rows: Sequence[Row]
    show_all: str
    """Value of the button that shows the log of this error type."""

    done: bool
    """Nothing of this type is open any more, and what was listed is over."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The error types that got no section of their own."""

    types: Sequence[ErrorType]
    documents: int


@dataclass(frozen=True, slots=True)
class HoldView:
    """A lane that waits for its connection; `next_at`: when a breaker asks it again."""

    connection: str
    system: str
    reason: str
    since: datetime
    waiting: int
    amounts: Sequence[Money]
    kind: HoldKind
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class DigestView:
    """The digest for `templates/digest.xml`."""

    day: date
    since: datetime
    need: int
    synced: int
    retrying: int
    waiting: int
    resolved: int
    routes: Sequence[str]
    at_risk: Sequence[Money]
    oldest: Age | None
    groups: Sequence[GroupView]
    rest: Rest | None
    holds: Sequence[HoldView]
    unread: Sequence[Unread]
    show_all: str
    next_at: datetime | None


def kept(figures: Figures) -> list[dict[str, Any]]:
    """Return what a digest posted now lists, as JSON: error types with the ids of their syncs."""
    return [
        {"error_type": group.error_type.value, "syncs": [sync.id for sync in group.newest]}
        for group in figures.groups[:MOST_GROUPS]
    ]


def digest_view(
    figures: Figures,
    digest: Digest,
    listed: Mapping[int, Sync],
    *,
    now: datetime,
    next_at: datetime | None,
    most: int = MOST_GROUPS,
) -> DigestView:
    """Return the digest as things stand `now`, with at most `most` error types in full."""
    by_type = {group.error_type: group for group in figures.groups}
    shown = digest.groups[:most]
    types = [ErrorType(group["error_type"]) for group in shown]
    return DigestView(
        day=digest.local_date,
        since=digest.since,
        need=figures.need,
        synced=figures.synced_since,
        retrying=figures.retrying,
        waiting=figures.waiting,
        resolved=figures.resolved_since,
        routes=figures.routes,
        at_risk=figures.at_risk,
        oldest=age_of(figures.oldest, now) if figures.oldest else None,
        groups=[
            _group(kind, by_type.get(kind), [listed[i] for i in group["syncs"] if i in listed], now)
            for kind, group in zip(types, shown, strict=True)
        ],
        rest=_rest(figures, types),
        holds=hold_views(figures),
        unread=figures.unread[:MOST_HOLDS],
        show_all=page_value(_ALL_FAILED),
        next_at=next_at,
    )


def hold_views(figures: Figures) -> list[HoldView]:
    """Return the held lanes, at most five."""
    return [_hold(hold) for hold in figures.holds[:MOST_HOLDS]]


def _group(
    error_type: ErrorType, group: Group | None, syncs: Sequence[Sync], now: datetime
) -> GroupView:
    causes = group.causes if group else ()
    return GroupView(
        error_type=error_type,
        remedy=remedy_of(error_type),
        destination=syncs[0].destination_system if syncs else "",
        count=group.count if group else 0,
        amounts=group.amounts if group else (),
        causes=[_cause(cause, now) for cause in causes[:MOST_CAUSES]],
        smaller=_smaller(causes[MOST_CAUSES:]),
        rows=[row_of(sync, place) for place, sync in enumerate(syncs, start=1)],
        show_all=page_value(Filters(statuses=(Status.FAILED,), error_type=error_type)),
        done=group is None and all(sync.status in _OVER for sync in syncs),
    )


def _cause(cause: Cause, now: datetime) -> CauseLine:
    return CauseLine(
        cause.error_type, cause.key, cause.count, cause.amounts, age_of(cause.oldest, now)
    )


def _smaller(causes: Sequence[Cause]) -> Smaller | None:
    return Smaller(len(causes), sum(cause.count for cause in causes)) if causes else None


def _rest(figures: Figures, shown: Sequence[ErrorType]) -> Rest | None:
    others = [group for group in figures.groups if group.error_type not in shown]
    if not others:
        return None
    types = [group.error_type for group in others]
    return Rest(types, sum(group.count for group in others))


def _hold(hold: Hold) -> HoldView:
    return HoldView(
        hold.connection,
        hold.system,
        hold.reason,
        hold.since,
        hold.waiting,
        hold.amounts,
        hold.kind,
        hold.next_at,
    )
