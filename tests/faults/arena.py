"""Databases for thousands of runs: opened once, emptied between runs, their transactions stepped.

On SQLite the database is in memory, and the migrated one is copied over the used one page by page;
on PostgreSQL the tables are emptied. Either way the connections, and what SQLAlchemy has compiled,
stay.
"""

import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

import sync.tokens
from sync.connectors.oauth import OAuthApp, Tokens
from sync.store import Store
from sync.store.tables import metadata
from tests.builders import KEY

Begin = Callable[[], AbstractContextManager[Connection]]
EMPTY = "empty"
SILENT = 50
"""Above every level that the product logs at: the faults are ours."""

COARSE = 5.0
"""The shortest virtual sleep, in seconds, of who waits for another's renewal of a token."""


class Arena:
    """One database and what stands around it; `hook` hears of each transaction's begin."""

    def __init__(self, url: str | None = None, alter: str = "") -> None:
        self.url = url or "sqlite:///:memory:"
        self.store = Store(self.url, [KEY])
        self.store.migrate()
        self.hook: Callable[[], None] = lambda: None
        self.renewed: Callable[[str], Tokens] | None = None
        self.sleep: Callable[[float], None] = lambda _seconds: None
        self.seconds: Callable[[], float] = lambda: 0.0
        self.is_sqlite = self.store.database.is_sqlite
        if alter:
            with self.store.database.write() as connection:
                for statement in alter.split(";"):
                    connection.exec_driver_sql(statement)
        self._held: tuple[_Held, ...] = ()
        self._step_transactions()
        self._kept: dict[Hashable, sqlite3.Connection] = {}
        self.keep(EMPTY)

    def _step_transactions(self) -> None:
        """Let the hook hear of each transaction; on SQLite without the pool's own housekeeping."""
        database = self.store.database
        if self.is_sqlite:
            held = _Held(database._writer)
            self._held = (held,)
            write: Begin = partial(held.begin, "BEGIN IMMEDIATE")
            read: Begin = partial(held.begin, "BEGIN")
        else:
            write, read = database.write, database.read
        vars(database).update(write=self._stepped(write), read=self._stepped(read))

    def _stepped(self, begin: Begin) -> Begin:
        def stepped() -> AbstractContextManager[Connection]:
            self.hook()
            return begin()

        return stepped

    def keep(self, place: Hashable) -> None:
        """Keep a copy of the database as it stands, under a name; SQLite only."""
        if self.is_sqlite:
            self._kept[place] = sqlite3.connect(":memory:", check_same_thread=False)
            self._held[0].raw.backup(self._kept[place])

    def lay_out(self, place: Hashable) -> bool:
        """Make the database what was kept under that name; False where it is only empty now."""
        if self.is_sqlite:
            known = place in self._kept
            self._kept[place if known else EMPTY].backup(self._held[0].raw)
            return known
        names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        with self.store.database.write() as connection:
            connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        return False

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Let renewals of tokens reach the simulator, in virtual time; let nothing be logged."""
        logged = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(SILENT))
        kept = {name: vars(sync.tokens)[name] for name in ("renewed", "time")}
        world_time = SimpleNamespace(
            monotonic=self._monotonic,
            sleep=lambda seconds: self.sleep(max(seconds, COARSE)),
        )
        vars(sync.tokens).update(renewed=self._renewed, time=world_time)
        try:
            yield
        finally:
            vars(sync.tokens).update(kept)
            structlog.configure(**logged)

    def _monotonic(self) -> float:
        return self.seconds()

    def _renewed(self, _app: OAuthApp, refresh_token: str, **_given: Any) -> Tokens:
        if self.renewed is None:
            raise RuntimeError("no run is on")
        return self.renewed(refresh_token)

    def close(self) -> None:
        """Give the database back."""
        for held in self._held:
            held.close()
        for kept in self._kept.values():
            kept.close()
        self.store.close()


class _Held:
    """One connection to SQLite, held for good; its transactions are written by hand.

    They are the product's transactions without the cost of a pool and a disk: no thread ever parks
    inside of one, so one connection serves readers and writers alike.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        self._connection.begin()
        raw = self._connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            raise TypeError("not SQLite")
        self.raw = raw
        vars(self._connection)["_has_events"] = False  # nobody listens: the transactions are ours
        raw.execute("COMMIT")

    @contextmanager
    def begin(self, how: str) -> Iterator[Connection]:
        """Run one transaction; undone by an exception."""
        self.raw.execute(how)
        try:
            yield self._connection
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise
        self.raw.execute("COMMIT")

    def close(self) -> None:
        """Give the connection back."""
        self.raw.execute("BEGIN")
        self._connection.close()
