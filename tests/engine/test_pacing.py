"""The pace of connections: share of a limit, what answers teach, and clicks behind a backlog."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from benchmarks.pacing import CALLS, SHAPES, paced
from sync.clock import SystemClock
from sync.connectors.base import Destination, Pace, Source
from sync.connectors.limits import LIMITS, Limit
from sync.connectors.transport import Answer
from sync.documents import Account, Document
from sync.errors import ErrorType, TryLater
from sync.lanes import Lanes
from sync.pacing import NEAR, PATIENCE, Pacing
from sync.records import Actor, Connection
from sync.store import Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock
from tests.sqlite import fresh_file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give a fresh store on SQLite, where the caller's clock is the pacer's."""
    store = Store(fresh_file(tmp_path), [KEY])
    yield store
    store.close()


@pytest.fixture
def books(store: Store) -> Connection:
    """Give the destination of a route from shop to books."""
    return a_route(store).destination


@pytest.fixture
def clock() -> TurnedClock:
    """Give a clock that sleeping turns on."""
    return TurnedClock()


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_limit_is_used_and_never_broken(
    store: Store, books: Connection, shape: str, calls: int
) -> None:
    """Ten workers of two processes use 97 % of a strict limit and are refused not once."""
    run = paced(store, books, SHAPES[shape], calls, 700 // calls, tells=False)
    assert run.refused == 0
    assert run.share >= 0.97


@pytest.mark.parametrize("truth", [60, 360])
def test_the_limit_that_answers_tell_is_used(
    store: Store, books: Connection, clock: TurnedClock, truth: int
) -> None:
    """Another plan than we thought is found in the headers of the first answer."""
    pacing = Pacing(store, clock, {"daftra": Limit(120, 60.0)})
    pace, heed = pacing.pace_of(books), pacing.heed_of(books)
    for _ in range(4):
        pace()
        heed(Answer(200, {"x-ratelimit-limit": str(truth), "x-ratelimit-remaining": "50"}, b""))
    began = clock.now()
    for _ in range(10):
        pace()
    spent = (clock.now() - began).total_seconds()
    assert spent == pytest.approx(10 * 60 / truth / 0.975, rel=0.11)


def test_a_burst_is_taken_back_where_little_is_left(store: Store, books: Connection) -> None:
    """Salla's burst of 20 breaks no limit of a store that tells what is left."""
    run = paced(store, books, Limit(120, 60.0, burst=20), 1, 600, tells=True)
    assert run.refused == 0
    assert run.share >= 0.93


def _next_wait(pacing: Pacing, connection: Connection, clock: TurnedClock) -> float:
    """Return how long the connection's next request waits, in seconds."""
    began = clock.now()
    try:
        pacing.pace_of(connection)()
    except TryLater as later:
        return (later.wait or timedelta(0)).total_seconds()
    return (clock.now() - began).total_seconds()


RETRY_AFTER = [
    ("7", 7),
    (format_datetime(NOON + timedelta(seconds=9), usegmt=True), 9),
    (None, 60),
    ("soon", 60),
    ("0", 0),
    ("3600", 3600),
    ("999999", 3600),
]


@pytest.mark.parametrize(("given", "seconds"), RETRY_AFTER)
def test_a_refusal_stops_all_requests_of_the_connection(
    store: Store, books: Connection, clock: TurnedClock, given: str | None, seconds: float
) -> None:
    """No process asks again before Retry-After has passed, whoever met the refusal."""
    headers = {} if given is None else {"retry-after": given}
    Pacing(store, clock).heed_of(books)(Answer(429, headers, b""))
    assert _next_wait(Pacing(store, clock), books, clock) == pytest.approx(seconds, abs=0.01)


def test_a_slot_that_is_far_is_not_slept_for(
    store: Store, books: Connection, clock: TurnedClock
) -> None:
    """An hour's wait is no attempt that sleeps: the caller comes again, nothing is booked."""
    pacing = Pacing(store, clock)
    store.paces.delay("books", 3600, clock.now())
    for _ in range(3):
        with pytest.raises(TryLater) as told:
            pacing.pace_of(books)()
        assert told.value.failure.error_type is ErrorType.RATE_LIMITED
    assert clock.now() == NOON
    assert store.paces.look(["books"], NOON)["books"].wait == pytest.approx(3600)
    clock.turn(3600 - PATIENCE)
    pacing.pace_of(books)()
    assert clock.now() == NOON + timedelta(hours=1)


def test_a_refusal_slows_the_pace_and_it_recovers(
    store: Store, books: Connection, clock: TurnedClock
) -> None:
    """A burst of refusals takes a quarter of the rate, once; ten minutes later it is whole."""
    limit = Limit(10, 1.0)
    pacing = Pacing(store, clock, {"daftra": limit})
    pace, heed = pacing.pace_of(books), pacing.heed_of(books)
    pace()
    for _ in range(4):
        heed(Answer(429, {"retry-after": "1"}, b""))

    def took() -> float:
        began = clock.now()
        for _ in range(30):
            pace()
        return (clock.now() - began).total_seconds()

    pace()
    assert took() == pytest.approx(30 / limit.rate / 0.75, rel=0.03)
    clock.turn(600)
    pace()
    pace()
    assert took() == pytest.approx(30 / limit.rate, rel=0.03)


def test_searches_have_a_limit_of_their_own(store: Store, clock: TurnedClock) -> None:
    """HubSpot's searches are booked apart: they neither use up nor follow the other limit's row."""
    token, whose = {"token": "t"}, Account("5", "CRM")
    crm = store.connections.save("hubspot", "crm", "http://crm", token, whose, NOON)
    pacing = Pacing(store, clock)
    search = pacing.search_pace_of(crm)
    assert search is not None
    for _ in range(5):
        search()
    assert (clock.now() - NOON).total_seconds() == pytest.approx(4 / 3.9)
    assert _next_wait(pacing, crm, clock) == 0


def test_a_lane_claims_only_what_has_a_slot_near(
    store: Store, books: Connection, clock: TurnedClock
) -> None:
    """With two slots a second ten free threads are no reason to let ten attempts sleep."""
    pacing = Pacing(store, clock, {"daftra": Limit(2, 1.0), "salla": LIMITS["salla"]})
    assert pacing.turn("books", 10).rows == 1
    pacing.pace_of(books)()
    turn = pacing.turn("books", 10)
    assert turn.rows == 0
    assert turn.again_at is not None
    clock.turn((turn.again_at - clock.now()).total_seconds())
    assert pacing.turn("books", 10).rows == 1
    spent = (turn.again_at - NOON).total_seconds()
    assert spent == pytest.approx(1 / 1.95 - NEAR, abs=0.001)


def test_a_lane_waits_for_its_source_too(
    store: Store, books: Connection, clock: TurnedClock
) -> None:
    """Where the source asks for an hour, no attempt begins; the other lanes are not concerned."""
    pacing = Pacing(store, clock)
    store.paces.delay("shop", 3600, clock.now())
    assert pacing.turn(books.name, 2).rows == 0
    assert pacing.turn("elsewhere", 2).rows == 2


@dataclass
class Till(Shop):
    """A shop that books a slot at the books for every read, and notes whose turn it was."""

    pace: Pace = lambda: None
    served: list[str] = field(default_factory=list)

    def read(self, source_id: str) -> Document:
        """Wait for a slot, note the reader, serve."""
        self.pace()
        self.served.append(source_id)
        return super().read(source_id)


@dataclass
class PacedEnds(Ends):
    """Two ends whose requests all wait for the destination's slots."""

    waits: Pace = lambda: None

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return the shop and the books, after a request more."""
        self.waits()
        return super().ends_of(route_id)

    def pace(self, connection_name: str) -> None:
        """Wait for a slot."""
        del connection_name
        self.waits()


def test_what_is_learned_is_kept_on_every_database(database_url: str) -> None:
    """Delay, rate and slowing are read back by another process, by the database's own clock."""
    one, other = Store(database_url, [KEY]), Store(database_url, [KEY])
    one.migrate()
    now = datetime.now(UTC)
    one.paces.delay("books", 7, now)
    one.paces.learn("books", 3.5, now)
    one.paces.slow("books", 0.75, now)
    one.paces.slow("books", 0.5, now)
    slot = other.paces.look(["books"], now)["books"]
    assert [slot.wait, slot.closed] == pytest.approx([7, 7], abs=2)
    assert (slot.learned.rate, slot.learned.slowed) == (3.5, 0.75)
    assert slot.learned.ago == pytest.approx(0, abs=2)
    assert not other.paces.book("books", 0.5, 1, now, 1).booked
    assert other.paces.book("books", 0.5, 1, now, 10).booked
    one.close()
    other.close()


def test_a_click_waits_behind_no_row_of_sleepers(store: Store) -> None:
    """Behind a backlog, with ten threads, a click is served before the threads would be awake."""
    clock, limit = SystemClock(), Limit(16, 1.0)
    route = a_route(store, datetime.now(UTC))
    pacing = Pacing(store, clock, {"daftra": limit, "salla": limit})
    pace = pacing.pace_of(route.destination)
    shop, times = Till(pace=pace), Times.of(request_timeout=1, settle=3, lease=4)
    worker = Worker(store, PacedEnds(shop, Books(clock), pace), clock, times)
    numbers = [str(number) for number in range(60)]
    ids = [
        discovered(
            store, route, shop.add(document(number, number=number, of=order(number))), clock.now()
        )
        for number in numbers
    ]
    lanes = Lanes(
        store, worker, clock, times, width=lambda _: 10, ended=lambda: None, turn=pacing.turn
    )
    lanes.start()
    try:
        _until(lambda: len(shop.served) >= 4)
        store.presses.retry(ids[-1], Actor("U1", "Omar"), None, times.settling, clock.now())
        before = len(shop.served)
        lanes.wake()
        _until(lambda: numbers[-1] in shop.served)
    finally:
        lanes.stop(3)
    assert shop.served.index(numbers[-1]) - before <= NEAR * limit.rate + 1


def _until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
