"""The database: one writer and many readers, on SQLite or PostgreSQL.

SQLite: WAL, `synchronous=FULL` (a lost mark is a duplicate), every write unit is `BEGIN IMMEDIATE`
(a deferred one loses increments without an error), one writing connection that is handed down and
never taken twice in one thread. PostgreSQL: the same statements through psycopg 3.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.url import make_url
from sqlalchemy.types import TypeDecorator

BUSY_SECONDS = 15
READERS = 8


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware UTC in Python, refused when naive; sortable text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, turn aware ones to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive time reached the store: {value!r}")
        aware = value.astimezone(UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite does not keep."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Opens `url` and hands out connections: `write()` is one transaction, `read()` a snapshot."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = self._sqlite("BEGIN IMMEDIATE", 1)
            self._reader = self._sqlite("BEGIN", READERS)
        else:
            self._writer = sa.create_engine(self.url, pool_size=READERS, pool_pre_ping=True)
            self._reader = self._writer

    def _sqlite(self, begin: str, connections: int) -> Engine:
        engine = sa.create_engine(
            self.url,
            poolclass=sa.QueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes; committed at the end, rolled back by an exception."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot to read from."""
        with self._reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._writer.dispose()
        self._reader.dispose()


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Use WAL; SQLite does not wait by itself when two processes change a new file to it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
