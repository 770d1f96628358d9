"""Brings the tables up to date, at every start, under the database's own lock."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sync.store.database import Database

FOLDER = Path(__file__).parent.parent / "migrations"
LOCK = 4_201_968_311
"""The number of PostgreSQL's advisory lock around a migration."""


class NewerSchema(Exception):
    """The database was made by a newer invsync than this one."""


def migrate(database: Database) -> str | None:
    """Apply what is missing, in one transaction; returns the revision, None on an empty history.

    Raises NewerSchema where the database knows a revision that this code does not.
    """
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise NewerSchema(current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return MigrationContext.configure(connection).get_current_revision()
