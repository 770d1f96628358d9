"""The sweep: every document that is due is found once, and no odd one hides another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from sync.connectors.base import Source
from sync.documents import Kind, Order
from sync.errors import ErrorType, Failure, FixData, Reconnect
from sync.records import Connection
from sync.store import Store
from sync.sweep import Sweeper
from sync.times import Times
from tests.builders import KEY, a_route, document, order
from tests.fakes import Shop, TurnedClock


@dataclass
class OddShop(Shop):
    """A shop in which one order cannot be read."""

    odd: str = ""

    def order(self, order_id: str) -> Order:
        """Return an order, but not the odd one."""
        if order_id == self.odd:
            raise FixData(Failure(ErrorType.UNKNOWN, "shape", "has no reference_id"))
        return super().order(order_id)


@dataclass
class Only:
    """Opens one source for every connection."""

    shop: Shop

    def source(self, connection: Connection) -> Source:
        """Return it."""
        del connection
        return self.shop


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Give a fresh store with one route."""
    fresh = Store(database_url, [KEY])
    fresh.migrate()
    a_route(fresh)
    yield fresh
    fresh.close()


def swept(store: Store, shop: Shop) -> int:
    """Sweep once; returns how many documents were new."""
    sweeper = Sweeper(store, Only(shop), TurnedClock(), Times.of(), found=lambda: None, owner="w")
    return sweeper.sweep(store.connections.routes()[0])


def test_only_completed_orders_and_every_credit_note(store: Store) -> None:
    """An invoice of an order that is not completed waits; a credit note does not ask."""
    shop = Shop()
    shop.add(document("1", of=order("4043")))
    shop.add(document("2", of=order("4044", status="in_progress")))
    shop.add(document("3", of=order("4045", status="restored"), kind=Kind.RETURN))
    assert swept(store, shop) == 2
    assert swept(store, shop) == 0
    shop.add(replace(shop.documents["2"], order=order("4044")))
    assert swept(store, shop) == 1


def test_an_odd_order_hides_no_other(store: Store) -> None:
    """An order that cannot be read is passed over with its reason; the others are found."""
    shop = OddShop(odd="o4043")
    shop.add(document("1", of=order("4043")))
    shop.add(document("2", of=order("4044")))
    assert swept(store, shop) == 1
    assert store.connections.sweeps()["shop:books"][1] == "Order o4043: has no reference_id"
    shop.odd = ""
    assert swept(store, shop) == 1
    assert store.connections.sweeps()["shop:books"][1] is None


def test_a_refused_source_leaves_its_reason(store: Store) -> None:
    """A sweep that the source refuses says so at the route, and loses nothing."""

    @dataclass
    class Closed(Shop):
        def headers(self, since: object) -> Iterator[object]:  # type: ignore[override] # raises
            del since
            raise Reconnect(Failure(ErrorType.UNAUTHORIZED, "shop", "Salla: expired"), "shop")

    assert swept(store, Closed()) == 0
    assert store.connections.sweeps()["shop:books"] == (None, "Salla: expired")
