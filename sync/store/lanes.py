"""Who works a lane, whether it is held, and how fast its connection may be asked.

A lane's lease row keeps it to one process: TAKE, BEAT, GIVE are the same on both databases.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.database import Database
from sync.store.tables import lanes, paces

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
_HOLD = (
    sa.update(lanes)
    .where(_NAMED, lanes.c.held_at.is_(None))
    .values(
        held_at=sa.bindparam("now", type_=_AT),
        held_for=sa.bindparam("for_connection"),
        held_reason=sa.bindparam("because"),
        held_by_sync=sa.bindparam("by_sync"),
    )
)
_OPEN = (
    sa.update(lanes)
    .where(lanes.c.held_for == sa.bindparam("for_connection"))
    .values(held_at=None, held_for=None, held_reason=None, held_by_sync=None)
)
_HELD_BY = sa.select(lanes.c.held_by_sync).where(
    lanes.c.held_for == sa.bindparam("for_connection"), lanes.c.held_by_sync.is_not(None)
)
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

    def expire(self) -> None:
        """End all lane leases: for the one long-running process, at its start."""
        with self._database.write() as connection:
            connection.execute(_EXPIRE)

    def hold(
        self, lane: str, connection_name: str, reason: str, by_sync: int, now: datetime
    ) -> bool:
        """Hold the lane for a refused connection; False where it was held already."""
        given = {
            "lane": lane,
            "now": now,
            "for_connection": connection_name,
            "because": reason,
            "by_sync": by_sync,
        }
        with self._database.write() as connection:
            return connection.execute(_HOLD, given).rowcount == 1

    def is_held(self, lane: str) -> bool:
        """Return whether the lane is held."""
        with self._database.read() as connection:
            return connection.execute(_IS_HELD, {"lane": lane}).scalar() is not None

    def open(self, connection_name: str) -> list[int]:
        """Open the lanes that are held for this connection; returns the syncs that held them."""
        given = {"for_connection": connection_name}
        with self._database.write() as connection:
            canaries = list(connection.execute(_HELD_BY, given).scalars())
            connection.execute(_OPEN, given)
        return [sync_id for sync_id in canaries if sync_id is not None]


_earliest: sa.BindParameter[float] = sa.bindparam("earliest", type_=sa.Double())
_BOOK = (
    sa.update(paces)
    .where(paces.c.connection == sa.bindparam("of_connection"))
    .values(
        tat=sa.case((paces.c.tat > _earliest, paces.c.tat), else_=_earliest)
        + sa.bindparam("step", type_=sa.Double())
    )
    .returning(paces.c.tat)
)
_DELAY = (
    sa.update(paces)
    .where(paces.c.connection == sa.bindparam("of_connection"), paces.c.tat < _earliest)
    .values(tat=_earliest)
)


class Paces:
    """GCRA, one row per connection: a booking never refuses, the caller sleeps until its slot."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = dialect.insert(paces).on_conflict_do_nothing()

    def book(self, connection_name: str, rate: float, burst: int, now: datetime) -> float:
        """Book the next slot at `rate` a second; returns how many seconds to wait for it."""
        step, moment = 1 / rate, now.timestamp()
        given = {
            "of_connection": connection_name,
            "earliest": moment - (burst - 1) * step,
            "step": step,
        }
        with self._database.write() as connection:
            booked = connection.execute(_BOOK, given).scalar()
            if booked is None:
                connection.execute(self._add, {"connection": connection_name, "tat": 0.0})
                booked = connection.execute(_BOOK, given).scalar_one()
        return max(0.0, float(booked) - step - moment)

    def delay(self, connection_name: str, until: datetime) -> None:
        """Move the next slot to `until`, as a Retry-After asks."""
        with self._database.write() as connection:
            given = {"of_connection": connection_name, "earliest": until.timestamp()}
            connection.execute(_DELAY, given)
