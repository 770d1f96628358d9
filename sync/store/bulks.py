"""Bulk retries: one row each, written at the click and worked off by one process at a time.

Documents are sent back in portions. A portion is one transaction that leaves nothing half done: its
syncs carry the bulk retry's number, so that whoever goes on after a crash sends none of them twice.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.batches import Counts
from sync.bulk import (
    ACTIVE,
    APPROVED_WITHIN,
    WORKED,
    AlreadyRunning,
    Approval,
    Bulk,
    BulkState,
    Limits,
    Nothing,
)
from sync.causes import DeedKind
from sync.points import point
from sync.policy import pause_before
from sync.records import Actor, Priority, Sync
from sync.store import bulk_rows, rows
from sync.store.batches import COUNTING, counts_of
from sync.store.cause_tables import blockers, bulks, causes
from sync.store.database import Database, UtcDateTime
from sync.store.deeds import Deeds
from sync.store.leased import Leased
from sync.store.queue import CHUNK, Queue
from sync.store.tables import syncs
from sync.times import Times

_IS_ASKED = bulks.c.state == BulkState.ASKED.value
_CAUSE = sa.select(causes.c.id).where(causes.c.id == sa.bindparam("of_cause")).with_for_update()
"""Locked: two clicks on one cause come one after the other."""

_UNSENT = (
    sa.select(syncs.c.id)
    .join_from(blockers, syncs, syncs.c.id == blockers.c.sync_id)
    .where(
        bulk_rows.STOPPED,
        blockers.c.id <= sa.bindparam("upto"),
        # what this one sent and what failed again stands under a new blocker: not again
        sa.or_(syncs.c.bulk_id.is_(None), syncs.c.bulk_id != sa.bindparam("of_bulk")),
    )
    .order_by(blockers.c.id)
    .limit(sa.bindparam("most"))
)
_PORTION = _UNSENT.with_for_update(of=syncs, skip_locked=True)
_MARK = (
    sa.update(syncs)
    .where(syncs.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(bulk_id=sa.bindparam("of_bulk"))
)
_COUNTS = COUNTING.where(syncs.c.bulk_id == sa.bindparam("of_bulk"))
_LAPSE = (
    sa.update(bulks)
    .where(_IS_ASKED, bulks.c.approve_until <= sa.bindparam("now", type_=UtcDateTime()))
    .values(state=BulkState.LAPSED.value, finished_at=sa.bindparam("now", type_=UtcDateTime()))
)


class Bulks(Leased[Bulk, BulkState]):
    """The bulk retries, each method one short transaction."""

    def __init__(self, database: Database, queue: Queue, deeds: Deeds) -> None:
        super().__init__(
            database,
            bulks,
            bulk_rows.SELECT,
            bulk_rows.bulk_of,
            worked=WORKED,
            active=ACTIVE,
            begins=(BulkState.QUEUED, BulkState.RUNNING),
        )
        self._queue = queue
        self._deeds = deeds

    def begin(
        self,
        cause_id: int,
        by: Actor,
        receipt: str | None,
        limits: Limits,
        now: datetime,
        *,
        anyway: bool = False,
        message: dict[str, Any] | None = None,
    ) -> Bulk:
        """Add a bulk retry; a receipt that was given before returns what it began then.

        Beyond the limits it waits for a second person. Raises AlreadyRunning while another one of
        the cause is active, Nothing where the cause stops nothing that a person could retry.
        """
        with self._database.write() as connection:
            connection.execute(_CAUSE, {"of_cause": cause_id})
            known = self._begun(connection, receipt)
            if known:
                return known
            running = self._first(connection, self._is_active, bulks.c.cause_id == cause_id)
            if running:
                raise AlreadyRunning(running)
            size, last = bulk_rows.size_now(connection, cause_id)
            if not size.count:
                raise Nothing
            asks = limits.exceeded(size)
            row = {
                **_asked_by(by, now, asks=asks),
                **bulk_rows.asked(size, last),
                "cause_id": cause_id,
                "anyway": anyway,
                "receipt": receipt,
                "message": message,
            }
            added = connection.execute(bulks.insert().returning(bulks.c.id), row).scalar_one()
            return self._one(connection, bulks.c.id == added)

    def approve(self, bulk_id: int, by: Actor, now: datetime) -> tuple[Approval, Bulk | None]:
        """Let a bulk retry go that waits for a second person; its size is counted again."""
        with self._database.write() as connection:
            connection.execute(_LAPSE.where(bulks.c.id == bulk_id), {"now": now})
            connection.execute(_locked(bulk_id))
            bulk = self._first(connection, bulks.c.id == bulk_id)
            if bulk is None or bulk.state is not BulkState.ASKED:
                return Approval.LATE, bulk
            if bulk.by.id == by.id:
                return Approval.OWN, bulk
            became, values = self._approved(connection, bulk, by, now)
            connection.execute(sa.update(bulks).where(bulks.c.id == bulk_id).values(values))
            return became, self._one(connection, bulks.c.id == bulk_id)

    def _approved(
        self, connection: Connection, bulk: Bulk, by: Actor, now: datetime
    ) -> tuple[Approval, dict[str, Any]]:
        size, last = bulk_rows.size_now(connection, bulk.cause_id)
        if not size.count:
            return Approval.EMPTY, {"state": BulkState.DONE.value, "upto": None, "finished_at": now}
        if size.outgrows(bulk.size):
            return Approval.GROWN, bulk_rows.asked(size, last)
        self._deeds.add(
            DeedKind.APPROVE,
            by,
            now,
            cause_id=bulk.cause_id,
            bulk_id=bulk.id,
            receipt=f"approve:{bulk.id}",
            connection=connection,
        )
        who = {"approver_id": by.id, "approver_name": by.name}
        return Approval.APPROVED, {
            **who,
            **bulk_rows.asked(size, last),
            "state": BulkState.QUEUED.value,
        }

    def send(self, bulk: Bulk, times: Times, now: datetime, most: int = CHUNK) -> Bulk | None:
        """Send the next portion back, as presses of who asked; None where it is no longer ours.

        The lease is renewed. `all_sent` tells when nothing is left; what somebody else locks
        just now is left for the next call.
        """
        with self._database.write() as connection:
            mine = self._held(connection, bulk)
            if mine is None or mine.state is BulkState.STOPPING or mine.all_sent:
                return mine
            given = {"of_cause": bulk.cause_id, "of_bulk": bulk.id, "upto": mine.upto, "most": most}
            ids = list(connection.execute(_PORTION, given).scalars())
            sent = self._send(connection, bulk, ids, times.settling, now)
            until = now + times.leasing
            values: dict[str, Any] = {"sent": bulks.c.sent + len(sent), "lease_until": until}
            if not sent and connection.execute(_UNSENT, given).first() is None:
                values["upto"] = None
            self._change(connection, bulk, values)
            point("bulk.portion")
            return self._one(connection, bulks.c.id == bulk.id)

    def _send(
        self,
        connection: Connection,
        bulk: Bulk,
        ids: list[int],
        settle: timedelta,
        now: datetime,
    ) -> list[int]:
        found = rows.many(connection, ids)
        sent = [one for one in ids if self._send_one(connection, bulk, found[one], settle, now)]
        if sent:
            connection.execute(_MARK, {"ids": sent, "of_bulk": bulk.id})
            self._queue.stops.leave(connection, sent, now)
        return sent

    def _send_one(
        self, connection: Connection, bulk: Bulk, sync: Sync, settle: timedelta, now: datetime
    ) -> bool:
        earliest, waiting_for = pause_before(sync, settle, now)
        return self._queue.send_back(
            connection,
            sync.id,
            sync.status,
            bulk.by,
            now,
            earliest=earliest,
            waiting_for=waiting_for,
            priority=Priority.BULK,
        )

    def beat(self, bulk: Bulk, until: datetime) -> Bulk | None:
        """Hold the lease `until`; None where it is no longer ours."""
        return self._changed(bulk, {"lease_until": until})

    def end(self, bulk: Bulk, state: BulkState, reason: str | None, now: datetime) -> None:
        """End the bulk retry; where something was sent, its cause remembers it."""
        with self._database.write() as connection:
            if not self._end(connection, bulk, state, reason, now) or not bulk.sent:
                return
            self._deeds.add(
                DeedKind.RETRY,
                bulk.by,
                now,
                cause_id=bulk.cause_id,
                bulk_id=bulk.id,
                receipt=f"bulk:{bulk.id}",
                connection=connection,
            )

    def stop(self, bulk_id: int, now: datetime) -> Bulk | None:
        """Let nothing more be sent back; one that waits for an approval is withdrawn."""
        asked = {"state": BulkState.STOPPED.value, "finished_at": now}
        with self._database.write() as connection:
            one = sa.update(bulks).where(bulks.c.id == bulk_id)
            connection.execute(one.where(_IS_ASKED).values(asked))
            connection.execute(one.where(self._is_worked).values(state=BulkState.STOPPING.value))
            return self._first(connection, bulks.c.id == bulk_id)

    def lapse(self, now: datetime) -> bool:
        """End what nobody approved in time; returns whether there was any."""
        with self._database.write() as connection:
            return connection.execute(_LAPSE, {"now": now}).rowcount > 0

    def active_of(self, cause_id: int) -> Bulk | None:
        """Return the bulk retry of a cause that has not come to its end, or None."""
        with self._database.read() as connection:
            return self._first(connection, self._is_active, bulks.c.cause_id == cause_id)

    def counts(self, bulk_id: int) -> Counts:
        """Return how the documents that it sent back stand."""
        with self._database.read() as connection:
            found = connection.execute(_COUNTS, {"of_bulk": bulk_id}).mappings().all()
        return counts_of(found)

    def _held(self, connection: Connection, bulk: Bulk) -> Bulk | None:
        """Lock the row and return it as it stands; None where it is no longer ours."""
        connection.execute(_locked(bulk.id))
        found = self._one(connection, bulks.c.id == bulk.id)
        return found if found.owner == bulk.owner and found.state in WORKED else None


def _locked(bulk_id: int) -> sa.Select[tuple[int]]:
    return sa.select(bulks.c.id).where(bulks.c.id == bulk_id).with_for_update()


def _asked_by(by: Actor, now: datetime, *, asks: bool) -> dict[str, Any]:
    """Return the columns that say who asked and when; `asks`: a second person must agree."""
    return {
        "state": (BulkState.ASKED if asks else BulkState.QUEUED).value,
        "approve_until": now + APPROVED_WITHIN if asks else None,
        "actor_id": by.id,
        "actor_name": by.name,
        "created_at": now,
    }
