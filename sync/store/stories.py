"""Reads the story of one document: the row, its attempts, what stops it, its order's others."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median_low

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor, Attempt, Blocker, Exchange, Sync, Trigger
from sync.states import Status
from sync.store import rows
from sync.store.cause_tables import blockers
from sync.store.tables import attempts, syncs
from sync.stories import Story

RETURNS = 5
"""How many returns of an invoice are read."""

COMPARED = 100
"""How many of the route's last documents tell what is usual."""

ENOUGH = 10
"""With fewer nothing is usual yet."""

_OF_SYNC: sa.BindParameter[int] = sa.bindparam("of_sync")
_ATTEMPTS = attempts.select().where(attempts.c.sync_id == _OF_SYNC).order_by(attempts.c.number)
_BLOCKERS = blockers.select().where(blockers.c.sync_id == _OF_SYNC).order_by(blockers.c.id)
_HASH = sa.select(syncs.c.payload_hash).where(syncs.c.id == _OF_SYNC)
_OF_ORDER = (
    rows.SELECT.where(
        syncs.c.route_id == sa.bindparam("on_route"),
        syncs.c.order_id == sa.bindparam("of_order"),
        syncs.c.kind == sa.bindparam("of_kind"),
    )
    .order_by(syncs.c.discovered_at, syncs.c.id)
    .limit(RETURNS)
)
_LAST = (
    sa.select(syncs.c.amount_minor)
    .where(
        syncs.c.route_id == sa.bindparam("on_route"),
        syncs.c.kind == sa.bindparam("of_kind"),
        syncs.c.currency == sa.bindparam("in_currency"),
        syncs.c.amount_minor.is_not(None),
        syncs.c.id != _OF_SYNC,
    )
    .order_by(syncs.c.id.desc())
    .limit(COMPARED)
)


def story_of(connection: Connection, sync_id: int) -> Story | None:
    """Return what is kept of a sync, or None."""
    sync = rows.one(connection, sync_id)
    if sync is None:
        return None
    tried = connection.execute(_ATTEMPTS, {"of_sync": sync_id}).mappings()
    stopped = connection.execute(_BLOCKERS, {"of_sync": sync_id}).mappings()
    is_return = sync.kind is Kind.RETURN
    return Story(
        sync=sync,
        attempts=[_attempt(row) for row in tried],
        blockers=[_blocker(row) for row in stopped],
        sale=_sale(connection, sync) if is_return else None,
        returns=() if is_return else _of_order(connection, sync, Kind.RETURN),
        payload_hash=connection.execute(_HASH, {"of_sync": sync_id}).scalar() or "",
        usual=_usual(connection, sync),
    )


def _sale(connection: Connection, sync: Sync) -> Sync | None:
    """Return the invoice whose success lets the return go, else the first of its order."""
    sales = _of_order(connection, sync, Kind.INVOICE)
    synced = (one for one in sales if one.status is Status.SUCCESS)
    return next(synced, next(iter(sales), None))


def _of_order(connection: Connection, sync: Sync, kind: Kind) -> Sequence[Sync]:
    given = {"on_route": sync.route_id, "of_order": sync.order_id, "of_kind": kind.value}
    return [rows.sync_of(row) for row in connection.execute(_OF_ORDER, given).mappings()]


def _usual(connection: Connection, sync: Sync) -> Money | None:
    if sync.amount is None:
        return None
    given = {
        "on_route": sync.route_id,
        "of_kind": sync.kind.value,
        "in_currency": sync.amount.currency,
        "of_sync": sync.id,
    }
    last = [abs(minor) for minor in connection.execute(_LAST, given).scalars()]
    if len(last) < ENOUGH:
        return None
    return Money.from_minor(median_low(last), sync.amount.currency)


def _blocker(row: RowMapping) -> Blocker:
    error_type = ErrorType(row["error_type"])
    return Blocker(error_type, row["cause_key"], row["reason"], row["cause_id"])


def _attempt(row: RowMapping) -> Attempt:
    return Attempt(
        number=row["number"],
        trigger=Trigger(row["trigger"]),
        actor=Actor(row["actor_id"], row["actor_name"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        outcome=row["outcome"],
        error_type=ErrorType(row["error_type"]) if row["error_type"] else None,
        reason=row["reason"],
        exchanges=[
            Exchange(**{**kept, "at": datetime.fromisoformat(kept["at"])})
            for kept in row["exchanges"]
        ],
        due=row["due"],
    )
