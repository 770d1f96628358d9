"""What two processes do in the same moment has the effect of one after the other."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import TypeVar

import pytest

from sync.batches import AlreadyRunning
from sync.bulk import AlreadyRunning as BulkRunning
from sync.bulk import Approval, Bulk, BulkState, Limits
from sync.documents import Kind
from sync.errors import ErrorType, Failure
from sync.records import Actor, Answer, WaitingFor
from sync.states import Status
from sync.store import Store
from sync.store.batches import Batches
from sync.times import Times
from tests.builders import KEY, NOON, a_route, discovered, document
from tests.engine.test_store import LEASE, SETTLE, booked

ROUNDS = range(12)
TIMES = Times.of(request_timeout=2, settle=6, lease=4)
SKU = Failure(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra")
SALE_FIRST = Failure(ErrorType.PREREQUISITE_PENDING, "o4043", "The sale is not synced yet")
ResultT = TypeVar("ResultT")


@pytest.fixture
def stores(database_url: str) -> Iterator[tuple[Store, Store]]:
    """Give two openings of one database, as two processes have them."""
    one = Store(database_url, [KEY])
    one.migrate()
    a_route(one)
    other = Store(database_url, [KEY])
    yield one, other
    one.close()
    other.close()


def at_once(*works: Callable[[], ResultT]) -> list[ResultT]:
    """Run them in threads that begin together; returns what they returned."""
    barrier = threading.Barrier(len(works))

    def begin(work: Callable[[], ResultT]) -> ResultT:
        barrier.wait(5)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def failed(store: Store, number: int) -> int:
    """Discover and fail a sale; returns its sync's id."""
    sync_id = discovered(store, store.connections.routes()[0], document(str(number)))
    (sync,) = store.queue.claim("books", "w", 1, NOON, LEASE)
    store.work.fail(sync, [SKU], NOON, ())
    return sync_id


def test_two_people_press_in_the_same_moment(stores: tuple[Store, Store]) -> None:
    """One press queues the sync and counts, the other is told who was first."""
    for number in ROUNDS:
        sync_id = failed(stores[0], number)
        people = [Actor("U1"), Actor("U2")]
        answers = at_once(
            *(
                partial(store.presses.retry, sync_id, by, None, SETTLE, NOON)
                for store, by in zip(stores, people, strict=True)
            )
        )
        assert {answer.answer for answer in answers} == {Answer.QUEUED, Answer.HURRIED}
        (second,) = [answer for answer in answers if answer.answer is Answer.HURRIED]
        assert second.first in people
        (sync,) = stores[0].queue.claim("books", "w", 1, NOON, LEASE)
        assert sync.retries == 1
        stores[0].work.succeed(sync, booked(sync), NOON, ())


def test_a_payload_delivered_twice_at_once_has_one_answer(stores: tuple[Store, Store]) -> None:
    """Two processes that get the same payload move the sync once and say the same."""
    for number in ROUNDS:
        sync_id = failed(stores[0], number)
        given = (sync_id, Actor("U1"), f"payload-{number}", SETTLE, NOON)
        answers = at_once(*(partial(store.presses.retry, *given) for store in stores))
        assert [answer.answer for answer in answers] == [Answer.QUEUED, Answer.QUEUED]
        (sync,) = stores[0].queue.claim("books", "w", 1, NOON, LEASE)
        stores[0].work.succeed(sync, booked(sync), NOON, ())


def test_a_return_that_waits_while_its_sale_ends_is_let_go(stores: tuple[Store, Store]) -> None:
    """Whichever of the two is first, the return does not wait for its look of an hour."""
    store = stores[0]
    route = store.connections.routes()[0]
    for number in ROUNDS:
        of = document(f"s{number}").order
        discovered(store, route, document(f"s{number}", number=f"I{number}"))
        (sale,) = store.queue.claim("books", "w", 1, NOON, LEASE)
        back = document(f"r{number}", number=f"R{number}", kind=Kind.RETURN, of=of)
        back_id = discovered(store, route, back)
        (held,) = store.queue.claim("books", "w", 1, NOON, LEASE)
        at_once(
            partial(store.work.succeed, sale, booked(sale), NOON, ()),
            partial(
                stores[1].work.postpone,
                held,
                SALE_FIRST,
                NOON + timedelta(hours=1),
                NOON,
                (),
                waiting_for=WaitingFor.PREREQUISITE,
            ),
        )
        row = store.log.sync(back_id)
        assert row is not None
        assert (row.status, row.not_before) == (Status.PENDING, None)
        (ready,) = store.queue.claim("books", "w", 1, NOON, LEASE)
        store.work.succeed(ready, booked(ready), NOON, ())


def test_a_route_has_one_backfill_at_a_time(stores: tuple[Store, Store]) -> None:
    """Of two people who begin one in the same moment, one is told that another runs."""
    route = stores[0].connections.routes()[0]
    day = date(2026, 11, 1)

    def begin(store: Store) -> bool:
        try:
            Batches(store.database).begin(route, day, day, Actor("U1"), None, NOON)
        except AlreadyRunning:
            return False
        return True

    began = at_once(*(partial(begin, store) for store in stores))
    assert sorted(began) == [False, True]


def test_a_cause_has_one_bulk_retry_at_a_time(stores: tuple[Store, Store]) -> None:
    """Of two people who press in the same moment one begins it, the other hears of the first."""
    failed(stores[0], 1)
    (cause,) = stores[0].causes.open()

    def begin(store: Store) -> bool:
        try:
            store.bulks.begin(cause.id, Actor("U1"), None, Limits(), NOON)
        except BulkRunning:
            return False
        return True

    assert sorted(at_once(*(partial(begin, store) for store in stores))) == [False, True]


def test_a_bulk_retry_and_clicks_send_each_document_once(stores: tuple[Store, Store]) -> None:
    """Clicks on its documents while it sends them leave none out and retry none twice."""
    for start in (0, 10, 20):
        ids = [failed(stores[0], start + number) for number in range(1, 7)]
        (cause,) = stores[0].causes.open()
        bulk = stores[0].bulks.begin(cause.id, Actor("U1"), None, Limits(), NOON)
        at_once(partial(_sent, stores[0]), partial(_pressed, stores[1], ids))
        found = stores[0].log.syncs(ids)
        assert [found[one].retries for one in ids] == [1] * 6
        assert {row.status for row in found.values()} == {Status.PENDING}
        assert stores[0].causes.miscounted() == []
        ended = stores[0].bulks.get(bulk.id)
        assert ended is not None
        assert ended.all_sent
        for sync in stores[0].queue.claim("books", "w", 10, NOON, LEASE):
            stores[0].work.succeed(sync, booked(sync), NOON, ())
        stores[0].bulks.stop(bulk.id, NOON)
        (owned,) = [one for one in stores[0].bulks.since(NOON) if one.id == bulk.id]
        stores[0].bulks.end(owned, BulkState.DONE, None, NOON)


def test_two_people_approve_in_the_same_moment(stores: tuple[Store, Store]) -> None:
    """One of them lets it go; the other hears that it waits no longer."""
    failed(stores[0], 1)
    failed(stores[0], 2)
    (cause,) = stores[0].causes.open()
    bulk = stores[0].bulks.begin(cause.id, Actor("U1"), None, Limits(1), NOON)

    def approve(store: Store, person: str) -> Approval:
        return store.bulks.approve(bulk.id, Actor(person), NOON)[0]

    works = [partial(approve, store, name) for store, name in zip(stores, "AB", strict=True)]
    assert sorted(at_once(*works)) == [Approval.APPROVED, Approval.LATE]


def _sent(store: Store) -> None:
    """Send everything of the newest bulk retry back, two at a time."""
    bulk: Bulk | None = store.bulks.claim("expander", NOON, LEASE)
    while bulk and not bulk.all_sent:
        bulk = store.bulks.send(bulk, TIMES, NOON, 2)


def _pressed(store: Store, ids: list[int]) -> None:
    """Press on all of them, the last first."""
    for one in reversed(ids):
        store.presses.retry(one, Actor("U2"), None, SETTLE, NOON)
