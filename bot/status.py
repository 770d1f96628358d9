"""The status card: how things stand in one glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.actions import page_value
from bot.ages import Age, age_of
from bot.cause import CauseLine, cause_line
from bot.digest import MOST_HOLDS, AgeLine, HoldView, age_lines, hold_views
from bot.listing import needs, rolled
from sync.causes import Cause, Shared
from sync.figures import Figures, Unread
from sync.money import Money
from sync.records import Filters
from sync.states import Status
from sync.store import summed

MOST_CAUSES = 5


@dataclass(frozen=True, slots=True)
class Yours:
    """What somebody has taken on."""

    causes: int
    documents: int
    amounts: Sequence[Money]


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
    ageing: Sequence[AgeLine]
    oldest: Age | None
    causes: Sequence[CauseLine]
    more_causes: int
    shared: Shared
    asleep: int
    yours: Yours | None
    holds: Sequence[HoldView]
    unread: Sequence[Unread]
    routes: Sequence[str]
    unattended: bool
    show_all: str
    log: str


def status_view(figures: Figures, now: datetime, person: str = "") -> StatusView:
    """Return the card of `figures` as seen `now` by `person`, a Slack user id or nobody."""
    count = figures.by_status
    needing = [one for line in rolled(_needing(figures, now)) for one in line]
    return StatusView(
        need=figures.need,
        pending=count.get(Status.PENDING, 0),
        processing=count.get(Status.PROCESSING, 0),
        success=count.get(Status.SUCCESS, 0),
        retrying=figures.retrying,
        waiting=figures.waiting,
        synced=figures.synced_since,
        at_risk=figures.at_risk,
        ageing=age_lines(figures.ageing),
        oldest=age_of(figures.oldest, now) if figures.oldest else None,
        causes=[
            cause_line(one, now, place=place)
            for place, one in enumerate(needing[:MOST_CAUSES], start=1)
        ],
        more_causes=max(0, len(needing) - MOST_CAUSES),
        shared=figures.shared,
        asleep=sum(one.sleeps(now) for one in figures.causes),
        yours=_yours(figures, person),
        holds=hold_views(figures),
        unread=figures.unread[:MOST_HOLDS],
        routes=figures.routes,
        unattended=figures.unattended,
        show_all=page_value(Filters(statuses=(Status.FAILED,))),
        log=page_value(Filters()),
    )


def _needing(figures: Figures, now: datetime) -> list[Cause]:
    return [one for one in figures.causes if needs(one, now)]


def _yours(figures: Figures, person: str) -> Yours | None:
    theirs = [one for one in figures.causes if person and one.owner and one.owner.id == person]
    if not theirs:
        return None
    amounts = summed(money for one in theirs for money in one.amounts)
    return Yours(len(theirs), sum(one.count for one in theirs), amounts)
