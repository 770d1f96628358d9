"""The promise, move by move: at most one destination document, of equal amount, and none lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from sync import points
from sync.documents import Document, Kind
from sync.errors import ErrorType, Failure, FixData, Reconnect, TryLater
from sync.money import Money
from sync.records import Actor, Answer, Sync, WaitingFor
from sync.states import Status
from sync.store import Fenced, Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock

TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=1)
PERSON = Actor("U1", "Omar")
LANE = "books"


class Killed(BaseException):
    """The process died here."""


@dataclass
class House:
    """A store, a worker and two ends, run by hand."""

    store: Store
    clock: TurnedClock
    shop: Shop
    books: Books
    worker: Worker

    def sync_of(self, one: Document) -> int:
        """Let the engine discover a document; returns its sync's id."""
        self.shop.add(one)
        return discovered(self.store, self.store.connections.routes()[0], one)

    def turn(self, seconds: float = 0) -> list[Sync]:
        """Turn the clock, then do what a lane does once: ripen, rescue, claim, run."""
        self.clock.turn(seconds)
        queue, now = self.store.queue, self.clock.now()
        queue.retry_overdue(LANE, now, TIMES.settling)
        queue.ripen(LANE, now)
        held = queue.rescue(LANE, "w", 10, now, TIMES.leasing, TIMES.settling)
        held += queue.claim(LANE, "w", 10, now, TIMES.leasing)
        for sync in held:
            self.worker.run(sync)
        return held

    def row(self, sync_id: int) -> Sync:
        """Return the row as it stands."""
        row = self.store.log.sync(sync_id)
        assert row is not None
        return row

    def retry(self, sync_id: int) -> Answer:
        """Press Retry."""
        now = self.clock.now()
        return self.store.presses.retry(sync_id, PERSON, None, TIMES.settling, now).answer


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a fresh house with one route."""
    clock = TurnedClock()
    store = Store(database_url, [KEY])
    store.migrate()
    a_route(store)
    shop, books = Shop(), Books(clock)
    yield House(store, clock, shop, books, Worker(store, Ends(shop, books), clock, TIMES))
    points.watch(None)
    store.close()


def _die_at(name: str) -> None:
    def reached(point: str) -> None:
        if point == name:
            points.watch(None)
            raise Killed

    points.watch(reached)


def test_a_document_is_created_once_and_compared(house: House) -> None:
    """A new document becomes one destination document of equal amount, and its sync a success."""
    sync_id = house.sync_of(document())
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.destination_number, row.attempts) == (Status.SUCCESS, "1", 1)
    assert [entry.booked.total for entry in house.books.ledger] == [row.amount]


@pytest.mark.parametrize("made", ["lost", "dropped"])
def test_a_lost_answer_is_looked_up_after_settle(house: House, made: str) -> None:
    """A lost answer keeps the sync processing until settle; then one document exists, not two."""
    house.books.script = [made]
    house.books.lag = timedelta(seconds=4)
    sync_id = house.sync_of(document())
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.waiting_for) == (Status.PROCESSING, WaitingFor.ANSWER)
    looks = house.books.looks
    house.turn(5)
    assert house.books.looks == looks, "looked before settle was over"
    house.turn(2)
    row = house.row(sync_id)
    assert row.status is Status.SUCCESS
    assert len(house.books.ledger) == 1
    assert row.note == ("already_synced" if made == "lost" else None)


@pytest.mark.parametrize(
    "where",
    ["lookup.done", "intent.committed", "before_send", "after_response", "result.committed"],
)
def test_a_kill_at_any_point_leaves_one_document(house: House, where: str) -> None:
    """Whatever the moment of a kill, the next worker ends the sync with exactly one document."""
    house.books.lag = timedelta(seconds=4)
    sync_id = house.sync_of(document())
    _die_at(where)
    with pytest.raises(Killed):
        house.turn()
    for _ in range(12):
        house.turn(1)
    assert house.row(sync_id).status is Status.SUCCESS
    assert len(house.books.ledger) == 1


def test_a_zombie_writes_nothing(house: House) -> None:
    """A worker that lost its lease is fenced: its late result is discarded."""
    sync_id = house.sync_of(document())
    now = house.clock.now()
    held = house.store.queue.claim(LANE, "zombie", 1, now, TIMES.leasing)[0]
    house.turn(7)
    assert house.row(sync_id).status is Status.SUCCESS
    with pytest.raises(Fenced):
        house.worker.run(held)
    assert len(house.books.ledger) == 1


def test_a_create_that_leaves_too_late_is_not_sent(house: House) -> None:
    """A mark older than one time-out sends nothing: the sync waits and is sent under a new mark."""
    sync_id = house.sync_of(document())
    house.books.at_create = lambda: house.clock.turn(3)
    house.turn()
    assert (house.row(sync_id).status, house.books.creates) == (Status.PENDING, 0)
    house.books.at_create = None
    house.turn(2)
    assert house.row(sync_id).status is Status.SUCCESS


def test_a_database_that_forgot_still_finds_the_document(house: House) -> None:
    """With a new database and old books the look-up adopts what exists: nothing is created."""
    house.sync_of(document())
    house.turn()
    other = house.sync_of(replace(document(), source_id="2", number="1043"))
    entry = house.books.ledger[0]
    key = house.row(other).source_key
    house.books.ledger = [replace(entry, booked=replace(entry.booked, key=key))]
    house.turn()
    row = house.row(other)
    assert (row.status, row.note) == (Status.SUCCESS, "already_synced")
    assert house.books.creates == 1


def test_a_created_document_that_differs_is_compared_never_created_again(house: House) -> None:
    """A destination that rounds differently fails the sync; its Retry compares and succeeds."""
    house.books.off_by = "0.01"
    sync_id = house.sync_of(document())
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.error_type) == (Status.FAILED, ErrorType.AMOUNT_MISMATCH)
    assert row.destination_id == "1"
    assert row.reason == "Salla says SAR 115.00, Daftra holds SAR 115.01"
    house.retry(sync_id)
    house.turn()
    assert house.row(sync_id).status is Status.FAILED
    entry = house.books.ledger[0]
    mended = replace(entry.booked, total=Money.of("115.00", "SAR"))
    house.books.ledger = [replace(entry, booked=mended)]
    house.retry(sync_id)
    house.turn()
    assert house.row(sync_id).status is Status.SUCCESS
    assert house.books.creates == 1


def test_every_blocker_is_found_before_the_first_create(house: House) -> None:
    """Two unknown SKUs are two blockers of one failed sync, and nothing was sent."""
    house.books.missing = {"HONEY-500", "WAX-1"}
    one = document(sku="HONEY-500")
    sync_id = house.sync_of(replace(one, lines=[*one.lines, replace(one.lines[0], sku="WAX-1")]))
    house.turn()
    story = house.store.log.story(sync_id)
    assert story is not None
    assert [blocker.key for blocker in story.blockers] == ["HONEY-500", "WAX-1"]
    assert house.books.creates == 0
    house.books.missing = set()
    assert house.retry(sync_id) is Answer.QUEUED
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.retries, row.failures) == (Status.SUCCESS, 1, 1)


def test_a_return_waits_for_its_sale_and_goes_when_it_succeeds(house: House) -> None:
    """A credit note whose sale is not synced waits; the sale's success lets it go by itself."""
    house.books.missing = {"WIDGET-001"}
    sale = house.sync_of(document())
    back = house.sync_of(document("2", number="1043", kind=Kind.RETURN, total="57.50"))
    house.turn()
    row = house.row(back)
    assert (row.status, row.waiting_for) == (Status.PENDING, WaitingFor.PREREQUISITE)
    house.books.missing = set()
    house.retry(sale)
    house.turn()
    house.turn()
    assert house.row(sale).status is Status.SUCCESS
    assert house.row(back).status is Status.SUCCESS
    assert [entry.booked.kind for entry in house.books.ledger] == [Kind.INVOICE, Kind.RETURN]


def test_a_foreign_document_that_agrees_stops_the_create(house: House) -> None:
    """A document without our key that agrees in order, amount and currency: already synced."""
    one = document()
    house.sync_of(one)
    house.turn()
    entry = house.books.ledger[0]
    house.books.ledger = [replace(entry, booked=replace(entry.booked, key=None))]
    sync_id = house.sync_of(replace(one, source_id="9"))
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.error_type) == (Status.FAILED, ErrorType.ALREADY_SYNCED)
    assert house.books.creates == 1


def test_a_refused_connection_holds_the_lane(house: House) -> None:
    """The sync that met the refusal fails and says so; the others wait and burn nothing."""
    failure = Failure(ErrorType.UNAUTHORIZED, "books", "Unauthorized")
    house.books.fails = [Reconnect(failure, "books")]
    first = house.sync_of(document())
    house.turn()
    second = house.sync_of(document("2", number="1043", of=order("4044")))
    assert house.row(first).error_type is ErrorType.UNAUTHORIZED
    assert house.row(second).waiting_for is WaitingFor.CONNECTION
    assert not house.store.lanes.take(LANE, "w", house.clock.now())
    assert house.store.holds.open("books", house.clock.now()) == [first]
    assert house.row(second).waiting_for is None


def test_a_passing_trouble_is_waited_out_and_then_shown(house: House) -> None:
    """A look-up that cannot be made postpones with backoff; when the budget is used up it fails."""
    failure = Failure(ErrorType.DESTINATION_DOWN, "books", "Daftra answered 502")
    house.books.fails = [TryLater(failure) for _ in range(7)]
    sync_id = house.sync_of(document())
    house.turn()
    row = house.row(sync_id)
    assert (row.status, row.waiting_for, row.retries) == (Status.PENDING, WaitingFor.BACKOFF, 0)
    for _ in range(6):
        house.turn(100)
    row = house.row(sync_id)
    assert (row.status, row.retrying) == (Status.FAILED, True)
    house.turn(100)
    row = house.row(sync_id)
    assert (row.status, row.retries) == (Status.SUCCESS, 1)


def test_a_failed_look_up_keeps_the_mark(house: House) -> None:
    """While nobody knows whether a create arrived, an unreadable source cannot fail the sync."""
    house.books.script = ["lost"]
    sync_id = house.sync_of(document())
    house.turn()
    gone = FixData(Failure(ErrorType.NOT_FOUND, "1", "Salla has no invoice 1"))
    house.shop.fails = [gone]
    house.turn(7)
    row = house.row(sync_id)
    assert (row.status, row.sent_at is not None) == (Status.PENDING, True)
    house.turn(10)
    assert house.row(sync_id).status is Status.SUCCESS
    assert len(house.books.ledger) == 1


@pytest.mark.parametrize(
    ("reached", "answer", "retries"),
    [
        ("failed", Answer.QUEUED, 1),
        ("success", Answer.ALREADY_SYNCED, 0),
        ("processing", Answer.PROCESSING, 0),
        ("pending", Answer.HURRIED, 0),
    ],
)
def test_what_a_press_does(house: House, reached: str, answer: Answer, retries: int) -> None:
    """Failed is queued and counted, pending hurried, processing and success only answered."""
    house.books.missing = {"WIDGET-001"} if reached == "failed" else set()
    sync_id = house.sync_of(document())
    if reached == "processing":
        house.store.queue.claim(LANE, "w", 1, house.clock.now(), TIMES.leasing)
    elif reached != "pending":
        house.turn()
    assert house.row(sync_id).status.value == reached
    assert house.retry(sync_id) is answer
    assert house.row(sync_id).retries == retries


def test_a_redelivered_press_has_one_effect(house: House) -> None:
    """The same payload delivered again gets the first answer and moves nothing."""
    house.books.missing = {"WIDGET-001"}
    sync_id = house.sync_of(document())
    house.turn()
    press: Callable[[], Answer] = lambda: (  # noqa: E731 - one line, three uses
        house.store.presses.retry(
            sync_id, PERSON, "payload-1", TIMES.settling, house.clock.now()
        ).answer
    )
    assert press() is Answer.QUEUED
    house.turn()
    assert house.row(sync_id).status is Status.FAILED
    assert press() is Answer.QUEUED
    row = house.row(sync_id)
    assert (row.status, row.retries) == (Status.FAILED, 1)


def test_two_people_in_the_same_second_make_one_attempt(house: House) -> None:
    """The second press on the same sync starts nothing and names who was first."""
    house.books.missing = {"WIDGET-001"}
    sync_id = house.sync_of(document())
    house.turn()
    assert house.retry(sync_id) is Answer.QUEUED
    now = house.clock.now()
    second = house.store.presses.retry(sync_id, Actor("U2"), None, TIMES.settling, now)
    assert (second.answer, second.first) == (Answer.HURRIED, PERSON)
    house.turn()
    assert (house.row(sync_id).attempts, house.row(sync_id).retries) == (2, 1)


def test_a_press_never_comes_before_the_answer_can_be_known(house: House) -> None:
    """While a mark waits, a hurried sync is not looked up earlier than settle."""
    house.books.script = ["lost"]
    house.books.lag = timedelta(seconds=4)
    failure = Failure(ErrorType.DESTINATION_DOWN, "books", "Daftra answered 502")
    sync_id = house.sync_of(document())
    house.turn()
    house.books.fails = [TryLater(failure)]
    house.turn(7)
    row = house.row(sync_id)
    assert row.status is Status.PENDING
    house.retry(sync_id)
    house.turn()
    assert house.row(sync_id).status is Status.SUCCESS
    assert len(house.books.ledger) == 1


def test_the_engines_own_retry_waits_for_the_answer_too(house: House) -> None:
    """A bug after the create left fails the sync; its own retry looks up only when it can tell."""
    house.books.script = ["lost"]
    house.books.lag = timedelta(seconds=5)
    sync_id = house.sync_of(document())
    _die_at("after_response")
    with pytest.raises(Killed):
        house.turn()
    house.worker.give_up(house.row(sync_id), "1a2b3c4d")
    assert house.row(sync_id).retrying
    for _ in range(9):
        house.turn(1)
    row = house.row(sync_id)
    assert (row.status, row.note) == (Status.SUCCESS, "already_synced")
    assert len(house.books.ledger) == 1


def test_a_destination_that_never_answers_is_shown(house: House) -> None:
    """Create after create without an answer ends in a failed sync that people can see."""
    house.books.script = ["dropped"] * 6
    sync_id = house.sync_of(document())
    for _ in range(7):
        house.turn(7)
    row = house.row(sync_id)
    assert (row.status, row.error_type) == (Status.FAILED, ErrorType.OUTCOME_UNKNOWN)
    assert (row.sent_at, row.reason) == (None, "Daftra did not answer")


def test_a_press_ends_a_backoff_also_the_second_time(house: House) -> None:
    """Whoever presses on a sync that waits out a trouble brings it to the front, every time."""
    failure = Failure(ErrorType.DESTINATION_DOWN, "books", "Daftra answered 502")
    sync_id = house.sync_of(document())
    for _ in range(2):
        house.books.fails = [TryLater(failure, timedelta(hours=1))]
        house.turn()
        assert house.row(sync_id).waiting_for is WaitingFor.BACKOFF
        assert house.retry(sync_id) is Answer.HURRIED
    house.turn()
    assert (house.row(sync_id).status, house.row(sync_id).attempts) == (Status.SUCCESS, 3)


def test_a_return_is_not_left_behind_by_a_sale_of_the_same_moment(house: House) -> None:
    """A sale that succeeds between a return's look and its waiting lets the return go at once."""
    house.sync_of(document())
    back = house.sync_of(document("2", number="1043", kind=Kind.RETURN, total="57.50"))
    now = house.clock.now()
    sale, held = house.store.queue.claim(LANE, "w", 2, now, TIMES.leasing)
    house.worker.run(sale)
    failure = Failure(ErrorType.PREREQUISITE_PENDING, "o4043", "The sale is not synced yet")
    later, wait = now + timedelta(hours=1), WaitingFor.PREREQUISITE
    house.store.work.postpone(held, failure, later, now, (), waiting_for=wait)
    house.turn()
    assert house.row(back).status is Status.SUCCESS
