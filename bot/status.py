"""The status card: how things stand in one glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions import page_value
from bot.ages import Age, age_of
from bot.digest import MOST_HOLDS, HoldView, hold_views
from sync.errors import ErrorType
from sync.figures import Figures, Unread
from sync.money import Money
from sync.records import Filters
from sync.states import Status

MOST_TYPES = 6


@dataclass(frozen=True, slots=True)
class TypeLine:
    """One error type with its open documents."""

    error_type: ErrorType
    count: int
    amounts: Sequence[Money]
    causes: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """The card for `templates/status.xml`."""

    need: int
    pending: int
    processing: int
    success: int
    retrying: int
    waiting: int
    synced: int
    at_risk: Sequence[Money]
    oldest: Age | None
    types: Sequence[TypeLine]
    more_types: int
    holds: Sequence[HoldView]
    unread: Sequence[Unread]
    routes: Sequence[str]
    unattended: bool
    show_all: str
    log: str


def status_view(figures: Figures, now: datetime) -> StatusView:
    """Return the card of `figures` as seen `now`."""
    count = figures.by_status
    return StatusView(
        need=figures.need,
        pending=count.get(Status.PENDING, 0),
        processing=count.get(Status.PROCESSING, 0),
        success=count.get(Status.SUCCESS, 0),
        retrying=figures.retrying,
        waiting=figures.waiting,
        synced=figures.synced_since,
        at_risk=figures.at_risk,
        oldest=age_of(figures.oldest, now) if figures.oldest else None,
        types=[
            TypeLine(group.error_type, group.count, group.amounts, len(group.causes))
            for group in figures.groups[:MOST_TYPES]
        ],
        more_types=max(0, len(figures.groups) - MOST_TYPES),
        holds=hold_views(figures),
        unread=figures.unread[:MOST_HOLDS],
        routes=figures.routes,
        unattended=figures.unattended,
        show_all=page_value(Filters(statuses=(Status.FAILED,))),
        log=page_value(Filters()),
    )
