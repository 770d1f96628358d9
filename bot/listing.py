"""Which causes a digest lists: each in a line of its own, or rolled up with its like.

What is listed stays in its place while the digest lives, so that a line can say that it is done;
causes that come later take the room that is left.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.cause import OF_CUSTOMERS
from sync.causes import NOTHING_SHARED, Cause, Shared
from sync.errors import ErrorType
from sync.figures import Figures
from sync.records import Actor
from sync.states import Status
from sync.store import Store

MOST_LINES = 5
"""Lines of causes that stand open, at one time."""

MOST_KEPT = 20
"""Lines that are remembered, done ones too."""

SMALL, MANY = 3, 3
"""So many causes of one type roll up where each stops at most so many documents."""

MOST_SYNCS = 2_000
"""Documents that a digest follows to count how many were synced."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A line as the digest's row keeps it: ids of its causes and of the syncs they stopped."""

    causes: tuple[int, ...]
    syncs: tuple[int, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a digest lists, with how that stands now."""

    lines: Sequence[Kept]
    causes: Mapping[int, Cause]
    standing: Mapping[int, Status]
    menders: Mapping[int, Actor]
    shared: Shared = NOTHING_SHARED
    """The documents that count in several of the causes that a digest tells."""


def kept_in(groups: Iterable[Any]) -> list[Kept]:
    """Return the lines that a digest's row holds; what an older version kept is over."""
    return [
        Kept(tuple(group["causes"]), tuple(group["syncs"]), group["name"])
        for group in groups
        if "causes" in group
    ]


def as_json(lines: Iterable[Kept]) -> list[dict[str, Any]]:
    """Return lines as the digest's row holds them."""
    return [
        {"causes": list(line.causes), "syncs": list(line.syncs), "name": line.name}
        for line in lines
    ]


def listed(store: Store, figures: Figures, groups: Iterable[Any], now: datetime) -> Listed:
    """Return what a digest that listed `groups` lists now."""
    before = kept_in(groups)
    causes = {cause.id: cause for cause in figures.causes}
    known = [one for line in before for one in line.causes if one not in causes]
    causes.update(store.causes.many(known))
    lines = chosen(figures.causes, before, now)
    named = [one for line in lines for one in line.causes]
    stopped = store.reports.stopped(named, MOST_SYNCS)
    names = _names(store, [causes[one] for one in named if one in causes])
    lines = [_grown(line, stopped, names) for line in lines]
    standing = store.reports.standing({one for line in lines for one in line.syncs})
    told = [one for one in causes.values() if one.id in named or needs(one, now)]
    menders, shared = store.reports.menders(named), store.reports.shared(told)
    return Listed(lines, causes, standing, menders, shared)


def _names(store: Store, causes: Sequence[Cause]) -> dict[int, str]:
    """Return what people call those causes whose key says nothing to them."""
    of_customers = [one.id for one in causes if one.error_type in OF_CUSTOMERS]
    unknown = [one.id for one in causes if one.error_type is ErrorType.UNKNOWN]
    return {**store.reports.customers(of_customers), **store.reports.reasons(unknown)}


def chosen(causes: Sequence[Cause], before: Sequence[Kept], now: datetime) -> list[Kept]:
    """Return the lines of a digest: those it had, then the largest others while there is room."""
    standing = {cause.id: cause for cause in causes}
    known = {one for line in before for one in line.causes}
    needing = [one for one in causes if needs(one, now) and one.id not in known]
    lines = [_joined(line, standing, needing) for line in before]
    taken = {one for line in lines for one in line.causes}
    fresh = rolled([one for one in needing if one.id not in taken])
    room = MOST_LINES - sum(any(one in standing for one in line.causes) for line in lines)
    lines += [Kept(tuple(one.id for one in line)) for line in fresh[: max(0, room)]]
    return lines[-MOST_KEPT:]


def needs(cause: Cause, now: datetime) -> bool:
    """Return whether a cause asks for somebody now: it stops documents and does not rest."""
    return cause.count > 0 and not cause.sleeps(now)


def rolled(causes: Sequence[Cause]) -> list[list[Cause]]:
    """Return causes as lines, small ones of one lane and type in one line; the largest first.

    Currencies are never summed. A line's weight is its share of the released amount in each
    currency, a currency counting as much as the documents of the causes that bear it; then come
    the documents released, then all documents.
    """
    alike: dict[tuple[str, str], list[Cause]] = defaultdict(list)
    lines = []
    for cause in causes:
        if cause.count <= SMALL:
            alike[cause.lane, cause.error_type].append(cause)
        else:
            lines.append([cause])
    for small in alike.values():
        lines += [small] if len(small) >= MANY else [[one] for one in small]
    weights = _weights(causes)
    return sorted(lines, key=lambda line: _rank(line, weights))


def _rank(line: Sequence[Cause], weights: Mapping[str, float]) -> tuple[float, int, int, int]:
    share = sum(
        weights.get(money.currency, 0.0) * money.minor for one in line for money in one.released
    )
    releases, count = sum(one.releases for one in line), sum(one.count for one in line)
    return (-share, -releases, -count, line[0].id)


def _weights(causes: Sequence[Cause]) -> dict[str, float]:
    """Return what one minor unit of each currency counts."""
    sums: Counter[str] = Counter()
    bearing: Counter[str] = Counter()
    for cause in causes:
        for money in cause.released:
            sums[money.currency] += abs(money.minor)
            bearing[money.currency] += cause.releases
    return {code: bearing[code] / total for code, total in sums.items() if total}


def _joined(line: Kept, standing: Mapping[int, Cause], needing: Sequence[Cause]) -> Kept:
    """Return a rolled line with the small causes of its kind that came since."""
    if len(line.causes) == 1:
        return line
    kinds = {(one.lane, one.error_type) for one in map(standing.get, line.causes) if one}
    new = [c.id for c in needing if c.count <= SMALL and (c.lane, c.error_type) in kinds]
    return replace(line, causes=(*line.causes, *new))


def _grown(line: Kept, stopped: Mapping[int, Sequence[int]], known: Mapping[int, str]) -> Kept:
    """Return a line with all documents that its causes ever stopped while it was listed."""
    found = [sync_id for one in line.causes for sync_id in stopped.get(one, ())]
    names = [known[one] for one in line.causes if one in known]
    syncs = tuple(dict.fromkeys([*line.syncs, *found]))[:MOST_SYNCS]
    return replace(line, syncs=syncs, name=line.name or next(iter(names), ""))
