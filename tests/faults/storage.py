"""Real faults of a real database file, each for the length of a block."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from sync.store import Store, Unavailable

NO_LIMIT = 1_073_741_823
"""The page count that SQLite allows where nothing is said."""

SIZES = (900, 200, 40)
"""Characters of the rows that use up what room is left, the large ones first."""


def file_of(store: Store) -> Path:
    """Return the database's file."""
    path = store.database.file
    assert path
    return path


@contextmanager
def full(store: Store) -> Iterator[None]:
    """Let the disk be full: not a page more for the file, and no room in the last one."""
    with store.database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # it never falls below the size
    _use_up(store)
    try:
        yield
    finally:
        with store.database.write() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={NO_LIMIT}")


def _use_up(store: Store) -> None:
    for size in SIZES:
        with suppress(Unavailable):
            for number in range(100_000):
                row = (f"room:{size}:{number:06}", f'"{"x" * size}"')
                with store.database.write() as connection:
                    connection.exec_driver_sql(
                        "INSERT INTO receipts (receipt, at, answer)"
                        " VALUES (?, '2026-01-01 00:00:00.000000', ?)",
                        row,
                    )


@contextmanager
def gone(store: Store) -> Iterator[None]:
    """Move the file away, and back."""
    path = file_of(store)
    away = path.with_name("elsewhere.db")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextmanager
def gone_whole(store: Store) -> Iterator[None]:
    """Move the file away together with its log, and all of it back."""
    path = file_of(store)
    names = [path.name, f"{path.name}-wal", f"{path.name}-shm"]
    away = path.with_name("elsewhere")
    away.mkdir()
    for name in names:
        path.with_name(name).rename(away / name)
    try:
        yield
    finally:
        for name in names:
            (away / name).rename(path.with_name(name))


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the write lock, as another program would."""
    other = sqlite3.connect(
        file_of(store), isolation_level=None, timeout=10, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


TROUBLES: Mapping[str, Callable[[Store], AbstractContextManager[None]]] = {
    "full": full,
    "gone": gone,
    "locked": locked,
}
