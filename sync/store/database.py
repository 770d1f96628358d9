"""The database: one writer and many readers, on SQLite or PostgreSQL.

SQLite: WAL, `synchronous=FULL` (a lost mark is a duplicate), every write unit is `BEGIN IMMEDIATE`
(a deferred one loses increments without an error), one writing connection that is handed down and
never taken twice in one thread. PostgreSQL: the same statements through psycopg 3. What is wrong
with the database itself leaves as `Unavailable`; a file that was moved away is never made anew.
"""

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.url import make_url
from sqlalchemy.types import TypeDecorator

from sync.store.trouble import Trouble, Unavailable, file_of, unavailable

BUSY_SECONDS = 15
READERS = 8
IDLE_MILLISECONDS = 10_000
"""A process that is stopped inside a transaction must not hold its locks for ever."""

CONNECT_SECONDS = 5
"""How long a PostgreSQL server may take to answer, for each of its addresses."""


_patience: ContextVar[float] = ContextVar("patience", default=math.inf)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let this thread wait for a lock no longer than so: somebody is waiting for its answer."""
    before = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(before)


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
    """Opens `url` and hands out connections: `write()` is one transaction, `read()` a snapshot.

    `busy_seconds` is how long SQLite waits for another process' lock. A file that is not there is
    only made while `may_create` is set.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = make_url(url)
        self.file = file_of(self.url)
        self.may_create = False
        self._busy_seconds = busy_seconds
        self._turn = threading.Lock()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = self._sqlite(self._begin_writing, 1)
            self._reader = self._sqlite(_begin_reading, READERS)
        else:
            self._writer = self._postgresql()
            self._reader = self._writer

    def _postgresql(self) -> Engine:
        """Return an engine that gives up on a silent server; the URL may say after how long."""
        usual = {
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c idle_in_transaction_session_timeout={IDLE_MILLISECONDS}",
        }
        given = {name: value for name, value in usual.items() if name not in self.url.query}
        return sa.create_engine(
            self.url,
            pool_size=READERS,
            pool_pre_ping=True,
            pool_timeout=self._busy_seconds,
            connect_args=given,
        )

    def _sqlite(self, begin: Callable[[Connection], None], connections: int) -> Engine:
        engine = sa.create_engine(
            self.url,
            poolclass=sa.QueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self._busy_seconds,
            connect_args={"timeout": self._busy_seconds, "check_same_thread": False},
            **({"creator": self._open} if self.file else {}),
        )
        sa.event.listen(engine, "connect", partial(_prepare, busy_seconds=self._busy_seconds))
        if self.file:
            sa.event.listen(engine, "connect", partial(_remember, self.file))
            sa.event.listen(engine, "checkout", partial(_still_there, self.file))
        sa.event.listen(engine, "begin", begin)
        return engine

    def _open(self) -> sqlite3.Connection:
        mode = "rwc" if self.may_create else "rw"
        return sqlite3.connect(
            f"file:{quote(str(self.file))}?mode={mode}",
            uri=True,
            timeout=self._busy_seconds,
            check_same_thread=False,
        )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes; committed at the end, rolled back by an exception.

        Raises Unavailable, for want of its turn after what `patience` allows.
        """
        seconds = min(self._busy_seconds, _patience.get())
        with self._told_apart(), self._in_turn(seconds), self._writer.begin() as connection:
            if not self.is_sqlite and seconds < self._busy_seconds:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(seconds * 1000)}")
            yield connection

    @contextmanager
    def _in_turn(self, seconds: float) -> Iterator[None]:
        """Let one thread of this process write to a file at a time; PostgreSQL sorts it itself."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=seconds):
            raise Unavailable(Trouble.BUSY, str(self.file or "memory"))
        try:
            yield
        finally:
            self._turn.release()

    def _begin_writing(self, connection: Connection) -> None:
        """Begin with the write lock, waited for no longer than `patience` allows."""
        milliseconds = int(min(self._busy_seconds, _patience.get()) * 1000)
        file = connection.connection.driver_connection
        if file:
            file.execute(f"PRAGMA busy_timeout={milliseconds}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot to read from. Raises Unavailable."""
        with self._told_apart(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            told = unavailable(error, self.url)
            if told is None:
                raise
            raise told from error

    def close(self) -> None:
        """Give all connections back."""
        self._writer.dispose()
        self._reader.dispose()


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _prepare(connection: sqlite3.Connection, _record: Any, *, busy_seconds: float) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves
    cursor = connection.cursor()
    _switch_to_wal(cursor, busy_seconds)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor, busy_seconds: float) -> None:
    """Use WAL; SQLite does not wait by itself when two processes change a new file to it."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _remember(path: Path, _connection: Any, record: Any) -> None:
    record.info["file"] = _identity(path)


def _still_there(path: Path, _connection: Any, record: Any, _proxy: Any) -> None:
    """Refuse a connection to a file that was moved away: what it writes would be lost with it."""
    if _identity(path) != record.info["file"]:
        raise sa.exc.DisconnectionError(f"{path} is another file than before")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 because this runs at each transaction, and is quicker
    except OSError:
        return None
    return found.st_dev, found.st_ino
