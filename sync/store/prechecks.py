"""Prechecks: one row each, worked by one process at a time, which holds it by its lease."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.precheck import (
    WORKED,
    Found,
    NothingToCreate,
    Precheck,
    PrecheckState,
    RunningAlready,
    read,
    written,
)
from sync.records import Actor, Route
from sync.store.database import Database
from sync.store.precheck_tables import prechecks
from sync.store.tables import connections, routes

_AT = prechecks.c.created_at.type
_source = connections.alias("source")
_destination = connections.alias("destination")
_SELECT = (
    sa.select(
        prechecks,
        routes.c.name.label("route"),
        _source.c.name.label("source"),
        _source.c.system.label("source_system"),
        _destination.c.name.label("destination"),
        _destination.c.system.label("destination_system"),
    )
    .join(routes, routes.c.id == prechecks.c.route_id)
    .join(_source, _source.c.id == routes.c.source_id)
    .join(_destination, _destination.c.id == routes.c.destination_id)
    .order_by(prechecks.c.id)
)
_IS_WORKED = prechecks.c.state.in_([state.value for state in WORKED])
_BY_ID = _SELECT.where(prechecks.c.id == sa.bindparam("by_id"))
_BY_RECEIPT = _SELECT.where(prechecks.c.receipt == sa.bindparam("given_receipt"))
_WORKED_ON = _SELECT.where(_IS_WORKED, prechecks.c.route_id == sa.bindparam("on_route"))
_SINCE = _SELECT.where(
    sa.or_(_IS_WORKED, prechecks.c.finished_at >= sa.bindparam("since", type_=_AT))
)
_ROUTE = sa.select(routes.c.id).where(routes.c.id == sa.bindparam("on_route")).with_for_update()
"""Locked: two beginnings on one route come one after the other."""

_free = (
    sa.select(prechecks.c.id)
    .where(
        _IS_WORKED,
        sa.or_(
            prechecks.c.lease_until.is_(None),
            prechecks.c.lease_until <= sa.bindparam("now", type_=_AT),
        ),
    )
    .order_by(prechecks.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .correlate(None)
    .scalar_subquery()
)
_CLAIM = (
    sa.update(prechecks)
    .where(prechecks.c.id == _free)
    .values(owner=sa.bindparam("by_owner"), lease_until=sa.bindparam("leased", type_=_AT))
    .returning(prechecks.c.id)
)


class PrecheckRows:
    """The prechecks, each method one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        route: Route,
        by: Actor,
        receipt: str | None,
        now: datetime,
        message: dict[str, Any] | None = None,
    ) -> Precheck:
        """Add a precheck; a receipt that was given before returns what it began then.

        Raises RunningAlready while another one of the route is worked at.
        """
        row = {
            "route_id": route.id,
            "state": PrecheckState.LOOKING.value,
            "findings": [],
            "actor_id": by.id,
            "actor_name": by.name,
            "receipt": receipt,
            "created_at": now,
            "message": message,
        }
        with self._database.write() as connection:
            connection.execute(_ROUTE, {"on_route": route.id})
            known = _begun(connection, receipt)
            if known:
                return known
            _alone(connection, route.id)
            added = connection.execute(sa.insert(prechecks).returning(prechecks.c.id), row)
            return _one(connection, added.scalar_one())

    def create(self, precheck_id: int, by: Actor, receipt: str | None) -> Precheck | None:
        """Let what is missing and looks like nothing be created; None where there is no such row.

        A receipt that was given before changes nothing. Raises RunningAlready, NothingToCreate.
        """
        with self._database.write() as connection:
            found = _maybe(connection, precheck_id)
            if found is None:
                return None
            connection.execute(_ROUTE, {"on_route": found.route_id})
            this = prechecks.c.id == precheck_id
            given = connection.execute(sa.select(prechecks.c.create_receipt).where(this)).scalar()
            if receipt and given == receipt:
                return _one(connection, precheck_id)
            _alone(connection, found.route_id)
            found = _one(connection, precheck_id)
            if not found.creatable:
                raise NothingToCreate
            values = {
                "state": PrecheckState.CREATING.value,
                "stopping": False,
                "reason": None,
                "creator_id": by.id,
                "creator_name": by.name,
                "create_receipt": receipt,
                "finished_at": None,
                "owner": None,
                "lease_until": None,
                "message": {**found.message, "ended": False} if found.message else None,
            }
            connection.execute(sa.update(prechecks).where(this).values(values))
            return _one(connection, precheck_id)

    def claim(self, owner: str, now: datetime, lease: timedelta) -> Precheck | None:
        """Take the oldest one that is to be worked at and that nobody holds."""
        given = {"by_owner": owner, "now": now, "leased": now + lease}
        with self._database.write() as connection:
            claimed = connection.execute(_CLAIM, given).scalar()
            return None if claimed is None else _one(connection, claimed)

    def beat(self, held: Precheck, found: Found, until: datetime) -> Precheck | None:
        """Keep the lease and what was found; None where it is no longer ours."""
        values = {
            "lease_until": until,
            "looked": found.looked,
            "missing": found.missing,
            "findings": written(found.findings),
        }
        return self._change(held, values)

    def give(self, held: Precheck) -> None:
        """Give it back: whoever comes next goes on."""
        self._change(held, {"owner": None, "lease_until": None})

    def end(self, held: Precheck, state: PrecheckState, reason: str | None, now: datetime) -> None:
        """End it."""
        values = {"state": state.value, "reason": reason, "owner": None, "finished_at": now}
        self._change(held, values)

    def stop(self, precheck_id: int) -> Precheck | None:
        """Ask that it ends; returns it as it stands, or None."""
        asked = sa.update(prechecks).where(prechecks.c.id == precheck_id, _IS_WORKED)
        with self._database.write() as connection:
            connection.execute(asked.values(stopping=True))
            return _maybe(connection, precheck_id)

    def expire(self) -> None:
        """End all leases: for the one long-running process, at its start."""
        with self._database.write() as connection:
            held = sa.update(prechecks).where(prechecks.c.owner.is_not(None))
            connection.execute(held.values(owner=None, lease_until=None))

    def get(self, precheck_id: int) -> Precheck | None:
        """Return one precheck, or None."""
        with self._database.read() as connection:
            return _maybe(connection, precheck_id)

    def since(self, moment: datetime) -> list[Precheck]:
        """Return those that are worked at, or ended since `moment`, oldest first."""
        with self._database.read() as connection:
            found = connection.execute(_SINCE, {"since": moment}).mappings()
            return [_precheck(row) for row in found]

    def keep(self, precheck_id: int, message: dict[str, Any]) -> None:
        """Keep what the surface knows of its message."""
        with self._database.write() as connection:
            kept = sa.update(prechecks).where(prechecks.c.id == precheck_id)
            connection.execute(kept.values(message=message))

    def _change(self, held: Precheck, values: dict[str, Any]) -> Precheck | None:
        mine = sa.update(prechecks).where(
            prechecks.c.id == held.id, prechecks.c.owner == held.owner, _IS_WORKED
        )
        with self._database.write() as connection:
            if not connection.execute(mine.values(values)).rowcount:
                return None
            return _one(connection, held.id)


def _alone(connection: Connection, route_id: int) -> None:
    """Raise RunningAlready where a precheck of the route is worked at."""
    running = connection.execute(_WORKED_ON, {"on_route": route_id}).mappings().first()
    if running:
        raise RunningAlready(_precheck(running))


def _begun(connection: Connection, receipt: str | None) -> Precheck | None:
    if receipt is None:
        return None
    row = connection.execute(_BY_RECEIPT, {"given_receipt": receipt}).mappings().first()
    return _precheck(row) if row else None


def _one(connection: Connection, precheck_id: int) -> Precheck:
    return _precheck(connection.execute(_BY_ID, {"by_id": precheck_id}).mappings().one())


def _maybe(connection: Connection, precheck_id: int) -> Precheck | None:
    row = connection.execute(_BY_ID, {"by_id": precheck_id}).mappings().first()
    return _precheck(row) if row else None


_PLAIN = (
    *("id", "route_id", "route", "source", "source_system", "destination", "stopping", "looked"),
    *("destination_system", "missing", "reason", "owner", "created_at", "finished_at", "message"),
)


def _precheck(row: RowMapping) -> Precheck:
    creator = row["creator_id"]
    return Precheck(
        **{name: row[name] for name in _PLAIN},
        state=PrecheckState(row["state"]),
        findings=read(row["findings"]),
        by=Actor(row["actor_id"], row["actor_name"]),
        creator=Actor(creator, row["creator_name"] or "") if creator else None,
    )
