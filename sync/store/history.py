"""Puts syncs that ended in the past into a log: for a try-out, or a move from another tool.

A few hundred documents a transaction, each table written in one statement: a month of documents
takes a moment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.documents import Header, Order
from sync.errors import Failure
from sync.records import ENGINE, Attempt, Priority, Route, Trigger
from sync.states import Move, Status
from sync.store.database import Database
from sync.store.ledger import audit_row
from sync.store.queue import Queue
from sync.store.sightings import Sighting, row_of
from sync.store.tables import attempts, audit, syncs

AT_ONCE = 300
ENDS = {"success": Move.SUCCEED, "failed": Move.FAIL}
"""The move that an attempt with this outcome ended in; any other postponed its document."""

_KNOWN = sa.select(syncs.c.source_key, syncs.c.id).where(
    syncs.c.route_id == sa.bindparam("on_route"),
    syncs.c.source_key.in_(sa.bindparam("by_keys", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Past:
    """One document's past: how its last attempt left it, and every attempt, oldest first.

    `blockers` is everything that stops it, the first as its last attempt tells. `waiting_for` is
    set where it was left pending, `sent_at` where a create may have arrived and nobody knows;
    `destination` is id, number and address.
    """

    header: Header
    order: Order
    key: str
    customer: str
    status: Status
    retries: int
    attempts: Sequence[Attempt]
    blockers: Sequence[Failure] = ()
    cause_key: str | None = None
    waiting_for: str | None = None
    sent_at: datetime | None = None
    destination: tuple[str, str | None, str] | None = None


class History:
    """Writes the past; every row gets the audit that its attempts would have left."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    def remember(self, route: Route, past: Sequence[Past]) -> int:
        """Add what the log does not know yet; returns how many rows were added."""
        parts = (past[start : start + AT_ONCE] for start in range(0, len(past), AT_ONCE))
        return sum(self._remember(route, part) for part in parts)

    def _remember(self, route: Route, part: Sequence[Past]) -> int:
        with self._database.write() as connection:
            known = _ids(connection, route, part)
            new = {one.key: one for one in part if one.key not in known}
            if not new:
                return 0
            connection.execute(syncs.insert(), [_row(route, one) for one in new.values()])
            ids = _ids(connection, route, list(new.values()))
            told = [(ids[key], one) for key, one in new.items()]
            tried = [_attempt(sync_id, each) for sync_id, one in told for each in one.attempts]
            connection.execute(attempts.insert(), tried)
            left = [row for sync_id, one in told for row in _audit(sync_id, one)]
            connection.execute(audit.insert(), left)
            for sync_id, one in told:
                if one.status is Status.FAILED:
                    self._stop(connection, sync_id, one)
        return len(new)

    def _stop(self, connection: Connection, sync_id: int, past: Past) -> None:
        last = past.attempts[-1]
        ended = last.finished_at or last.started_at
        self._queue.stops.enter(connection, sync_id, past.blockers, ended, retrying=False)


def _ids(connection: Connection, route: Route, past: Sequence[Past]) -> dict[str, int]:
    given = {"on_route": route.id, "by_keys": [one.key for one in past]}
    return {row.source_key: row.id for row in connection.execute(_KNOWN, given)}


def _row(route: Route, past: Past) -> dict[str, Any]:
    """Return the row as its last attempt left it."""
    seen = Sighting(route, past.key, past.header, past.order)
    discovered = row_of(
        seen,
        ENGINE,
        past.attempts[0].started_at,
        priority=Priority.SWEEP,
        trigger=Trigger.SWEEP,
        batch=None,
    )
    where = past.destination or (None, None, None)
    named = ("destination_id", "destination_number", "destination_url")
    return {**discovered, **_standing(past), **dict(zip(named, where, strict=True))}


def _standing(past: Past) -> dict[str, Any]:
    last = past.attempts[-1]
    failed = [one for one in past.attempts if one.outcome == Status.FAILED.value]
    return {
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
        "not_before": last.finished_at if past.waiting_for else None,
        "attempted_at": last.started_at,
        "finished_at": last.finished_at,
        "at": last.started_at,
        "sent_at": past.sent_at,
        "lease_until": last.started_at if past.status is Status.PROCESSING else None,
    }


def _attempt(sync_id: int, one: Attempt) -> dict[str, Any]:
    return {
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
    }


def _audit(sync_id: int, past: Past) -> Iterator[dict[str, Any]]:
    """Yield what each move of the past would have left behind."""
    found_at = past.attempts[0].started_at
    yield audit_row(Move.DISCOVER, (sync_id, 0), None, ENGINE, found_at)
    for one in past.attempts:
        if one.number > 1:
            before = (sync_id, one.number - 1)
            yield audit_row(Move.RETRY, before, Status.FAILED, one.actor, one.started_at)
        moved = (sync_id, one.number)
        yield audit_row(Move.START, moved, Status.PENDING, ENGINE, one.started_at)
        if one.finished_at:
            ended = ENDS.get(one.outcome or "", Move.POSTPONE)
            yield audit_row(
                ended, moved, Status.PROCESSING, ENGINE, one.finished_at, one.error_type
            )
