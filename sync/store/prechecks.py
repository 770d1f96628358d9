"""Prechecks: one row each, worked by one process at a time, which holds it by its lease."""

from datetime import datetime
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
from sync.store.leased import Leased
from sync.store.precheck_tables import prechecks
from sync.store.route_rows import LOCKED_ROUTE, on_its_route


class PrecheckRows(Leased[Precheck, PrecheckState]):
    """The prechecks, each method one short transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, prechecks, on_its_route(prechecks), _precheck, worked=WORKED)

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
            connection.execute(LOCKED_ROUTE, {"on_route": route.id})
            known = self._begun(connection, receipt)
            if known:
                return known
            self._alone(connection, route.id)
            added = connection.execute(sa.insert(prechecks).returning(prechecks.c.id), row)
            return self._one(connection, prechecks.c.id == added.scalar_one())

    def create(self, precheck_id: int, by: Actor, receipt: str | None) -> Precheck | None:
        """Let what is missing and looks like nothing be created; None where there is no such row.

        A receipt that was given before changes nothing. Raises RunningAlready, NothingToCreate.
        """
        with self._database.write() as connection:
            this = prechecks.c.id == precheck_id
            found = self._first(connection, this)
            if found is None:
                return None
            connection.execute(LOCKED_ROUTE, {"on_route": found.route_id})
            given = connection.execute(sa.select(prechecks.c.create_receipt).where(this)).scalar()
            if receipt and given == receipt:
                return self._one(connection, this)
            self._alone(connection, found.route_id)
            found = self._one(connection, this)
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
            return self._one(connection, this)

    def beat(self, held: Precheck, found: Found, until: datetime) -> Precheck | None:
        """Keep the lease and what was found; None where it is no longer ours."""
        values = {
            "lease_until": until,
            "looked": found.looked,
            "missing": found.missing,
            "findings": written(found.findings),
        }
        return self._changed(held, values)

    def stop(self, precheck_id: int) -> Precheck | None:
        """Ask that it ends; returns it as it stands, or None."""
        asked = sa.update(prechecks).where(prechecks.c.id == precheck_id, self._is_worked)
        with self._database.write() as connection:
            connection.execute(asked.values(stopping=True))
            return self._first(connection, prechecks.c.id == precheck_id)

    def _alone(self, connection: Connection, route_id: int) -> None:
        """Raise RunningAlready where a precheck of the route is worked at."""
        running = self._first(connection, self._is_active, prechecks.c.route_id == route_id)
        if running:
            raise RunningAlready(running)


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
