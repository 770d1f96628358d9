"""What happens to a sale after it was booked, and how much of its list a sweep walks again."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest

from sync.connectors.base import Source
from sync.documents import COPIED, Header, Kind
from sync.money import Money
from sync.records import CHANGED, ROUNDED, Connection, Sync
from sync.states import Status
from sync.store import Store
from sync.sweep import WALK_EVERY, Sweeper
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, document, header_of, order
from tests.fakes import Books, Ends, Shop, TurnedClock

TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=1)


@dataclass
class Told(Shop):
    """A shop that remembers how it was asked, and can tell of more than its shelf."""

    asked: list[str] = field(default_factory=list)
    also: list[Header] = field(default_factory=list)

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield the shelf and what is told besides."""
        self.asked.append("all")
        yield from super().headers(since, until)
        yield from self.also

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield the same, as what changed."""
        del after
        self.asked.append("changes")
        yield from super().headers(since)
        yield from self.also


@dataclass
class House:
    """A store, both ends, a sweeper and a worker, run by hand."""

    store: Store
    clock: TurnedClock
    shop: Told
    books: Books

    def source(self, connection: Connection) -> Source:
        """Open the shop for every connection."""
        del connection
        return self.shop

    def sweep(self) -> int:
        """Sweep once and work the lane."""
        sweeper = Sweeper(self.store, self, self.clock, TIMES, found=lambda: None, owner="w")
        found = sweeper.sweep(self.store.connections.routes()[0])
        worker = Worker(self.store, Ends(self.shop, self.books), self.clock, TIMES)
        now = self.clock.now()
        for sync in self.store.queue.claim("books", "w", 10, now, TIMES.leasing):
            worker.run(sync)
        return found

    def row(self, source_id: str) -> Sync:
        """Return the row of a document."""
        number = self.shop.documents[source_id].order.number
        return next(one for one in self.store.log.find(number) if one.source_id == source_id)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a fresh house with one route."""
    clock = TurnedClock()
    store = Store(database_url, [KEY])
    store.migrate()
    a_route(store)
    yield House(store, clock, Told(), Books(clock))
    store.close()


def void_of(source_id: str, house: House) -> Header:
    """Return what a source tells of a voided sale: a return that only matters once booked."""
    sale = house.shop.documents[source_id]
    void = replace(
        sale,
        source_id=f"void-{source_id}",
        kind=Kind.RETURN,
        lines=(),
        total=Money.of(0, "SAR"),
        reverses_sale=True,
    )
    house.shop.documents[void.source_id] = void
    header = header_of(void)
    return replace(header, order=sale.order, order_id=source_id, total=None, follows_sale=True)


def test_an_edited_sale_is_told_and_never_sent_again(house: House) -> None:
    """A source that says another amount after the booking leaves a note with both amounts."""
    house.shop.add(document("1"))
    house.sweep()
    house.shop.add(document("1", total="230.00"))
    assert house.sweep() == 0
    row = house.row("1")
    assert (row.status, row.note, row.amount) == (Status.SUCCESS, CHANGED, Money.of(115, "SAR"))
    assert row.reason
    assert row.reason.startswith("Salla now says SAR 230.00; Daftra holds SAR 115.00.")
    assert house.books.creates == 1


def test_a_voided_sale_that_was_booked_is_taken_back(house: House) -> None:
    """The return has the amount that was booked, whatever the source still tells."""
    sale = house.shop.add(document("1", of=replace(order(), id="1")))
    house.sweep()
    house.shop.also = [void_of("1", house)]
    del house.shop.documents["void-1"]
    house.shop.documents["void-1"] = replace(
        sale, source_id="void-1", kind=Kind.RETURN, total=Money.of(0, "SAR"), reverses_sale=True
    )
    house.sweep()
    kinds = [(one.booked.kind, one.booked.total) for one in house.books.ledger]
    assert kinds == [(Kind.INVOICE, sale.total), (Kind.RETURN, sale.total)]


def test_a_void_of_what_was_never_booked_is_nothing(house: House) -> None:
    """There is nothing to take back, so no row waits for a sale that will not come."""
    house.shop.add(document("1", of=replace(order(status="voided"), id="1")))
    house.shop.also = [void_of("1", house)]
    del house.shop.documents["void-1"]
    assert house.sweep() == 0
    assert house.store.log.find("4043") == []


def test_a_rounding_of_taxes_is_recorded(house: House) -> None:
    """Within the destination's tolerance a difference succeeds, with both amounts in the note."""
    house.books.off_by, house.books.rounding = "0.01", "0.01"
    house.shop.add(document("1"))
    house.sweep()
    row = house.row("1")
    assert (row.status, row.note) == (Status.SUCCESS, ROUNDED)
    assert row.reason == "Salla says SAR 115.00, Daftra holds SAR 115.01"


def test_what_we_made_ourselves_never_goes_back(house: House) -> None:
    """A document that invsync booked in this system is no document of it."""
    house.shop.add(document("1", of=order(status=COPIED)))
    assert house.sweep() == 0


def test_a_sweep_walks_all_once_a_day(house: House) -> None:
    """First the whole list, then what changed; a day later the whole list again."""
    for hours in (0, 1, WALK_EVERY / timedelta(hours=1)):
        house.clock.turn(hours * 3600)
        house.sweep()
    assert house.shop.asked == ["all", "changes", "all"]
