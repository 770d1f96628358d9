"""Lanes with real threads, a real clock and a real file: who runs, when, and what stop leaves."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from sync.clock import SystemClock
from sync.documents import Account, Document
from sync.errors import ErrorType, Failure, Reconnect, TryLater
from sync.handout import Handout
from sync.lanes import Lanes, guarded
from sync.records import Actor, Filters, HoldKind, Sync
from sync.states import Status
from sync.store import Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop

TIMES = Times.of(request_timeout=0.1, settle=0.4, lease=0.3, retry_base=0.1, tick=0.05)
UNHURRIED = Times.of(request_timeout=5, settle=15, lease=10, retry_base=0.1, tick=0.05)
"""Time-out and lease that outlast a busy machine, where no process dies."""

SLOW_TICK = Times.of(request_timeout=1, settle=3, lease=2, retry_base=0.1, tick=2)
NO_TICK = Times.of(request_timeout=1, settle=90, lease=80, retry_base=0.1, tick=40)
"""A tick that comes after the test: only what is rung is looked at."""

PERSON = Actor("U1", "Omar")
LANE = "books"
CLOCK = SystemClock()


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


@dataclass
class Counter(Shop):
    """A shop that notes who reads what, and serves only while its gate is open."""

    reads: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    inside: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, source_id: str) -> Document:
        """Note the reader, wait for the gate, serve."""
        with self.lock:
            self.reads.append(source_id)
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.gate.wait(5)
        with self.lock:
            self.inside -= 1
        return super().read(source_id)


@dataclass
class House:
    """A store, two ends and as many lane keepers as a test starts.

    With `handing_out` they ask for lanes, and workers of the hand-out drain them.
    """

    store: Store
    shop: Counter
    books: Books
    handing_out: bool = False
    stack: ExitStack = field(default_factory=ExitStack)

    def lanes(self, times: Times = TIMES, width: int = 2, *, draining: bool = True) -> Lanes:
        """Start keeping lanes; those handed out are only asked for unless `draining`."""
        worker = Worker(self.store, Ends(self.shop, self.books), CLOCK, times)
        lanes = Lanes(self.store, worker, CLOCK, times, width=lambda _: width, ended=lambda: None)
        if not self.handing_out:
            lanes.start()
            self.stack.callback(lanes.stop, 2)
            return lanes
        handout = Handout(self.store.database.url.render_as_string(hide_password=False))
        handout.prepare()
        self.stack.callback(handout.close)
        drains = handout.worker(lanes.drain, guarded)
        if draining:
            self.stack.callback(drains.stop, 5)
            drains.start()
        self.stack.callback(lanes.stop, 2)
        lanes.start(handout)
        return lanes

    def add(self, number: int) -> int:
        """Let the engine discover document `number`; returns its sync's id."""
        one = document(str(number), number=f"I{number}", of=order(str(4000 + number)))
        self.shop.add(one)
        return discovered(self.store, self.store.connections.routes()[0], one, now())

    def row(self, sync_id: int) -> Sync:
        """Return the row as it stands."""
        row = self.store.log.sync(sync_id)
        assert row is not None
        return row

    def is_(self, sync_id: int, status: Status) -> bool:
        """Return whether a sync has this status."""
        return self.row(sync_id).status is status

    def press(self, sync_id: int) -> None:
        """Press Retry."""
        self.store.presses.retry(sync_id, PERSON, None, TIMES.settling, now())

    def count(self, status: Status) -> int:
        """Return how many syncs have this status."""
        return len(self.store.log.page(Filters(statuses=(status,)), None, 100).rows)

    def owner(self) -> str | None:
        """Return who holds the lane."""
        with self.store.database.read() as connection:
            owner: str | None = connection.execute(sa.text("SELECT owner FROM lanes")).scalar()
        return owner


@pytest.fixture(params=["sqlite", "postgresql", "postgresql handing out"])
def house(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> Iterator[House]:
    """Give a fresh house with one route and an open gate, in each form that lanes have."""
    kind, *form = request.param.split(" ", 1)
    store = Store(fresh_database(kind), [KEY])
    store.migrate()
    a_route(store, now())
    house = House(store, Counter(), Books(CLOCK), handing_out=bool(form))
    house.shop.gate.set()
    yield house
    house.shop.gate.set()
    house.stack.close()
    store.close()


def test_a_press_starts_at_once(house: House) -> None:
    """A press on an idle lane starts its attempt in milliseconds, not at the next tick."""
    lanes = house.lanes(NO_TICK)
    house.books.missing = {"WIDGET-001"}
    sync_id = house.add(1)
    lanes.wake()
    until(lambda: house.is_(sync_id, Status.FAILED))
    began = time.monotonic()
    house.press(sync_id)
    lanes.wake()
    until(lambda: len(house.shop.reads) == 2)
    assert time.monotonic() - began < NO_TICK.tick / 2


def test_a_press_in_the_moment_a_lane_ends_is_heard(house: House) -> None:
    """However often a lane is given back, what comes right then is not left to the next tick."""
    lanes = house.lanes(NO_TICK)
    began = time.monotonic()
    for number in range(15):
        sync_id = house.add(number)
        lanes.wake()
        until(partial(house.is_, sync_id, Status.SUCCESS))
    assert time.monotonic() - began < NO_TICK.tick


def test_a_persons_click_goes_before_the_sweep(house: House) -> None:
    """Behind a backlog a pressed sync is the very next to be claimed."""
    house.shop.gate.clear()
    ids = [house.add(number) for number in range(1, 6)]
    house.lanes(width=1)
    until(lambda: house.shop.reads == ["1"])
    house.press(ids[-1])
    house.shop.gate.set()
    until(lambda: house.count(Status.SUCCESS) == 5)
    assert house.shop.reads == ["1", "5", "2", "3", "4"]


def test_the_width_is_kept(house: House) -> None:
    """A lane of width 2 never runs three attempts at once."""
    for number in range(8):
        house.add(number)
    house.shop.gate.clear()
    house.lanes()
    until(lambda: house.shop.inside == 2)
    house.shop.gate.set()
    until(lambda: house.count(Status.SUCCESS) == 8)
    assert house.shop.most == 2


def test_a_wake_during_a_run_uses_the_free_thread(house: House) -> None:
    """What comes while one attempt hangs starts beside it."""
    house.shop.gate.clear()
    house.add(1)
    lanes = house.lanes(NO_TICK)
    until(lambda: house.shop.inside == 1)
    began = time.monotonic()
    house.add(2)
    lanes.wake()
    until(lambda: house.shop.inside == 2)
    assert time.monotonic() - began < NO_TICK.tick / 2


def test_stop_leaves_nothing_processing(house: House) -> None:
    """After stop no row is processing, no lane is owned, and what had not begun is pending."""
    for number in range(30):
        house.add(number)
    lanes = house.lanes()
    until(lambda: house.count(Status.SUCCESS) >= 3)
    lanes.stop(2)
    assert house.count(Status.PROCESSING) == 0
    assert house.count(Status.PENDING) > 0
    assert house.owner() is None
    reads = len(house.shop.reads)
    lanes.wake()
    assert len(house.shop.reads) == reads


def test_stop_waits_no_longer_than_its_grace(house: House) -> None:
    """A stuck attempt does not keep the process; its lease will hand the row on."""
    house.shop.gate.clear()
    sync_id = house.add(1)
    lanes = house.lanes()
    until(lambda: house.shop.inside == 1)
    began = time.monotonic()
    lanes.stop(0.1)
    assert time.monotonic() - began < 1
    assert house.is_(sync_id, Status.PROCESSING)


def test_a_lane_is_worked_by_one_process(house: House) -> None:
    """A lane that another process holds is left alone until it is given back."""
    assert house.store.lanes.take(LANE, "other", now())
    sync_id = house.add(1)
    lanes = house.lanes()
    time.sleep(3 * TIMES.tick)
    assert house.is_(sync_id, Status.PENDING)
    house.store.lanes.give(LANE, "other")
    lanes.wake()
    until(lambda: house.is_(sync_id, Status.SUCCESS))


def test_a_dead_owners_lane_and_row_move_on(house: House) -> None:
    """When a process died, another takes its lane and its row as soon as the leases are over."""
    sync_id = house.add(1)
    past = now() - timedelta(seconds=6)
    assert house.store.lanes.take(LANE, "dead", past)
    house.store.queue.claim(LANE, "dead", 1, past, TIMES.leasing)
    lanes = house.lanes()
    until(lambda: house.is_(sync_id, Status.SUCCESS))
    assert house.row(sync_id).fence == 2
    assert lanes.owner != "dead"


def test_a_row_whose_end_was_not_written_is_rescued(house: House) -> None:
    """Only rows that really run are kept alive: one of ours without a thread is handed on."""
    lanes = house.lanes()
    sync_id = house.add(1)
    house.store.queue.claim(LANE, lanes.owner, 1, now(), TIMES.leasing)
    until(lambda: house.is_(sync_id, Status.SUCCESS))


def test_a_long_read_is_kept_alive(house: House) -> None:
    """An attempt that reads for longer than its lease keeps its row."""
    house.shop.gate.clear()
    sync_id = house.add(1)
    house.lanes(Times.of(request_timeout=0.1, settle=1, lease=0.8, tick=0.05))
    until(lambda: house.shop.inside == 1)
    time.sleep(1)
    house.shop.gate.set()
    until(lambda: house.is_(sync_id, Status.SUCCESS))
    assert (house.row(sync_id).fence, house.shop.reads) == (1, ["1"])


def test_a_held_lane_claims_nothing_more(house: House) -> None:
    """A refused connection costs one call; after the reconnect the canary goes first."""
    refused = Failure(ErrorType.UNAUTHORIZED, LANE, "Unauthorized")
    house.shop.fails = [Reconnect(refused, LANE)]
    ids = [house.add(number) for number in range(1, 6)]
    lanes = house.lanes(UNHURRIED, width=1)
    until(lambda: house.is_(ids[0], Status.FAILED))
    until(lambda: house.owner() is None)
    time.sleep(3 * UNHURRIED.tick)
    assert (house.shop.reads, house.count(Status.PENDING)) == (["1"], 4)
    house.store.presses.reconnect(LANE, (HoldKind.REFUSED,), PERSON, TIMES.settling, now())
    lanes.wake()
    until(lambda: house.count(Status.SUCCESS) == 5)
    assert house.shop.reads[1] == "1"


def test_a_bug_is_shown_with_its_reference_and_nothing_is_lost(house: House) -> None:
    """A bug of ours fails the sync with a reference that the log has; later it heals."""
    broken = threading.Event()
    broken.set()

    def bug() -> None:
        if broken.is_set():
            raise ZeroDivisionError

    house.books.at_create = bug
    sync_id = house.add(1)
    with capture_logs() as logged:
        house.lanes()
        until(lambda: house.is_(sync_id, Status.FAILED))
        broken.clear()
    row = house.row(sync_id)
    assert row.error_type is ErrorType.UNKNOWN
    assert row.reason == f"Unexpected error, reference {logged[0]['reference']}"
    assert "ZeroDivisionError" in logged[0]["trace"]
    until(lambda: house.is_(sync_id, Status.SUCCESS))
    assert len(house.books.ledger) == 1


def test_what_is_due_starts_on_time(house: House) -> None:
    """A sync that waits a quarter of a second starts then, not at the next tick."""
    quarter = timedelta(seconds=0.25)
    down = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")
    house.books.fails = [TryLater(down, quarter)]
    sync_id = house.add(1)
    house.lanes(SLOW_TICK if house.handing_out else NO_TICK)  # there a tick asks for it
    until(lambda: house.row(sync_id).not_before)
    due = house.row(sync_id).not_before
    assert due is not None
    until(lambda: len(house.shop.reads) == 2)
    assert timedelta(0) <= now() - due < timedelta(seconds=NO_TICK.tick / 2)


REFUSALS = {
    True: (
        (
            "CREATE TRIGGER refuse BEFORE UPDATE OF status ON syncs WHEN NEW.status = 'processing' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ),
        "DROP TRIGGER refuse",
    ),
    False: (
        "ALTER TABLE syncs ADD CONSTRAINT refuse CHECK (status <> 'processing') NOT VALID",
        "ALTER TABLE syncs DROP CONSTRAINT refuse",
    ),
}
"""How a database (SQLite or not) is told to refuse every claim, and to allow it again."""


def test_a_failing_claim_neither_spins_nor_ends_the_lane(house: House) -> None:
    """While the database refuses, a lane tries once a tick; afterwards it goes on by itself."""
    refuse, allow = REFUSALS[house.store.database.is_sqlite]
    with house.store.database.write() as connection:
        connection.execute(sa.text(refuse))
    sync_id = house.add(1)
    with capture_logs() as logged:
        house.lanes()
        until(lambda: len(logged) >= 3)
        time.sleep(5 * TIMES.tick)
        assert len(logged) < 20
        with house.store.database.write() as connection:
            connection.execute(sa.text(allow))
        until(lambda: house.is_(sync_id, Status.SUCCESS))


def test_busy_lanes_are_those_with_something_to_do(house: House) -> None:
    """Ready, ripe, over its lease or due to retry: busy; waiting, running or ended: not."""
    queue, at = house.store.queue, now()

    def busy(seconds: float = 0) -> bool:
        return LANE in queue.busy_lanes(at + timedelta(seconds=seconds), "w", TIMES.settling)

    assert not busy()
    house.add(1)
    assert busy()
    held = queue.claim(LANE, "w", 1, at, timedelta(seconds=4))[0]
    assert (busy(3), busy(5)) == (False, True)
    down = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")
    work = house.store.work
    work.fail(held, [down], at, (), again_at=at + timedelta(seconds=9))
    assert (busy(8), busy(9)) == (False, True)
    queue.retry_overdue(LANE, at + timedelta(seconds=9), TIMES.settling)
    assert busy(9)


MANY = 60
"""More lanes than a worker has slots."""


@pytest.fixture
def shared(fresh_database: Callable[[str], str]) -> Iterator[House]:
    """Give a house whose lanes are handed out to workers."""
    house = House(_filled(fresh_database("postgresql")), Counter(), Books(CLOCK), handing_out=True)
    house.shop.gate.set()
    yield house
    house.shop.gate.set()
    house.stack.close()
    house.store.close()


def _filled(url: str) -> Store:
    store = Store(url, [KEY])
    store.migrate()
    a_route(store, now())
    return store


def test_more_lanes_than_slots_all_have_their_turn(shared: House) -> None:
    """Two workers, sixty lanes: each is worked, and each of its documents is booked once."""
    (first,) = shared.store.connections.routes()
    for number in range(MANY):
        shared.shop.add(document(f"m{number}", number=f"M{number}"))
        ends = Account("9", f"books{number}")
        name, secret = f"books{number}", {"token": "t"}
        books = shared.store.connections.save("daftra", name, "http://b", secret, ends, now())
        shared.store.lanes.add(name)
        route = shared.store.connections.add_route(first.source, books, first.since, ["completed"])
        discovered(shared.store, route, document(f"m{number}", number=f"M{number}"), now())
    for _ in range(2):
        shared.lanes()
    until(lambda: shared.count(Status.SUCCESS) == MANY)
    assert len(shared.books.ledger) == MANY


def test_nobody_works_a_lane_that_another_holds(shared: House) -> None:
    """Three workers and one lane: it stays with one of them, and no attempt runs twice."""
    for number in range(30):
        shared.add(number)
    for _ in range(3):
        shared.lanes(UNHURRIED)
    until(lambda: shared.count(Status.SUCCESS) == 30)
    assert sorted(shared.shop.reads) == sorted(str(number) for number in range(30))
    assert shared.shop.most <= 2


def test_it_is_known_whether_a_worker_lives(shared: House) -> None:
    """Lanes that are handed out are unattended until a worker runs; those of one machine never."""
    asking = shared.lanes(draining=False)
    assert asking.unattended()
    shared.lanes()
    until(lambda: not asking.unattended(), 10)
    alone = Lanes(shared.store, asking.worker, CLOCK, TIMES, width=lambda _: 2, ended=lambda: None)
    assert not alone.unattended()
