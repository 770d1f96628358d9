"""A write that proves that there is room, and leaves nothing behind.

An update of a row that stands there would be taken by a full disk's file, so this one inserts.
"""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa

from sync.store.database import Database
from sync.store.tables import receipts

ROOM = "x" * 8192
"""More than a page of either database."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def ping(database: Database) -> None:
    """Write some pages and give them back. Raises Unavailable."""
    receipt = f"ping:{uuid.uuid4().hex}"
    with database.write() as connection:
        connection.execute(
            receipts.insert(), {"receipt": receipt, "at": LONG_AGO, "answer": {"room": ROOM}}
        )
        connection.execute(sa.delete(receipts).where(receipts.c.receipt == receipt))
