"""The engine while its database is in trouble: nothing lost, nothing doubled, no restart needed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.connectors.base import Source
from sync.errors import ErrorType, Failure
from sync.records import Connection, Exchange, WaitingFor
from sync.states import Status
from sync.store import Persistence, Store, Trouble, Unavailable
from sync.sweep import Sweeper
from tests.builders import KEY, NOON, a_route, discovered, document
from tests.fakes import Shop
from tests.faults.storage import TROUBLES, gone, gone_whole, locked
from tests.faults.storage_house import (
    BUSY,
    CLOCK,
    LANE,
    LONGER,
    PATIENT,
    TIMES,
    House,
    Strike,
    house_on,
    until,
)


def url_in(folder: Path) -> str:
    """Name a database in a folder."""
    return f"sqlite:///{folder}/invsync.db"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house at work."""
    house = house_on(url_in(tmp_path))
    yield house
    house.close()


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("where", ["lookup.done", "intent.committed", "after_response"])
def test_a_trouble_in_the_middle_of_an_attempt_is_outlasted(
    house: House, trouble: str, where: str
) -> None:
    """Before the mark, before the create or after its answer: each document is booked once."""
    strike = Strike(partial(TROUBLES[trouble], house.store), where)
    house.fill()
    house.lanes.start()
    assert strike.struck.wait(5)
    assert strike.over.wait(5)
    house.settled_once()
    assert all(row.error_type is None for row in house.rows())


@pytest.mark.parametrize("trouble", [gone, gone_whole, locked])
def test_the_end_of_an_attempt_is_written_again_until_it_is_stored(
    tmp_path: Path, trouble: Callable[[Store], AbstractContextManager[None]]
) -> None:
    """A create that was answered while the database was away is a success soon after, unlooked."""
    house = house_on(url_in(tmp_path), times=PATIENT)
    try:
        strike = Strike(partial(trouble, house.store), "after_response")
        house.fill(1)
        house.lanes.start()
        assert strike.over.wait(5)
        house.settled_once()
        assert house.rows()[0].note is None
        assert house.books.looks == 1
    finally:
        house.close()


@pytest.mark.parametrize("trouble", [gone, gone_whole, locked])
def test_claims_wait_for_the_end_of_a_trouble(
    house: House, trouble: Callable[[Store], AbstractContextManager[None]]
) -> None:
    """While nothing can be written nothing is claimed nor sent; afterwards the lane goes on."""
    house.fill()
    with trouble(house.store):
        house.lanes.start()
        time.sleep(LONGER)
        assert house.books.creates == 0
    house.settled_once()
    assert {row.attempts for row in house.rows()} == {1}


def test_a_renewed_token_is_kept_when_the_database_is_back(house: House) -> None:
    """The old token is dead once a new one is given, so its save outlasts a trouble too."""
    tokens = house.store.tokens
    with locked(house.store):
        save = threading.Thread(target=tokens.save, args=("books", 1, {"token": "renewed"}))
        save.start()
        time.sleep(LONGER)
    save.join(5)

    assert tokens.held("books").secret == {"token": "renewed"}
    assert tokens.held("books").version == 2


@dataclass(frozen=True)
class Only:
    """Opens one source for every connection."""

    shop: Shop

    def source(self, connection: Connection) -> Source:
        """Return it."""
        del connection
        return self.shop


def test_a_sweep_comes_when_the_database_is_back(house: House) -> None:
    """A first sweep that finds no database is made when it returns, not at the next turn."""
    house.shop.add(document())
    times = replace(TIMES, sweep=600)
    sweeper = Sweeper(house.store, Only(house.shop), CLOCK, times, found=lambda: None, owner="w")
    with gone(house.store):
        sweeper.start()
        time.sleep(LONGER)
    until(lambda: house.store.log.find("4043"))
    sweeper.stop()
    sweeper.join(5)


def test_an_end_that_was_never_stored_is_found_again(tmp_path: Path) -> None:
    """Where the trouble outlasts the persistence, the lease ends and the look-up finds it."""
    house = house_on(url_in(tmp_path), Persistence(timedelta(seconds=0.1)))
    try:
        strike = Strike(partial(locked, house.store), "after_response", seconds=2)
        house.fill(1)
        house.lanes.start()
        assert strike.over.wait(5)
        house.settled_once()
        assert house.rows()[0].note == "already_synced"
    finally:
        house.close()


def test_all_connections_in_use_is_a_trouble_that_passes(house: House) -> None:
    """A write that gets no connection is told as busy, not as a bug, and comes through later."""
    house.fill(1)
    (sync,) = house.store.queue.claim(LANE, "w", 1, CLOCK.now(), TIMES.leasing)
    with house.store.database.write():
        with pytest.raises(Unavailable) as told:
            house.store.ping()
        assert told.value.trouble is Trouble.BUSY
        ends = threading.Thread(target=house.store.work.fail, args=(sync, [DOWN], NOON, ()))
        ends.start()
        time.sleep(2 * BUSY)
    ends.join(5)
    assert house.rows()[0].status is Status.FAILED


DOWN = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")
CALLED = Exchange(NOON, "daftra", "GET", "http://books", 200, "", "", 5)


def test_an_end_that_is_written_twice_counts_once(database_url: str) -> None:
    """A repeated end whose first try was stored after all changes nothing more."""
    store = Store(database_url, [KEY])
    store.migrate()
    route = a_route(store)
    sync_id = discovered(store, route, document())
    (sync,) = store.queue.claim(LANE, "w", 1, NOON, TIMES.leasing)
    later = NOON + timedelta(seconds=9)
    for _ in range(2):
        store.work.await_answer(sync, DOWN, later, NOON, [CALLED])
    waiting = store.log.sync(sync_id)
    assert waiting
    assert (waiting.waiting_for, store.work.postponements(sync)) == (WaitingFor.ANSWER, 1)
    (sync,) = store.queue.rescue(LANE, "w", 1, later + SECOND, LEASE, SECOND)
    for _ in range(2):
        store.work.fail(sync, [DOWN], later, [CALLED])
    with store.database.read() as connection:
        moves = connection.execute(sa.text("SELECT move FROM audit ORDER BY id")).scalars().all()
        kept = connection.execute(sa.text("SELECT failures FROM syncs")).scalar_one()
    assert (list(moves), kept) == (["discover", "start", "rescue", "fail"], 1)
    story = store.log.story(sync_id)
    assert story
    assert len(story.attempts) == 1
    store.close()


SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=4)
