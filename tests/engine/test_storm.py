"""The promise under a storm: kills, pauses, bugs, lost answers, clicks and a slow index, by seed.

A pause stops a worker at a point while the clock runs on and another worker goes to work, so that
zombies wake up amid their successors. Afterwards the weather clears, and the books are counted.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sync import points
from sync.documents import Kind
from sync.errors import ErrorType, Failure, ReadError, TryLater
from sync.records import Actor, Sync
from sync.states import MOVES, Move, Status
from sync.store import Fenced, Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock

TIMES = Times.of(request_timeout=2, settle=20, lease=4, retry_base=1)
INDEX_LAG = timedelta(seconds=17)
"""With a send up to two seconds after its mark, just under `settle`."""
LANE = "books"
EVENTS = 100


class Killed(BaseException):
    """The process died here."""


@dataclass
class Storm:
    """A house in bad weather; `dice` decides everything."""

    store: Store
    clock: TurnedClock
    books: Books
    shop: Shop
    worker: Worker
    dice: random.Random
    ids: list[int] = field(default_factory=list)
    depth: int = 0
    calm: bool = False

    def turn(self) -> None:
        """Do what a lane does once, as a worker that may die, stop or stumble at any point."""
        queue, now = self.store.queue, self.clock.now()
        queue.retry_overdue(LANE, now, TIMES.settling)
        queue.ripen(LANE, now)
        width = self.dice.randint(1, 2)
        held = queue.rescue(LANE, "w", width, now, TIMES.leasing, TIMES.settling)
        held += queue.claim(LANE, "w", width, now, TIMES.leasing)
        try:
            for sync in held:
                self._attempt(sync)
        except Killed:
            return

    def _attempt(self, sync: Sync) -> None:
        try:
            self.worker.run(sync)
        except Fenced:
            return
        except ZeroDivisionError:
            with suppress(Fenced, ZeroDivisionError):
                self.worker.give_up(sync, "1a2b3c4d")

    def reached(self, _name: str) -> None:
        """Let something happen at a point, now and then."""
        if self.calm or self.dice.random() < 0.7:
            return
        match self.dice.choice(["kill", "bug", "pause", "pause"]):
            case "kill":
                raise Killed
            case "bug":
                raise ZeroDivisionError
            case _ if self.depth < 2:
                self.depth += 1
                for _ in range(self.dice.randint(1, 3)):
                    self.clock.turn(self.dice.choice([0, 1, 2, 5, 9]))
                    self.turn()
                self.depth -= 1

    def event(self) -> None:
        """Let one thing happen."""
        match self.dice.choice(
            ["turn", "turn", "turn", "press", "create", "create", "trouble", "sku"]
        ):
            case "press":
                self.press(self.dice.choice(self.ids))
            case "create":
                self.books.script.append(
                    self.dice.choice(["lost", "lost", "dropped", "not_sent", "rejected"])
                )
            case "trouble":
                ends: list[list[ReadError]] = [self.shop.fails, self.books.fails]
                down = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")
                self.dice.choice(ends).append(TryLater(down))
            case "sku":
                self.books.missing = self.dice.choice([set(), set(), {"WIDGET-001"}])
            case _:
                self.clock.turn(self.dice.choice([0, 1, 1, 2, 4]))
                self.turn()

    def press(self, sync_id: int) -> None:
        """Press Retry."""
        now = self.clock.now()
        self.store.presses.retry(sync_id, Actor("U1"), None, TIMES.settling, now)

    def clear(self) -> None:
        """Let the weather clear: no faults, and people press what failed."""
        self.calm = True
        self.books.script, self.books.fails, self.shop.fails = [], [], []
        self.books.missing = set()
        for _ in range(12):
            self.clock.turn(21)
            self.turn()
            for sync in self.store.log.syncs(self.ids).values():
                if sync.status is not Status.SUCCESS:
                    self.press(sync.id)


@pytest.fixture
def storm(database_url: str, request: pytest.FixtureRequest) -> Iterator[Storm]:
    """Give three sales and a return, and the weather of a seed."""
    clock = TurnedClock()
    store = Store(database_url, [KEY])
    store.migrate()
    route = a_route(store)
    shop, books = Shop(), Books(clock, lag=INDEX_LAG)
    worker = Worker(store, Ends(shop, books), clock, TIMES)
    storm = Storm(store, clock, books, shop, worker, random.Random(request.param))  # noqa: S311 - dice of a test
    for one in (
        document("1", number="1042"),
        document("2", number="1043", kind=Kind.RETURN, total="57.50"),
        document("3", number="1044", of=order("4044")),
        document("4", number="1045", of=order("4045"), total="0.05"),
    ):
        storm.ids.append(discovered(store, route, shop.add(one)))
    points.watch(storm.reached)
    yield storm
    points.watch(None)
    store.close()


@pytest.mark.parametrize("storm", range(12), indirect=True)
def test_after_any_storm_every_document_is_in_the_books_once(storm: Storm) -> None:
    """Whatever happened, each document ends as a success with exactly one equal counterpart."""
    for _ in range(EVENTS):
        storm.event()
    storm.clear()
    rows = storm.store.log.syncs(storm.ids)
    assert {row.status for row in rows.values()} == {Status.SUCCESS}
    kept = {entry.booked.key: entry.booked.total for entry in storm.books.ledger}
    assert len(kept) == len(storm.books.ledger) == len(rows)
    assert kept == {row.source_key: row.amount for row in rows.values()}
    with storm.store.database.read() as connection:
        told = connection.execute(sa.text("SELECT DISTINCT was, move, became FROM audit")).all()
    for was, move, became in told:
        assert move == Move.DISCOVER or MOVES[Status(was), Move(move)] == became
