"""The slow look whether causes are gone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from bot.digest_samples import NOW, a_cause
from sync.causes import Cause, Checked, Verdict
from sync.errors import ErrorType
from sync.opener import Opener
from sync.probing import Probing
from sync.records import Sync
from sync.store import Store
from sync.times import Times
from sync.watch import RESTS, RESTS_UNSURE, Watch, due
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document
from tests.fakes import Books, Ends, Shop, TurnedClock
from tests.sqlite import fresh_file

SECOND = timedelta(seconds=1)


class House:
    """One failed document, whose product somebody creates by hand."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, [KEY])
        self.clock = TurnedClock()
        self.books, self.shop = Books(self.clock), Shop()
        ends = Ends(self.shop, self.books)
        route = a_route(self.store, self.clock.now())
        one = document("1", sku="HONEY-500")
        self.shop.add(one)
        self.books.missing.add("HONEY-500")
        discovered(self.store, route, one, self.clock.now())
        times = Times.of()
        for sync in self.claimed(times):
            Worker(self.store, ends, self.clock, times).run(sync)
        self.told: list[str] = []
        probing = Probing(self.store, cast("Opener", ends), self.clock)
        self.watch = Watch(
            self.store, probing, self.clock, "w", told=lambda: self.told.append("told")
        )

    def claimed(self, times: Times) -> list[Sync]:
        """Return what a lane claims."""
        return self.store.queue.claim("books", "w", 9, self.clock.now(), times.leasing)

    def posted(self) -> None:
        """Let a digest stand in a channel."""
        now = self.clock.now()
        digest = self.store.digests.claim("C1", now.date(), now, now)
        assert digest is not None
        self.store.digests.keep(digest.id, message={"ts": "1.1"})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house with one open cause."""
    made = House(fresh_file(tmp_path))
    yield made
    made.store.close()


def test_what_is_mended_by_hand_is_found_and_told(house: House) -> None:
    """A product that somebody creates makes the cause gone; nothing is retried by itself."""
    house.posted()
    assert house.watch.turn() == []
    house.books.missing.clear()
    house.clock.turn(RESTS.total_seconds())
    (gone,) = house.watch.turn()
    (cause,) = house.store.causes.open()
    assert (cause.id, cause.count) == (gone.id, 1)
    assert cause.checked is not None
    assert cause.checked.verdict is Verdict.GONE
    assert house.told == ["told"]
    house.clock.turn(RESTS.total_seconds())
    assert house.watch.turn() == []


def test_nobody_is_asked_where_nothing_shows_it(house: House) -> None:
    """Without a digest that stands, no system is asked."""
    assert house.watch.turn() == []
    assert house.store.causes.open()[0].checked is None


def test_one_cause_of_each_lane_the_longest_unseen_first() -> None:
    """A turn takes one cause a lane: what was never seen, then what was seen longest ago."""
    old, new = _seen(1, Verdict.STILL, RESTS * 3), _seen(2, Verdict.STILL, RESTS * 2)
    other = a_cause(4, lane="ledger")
    assert due([new, old, other], set(), NOW) == [other, old]
    assert due([new, old, a_cause(3), other], {"ledger"}, NOW) == [a_cause(3)]


@pytest.mark.parametrize(
    "cause",
    [
        a_cause(error_type=ErrorType.UNAUTHORIZED),
        a_cause(error_type=ErrorType.DESTINATION_DOWN),
        a_cause(count=0),
    ],
    ids=lambda cause: f"{cause.error_type} {cause.count}",
)
def test_what_is_never_looked_at(cause: Cause) -> None:
    """What holds its lane, is retried by itself or stops nothing is left alone."""
    assert due([cause], set(), NOW) == []


def test_causes_rest_between_looks() -> None:
    """A look counts five minutes, half an hour where it could not tell, for good once gone."""
    for verdict, rests in [(Verdict.STILL, RESTS), (Verdict.UNSURE, RESTS_UNSURE)]:
        assert due([_seen(1, verdict, rests - SECOND)], set(), NOW) == []
        assert len(due([_seen(1, verdict, rests)], set(), NOW)) == 1
    assert due([_seen(1, Verdict.GONE, RESTS * 99)], set(), NOW) == []


def _seen(number: int, verdict: Verdict, ago: timedelta) -> Cause:
    return a_cause(number, checked=Checked(verdict, "", NOW - ago))
