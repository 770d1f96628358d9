"""The rows as the queue: discover, claim, ripen, rescue, retry, hurry.

The statements keep to what was measured: `due` only orders and never filters the claim, a row that
waits stands outside the claim's partial index until it is ripe, and the status is a literal so that
a generic plan can prove the partial index.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from sync.documents import Kind
from sync.points import point
from sync.records import ENGINE, Actor, Priority, Sync, Trigger, WaitingFor
from sync.states import Move, Status
from sync.store import rows
from sync.store.database import Database
from sync.store.ledger import tell, write_audit
from sync.store.sightings import Sighting, row_of
from sync.store.stops import Stops
from sync.store.tables import attempts, lanes, syncs

CHUNK = 500

_BACK = {Status.FAILED: Move.RETRY, Status.PENDING: Move.HURRY, Status.SKIPPED: Move.REOPEN}
_PENDING = syncs.c.status == sa.literal_column("'pending'")
_PROCESSING = syncs.c.status == sa.literal_column("'processing'")
_FAILED = syncs.c.status == sa.literal_column("'failed'")
_IN_LANE = syncs.c.lane == sa.bindparam("in_lane")
_AT = syncs.c.at.type


def _param(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=_AT)


def _picked(*where: sa.ColumnElement[bool], order: Sequence[Any]) -> sa.CTE:
    pick = sa.select(syncs.c.id).where(_IN_LANE, *where).order_by(*order)
    return pick.limit(sa.bindparam("at_most")).with_for_update(skip_locked=True).cte("pick")


_ready = _picked(
    _PENDING,
    syncs.c.not_before.is_(None),
    order=(syncs.c.priority, syncs.c.due, syncs.c.id),
)
_CLAIM = (
    sa.update(syncs)
    .where(syncs.c.id.in_(sa.select(_ready.c.id)))
    .values(
        status=Status.PROCESSING.value,
        fence=syncs.c.fence + 1,
        attempts=syncs.c.attempts + 1,
        worker=sa.bindparam("by_worker"),
        lease_until=_param("leased"),
        attempted_at=_param("now"),
        at=_param("now"),
        waiting_for=None,
    )
    .returning(syncs.c.id)
    .add_cte(_ready)
)
_dead = _picked(
    _PROCESSING,
    syncs.c.lease_until < _param("now"),
    sa.or_(syncs.c.sent_at.is_(None), syncs.c.sent_at <= _param("settled")),
    order=(syncs.c.lease_until,),
)
_RESCUE = (
    sa.update(syncs)
    .where(syncs.c.id.in_(sa.select(_dead.c.id)))
    .values(
        fence=syncs.c.fence + 1,
        worker=sa.bindparam("by_worker"),
        lease_until=_param("leased"),
        waiting_for=None,
        not_before=None,
    )
    .returning(syncs.c.id)
    .add_cte(_dead)
)
_ripe = _picked(_PENDING, syncs.c.not_before <= _param("now"), order=(syncs.c.not_before,))
_RIPEN = sa.update(syncs).where(syncs.c.id.in_(sa.select(_ripe.c.id))).values(not_before=None)
_overdue = _picked(_FAILED, syncs.c.not_before <= _param("now"), order=(syncs.c.not_before,))
_OVERDUE = sa.select(syncs.c.id, syncs.c.sent_at).where(syncs.c.id.in_(sa.select(_overdue.c.id)))

_NEXT_WAITING, _NEXT_RETRY = (
    sa.select(sa.func.min(syncs.c.not_before)).where(
        _IN_LANE, status, syncs.c.not_before.is_not(None)
    )
    for status in (_PENDING, _FAILED)
)
_NEXT_DEAD = sa.select(sa.func.min(syncs.c.lease_until)).where(_IN_LANE, _PROCESSING)


def _lane_has(*where: sa.ColumnElement[bool]) -> sa.Exists:
    return sa.exists().where(syncs.c.lane == lanes.c.name, *where).correlate(lanes)


# One look a lane into each partial index: the size of the log does not matter. Every priority is
# 0 or more; saying so makes SQLite take the index of ready rows.
_BUSY_LANES = sa.select(lanes.c.name).where(
    lanes.c.held_at.is_(None),
    sa.or_(
        lanes.c.owner.is_(None),
        lanes.c.owner == sa.bindparam("taker"),
        lanes.c.lease_until < _param("now"),
    ),
    sa.or_(
        _lane_has(_PENDING, syncs.c.not_before.is_(None), syncs.c.priority >= 0),
        _lane_has(_PENDING, syncs.c.not_before <= _param("now")),
        _lane_has(
            _PROCESSING,
            syncs.c.lease_until < _param("now"),
            sa.or_(syncs.c.sent_at.is_(None), syncs.c.sent_at <= _param("settled")),
        ),
        _lane_has(_FAILED, syncs.c.not_before <= _param("now")),
    ),
)
_BEAT = (
    sa.update(syncs)
    .where(
        _PROCESSING,
        syncs.c.worker == sa.bindparam("by_worker"),
        syncs.c.id.in_(sa.bindparam("ids", expanding=True)),
        sa.or_(syncs.c.sent_at.is_(None), syncs.c.sent_at <= _param("settled")),
    )
    .values(lease_until=_param("leased"))
)
_EXPIRE = sa.update(syncs).where(_PROCESSING).values(lease_until=_param("now"), worker=None)
_RETRY = (
    sa.update(syncs)
    .where(
        syncs.c.id == sa.bindparam("this_sync"),
        syncs.c.status == sa.bindparam("was"),
    )
    .values(
        status=Status.PENDING.value,
        retries=syncs.c.retries + sa.bindparam("counted"),
        postponements=0,
        priority=sa.bindparam("priority_now"),
        due=_param("now"),
        at=_param("now"),
        not_before=_param("earliest"),
        waiting_for=sa.bindparam("waits_for"),
        trigger=sa.bindparam("trigger_now"),
        actor_id=sa.bindparam("by_id"),
        actor_name=sa.bindparam("by_name"),
    )
    .returning(syncs.c.fence)
)
_RELEASE_RETURNS = (
    sa.update(syncs)
    .where(
        syncs.c.route_id == sa.bindparam("on_route"),
        syncs.c.order_id == sa.bindparam("of_order"),
        _PENDING,
        syncs.c.kind == Kind.RETURN.value,
        syncs.c.waiting_for == WaitingFor.PREREQUISITE.value,
    )
    .values(not_before=None, due=_param("now"), trigger=Trigger.PARENT.value)
)
_OPEN_ATTEMPT = attempts.insert()
_PARENT = rows.SELECT.where(
    syncs.c.route_id == sa.bindparam("on_route"),
    syncs.c.order_id == sa.bindparam("of_order"),
    syncs.c.kind == Kind.INVOICE.value,
).order_by(syncs.c.discovered_at)

_SALES = (
    sa.select(syncs.c.status)
    .where(
        syncs.c.route_id == sa.bindparam("on_route"),
        syncs.c.order_id == sa.bindparam("of_order"),
        syncs.c.kind == Kind.INVOICE.value,
    )
    .with_for_update(key_share=True)
)
"""Locked: a sale that ends at this moment ends before or after, and sees the return that waits."""


class Queue:
    """The open rows of all lanes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.stops = Stops(is_sqlite=database.is_sqlite)
        dialect = sqlite if database.is_sqlite else postgresql
        self._discover = (
            dialect.insert(syncs)
            .on_conflict_do_nothing(index_elements=["route_id", "source_key"])
            .returning(syncs.c.id)
        )

    def discover(
        self,
        seen: Sighting,
        by: Actor,
        now: datetime,
        *,
        priority: int,
        trigger: Trigger,
        batch: int | None = None,
    ) -> bool:
        """Insert the document's row unless it is there; returns whether it was new.

        `batch` is the backfill that found it.
        """
        row = row_of(seen, by, now, priority=priority, trigger=trigger, batch=batch)
        with self._database.write() as connection:
            inserted = connection.execute(self._discover, row).scalar()
            if inserted is None:
                return False
            write_audit(connection, Move.DISCOVER, [(inserted, 0)], None, by, now)
        return True

    def claim(
        self, lane: str, worker: str, most: int, now: datetime, lease: timedelta
    ) -> list[Sync]:
        """START up to `most` ready syncs of `lane`: a person's first, then oldest first."""
        given = {"in_lane": lane, "by_worker": worker, "at_most": most, "now": now}
        with self._database.write() as connection:
            ids = list(connection.execute(_CLAIM, {**given, "leased": now + lease}).scalars())
            if not ids:
                return []
            claimed = list(rows.many(connection, sorted(ids)).values())
            connection.execute(_OPEN_ATTEMPT.from_select(*_attempt_of(ids)), {"now": now})
            moved = [(sync.id, sync.fence) for sync in claimed]
            write_audit(connection, Move.START, moved, Status.PENDING, ENGINE, now)
            tell(connection, ids, now)
        point("job.claimed")
        return claimed

    def rescue(
        self,
        lane: str,
        worker: str,
        most: int,
        now: datetime,
        lease: timedelta,
        settle: timedelta,
    ) -> list[Sync]:
        """Take over syncs whose worker is gone and whose mark, if any, is older than `settle`."""
        given = {"in_lane": lane, "by_worker": worker, "at_most": most, "now": now}
        with self._database.write() as connection:
            taken = connection.execute(
                _RESCUE, {**given, "leased": now + lease, "settled": now - settle}
            )
            ids = list(taken.scalars())
            if not ids:
                return []
            rescued = list(rows.many(connection, ids).values())
            moved = [(sync.id, sync.fence) for sync in rescued]
            write_audit(connection, Move.RESCUE, moved, Status.PROCESSING, ENGINE, now)
        return rescued

    def ripen(self, lane: str, now: datetime) -> int:
        """Let waiting syncs whose time has come join the claim; returns how many."""
        with self._database.write() as connection:
            given = {"in_lane": lane, "now": now, "at_most": CHUNK}
            return connection.execute(_RIPEN, given).rowcount

    def retry_overdue(self, lane: str, now: datetime, settle: timedelta) -> int:
        """RETRY, by the engine's own policy, failed syncs whose time has come.

        One that still carries a sent mark waits, as after a press, until `settle` is over.
        """
        with self._database.write() as connection:
            given = {"in_lane": lane, "now": now, "at_most": CHUNK}
            overdue = connection.execute(_OVERDUE, given).all()
            for sync_id, sent_at in overdue:
                settled_at = sent_at + settle if sent_at else None
                unsettled = settled_at is not None and settled_at > now
                self.send_back(
                    connection,
                    sync_id,
                    Status.FAILED,
                    ENGINE,
                    now,
                    earliest=settled_at if unsettled else None,
                    waiting_for=WaitingFor.ANSWER if unsettled else None,
                    priority=Priority.SWEEP,
                )
            self.stops.leave(connection, [sync_id for sync_id, _ in overdue], now)
        return len(overdue)

    def send_back(
        self,
        connection: Connection,
        sync_id: int,
        was: Status,
        by: Actor,
        now: datetime,
        *,
        earliest: datetime | None = None,
        waiting_for: WaitingFor | None = None,
        priority: int = Priority.PERSON,
    ) -> bool:
        """RETRY (failed, counted), HURRY (pending) or REOPEN (skipped) in the caller's transaction.

        `earliest` is when it may run at last; returns False where the status was no longer `was`.
        After a RETRY the caller lets `stops` leave.
        """
        move = _BACK[was]
        fence = connection.execute(
            _RETRY,
            {
                "this_sync": sync_id,
                "was": was.value,
                "counted": int(move is Move.RETRY),
                "priority_now": priority,
                "now": now,
                "earliest": earliest,
                "waits_for": waiting_for.value if waiting_for else None,
                "trigger_now": (Trigger.ENGINE if by == ENGINE else Trigger.PERSON).value,
                "by_id": by.id,
                "by_name": by.name,
            },
        ).scalar()
        if fence is None:
            return False
        write_audit(connection, move, [(sync_id, fence)], was, by, now)
        tell(connection, [sync_id], now)
        return True

    def release_returns(self, connection: Connection, sale: Sync, now: datetime) -> None:
        """Let the returns that wait for `sale` go, inside the caller's transaction."""
        given = {"on_route": sale.route_id, "of_order": sale.order_id, "now": now}
        connection.execute(_RELEASE_RETURNS, given)

    def release_if_sold(self, connection: Connection, waiting: Sync, now: datetime) -> None:
        """Let a return go whose sale succeeded between its look and its postponement."""
        given = {"on_route": waiting.route_id, "of_order": waiting.order_id}
        if Status.SUCCESS.value in connection.execute(_SALES, given).scalars().all():
            self.release_returns(connection, waiting, now)

    def sales_of(self, sync: Sync) -> list[Sync]:
        """Return the invoices of a return's order on the same route, oldest first."""
        given = {"on_route": sync.route_id, "of_order": sync.order_id}
        with self._database.read() as connection:
            return [rows.sync_of(row) for row in connection.execute(_PARENT, given).mappings()]

    def beat(
        self,
        worker: str,
        running: Sequence[int],
        now: datetime,
        lease: timedelta,
        settle: timedelta,
    ) -> None:
        """Renew the leases of the rows that run in this worker and carry no fresh mark.

        A row of ours that no longer runs is left out: its end was not written, RESCUE takes it.
        """
        given = {"by_worker": worker, "ids": running, "settled": now - settle}
        with self._database.write() as connection:
            connection.execute(_BEAT, {**given, "leased": now + lease})

    def expire_leases(self, now: datetime) -> None:
        """End all row leases: for the one long-running process, at its start."""
        with self._database.write() as connection:
            connection.execute(_EXPIRE, {"now": now})

    def next_moment(self, lane: str) -> datetime | None:
        """Return when something in `lane` ripens or may be rescued next, or None."""
        with self._database.read() as connection:
            moments = [
                connection.execute(statement, {"in_lane": lane}).scalar()
                for statement in (_NEXT_WAITING, _NEXT_RETRY, _NEXT_DEAD)
            ]
        return min((moment for moment in moments if moment), default=None)

    def busy_lanes(self, now: datetime, taker: str, settle: timedelta) -> set[str]:
        """Return the open lanes where something is ready, ripe, to be rescued or due to retry.

        Those that another process than `taker` holds under a live lease are left out.
        """
        given = {"now": now, "taker": taker, "settled": now - settle}
        with self._database.read() as connection:
            return set(connection.execute(_BUSY_LANES, given).scalars())


def _attempt_of(ids: list[int]) -> tuple[list[str], sa.Select[Any]]:
    columns = ["sync_id", "number", "trigger", "actor_id", "actor_name"]
    columns += ["started_at", "exchanges", "due"]
    opened = sa.select(
        syncs.c.id,
        syncs.c.attempts,
        syncs.c.trigger,
        syncs.c.actor_id,
        syncs.c.actor_name,
        _param("now"),
        sa.literal([], type_=attempts.c.exchanges.type),
        syncs.c.due,
    ).where(syncs.c.id.in_(ids))
    return columns, opened
