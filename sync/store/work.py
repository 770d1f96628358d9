"""What a worker writes about the sync it holds: the sent mark, and the end of its attempt.

Every statement asks for the fence: a worker that lost its lease writes nothing (`Fenced`). A finish
is repeated while the database is in trouble, for the create has happened; where it finds no row it
reads it again, because its own first try may have been committed.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.documents import Booked, Document
from sync.errors import ErrorType, Failure
from sync.records import CHANGED, ENGINE, Exchange, Sync, WaitingFor
from sync.states import Move, Status
from sync.store.database import Database
from sync.store.holds import widen
from sync.store.ledger import tell, write_audit
from sync.store.persistence import Persistence
from sync.store.queue import Queue
from sync.store.tables import attempts, syncs


class Fenced(Exception):
    """Another worker holds the sync now: this one's result is void, and it must stop its lane."""


_HELD = sa.and_(
    syncs.c.id == sa.bindparam("this_sync"),
    syncs.c.fence == sa.bindparam("by_fence"),
    syncs.c.status == sa.literal_column("'processing'"),
)
_UPDATE = sa.update(syncs).where(_HELD)
_STATE = sa.select(syncs.c.status, syncs.c.fence, syncs.c.waiting_for).where(
    syncs.c.id == sa.bindparam("this_sync")
)
_THIS_ATTEMPT = sa.and_(
    attempts.c.sync_id == sa.bindparam("this_sync"),
    attempts.c.number == sa.bindparam("attempt"),
)
_EXCHANGES = sa.select(attempts.c.exchanges).where(_THIS_ATTEMPT)
_UPDATE_UNANSWERED = _UPDATE.where(syncs.c.waiting_for.is_(None))
_UPDATE_ATTEMPT = sa.update(attempts).where(_THIS_ATTEMPT)

_CHANGED = (
    sa.update(syncs)
    .where(
        syncs.c.id == sa.bindparam("noted"),
        syncs.c.status == sa.literal_column("'success'"),
        syncs.c.reason.is_distinct_from(sa.bindparam("said", type_=sa.Text)),
    )
    .values(note=CHANGED, reason=sa.bindparam("said", type_=sa.Text))
)

_FREE = {"worker": None, "lease_until": None}
_NO_ERROR = {"error_type": None, "cause_key": None, "reason": None, "waiting_for": None}


class Work:
    """Moves of syncs that a worker holds; `sync` is as it was claimed, with its fence."""

    def __init__(self, database: Database, queue: Queue, persistence: Persistence) -> None:
        self._database = database
        self._queue = queue
        self._persistence = persistence

    def describe(self, sync: Sync, document: Document) -> None:
        """Keep what only the whole document tells: its amount, its numbers, its customer."""
        values = {
            "amount_minor": document.total.minor,
            "currency": document.total.currency,
            "document_number": document.number,
            "order_number": document.order.number,
            "customer": document.customer.name or None,
            "source_url": document.order.url,
        }
        with self._database.write() as connection:
            self._hold(connection, sync, values)

    def mark(self, sync: Sync, payload_hash: str, now: datetime, until: datetime) -> None:
        """Commit the sent mark before the create leaves; renews the lease to `until`.

        Raises Fenced: then nothing may be sent.
        """
        values = {"sent_at": now, "payload_hash": payload_hash, "lease_until": until}
        with self._database.write() as connection:
            self._hold(connection, sync, values)

    def succeed(
        self,
        sync: Sync,
        booked: Booked,
        now: datetime,
        exchanges: Sequence[Exchange],
        note: str | None = None,
        remark: str | None = None,
    ) -> None:
        """SUCCEED: the destination document is known and its amount agrees.

        `note` is a code for what is notable, `remark` says it with the figures.
        """
        values = {
            **_FREE,
            **_NO_ERROR,
            "status": Status.SUCCESS.value,
            "note": note,
            "reason": remark,
            "not_before": None,
            "destination_id": booked.id,
            "destination_number": booked.number,
            "destination_url": booked.url,
            "finished_at": now,
            "at": now,
        }

        def write(connection: Connection) -> None:
            if self._finish(connection, sync, Move.SUCCEED, values, now):
                widen(connection, sync.lane)
                self._close(connection, sync, Status.SUCCESS.value, None, now, exchanges)
                self._queue.stops.clear(connection, sync.id, now)
                self._queue.release_returns(connection, sync, now)
                tell(connection, [sync.id], now)

        self._persist(write)

    def fail(
        self,
        sync: Sync,
        failures: Sequence[Failure],
        now: datetime,
        exchanges: Sequence[Exchange],
        *,
        again_at: datetime | None = None,
        booked: Booked | None = None,
        resolved: bool = True,
    ) -> None:
        """FAIL with the first of `failures` as the reason and all of them as blockers.

        `again_at` is when the engine retries by itself; `booked` a created document that differs;
        `resolved` clears the sent mark, for an answer that proves that nothing was created.
        """
        first = failures[0]
        values = {
            **_FREE,
            "status": Status.FAILED.value,
            "failures": syncs.c.failures + 1,
            "error_type": first.error_type.value,
            "cause_key": first.key,
            "reason": first.reason,
            "waiting_for": None,
            "not_before": again_at,
            "finished_at": now,
            "at": now,
            **({"sent_at": None} if resolved else {}),
            **(_destination_of(booked) if booked else {}),
        }

        def write(connection: Connection) -> None:
            if self._finish(connection, sync, Move.FAIL, values, now, first.error_type):
                self._close(connection, sync, Status.FAILED.value, first, now, exchanges)
                retrying = again_at is not None
                self._queue.stops.enter(connection, sync.id, failures, now, retrying=retrying)
                tell(connection, [sync.id], now)

        self._persist(write)

    def postpone(
        self,
        sync: Sync,
        failure: Failure,
        until: datetime | None,
        now: datetime,
        exchanges: Sequence[Exchange],
        *,
        waiting_for: WaitingFor,
        resolved: bool = False,
    ) -> None:
        """POSTPONE to `until` (None: at once, in its turn); only a backoff is counted."""
        counted = waiting_for is WaitingFor.BACKOFF
        values = {
            **_FREE,
            "status": Status.PENDING.value,
            "postponements": syncs.c.postponements + int(counted),
            "error_type": failure.error_type.value,
            "cause_key": failure.key,
            "reason": failure.reason,
            "waiting_for": waiting_for.value,
            "not_before": until,
            "at": now,
            **({"sent_at": None} if resolved else {}),
        }

        def write(connection: Connection) -> None:
            if self._finish(connection, sync, Move.POSTPONE, values, now, failure.error_type):
                self._close(connection, sync, "postponed", failure, now, exchanges)
                if waiting_for is WaitingFor.PREREQUISITE:
                    self._queue.release_if_sold(connection, sync, now)
                tell(connection, [sync.id], now)

        self._persist(write)

    def await_answer(
        self,
        sync: Sync,
        failure: Failure,
        until: datetime,
        now: datetime,
        exchanges: Sequence[Exchange],
    ) -> None:
        """Leave the sync processing under its mark until `until`; then RESCUE looks it up."""
        values = {
            "worker": None,
            "lease_until": until,
            "not_before": until,
            "postponements": syncs.c.postponements + 1,
            "waiting_for": WaitingFor.ANSWER.value,
            "error_type": failure.error_type.value,
            "reason": failure.reason,
            "at": now,
        }

        def write(connection: Connection) -> None:
            if self._leave(connection, sync, values):
                self._append(connection, sync, exchanges)
                tell(connection, [sync.id], now)

        self._persist(write)

    def changed(self, sync: Sync, remark: str, now: datetime) -> bool:
        """Note on a success that its source changed afterwards; returns whether that is news."""
        with self._database.write() as connection:
            given = {"noted": sync.id, "said": remark}
            if not connection.execute(_CHANGED, given).rowcount:
                return False
            tell(connection, [sync.id], now)
        return True

    def postponements(self, sync: Sync) -> int:
        """Return how often the sync was postponed since a person or the engine last sent it."""
        query = sa.select(syncs.c.postponements).where(syncs.c.id == sync.id)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or 0

    def _persist(self, write: Callable[[Connection], None]) -> None:
        """Run `write` in a transaction, again and again while the database is in trouble."""

        def once() -> None:
            with self._database.write() as connection:
                write(connection)

        self._persistence(once)

    def _leave(self, connection: Connection, sync: Sync, values: dict[str, Any]) -> bool:
        """Leave the sync to wait for its answer; False where an earlier try of ours did."""
        given = {"this_sync": sync.id, "by_fence": sync.fence}
        if connection.execute(_UPDATE_UNANSWERED.values(values), given).rowcount:
            return True
        row = connection.execute(_STATE, {"this_sync": sync.id}).one()
        if (row.fence, row.waiting_for) == (sync.fence, values["waiting_for"]):
            return False
        raise Fenced

    def _hold(self, connection: Connection, sync: Sync, values: dict[str, Any]) -> None:
        given = {"this_sync": sync.id, "by_fence": sync.fence}
        if not connection.execute(_UPDATE.values(values), given).rowcount:
            raise Fenced

    def _finish(
        self,
        connection: Connection,
        sync: Sync,
        move: Move,
        values: dict[str, Any],
        now: datetime,
        error_type: ErrorType | None = None,
    ) -> bool:
        """Make the move; False where an earlier try of ours had made it. Raises Fenced."""
        given = {"this_sync": sync.id, "by_fence": sync.fence}
        if not connection.execute(_UPDATE.values(values), given).rowcount:
            row = connection.execute(_STATE, {"this_sync": sync.id}).one()
            if (row.status, row.fence) == (values["status"], sync.fence):
                return False
            raise Fenced
        write_audit(
            connection,
            move,
            [(sync.id, sync.fence)],
            Status.PROCESSING,
            ENGINE,
            now,
            error_type,
        )
        return True

    def _append(
        self, connection: Connection, sync: Sync, exchanges: Sequence[Exchange]
    ) -> list[dict[str, Any]]:
        given = {"this_sync": sync.id, "attempt": sync.attempts}
        kept = list(connection.execute(_EXCHANGES, given).scalar() or [])
        kept += [{**asdict(exchange), "at": exchange.at.isoformat()} for exchange in exchanges]
        connection.execute(_UPDATE_ATTEMPT.values(exchanges=kept), given)
        return kept

    def _close(
        self,
        connection: Connection,
        sync: Sync,
        outcome: str,
        failure: Failure | None,
        now: datetime,
        exchanges: Sequence[Exchange],
    ) -> None:
        self._append(connection, sync, exchanges)
        values = {
            "finished_at": now,
            "outcome": outcome,
            "error_type": failure.error_type.value if failure else None,
            "reason": failure.reason if failure else None,
        }
        given = {"this_sync": sync.id, "attempt": sync.attempts}
        connection.execute(_UPDATE_ATTEMPT.values(values), given)


def _destination_of(booked: Booked) -> dict[str, Any]:
    return {
        "destination_id": booked.id,
        "destination_number": booked.number,
        "destination_url": booked.url,
    }
