"""Documents, orders and rows as tests need them: whole, and different only where they say so."""

from datetime import UTC, date, datetime
from decimal import Decimal

from sync.documents import Account, Customer, Document, Header, Kind, Line, Order
from sync.money import Money
from sync.records import ENGINE, Priority, Route, Trigger
from sync.store import Sighting, Store

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


def order(number: str = "4043", *, status: str = "completed") -> Order:
    """Return an order of the shop."""
    return Order(id=f"o{number}", number=number, status=status, url=f"http://shop/{number}")


def document(
    source_id: str = "1",
    *,
    number: str | None = "1042",
    kind: Kind = Kind.INVOICE,
    of: Order | None = None,
    sku: str = "WIDGET-001",
    total: str = "115.00",
) -> Document:
    """Return a document of one line at 15 % tax."""
    money = Money.of(total, "SAR")
    net = (money.amount / Decimal("1.15")).quantize(Decimal("0.01"))
    return Document(
        source_id=source_id,
        kind=kind,
        number=number,
        order=of or order(),
        issued=TODAY,
        customer=Customer("c1", "Sara", "Ali", "sara@example.sa"),
        lines=[Line("Widget", sku, Decimal(1), net, Decimal(0), Decimal(15))],
        charges=[],
        discount=Decimal(0),
        tax=Money(money.amount - net, "SAR"),
        total=money,
    )


def header_of(one: Document) -> Header:
    """Return the header that a list would show of a document."""
    return Header(one.source_id, one.kind, one.number, one.order.id, one.issued, one.total)


def a_route(store: Store, now: datetime = NOON) -> Route:
    """Return a route between two connections that are in the store."""
    ends = [
        store.connections.save(
            system, name, f"http://{name}", {"token": "t"}, Account("77", name), now
        )
        for system, name in (("salla", "shop"), ("daftra", "books"))
    ]
    store.lanes.add("books")
    return store.connections.add_route(ends[0], ends[1], date(2026, 1, 1), ["completed"])


def discovered(store: Store, route: Route, one: Document, now: datetime = NOON) -> int:
    """Put a document into the route's lane; returns the id of its sync."""
    key = f"v1:salla:77:{one.kind.value}:{one.source_id}"
    seen = Sighting(route, key, header_of(one), one.order)
    store.queue.discover(seen, ENGINE, now, priority=Priority.SWEEP, trigger=Trigger.SWEEP)
    return next(row.id for row in store.log.find(one.order.number) if row.source_key == key)
