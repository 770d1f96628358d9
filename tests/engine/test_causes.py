"""Causes: what stops many documents at once, counted without looking at them all."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sync.causes import Age, Cause, Checked, Shared, Verdict
from sync.errors import ErrorType, Failure
from sync.money import Money
from sync.records import Actor, Sync
from sync.store import Store, summed
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.engine.test_store import booked, in_parallel, statements

LANE = "books"
LEASE, SETTLE = timedelta(seconds=40), timedelta(seconds=120)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LAYLA = Actor("U0LAYLA", "Layla")
HONEY = Failure(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra")
EMAIL = Failure(ErrorType.CUSTOMER_EMAIL_MISSING, "Sara (c1)", "Sara has no email", subject="c1")
DOWN = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Give a fresh store with one route, on both databases."""
    store = Store(database_url, [KEY])
    store.migrate()
    a_route(store)
    yield store
    store.close()


def stopped(
    store: Store, number: int, *failures: Failure, total: str = "115.00", **how: Any
) -> int:
    """Let document `number` fail, discovered as many seconds after noon; returns its sync's id."""
    one = document(str(number), number=f"I{number}", of=order(str(4000 + number)), total=total)
    at = how.pop("discovered", NOON + number * SECOND)
    sync_id = discovered(store, store.connections.routes()[0], one, at)
    store.work.fail(claimed(store), failures, how.pop("at", NOON + DAY), (), **how)
    return sync_id


def claimed(store: Store) -> Sync:
    """Claim the next one."""
    return store.queue.claim(LANE, "w", 1, NOON + DAY, LEASE)[0]


def pressed(store: Store, sync_id: int) -> None:
    """Let Layla press Retry."""
    store.presses.retry(sync_id, LAYLA, None, SETTLE, NOON + DAY)


def only(store: Store) -> Cause:
    """Return the one open cause."""
    (cause,) = store.causes.open()
    return cause


def test_a_cause_counts_what_it_stops(store: Store) -> None:
    """Documents and amounts of a cause, what its end releases, and since when, per currency."""
    stopped(store, 1, HONEY, total="100.50")
    stopped(store, 2, HONEY, EMAIL, total="10.00")
    honey, email = store.causes.open()
    assert (honey.key, honey.count, honey.releases) == ("HONEY-500", 2, 1)
    assert honey.amounts == [Money.of("110.50", "SAR")]
    assert honey.released == [Money.of("100.50", "SAR")]
    assert honey.oldest == NOON + SECOND
    assert (email.count, email.releases, email.subject) == (1, 0, "c1")
    ageing = store.causes.ageing((NOON + 5 * DAY).date())
    assert ageing.count == 2
    assert ageing.by_age == {Age.WEEK: [Money.of("110.50", "SAR")]}
    assert store.causes.miscounted() == []


def test_what_is_sent_back_is_not_counted_and_its_cause_stays_known(store: Store) -> None:
    """A retried document leaves the tallies; its cause closes only when it is over."""
    sync_id = stopped(store, 1, HONEY)
    pressed(store, sync_id)
    assert (only(store).count, only(store).open) == (0, True)
    sync = claimed(store)
    store.work.succeed(sync, booked(sync), NOON + DAY, ())
    assert store.causes.open() == []
    (closed,) = store.causes.closed(NOON)
    assert (closed.key, closed.closed_at) == ("HONEY-500", NOON + DAY)
    assert store.causes.miscounted() == []


def test_a_cause_that_returns_keeps_its_history(store: Store) -> None:
    """The same key in the same lane is the same cause, opened once more, and looked at anew."""
    sync_id = stopped(store, 1, HONEY)
    first = only(store)
    store.causes.judge(first.id, Checked(Verdict.GONE, "it is there", NOON))
    store.causes.snooze(first.id, NOON + 9 * DAY, 1, NOON)
    pressed(store, sync_id)
    sync = claimed(store)
    store.work.succeed(sync, booked(sync), NOON + DAY, ())
    stopped(store, 2, HONEY, at=NOON + 3 * DAY)
    again = only(store)
    assert (again.id, again.openings) == (first.id, 2)
    assert (again.first_seen, again.opened_at) == (NOON + DAY, NOON + 3 * DAY)
    assert (again.checked, again.snoozed_until) == (None, None)


def test_a_document_may_change_its_cause(store: Store) -> None:
    """What stops a document now replaces what stopped it before; the old cause is closed."""
    sync_id = stopped(store, 1, HONEY)
    pressed(store, sync_id)
    store.work.fail(claimed(store), [EMAIL], NOON + DAY, ())
    assert only(store).key == EMAIL.key
    assert store.causes.of(sync_id) == [only(store)]
    assert store.causes.miscounted() == []


def test_what_retries_by_itself_needs_nobody(store: Store) -> None:
    """A document with a retry of its own is counted apart, until the engine sends it back."""
    stopped(store, 1, DOWN, again_at=NOON + 2 * DAY)
    assert (only(store).count, only(store).retrying) == (0, 1)
    assert store.causes.ageing(NOON.date()).count == 0
    assert store.queue.retry_overdue(LANE, NOON + 3 * DAY, SETTLE) == 1
    assert (only(store).count, only(store).retrying) == (0, 0)
    assert store.causes.miscounted() == []


def test_one_type_and_key_named_twice_is_one_blocker(store: Store) -> None:
    """Two lines of the same missing product are one cause, and mending it releases the document."""
    stopped(store, 1, HONEY, replace(HONEY, reason="the second line"))
    assert (only(store).count, only(store).releases) == (1, 1)


def test_a_snoozed_cause_returns_when_it_grows(store: Store) -> None:
    """A snooze ends at its moment, or as soon as the cause stops more documents."""
    stopped(store, 1, HONEY)
    store.causes.snooze(only(store).id, NOON + 9 * DAY, 1, NOON)
    assert only(store).sleeps(NOON + DAY)
    assert not only(store).sleeps(NOON + 9 * DAY)
    stopped(store, 2, HONEY)
    assert not only(store).sleeps(NOON + DAY)


@pytest.mark.parametrize("key", ["", "HONEY-500 ", "x" * 9000, "عسل-٥٠٠", "a'b%_\n\x01"])
def test_any_key_names_a_cause(store: Store, key: str) -> None:
    """Empty, very long and odd keys are told apart exactly."""
    stopped(store, 1, replace(HONEY, key=key))
    stopped(store, 2, HONEY)
    assert sorted(cause.key for cause in store.causes.open()) == sorted([key, "HONEY-500"])


def test_many_at_once_are_counted_right(store: Store) -> None:
    """Threads that fail, retry and finish documents of shared causes leave the true tallies."""
    shared = [HONEY, EMAIL, replace(HONEY, key="WAX-1"), replace(HONEY, key="WAX-2")]
    ids = [stopped(store, number, HONEY) for number in range(16)]

    def work(place: int) -> None:
        dice = random.Random(place)  # noqa: S311 - because it deals cards, not keys
        for sync_id in ids[4 * place : 4 * place + 4]:
            pressed(store, sync_id)
            (sync,) = store.queue.claim(LANE, f"w{place}", 1, NOON + DAY, LEASE)
            if dice.random() < 0.3:
                store.work.succeed(sync, booked(sync), NOON + DAY, ())
            else:
                failures = dice.sample(shared, dice.randint(1, 4))
                store.work.fail(sync, failures, NOON + DAY, ())

    in_parallel(4, work)
    assert store.causes.miscounted() == []
    assert sum(store.log.counts(NOON)[0].values()) == 16


def test_documents_of_several_causes_are_told(store: Store) -> None:
    """Those that more than one of the named causes stops are counted once, with their amounts."""
    stopped(store, 1, HONEY, total="100.50")
    stopped(store, 2, HONEY, EMAIL, total="10.00")
    stopped(store, 3, HONEY, EMAIL, DOWN, total="1.00")
    back = stopped(store, 4, HONEY, EMAIL, total="7.00")
    stopped(store, 5, HONEY, EMAIL, total="3.00", again_at=NOON + 2 * DAY)
    pressed(store, back)
    by_type = {cause.error_type: cause for cause in store.causes.open()}
    honey, email, down = (by_type[one.error_type] for one in (HONEY, EMAIL, DOWN))
    assert store.reports.shared([honey, email, down]) == Shared(2, [Money.of("11.00", "SAR")])
    assert store.reports.shared([honey, down]) == Shared(1, [Money.of("1.00", "SAR")])
    assert store.reports.shared([honey]) == Shared()
    assert store.reports.shared([]) == Shared()


def test_what_is_shared_makes_the_lines_add_up(store: Store) -> None:
    """The amounts of the causes are those of all documents and, once more, of the shared ones."""
    for number in range(1, 9):
        stopped(store, number, HONEY, *([EMAIL] if number % 3 else []), total=f"{number}.25")
    open_now = store.causes.open()
    shared, ageing = store.reports.shared(open_now), store.causes.ageing(NOON.date())
    assert sum(one.count for one in open_now) == ageing.count + shared.count
    lines = summed(money for one in open_now for money in one.amounts)
    assert lines == summed([*ageing.amounts, *shared.amounts])


def test_without_second_causes_nothing_is_asked(store: Store) -> None:
    """Where each document has one cause, the tallies tell that alone."""
    stopped(store, 1, HONEY)
    stopped(store, 2, EMAIL)
    open_now = store.causes.open()
    with statements(store) as heard:
        assert store.reports.shared(open_now) == Shared()
    assert heard == []
