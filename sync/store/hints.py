"""Hints of webhooks: stored before they are answered, followed one by one, then kept a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.connectors.webhooks import Hint
from sync.store.database import Database
from sync.store.tables import hints


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hint that nobody has followed yet; `tries` is how often the source could not be asked."""

    id: int
    hint: Hint
    tries: int


FOLLOWED = timedelta(minutes=2)
"""How long a hint belongs to whoever took it; if that process dies, another one follows it then."""

_IS_DUE = sa.and_(
    hints.c.heard_at.is_(None), hints.c.due <= sa.bindparam("now", type_=hints.c.due.type)
)
_ANY = sa.select(hints.c.id).where(_IS_DUE).limit(1)
_pick = (
    sa.select(hints.c.id)
    .where(_IS_DUE)
    .order_by(hints.c.due, hints.c.id)
    .limit(sa.bindparam("at_most"))
    .with_for_update(skip_locked=True)
    .cte("pick")
)
_TAKE = (
    sa.update(hints)
    .where(hints.c.id.in_(sa.select(_pick.c.id)))
    .values(due=sa.bindparam("later", type_=hints.c.due.type))
    .returning(*hints.c)
    .add_cte(_pick)
)


class Hints:
    """What the systems told us."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = (
            dialect.insert(hints)
            .on_conflict_do_nothing(index_elements=["system", "uid"])
            .returning(hints.c.id)
        )

    def keep(self, found: Sequence[Hint], now: datetime) -> int:
        """Store what is new, all in one transaction; returns how many were.

        Always in the order of their uids: two deliveries of the same events never lock each other.
        """
        rows = [_row(one, now) for one in sorted(found, key=lambda hint: hint.uid)]
        with self._database.write() as connection:
            added = [connection.execute(self._add, row).scalar() for row in rows]
        return sum(one is not None for one in added)

    def take(self, now: datetime, most: int) -> list[Waiting]:
        """Take the hints to follow now, in the order they came; no other process gets them."""
        with self._database.read() as connection:
            if connection.execute(_ANY, {"now": now}).first() is None:
                return []
        given = {"now": now, "at_most": most, "later": now + FOLLOWED}
        with self._database.write() as connection:
            rows = connection.execute(_TAKE, given).mappings().all()
            return [
                Waiting(
                    row["id"],
                    Hint(
                        row["system"], row["account"], row["uid"], row["entity"], row["object_id"]
                    ),
                    row["tries"],
                )
                for row in sorted(rows, key=lambda row: row["id"])
            ]

    def heard(self, ids: Sequence[int], now: datetime, reason: str | None = None) -> None:
        """Follow them no more; `reason` is why nothing came of them, if so."""
        change = sa.update(hints).where(hints.c.id.in_(ids))
        with self._database.write() as connection:
            connection.execute(change.values(heard_at=now, reason=reason))

    def later(self, ids: Sequence[int], due: datetime, reason: str) -> None:
        """Follow them again from `due`."""
        change = sa.update(hints).where(hints.c.id.in_(ids))
        with self._database.write() as connection:
            connection.execute(change.values(due=due, tries=hints.c.tries + 1, reason=reason))

    def forget(self, before: datetime) -> None:
        """Drop what was heard before that instant."""
        with self._database.write() as connection:
            connection.execute(sa.delete(hints).where(hints.c.heard_at < before))


def _row(hint: Hint, now: datetime) -> dict[str, object]:
    return {
        "uid": hint.uid,
        "system": hint.system,
        "account": hint.account,
        "entity": hint.entity,
        "object_id": hint.object_id,
        "received_at": now,
        "due": now,
        "tries": 0,
    }
