"""How a row of `bulks` becomes a `Bulk`, and how much a cause has to retry."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.bulk import Bulk, BulkState, Size, size_of
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor
from sync.states import Status
from sync.store.cause_tables import blockers, bulks, causes
from sync.store.tables import connections, syncs

SELECT = (
    sa.select(bulks, causes.c.lane, causes.c.error_type, causes.c.key, connections.c.system)
    .join(causes, causes.c.id == bulks.c.cause_id)
    .join(connections, connections.c.name == causes.c.lane)
)
STOPPED = sa.and_(
    blockers.c.cause_id == sa.bindparam("of_cause"),
    blockers.c.open,
    ~blockers.c.retrying,
    syncs.c.status == Status.FAILED.value,
)
"""The failed documents that a cause stops and that need somebody: those that it is counted with."""

_SIZE = (
    sa.select(
        syncs.c.currency,
        sa.func.count().label("count"),
        sa.func.coalesce(sa.func.sum(syncs.c.amount_minor), 0).label("minor"),
        sa.func.max(blockers.c.id).label("last"),
    )
    .join_from(blockers, syncs, syncs.c.id == blockers.c.sync_id)
    .where(STOPPED)
    .group_by(syncs.c.currency)
)


def size_now(connection: Connection, cause_id: int) -> tuple[Size, int | None]:
    """Return how much there is to retry, and the last blocker of it."""
    found = connection.execute(_SIZE, {"of_cause": cause_id}).mappings().all()
    counted = size_of((row["currency"], row["count"], int(row["minor"])) for row in found)
    return counted, max((row["last"] for row in found), default=None)


def asked(size: Size, last: int | None) -> dict[str, Any]:
    """Return the columns that hold what somebody is shown, and how far to send."""
    amounts = {one.currency: one.minor for one in size.amounts}
    return {"asked": size.count, "amounts": amounts, "upto": last}


_PLAIN = (
    *("id", "cause_id", "lane", "system", "key", "anyway", "approve_until", "sent", "upto"),
    *("reason", "owner", "created_at", "finished_at", "message"),
)


def bulk_of(row: RowMapping) -> Bulk:
    """Return the value that a row of SELECT is."""
    amounts = [Money.from_minor(minor, name) for name, minor in sorted(row["amounts"].items())]
    approver = row["approver_id"]
    return Bulk(
        **{name: row[name] for name in _PLAIN},
        error_type=ErrorType(row["error_type"]),
        state=BulkState(row["state"]),
        size=Size(row["asked"], amounts),
        by=Actor(row["actor_id"], row["actor_name"]),
        approver=Actor(approver, row["approver_name"] or "") if approver else None,
    )
