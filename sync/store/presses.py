"""A press on Retry: one compare-and-set with its audit row and its receipt, in one transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.policy import pause_before
from sync.records import Actor, Answer, HoldKind, Priority, Retried, Sync, Trigger, WaitingFor
from sync.states import Status
from sync.store import rows
from sync.store.database import Database
from sync.store.holds import let_go
from sync.store.queue import Queue
from sync.store.surface import Receipts
from sync.store.tables import syncs

_WHO = sa.select(syncs.c.trigger, syncs.c.actor_id, syncs.c.actor_name, syncs.c.priority).where(
    syncs.c.id == sa.bindparam("sync_id")
)

_LOCK = sa.select(syncs.c.id).where(syncs.c.id == sa.bindparam("sync_id")).with_for_update()
"""Presses on one sync come one after the other; on SQLite every write does."""

_OUTSIDE = frozenset({WaitingFor.BACKOFF, WaitingFor.PREREQUISITE})
"""Waits that a press ends: who pressed before had their attempt already."""


class Presses:
    """People's presses on Retry."""

    def __init__(self, database: Database, queue: Queue, receipts: Receipts) -> None:
        self._database = database
        self._queue = queue
        self._receipts = receipts

    def retry(
        self, sync_id: int, by: Actor, receipt: str | None, settle: timedelta, now: datetime
    ) -> Retried:
        """Send the sync back to its lane where the table of moves allows it, and say what was done.

        `receipt` names the payload: its redelivery gets the first answer again and moves nothing.
        """
        with self._database.write() as connection:
            connection.execute(_LOCK, {"sync_id": sync_id})
            taken = self._receipts.answer(connection, receipt) if receipt else None
            if taken:
                return _told(_again(taken, rows.one(connection, sync_id)), by)
            retried = self._press(connection, sync_id, by, settle, now)
            if receipt:
                self._receipts.keep(connection, receipt, now, _kept(retried))
        return _told(retried, by)

    def reconnect(
        self,
        connection_name: str,
        kinds: Collection[HoldKind],
        by: Actor,
        settle: timedelta,
        now: datetime,
    ) -> None:
        """Let the connection's lanes go and press what met the trouble there, as one step.

        Between two steps a lane would take another document first, and an end of the process would
        leave the canary failed.
        """
        with self._database.write() as connection:
            for sync_id in let_go(connection, connection_name, now, kinds) or ():
                connection.execute(_LOCK, {"sync_id": sync_id})
                self._press(connection, sync_id, by, settle, now)

    def _press(
        self, connection: Connection, sync_id: int, by: Actor, settle: timedelta, now: datetime
    ) -> Retried:
        sync = rows.one(connection, sync_id)
        if sync is None:
            return Retried(Answer.NOT_FOUND, None)
        held = sync.waiting_for is WaitingFor.CONNECTION
        first = None if sync.waiting_for in _OUTSIDE else self._first(connection, sync)
        match sync.status:
            case Status.SUCCESS:
                return Retried(Answer.ALREADY_SYNCED, sync, first)
            case Status.SKIPPED:
                return Retried(Answer.SKIPPED, sync)
            case Status.PROCESSING:
                return Retried(Answer.PROCESSING, sync, first)
            case Status.FAILED:
                self._send_back(connection, sync, by, settle, now)
                sync = rows.one(connection, sync_id)
                held = sync is not None and sync.waiting_for is WaitingFor.CONNECTION
                answer = Answer.WAITS_FOR_CONNECTION if held else Answer.QUEUED
                return Retried(answer, sync)
            case Status.PENDING:
                if not held and first is None:
                    self._send_back(connection, sync, by, settle, now)
                answer = Answer.WAITS_FOR_CONNECTION if held else Answer.HURRIED
                return Retried(answer, rows.one(connection, sync_id), first)
            case _:
                assert_never(sync.status)

    def _send_back(
        self, connection: Connection, sync: Sync, by: Actor, settle: timedelta, now: datetime
    ) -> None:
        earliest, waiting_for = pause_before(sync, settle, now)
        self._queue.send_back(
            connection,
            sync.id,
            sync.status,
            by,
            now,
            earliest=earliest,
            waiting_for=waiting_for,
        )
        self._queue.stops.leave(connection, [sync.id], now)

    def _first(self, connection: Connection, sync: Sync) -> Actor | None:
        """Return the person whose press brought the sync where it stands, if one did."""
        row = connection.execute(_WHO, {"sync_id": sync.id}).one()
        pressed = row.trigger == Trigger.PERSON.value and row.priority == Priority.PERSON
        came_of_it = sync.status not in {Status.FAILED, Status.SKIPPED}
        return Actor(row.actor_id, row.actor_name) if pressed and came_of_it else None


def _told(retried: Retried, by: Actor) -> Retried:
    first = retried.first
    return replace(retried, again=first is not None and first.id == by.id)


def _kept(retried: Retried) -> dict[str, Any]:
    first = retried.first
    return {
        "answer": retried.answer.value,
        "first_id": first.id if first else None,
        "first_name": first.name if first else None,
    }


def _again(kept: dict[str, Any], sync: Sync | None) -> Retried:
    first = Actor(kept["first_id"], kept["first_name"] or "") if kept["first_id"] else None
    return Retried(Answer(kept["answer"]), sync, first)
