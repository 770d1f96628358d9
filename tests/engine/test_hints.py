"""Hints: whatever a webhook says, how often and in whatever order, a document is found once."""

import itertools
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from sync.connectors.base import Source
from sync.connectors.webhooks import Hint
from sync.documents import Account, Header, Kind, Order
from sync.errors import ErrorType, Failure, FixData, Reconnect, TryLater
from sync.hints import AT_ONCE, KEPT, TRIES, Hearing
from sync.records import Connection, Route, Sync
from sync.store import Store
from sync.sweep import Sweeper
from sync.times import Times
from tests.builders import KEY, NOON, a_route, document, order
from tests.fakes import Shop, TurnedClock
from tests.sqlite import fresh_file

PATIENCE_SECONDS = 5.0
DOWN = Failure(ErrorType.DESTINATION_DOWN, "shop", "Salla: 503")
EXPIRED = Failure(ErrorType.UNAUTHORIZED, "shop", "Salla: expired")
ODD = Failure(ErrorType.UNKNOWN, "shape", "has no reference_id")
_uids = itertools.count(1)


@dataclass
class Troubled(Shop):
    """A shop whose next answers to `hinted` are troubles, and some orders of which are odd."""

    troubles: list[Exception] = field(default_factory=list)
    odd: set[str] = field(default_factory=set)
    asked: int = 0

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return what an event is about; a customer's event is about everything."""
        self.asked += 1
        if self.troubles:
            raise self.troubles.pop(0)
        if entity == "customer":
            return list(self.headers(date(2026, 1, 1)))
        return super().hinted(entity, object_id)

    def order(self, order_id: str) -> Order:
        """Return an order, but not an odd one."""
        if order_id in self.odd:
            raise FixData(ODD)
        return super().order(order_id)


@dataclass
class Opener:
    """Opens the shop for every connection but those that it refuses."""

    shop: Shop
    refuses: set[str] = field(default_factory=set)

    def source(self, connection: Connection) -> Source:
        """Return it."""
        if connection.name in self.refuses:
            raise Reconnect(EXPIRED, connection.name)
        return self.shop


class House:
    """A store with a route, a shop, and what follows hints between them."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "invsync.db"
        self.store = Store(fresh_file(folder), [KEY])
        self.route: Route = a_route(self.store)
        self.shop, self.clock, self.found = Troubled(), TurnedClock(), 0
        self.opener, times = Opener(self.shop), Times.of()
        ends = self.store, self.opener
        self.sweeper = Sweeper(*ends, self.clock, times, found=self._count, owner="w")
        self.hearing = Hearing(*ends, self.sweeper, self.clock, times, found=self._count)

    def _count(self) -> None:
        self.found += 1

    def tell(self, object_id: str = "1", entity: str = "invoice", **changes: str) -> Hint:
        """Keep a hint as a webhook would, with a uid of its own."""
        given = {"system": "salla", "account": "77", "uid": f"u{next(_uids)}", **changes}
        hint = Hint(entity=entity, object_id=object_id, **given)
        self.store.hints.keep([hint], self.clock.now())
        return hint

    def rows(self) -> list[tuple[int, bool, str | None]]:
        """Return every hint: tries, whether it was heard, and why nothing came of it."""
        with closing(sqlite3.connect(self._file)) as file:
            found = file.execute("SELECT tries, heard_at, reason FROM hints ORDER BY id")
            return [(tries, heard is not None, reason) for tries, heard, reason in found]

    def synced(self, number: str = "4043") -> list[Sync]:
        """Return what the log knows of an order."""
        return list(self.store.log.find(number))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house."""
    one = House(tmp_path)
    yield one
    one.hearing.stop()
    one.hearing.join(PATIENCE_SECONDS)
    one.store.close()


def test_a_hint_finds_its_document(house: House) -> None:
    """The document is discovered, and goes before those that a sweep has found."""
    house.shop.add(document("2", of=order("4044")))
    house.sweeper.sweep(house.route)
    house.found = 0
    house.shop.add(document("1"))
    house.tell("1")
    assert house.hearing.follow() == 1
    (first,) = house.store.queue.claim("books", "w", 1, house.clock.now(), timedelta(minutes=1))
    assert first.id == house.synced()[0].id
    assert house.found == 1
    assert house.rows() == [(0, True, None)]
    assert house.hearing.follow() == 0


def test_repeated_deliveries_are_one_hint(house: House) -> None:
    """The same uid is kept once, in one delivery or in several, also after it was followed."""
    hint = Hint("salla", "77", "same", "invoice", "1")
    assert house.store.hints.keep([hint, hint], house.clock.now()) == 1
    house.hearing.follow()
    assert house.store.hints.keep([hint], house.clock.now()) == 0
    assert len(house.rows()) == 1
    other = Hint("hubspot", "77", "same", "invoice", "1")
    assert house.store.hints.keep([other], house.clock.now()) == 1


def test_events_of_one_object_are_asked_for_once(house: House) -> None:
    """Five events of one invoice cost one question and make one sync."""
    house.shop.add(document("1"))
    for _ in range(5):
        house.tell("1")
    assert house.hearing.follow() == 1
    assert house.shop.asked == 1
    assert house.rows() == [(0, True, None)] * 5
    house.tell("1")
    house.hearing.follow()
    assert len(house.synced()) == 1
    assert house.found == 1


@pytest.mark.parametrize("turn", [*itertools.permutations(["1", "2", "3"])])
def test_the_order_of_hints_does_not_matter(house: House, turn: tuple[str, ...]) -> None:
    """In whatever order the events come, some twice, and a sweep between, each is found once."""
    for number in ("1", "2", "3"):
        house.shop.add(document(number, of=order(f"404{number}")))
    for number in turn:
        house.tell(number)
    house.tell(turn[0])
    house.hearing.follow()
    house.sweeper.sweep(house.route)
    house.tell(turn[1])
    house.hearing.follow()
    assert [len(house.synced(f"404{number}")) for number in turn] == [1, 1, 1]


def test_an_event_before_its_order_is_complete(house: House) -> None:
    """A hint is believed for nothing: what does not matter yet is left until the next one."""
    house.shop.add(document("1", of=order(status="in_progress")))
    house.tell("1")
    house.hearing.follow()
    assert house.synced() == []
    house.shop.add(document("1"))
    house.tell("1")
    house.hearing.follow()
    assert len(house.synced()) == 1


def test_a_document_from_before_the_start(house: House) -> None:
    """A hint obeys the rules of the sweep: nothing older than the route's start is copied."""
    ends = house.route.source, house.route.destination
    house.store.connections.add_route(*ends, date(2026, 11, 21), ["completed"])
    house.shop.add(document("1", kind=Kind.RETURN))
    house.tell("1")
    house.hearing.follow()
    assert house.synced() == []
    assert house.rows() == [(0, True, None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "999"},
        {"system": "quickbooks"},
        {"system": "daftra", "account": "77"},
        {"object_id": "404"},
        {"entity": "unknown"},
    ],
)
def test_hints_about_nothing_of_ours(house: House, changes: dict[str, str]) -> None:
    """Another account, a mere destination, an unknown object or kind: heard, and nothing more."""
    house.shop.add(document("1"))
    house.tell(**changes)
    house.hearing.follow()
    assert house.synced() == []
    assert house.rows() == [(0, True, None)]


def test_a_passing_trouble_is_tried_later(house: House) -> None:
    """A source that is down is asked again after a while that doubles; then it is found."""
    house.shop.add(document("1"))
    house.shop.troubles = [TryLater(DOWN), TryLater(DOWN)]
    house.tell("1")
    house.hearing.follow()
    assert house.rows() == [(1, False, "Salla: 503")]
    assert house.hearing.follow() == 0
    house.clock.turn(30)
    house.hearing.follow()
    house.clock.turn(30)
    assert house.hearing.follow() == 0
    house.clock.turn(30)
    assert house.hearing.follow() == 1
    assert len(house.synced()) == 1
    assert house.rows() == [(2, True, None)]


def test_a_source_is_left_alone_as_long_as_it_asks(house: House) -> None:
    """Where the source says when it may be asked again, it is not asked before."""
    house.shop.add(document("1"))
    house.shop.troubles = [TryLater(DOWN, timedelta(minutes=5))]
    house.tell("1")
    house.hearing.follow()
    house.clock.turn(299)
    assert house.hearing.follow() == 0
    house.clock.turn(1)
    assert house.hearing.follow() == 1
    assert len(house.synced()) == 1


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (TryLater(DOWN), "Salla: 503"),
        (Reconnect(EXPIRED, "shop"), "Salla: expired"),
        (KeyError("bug"), "unexpected, reference"),
    ],
    ids=["down", "refused", "bug"],
)
def test_after_some_tries_it_is_left_to_the_sweep(
    house: House, trouble: Exception, reason: str
) -> None:
    """Whatever stands in the way, the source is asked again a few times, and why it ended stays."""
    house.shop.add(document("1"))
    house.shop.troubles = [trouble] * 50
    house.tell("1")
    for _ in range(20):
        house.hearing.follow()
        house.clock.turn(timedelta(hours=1).total_seconds())
    assert house.shop.asked == TRIES + 1
    ((tries, heard, why),) = house.rows()
    assert (tries, heard) == (TRIES, True)
    assert (why or "").startswith(reason)
    house.shop.troubles.clear()
    assert house.sweeper.sweep(house.route) == 1


def test_a_refused_connection_is_said_at_its_route(house: House) -> None:
    """Where the source refuses us, the route says so as after a sweep; it comes back by itself."""
    house.shop.add(document("1"))
    house.shop.troubles = [Reconnect(EXPIRED, "shop")]
    house.tell("1")
    house.hearing.follow()
    assert house.store.connections.sweeps()["shop:books"] == (None, "Salla: expired")
    house.clock.turn(30)
    house.hearing.follow()
    assert len(house.synced()) == 1


def test_data_that_must_be_fixed_is_not_asked_for_again(house: House) -> None:
    """An odd object is heard with its reason: only a change of it, and so an event, can help."""
    house.shop.troubles = [FixData(ODD)]
    house.shop.add(document("1"))
    house.tell("1")
    house.hearing.follow()
    assert house.rows() == [(0, True, "has no reference_id")]
    house.tell("1")
    house.hearing.follow()
    assert len(house.synced()) == 1


def test_an_odd_order_hides_no_other(house: House) -> None:
    """An event about several documents finds all but the odd one, and says why not that."""
    for number in ("1", "2", "3"):
        house.shop.add(document(number, of=order(f"404{number}")))
    house.shop.odd = {"o4042"}
    house.tell("c1", "customer")
    house.hearing.follow()
    assert [len(house.synced(f"404{number}")) for number in "123"] == [1, 0, 1]
    assert house.rows() == [(0, True, "has no reference_id")]
    assert house.found > 0


def test_a_trouble_hides_no_other_hint(house: House) -> None:
    """While one object cannot be read, the hints behind it are followed."""
    house.shop.add(document("2"))
    house.shop.troubles = [TryLater(DOWN)]
    house.tell("1")
    house.tell("2")
    house.hearing.follow()
    assert len(house.synced()) == 1
    assert [heard for _, heard, _ in house.rows()] == [False, True]


def test_two_routes_of_one_source(house: House) -> None:
    """A source that feeds two books is copied to both, once each."""
    second = house.store.connections.save(
        "daftra", "more", "http://more", {"token": "t"}, Account("78", "more"), NOON
    )
    house.store.lanes.add("more")
    house.store.connections.add_route(house.route.source, second, date(2026, 1, 1), ["completed"])
    house.shop.add(document("1"))
    for _ in range(2):
        house.tell("1")
        house.hearing.follow()
    assert sorted(one.lane for one in house.synced()) == ["books", "more"]


def test_a_refused_connection_hides_no_other(house: House) -> None:
    """Of two connections to one account the refused one waits, and the other is served."""
    again, more = (
        house.store.connections.save(
            system, name, f"http://{name}", {"token": "t"}, Account("77", name), NOON
        )
        for system, name in (("salla", "the-shop-again"), ("daftra", "more"))
    )
    house.store.connections.add_route(again, more, date(2026, 1, 1), ["completed"])
    house.shop.add(document("1"))
    for refused in ("shop", "the-shop-again"):
        house.opener.refuses = {refused}
        house.tell("1")
        house.hearing.follow()
    assert sorted(one.lane for one in house.synced()) == ["books", "more"]
    assert [heard for _, heard, _ in house.rows()] == [False, False]


def test_more_hints_than_fit_at_once(house: House) -> None:
    """What came first is followed first, and what did not fit comes next."""
    for number in range(AT_ONCE + 1):
        house.tell(str(number))
    assert house.hearing.follow() == AT_ONCE
    assert house.hearing.follow() == 1
    assert house.hearing.follow() == 0


def test_old_hints_are_forgotten(house: House) -> None:
    """What was heard long ago is dropped; what still waits is not."""
    house.tell("1")
    house.hearing.follow()
    house.tell("2")
    house.clock.turn(KEPT.total_seconds())
    house.hearing.forget()
    assert len(house.rows()) == 2
    house.clock.turn(1)
    house.hearing.forget()
    assert [heard for _, heard, _ in house.rows()] == [False]


def test_the_thread_follows_when_it_is_rung(house: House) -> None:
    """A running thread follows what waits at its start, and what is told later."""
    house.shop.add(document("1"))
    house.shop.add(document("2", of=order("4044")))
    house.tell("1")
    house.hearing.start()
    until_heard(house, 1)
    house.tell("2")
    house.hearing.ring()
    until_heard(house, 2)
    assert len(house.synced("4043")) == len(house.synced("4044")) == 1


def until_heard(house: House, count: int) -> None:
    """Wait until so many hints have been heard."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(heard for _, heard, _ in house.rows()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
