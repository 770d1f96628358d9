"""Puts syncs that ended in the past into a log: for a try-out, or a move from another tool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.documents import Header, Order
from sync.errors import Failure
from sync.records import ENGINE, Attempt, Priority, Route, Trigger
from sync.states import Move, Status
from sync.store.database import Database
from sync.store.ledger import write_audit
from sync.store.queue import Queue
from sync.store.sightings import Sighting
from sync.store.tables import attempts, syncs


@dataclass(frozen=True, slots=True)
class Past:
    """One document's past: how its last attempt left it, and every attempt, oldest first.

    `waiting_for` is set where it was left pending; `destination` is id, number and address.
    """

    header: Header
    order: Order
    key: str
    customer: str
    status: Status
    retries: int
    attempts: Sequence[Attempt]
    cause_key: str | None = None
    waiting_for: str | None = None
    destination: tuple[str, str | None, str] | None = None


class History:
    """Writes the past; every row gets the audit that its attempts would have left."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    def remember(self, route: Route, past: Sequence[Past]) -> int:
        """Add what the log does not know yet; returns how many rows were added."""
        return sum(self._remember(route, one) for one in past)

    def _remember(self, route: Route, past: Past) -> bool:
        began = past.attempts[0].started_at
        seen = Sighting(route, past.key, past.header, past.order)
        added = self._queue.discover(
            seen, ENGINE, began, priority=Priority.SWEEP, trigger=Trigger.SWEEP
        )
        if added:
            with self._database.write() as connection:
                sync_id = connection.execute(
                    sa.select(syncs.c.id).where(
                        syncs.c.route_id == route.id, syncs.c.source_key == past.key
                    )
                ).scalar_one()
                self._replay(connection, sync_id, past)
        return added

    def _replay(self, connection: Connection, sync_id: int, past: Past) -> None:
        last = past.attempts[-1]
        failed = [one for one in past.attempts if one.outcome == Status.FAILED.value]
        values: dict[str, Any] = {
            "status": past.status.value,
            "attempts": len(past.attempts),
            "fence": len(past.attempts),
            "retries": past.retries,
            "failures": len(failed),
            "customer": past.customer,
            "error_type": last.error_type.value if last.error_type else None,
            "cause_key": past.cause_key,
            "reason": last.reason,
            "waiting_for": past.waiting_for,
            "attempted_at": last.started_at,
            "finished_at": last.finished_at,
            "at": last.started_at,
        }
        if past.waiting_for:
            values["not_before"] = last.finished_at
        if past.destination:
            keys = ("destination_id", "destination_number", "destination_url")
            values.update(zip(keys, past.destination, strict=True))
        connection.execute(sa.update(syncs).where(syncs.c.id == sync_id).values(values))
        for one in past.attempts:
            self._attempt(connection, sync_id, one)
        if past.status is Status.FAILED and last.error_type:
            stop = Failure(last.error_type, past.cause_key or "", last.reason or "")
            ended = last.finished_at or last.started_at
            self._queue.stops.enter(connection, sync_id, [stop], ended, retrying=False)

    def _attempt(self, connection: Connection, sync_id: int, one: Attempt) -> None:
        connection.execute(
            attempts.insert(),
            {
                "sync_id": sync_id,
                "number": one.number,
                "trigger": one.trigger.value,
                "actor_id": one.actor.id,
                "actor_name": one.actor.name,
                "started_at": one.started_at,
                "finished_at": one.finished_at,
                "outcome": one.outcome,
                "error_type": one.error_type.value if one.error_type else None,
                "reason": one.reason,
                "exchanges": [],
            },
        )
        if one.number > 1:
            move = (sync_id, one.number - 1)
            write_audit(connection, Move.RETRY, [move], Status.FAILED, one.actor, one.started_at)
        moved = [(sync_id, one.number)]
        write_audit(connection, Move.START, moved, Status.PENDING, ENGINE, one.started_at)
        ended = {"success": Move.SUCCEED, "failed": Move.FAIL}.get(one.outcome or "", Move.POSTPONE)
        write_audit(
            connection,
            ended,
            moved,
            Status.PROCESSING,
            ENGINE,
            one.finished_at or one.started_at,
            one.error_type,
        )
