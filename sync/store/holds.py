"""Held lanes: who holds them, how they are let go, and the story of each hold.

A hold is one row per connection, however many lanes it stops, so that one message can tell it. It
is ongoing until what waited behind it has gone through; a lane that meets the trouble again on the
way continues the same hold.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

from sync.money import Money
from sync.records import ENGINE, Actor, HoldKind
from sync.states import Status
from sync.store.database import Database
from sync.store.log import summed
from sync.store.tables import connections, holds, lanes, syncs

WIDEST = 8
"""From so many attempts at once on a release is over: the lane has its whole width."""

_AT = holds.c.began_at.type
_NAMED = lanes.c.name == sa.bindparam("lane")
_FOR = lanes.c.held_for == sa.bindparam("for_connection")
_THIS = holds.c.id == sa.bindparam("hold")
_ONGOING = sa.select(holds).where(
    holds.c.connection == sa.bindparam("for_connection"), holds.c.ended_at.is_(None)
)
_BEGIN = {
    name: dialect.insert(holds)
    .on_conflict_do_nothing(index_elements=["connection"], index_where=holds.c.ended_at.is_(None))
    .returning(holds.c.id)
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}
"""Two processes may meet the same trouble in one moment: the second one continues the hold."""

_AGAIN = (
    sa.update(holds)
    .where(holds.c.connection == sa.bindparam("for_connection"), holds.c.ended_at.is_(None))
    .values(opened_at=None)
)
_HOLD = (
    sa.update(lanes)
    .where(_NAMED, lanes.c.held_at.is_(None))
    .values(
        held_at=sa.bindparam("now", type_=_AT),
        held_for=sa.bindparam("for_connection"),
        held_reason=sa.bindparam("because"),
        held_by_sync=sa.bindparam("by_sync"),
        held_kind=sa.bindparam("of_kind"),
        probe_at=sa.bindparam("probe", type_=_AT),
        release=None,
    )
)
_LOCKED = sa.select(lanes.c.name).where(_NAMED).with_for_update()
_CONNECTED_SINCE = sa.select(connections.c.id).where(
    connections.c.name == sa.bindparam("for_connection"),
    connections.c.connected_at > sa.bindparam("since", type_=_AT),
)
"""An answer to an old token comes late: it says nothing of the new one."""

_HELD = sa.select(lanes.c.name, lanes.c.held_by_sync).where(
    _FOR, lanes.c.held_kind.in_(sa.bindparam("kinds", expanding=True))
)
_OPEN = (
    sa.update(lanes)
    .where(lanes.c.name.in_(sa.bindparam("names", expanding=True)))
    .values(
        held_at=None,
        held_for=None,
        held_reason=None,
        held_by_sync=None,
        held_kind=None,
        probe_at=None,
        release=1,
    )
)
_LET_GO = (
    sa.update(syncs)
    .where(
        sa.or_(
            sa.and_(
                syncs.c.lane.in_(sa.bindparam("names", expanding=True)),
                syncs.c.status == sa.literal_column("'pending'"),
            ),
            syncs.c.id.in_(sa.bindparam("canaries", expanding=True)),
        )
    )
    .values(released_by=sa.bindparam("hold"))
)
_WIDEN = (
    sa.update(lanes)
    .where(_NAMED, lanes.c.release.is_not(None))
    .values(
        release=sa.case((lanes.c.release < WIDEST, lanes.c.release * 2), else_=sa.null()),
        probes=sa.case((lanes.c.release < WIDEST, lanes.c.probes), else_=0),
    )
)
_LANE = sa.select(lanes.c.release, lanes.c.probes, lanes.c.held_at).where(_NAMED)
_DUE = sa.select(lanes.c.name, lanes.c.held_for, lanes.c.probe_at, lanes.c.probes).where(
    lanes.c.held_kind == HoldKind.BREAKER.value,
    lanes.c.probe_at <= sa.bindparam("now", type_=_AT),
)
_PROBE = (
    sa.update(lanes)
    .where(_NAMED, lanes.c.probe_at == sa.bindparam("was", type_=_AT))
    .values(probe_at=sa.bindparam("next", type_=_AT), probes=lanes.c.probes + 1)
)
_REFUSED = sa.select(lanes.c.held_reason).where(_FOR, lanes.c.held_kind == HoldKind.REFUSED.value)
"""Of one connection a lane may be refused and another one paused: the first needs somebody."""

_STILL = sa.select(sa.func.count()).select_from(lanes).where(_FOR)
_BEHIND = (
    sa.select(syncs.c.currency, sa.func.count(), sa.func.sum(syncs.c.amount_minor))
    .where(
        syncs.c.lane.in_(sa.select(lanes.c.name).where(_FOR)),
        syncs.c.status == sa.literal_column("'pending'"),
    )
    .group_by(syncs.c.currency)
)
_GOING = (
    sa.select(syncs.c.status, syncs.c.not_before.is_(None).label("ready"), sa.func.count())
    .where(syncs.c.released_by == sa.bindparam("hold"), syncs.c.released_by.is_not(None))
    .group_by(syncs.c.status, syncs.c.not_before.is_(None))
)
_TOLD = (
    sa.select(
        holds,
        connections.c.system,
        sa.select(sa.func.min(lanes.c.probe_at))
        .where(lanes.c.held_for == holds.c.connection)
        .scalar_subquery()
        .label("next_at"),
    )
    .join(connections, connections.c.name == holds.c.connection)
    .where(sa.or_(holds.c.ended_at.is_(None), holds.c.ended_at >= sa.bindparam("since", type_=_AT)))
    .order_by(holds.c.id)
)


@dataclass(frozen=True, slots=True)
class Going:
    """How what was let go stands: all of it, and what of that went through, failed, has to go."""

    total: int = 0
    synced: int = 0
    failed: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a lane is held: `by_sync` met it; `probe_at`: when a breaker asks the connection.

    `since` is when what met it began: one that was connected later has been mended meanwhile.
    """

    connection: str
    kind: HoldKind
    reason: str
    by_sync: int | None = None
    by: Actor = ENGINE
    probe_at: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """The story of one hold; `opened_at` is empty while the lanes are held.

    `waiting` and `amounts`: what waits while they are held; `going`: what becomes of it afterwards.
    """

    id: int
    connection: str
    system: str
    kind: HoldKind
    reason: str
    by: Actor
    began_at: datetime
    opened_at: datetime | None
    ended_at: datetime | None
    next_at: datetime | None
    waiting: int
    amounts: list[Money]
    going: Going
    message: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A breaker whose time has come to ask its connection; `probes` times it asked in vain."""

    lane: str
    connection: str
    probe_at: datetime
    probes: int


class Holds:
    """Which lanes are held, and the stories of their holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, lane: str, trouble: Trouble, now: datetime) -> bool:
        """Hold the lane; False where it was held already, or its trouble is mended meanwhile."""
        given = {
            "lane": lane,
            "now": now,
            "for_connection": trouble.connection,
            "because": trouble.reason,
            "by_sync": trouble.by_sync,
            "of_kind": trouble.kind.value,
            "probe": trouble.probe_at,
        }
        begun = {"for_connection": trouble.connection, "since": trouble.since}
        with self._database.write() as connection:
            connection.execute(_LOCKED, {"lane": lane})  # what a reconnect wrote is seen then
            if trouble.since and connection.execute(_CONNECTED_SINCE, begun).first():
                return False
            if connection.execute(_HOLD, given).rowcount != 1:
                return False
            _begin(connection, trouble, now)
        return True

    def turn(self, lane: str, trouble: Trouble, now: datetime) -> bool:
        """Let a lane that a breaker of the connection holds be held for another reason.

        False where no such breaker holds it (any more).
        """
        turned = sa.update(lanes).where(_NAMED, _FOR, lanes.c.held_kind == HoldKind.BREAKER.value)
        given = {"lane": lane, "for_connection": trouble.connection}
        reason = {"held_reason": trouble.reason, "held_kind": trouble.kind.value}
        with self._database.write() as connection:
            if connection.execute(turned.values(**reason, probe_at=None), given).rowcount != 1:
                return False
            _begin(connection, trouble, now)
        return True

    def open(
        self, connection_name: str, now: datetime, kinds: Collection[HoldKind] = tuple(HoldKind)
    ) -> list[int] | None:
        """Let the lanes go that are held for this connection, one attempt at a time at first.

        Returns the syncs that met the trouble; None where no lane was held for one of `kinds`.
        """
        with self._database.write() as connection:
            return let_go(connection, connection_name, now, kinds)

    def width(self, lane: str, whole: int) -> int:
        """Return how many attempts of the lane may run at once: none of a held one's."""
        with self._database.read() as connection:
            row = connection.execute(_LANE, {"lane": lane}).first()
        if row is None:
            return whole
        return 0 if row.held_at else min(whole, row.release or whole)

    def release(self, lane: str) -> tuple[int | None, int]:
        """Return how many attempts a release allows, None for all, and the probes made in vain."""
        with self._database.read() as connection:
            row = connection.execute(_LANE, {"lane": lane}).first()
        return (row.release, row.probes) if row else (None, 0)

    def due(self, now: datetime) -> list[Probe]:
        """Return the breakers whose time has come to ask their connection."""
        with self._database.read() as connection:
            found = connection.execute(_DUE, {"now": now})
            return [Probe(row.name, row.held_for, row.probe_at, row.probes) for row in found]

    def claim(self, probe: Probe, next_at: datetime) -> bool:
        """Return whether this caller makes the probe; the next one is at `next_at`."""
        given = {"lane": probe.lane, "was": probe.probe_at, "next": next_at}
        with self._database.write() as connection:
            return connection.execute(_PROBE, given).rowcount == 1

    def stories(self, since: datetime) -> list[HoldRow]:
        """Return the holds that have not ended, or since then, as they stand, oldest first.

        Left out are those whose message says how they ended.
        """
        with self._database.read() as connection:
            found = connection.execute(_TOLD, {"since": since}).mappings().all()
            untold = [row for row in found if not (row["message"] or {}).get("ended")]
            return [_story(connection, row) for row in untold]

    def end(self, hold_id: int, now: datetime) -> None:
        """End a hold: what waited behind it has gone."""
        ended = sa.update(holds).where(_THIS, holds.c.opened_at.is_not(None)).values(ended_at=now)
        with self._database.write() as connection:
            connection.execute(ended, {"hold": hold_id})

    def keep(self, hold_id: int, message: dict[str, Any]) -> None:
        """Keep what is known of a hold's message."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(holds).where(_THIS).values(message=message), {"hold": hold_id}
            )


def widen(connection: Connection, lane: str) -> None:
    """Let twice as many attempts of a release run, inside the caller's transaction."""
    connection.execute(_WIDEN, {"lane": lane})


def let_go(
    connection: Connection, connection_name: str, now: datetime, kinds: Collection[HoldKind]
) -> list[int] | None:
    """Do what `Holds.open` does within a transaction of the caller."""
    of_connection = {"for_connection": connection_name}
    asked = {**of_connection, "kinds": [kind.value for kind in kinds]}
    held = connection.execute(_HELD, asked).all()
    if not held:
        return None
    names = [row.name for row in held]
    canaries = [row.held_by_sync for row in held if row.held_by_sync is not None]
    connection.execute(_OPEN, {"names": names})
    ongoing = connection.execute(_ONGOING, of_connection).mappings().first()
    if ongoing:
        given = {"names": names, "canaries": canaries, "hold": ongoing["id"]}
        connection.execute(_LET_GO, given)
        if not connection.execute(_STILL, of_connection).scalar_one():
            opened = sa.update(holds).where(_THIS).values(opened_at=now)
            connection.execute(opened, {"hold": ongoing["id"]})
    return canaries


def _begin(connection: Connection, trouble: Trouble, now: datetime) -> None:
    """Begin the connection's hold, or continue the one that is ongoing."""
    told = {
        "kind": trouble.kind.value,
        "reason": trouble.reason,
        "actor_id": trouble.by.id,
        "actor_name": trouble.by.name,
    }
    begun = {"connection": trouble.connection, "began_at": now, **told}
    if connection.execute(_BEGIN[connection.dialect.name], begun).scalar() is None:
        given = {"for_connection": trouble.connection}
        connection.execute(_AGAIN.values(**told), given)


def _story(connection: Connection, row: RowMapping) -> HoldRow:
    is_held = row["opened_at"] is None
    given = {"for_connection": row["connection"]}
    behind = connection.execute(_BEHIND, given).all() if is_held else []
    refused = connection.execute(_REFUSED, given).scalar() if is_held else None
    return HoldRow(
        id=row["id"],
        connection=row["connection"],
        system=row["system"],
        kind=HoldKind.REFUSED if refused else HoldKind(row["kind"]),
        reason=refused or row["reason"],
        by=Actor(row["actor_id"], row["actor_name"]),
        began_at=row["began_at"],
        opened_at=row["opened_at"],
        ended_at=row["ended_at"],
        next_at=row["next_at"] if is_held else None,
        waiting=sum(count for _, count, _ in behind),
        amounts=summed(
            Money.from_minor(int(minor), currency) for currency, _, minor in behind if currency
        ),
        going=_going(connection, row["id"]),
        message=row["message"],
    )


def _going(connection: Connection, hold_id: int) -> Going:
    counts = connection.execute(_GOING, {"hold": hold_id}).all()

    def of(*statuses: Status) -> int:
        return sum(
            count for status, _, count in counts if status in {one.value for one in statuses}
        )

    ready = sum(
        count for status, ready, count in counts if status == Status.PENDING.value and ready
    )
    return Going(
        total=sum(count for _, _, count in counts),
        synced=of(Status.SUCCESS),
        failed=of(Status.FAILED),
        left=ready + of(Status.PROCESSING),
    )
