"""Whether a cause is gone: one look, read-only, for all documents that it stops."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from sync.causes import Cause, Verdict
from sync.errors import ErrorType, Failure, Reconnect, TryLater
from sync.opener import Opener
from sync.probing import Probing
from sync.records import Actor, Connection
from sync.store import Store
from sync.store.choices import EMAIL
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock
from tests.sqlite import fresh_file

LEASE = timedelta(seconds=40)
LAYLA = Actor("U0LAYLA", "Layla")
HONEY = Failure(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra")
MISSING = Failure(ErrorType.CUSTOMER_EMAIL_MISSING, "Sara", "Sara has no email", subject="c1")
REFUSED = Failure(ErrorType.UNAUTHORIZED, "books", "Daftra: Unauthorized")


class Both(Ends):
    """Opens the two ends by connection too."""

    def source(self, connection: Connection) -> Shop:
        """Return the shop."""
        del connection
        return self.shop

    def destination(self, connection: Connection) -> Books:
        """Return the books."""
        del connection
        return self.books


class House:
    """A store, a shop, its books, and what looks at them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = TurnedClock()
        self.shop = Shop()
        self.books = Books(self.clock, missing={"HONEY-500"})
        ends = Both(self.shop, self.books)
        self.probing = Probing(store, cast("Opener", ends), self.clock)

    def stopped(self, number: int, failure: Failure, **differs: Any) -> Cause:
        """Let a document fail and return its cause."""
        one = document(str(number), number=f"I{number}", of=order(str(number)), sku="HONEY-500")
        one = self.shop.add(replace(one, **differs))
        discovered(self.store, self.store.connections.routes()[0], one)
        (sync,) = self.store.queue.claim("books", "w", 1, self.clock.now(), LEASE)
        self.store.work.fail(sync, [failure], self.clock.now(), ())
        return self.store.causes.of(sync.id)[0]

    def check(self, cause: Cause) -> Verdict:
        """Look, as the cause stands now."""
        return self.probing.check(self.store.causes.many([cause.id])[cause.id]).verdict


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house with one route."""
    store = Store(fresh_file(tmp_path), [KEY])
    a_route(store)
    yield House(store)
    store.close()


def test_a_missing_product_is_looked_for(house: House) -> None:
    """While the destination has no such product the cause stands; then it is gone."""
    cause = house.stopped(1, HONEY)
    assert house.check(cause) is Verdict.STILL
    house.books.missing.clear()
    house.clock.turn(61)
    assert house.check(cause) is Verdict.GONE


def test_a_look_counts_for_a_minute(house: House) -> None:
    """A second look within a minute asks nobody, unless it must be new or something was mended."""
    cause = house.stopped(1, HONEY)
    assert house.check(cause) is Verdict.STILL
    house.books.missing.clear()
    house.clock.turn(59)
    assert house.check(cause) is Verdict.STILL
    house.store.causes.doubt(cause.id, house.clock.now())
    assert house.check(cause) is Verdict.GONE


def test_an_email_is_looked_for_in_the_newest_document(house: House) -> None:
    """A missing e-mail is gone once its source has one, or a person gave one for this lane."""
    nobody = replace(document().customer, email=None)
    house.books.missing.clear()
    cause = house.stopped(1, MISSING, customer=nobody)
    assert house.check(cause) is Verdict.STILL
    house.store.choices.put("books", EMAIL, "c1", "s@x.sa", "s@x.sa", LAYLA, NOON)
    house.store.causes.doubt(cause.id, NOON)
    assert house.check(cause) is Verdict.GONE


def test_only_a_try_tells_of_the_rest(house: House) -> None:
    """Where a destination does not foresee a refusal, nobody claims that it is gone."""
    house.books.missing.clear()
    cause = house.stopped(1, Failure(ErrorType.UNKNOWN, "400", "Daftra: no"))
    assert house.check(cause) is Verdict.UNSURE


def test_a_refused_connection_is_asked_who_it_is(house: House) -> None:
    """A cause of the connection itself is gone when it lets us in again."""
    cause = house.stopped(1, REFUSED)
    assert house.check(cause) is Verdict.GONE


def test_a_system_that_does_not_answer_tells_nothing(house: House) -> None:
    """An outage or a refusal in the middle of a look is no verdict; its reason is kept."""
    cause = house.stopped(1, HONEY)
    for trouble in (TryLater(REFUSED), Reconnect(REFUSED, "books")):
        house.books.fails.append(trouble)
        assert house.check(cause) is Verdict.UNSURE
        house.clock.turn(61)
    kept = house.store.causes.get(cause.id)
    assert kept
    assert kept.checked
    assert kept.checked.reason == "Daftra: Unauthorized"


def test_one_look_serves_all_documents(house: House) -> None:
    """However many documents a cause stops, it costs one question."""
    cause = house.stopped(1, HONEY)
    for number in range(2, 12):
        house.stopped(number, HONEY)
    for _press in range(11):
        assert house.check(cause) is Verdict.STILL
    assert (house.books.asked, house.books.looks) == (1, 0)


def test_a_near_code_that_the_look_sees_is_kept(house: House) -> None:
    """What the answer held beside the missing SKU stays with the cause, and costs no other call."""
    house.books.near["HONEY-500"] = "honey-500"
    cause = house.stopped(1, HONEY)
    assert house.check(cause) is Verdict.STILL
    assert house.books.asked == 1
    assert _known(house, cause).near == "honey-500"
    house.books.near.clear()
    house.clock.turn(61)
    house.check(cause)
    assert _known(house, cause).near == "honey-500"


def test_a_near_code_is_kept_with_the_failure(house: House) -> None:
    """Where the attempt itself saw it, no look is needed; a cause that returns knows nothing."""
    cause = house.stopped(1, replace(HONEY, near="Honey-500"))
    assert _known(house, cause).near == "Honey-500"
    (sync_id,) = house.store.causes.syncs(cause.id, 1)
    house.store.presses.retry(sync_id, LAYLA, None, LEASE, NOON)
    (sync,) = house.store.queue.claim("books", "w", 1, house.clock.now(), LEASE)
    house.store.work.fail(sync, [MISSING], NOON, ())
    assert _known(house, cause).closed_at
    again = house.stopped(2, HONEY)
    assert (again.id, again.near) == (cause.id, "")


def _known(house: House, cause: Cause) -> Cause:
    return house.store.causes.many([cause.id])[cause.id]
