"""Backfills: one row each, written at the command and walked by one expander at a time.

The row's lease is also the moment from which it may be taken: a backfill that waits for its source
is given back with a later one.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from sync.batches import ACTIVE, AlreadyRunning, Batch, BatchState, Counts, Place, Tally
from sync.money import Money
from sync.records import Actor, Route, WaitingFor
from sync.states import Status
from sync.store.database import Database
from sync.store.leased import FREE, Leased
from sync.store.route_rows import LOCKED_ROUTE, on_its_route
from sync.store.tables import batches, syncs

BACKFILL = "backfill"

_WAITS = (syncs.c.waiting_for == WaitingFor.PREREQUISITE.value).label("waits")
COUNTING = sa.select(
    syncs.c.status,
    syncs.c.currency,
    sa.func.coalesce(_WAITS, sa.false()).label("waits"),
    sa.func.count().label("count"),
    sa.func.coalesce(sa.func.sum(syncs.c.amount_minor), 0).label("minor"),
).group_by(syncs.c.status, syncs.c.currency, sa.text("waits"))
"""What `counts_of` takes, of all syncs: whoever counts says of which."""

_COUNTS = COUNTING.where(syncs.c.batch_id == sa.bindparam("of_batch"))
_OPEN = (
    sa.select(sa.func.count())
    .where(
        syncs.c.batch_id == sa.bindparam("of_batch"),
        syncs.c.status.in_([Status.PENDING.value, Status.PROCESSING.value]),
        sa.or_(
            syncs.c.waiting_for.is_(None),
            syncs.c.waiting_for != WaitingFor.PREREQUISITE.value,
        ),
    )
    .select_from(syncs)
)

_SEEN = sa.select(syncs.c.status, syncs.c.batch_id).where(
    syncs.c.route_id == sa.bindparam("on_route"), syncs.c.source_key == sa.bindparam("by_key")
)


class Batches(Leased[Batch, BatchState]):
    """The backfills, each method one short transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(
            database,
            batches,
            on_its_route(batches),
            _batch,
            worked=ACTIVE,
            begins=(BatchState.QUEUED, BatchState.RUNNING),
        )
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = dialect.insert(batches).on_conflict_do_nothing(index_elements=["receipt"])

    def begin(
        self,
        route: Route,
        first: date,
        last: date,
        by: Actor,
        receipt: str | None,
        now: datetime,
        message: dict[str, Any] | None = None,
    ) -> Batch:
        """Add a backfill; a receipt that was given before returns what it began then.

        Raises AlreadyRunning while another one of the route is active.
        """
        row = {
            "kind": BACKFILL,
            "route_id": route.id,
            "first": first,
            "last": last,
            "state": BatchState.QUEUED.value,
            "position": _written(Place(first)),
            "listed": 0,
            "found": 0,
            "actor_id": by.id,
            "actor_name": by.name,
            "receipt": receipt,
            "created_at": now,
            "message": message,
        }
        with self._database.write() as connection:
            connection.execute(LOCKED_ROUTE, {"on_route": route.id})
            known = self._begun(connection, receipt)
            if known:
                return known
            running = self._first(connection, self._is_active, batches.c.route_id == route.id)
            if running:
                raise AlreadyRunning(running)
            added = connection.execute(self._add.returning(batches.c.id), row).scalar()
            known_by_now = batches.c.receipt == receipt
            return self._one(connection, known_by_now if added is None else batches.c.id == added)

    def beat(self, batch: Batch, place: Place, reason: str | None, until: datetime) -> Batch | None:
        """Hold the lease `until`, keep where the walk stands; None where it is no longer ours."""
        values = {**_standing(place), "lease_until": until, "reason": reason}
        return self._changed(batch, values)

    def wait(self, batch: Batch, place: Place, reason: str, until: datetime) -> None:
        """Give the backfill back with the reason why it waits; nobody takes it before `until`."""
        values = {**_standing(place), "owner": None, "lease_until": until, "reason": reason}
        self._changed(batch, values)

    def leave(self, batch: Batch, place: Place) -> None:
        """Give the backfill back: whoever comes next goes on from `place`."""
        self._changed(batch, {**_standing(place), **FREE})

    def stop(self, batch_id: int) -> Batch | None:
        """Let nothing more be put in; returns the backfill as it stands, or None.

        The lease ends, so that one that waits for its source is looked at now.
        """
        still = sa.and_(self._is_active, batches.c.state != BatchState.STOPPING.value)
        waits = sa.and_(batches.c.id == batch_id, batches.c.owner.is_(None))
        stopping = {"state": BatchState.STOPPING.value}
        with self._database.write() as connection:
            change = sa.update(batches).where(batches.c.id == batch_id, still)
            connection.execute(change.values(stopping))
            connection.execute(sa.update(batches).where(waits).values(lease_until=None))
            return self._first(connection, batches.c.id == batch_id)

    def resume(self, connection_name: str) -> None:
        """Let those go on that wait for this source to be connected again."""
        with self._database.write() as connection:
            for batch in self._many(connection, self._is_active):
                if batch.place.refused == connection_name:
                    free = batches.c.owner.is_(None), batches.c.id == batch.id
                    connection.execute(sa.update(batches).where(*free).values(lease_until=None))

    def counts(self, batch_id: int) -> Counts:
        """Return how the documents that it found stand."""
        with self._database.read() as connection:
            found = connection.execute(_COUNTS, {"of_batch": batch_id}).mappings().all()
        return counts_of(found)

    def seen(self, batch: Batch, key: str) -> tuple[Status, bool] | None:
        """Return how a document of the log stands and whether this backfill found it, or None."""
        with self._database.read() as connection:
            given = {"on_route": batch.route_id, "by_key": key}
            row = connection.execute(_SEEN, given).first()
        return (Status(row[0]), row[1] == batch.id) if row else None

    def open(self, batch_id: int) -> int:
        """Return how many of its documents are pending or processing, for an end to come."""
        with self._database.read() as connection:
            return connection.execute(_OPEN, {"of_batch": batch_id}).scalar_one()


def counts_of(found: Sequence[RowMapping]) -> Counts:
    """Return how documents stand that rows of COUNTING count."""
    counts: dict[str, int] = {}
    for row in found:
        counts[_kind(row)] = counts.get(_kind(row), 0) + row["count"]
    return Counts(
        **counts,
        synced_amounts=_amounts(found, Status.SUCCESS),
        failed_amounts=_amounts(found, Status.FAILED),
    )


def _kind(row: RowMapping) -> str:
    match Status(row["status"]):
        case Status.SUCCESS:
            return "synced"
        case Status.FAILED:
            return "failed"
        case Status.SKIPPED:
            return "skipped"
        case _:
            return "waiting" if row["waits"] else "pending"


def _amounts(found: Sequence[RowMapping], status: Status) -> list[Money]:
    return [
        Money.from_minor(int(row["minor"]), row["currency"])
        for row in sorted(found, key=lambda row: row["currency"] or "")
        if row["currency"] and row["status"] == status.value
    ]


def _standing(place: Place) -> dict[str, Any]:
    tally = place.tally
    return {"position": _written(place), "listed": tally.listed, "found": tally.new}


def _written(place: Place) -> str:
    day = place.day.isoformat() if place.day else None
    return json.dumps({**asdict(place), "day": day})


def _read(position: str) -> Place:
    kept = json.loads(position)
    day = date.fromisoformat(kept["day"]) if kept["day"] else None
    before, tally = Tally(**kept["before"]), Tally(**kept["tally"])
    return Place(day, before, tally, kept["refused"], kept["odd"])


_PLAIN = (
    *("id", "route_id", "route", "source", "source_system", "destination", "first", "last"),
    *("destination_system", "reason", "owner", "created_at", "finished_at", "message"),
)


def _batch(row: RowMapping) -> Batch:
    return Batch(
        **{name: row[name] for name in _PLAIN},
        lane=row["destination"],
        state=BatchState(row["state"]),
        place=_read(row["position"]),
        by=Actor(row["actor_id"], row["actor_name"]),
    )
