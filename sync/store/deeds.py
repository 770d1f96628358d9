"""What people did about causes and documents: written once, never changed.

A repair knows what came of it: the documents of its own bulk retry, else of the first one of the
same cause that was asked for after it.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

from sync.causes import FIXES, Deed, DeedKind, identity_of
from sync.errors import ErrorType
from sync.records import Actor
from sync.states import Status
from sync.store.cause_tables import bulks, causes, deeds
from sync.store.database import Database
from sync.store.tables import syncs

_AT = deeds.c.at.type
_followed = bulks.alias("followed")
_FOLLOWING = (
    sa.select(sa.func.min(_followed.c.id))
    .where(
        _followed.c.cause_id == deeds.c.cause_id,
        _followed.c.created_at >= deeds.c.at,
        _followed.c.sent > 0,
    )
    .correlate(deeds)
    .scalar_subquery()
)
_RETRIED = sa.func.coalesce(deeds.c.bulk_id, _FOLLOWING)
_SELECT = (
    sa.select(deeds, bulks.c.id.label("counted"), bulks.c.sent)
    .select_from(
        deeds.outerjoin(bulks, bulks.c.id == _RETRIED).outerjoin(
            causes, causes.c.id == deeds.c.cause_id
        )
    )
    .order_by(deeds.c.at.desc(), deeds.c.id.desc())
    .limit(sa.bindparam("most"))
)
_OF_CAUSE = _SELECT.where(deeds.c.cause_id == sa.bindparam("of_cause"))
_OF_SYNC = _SELECT.where(deeds.c.sync_id == sa.bindparam("of_sync"))
_REOPENING = _OF_SYNC.where(deeds.c.kind == DeedKind.REOPEN.value)
_LAST_FIX = _SELECT.where(
    causes.c.lane == sa.bindparam("in_lane"),
    causes.c.identity == sa.bindparam("of_identity"),
    deeds.c.kind.in_([kind.value for kind in sorted(FIXES)]),
)
_SYNCED = (
    sa.select(syncs.c.bulk_id, sa.func.count())
    .where(
        syncs.c.bulk_id.in_(sa.bindparam("ids", expanding=True)),
        syncs.c.status == Status.SUCCESS.value,
    )
    .group_by(syncs.c.bulk_id)
)


class Deeds:
    """The deeds of all people, each method one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = (
            dialect.insert(deeds)
            .on_conflict_do_nothing(index_elements=["receipt"])
            .returning(deeds.c.id)
        )

    def add(
        self,
        kind: DeedKind,
        by: Actor,
        now: datetime,
        *,
        cause_id: int | None = None,
        sync_id: int | None = None,
        bulk_id: int | None = None,
        detail: Mapping[str, Any] | None = None,
        receipt: str | None = None,
        connection: Connection | None = None,
    ) -> bool:
        """Keep a deed; returns whether it is new: a receipt that was given before adds nothing.

        It joins the transaction of `connection`, or is one of its own.
        """
        row = {
            "at": now,
            "kind": kind.value,
            "actor_id": by.id,
            "actor_name": by.name,
            "cause_id": cause_id,
            "sync_id": sync_id,
            "bulk_id": bulk_id,
            "detail": dict(detail or {}),
            "receipt": receipt,
        }
        own = self._database.write() if connection is None else nullcontext(connection)
        with own as joined:
            return joined.execute(self._add, row).scalar() is not None

    def of_cause(self, cause_id: int, most: int) -> list[Deed]:
        """Return what was done about a cause, the newest first."""
        return self._read(_OF_CAUSE, {"of_cause": cause_id, "most": most})

    def of_sync(self, sync_id: int, most: int) -> list[Deed]:
        """Return what was done about one document, the newest first."""
        return self._read(_OF_SYNC, {"of_sync": sync_id, "most": most})

    def reopening(self, sync_id: int) -> Deed | None:
        """Return the last time that somebody reopened the document, or None."""
        found = self._read(_REOPENING, {"of_sync": sync_id, "most": 1})
        return found[0] if found else None

    def last_fix(self, lane: str, error_type: ErrorType, key: str) -> Deed | None:
        """Return the last repair of a cause, with what came of it, or None."""
        given = {"in_lane": lane, "of_identity": identity_of(error_type, key), "most": 1}
        found = self._read(_LAST_FIX, given)
        return found[0] if found else None

    def _read(self, statement: sa.Select[Any], given: dict[str, Any]) -> list[Deed]:
        with self._database.read() as connection:
            rows = connection.execute(statement, given).mappings().all()
            ids = [row["counted"] for row in rows if row["counted"]]
            synced = _synced(connection, ids)
        return [_deed(row, synced.get(row["counted"], 0)) for row in rows]


def _synced(connection: Connection, bulk_ids: Sequence[int]) -> dict[int, int]:
    """Return how many documents of these bulk retries are synced, by bulk."""
    if not bulk_ids:
        return {}
    found = connection.execute(_SYNCED, {"ids": list(bulk_ids)}).all()
    return {row[0]: row[1] for row in found}


def _deed(row: RowMapping, synced: int) -> Deed:
    return Deed(
        id=row["id"],
        at=row["at"],
        kind=DeedKind(row["kind"]),
        by=Actor(row["actor_id"], row["actor_name"]),
        cause_id=row["cause_id"],
        sync_id=row["sync_id"],
        detail=row["detail"],
        bulk_id=row["counted"],
        tried=row["sent"] or 0,
        synced=synced,
    )
