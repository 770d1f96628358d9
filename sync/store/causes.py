"""Reads causes with their figures from the tallies, and keeps what is known and decided of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.causes import Age, Ageing, Cause, Checked, Verdict, age_of_day
from sync.errors import ErrorType
from sync.money import Money
from sync.outward import SHOWS_CAUSES
from sync.records import Actor
from sync.store.cause_tables import blockers, causes, tallies
from sync.store.database import Database
from sync.store.log import summed
from sync.store.stops import DOCUMENTS
from sync.store.tables import connections, news, syncs, watches

_AT = causes.c.opened_at.type
_oldest = (
    sa.select(blockers.c.since)
    .where(blockers.c.cause_id == causes.c.id, blockers.c.open)
    .order_by(blockers.c.since)
    .limit(1)
    .scalar_subquery()
    .label("oldest")
)
_SELECT = (
    sa.select(causes, connections.c.system, _oldest)
    .join(connections, connections.c.name == causes.c.lane)
    .order_by(causes.c.id)
)
_OPEN = _SELECT.where(causes.c.closed_at.is_(None))
_BY_IDS = _SELECT.where(causes.c.id.in_(sa.bindparam("ids", expanding=True)))
_CLOSED = _SELECT.where(causes.c.closed_at >= sa.bindparam("since", type_=_AT))
_SUMS = (
    sa.select(
        tallies.c.cause_id,
        tallies.c.sole,
        tallies.c.retrying,
        tallies.c.currency,
        sa.func.sum(tallies.c["count"]).label("count"),
        sa.func.sum(tallies.c.minor).label("minor"),
    )
    .where(tallies.c["count"] > 0, tallies.c.cause_id.in_(sa.bindparam("ids", expanding=True)))
    .group_by(tallies.c.cause_id, tallies.c.sole, tallies.c.retrying, tallies.c.currency)
)
_BY_DAY = sa.select(tallies).where(
    tallies.c.cause_id == DOCUMENTS, ~tallies.c.retrying, tallies.c["count"] > 0
)
_TOUCHED = sa.select(sa.func.max(causes.c.touched_at))
_OF_SYNC = sa.select(blockers.c.cause_id).where(
    blockers.c.sync_id == sa.bindparam("of_sync"), blockers.c.cause_id.is_not(None)
)
_SYNCS_OF = (
    sa.select(blockers.c.sync_id)
    .where(blockers.c.cause_id == sa.bindparam("of_cause"), blockers.c.open)
    .order_by(blockers.c.since.desc(), blockers.c.sync_id.desc())
)
_THIS = sa.update(causes).where(causes.c.id == sa.bindparam("this_cause"))
_TOLD = news.insert().from_select(
    ["sync_id", "at"],
    sa.select(blockers.c.sync_id, sa.bindparam("told_at", type_=_AT)).where(
        blockers.c.cause_id == sa.bindparam("of_cause"),
        sa.exists().where(watches.c.sync_id == blockers.c.sync_id, watches.c.kind == SHOWS_CAUSES),
    ),
)
_RECOUNTED = (
    sa.select(
        blockers.c.cause_id,
        blockers.c.sync_id,
        blockers.c.sole,
        blockers.c.retrying,
        blockers.c.open,
        syncs.c.status,
        syncs.c.currency,
        syncs.c.amount_minor,
        syncs.c.discovered_at,
        (syncs.c.not_before.is_not(None)).label("by_itself"),
    )
    .join(syncs, syncs.c.id == blockers.c.sync_id)
    .order_by(blockers.c.id)
)


class Causes:
    """What stops syncs, by cause; every method is one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> list[Cause]:
        """Return the causes that stop anything, by the documents that mending them releases."""
        with self._database.read() as connection:
            found = _causes(connection, connection.execute(_OPEN).mappings().all())
        return sorted(found, key=lambda one: (-one.releases, -one.count, one.id))

    def get(self, cause_id: int) -> Cause | None:
        """Return one cause, open or closed, or None."""
        return self.many([cause_id]).get(cause_id)

    def many(self, ids: Iterable[int]) -> dict[int, Cause]:
        """Return the causes with these ids, by id."""
        with self._database.read() as connection:
            rows = connection.execute(_BY_IDS, {"ids": list(ids)}).mappings().all()
            return {one.id: one for one in _causes(connection, rows)}

    def of(self, sync_id: int) -> list[Cause]:
        """Return what stops a sync, in the order of its blockers."""
        with self._database.read() as connection:
            ids = list(connection.execute(_OF_SYNC, {"of_sync": sync_id}).scalars())
            rows = connection.execute(_BY_IDS, {"ids": ids}).mappings().all()
            found = {one.id: one for one in _causes(connection, rows)}
        return [found[one] for one in dict.fromkeys(ids) if one in found]

    def closed(self, since: datetime) -> list[Cause]:
        """Return the causes that were closed since then and are so still."""
        with self._database.read() as connection:
            rows = connection.execute(_CLOSED, {"since": since}).mappings().all()
            return _causes(connection, rows)

    def syncs(self, cause_id: int, most: int) -> list[int]:
        """Return the failed syncs that a cause stops, the newest first."""
        with self._database.read() as connection:
            found = connection.execute(_SYNCS_OF.limit(most), {"of_cause": cause_id})
            return list(found.scalars())

    def ageing(self, today: date) -> Ageing:
        """Return the failed documents that need somebody, each once; `today` is the UTC day."""
        with self._database.read() as connection:
            rows = connection.execute(_BY_DAY).mappings().all()
        by_age: dict[Age, list[Money]] = defaultdict(list)
        for row in rows:
            by_age[age_of_day(row["day"], today)] += _money(row)
        return Ageing(
            sum(row["count"] for row in rows),
            summed(money for found in by_age.values() for money in found),
            {age: summed(by_age[age]) for age in Age if age in by_age},
        )

    def touched_at(self) -> datetime | None:
        """Return when any figure of any cause changed last."""
        with self._database.read() as connection:
            at: datetime | None = connection.execute(_TOUCHED).scalar()
        return at

    def judge(self, cause_id: int, checked: Checked, near: str = "") -> None:
        """Keep what a look whether the cause is gone has told; what shows it is drawn anew.

        `near` is a code that the look saw beside the key; without one the last stays.
        """
        is_news = causes.c.verdict.is_distinct_from(checked.verdict.value)
        if near:
            is_news = sa.or_(is_news, causes.c.near != near)
        values = {
            "touched_at": sa.case(
                (is_news, sa.literal(checked.at, _AT)), else_=causes.c.touched_at
            ),
            "verdict": checked.verdict.value,
            "verdict_reason": checked.reason,
            "checked_at": checked.at,
            **({"near": near} if near else {}),
        }
        self._change(cause_id, values, checked.at)

    def come_near(self, cause_id: int, near: str, now: datetime) -> None:
        """Keep a code of the destination that the eye takes for the cause's key."""
        changed = _THIS.where(causes.c.near != near).values(near=near, touched_at=now)
        with self._database.write() as connection:
            connection.execute(changed, {"this_cause": cause_id})

    def doubt(self, cause_id: int, now: datetime) -> None:
        """Forget the last look: something was changed that it did not see."""
        self._change(cause_id, {"verdict": None, "checked_at": None, "touched_at": now}, now)

    def assign(self, cause_id: int, owner: Actor | None, now: datetime) -> None:
        """Give the cause to somebody, or to nobody."""
        values = {
            "owner_id": owner.id if owner else None,
            "owner_name": owner.name if owner else None,
            "touched_at": now,
        }
        self._change(cause_id, values, now)

    def snooze(self, cause_id: int, until: datetime | None, count: int, now: datetime) -> None:
        """Let the cause rest until then, or until it stops more than `count` documents."""
        values = {"snoozed_until": until, "snoozed_at": count, "touched_at": now}
        self._change(cause_id, values, now)

    def miscounted(self) -> list[str]:
        """Recount every tally from the syncs themselves and say where one differs."""
        with self._database.read() as connection:
            rows = connection.execute(_RECOUNTED).mappings().all()
            kept = connection.execute(sa.select(tallies)).mappings().all()
            standing = connection.execute(_OPEN).mappings().all()
        stored = {_place(row): (row["count"], row["minor"]) for row in kept if row["count"]}
        counted = _recounted(rows)
        wrong = [
            f"tally {place}: {stored.get(place)} is kept, {counted.get(place)} is true"
            for place in sorted(stored.keys() | counted.keys())
            if stored.get(place) != counted.get(place)
        ]
        wrong += [
            f"sync {row['sync_id']} is {row['status']}, its blocker is open: {row['open']}"
            for row in rows
            if row["open"] != (row["status"] == "failed")
        ]
        named = {row["cause_id"] for row in rows}
        wrong += [
            f"cause {row['id']} is open and stops nothing"
            for row in standing
            if row["id"] not in named
        ]
        return wrong

    def _change(self, cause_id: int, values: dict[str, Any], now: datetime) -> None:
        """Write, and leave news for whoever looks at a document that the cause stops."""
        with self._database.write() as connection:
            connection.execute(_THIS.values(values), {"this_cause": cause_id})
            connection.execute(_TOLD, {"of_cause": cause_id, "told_at": now})


def _causes(connection: Connection, rows: Sequence[RowMapping]) -> list[Cause]:
    sums: dict[int, list[RowMapping]] = defaultdict(list)
    given = {"ids": [row["id"] for row in rows]}
    for one in connection.execute(_SUMS, given).mappings():
        sums[one["cause_id"]].append(one)
    return [_cause(row, sums[row["id"]]) for row in rows]


def _cause(row: RowMapping, sums: Sequence[RowMapping]) -> Cause:
    needing = [one for one in sums if not one["retrying"]]
    sole = [one for one in needing if one["sole"]]
    return Cause(
        **{name: row[name] for name in _PLAIN},
        error_type=ErrorType(row["error_type"]),
        count=_count(needing),
        amounts=summed(money for one in needing for money in _money(one)),
        releases=_count(sole),
        released=summed(money for one in sole for money in _money(one)),
        retrying=_count([one for one in sums if one["retrying"]]),
        oldest=row["oldest"] or row["opened_at"],
        checked=_checked(row),
        owner=Actor(row["owner_id"], row["owner_name"] or "") if row["owner_id"] else None,
        snoozed_at=row["snoozed_at"] or 0,
    )


_PLAIN = (
    *("id", "lane", "system", "key", "subject", "first_seen", "opened_at", "closed_at"),
    *("fixed_at", "openings", "snoozed_until", "near"),
)


def _checked(row: RowMapping) -> Checked | None:
    if row["verdict"] is None or row["checked_at"] is None:
        return None
    return Checked(Verdict(row["verdict"]), row["verdict_reason"] or "", row["checked_at"])


def _count(rows: Sequence[RowMapping]) -> int:
    return sum(int(row["count"]) for row in rows)


def _money(row: RowMapping) -> list[Money]:
    currency = row["currency"]
    return [Money.from_minor(int(row["minor"]), currency)] if currency else []


_Place = tuple[int, bool, bool, str, date]


def _place(row: RowMapping) -> _Place:
    return (row["cause_id"], row["sole"], row["retrying"], row["currency"], row["day"])


def _recounted(rows: Sequence[RowMapping]) -> dict[_Place, tuple[int, int]]:
    failed = [row for row in rows if row["status"] == "failed"]
    stops = Counter(row["sync_id"] for row in failed)
    counted: dict[_Place, tuple[int, int]] = defaultdict(lambda: (0, 0))
    documents: set[int] = set()
    for row in failed:
        place = (row["by_itself"], row["currency"] or "", row["discovered_at"].date())
        wheres: list[_Place] = [(row["cause_id"], stops[row["sync_id"]] == 1, *place)]
        if row["sync_id"] not in documents:
            documents.add(row["sync_id"])
            wheres.append((DOCUMENTS, False, *place))
        for where in wheres:
            count, minor = counted[where]
            counted[where] = (count + 1, minor + (row["amount_minor"] or 0))
    return dict(counted)
