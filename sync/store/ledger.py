"""What every move leaves behind, in the move's own transaction: one audit row, and news."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.errors import ErrorType
from sync.records import Actor
from sync.states import Move, Status, after
from sync.store.tables import audit, news, syncs, watches

_AUDIT = audit.insert()
_NEWS = news.insert().from_select(
    ["sync_id", "at"],
    sa.select(syncs.c.id, sa.bindparam("told_at", type_=news.c.at.type)).where(
        syncs.c.id.in_(sa.bindparam("ids", expanding=True)),
        sa.exists().where(watches.c.sync_id == syncs.c.id),
    ),
)


def write_audit(
    connection: Connection,
    move: Move,
    rows: Sequence[tuple[int, int]],
    was: Status | None,
    by: Actor,
    now: datetime,
    error_type: ErrorType | None = None,
) -> None:
    """Leave one audit row for each (sync id, fence) that `move` took from `was`.

    Raises RefusedMove where the table of moves has no such move: then the transaction is undone.
    """
    left = [audit_row(move, moved, was, by, now, error_type) for moved in rows]
    connection.execute(_AUDIT, left)


def audit_row(
    move: Move,
    moved: tuple[int, int],
    was: Status | None,
    by: Actor,
    now: datetime,
    error_type: ErrorType | None = None,
) -> dict[str, Any]:
    """Return the audit row of one (sync id, fence) that `move` took from `was`.

    Raises RefusedMove where the table of moves has no such move.
    """
    became = Status.PENDING if was is None else after(was, move)
    sync_id, fence = moved
    return {
        "sync_id": sync_id,
        "at": now,
        "move": move.value,
        "was": was.value if was else None,
        "became": became.value,
        "fence": fence,
        "actor_id": by.id,
        "error_type": error_type.value if error_type else None,
    }


def tell(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Leave news of the syncs among `ids` that somebody watches."""
    connection.execute(_NEWS, {"ids": list(ids), "told_at": now})
