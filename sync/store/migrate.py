"""Brings the tables up to date, at every start, under the database's own lock.

An SQLite file that holds something is copied first, beside itself, through SQLite's backup: a copy
of the file alone would lack what still stands in its write-ahead log.
"""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from sync.store.database import Database
from sync.store.trouble import Trouble, Unavailable, network_disk, unavailable

FOLDER = Path(__file__).parent.parent / "migrations"
MOUNTS = Path("/proc/mounts")
MAGIC = b"SQLite format 3\0"
"""How a database file begins (SQLite, "Database File Format", section 1.3)."""

LOCK = 4_201_968_311
"""The number of PostgreSQL's advisory lock around a migration."""

log = structlog.get_logger(__name__)


class NewerSchema(Exception):
    """The database was made by a newer invsync than this one."""


def migrate(database: Database, to: str = "head") -> str | None:
    """Apply what is missing, in one transaction; returns the revision, None on an empty history.

    `to` is the revision to end at. Raises NewerSchema where the database knows a revision that
    this code does not, Unavailable where it cannot be read or written.
    """
    scripts = ScriptDirectory(str(FOLDER))
    if database.file:
        _refuse_network_disk(database.file)
        _refuse_other_file(database.file)
        _refuse_half_moved(database.file)
    database.may_create = True
    try:
        with database.write() as connection:
            return _migrated(database, connection, scripts, to)
    finally:
        database.may_create = False


def _migrated(
    database: Database, connection: Connection, scripts: ScriptDirectory, to: str
) -> str | None:
    if not database.is_sqlite:
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    was = MigrationContext.configure(connection).get_current_revision()
    if was is not None and was not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerSchema(was)
    if was in {to, scripts.as_revision_number(to)}:
        return was
    copy = _copied(database, was) if was else None
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    now = MigrationContext.configure(connection).get_current_revision()
    if was:
        log.info("database migrated", was=was, now=now, copy=str(copy) if copy else None)
    return now


def _copied(database: Database, revision: str) -> Path | None:
    """Copy an SQLite file as it stands; returns where to.

    The caller holds the write lock, so nothing changes meanwhile. A copy is whole or not there:
    it gets its name when all of it is on the disk.
    """
    path = database.file
    if path is None:
        return None
    copy = path.with_name(f"{path.name}.before-{revision}")
    half = copy.with_name(f"{copy.name}.part")
    half.unlink(missing_ok=True)
    try:
        half.touch(mode=path.stat().st_mode & 0o777)  # credentials are inside: never more open
        source, target = sqlite3.connect(path), sqlite3.connect(half)
        try:
            source.backup(target)
        finally:
            target.close()
            source.close()
        half.replace(copy)
    except (sqlite3.Error, OSError) as error:
        half.unlink(missing_ok=True)
        told = unavailable(error, database.url)
        raise told or Unavailable(Trouble.BROKEN, f"{copy}: {error}") from error
    return copy


def _refuse_network_disk(path: Path) -> None:
    kind = network_disk(path, MOUNTS.read_text(encoding="utf-8")) if MOUNTS.exists() else None
    if kind:
        raise Unavailable(Trouble.NETWORK, f"{path} ({kind})")


def _refuse_half_moved(path: Path) -> None:
    """Make no new file beside the write-ahead log of one that was moved: it would be emptied."""
    rest = path.with_name(f"{path.name}-wal")
    if rest.exists() and not path.exists():
        raise Unavailable(Trouble.MISSING, f"{path} does not exist, and {rest.name} beside it does")


def _refuse_other_file(path: Path) -> None:
    """Leave a file alone that is no database; SQLite would take a very short one for an empty."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(MAGIC))
    except OSError:
        return  # SQLite says better what is wrong with opening it
    if begins not in {b"", MAGIC}:
        raise Unavailable(Trouble.UNREADABLE, str(path))
