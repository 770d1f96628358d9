"""The digest: one message, a line per cause, drawn again whenever a figure of a cause changes.

Product, section 4. Which causes it lists is kept (`bot.listing`); how they stand is read at each
drawing. Documents that need somebody, that are retried by themselves and that wait stand apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bot.actions import ActionId, numbered, page_value
from bot.ages import Age, age_of
from bot.cause import CauseLine, called, cause_line
from bot.causes import Wanted, causes_value
from bot.listing import MOST_LINES, Kept, Listed, needs, rolled
from bot.rows import Who, who_of
from sync.causes import Age as Bucket
from sync.causes import Ageing, Cause, Shared
from sync.errors import ErrorType
from sync.figures import Figures, Unread, Way
from sync.money import Money
from sync.outward import Digest
from sync.records import Filters, Hold, HoldKind
from sync.states import Status
from sync.store import summed

MOST_DONE = 5
MOST_HOLDS = 5
MOST_WAYS = 3
MOST_MENDERS = 5

_ON_THE_WAY = frozenset({Status.PENDING, Status.PROCESSING})
_ALL_FAILED = Filters(statuses=(Status.FAILED,))
_AGES = (
    ("0-1\N{NO-BREAK SPACE}d", {Bucket.DAY}),
    ("2-7\N{NO-BREAK SPACE}d", {Bucket.WEEK}),
    ("8+\N{NO-BREAK SPACE}d", {Bucket.MONTH, Bucket.OLDER}),
)


class LineState(StrEnum):
    """How a listed line stands."""

    OPEN = "open"
    MOVING = "moving"
    """None of its documents is failed now, and not all of them are synced."""

    ASLEEP = "asleep"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Line:
    """A cause, or several small ones of one type (`cause` is None then), at its place."""

    state: LineState
    place: int
    cause: CauseLine | None
    error_type: ErrorType
    system: str
    called: str
    causes: int
    count: int
    amounts: Sequence[Money]
    releases: int
    oldest: Age
    new: int
    moving: int
    """How many of its documents wait for their turn or are worked on."""

    synced: int
    listed: int
    by: Who | None
    ended_at: datetime | None
    until: datetime | None
    show_all: str
    show_action: str


@dataclass(frozen=True, slots=True)
class Smaller:
    """The lines that got no place of their own."""

    lines: int
    documents: int
    amounts: Sequence[Money]


@dataclass(frozen=True, slots=True)
class AgeLine:
    """How old what is not in the books is, in one currency: a label and a sum for each age."""

    currency: str
    ages: Sequence[tuple[str, Money]]


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
    asleep: int
    """Causes that somebody let rest."""

    resolved: int
    closed: int
    """Causes that were closed since the last digest, `menders` by whom."""

    menders: Sequence[Who]
    ways: Sequence[Way]
    more_ways: int
    at_risk: Sequence[Money]
    ageing: Sequence[AgeLine]
    lines: Sequence[Line]
    smaller: Smaller | None
    shared: Shared
    """The documents that count in several lines: the lines add up to more than the headline."""

    holds: Sequence[HoldView]
    unread: Sequence[Unread]
    show_all: str
    next_at: datetime | None


def digest_view(
    figures: Figures,
    digest: Digest,
    listed: Listed,
    *,
    now: datetime,
    next_at: datetime | None,
    most: int = MOST_LINES,
) -> DigestView:
    """Return the digest as things stand `now`, with at most `most` open lines."""
    lines = _lines(figures, listed, now)
    busy = [line for line in lines if line.state in {LineState.OPEN, LineState.MOVING}]
    left_out = {line.place for line in busy[most:]}
    menders = dict.fromkeys(who_of(one) for one in figures.menders.values())
    return DigestView(
        day=digest.local_date,
        since=digest.since,
        need=figures.need,
        synced=figures.synced_since,
        retrying=figures.retrying,
        waiting=figures.waiting,
        asleep=sum(cause.sleeps(now) for cause in figures.causes),
        resolved=figures.resolved_since,
        closed=len(figures.closed),
        menders=list(menders)[:MOST_MENDERS],
        ways=figures.ways[:MOST_WAYS],
        more_ways=max(0, len(figures.ways) - MOST_WAYS),
        at_risk=figures.at_risk,
        ageing=age_lines(figures.ageing),
        lines=[line for line in lines if line.place not in left_out],
        smaller=_smaller(figures, listed, left_out, now),
        shared=listed.shared,
        holds=hold_views(figures),
        unread=figures.unread[:MOST_HOLDS],
        show_all=page_value(_ALL_FAILED),
        next_at=next_at,
    )


def age_lines(ageing: Ageing) -> list[AgeLine]:
    """Return the ageing of each currency; what nobody owes is left out."""
    return [
        AgeLine(total.currency, found)
        for total in ageing.amounts
        if (found := _ages(ageing, total.currency))
    ]


def hold_views(figures: Figures) -> list[HoldView]:
    """Return the held lanes, at most five."""
    return [_hold(hold) for hold in figures.holds[:MOST_HOLDS]]


def _ages(ageing: Ageing, currency: str) -> list[tuple[str, Money]]:
    found = []
    for label, buckets in _AGES:
        sums = summed(
            money
            for bucket in buckets
            for money in ageing.by_age.get(bucket, ())
            if money.currency == currency
        )
        found += [(label, money) for money in sums]
    return found


def _lines(figures: Figures, listed: Listed, now: datetime) -> list[Line]:
    lines = []
    for place, kept in enumerate(listed.lines, start=1):
        causes = [listed.causes[one] for one in kept.causes if one in listed.causes]
        if causes:
            lines.append(_line(kept, causes, listed, figures.new, now, place))
    done = [line for line in lines if line.state is LineState.DONE]
    forgotten = {line.place for line in done[:-MOST_DONE]}
    return [line for line in lines if line.place not in forgotten]


def _line(
    kept: Kept,
    causes: Sequence[Cause],
    listed: Listed,
    new: Mapping[int, int],
    now: datetime,
    place: int,
) -> Line:
    needing = [one for one in causes if needs(one, now)]
    counted = needing or [one for one in causes if one.open] or causes
    standing = [listed.standing[one] for one in kept.syncs if one in listed.standing]
    state, alone = _state(causes, needing, now), causes[0] if len(causes) == 1 else None
    fresh = sum(new.get(one.id, 0) for one in counted)
    menders = [listed.menders[one.id] for one in causes if one.id in listed.menders]
    behind = Wanted(error_type=causes[0].error_type, destination=causes[0].lane)
    return Line(
        state=state,
        place=place,
        cause=cause_line(alone, now, place=place, name=kept.name, new=fresh) if alone else None,
        error_type=causes[0].error_type,
        system=causes[0].system,
        called=called(causes[0], kept.name),
        causes=len(counted),
        count=sum(one.count for one in counted),
        amounts=summed(money for one in counted for money in one.amounts),
        releases=sum(one.releases for one in counted),
        oldest=age_of(min(one.oldest for one in counted), now),
        new=fresh,
        moving=sum(status in _ON_THE_WAY for status in standing),
        synced=sum(status is Status.SUCCESS for status in standing),
        listed=len(standing),
        by=who_of(menders[-1]) if menders else None,
        ended_at=max((one.closed_at for one in causes if one.closed_at), default=None),
        until=min((one.snoozed_until for one in causes if one.snoozed_until), default=None),
        show_all=causes_value(behind, 0),
        show_action=numbered(ActionId.SHOW_CAUSES, place),
    )


def _state(causes: Sequence[Cause], needing: Sequence[Cause], now: datetime) -> LineState:
    if needing:
        return LineState.OPEN
    if not any(one.open for one in causes):
        return LineState.DONE
    if any(one.sleeps(now) and one.count for one in causes):
        return LineState.ASLEEP
    return LineState.MOVING


def _smaller(figures: Figures, listed: Listed, left_out: set[int], now: datetime) -> Smaller | None:
    """Return what is open and stands in no line; `left_out` are places without room."""
    shown = {
        one
        for place, line in enumerate(listed.lines, start=1)
        if place not in left_out
        for one in line.causes
    }
    others = [one for one in figures.causes if needs(one, now) and one.id not in shown]
    if not others:
        return None
    return Smaller(
        len(rolled(others)),
        sum(one.count for one in others),
        summed(money for one in others for money in one.amounts),
    )


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
