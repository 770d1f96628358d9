"""How a row of `syncs` becomes a `Sync`: one select, one mapping, used by every reader."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Sync, WaitingFor
from sync.states import Status
from sync.store.tables import connections, lanes, routes, syncs

_source = connections.alias("source")
_destination = connections.alias("destination")

# A pending sync of a held lane waits for its connection: derived, never written row by row.
_waiting_for = sa.case(
    (
        sa.and_(syncs.c.status == Status.PENDING.value, lanes.c.held_at.is_not(None)),
        WaitingFor.CONNECTION.value,
    ),
    else_=syncs.c.waiting_for,
).label("waits_for")

SELECT = (
    sa.select(
        syncs,
        routes.c.name.label("route"),
        _source.c.system.label("source_system"),
        _destination.c.system.label("destination_system"),
        _waiting_for,
    )
    .join(routes, routes.c.id == syncs.c.route_id)
    .join(_source, _source.c.id == routes.c.source_id)
    .join(_destination, _destination.c.id == routes.c.destination_id)
    .outerjoin(lanes, lanes.c.name == syncs.c.lane)
)
SOURCE_NAME = _source.c.name
DESTINATION_NAME = _destination.c.name

_BY_ID = SELECT.where(syncs.c.id == sa.bindparam("sync_id"))
_BY_IDS = SELECT.where(syncs.c.id.in_(sa.bindparam("ids", expanding=True)))


def one(connection: Connection, sync_id: int) -> Sync | None:
    """Return the sync with this id, or None."""
    row = connection.execute(_BY_ID, {"sync_id": sync_id}).mappings().first()
    return sync_of(row) if row else None


def many(connection: Connection, ids: list[int]) -> dict[int, Sync]:
    """Return the syncs with these ids, by id, in the order that was asked."""
    found = {row["id"]: row for row in connection.execute(_BY_IDS, {"ids": ids}).mappings()}
    return {one: sync_of(found[one]) for one in ids if one in found}


def money_of(minor: int | None, currency: str | None) -> Money | None:
    """Return the money that two columns hold, or None while it is not known."""
    return None if minor is None or currency is None else Money.from_minor(minor, currency)


# Columns that carry the same name and form in the value.
_PLAIN = (
    *("id", "route", "route_id", "source_key", "source_id", "order_id", "order_number"),
    *("document_number", "source_system", "destination_system", "source_url", "lane"),
    *("attempts", "retries", "failures", "fence", "sent_at", "not_before", "cause_key"),
    *("reason", "note", "customer", "destination_id", "destination_number"),
    *("destination_url", "discovered_at", "attempted_at", "finished_at"),
)


def sync_of(row: RowMapping) -> Sync:
    """Return the value that a row of SELECT is."""
    return Sync(
        **{name: row[name] for name in _PLAIN},
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        waiting_for=WaitingFor(row["waits_for"]) if row["waits_for"] else None,
        error_type=ErrorType(row["error_type"]) if row["error_type"] else None,
        amount=money_of(row["amount_minor"], row["currency"]),
    )
