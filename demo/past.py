"""Puts the past of the sandbox's documents into our log, as if the app had been there."""

from datetime import date, datetime
from typing import Any

import httpx

from sync.documents import Header, Kind, Order
from sync.engine import Engine
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor, Attempt, Route, Trigger
from sync.states import Status
from sync.store import Past

PAGES = {"invoice": "/owner/invoices/view/", "return": "/owner/invoices/view_creditnote/"}


def remember(engine: Engine, route: Route, shop_url: str, books_url: str) -> int:
    """Fetch the past from the sandbox and write it; returns how many rows there are."""
    rows = httpx.get(f"{shop_url}/sandbox/history", timeout=10).json()["rows"]
    return engine.store.history.remember(route, [_past(row, books_url) for row in rows])


def _past(row: dict[str, Any], books_url: str) -> Past:
    kind = Kind(row["kind"])
    booked = row["destination_id"]
    page = f"{books_url}{PAGES[row['kind']]}{booked}"
    return Past(
        header=Header(
            row["source_id"],
            kind,
            row["document_number"],
            row["order_id"],
            date.fromisoformat(row["issued"]),
            Money.of(row["amount"], row["currency"]),
        ),
        order=Order(row["order_id"], row["order_number"], row["order_status"], row["source_url"]),
        key=row["key"],
        customer=row["customer"],
        status=Status(row["status"]),
        retries=row["retries"],
        attempts=[_attempt(one) for one in row["attempts"]],
        cause_key=row["cause_key"],
        waiting_for=row["waiting_for"],
        destination=(booked, row["destination_number"], page) if booked else None,
    )


def _attempt(one: dict[str, Any]) -> Attempt:
    return Attempt(
        number=one["number"],
        trigger=Trigger(one["trigger"]),
        actor=Actor(*one["actor"]),
        started_at=datetime.fromisoformat(one["started_at"]),
        finished_at=datetime.fromisoformat(one["finished_at"]),
        outcome=one["outcome"],
        error_type=ErrorType(one["error_type"]) if one["error_type"] else None,
        reason=one["reason"],
    )
