"""Backfills: a period is walked once, in portions, through stops, troubles and killed walkers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest

from sync.backfill import Backfills, part_of
from sync.batches import AlreadyRunning, BadPeriod, Batch, BatchState, Counts, Flaw, Progress
from sync.clock import SystemClock
from sync.documents import Header, Kind, Order
from sync.errors import ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.money import Money
from sync.records import Actor, Priority, Trigger
from sync.states import Status
from sync.store import Sighting, Store
from sync.store.batches import Batches
from sync.sweep import Sweeper
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, header_of, order
from tests.engine.test_sweep import Only
from tests.fakes import Books, Ends, Shop, TurnedClock

SARA = Actor("U0SARA", "Sara")
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
MOST_OPEN = 20
"""So many documents of a backfill may be open here: in earnest it is 500."""

TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=0.05, tick=0.02)
EXPIRED = Reconnect(Failure(ErrorType.UNAUTHORIZED, "shop", "Salla: expired"), "shop")
BUSY = TryLater(Failure(ErrorType.DESTINATION_DOWN, "shop", "Salla answered 503"), timedelta())


@dataclass
class Shelf(Shop):
    """A shop that lists in days; `after` yields of `troubles` documents it raises the next one."""

    troubles: list[tuple[int, ReadError]] = field(default_factory=list)
    walks: list[tuple[date, date | None]] = field(default_factory=list)
    odd: str = ""

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield the headers of the period; raises what the script says."""
        self.walks.append((since, until))
        shown = (one for one in sorted(self.documents.values(), key=lambda one: one.issued))
        listed = [one for one in shown if since <= one.issued <= (until or date.max)]
        good, trouble = self.troubles.pop(0) if self.troubles else (len(listed), None)
        yield from map(header_of, listed[:good])
        if trouble:
            raise trouble

    def order(self, order_id: str) -> Order:
        """Return an order, but not the odd one."""
        if order_id == self.odd:
            raise FixData(Failure(ErrorType.UNKNOWN, "shape", "has no reference_id"))
        return super().order(order_id)


class House:
    """A store with a route, and a lane that a test works by hand."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.route = a_route(store)
        self.shelf = Shelf()
        self.clock = SystemClock()
        self.backfills = self.another()
        self.rows = Batches(store.database)

    def another(self) -> Backfills:
        """Return the backfills of another process."""
        sweeper = Sweeper(
            self.store, Only(self.shelf), self.clock, TIMES, found=lambda: None, owner="w"
        )
        ends = self.store, Only(self.shelf), sweeper
        return Backfills(*ends, self.clock, TIMES, most_open=MOST_OPEN)

    def fill(self, count: int, issued: date = date(2026, 2, 1), start: int = 0) -> None:
        """Put documents on the shelf."""
        for number in range(start + 1, start + count + 1):
            one = document(str(number), number=f"INV-{number}", of=order(str(number)))
            self.shelf.add(replace(one, issued=issued))

    def begin(self, first: date = FIRST, last: date = LAST, receipt: str | None = None) -> Batch:
        """Begin a backfill as Sara."""
        return self.backfills.begin(self.route, first, last, SARA, receipt)

    def work(self, books: Books | None = None) -> int:
        """Do what a lane does until nothing is ready; returns how many syncs were run."""
        ends = Ends(self.shelf, books or Books(TurnedClock(self.clock.now())))
        worker, ran = Worker(self.store, ends, self.clock, TIMES), 0
        while claimed := self.store.queue.claim("books", "w", 50, self.clock.now(), TIMES.leasing):
            for sync in claimed:
                worker.run(sync)
            ran += len(claimed)
        return ran

    def progress(self, batch: Batch) -> Progress:
        """Return how the backfill stands."""
        found = self.backfills.progress(batch.id)
        assert found is not None
        return found

    def until(self, batch: Batch, *states: BatchState) -> Progress:
        """Wait until the backfill is in one of these states, for a minute at most."""
        return self.when(batch, lambda seen: seen.batch.state in states)

    def when_begun(self) -> list[Batch]:
        """Return the active backfills once there is one; waits a minute at most."""
        deadline = self.clock.now() + timedelta(seconds=60)
        while not (active := self.backfills.active()):
            assert self.clock.now() < deadline
            self.clock.sleep(0.01)
        return active

    def when(self, batch: Batch, true: Callable[[Progress], bool]) -> Progress:
        """Wait until something is true of the progress, for a minute at most."""
        deadline = self.clock.now() + timedelta(seconds=60)
        while not true(seen := self.progress(batch)):
            assert self.clock.now() < deadline, seen
            self.clock.sleep(0.01)
        return seen


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a house whose backfills a test starts."""
    store = Store(database_url, [KEY])
    store.migrate()
    made = House(store)
    yield made
    made.backfills.end()
    made.backfills.join(5)
    store.close()


def test_a_period_is_put_in_behind_everything_and_ends(house: House) -> None:
    """Documents of the period, both days included, wait behind others and are counted anew."""
    house.fill(3, FIRST)
    house.fill(2, LAST, start=3)
    house.fill(2, date(2026, 4, 1), start=5)
    house.fill(2, date(2025, 12, 31), start=7)
    batch = house.begin()
    house.backfills.start(alone=True)
    seen = house.when(batch, lambda one: one.batch.walked and one.counts.pending == 5)
    assert seen.batch.state is BatchState.RUNNING
    assert (seen.batch.place.tally.listed, seen.batch.place.tally.left_out) == (5, 0)
    discovered(house.store, house.route, document("99", of=order("99")))
    first = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    assert [sync.order_number for sync in first] == ["99"]
    assert house.work() == 5
    ended = house.until(batch, BatchState.DONE)
    synced = [Money.of("575.00", "SAR")]
    assert ended.counts == Counts(synced=5, synced_amounts=synced, failed_amounts=[])
    assert ended.batch.finished_at is not None
    story = house.store.log.story(house.store.log.find("1")[0].id)
    assert story is not None
    assert (story.attempts[0].trigger, story.attempts[0].actor) == (Trigger.BACKFILL, SARA)


def test_history_from_before_the_routes_start_is_put_in(house: House) -> None:
    """A backfill reaches behind the route's first day: that is what it is for."""
    house.fill(1, date(2025, 5, 1))
    batch = house.begin(date(2025, 1, 1), date(2025, 12, 31))
    house.backfills.start()
    house.when(batch, lambda one: one.counts.pending == 1)
    house.work()
    house.until(batch, BatchState.DONE)


def test_a_receipt_begins_once(house: House) -> None:
    """A redelivered command returns what it began; another backfill of the route must wait."""
    batch = house.begin(receipt="t1")
    assert house.begin(receipt="t1").id == batch.id
    with pytest.raises(AlreadyRunning) as running:
        house.begin(receipt="t2")
    assert running.value.batch.id == batch.id
    assert [one.id for one in house.backfills.active()] == [batch.id]
    house.backfills.start()
    house.until(batch, BatchState.DONE)
    assert house.begin(receipt="t1").id == batch.id
    assert house.begin(receipt="t3").id != batch.id


@pytest.mark.parametrize(
    ("first", "last", "flaw"),
    [
        (date(2026, 2, 2), date(2026, 2, 1), Flaw.REVERSED),
        (date(2026, 2, 2), date(2999, 1, 1), Flaw.FUTURE),
        (date(2015, 1, 1), date(2026, 1, 1), Flaw.TOO_LONG),
    ],
)
def test_a_period_nobody_can_mean_is_refused(
    house: House, first: date, last: date, flaw: Flaw
) -> None:
    """A reversed, a future and an endless period are refused by name, and leave no row."""
    with pytest.raises(BadPeriod) as bad:
        house.begin(first, last)
    assert bad.value.flaw is flaw
    assert not house.backfills.active()


def test_what_is_known_is_counted_and_left_alone(house: House) -> None:
    """Known documents, also those that failed, are neither doubled nor sent again."""
    house.fill(4)
    house.shelf.add(replace(document("5", of=order("5", status="canceled")), issued=FIRST))
    known = [discovered(house.store, house.route, house.shelf.documents[one]) for one in "12"]
    books = Books(TurnedClock(house.clock.now()), missing={"WIDGET-001"})
    house.work(books)
    batch = house.begin()
    house.backfills.start()
    seen = house.when(batch, lambda one: one.counts.pending == 2 and one.batch.walked)
    tally = seen.batch.place.tally
    assert (tally.listed, tally.new, tally.known, tally.failed_before) == (5, 2, 2, 2)
    assert tally.left_out == 1
    house.work()
    ended = house.until(batch, BatchState.DONE)
    assert (ended.counts.new, ended.counts.synced) == (2, 2)
    rows = house.store.log.syncs(known)
    assert {(row.status, row.attempts) for row in rows.values()} == {(Status.FAILED, 1)}


def test_an_odd_order_hides_no_other(house: House) -> None:
    """What cannot be read is passed over with its reason; the others are put in."""
    house.fill(3)
    house.shelf.odd = "o2"
    batch = house.begin()
    house.backfills.start()
    seen = house.when(batch, lambda one: one.batch.walked)
    assert (seen.counts.new, seen.batch.place.tally.passed_over) == (2, 1)
    assert seen.batch.place.odd == "Order o2: has no reference_id"


def test_only_so_many_are_open_and_a_stop_leaves_little(house: House) -> None:
    """Only so many wait at once; after a stop they are finished, and nothing else is put in."""
    house.fill(MOST_OPEN + 10)
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.counts.pending == MOST_OPEN)
    house.clock.sleep(0.1)
    assert house.progress(batch).counts.new == MOST_OPEN
    stopping = house.backfills.stop(batch.id, SARA)
    assert stopping is not None
    assert stopping.state is BatchState.STOPPING
    house.clock.sleep(0.1)
    assert house.progress(batch).batch.state is BatchState.STOPPING
    with house.store.database.write() as connection:  # as if a lane had worked them off
        connection.exec_driver_sql("UPDATE syncs SET status = 'success'")
    ended = house.until(batch, BatchState.STOPPED)
    assert (ended.counts.synced, ended.counts.new) == (MOST_OPEN, MOST_OPEN)
    assert house.backfills.stop(batch.id, SARA) == ended.batch
    assert house.backfills.stop(999, SARA) is None


def test_room_that_comes_free_is_used(house: House) -> None:
    """As documents end, the next ones are put in, up to the last."""
    house.fill(MOST_OPEN + 10)
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.counts.pending == MOST_OPEN)
    with house.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE syncs SET status = 'success' WHERE id <= 12")
    house.when(batch, lambda one: one.batch.walked and one.counts.new == MOST_OPEN + 10)


def test_a_passing_trouble_is_waited_for(house: House) -> None:
    """After a trouble in the middle the part is walked again; every document is put in once."""
    house.fill(4, FIRST)
    house.fill(2, LAST, start=4)
    house.shelf.troubles = [(2, BUSY), (3, BUSY)]
    batch = house.begin()
    house.backfills.start()
    seen = house.when(batch, lambda one: one.batch.walked)
    assert (seen.counts.new, seen.batch.place.tally.listed) == (6, 6)
    assert [first for first, _ in house.shelf.walks[:4]] == [FIRST, FIRST, FIRST, date(2026, 1, 8)]
    assert seen.batch.place.tally.new == 6


def test_a_refused_source_pauses_until_it_is_connected(house: House) -> None:
    """A refused source leaves reason and connection on the row; a reconnect goes on."""
    house.fill(3)
    house.shelf.troubles = [(0, EXPIRED), (1, EXPIRED)]
    batch = house.begin()
    house.backfills.start()
    paused = house.when(batch, lambda one: one.batch.place.refused == "shop")
    assert (paused.batch.state, paused.batch.reason) == (BatchState.RUNNING, "Salla: expired")
    house.backfills.resume("other")
    house.clock.sleep(0.1)
    assert len(house.shelf.walks) == 1
    house.backfills.resume("shop")
    house.when(batch, lambda _: len(house.shelf.walks) > 1)
    house.when(batch, lambda one: one.batch.owner is None)
    house.backfills.resume("shop")
    house.shelf.troubles = []
    seen = house.when(batch, lambda one: one.batch.walked)
    assert (seen.batch.reason, seen.batch.place.refused, seen.counts.new) == (None, None, 3)


def test_a_paused_backfill_can_be_stopped(house: House) -> None:
    """A stop does not wait for the reconnect."""
    house.fill(3)
    house.shelf.troubles = [(0, EXPIRED)]
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.batch.place.refused == "shop")
    house.backfills.stop(batch.id, SARA)
    house.until(batch, BatchState.STOPPED)


def test_a_source_that_cannot_be_understood_ends_it(house: House) -> None:
    """An answer of the wrong shape ends the backfill as failed, with the reason."""
    odd = FixData(Failure(ErrorType.UNKNOWN, "shape", "Salla's list has no data"))
    house.fill(2)
    house.shelf.troubles = [(0, odd)]
    batch = house.begin()
    house.backfills.start()
    ended = house.until(batch, BatchState.FAILED)
    assert ended.batch.reason == "Salla's list has no data"


def test_a_bug_of_ours_ends_it_with_a_reference(house: House) -> None:
    """What nobody foresaw ends the backfill and names what support can look for."""

    class Broken(Shelf):
        def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
            raise ZeroDivisionError(since, until)

    house.shelf = Broken()
    house.backfills = house.another()
    batch = house.begin()
    house.backfills.start()
    ended = house.until(batch, BatchState.FAILED)
    assert ended.batch.reason
    assert ended.batch.reason.startswith("Something went wrong on our side, reference ")


def test_a_process_that_ends_hands_its_backfill_on(house: House) -> None:
    """What one process left is walked on by the next, from its part on; nothing is doubled."""
    house.fill(3, FIRST)
    house.fill(MOST_OPEN + 5, LAST, start=3)
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.counts.new == MOST_OPEN)
    house.backfills.end()
    house.backfills.join(5)
    left = house.progress(batch).batch
    assert (left.owner, left.place.day) == (None, date(2026, 3, 26))
    with house.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE syncs SET status = 'success'")
    house.backfills = house.another()
    house.backfills.start()
    seen = house.when(batch, lambda one: one.batch.walked)
    assert seen.counts.new == MOST_OPEN + 8
    assert seen.batch.place.tally.new == MOST_OPEN + 8


def test_a_killed_walker_is_replaced_when_its_lease_ends(house: House) -> None:
    """One walker at a time: another takes over after the lease, and the first is then fenced."""
    batch = house.begin()
    now = house.clock.now()
    killed = house.rows.claim("killed", now, timedelta(seconds=30))
    assert killed is not None
    assert house.rows.claim("early", now, TIMES.leasing) is None
    later = now + timedelta(seconds=31)
    taken = house.rows.claim("second", later, timedelta(seconds=30))
    assert taken is not None
    assert taken.id == batch.id
    assert house.rows.beat(killed, killed.place, None, later) is None
    assert house.rows.beat(taken, taken.place, None, later) is not None
    house.rows.expire()
    assert house.rows.claim("after a restart", later, TIMES.leasing) is not None


def test_a_return_that_waits_for_its_invoice_does_not_hold_the_end(house: House) -> None:
    """A return whose invoice failed waits on by itself; the backfill ends and counts it apart."""
    sale = replace(document("1", of=order("1"), sku="HONEY-500"), issued=FIRST)
    house.shelf.add(sale)
    back = document("2", number="CN-2", of=order("1"), kind=Kind.RETURN)
    house.shelf.add(replace(back, issued=LAST))
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.counts.pending == 2)
    house.work(Books(TurnedClock(house.clock.now()), missing={"HONEY-500"}))
    ended = house.until(batch, BatchState.DONE)
    assert (ended.counts.failed, ended.counts.waiting) == (1, 1)
    assert ended.counts.failed_amounts == [Money.of("115.00", "SAR")]


def test_priorities_of_a_click_and_a_backfill(house: House) -> None:
    """A document that a person asks for overtakes what a backfill put in before it."""
    house.fill(2)
    batch = house.begin()
    house.backfills.start()
    house.when(batch, lambda one: one.counts.pending == 2)
    asked = document("9", of=order("9"))
    key = "v1:salla:77:invoice:9"
    seen = Sighting(house.route, key, header_of(asked), asked.order)
    house.store.queue.discover(
        seen, SARA, house.clock.now(), priority=Priority.PERSON, trigger=Trigger.PERSON
    )
    claimed = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    assert [sync.order_number for sync in claimed] == ["9"]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), 1),
        (date(2026, 1, 1), date(2026, 1, 23), 1),
        (date(2026, 1, 1), date(2026, 3, 31), 7),
        (date(2022, 1, 1), date(2026, 3, 31), 31),
    ],
)
def test_a_part_is_a_twelfth_of_the_period(first: date, last: date, days: int) -> None:
    """A part is a day at least and a month at most, so that long histories take few requests."""
    assert part_of(first, last) == timedelta(days=days)
