"""SQLite files for tests: copies of one that was migrated once, longer than most tests take."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sync.store import Store


def fresh_file(folder: Path) -> str:
    """Put a database with all tables and no row into `folder`; returns its address.

    One that is there already is left as it is: a test that begins again goes on with it.
    """
    path = folder / "invsync.db"
    if not path.exists():
        path.write_bytes(_migrated())
    return f"sqlite:///{path}"


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "invsync.db"
        store = Store(f"sqlite:///{path}")
        store.migrate()
        store.close()
        return path.read_bytes()
