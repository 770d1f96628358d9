"""A document that was seen in a source, and what its first row is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.documents import Header, Order
from sync.records import Actor, Route, Trigger
from sync.states import Status


@dataclass(frozen=True, slots=True)
class Sighting:
    """A document that was seen in a source; `key` is ours."""

    route: Route
    key: str
    header: Header
    order: Order


def row_of(
    seen: Sighting,
    by: Actor,
    now: datetime,
    *,
    priority: int,
    trigger: Trigger,
    batch: int | None,
) -> dict[str, Any]:
    """Return the first row of a document: pending, due at once; `batch` is the backfill's id."""
    header, total = seen.header, seen.header.total
    return {
        "route_id": seen.route.id,
        "source_key": seen.key,
        "source_id": header.source_id,
        "kind": header.kind.value,
        "order_id": header.order_id,
        "order_number": seen.order.number,
        "document_number": header.number,
        "source_url": seen.order.url,
        "lane": seen.route.lane,
        "status": Status.PENDING.value,
        "amount_minor": total.minor if total else None,
        "currency": total.currency if total else None,
        "due": now,
        "at": now,
        "discovered_at": now,
        "priority": priority,
        "trigger": trigger.value,
        "actor_id": by.id,
        "actor_name": by.name,
        "batch_id": batch,
    }
