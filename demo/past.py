"""Puts the past of the sandbox's documents into our log, as if the app had been there."""

from datetime import date, datetime, timedelta
from typing import Any

import httpx

from sync.documents import Header, Kind, Order
from sync.engine import Engine
from sync.errors import ErrorType, Failure, told_apart
from sync.money import Money
from sync.records import Actor, Attempt, Route, Trigger
from sync.states import Status
from sync.store import Past

ON_ITS_WAY = timedelta(seconds=1)
"""How long before the start of the try-out the one running create was sent."""


def remember(engine: Engine, route: Route, source_url: str, destination_url: str) -> int:
    """Fetch the past from the route's source and write it; returns how many rows there are."""
    rows = httpx.get(f"{source_url}/sandbox/history", timeout=30).json()["rows"]
    now = engine.clock.now()
    return engine.store.history.remember(route, [_past(row, destination_url, now) for row in rows])


def _past(row: dict[str, Any], destination_url: str, now: datetime) -> Past:
    status = Status(row["status"])
    return Past(
        header=Header(
            row["source_id"],
            Kind(row["kind"]),
            row["document_number"],
            row["order_id"],
            date.fromisoformat(row["issued"]),
            Money.of(row["amount"], row["currency"]),
        ),
        order=Order(row["order_id"], row["order_number"], row["order_status"], row["source_url"]),
        key=row["key"],
        customer=row["customer"],
        status=status,
        retries=row["retries"],
        attempts=[_attempt(one) for one in row["attempts"]],
        blockers=[_failure(one) for one in row["blockers"]],
        cause_key=row["cause_key"],
        waiting_for=row["waiting_for"],
        sent_at=now - ON_ITS_WAY if status is Status.PROCESSING else None,
        destination=_destination(row, destination_url),
    )


def _destination(row: dict[str, Any], url: str) -> tuple[str, str | None, str] | None:
    if row["destination_id"] is None:
        return None
    page = f"{url}{row['destination_path']}"
    return row["destination_id"], row["destination_number"], page


def _failure(one: dict[str, Any]) -> Failure:
    kind = ErrorType(one["error_type"])
    return told_apart(Failure(kind, one["key"], one["reason"], one["subject"]))


def _attempt(one: dict[str, Any]) -> Attempt:
    finished = one["finished_at"]
    return Attempt(
        number=one["number"],
        trigger=Trigger(one["trigger"]),
        actor=Actor(*one["actor"]),
        started_at=datetime.fromisoformat(one["started_at"]),
        finished_at=datetime.fromisoformat(finished) if finished else None,
        outcome=one["outcome"],
        error_type=ErrorType(one["error_type"]) if one["error_type"] else None,
        reason=one["reason"],
    )
