"""Held lanes: refused, silent or paused; what waits is untouched, and goes on step by step."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from sync.connectors.base import Destination, Source
from sync.documents import Account
from sync.errors import ErrorType, Failure, ReadError, Reconnect, TryLater
from sync.holding import IN_A_ROW, Breaker, Holding, Pausing
from sync.records import ENGINE, Actor, Connection, HoldKind, Route, Sync, WaitingFor
from sync.states import Status
from sync.store import Store
from sync.store.holds import HoldRow, Trouble
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock

TIMES = Times.of(request_timeout=1, settle=3, lease=4, retry_base=10, tick=0.05)
OMAR = Actor("U1", "Omar")
WIDTH = 10


def until(true: Callable[[], object], seconds: float = 5) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@dataclass
class Watched(Books):
    """Books that note how often they were only asked whose they are; a test steps in between."""

    checks: int = 0
    unwell: list[ReadError] = field(default_factory=list)
    during_check: Callable[[], object] = lambda: None

    def check(self) -> Account:
        """Say whose books these are, unless the script says otherwise."""
        self.checks += 1
        self.during_check()
        if self.unwell:
            raise self.unwell.pop(0)
        return super().check()


@dataclass
class Opens:
    """Opens the same two ends, whatever is asked for."""

    shop: Shop
    books: Watched

    def source(self, connection: Connection) -> Source:
        """Return the shop."""
        del connection
        return self.shop

    def destination(self, connection: Connection) -> Destination:
        """Return the books."""
        del connection
        return self.books


@dataclass
class House:
    """One lane, worked step by step; `waves` says how many attempts each step let begin."""

    store: Store
    route: Route
    clock: TurnedClock
    shop: Shop
    books: Watched
    holding: Holding
    worker: Worker
    waves: list[int] = field(default_factory=list)

    def add(self, *numbers: int) -> list[int]:
        """Let the engine discover documents; returns their syncs' ids."""
        return [self._add(str(number)) for number in numbers]

    def _add(self, number: str) -> int:
        one = document(number, number=f"I{number}", of=order(f"4{number}"))
        return discovered(self.store, self.route, self.shop.add(one), self.clock.now())

    def step(self, seconds: float = 0) -> int:
        """Turn the clock, look at the holds, then let the lane claim and run once."""
        self.clock.turn(seconds)
        self.holding.look()
        now, queue = self.clock.now(), self.store.queue
        width = self.store.holds.width("books", WIDTH)
        if not width:
            return 0
        queue.retry_overdue("books", now, TIMES.settling)
        queue.ripen("books", now)
        claimed = queue.claim("books", "w", width, now, TIMES.leasing)
        for sync in claimed:
            self.worker.run(sync)
        self.waves.append(len(claimed))
        return len(claimed)

    def work(self) -> None:
        """Step until nothing is ready any more."""
        while self.step():
            pass

    def row(self, sync_id: int) -> Sync:
        """Return the row as it stands."""
        row = self.store.log.sync(sync_id)
        assert row is not None
        return row

    def story(self) -> HoldRow:
        """Return the story of the only hold."""
        (story,) = self.store.holds.stories(NOON)
        return story

    def reconnect(self) -> None:
        """Connect the books with another token, and do what that does to the lanes."""
        now = self.clock.now()
        self.store.connections.save(
            "daftra", "books", "http://books", {"token": "new"}, Account("77", "books"), now
        )
        self.store.presses.reconnect("books", tuple(HoldKind), OMAR, TIMES.settling, now)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a fresh house."""
    store = Store(database_url, [KEY])
    store.migrate()
    clock = TurnedClock()
    shop, books = Shop(), Watched(clock)
    holding = Holding(store, Opens(shop, books), clock, TIMES, opened=lambda: None)
    worker = Worker(store, Ends(shop, books), clock, TIMES, Breaker(store, clock, TIMES))
    yield House(store, a_route(store), clock, shop, books, holding, worker)
    store.close()


def refused(connection: str = "books") -> Reconnect:
    """Return what a refused token raises."""
    reason = "Daftra refused the key (401)"
    return Reconnect(Failure(ErrorType.UNAUTHORIZED, connection, reason), connection)


def silent(connection: str = "books") -> TryLater:
    """Return what a system that is down raises."""
    failure = Failure(ErrorType.DESTINATION_DOWN, connection, "Daftra answered 503")
    return TryLater(failure)


def test_a_refusal_costs_one_call_and_nobodys_retries(house: House) -> None:
    """One sync meets the refusal; the others wait, whole, with the count and amount told."""
    first, *others = house.add(*range(1, 13))
    house.store.presses.retry(first, OMAR, None, TIMES.settling, house.clock.now())
    house.books.fails = [refused()]
    claimed = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    house.worker.run(claimed[0])
    looks = house.books.looks
    for _ in range(5):
        house.step(600)
    assert house.books.looks == looks
    assert house.row(first).status is Status.FAILED
    for row in map(house.row, others):
        assert (row.status, row.waiting_for) == (Status.PENDING, WaitingFor.CONNECTION)
        assert (row.attempts, row.retries, row.failures) == (0, 0, 0)
    story = house.story()
    assert (story.kind, story.waiting, story.opened_at) == (HoldKind.REFUSED, 11, None)


@pytest.mark.parametrize("held", [True, False], ids=["held before", "never held"])
def test_a_late_refusal_of_an_old_token_holds_nothing(house: House, held: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """What was asked before the reconnect and is refused after it is asked again, and goes."""
    first, late = house.add(1, 2)
    _fail(house, first)
    (claimed,) = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)

    def reconnected() -> None:
        house.clock.turn(1)
        if held:
            trouble = Trouble("books", HoldKind.REFUSED, "401", by_sync=first)
            house.store.holds.hold("books", trouble, house.clock.now())
        house.reconnect()
        raise refused()

    house.books.at_find = reconnected
    house.worker.run(claimed)
    assert not house.store.lanes.is_held("books")
    row = house.row(late)
    assert (row.status, row.waiting_for) == (Status.PENDING, WaitingFor.BACKOFF)
    assert house.step(TIMES.retry_base)
    house.work()
    assert house.row(late).status is Status.SUCCESS


def test_after_the_reconnect_one_goes_first_then_ever_more(house: House) -> None:
    """The sync that met the refusal goes alone, as a retry; each success lets twice as many go."""
    ids = house.add(*range(1, 31))
    _fail(house, ids[4])
    house.store.holds.hold("books", Trouble("books", HoldKind.REFUSED, "401", ids[4]), NOON)
    house.reconnect()
    assert house.step() == 1
    canary = house.row(ids[4])
    assert (canary.status, canary.retries) == (Status.SUCCESS, 1)
    house.work()
    assert house.waves == [1, 2, 8, WIDTH, 9, 0]
    assert all(house.row(one).retries == 0 for one in ids if one != ids[4])


def _fail(house: House, sync_id: int) -> None:
    """Let a sync stand as failed with the connection's error."""
    house.store.presses.retry(sync_id, OMAR, None, TIMES.settling, house.clock.now())
    (claimed,) = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    assert claimed.id == sync_id
    house.store.work.fail(claimed, [refused().failure], house.clock.now(), ())


def test_a_canary_that_is_refused_again_holds_the_lane_again(house: House) -> None:
    """A reconnect with another dead token costs one call more; it is the same hold that goes on."""
    ids = house.add(*range(1, 11))
    house.books.fails = [refused(), refused()]
    (claimed,) = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    house.worker.run(claimed)
    first = house.story()
    house.reconnect()
    assert house.story().opened_at
    assert (house.step(), house.step(), house.step()) == (1, 0, 0)
    again = house.story()
    assert (again.id, again.opened_at, again.waiting) == (first.id, None, 9)
    assert [house.row(one).attempts for one in ids if one != claimed.id] == [0] * 9
    house.reconnect()
    house.work()
    assert len(house.books.ledger) == 10


def test_silence_in_a_row_holds_the_lane(house: House) -> None:
    """After so many attempts without an answer the rest waits; nothing of its budget is used."""
    ids = house.add(*range(1, 31))
    house.books.fails = [silent() for _ in range(100)]
    house.step()
    looks = house.books.looks
    assert IN_A_ROW <= looks <= WIDTH
    house.step(1)
    assert house.books.looks == looks
    untouched = [row for row in map(house.row, ids) if not row.attempts]
    assert len(untouched) == 30 - WIDTH
    story = house.story()
    assert (story.kind, story.waiting) == (HoldKind.BREAKER, 30)
    assert story.next_at == NOON + timedelta(seconds=TIMES.retry_base)


def test_a_breaker_asks_at_growing_distances_and_opens_by_itself(house: House) -> None:
    """The harmless check goes alone until it is answered; then one sync, then ever more."""
    house.add(*range(1, 31))
    house.books.fails = [silent() for _ in range(WIDTH)]
    house.books.unwell = [silent() for _ in range(3)]
    house.step()
    asked = []
    for second in range(200):
        before = house.books.checks
        house.holding.look()
        if house.books.checks > before:
            asked.append(second)
        house.clock.turn(1)
    assert asked == [10, 30, 70, 150]
    house.waves.clear()
    house.work()
    assert house.waves[:3] == [1, 2, 8]
    assert len(house.books.ledger) == 30


def test_a_half_open_lane_that_is_silent_again_closes_at_once(house: House) -> None:
    """One attempt is enough to see that the answer to the check was not the end of the outage."""
    house.add(*range(1, 31))
    house.books.fails = [silent() for _ in range(WIDTH + 1)]
    house.step()
    house.clock.turn(10)
    assert house.step() == 1
    assert house.step() == 0
    story = house.story()
    assert story.next_at == house.clock.now() + timedelta(seconds=20)


def test_half_of_the_attempts_in_silence_hold_the_lane(house: House) -> None:
    """An outage that lets every third attempt through is one too."""
    house.add(*range(1, 31))
    breaker = Breaker(house.store, house.clock, TIMES)
    sync = house.store.queue.claim("books", "w", 1, NOON, TIMES.leasing)[0]
    for number in range(9):
        if number % 3 == 0:
            breaker.answered("books", "books")
        else:
            breaker.silent(sync, "books", "503")
        assert not house.store.lanes.is_held("books")
    breaker.silent(sync, "books", "503")
    assert house.store.lanes.is_held("books")


def test_what_the_data_lacks_is_an_answer(house: House) -> None:
    """Failures of documents never hold a lane."""
    house.books.missing = {"WIDGET-001"}
    house.add(*range(1, 31))
    house.work()
    assert house.store.holds.stories(NOON) == []


def test_a_silent_source_holds_what_it_feeds(house: House) -> None:
    """Where the shop gives no answer the lane waits for the shop, and the shop is asked."""
    house.add(*range(1, 31))
    house.shop.fails = [silent("shop") for _ in range(WIDTH)]
    house.step()
    assert house.story().connection == "shop"
    house.clock.turn(10)
    house.holding.look()
    assert house.books.checks == 0
    house.work()
    assert len(house.books.ledger) >= 30 - WIDTH


def test_a_probe_that_is_refused_asks_for_a_person(house: House) -> None:
    """An outage that ends with a dead token is a refusal: no more probes, a reconnect opens."""
    house.add(*range(1, 31))
    house.books.fails = [silent() for _ in range(WIDTH)]
    house.books.unwell = [refused()]
    house.step()
    house.step(10)
    story = house.story()
    assert (story.kind, story.next_at) == (HoldKind.REFUSED, None)
    house.step(3600)
    assert house.books.checks == 1
    house.reconnect()
    assert house.step() == 1


@pytest.mark.parametrize("name", ["books", "shop"])
def test_a_person_pauses_and_resumes(house: House, name: str) -> None:
    """A paused connection's syncs wait, whole, until somebody resumes it; the oldest goes first."""
    ids = house.add(*range(1, 6))
    assert house.holding.pause(name, OMAR) is Pausing.DONE
    assert house.holding.pause(name, OMAR) is Pausing.ALREADY
    assert house.step(3600) == 0
    story = house.story()
    assert (story.kind, story.by, story.waiting) == (HoldKind.PAUSED, OMAR, 5)
    assert {house.row(one).attempts for one in ids} == {0}
    assert house.store.holds.open(name, house.clock.now(), [HoldKind.REFUSED]) is None
    assert house.holding.resume(name) is Pausing.DONE
    assert house.holding.resume(name) is Pausing.ALREADY
    house.work()
    assert house.waves == [1, 2, 2, 0]
    assert house.books.ledger[0].booked.order_number == "41"


def test_only_what_a_route_uses_can_be_paused(house: House) -> None:
    """A name that no route knows holds nothing."""
    assert house.holding.pause("nowhere", OMAR) is Pausing.UNKNOWN
    assert house.holding.resume("nowhere") is Pausing.UNKNOWN


def test_the_story_counts_down_and_ends(house: House) -> None:
    """After the hold it tells how many of those that waited went through, failed, are left."""
    house.add(*range(1, 6))
    house.holding.pause("books", OMAR)
    house.shop.add(document("3", number="I3", of=order("43"), sku="GONE"))
    house.books.missing = {"GONE"}
    house.holding.resume("books")
    assert house.story().going.left == 5
    house.step()
    going = house.story().going
    assert (going.total, going.synced, going.failed, going.left) == (5, 1, 0, 4)
    house.work()
    story = house.story()
    assert (story.going.synced, story.going.failed, story.going.left) == (4, 1, 0)
    assert story.ended_at
    house.holding.pause("books", ENGINE)
    assert len(house.store.holds.stories(NOON)) == 2


def test_a_pause_takes_over_from_a_breaker(house: House) -> None:
    """What a person pauses during an outage stays paused when the system answers again."""
    house.add(*range(1, 31))
    house.books.fails = [silent() for _ in range(WIDTH)]
    house.step()
    assert house.holding.pause("books", OMAR) is Pausing.DONE
    assert house.step(3600) == 0
    story = house.story()
    assert (story.kind, story.by, story.next_at) == (HoldKind.PAUSED, OMAR, None)
    assert house.books.checks == 0
    assert house.holding.resume("books") is Pausing.DONE
    assert house.step(TIMES.retry_base) == 1


def test_a_pause_during_a_probe_is_kept(house: House) -> None:
    """The answer to a check that was under way neither ends nor renames a person's pause."""
    house.add(1)
    trouble = Trouble("books", HoldKind.BREAKER, "503", probe_at=NOON)
    house.store.holds.hold("books", trouble, NOON)
    house.books.during_check = lambda: house.holding.pause("books", OMAR)
    house.books.unwell = [refused()]
    house.holding.look()
    assert house.story().kind is HoldKind.PAUSED


def test_what_waits_for_another_connection_is_not_renamed(house: House) -> None:
    """A lane that is held for its source is not paused for its destination, and that is said."""
    trouble = Trouble("shop", HoldKind.BREAKER, "503", probe_at=NOON + timedelta(hours=1))
    house.store.holds.hold("books", trouble, NOON)
    assert house.holding.pause("books", OMAR) is Pausing.ALREADY
    assert house.story().connection == "shop"


def test_a_bug_in_one_probe_ends_no_others(house: House) -> None:
    """A check that fails in a way nobody thought of is logged; the breakers are asked on."""
    house.add(1)
    trouble = Trouble("books", HoldKind.BREAKER, "503", probe_at=house.clock.now())
    house.store.holds.hold("books", trouble, house.clock.now())
    house.books.during_check = lambda: 1 // 0
    house.holding.start()
    with capture_logs() as logs:
        until(lambda: house.books.checks == 1)
        until(lambda: any(one["event"] == "unexpected" for one in logs))
    house.books.during_check = lambda: None
    house.clock.turn(3600)
    until(lambda: not house.store.lanes.is_held("books"))
    house.holding.stop()
    house.holding.join(5)


def test_two_lanes_that_meet_the_same_trouble_share_one_hold(house: House) -> None:
    """Held in one moment by two processes, both lanes are held and one story tells of them."""
    house.store.lanes.add("other")
    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            meet = threading.Barrier(2)

            def hold(lane: str, meet: threading.Barrier = meet) -> bool:
                meet.wait(5)
                return house.store.holds.hold(lane, Trouble("shop", HoldKind.REFUSED, "401"), NOON)

            assert list(pool.map(hold, ["books", "other"])) == [True, True]
        assert house.story().connection == "shop"
        house.store.holds.open("shop", NOON)
        house.store.holds.end(house.story().id, NOON)
        house.store.holds.keep(house.story().id, {"ended": True})


def test_a_pause_hides_no_refusal(house: House) -> None:
    """Where one lane of a connection is refused and another paused, a person reads to reconnect."""
    house.store.lanes.add("other")
    holds = house.store.holds
    holds.hold("books", Trouble("books", HoldKind.REFUSED, "401"), NOON)
    holds.hold("other", Trouble("books", HoldKind.PAUSED, "Paused", by=OMAR), NOON)
    assert (house.story().kind, house.story().reason) == (HoldKind.REFUSED, "401")
    holds.open("books", NOON, [HoldKind.REFUSED])
    assert (house.story().kind, house.story().by) == (HoldKind.PAUSED, OMAR)
