"""The log narrowed by what stops documents, and how many wait, on both databases."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from sync.errors import ErrorType, Failure
from sync.records import Filters, HoldKind, WaitingFor
from sync.states import Status
from sync.store import Store
from sync.store.holds import Trouble
from tests.builders import KEY, NOON, a_route
from tests.engine.test_causes import DAY, DOWN, EMAIL, HONEY, claimed, pressed, stopped
from tests.engine.test_store import add, failed, ids, plan_of, statements

LANE = "books"
FAILED = (Status.FAILED,)
WIDGET = Failure(ErrorType.SKU_NOT_FOUND, "widget-001", "SKU widget-001 not found in Daftra")
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Give a fresh store with one route, on both databases."""
    store = Store(database_url, [KEY])
    store.migrate()
    a_route(store)
    yield store
    store.close()


def shown(store: Store, filters: Filters) -> list[int]:
    """Return the ids of the first page."""
    return ids(store.log.page(filters, None, 20))


# --- what stops documents ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "places"),
    [
        (Filters(error_type=ErrorType.CUSTOMER_EMAIL_MISSING), [3, 2]),
        (Filters(error_type=ErrorType.SKU_NOT_FOUND), [4, 2, 1]),
        (Filters(cause_key="HONEY-500"), [2, 1]),
        (Filters(cause_key="widget-001"), [4, 2]),
        (Filters(cause_key="WIDGET-001"), []),
        (Filters(error_type=EMAIL.error_type, cause_key=EMAIL.key), [3, 2]),
        (Filters(error_type=EMAIL.error_type, cause_key="HONEY-500"), []),
        (Filters(statuses=FAILED, cause_key=EMAIL.key, destination=LANE), [3, 2]),
        (Filters(statuses=(Status.SUCCESS,), cause_key=EMAIL.key), []),
    ],
)
def test_a_document_is_found_by_each_of_its_blockers(
    store: Store, filters: Filters, places: Sequence[int]
) -> None:
    """Not by the first one alone; type and key are meant of one and the same blocker."""
    made = {
        1: stopped(store, 1, HONEY, at=NOON + 1 * SECOND),
        2: stopped(store, 2, HONEY, EMAIL, WIDGET, at=NOON + 2 * SECOND),
        3: stopped(store, 3, EMAIL, at=NOON + 3 * SECOND),
        4: stopped(store, 4, WIDGET, at=NOON + 4 * SECOND),
    }
    with statements(store) as heard:
        page = store.log.page(filters, None, 20)
    assert ids(page) == [made[place] for place in places]
    assert len(heard) == 1


def test_pages_of_a_second_blocker_neither_repeat_nor_skip(store: Store) -> None:
    """Older and Newer walk the documents that a cause stops second as any others."""
    made = [
        stopped(store, number, HONEY, EMAIL, at=NOON + number * SECOND) for number in range(1, 8)
    ][::-1]
    filters = Filters(error_type=EMAIL.error_type, cause_key=EMAIL.key)
    first = store.log.page(filters, None, 3)
    second = store.log.page(filters, first.next, 3)
    third = store.log.page(filters, second.next, 3)
    assert [ids(first), ids(second), ids(third)] == [made[:3], made[3:6], made[6:]]
    assert third.next is None
    assert ids(store.log.page(filters, third.previous, 3)) == made[3:6]


def test_a_page_lists_as_many_as_the_cause_counts(store: Store) -> None:
    """The log of a cause's failed documents and the cause's own figure agree."""
    for number in range(1, 6):
        stopped(store, number, HONEY, *([EMAIL] if number % 2 else []))
    for cause in store.causes.open():
        filters = Filters(statuses=FAILED, error_type=cause.error_type, cause_key=cause.key)
        assert len(shown(store, filters)) == cause.count


def test_what_was_sent_back_is_found_by_what_its_row_says(store: Store) -> None:
    """A pending document is found by the reason that its row shows, and by none that was mended."""
    back = stopped(store, 1, HONEY, EMAIL)
    pressed(store, back)
    assert shown(store, Filters(cause_key=HONEY.key)) == [back]
    assert shown(store, Filters(cause_key=EMAIL.key)) == []
    store.work.postpone(
        claimed(store), DOWN, NOON + 2 * DAY, NOON + DAY, (), waiting_for=WaitingFor.BACKOFF
    )
    assert shown(store, Filters(error_type=ErrorType.DESTINATION_DOWN)) == [back]
    assert shown(store, Filters(cause_key=HONEY.key)) == []


def test_a_cause_leads_to_its_documents_by_an_index(store: Store) -> None:
    """The log of a cause begins with what the cause stops, and walks no whole table."""
    stopped(store, 1, HONEY)
    filters = Filters(error_type=HONEY.error_type, cause_key=HONEY.key)
    with statements(store) as heard:
        store.log.page(filters, None, 20)
    told = plan_of(store, *heard[0])
    for index in ("ix_blockers_cause", "ix_syncs_status_log"):
        assert any(index in line for line in told), told
    assert not [line for line in told if line.strip().startswith("SCAN")], told
    assert not [line for line in told if "Seq Scan on" in line], told


# --- who waits ---------------------------------------------------------------------------------


def test_what_a_hold_holds_is_counted_as_waiting(store: Store) -> None:
    """The figure of what waits is never less than the sum of what the holds hold."""
    for number in range(1, 4):
        add(store, number)
    assert _waiting(store) == 0
    _hold(store)
    (hold,) = store.log.holds()
    assert (hold.waiting, _waiting(store)) == (3, 3)


def test_what_waits_for_two_things_is_counted_once(store: Store) -> None:
    """A document that waits for its time, in a lane that waits for its connection, is one."""
    add(store, 1)
    store.work.postpone(
        claimed(store), DOWN, NOON + 2 * DAY, NOON, (), waiting_for=WaitingFor.BACKOFF
    )
    add(store, 2)
    failed(store, 0)
    assert _waiting(store) == 1
    _hold(store)
    assert _waiting(store) == 2
    assert [one.waiting for one in store.log.holds()] == [2]


def _hold(store: Store) -> None:
    assert store.holds.hold(LANE, Trouble(LANE, HoldKind.REFUSED, "401"), NOON)


def _waiting(store: Store) -> int:
    _, _, waiting, _, _ = store.log.counts(NOON)
    return waiting
