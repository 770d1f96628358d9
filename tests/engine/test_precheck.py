"""Prechecks: what a source sells and its destination lacks, found and created before it fails."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sync.causes import DeedKind
from sync.clock import SystemClock
from sync.connectors.base import Choice, Good, Kept
from sync.errors import ErrorType, Failure, FixData, TryLater
from sync.money import Money
from sync.precheck import NothingToCreate, Precheck, PrecheckState, RunningAlready
from sync.prechecks import LEASE, Prechecks
from sync.records import Actor, HoldKind, Route
from sync.store import Store
from sync.store.cause_tables import deeds
from sync.store.holds import Trouble
from sync.times import Times
from tests.builders import KEY, a_route, discovered, document
from tests.fakes import Books, Ends, Shop, TurnedClock

SARA, OMAR = Actor("U0SARA", "Sara"), Actor("U0OMAR", "Omar")
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=0.01, tick=0.02)


@dataclass
class Shelf(Shop):
    """A source that sells `sold`."""

    sold: list[Good] = field(default_factory=list)

    def goods(self) -> Iterator[Good]:
        """Yield what is sold; `fails` makes it stop in the middle."""
        for good in self.sold:
            if self.fails:
                raise self.fails.pop(0)
            yield good


@dataclass
class Range(Books):
    """A destination that knows exactly its products, and refuses to create what is `unwanted`."""

    unwanted: set[str] = field(default_factory=set)
    created: list[str] = field(default_factory=list)
    silent: list[TryLater] = field(default_factory=list)

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return a failure for every SKU that no product has."""
        self._fail()
        self.asked += 1
        there = {one.code for one in self.products.values()}
        return [
            Failure(ErrorType.SKU_NOT_FOUND, sku, f"SKU {sku} not found in Daftra")
            for sku in skus
            if sku not in there
        ]

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return products whose name or code contains the term."""
        low = term.casefold()
        return [
            one
            for one in self.products.values()
            if kind is Kept.PRODUCT and low in f"{one.name}\n{one.code or ''}".casefold()
        ]

    def create_product(self, good: Good) -> Choice:
        """Create the product, or refuse."""
        if self.silent:
            raise self.silent.pop(0)
        if good.sku in self.unwanted:
            raise FixData(Failure(ErrorType.FIELD_INVALID, good.sku, "Daftra refuses this name"))
        self.created.append(good.sku)
        return super().create_product(good)

    def stock(self, code: str | None, name: str = "Something else") -> None:
        """Put a product in."""
        place = str(len(self.products) + 1)
        self.products[place] = Choice(place, name, code)


class House:
    """Prechecks over one route in memory."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.route: Route = a_route(store)
        self.shelf, self.range = Shelf(), Range(TurnedClock())
        self.prechecks = self.process()

    def process(self) -> Prechecks:
        """Return prechecks as another process has them."""
        ends = Ends(self.shelf, self.range)
        return Prechecks(self.store, ends, SystemClock(), TIMES)

    def sell(self, *skus: str) -> None:
        """Put goods on the shelf."""
        self.shelf.sold += [Good(sku, f"Name of {sku}", Money.of("5", "SAR")) for sku in skus]

    def begin(self, receipt: str | None = None) -> Precheck:
        """Begin a precheck as Sara."""
        return self.prechecks.begin(self.route, SARA, receipt)

    def ended(self, precheck_id: int) -> Precheck:
        """Wait until somebody has ended it."""
        clock = SystemClock()
        deadline = clock.now() + timedelta(seconds=8)
        while True:
            found = self.prechecks.rows.get(precheck_id)
            assert found is not None
            if not found.active:
                return found
            assert clock.now() < deadline, found
            clock.sleep(0.01)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a house whose prechecks a test starts, on each database."""
    store = Store(database_url, [KEY])
    store.migrate()
    made = House(store)
    yield made
    made.prechecks.end()
    made.prechecks.join(5)
    store.close()


def test_what_is_missing_is_found_before_it_fails(house: House) -> None:
    """Each of the source's goods is looked for once; what nothing stands for is named."""
    house.sell("HONEY-500", "DATES-1", "HONEY-500", *(f"TEA-{one}" for one in range(120)))
    for one in range(120):
        house.range.stock(f"TEA-{one}")
    house.range.stock("DATES-1")
    house.prechecks.start()
    found = house.ended(house.begin().id)
    assert (found.state, found.looked, found.missing) == (PrecheckState.LOOKED, 122, 1)
    assert [one.sku for one in found.creatable] == ["HONEY-500"]
    assert house.range.asked == 3
    assert house.range.created == []


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ("honey-500", "case"),
        ("HONEY-500 ", "blank"),
        ("HONEY-٥٠٠", "digits"),
        ("HОNEY-500", "look_alike"),
        ("HONEY\u2011500", "hyphen"),
    ],
)
def test_near_matches_are_told_and_never_taken(house: House, there: str, why: str) -> None:
    """What the eye takes for the same is named with its reason, and not created beside it."""
    house.sell("HONEY-500")
    house.range.stock(there)
    house.prechecks.start()
    (finding,) = house.ended(house.begin().id).findings
    assert [(near.code, near.why) for near in finding.near] == [(there, why)]
    assert not finding.creatable


def test_what_failed_already_shows_what_was_found_near(house: House) -> None:
    """A near match that the precheck finds stands with the cause that waits for the product."""
    missing = Failure(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra")
    discovered(house.store, house.route, document())
    now = SystemClock().now()
    (sync,) = house.store.queue.claim("books", "w", 1, now, LEASE)
    house.store.work.fail(sync, [missing], now, ())
    house.sell("HONEY-500")
    house.range.stock("HОNEY-500")
    house.prechecks.start()
    house.ended(house.begin().id)
    assert [cause.near for cause in house.store.causes.open()] == ["HОNEY-500"]


def test_a_product_without_a_code_is_near_by_its_name(house: House) -> None:
    """The same name without a code is probably it; with another code it is another size."""
    house.sell("HONEY-500")
    house.range.stock(None, "name of honey-500")
    house.range.stock("HONEY-501", "Name of HONEY-500")
    house.prechecks.start()
    (finding,) = house.ended(house.begin().id).findings
    assert [near.why for near in finding.near] == ["name"]


def test_all_that_is_missing_is_created_once(house: House) -> None:
    """Create all makes what looks like nothing, leaves the rest, and says who did it."""
    house.sell("HONEY-500", "DATES-1", "TEA-1")
    house.range.stock("honey-500")
    house.prechecks.start()
    precheck = house.ended(house.begin().id)
    house.prechecks.create(precheck.id, OMAR, "click")
    done = house.ended(precheck.id)
    assert (done.state, [one.sku for one in done.made]) == (
        PrecheckState.CREATED,
        ["DATES-1", "TEA-1"],
    )
    again = house.prechecks.create(precheck.id, OMAR, "click")
    assert again is not None
    assert again.state is PrecheckState.CREATED
    with pytest.raises(NothingToCreate):
        house.prechecks.create(precheck.id, OMAR, "another click")
    assert house.range.created == ["DATES-1", "TEA-1"]
    with house.store.database.read() as connection:
        told = connection.execute(sa.select(deeds.c.kind, deeds.c.actor_id)).all()
    assert [tuple(row) for row in told] == [(DeedKind.CREATE_PRODUCT.value, "U0OMAR")] * 2


def test_what_is_created_takes_the_place_of_a_chosen_record_that_is_gone(house: House) -> None:
    """A record that somebody chose for the SKU and that is gone is chosen no more."""
    choices, whose = house.store.choices, ("books", Kept.PRODUCT, "TEA-1")
    choices.put(*whose, "404", "gone", OMAR, SystemClock().now())
    house.sell("TEA-1")
    house.prechecks.start()
    precheck = house.ended(house.begin().id)
    house.prechecks.create(precheck.id, SARA)
    (made,) = house.ended(precheck.id).made
    assert choices.get(*whose) == made.made


def test_what_is_refused_does_not_hinder_the_others(house: House) -> None:
    """A refusal stands beside its product, and can be asked for again."""
    house.sell("DATES-1", "TEA-1")
    house.range.unwanted = {"DATES-1"}
    house.prechecks.start()
    precheck = house.ended(house.begin().id)
    house.prechecks.create(precheck.id, SARA)
    done = house.ended(precheck.id)
    assert [(one.sku, one.refused) for one in done.refused] == [
        ("DATES-1", "Daftra refuses this name")
    ]
    house.range.unwanted.clear()
    house.prechecks.create(precheck.id, SARA)
    assert [one.sku for one in house.ended(precheck.id).made] == ["DATES-1", "TEA-1"]


def test_a_system_that_is_slow_is_asked_again(house: House) -> None:
    """A pause of either system delays the precheck, and a lost answer creates nothing twice."""
    slow = TryLater(Failure(ErrorType.DESTINATION_DOWN, "books", "Daftra did not answer"))
    house.sell("DATES-1", "TEA-1")
    house.shelf.fails, house.range.fails, house.range.silent = [slow], [slow], [slow]
    house.prechecks.start()
    precheck = house.ended(house.begin().id)
    assert precheck.missing == 2
    house.prechecks.create(precheck.id, SARA)
    assert len(house.ended(precheck.id).made) == 2
    assert house.range.created == ["DATES-1", "TEA-1"]


def test_a_system_that_stays_silent_ends_it_with_its_reason(house: House) -> None:
    """After several tries the precheck says what the system said, and begins anew when asked."""
    slow = TryLater(Failure(ErrorType.DESTINATION_DOWN, "books", "Daftra did not answer"))
    house.sell("DATES-1")
    house.range.fails = [slow] * 5
    house.prechecks.start()
    failed = house.ended(house.begin().id)
    assert (failed.state, failed.reason) == (PrecheckState.FAILED, "Daftra did not answer")
    assert house.ended(house.begin().id).state is PrecheckState.LOOKED


def test_one_precheck_of_a_route_at_a_time(house: House) -> None:
    """A second one is told of the first; the same receipt begins nothing new."""
    begun = house.begin("typed")
    assert house.begin("typed").id == begun.id
    with pytest.raises(RunningAlready):
        house.begin("typed again")


def test_a_stop_ends_it_before_the_next_step(house: House) -> None:
    """What was stopped is not looked at; asking again begins anew."""
    house.sell("DATES-1")
    begun = house.begin()
    house.prechecks.stop(begun.id)
    house.prechecks.start()
    stopped = house.ended(begun.id)
    assert (stopped.state, stopped.looked) == (PrecheckState.STOPPED, 0)
    assert house.ended(house.begin().id).missing == 1


def test_nothing_is_asked_of_a_held_connection(house: House) -> None:
    """While the lane is held, a precheck ends with the reason and calls nothing."""
    house.sell("DATES-1")
    house.store.lanes.add("books")
    trouble = Trouble("books", HoldKind.REFUSED, "401")
    assert house.store.holds.hold("books", trouble, SystemClock().now())
    house.prechecks.start()
    ended = house.ended(house.begin().id)
    assert ended.state is PrecheckState.FAILED
    assert house.range.asked == 0


def test_a_process_that_dies_loses_nothing(house: House) -> None:
    """Another process goes on with what was not created yet, once the lease has run out."""
    house.sell("DATES-1", "TEA-1")
    house.prechecks.start()
    precheck = house.ended(house.begin().id)
    house.prechecks.end()
    house.prechecks.join(5)
    creating = house.prechecks.rows.create(precheck.id, SARA, None)
    assert creating
    now = SystemClock().now()
    dead = house.prechecks.rows.claim("dead", now - 2 * LEASE, LEASE)
    assert dead
    house.range.create_product(Good("DATES-1", "made by the dead one"))
    other = house.process()
    other.start()
    done = house.ended(precheck.id)
    other.end()
    other.join(5)
    assert [one.sku for one in done.made] == ["DATES-1", "TEA-1"]
    assert sorted(one.code or "" for one in house.range.products.values()) == ["DATES-1", "TEA-1"]
