"""Bulk retries: one look, every document of a cause once, through stops, approvals and crashes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from sync.bulk import (
    AlreadyRunning,
    Approval,
    Bulk,
    BulkProgress,
    BulkState,
    Limits,
    Nothing,
)
from sync.bulks import Bulks
from sync.causes import Cause, Checked, DeedKind, Verdict
from sync.clock import SystemClock
from sync.documents import Document
from sync.errors import ErrorType
from sync.money import Money
from sync.points import watch
from sync.records import Actor, Priority, Trigger, WaitingFor
from sync.states import Status
from sync.store import Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock

SARA, OMAR = Actor("U0SARA", "Sara"), Actor("U0OMAR", "Omar")
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=0.05, tick=0.02)
SKU = "HONEY-500"


class House:
    """A store whose documents fail for want of a product, and a lane that a test works by hand."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.route = a_route(store)
        self.clock = SystemClock()
        self.shop = Shop()
        self.books = Books(TurnedClock(self.clock.now()), missing={SKU})
        self.looks = 0
        self.earlier: Checked | None = None
        self.bulks = self.another()

    def another(self, limits: Limits | None = None) -> Bulks:
        """Return the bulk retries of another process."""
        return Bulks(self.store, self, self.clock, TIMES, limits, portion=3)

    def check(self, _cause: Cause, *, anew: bool = False) -> Checked:
        """Look whether the books have the product; `earlier` is what a look before it told."""
        if self.earlier and not anew:
            return self.earlier
        self.looks += 1
        gone = SKU not in self.books.missing
        verdict = Verdict.GONE if gone else Verdict.STILL
        return Checked(verdict, "no objection" if gone else f"no {SKU}", self.clock.now())

    def fail(self, count: int, start: int = 0) -> list[int]:
        """Let so many documents fail for want of the product; returns their syncs."""
        ids = [
            discovered(self.store, self.route, self.shop.add(self._document(number)))
            for number in range(start + 1, start + count + 1)
        ]
        self.work()
        return ids

    def _document(self, number: int) -> Document:
        return document(str(number), number=f"INV-{number}", of=order(str(number)), sku=SKU)

    def work(self, most: int = 50) -> int:
        """Do what a lane does with `most` syncs or until nothing is ready; returns how many."""
        worker, ran = Worker(self.store, Ends(self.shop, self.books), self.clock, TIMES), 0
        while ran < most:
            claimed = self.store.queue.claim(
                "books", "w", min(50, most - ran), self.clock.now(), TIMES.leasing
            )
            if not claimed:
                break
            for sync in claimed:
                worker.run(sync)
            ran += len(claimed)
        return ran

    def cause(self) -> Cause:
        """Return the cause of all of them."""
        (only,) = self.store.causes.open()
        return only

    def begin_of(self, cause: Cause, receipt: str) -> int:
        """Begin one of a cause that may be closed."""
        return self.bulks.begin(cause, SARA, receipt).id

    def begin(self, receipt: str | None = None, *, anyway: bool = False) -> Bulk:
        """Begin a bulk retry as Sara."""
        return self.bulks.begin(self.cause(), SARA, receipt, anyway=anyway)

    def when(self, bulk: Bulk, true: Callable[[BulkProgress], bool]) -> BulkProgress:
        """Wait until something is true of the progress, at most eight seconds."""
        deadline = self.clock.now() + timedelta(seconds=8)
        while True:
            seen = self.bulks.progress(bulk.id)
            assert seen is not None
            if true(seen):
                return seen
            assert self.clock.now() < deadline, seen
            self.clock.sleep(0.01)

    def until(self, bulk: Bulk, *states: BulkState) -> BulkProgress:
        """Wait until the bulk retry is in one of these states."""
        return self.when(bulk, lambda seen: seen.bulk.state in states)

    def retries(self, ids: list[int]) -> list[int]:
        """Return how often each sync was retried."""
        found = self.store.log.syncs(ids)
        return [found[one].retries for one in ids]


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a house whose bulk retries a test starts."""
    store = Store(database_url, [KEY])
    store.migrate()
    made = House(store)
    yield made
    watch(None)
    made.bulks.end()
    made.bulks.join(5)
    assert store.causes.miscounted() == []
    store.close()


def test_every_document_of_a_cause_is_retried_once_and_the_cause_remembers(house: House) -> None:
    """One look, then all of them; what came of it stands in the history of the cause."""
    ids = house.fail(7)
    house.books.missing.clear()
    cause = house.cause()
    bulk = house.begin("t1")
    assert (bulk.state, bulk.size.count) == (BulkState.QUEUED, 7)
    assert bulk.size.amounts == [Money.of("805.00", "SAR")]
    house.bulks.start(alone=True)
    sent = house.when(bulk, lambda one: one.bulk.all_sent)
    assert (sent.bulk.sent, sent.counts.pending, sent.left) == (7, 7, 7)
    assert house.work(3) == 3
    going = house.when(bulk, lambda one: one.counts.synced == 3)
    assert (going.bulk.state, going.left) == (BulkState.RUNNING, 4)
    house.work()
    ended = house.until(bulk, BulkState.DONE)
    assert (ended.counts.synced, ended.left, house.looks) == (7, 0, 1)
    assert house.retries(ids) == [1] * 7
    assert house.store.causes.open() == []
    (deed,) = house.store.deeds.of_cause(cause.id, 5)
    assert (deed.kind, deed.by, deed.tried, deed.synced) == (DeedKind.RETRY, SARA, 7, 7)
    story = house.store.log.story(ids[0])
    assert story is not None
    assert (story.attempts[1].trigger, story.attempts[1].actor) == (Trigger.PERSON, SARA)


def test_nothing_is_sent_while_the_cause_is_still_there(house: House) -> None:
    """A look that finds the cause ends the bulk retry with its reason; no document is touched."""
    ids = house.fail(3)
    bulk = house.begin()
    house.bulks.start()
    ended = house.until(bulk, BulkState.STILL)
    assert (ended.bulk.reason, ended.bulk.sent, ended.left) == (f"no {SKU}", 0, 0)
    assert house.retries(ids) == [0, 0, 0]
    assert house.store.deeds.of_cause(bulk.cause_id, 5) == []
    anyway = house.begin(anyway=True)
    house.when(anyway, lambda one: one.bulk.all_sent)
    house.work()
    tried = house.until(anyway, BulkState.DONE)
    assert (tried.counts.failed, tried.left, house.looks) == (3, 0, 1)
    assert house.retries(ids) == [1, 1, 1]


def test_a_look_from_before_the_click_does_not_stop_what_was_mended_since(house: House) -> None:
    """Somebody mended it after the last look: a click looks again before it says no."""
    house.fail(1)
    house.earlier = Checked(Verdict.STILL, f"no {SKU}", house.clock.now())
    house.books.missing.clear()
    bulk = house.begin()
    house.bulks.start()
    assert house.when(bulk, lambda one: one.bulk.all_sent).bulk.sent == 1
    assert house.looks == 1


def test_one_click_is_one_bulk_retry(house: House) -> None:
    """A repeated receipt returns what it began; another click says who was first."""
    house.fail(2)
    bulk = house.begin("t1")
    assert house.begin("t1").id == bulk.id
    with pytest.raises(AlreadyRunning) as running:
        house.bulks.begin(house.cause(), OMAR, "t2")
    assert (running.value.bulk.id, running.value.bulk.by) == (bulk.id, SARA)
    cause = house.cause()
    house.books.missing.clear()
    house.bulks.start()
    house.when(bulk, lambda one: one.bulk.all_sent)
    house.work()
    house.until(bulk, BulkState.DONE)
    assert house.begin_of(cause, "t1") == bulk.id
    with pytest.raises(Nothing):
        house.bulks.begin(cause, OMAR, "t3")


def test_a_click_overtakes_and_one_document_more_is_left_alone(house: House) -> None:
    """What a person asks for goes first; what fails after the click is not part of it."""
    ids = house.fail(4)
    bulk = house.begin(anyway=True)
    late = house.fail(1, start=4)
    house.bulks.start()
    house.when(bulk, lambda one: one.bulk.all_sent)
    house.store.presses.retry(ids[3], OMAR, None, TIMES.settling, house.clock.now())
    first = house.store.queue.claim("books", "w", 1, house.clock.now(), TIMES.leasing)
    assert [sync.id for sync in first] == [ids[3]]
    row = house.store.log.syncs(late)[late[0]]
    assert (row.status, row.retries) == (Status.FAILED, 0)


def test_what_was_sent_without_an_answer_waits_until_it_can_be_looked_up(house: House) -> None:
    """A sync with a mark is not looked up before its answer had its time, as after a press."""
    ids = house.fail(1)
    now = house.clock.now()
    with house.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE syncs SET sent_at = at")
    bulk = house.begin(anyway=True)
    house.bulks.start()
    house.when(bulk, lambda one: one.bulk.all_sent)
    row = house.store.log.syncs(ids)[ids[0]]
    assert (row.status, row.waiting_for) == (Status.PENDING, WaitingFor.ANSWER)
    assert row.not_before is not None
    assert now < row.not_before <= now + TIMES.settling
    assert house.work() == 0


def test_a_stop_leaves_the_rest_as_it_was(house: House) -> None:
    """After a stop nothing more is sent back, and what was is finished."""
    ids = house.fail(5)
    bulk = house.begin(anyway=True)
    claimed = house.bulks.rows.claim("somebody", house.clock.now(), timedelta())
    assert claimed is not None
    assert house.bulks.rows.send(claimed, TIMES, house.clock.now(), 2) is not None
    stopping = house.bulks.stop(bulk.id, OMAR)
    assert stopping is not None
    assert stopping.state is BulkState.STOPPING
    house.bulks.start(alone=True)
    house.clock.sleep(0.1)
    house.work()
    ended = house.until(bulk, BulkState.STOPPED)
    assert (ended.bulk.sent, ended.counts.failed, ended.left) == (2, 2, 0)
    assert sorted(house.retries(ids)) == [0, 0, 0, 1, 1]


def test_a_process_killed_in_a_portion_leaves_nobody_out_and_nobody_twice(house: House) -> None:
    """A portion that was cut off is as if it had not begun; the next process sends what is left."""
    ids = house.fail(8)
    bulk = house.begin(anyway=True)
    rows, now = house.bulks.rows, house.clock.now()
    killed = rows.claim("killed", now, timedelta(seconds=30))
    assert killed is not None
    after_one = rows.send(killed, TIMES, now, 3)
    assert after_one is not None

    def cut(name: str) -> None:
        if name == "bulk.portion":
            raise KeyboardInterrupt

    watch(cut)
    with pytest.raises(KeyboardInterrupt):
        rows.send(killed, TIMES, now, 3)
    watch(None)
    assert sorted(house.retries(ids)) == [0] * 5 + [1] * 3
    house.work()  # the first portion fails again, under new blockers
    later = now + timedelta(seconds=31)
    taken = rows.claim("second", later, timedelta(seconds=30))
    assert taken is not None
    assert rows.send(killed, TIMES, later, 3) is None
    house.bulks.start(alone=True)
    house.when(bulk, lambda one: one.bulk.all_sent)
    house.work()
    ended = house.until(bulk, BulkState.DONE)
    assert (ended.bulk.sent, ended.counts.failed) == (8, 8)
    assert house.retries(ids) == [1] * 8


def test_a_bug_on_the_way_ends_it_visibly_and_the_cause_remembers_what_was_sent(
    house: House,
) -> None:
    """A mistake of ours after the first portion ends it with a reference; that portion stands."""
    house.fail(5)
    cause, portions = house.cause(), iter((1, 0))

    def broken(name: str) -> None:
        if name == "bulk.portion":
            1 // next(portions)

    watch(broken)
    bulk = house.begin(anyway=True)
    house.bulks.start(alone=True)
    ended = house.until(bulk, BulkState.FAILED)
    assert ended.bulk.sent == 3
    assert "reference" in (ended.bulk.reason or "")
    (deed,) = house.store.deeds.of_cause(cause.id, 5)
    assert (deed.kind, deed.by, deed.tried) == (DeedKind.RETRY, SARA, 3)


def test_a_large_one_waits_for_another_person(house: House) -> None:
    """Beyond a limit nothing is sent before somebody else agreed to the figures they were shown."""
    house.bulks = house.another(Limits(100, {"SAR": Decimal(200)}))
    ids = house.fail(2)
    bulk = house.begin(anyway=True)
    assert (bulk.state, bulk.approve_until is not None) == (BulkState.ASKED, True)
    house.bulks.start()
    assert house.bulks.approve(bulk.id, SARA)[0] is Approval.OWN
    house.fail(1, start=2)
    grown, asked = house.bulks.approve(bulk.id, OMAR)
    assert grown is Approval.GROWN
    assert asked is not None
    assert (asked.size.count, asked.size.amounts) == (3, [Money.of("345.00", "SAR")])
    assert house.retries(ids) == [0, 0]
    approved, queued = house.bulks.approve(bulk.id, OMAR)
    assert approved is Approval.APPROVED
    assert queued is not None
    assert queued.approver == OMAR
    assert house.bulks.approve(bulk.id, OMAR)[0] is Approval.LATE
    sent = house.when(bulk, lambda one: one.bulk.all_sent)
    assert sent.bulk.sent == 3
    kinds = [deed.kind for deed in house.store.deeds.of_cause(bulk.cause_id, 5)]
    assert kinds == [DeedKind.APPROVE]


def test_what_nobody_approves_in_time_lapses(house: House) -> None:
    """A day later nothing was sent, and a new one can be asked for; a stop withdraws it."""
    house.bulks = house.another(Limits(1))
    ids = house.fail(2)
    bulk = house.begin()
    assert not house.bulks.rows.lapse(house.clock.now())
    assert house.bulks.rows.lapse(house.clock.now() + timedelta(hours=25))
    assert house.bulks.approve(bulk.id, OMAR)[0] is Approval.LATE
    again = house.begin()
    withdrawn = house.bulks.stop(again.id, SARA)
    assert withdrawn is not None
    assert withdrawn.state is BulkState.STOPPED
    assert house.retries(ids) == [0, 0]
    third = house.begin()
    house.books.missing.clear()
    for one in ids:
        house.store.presses.retry(one, SARA, None, TIMES.settling, house.clock.now())
    house.work()
    assert house.bulks.approve(third.id, OMAR)[0] is Approval.EMPTY


def test_a_repair_knows_what_came_of_it(house: House) -> None:
    """The last repair of a cause tells how many of the documents after it were synced."""
    house.fail(3)
    cause, now = house.cause(), house.clock.now()
    deeds = house.store.deeds
    assert deeds.last_fix(cause.lane, ErrorType.SKU_NOT_FOUND, SKU) is None
    kept = [
        deeds.add(
            DeedKind.CREATE_PRODUCT, OMAR, now, cause_id=cause.id, detail={"sku": SKU}, receipt="v1"
        )
        for _ in range(2)
    ]
    assert kept == [True, False]
    house.books.missing.clear()
    bulk = house.begin()
    house.bulks.start()
    house.when(bulk, lambda one: one.bulk.all_sent)
    house.work(2)
    fix = deeds.last_fix(cause.lane, ErrorType.SKU_NOT_FOUND, SKU)
    assert fix is not None
    assert (fix.by, fix.detail, fix.tried, fix.synced) == (OMAR, {"sku": SKU}, 3, 2)


def test_a_bulk_retry_stands_behind_clicks_and_new_documents() -> None:
    """Its documents are overtaken by clicks and by what is new, and overtake a backfill."""
    assert Priority.PERSON < Priority.SWEEP < Priority.BULK < Priority.BACKFILL
