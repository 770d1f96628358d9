"""Who works a lane, and whether it is held.

A lane's lease row keeps it to one process: TAKE, BEAT, GIVE are the same on both databases.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.database import Database
from sync.store.tables import lanes

LEASE = timedelta(seconds=5)

_AT = lanes.c.lease_until.type
_NAMED = lanes.c.name == sa.bindparam("lane")
_TAKE = (
    sa.update(lanes)
    .where(
        _NAMED,
        lanes.c.held_at.is_(None),
        sa.or_(
            lanes.c.owner.is_(None),
            lanes.c.owner == sa.bindparam("taker"),
            lanes.c.lease_until < sa.bindparam("now", type_=_AT),
        ),
    )
    .values(owner=sa.bindparam("taker"), lease_until=sa.bindparam("leased", type_=_AT))
)
_BEAT = (
    sa.update(lanes)
    .where(lanes.c.owner == sa.bindparam("taker"))
    .values(lease_until=sa.bindparam("leased", type_=_AT))
    .returning(lanes.c.name, lanes.c.held_at)
)
_GIVE = (
    sa.update(lanes)
    .where(_NAMED, lanes.c.owner == sa.bindparam("taker"))
    .values(owner=None, lease_until=None)
)
_EXPIRE = sa.update(lanes).values(owner=None, lease_until=None)
_IS_HELD = sa.select(lanes.c.held_at).where(_NAMED)


class Lanes:
    """The lease rows of all lanes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = dialect.insert(lanes).on_conflict_do_nothing()

    def add(self, lane: str) -> None:
        """Make the lane known; nothing where it is."""
        with self._database.write() as connection:
            connection.execute(self._add, {"name": lane})

    def take(self, lane: str, owner: str, now: datetime) -> bool:
        """TAKE the lane for `owner` where it is open and nobody else holds a live lease."""
        given = {"lane": lane, "taker": owner, "now": now, "leased": now + LEASE}
        with self._database.write() as connection:
            return connection.execute(_TAKE, given).rowcount == 1

    def beat(self, owner: str, now: datetime) -> set[str]:
        """Renew all leases of `owner`; returns the lanes that it still owns and that are open."""
        with self._database.write() as connection:
            mine = connection.execute(_BEAT, {"taker": owner, "leased": now + LEASE})
            return {name for name, held_at in mine if held_at is None}

    def give(self, lane: str, owner: str) -> None:
        """GIVE the lane back."""
        with self._database.write() as connection:
            connection.execute(_GIVE, {"lane": lane, "taker": owner})

    @contextmanager
    def alone(self, lane: str, owner: str, now: datetime) -> Iterator[bool]:
        """TAKE the lane, and GIVE it back at the end; tells whether `owner` has it until then."""
        taken = self.take(lane, owner, now)
        try:
            yield taken
        finally:
            if taken:
                self.give(lane, owner)

    def expire(self) -> None:
        """End all lane leases: for the one long-running process, at its start."""
        with self._database.write() as connection:
            connection.execute(_EXPIRE)

    def is_held(self, lane: str) -> bool:
        """Return whether the lane is held."""
        with self._database.read() as connection:
            return connection.execute(_IS_HELD, {"lane": lane}).scalar() is not None
