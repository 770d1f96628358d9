"""What stops each sync, kept with its causes and tallies inside the move's own transaction.

A failed sync stands in the tallies of all its causes; `leave` takes it out when it is sent back,
`clear` forgets what stopped it once it is over. A cause is closed when no sync names it any more.
Rows are locked in one order: syncs, causes by id, tallies by their key. Tally 0 counts documents,
each once, whatever stops it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from sync.causes import Verdict, identity_of
from sync.errors import Failure
from sync.store.cause_tables import blockers, causes, tallies
from sync.store.tables import syncs

DOCUMENTS = 0
"""The tally that counts documents instead of what stops them."""

_Place = tuple[int, bool, bool, str, date]
_AT = syncs.c.at.type
_SYNC = sa.select(
    syncs.c.lane, syncs.c.currency, syncs.c.amount_minor, syncs.c.discovered_at
).where(syncs.c.id == sa.bindparam("of_sync"))
_NAMED = sa.select(blockers.c.cause_id).where(
    blockers.c.sync_id == sa.bindparam("of_sync"), blockers.c.cause_id.is_not(None)
)
_FORGET = sa.delete(blockers).where(blockers.c.sync_id == sa.bindparam("of_sync"))
_IDS = causes.c.id.in_(sa.bindparam("ids", expanding=True))
_LOCK = sa.select(causes.c.id).where(_IDS).order_by(causes.c.id).with_for_update()
_KNOWN = sa.select(causes.c.id, causes.c.identity).where(
    causes.c.lane == sa.bindparam("in_lane"),
    causes.c.identity.in_(sa.bindparam("identities", expanding=True)),
)
_TOUCH = sa.update(causes).where(_IDS).values(touched_at=sa.bindparam("now", type_=_AT))
_OPEN = (
    sa.update(causes)
    .where(_IDS, causes.c.closed_at.is_not(None))
    .values(
        closed_at=None,
        fixed_at=causes.c.closed_at,
        opened_at=sa.bindparam("now", type_=_AT),
        openings=causes.c.openings + 1,
        snoozed_until=None,
        verdict=None,
        checked_at=None,
        near="",
    )
)
_NEAR = (
    sa.update(causes)
    .where(causes.c.id == sa.bindparam("of_cause"))
    .values(near=sa.bindparam("seen"))
)
_DOUBT = (
    sa.update(causes)
    .where(_IDS, causes.c.verdict == Verdict.GONE.value)
    .values(verdict=None, checked_at=None)
)
_CLOSE = (
    sa.update(causes)
    .where(
        _IDS,
        causes.c.closed_at.is_(None),
        ~sa.exists().where(blockers.c.cause_id == causes.c.id),
    )
    .values(closed_at=sa.bindparam("now", type_=_AT))
)
_STANDING = (
    sa.select(
        blockers.c.sync_id,
        blockers.c.cause_id,
        blockers.c.sole,
        blockers.c.retrying,
        syncs.c.currency,
        syncs.c.amount_minor,
        syncs.c.discovered_at,
    )
    .join(syncs, syncs.c.id == blockers.c.sync_id)
    .where(blockers.c.sync_id.in_(sa.bindparam("ids", expanding=True)), blockers.c.open)
    .order_by(blockers.c.sync_id, blockers.c.id)
)
_SHUT = (
    sa.update(blockers)
    .where(blockers.c.sync_id.in_(sa.bindparam("ids", expanding=True)), blockers.c.open)
    .values(open=False)
)


class Stops:
    """Blockers, causes and tallies, changed inside the caller's transaction."""

    def __init__(self, *, is_sqlite: bool) -> None:
        dialect = sqlite if is_sqlite else postgresql
        self._add = dialect.insert(causes).on_conflict_do_nothing(
            index_elements=["lane", "identity"]
        )
        added = dialect.insert(tallies)
        self._tally = added.on_conflict_do_update(
            index_elements=list(tallies.primary_key.columns.keys()),
            set_={
                "count": tallies.c["count"] + added.excluded["count"],
                "minor": tallies.c.minor + added.excluded.minor,
            },
        )

    def enter(
        self,
        connection: Connection,
        sync_id: int,
        failures: Sequence[Failure],
        now: datetime,
        *,
        retrying: bool,
    ) -> None:
        """Write down everything that stops a sync that has just failed; `retrying` by itself."""
        row = connection.execute(_SYNC, {"of_sync": sync_id}).one()
        before = set(connection.execute(_NAMED, {"of_sync": sync_id}).scalars())
        stops = {identity_of(one.error_type, one.key): one for one in reversed(failures)}
        ids = self._causes(connection, row.lane, stops, now)
        connection.execute(_FORGET, {"of_sync": sync_id})
        self._lock(connection, before | set(ids.values()))
        connection.execute(_OPEN, {"ids": sorted(ids.values()), "now": now})
        connection.execute(_DOUBT, {"ids": sorted(ids.values())})  # it still stops something
        near = [
            {"of_cause": ids[identity], "seen": one.near}
            for identity, one in stops.items()
            if one.near
        ]
        if near:
            connection.execute(_NEAR, near)
        sole = len(stops) == 1
        shared = {"sole": sole, "open": True, "retrying": retrying, "since": row.discovered_at}
        found = [
            {**_named(one), **shared, "sync_id": sync_id, "cause_id": ids[identity]}
            for identity, one in reversed(stops.items())
        ]
        connection.execute(blockers.insert(), found)
        place = (retrying, row.currency or "", row.discovered_at.date())
        wheres = [(cause_id, sole) for cause_id in ids.values()] + [(DOCUMENTS, False)]
        counted = {(*where, *place): (1, row.amount_minor or 0) for where in wheres}
        self._count(connection, counted)
        connection.execute(_TOUCH, {"ids": sorted(before | set(ids.values())), "now": now})
        self._close(connection, before - set(ids.values()), now)

    def leave(self, connection: Connection, sync_ids: Sequence[int], now: datetime) -> None:
        """Take syncs out of the tallies that are no longer failed; what stopped them stays known.

        The caller holds their rows.
        """
        standing = connection.execute(_STANDING, {"ids": list(sync_ids)}).all()
        if not standing:
            return
        counted: dict[_Place, list[int]] = defaultdict(lambda: [0, 0])
        documents: set[int] = set()
        for row in standing:
            place = (row.retrying, row.currency or "", row.discovered_at.date())
            wheres: list[_Place] = [(row.cause_id, row.sole, *place)]
            if row.sync_id not in documents:
                documents.add(row.sync_id)
                wheres.append((DOCUMENTS, False, *place))
            for where in wheres:
                counted[where][0] -= 1
                counted[where][1] -= row.amount_minor or 0
        ids = {row.cause_id for row in standing}
        self._lock(connection, ids)
        connection.execute(_SHUT, {"ids": list(sync_ids)})
        self._count(connection, {place: (one[0], one[1]) for place, one in counted.items()})
        connection.execute(_TOUCH, {"ids": sorted(ids), "now": now})

    def clear(self, connection: Connection, sync_id: int, now: datetime) -> None:
        """Forget what stopped a sync that is over, and close the causes that stop nothing more."""
        before = set(connection.execute(_NAMED, {"of_sync": sync_id}).scalars())
        if not before:
            return
        self._lock(connection, before)
        connection.execute(_FORGET, {"of_sync": sync_id})
        connection.execute(_TOUCH, {"ids": sorted(before), "now": now})
        self._close(connection, before, now)

    def _causes(
        self, connection: Connection, lane: str, stops: dict[str, Failure], now: datetime
    ) -> dict[str, int]:
        """Return the ids of the causes by identity, added where they are new."""
        for identity, one in sorted(stops.items()):
            row = {
                "lane": lane,
                "error_type": one.error_type.value,
                "key": one.key,
                "identity": identity,
                "subject": one.subject,
                "first_seen": now,
                "opened_at": now,
                "touched_at": now,
            }
            connection.execute(self._add, row)
        given = {"in_lane": lane, "identities": list(stops)}
        known = connection.execute(_KNOWN, given).all()
        return {row.identity: row.id for row in known}

    def _lock(self, connection: Connection, ids: Iterable[int]) -> None:
        connection.execute(_LOCK, {"ids": sorted(ids)})

    def _count(self, connection: Connection, counted: dict[_Place, tuple[int, int]]) -> None:
        names = tallies.primary_key.columns.keys()
        for place in sorted(counted):
            count, minor = counted[place]
            row = dict(zip(names, place, strict=True))
            connection.execute(self._tally, {**row, "count": count, "minor": minor})

    def _close(self, connection: Connection, ids: Iterable[int], now: datetime) -> None:
        chosen = sorted(ids)
        if chosen:
            connection.execute(_CLOSE, {"ids": chosen, "now": now})


def _named(failure: Failure) -> dict[str, str]:
    return {
        "error_type": failure.error_type.value,
        "cause_key": failure.key,
        "reason": failure.reason,
    }
