"""What people decide about documents and causes: link, skip, reopen, assign, snooze.

Each is one transaction with its deed, its audit rows and its receipt: the same receipt again
changes nothing. Skipping a whole cause goes in chunks, and goes on where it was interrupted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.causes import DeedKind
from sync.comparing import Compared
from sync.documents import Booked
from sync.points import point
from sync.records import LINKED, Actor, Sync, WaitingFor
from sync.states import Move, Status
from sync.store import rows
from sync.store.cause_tables import blockers, causes, deeds
from sync.store.database import Database
from sync.store.deeds import Deeds
from sync.store.ledger import tell, write_audit
from sync.store.queue import Queue
from sync.store.tables import lanes, syncs

CHUNK = 500

_LOCK = sa.select(syncs.c.id).where(syncs.c.id == sa.bindparam("this_sync")).with_for_update()
_LOCK_LANE = (
    sa.select(lanes.c.name).where(lanes.c.name == sa.bindparam("in_lane")).with_for_update()
)
_FAILED = syncs.c.status == sa.literal_column("'failed'")
_THIS = sa.and_(syncs.c.id == sa.bindparam("this_sync"), _FAILED)
_HOLDER = (
    sa.select(syncs.c.id)
    .where(
        syncs.c.lane == sa.bindparam("in_lane"),
        syncs.c.kind == sa.bindparam("of_kind"),
        syncs.c.destination_id == sa.bindparam("document"),
        syncs.c.id != sa.bindparam("this_sync"),
    )
    .limit(1)
)
_DEED = sa.select(deeds.c.detail, deeds.c.at).where(deeds.c.receipt == sa.bindparam("of_receipt"))
_COUNT = sa.select(sa.func.count(sa.distinct(blockers.c.sync_id))).where(
    blockers.c.cause_id == sa.bindparam("of_cause"), blockers.c.open
)
_STOPPED = (
    sa.select(syncs.c.id, syncs.c.fence)
    .where(
        _FAILED,
        syncs.c.at <= sa.bindparam("bound", type_=syncs.c.at.type),
        syncs.c.id.in_(
            sa.select(blockers.c.sync_id).where(
                blockers.c.cause_id == sa.bindparam("of_cause"), blockers.c.open
            )
        ),
    )
    .order_by(syncs.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update()
)
_THIS_CAUSE = sa.update(causes).where(causes.c.id == sa.bindparam("this_cause"))
_others = blockers.alias("others")
_BESIDE = (
    sa.select(_others.c.cause_id, sa.func.count(sa.distinct(_others.c.sync_id)))
    .select_from(blockers)
    .join(_others, _others.c.sync_id == blockers.c.sync_id)
    .where(
        blockers.c.cause_id == sa.bindparam("of_cause"),
        blockers.c.open,
        _others.c.open,
        _others.c.cause_id != blockers.c.cause_id,
    )
    .group_by(_others.c.cause_id)
    .order_by(sa.func.count(sa.distinct(_others.c.sync_id)).desc(), _others.c.cause_id)
    .limit(sa.bindparam("most"))
)
_FORGET = (
    sa.update(syncs)
    .where(syncs.c.id == sa.bindparam("this_sync"))
    .values(error_type=None, cause_key=None, reason=None, note=None)
)
_OVER = {"waiting_for": None, "not_before": None, "worker": None, "lease_until": None}


class NotFailed(Exception):
    """The document is not failed any more: it was retried, synced or skipped meanwhile."""


class Held(Exception):
    """Another sync, with this id, holds the destination document already."""

    def __init__(self, sync_id: int) -> None:
        super().__init__(str(sync_id))
        self.sync_id = sync_id


@dataclass(frozen=True, slots=True)
class Said:
    """Who decided, when (UTC), and under which receipt."""

    by: Actor
    at: datetime
    receipt: str | None


class Decisions:
    """People's decisions, each kept whole or not at all; `chunk`: documents of one transaction."""

    def __init__(self, database: Database, queue: Queue, deeds_: Deeds, chunk: int = CHUNK) -> None:
        self._database = database
        self._queue = queue
        self._deeds = deeds_
        self._chunk = chunk

    def taken(self, receipt: str | None) -> dict[str, Any] | None:
        """Return the detail of the deed that was done under this receipt, or None."""
        if receipt is None:
            return None
        with self._database.read() as connection:
            detail: dict[str, Any] | None = connection.execute(
                _DEED, {"of_receipt": receipt}
            ).scalar()
        return detail

    def beside(self, cause_id: int, most: int) -> list[tuple[int, int]]:
        """Return which other causes stop documents of this one, with how many, most first."""
        with self._database.read() as connection:
            found = connection.execute(_BESIDE, {"of_cause": cause_id, "most": most}).all()
        return [(row[0], row[1]) for row in found]

    def holder(self, sync: Sync, booked: Booked) -> int | None:
        """Return which other sync holds a destination document already, or None."""
        with self._database.read() as connection:
            return _holder(connection, sync, booked)

    def link(self, sync: Sync, both: Compared, cause_id: int | None, said: Said) -> bool:
        """LINK a failed sync to the document beside it; returns whether it is new.

        What differs, which somebody confirmed, stays with the sync and with the deed. Raises
        NotFailed, also where another attempt was made since the sync was read (its fence tells):
        that one may have booked it. Raises Held.
        """
        booked = both.booked
        values = {
            **_OVER,
            "status": Status.SUCCESS.value,
            "error_type": None,
            "cause_key": None,
            "reason": both.said or None,
            "note": LINKED,
            "sent_at": None,
            "destination_id": booked.id,
            "destination_number": booked.number,
            "destination_url": booked.url,
            "finished_at": said.at,
            "at": said.at,
        }
        detail = {"document": booked.id, "number": booked.number, "url": booked.url}
        if both.said:
            detail["differs"] = both.said
        with self._database.write() as connection:
            self._one_holder(connection, sync, booked)
            if not self._new(connection, DeedKind.LINK, said, cause_id, sync.id, detail):
                return False
            self._move(connection, sync.id, Move.LINK, values, said, syncs.c.fence == sync.fence)
            self._queue.release_returns(connection, sync, said.at)
        return True

    def skip(self, sync_id: int, reason: str, said: Said) -> bool:
        """SKIP a failed sync for a reason; returns whether it is new. Raises NotFailed."""
        with self._database.write() as connection:
            connection.execute(_LOCK, {"this_sync": sync_id})
            if not self._new(connection, DeedKind.SKIP, said, None, sync_id, {"reason": reason}):
                return False
            self._move(connection, sync_id, Move.SKIP, _skipped(reason, said.at), said)
        return True

    def skip_all(self, cause_id: int, reason: str, said: Said) -> int:
        """SKIP every document that a cause stops now; returns how many these were.

        What fails for it later is not touched, also where this goes on after an interruption.
        """
        bound = said.at
        with self._database.write() as connection:
            count: int = connection.execute(_COUNT, {"of_cause": cause_id}).scalar() or 0
            detail = {"reason": reason, "count": count}
            if not self._new(connection, DeedKind.SKIP, said, cause_id, None, detail):
                before = connection.execute(_DEED, {"of_receipt": said.receipt}).one()
                count, bound = before.detail["count"], before.at
        while self._skip_some(cause_id, bound, reason, said) == self._chunk:
            point("skip.chunk")
        return count

    def reopen(self, sync_id: int, settle: timedelta, said: Said) -> bool:
        """REOPEN a skipped sync: it goes back to its lane. Returns whether it is new.

        Why it was skipped is no reason to wait; that stays with the deed of the skip.
        """
        with self._database.write() as connection:
            connection.execute(_LOCK, {"this_sync": sync_id})
            if not self._new(connection, DeedKind.REOPEN, said, None, sync_id, {}):
                return False
            sync = rows.one(connection, sync_id)
            if sync is None or sync.status is not Status.SKIPPED:
                raise NotFailed
            settled = sync.sent_at + settle if sync.sent_at else None
            unsettled = settled is not None and settled > said.at
            self._queue.send_back(
                connection,
                sync_id,
                Status.SKIPPED,
                said.by,
                said.at,
                earliest=settled if unsettled else None,
                waiting_for=WaitingFor.ANSWER if unsettled else None,
            )
            connection.execute(_FORGET, {"this_sync": sync_id})
        return True

    def assign(self, cause_id: int, owner: Actor | None, said: Said) -> bool:
        """Give a cause to somebody, or to nobody; returns whether it is new."""
        detail = {"owner": owner.id if owner else None, "name": owner.name if owner else None}
        values = {"owner_id": detail["owner"], "owner_name": detail["name"], "touched_at": said.at}
        return self._change(cause_id, DeedKind.ASSIGN, detail, values, said)

    def snooze(self, cause_id: int, until: datetime | None, count: int, said: Said) -> bool:
        """Let a cause rest until then or until it stops more than `count`; None wakes it."""
        detail = {"until": until.isoformat() if until else None, "count": count}
        values = {"snoozed_until": until, "snoozed_at": count, "touched_at": said.at}
        return self._change(cause_id, DeedKind.SNOOZE, detail, values, said)

    def _change(
        self, cause_id: int, kind: DeedKind, detail: dict[str, Any], values: Any, said: Said
    ) -> bool:
        with self._database.write() as connection:
            if not self._new(connection, kind, said, cause_id, None, detail):
                return False
            connection.execute(_THIS_CAUSE.values(values), {"this_cause": cause_id})
        return True

    def _skip_some(self, cause_id: int, bound: datetime, reason: str, said: Said) -> int:
        given = {"of_cause": cause_id, "bound": bound, "most": self._chunk}
        with self._database.write() as connection:
            found = [(row.id, row.fence) for row in connection.execute(_STOPPED, given)]
            ids = [sync_id for sync_id, _ in found]
            if not ids:
                return 0
            update = sa.update(syncs).where(syncs.c.id.in_(ids), _FAILED)
            connection.execute(update.values(_skipped(reason, said.at)))
            write_audit(connection, Move.SKIP, found, Status.FAILED, said.by, said.at)
            self._end(connection, ids, said.at)
        return len(ids)

    def _one_holder(self, connection: Connection, sync: Sync, booked: Booked) -> None:
        """Let two links to one document come one after the other. Raises Held."""
        connection.execute(_LOCK_LANE, {"in_lane": sync.lane})
        connection.execute(_LOCK, {"this_sync": sync.id})
        holder = _holder(connection, sync, booked)
        if holder is not None:
            raise Held(holder)

    def _move(
        self,
        connection: Connection,
        sync_id: int,
        move: Move,
        values: dict[str, Any],
        said: Said,
        *only: sa.ColumnElement[bool],
    ) -> None:
        update = sa.update(syncs).where(_THIS, *only).values(values).returning(syncs.c.fence)
        fence = connection.execute(update, {"this_sync": sync_id}).scalar()
        if fence is None:
            raise NotFailed
        write_audit(connection, move, [(sync_id, fence)], Status.FAILED, said.by, said.at)
        self._end(connection, [sync_id], said.at)

    def _end(self, connection: Connection, ids: Sequence[int], now: datetime) -> None:
        self._queue.stops.leave(connection, ids, now)
        for sync_id in ids:
            self._queue.stops.clear(connection, sync_id, now)
        tell(connection, ids, now)

    def _new(
        self,
        connection: Connection,
        kind: DeedKind,
        said: Said,
        cause_id: int | None,
        sync_id: int | None,
        detail: dict[str, Any],
    ) -> bool:
        return self._deeds.add(
            kind,
            said.by,
            said.at,
            cause_id=cause_id,
            sync_id=sync_id,
            detail=detail,
            receipt=said.receipt,
            connection=connection,
        )


def _holder(connection: Connection, sync: Sync, booked: Booked) -> int | None:
    given = {
        "in_lane": sync.lane,
        "of_kind": sync.kind.value,
        "document": booked.id,
        "this_sync": sync.id,
    }
    holder: int | None = connection.execute(_HOLDER, given).scalar()
    return holder


def _skipped(reason: str, now: datetime) -> dict[str, Any]:
    return {
        **_OVER,
        "status": Status.SKIPPED.value,
        "error_type": None,
        "cause_key": None,
        "reason": reason,
        "finished_at": now,
        "at": now,
    }
