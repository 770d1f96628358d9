"""First of its kind: a row per customer, product or tax that stands for one in a destination."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.clock import Clock
from sync.store.cause_tables import choices
from sync.store.database import Database
from sync.store.tables import mappings

STALE = timedelta(minutes=5)
"""A claim older than this belongs to a worker that is gone."""

_THIS = sa.and_(
    mappings.c.connection == sa.bindparam("of_connection"),
    mappings.c.kind == sa.bindparam("of_kind"),
    mappings.c.key == sa.bindparam("of_key"),
)
_GET = sa.select(mappings.c.value).where(_THIS)
_CLAIM = (
    sa.update(mappings)
    .where(
        _THIS,
        mappings.c.value.is_(None),
        sa.or_(
            mappings.c.claimed_at.is_(None),
            mappings.c.claimed_at < sa.bindparam("stale", type_=mappings.c.claimed_at.type),
        ),
    )
    .values(claimed_at=sa.bindparam("now", type_=mappings.c.claimed_at.type))
)
_PUT = sa.update(mappings).where(_THIS).values(value=sa.bindparam("id"), claimed_at=None)
_RELEASE = sa.update(mappings).where(_THIS, mappings.c.value.is_(None)).values(claimed_at=None)

_FORGET = sa.delete(mappings).where(_THIS)
_CHOSEN = sa.select(choices.c.value).where(
    choices.c.connection == sa.bindparam("of_connection"),
    choices.c.kind == sa.bindparam("of_kind"),
    choices.c.key == sa.bindparam("of_key"),
)


class MappingRows:
    """The mappings of one destination connection (implements `sync.connectors.base.Mappings`)."""

    def __init__(self, database: Database, connection: str, clock: Clock) -> None:
        self._database = database
        self._connection = connection
        self._clock = clock
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = dialect.insert(mappings).on_conflict_do_nothing()

    def get(self, kind: str, key: str) -> str | None:
        """Return the destination's id for `key`, or None."""
        with self._database.read() as connection:
            value: str | None = connection.execute(_GET, self._this(kind, key)).scalar()
        return value

    def chosen(self, kind: str, key: str) -> str | None:
        """Return the id that a person chose to stand for `key`; it outlives `forget`."""
        with self._database.read() as connection:
            value: str | None = connection.execute(_CHOSEN, self._this(kind, key)).scalar()
        return value

    def claim(self, kind: str, key: str) -> bool:
        """Return whether this caller may create it now."""
        now = self._clock.now()
        given = {**self._this(kind, key), "now": now, "stale": now - STALE}
        with self._database.write() as connection:
            connection.execute(self._add, self._row(kind, key))
            return connection.execute(_CLAIM, given).rowcount == 1

    def put(self, kind: str, key: str, value: str) -> None:
        """Remember the destination's id; replaces an older one."""
        with self._database.write() as connection:
            connection.execute(self._add, self._row(kind, key))
            connection.execute(_PUT, {**self._this(kind, key), "id": value})

    def release(self, kind: str, key: str) -> None:
        """Give a claim back without a result."""
        with self._database.write() as connection:
            connection.execute(_RELEASE, self._this(kind, key))

    def forget(self, kind: str, key: str) -> None:
        """Drop what is remembered: the destination no longer knows it."""
        with self._database.write() as connection:
            connection.execute(_FORGET, self._this(kind, key))

    def _this(self, kind: str, key: str) -> dict[str, str]:
        return {"of_connection": self._connection, "of_kind": kind, "of_key": key}

    def _row(self, kind: str, key: str) -> dict[str, str]:
        return {"connection": self._connection, "kind": kind, "key": key}
