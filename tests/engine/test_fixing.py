"""Fixes: each mends its cause once, says why where it does not, and never chooses by itself."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, cast

import pytest

from sync import points
from sync.causes import Cause, DeedKind, Verdict
from sync.comparing import Part
from sync.connectors.base import Choice, Good, Kept
from sync.documents import Booked, Kind, Unbooked
from sync.errors import ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.fixing import Fixing
from sync.mending import Done, NewProduct, NotDone, Why, email_of
from sync.money import Money
from sync.nearness import Near
from sync.opener import Opener
from sync.probing import Probing
from sync.records import LINKED, Actor, Sync
from sync.states import Status
from sync.store import Store
from sync.store.decisions import Decisions, Said
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.fakes import Books, Ends, Entry, Shop, TurnedClock

TIMES = Times.of(request_timeout=1, settle=3, lease=4, retry_base=10)
OMAR, SARA = Actor("U1", "Omar"), Actor("U2", "Sara")


@dataclass
class Sorted(Books):
    """Books whose products stand for SKUs that people chose, and that refuse by script."""

    store: Store | None = None
    pause: threading.Barrier | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _missing(self, skus: Sequence[str]) -> list[Failure]:
        chosen = self.store.choices.get if self.store else lambda *_: None
        found = super()._missing(skus)
        return [one for one in found if not chosen("books", Kept.PRODUCT, one.key)]

    def create_product(self, good: Good) -> Choice:
        """Create the product, one caller at a time, as a claim would."""
        if self.pause:
            self.pause.wait(5)
        with self._lock:
            return super().create_product(good)


@dataclass
class House:
    """A lane with its fixes."""

    store: Store
    clock: TurnedClock
    shop: Shop
    books: Sorted
    worker: Worker
    fixing: Fixing

    def fail(self, number: str, sku: str = "HONEY-500", *, email: str | None = "s@a.sa") -> Sync:
        """Let a document fail for its missing SKU, or for its customer's missing e-mail."""
        one = document(number, number=f"INV-{number}", of=order(number), sku=sku)
        self.shop.add(replace(one, customer=replace(one.customer, email=email)))
        sync_id = discovered(self.store, self.store.connections.routes()[0], one)
        return self.work(sync_id)

    def work(self, sync_id: int) -> Sync:
        """Run what is due; return the row."""
        for sync in self.store.queue.claim("books", "w", 100, self.clock.now(), TIMES.leasing):
            self.worker.run(sync)
        return self.row(sync_id)

    def row(self, sync_id: int) -> Sync:
        """Return a row of the log."""
        row = self.store.log.sync(sync_id)
        assert row
        return row

    def cause(self, error_type: ErrorType) -> Cause:
        """Return the open cause of this type."""
        return next(one for one in self.store.causes.open() if one.error_type is error_type)

    def foreign(self, number: str, total: str = "115.00", currency: str = "SAR") -> Booked:
        """Put a document of an order into the books that is not ours."""
        place = str(len(self.books.ledger) + 900)
        money = Money.of(total, currency)
        booked = Booked(place, f"B{place}", Kind.INVOICE, None, number, money, "http://b/1")
        self.books.ledger.append(Entry(booked, NOON))
        return booked


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a fresh lane."""
    store = Store(database_url, [KEY])
    store.migrate()
    a_route(store)
    clock, shop = TurnedClock(), Shop()
    books = Sorted(clock, missing={"HONEY-500"}, store=store)
    ends = Ends(shop, books)
    probing = Probing(store, cast("Opener", ends), clock)
    fixing = Fixing(store, ends, probing, clock, TIMES)
    yield House(store, clock, shop, books, Worker(store, ends, clock, TIMES), fixing)
    assert store.causes.miscounted() == []
    store.close()


def refused(why: Why) -> "pytest.RaisesExc[NotDone]":
    """Expect that nothing is done, for this reason."""
    return pytest.RaisesExc(NotDone, check=lambda error: error.why is why)


def test_offers_follow_the_cause_and_the_destination(house: House) -> None:
    """What is offered fits the type, the destination's records and what is known of the source."""
    house.fail("1")
    house.fail("2", "WIDGET-001", email=None)
    sku, email = (
        house.cause(one) for one in (ErrorType.SKU_NOT_FOUND, ErrorType.CUSTOMER_EMAIL_MISSING)
    )
    assert house.fixing.offers(sku) == [DeedKind.MAP_PRODUCT, DeedKind.CREATE_PRODUCT]
    assert house.fixing.offers(email) == [DeedKind.EMAIL, DeedKind.EMAIL_HERE]
    house.books.keeps = frozenset()
    assert house.fixing.offers(sku) == []
    assert house.fixing.offers(replace(email, subject="")) == []


def test_an_email_in_the_source(house: House) -> None:
    """It is saved there, the cause is looked at anew, and the deed is kept, once."""
    house.fail("1", "WIDGET-001", email=None)
    cause = house.cause(ErrorType.CUSTOMER_EMAIL_MISSING)
    done = house.fixing.give_email(cause.id, " sara@example.sa ", OMAR, "r1")
    assert (done.what, done.again) == ("sara@example.sa", False)
    assert done.checked
    assert done.checked.verdict is Verdict.GONE
    assert house.shop.documents["1"].customer.email == "sara@example.sa"
    again = house.fixing.give_email(cause.id, "other@example.sa", OMAR, "r1")
    assert again.again
    assert house.shop.documents["1"].customer.email == "sara@example.sa"
    (deed,) = house.store.deeds.of_cause(cause.id, 9)
    assert (deed.kind, deed.by, deed.detail) == (DeedKind.EMAIL, OMAR, {"what": "sara@example.sa"})


def test_an_email_for_one_destination(house: House) -> None:
    """It stands for this lane alone: the source is not touched, and the document syncs."""
    sync = house.fail("1", "WIDGET-001", email=None)
    cause = house.cause(ErrorType.CUSTOMER_EMAIL_MISSING)
    done = house.fixing.give_email(cause.id, "sara@example.sa", OMAR, "r1", here=True)
    assert done.checked
    assert done.checked.verdict is Verdict.GONE
    assert house.shop.documents["1"].customer.email is None
    house.store.presses.retry(sync.id, OMAR, None, TIMES.settling, NOON)
    assert house.work(sync.id).status is Status.SUCCESS


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "sara", "@example.sa", "sara@", "sara@example", "a b@c.sa", "a@b@c.sa", "a@.sa"),
        *("a@b..sa", "<!channel>", "a,b@c.sa", "x" * 250 + "@c.sa", "\U0001f36f", "a@c.sa\x00x"),
    ],
)
def test_what_is_no_email(text: str) -> None:
    """What cannot be an address is refused before any system is asked."""
    with refused(Why.NO_EMAIL):
        email_of(text)


@pytest.mark.parametrize(
    "text", ["a@b.sa", "mailto:a@b.sa", "<a@b.sa>", "o'x+1@mail.b.sa", "س@b.sa"]
)
def test_what_is_an_email(text: str) -> None:
    """What people paste is understood; the source has the last word."""
    assert "@b.sa" in email_of(text) or "@mail.b.sa" in email_of(text)


def test_an_email_that_the_source_refuses(house: House) -> None:
    """Its own words come back, nothing is kept, and the same form can be sent again."""
    house.fail("1", "WIDGET-001", email=None)
    cause = house.cause(ErrorType.CUSTOMER_EMAIL_MISSING)
    failure = Failure(ErrorType.CUSTOMER_INVALID, "c1", "email: has already been taken", "c1")
    house.shop.refuses.append(FixData(failure))
    with pytest.raises(NotDone) as caught:
        house.fixing.give_email(cause.id, "sara@example.sa", OMAR, "r1")
    assert (caught.value.why, caught.value.said) == (Why.REFUSED, failure.reason)
    assert house.store.deeds.of_cause(cause.id, 9) == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Reconnect(Failure(ErrorType.UNAUTHORIZED, "shop", "401"), "shop"), Why.RECONNECT),
        (TryLater(Failure(ErrorType.DESTINATION_DOWN, "shop", "no answer")), Why.SILENT),
        (TryLater(Failure(ErrorType.RATE_LIMITED, "shop", "429")), Why.BUSY),
        (FixData(Failure(ErrorType.NOT_FOUND, "c1", "no such customer")), Why.GONE),
        (FixData(Failure(ErrorType.CONFLICT, "X", "two products")), Why.SHARED),
    ],
)
def test_a_system_that_does_not_do_it(house: House, error: ReadError, why: Why) -> None:
    """A refused connection, silence, a busy system, a lost record and a shared SKU differ."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.books.refuses.append(error)
    with refused(why):
        house.fixing.create_product(cause.id, NewProduct("Honey"), OMAR, "r1")
    assert house.fixing.create_product(cause.id, NewProduct("Honey"), OMAR, "r1").what == (
        "Honey (HONEY-500)"
    )


def test_a_product_stands_for_an_sku(house: House) -> None:
    """The chosen record is read anew, kept under the exact SKU, and the cause is gone."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.books.products["7"] = Choice("7", "Honey", "honey-500")
    done = house.fixing.choose(cause.id, "7", OMAR, "r1")
    assert (done.kind, done.what) == (DeedKind.MAP_PRODUCT, "Honey (honey-500)")
    assert house.store.choices.get("books", "product", "HONEY-500") == "7"
    assert done.checked
    assert done.checked.verdict is Verdict.GONE


def test_a_record_that_cannot_be_chosen(house: House) -> None:
    """One that is gone, switched off or not named stands for nothing."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.books.products["7"] = Choice("7", "Honey", "honey-500", active=False)
    for record, why in (("9", Why.GONE), ("7", Why.INACTIVE), ("", Why.NO_RECORD)):
        with refused(why):
            house.fixing.choose(cause.id, record, OMAR, f"r{record}")
    assert house.store.choices.of("books") == []


def test_a_product_takes_name_and_price_of_the_document(house: House) -> None:
    """What is not given comes from the newest document; the SKU is exact."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.fixing.create_product(cause.id, NewProduct("  "), OMAR, "r1")
    assert house.books.made == [Good("HONEY-500", "Widget", Money.of("100.00", "SAR"))]


def test_two_people_create_the_same_product(house: House) -> None:
    """There is one product, both are told so, and both deeds are kept."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.books.pause = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        told = [
            pool.submit(house.fixing.create_product, cause.id, NewProduct("Honey"), who, who.id)
            for who in (OMAR, SARA)
        ]
        assert {one.result().what for one in told} == {"Honey (HONEY-500)"}
    assert [one.code for one in house.books.products.values()] == ["HONEY-500"]
    assert len(house.store.deeds.of_cause(cause.id, 9)) == 2


def test_a_cause_that_was_closed_meanwhile(house: House) -> None:
    """A form that comes too late does nothing and says so; the same receipt has its answer."""
    sync = house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    house.fixing.create_product(cause.id, NewProduct("Honey"), OMAR, "r1")
    house.store.presses.retry(sync.id, OMAR, None, TIMES.settling, NOON)
    assert house.work(sync.id).status is Status.SUCCESS
    assert house.fixing.create_product(cause.id, NewProduct("Honey"), OMAR, "r1").again
    late: list[Callable[[], Done]] = [
        lambda: house.fixing.create_product(cause.id, NewProduct("Honey"), SARA, "r2"),
        lambda: house.fixing.choose(cause.id, "1", SARA, "r3"),
        lambda: house.fixing.skip_cause(cause.id, "old", SARA, "r4"),
        lambda: house.fixing.assign(cause.id, SARA, SARA, "r5"),
        lambda: house.fixing.snooze(cause.id, NOON + timedelta(hours=4), SARA, "r6"),
    ]
    for deed in late:
        with refused(Why.CLOSED):
            deed()
    with refused(Why.UNKNOWN):
        house.fixing.choose(99, "1", SARA, "r7")


def test_what_is_not_offered_is_not_done(house: House) -> None:
    """An e-mail does not mend an SKU, and a product no e-mail."""
    house.fail("1")
    with refused(Why.NOT_HERE):
        house.fixing.give_email(house.cause(ErrorType.SKU_NOT_FOUND).id, "a@b.sa", OMAR, "r1")
    house.fail("2", "WIDGET-001", email=None)
    email = house.cause(ErrorType.CUSTOMER_EMAIL_MISSING)
    wrong: list[Callable[[], Done]] = [
        lambda: house.fixing.choose(email.id, "1", OMAR, "r2"),
        lambda: house.fixing.create_product(email.id, NewProduct("x"), OMAR, "r3"),
    ]
    for deed in wrong:
        with refused(Why.NOT_HERE):
            deed()


# --- deciding --------------------------------------------------------------------------------


def test_a_document_is_linked_once_it_agrees(house: House) -> None:
    """The foreign document of the order becomes the sync's own: success, noted, audited, kept."""
    booked = house.foreign("1")
    sync = house.fail("1", "WIDGET-001")
    cause = house.cause(ErrorType.ALREADY_SYNCED)
    assert house.fixing.offers(cause) == [DeedKind.LINK]
    done = house.fixing.link(sync.id, "", OMAR, "r1", cause.id)
    row = house.row(sync.id)
    assert (row.status, row.note, row.destination_id) == (Status.SUCCESS, LINKED, booked.id)
    assert (row.destination_number, row.reason) == (booked.number, None)
    assert done.cause
    assert not done.cause.open
    assert house.fixing.link(sync.id, "", OMAR, "r1", cause.id).again
    assert house.store.deeds.of_sync(sync.id, 9)[0].kind is DeedKind.LINK


@pytest.mark.parametrize(
    "named", ["900", "B900", "http://b/1", " 900 ", "http://x.example/900/view"]
)
def test_a_document_is_named_in_several_ways(house: House, named: str) -> None:
    """Its id, its number and its address are understood."""
    house.foreign("1")
    sync = house.fail("1", "WIDGET-001")
    assert house.fixing.link(sync.id, named, OMAR, None).what == "B900"


@pytest.mark.parametrize(
    ("total", "currency", "changes"),
    [
        ("115.01", "SAR", {}),
        ("115.00", "USD", {}),
        ("115.00", "SAR", {"kind": Kind.RETURN}),
        ("115.00", "SAR", {"key": "v1:salla:77:invoice:9"}),
        ("115.00", "SAR", {"state": Unbooked.DRAFT}),
        ("115.00", "SAR", {"state": Unbooked.VOIDED}),
    ],
)
def test_what_differs_in_money_is_never_linked(
    house: House, total: str, currency: str, changes: dict[str, Any]
) -> None:
    """Amount, currency, type, somebody else's or not in the books: nobody may confirm that."""
    sync = house.fail("1")
    booked = replace(house.foreign("1", total, currency), **changes)
    house.books.ledger[-1] = Entry(booked, NOON)
    with pytest.raises(NotDone) as caught:
        house.fixing.link(sync.id, booked.id, OMAR, "r1")
    seen = caught.value.compared.seen if caught.value.compared else "any"
    with pytest.raises(NotDone) as again:
        house.fixing.link(sync.id, booked.id, OMAR, "r2", seen=seen)
    assert caught.value.why is again.value.why
    assert house.row(sync.id).status is Status.FAILED


@pytest.mark.parametrize(
    ("number", "issued", "said"),
    [
        ("2", None, "order 2 there, 1 here"),
        (None, None, "no order number there, 1 here"),
        ("1", date(2026, 11, 19), "dated 2026-11-19 there, 2026-11-20 here"),
    ],
)
def test_another_order_or_day_is_confirmed_knowingly(
    house: House, number: str | None, issued: date | None, said: str
) -> None:
    """Both are shown first; who confirms what was shown links them, and that stays on record."""
    sync = house.fail("1")
    booked = replace(house.foreign("9"), order_number=number, issued=issued)
    house.books.ledger[-1] = Entry(booked, NOON)
    with pytest.raises(NotDone) as caught:
        house.fixing.link(sync.id, booked.id, OMAR, "r1")
    both = caught.value.compared
    assert (caught.value.why, caught.value.said) == (Why.DOUBTFUL, said)
    assert both
    assert [pair.part for pair in both.differs] == [Part.DAY if issued else Part.ORDER]
    done = house.fixing.link(sync.id, booked.id, OMAR, "r2", seen=both.seen)
    assert done.what == booked.number
    row = house.row(sync.id)
    assert (row.status, row.note, row.reason) == (Status.SUCCESS, LINKED, said)
    deed = house.store.deeds.of_sync(sync.id, 9)[0]
    assert (deed.by, deed.detail["differs"]) == (OMAR, said)
    assert house.fixing.link(sync.id, booked.id, OMAR, "r2", seen=both.seen).again


@pytest.mark.parametrize("number", ["1", "INV-1"])
def test_the_number_of_either_is_the_number(house: House, number: str) -> None:
    """A document of the order's own number, or of the sale's, needs no confirmation."""
    sync = house.fail("1")
    booked = replace(house.foreign("9"), order_number=number)
    house.books.ledger[-1] = Entry(booked, NOON)
    house.fixing.link(sync.id, booked.id, OMAR, None)
    assert house.row(sync.id).reason is None


def test_what_changed_since_it_was_shown_is_shown_again(house: House) -> None:
    """A confirmation holds for what was seen: another difference asks anew, none needs nothing."""
    sync = house.fail("1")
    booked = replace(house.foreign("2"), issued=NOON.date())
    house.books.ledger[-1] = Entry(booked, NOON)
    with pytest.raises(NotDone) as caught:
        house.fixing.link(sync.id, booked.id, OMAR, "r1")
    seen = caught.value.compared.seen if caught.value.compared else ""
    house.books.ledger[-1] = Entry(replace(booked, order_number="3"), NOON)
    with refused(Why.DOUBTFUL):
        house.fixing.link(sync.id, booked.id, OMAR, "r2", seen=seen)
    house.books.ledger[-1] = Entry(replace(booked, total=Money.of("1", "SAR")), NOON)
    with refused(Why.DIFFERS):
        house.fixing.link(sync.id, booked.id, OMAR, "r3", seen=seen)
    house.books.ledger[-1] = Entry(replace(booked, order_number="1"), NOON)
    house.fixing.link(sync.id, booked.id, OMAR, "r4", seen=seen)
    assert house.row(sync.id).reason is None


def test_one_document_is_linked_to_one_sync(house: House) -> None:
    """A document that another sync holds is refused, also when two people link at once."""
    syncs = [house.fail("1"), house.fail("2")]
    booked = replace(house.foreign("1"), order_number=None)
    house.books.ledger[-1] = Entry(booked, NOON)
    shown = []
    for one in syncs:
        with pytest.raises(NotDone) as caught:
            house.fixing.link(one.id, "900", OMAR, None)
        assert caught.value.compared
        shown.append(caught.value.compared.seen)

    def link(sync: Sync, seen: str) -> Done:
        return house.fixing.link(sync.id, "900", OMAR, None, seen=seen)

    with ThreadPoolExecutor(2) as pool:
        linked = [pool.submit(link, one, seen) for one, seen in zip(syncs, shown, strict=True)]
        errors = [one.exception() for one in linked]
    (held,) = [error for error in errors if error]
    assert isinstance(held, NotDone)
    assert held.why is Why.HELD
    assert sum(house.row(one.id).status is Status.SUCCESS for one in syncs) == 1


def test_a_link_yields_to_an_attempt_that_was_made_meanwhile(house: House) -> None:
    """An attempt books a document while another one is compared: the link must not hide it.

    Nor may a later link, though nobody finds that document by its number any more.
    """
    sync = house.fail("1")
    house.foreign("2")
    with pytest.raises(NotDone) as caught:
        house.fixing.link(sync.id, "900", OMAR, None)
    assert caught.value.compared

    def tried() -> None:
        house.books.missing.clear()
        house.books.off_by = "5"
        house.store.presses.retry(sync.id, OMAR, None, TIMES.settling, house.clock.now())
        assert house.work(sync.id).error_type is ErrorType.AMOUNT_MISMATCH

    house.books.at_find = tried
    with refused(Why.BUSY):
        house.fixing.link(sync.id, "900", OMAR, None, seen=caught.value.compared.seen)
    own = house.row(sync.id).destination_id
    assert own == house.books.ledger[-1].booked.id
    renamed = replace(house.books.ledger[-1].booked, key=None, order_number="renamed")
    house.books.ledger[-1] = Entry(renamed, NOON)
    with refused(Why.OURS):
        house.fixing.link(sync.id, "900", OMAR, None, seen=caught.value.compared.seen)
    assert house.row(sync.id).destination_id == own


def test_what_cannot_be_linked(house: House) -> None:
    """No such document, none named, none failed, one that is ours: each has its answer."""
    sync = house.fail("1")
    for named, why in (("404", Why.GONE), ("", Why.NO_RECORD)):
        with refused(why):
            house.fixing.link(sync.id, named, OMAR, None)
    ours = replace(house.foreign("1"), key=sync.source_key)
    house.books.ledger[-1] = Entry(ours, NOON)
    with refused(Why.OURS):
        house.fixing.link(sync.id, ours.id, OMAR, None)
    with refused(Why.UNKNOWN):
        house.fixing.link(99, "1", OMAR, None)
    house.fixing.skip(sync.id, "old", OMAR, None)
    with refused(Why.NOT_FAILED):
        house.fixing.link(sync.id, "900", OMAR, None)


def test_a_skip_has_its_reason_and_can_be_taken_back(house: House) -> None:
    """It closes the cause, counts nowhere, is never retried; reopened it goes to its lane."""
    sync = house.fail("1")
    with refused(Why.NO_REASON):
        house.fixing.skip(sync.id, " \n ", OMAR, "r0")
    house.fixing.skip(sync.id, "A  test order", OMAR, "r1")
    row = house.row(sync.id)
    assert (row.status, row.reason, row.error_type) == (Status.SKIPPED, "A test order", None)
    assert house.store.causes.open() == []
    assert house.fixing.skip(sync.id, "A test order", OMAR, "r1").again
    with refused(Why.NOT_FAILED):
        house.fixing.skip(sync.id, "again", OMAR, "r2")
    house.fixing.reopen(sync.id, OMAR, "r3")
    row = house.row(sync.id)
    assert (row.status, row.reason, row.note) == (Status.PENDING, None, None)
    assert house.store.deeds.of_sync(sync.id, 9)[-1].detail["reason"] == "A test order"
    with refused(Why.NOT_SKIPPED):
        house.fixing.reopen(sync.id, OMAR, "r4")
    assert house.work(sync.id).status is Status.FAILED
    assert [deed.kind for deed in house.store.deeds.of_sync(sync.id, 9)] == [
        DeedKind.REOPEN,
        DeedKind.SKIP,
    ]


def test_a_whole_cause_is_skipped(house: House) -> None:
    """All it stops now is skipped, in chunks, once; what fails for it later is not."""
    syncs = [house.fail(str(number)) for number in range(1, 8)]
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    done = house.fixing.skip_cause(cause.id, "Discontinued", OMAR, "r1")
    assert (done.count, done.again) == (7, False)
    assert {house.row(one.id).status for one in syncs} == {Status.SKIPPED}
    house.clock.turn(1)
    later = house.fail("9")
    again = house.fixing.skip_cause(cause.id, "Discontinued", OMAR, "r1")
    assert (again.count, again.again) == (7, True)
    assert house.row(later.id).status is Status.FAILED
    assert house.cause(ErrorType.SKU_NOT_FOUND).openings == 2


def test_a_skip_that_was_interrupted_goes_on(house: House) -> None:
    """The same receipt finishes what a crash between two chunks has left, and no more."""
    syncs = [house.fail(str(number)) for number in range(1, 6)]
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    store = house.store
    decisions = Decisions(store.database, store.queue, store.deeds, chunk=2)
    said = Said(OMAR, NOON, "r1")
    points.watch(_crash_at("skip.chunk"))
    try:
        with pytest.raises(Crashed):
            decisions.skip_all(cause.id, "Old", said)
    finally:
        points.watch(None)
    assert sum(house.row(one.id).status is Status.SKIPPED for one in syncs) == 2
    house.clock.turn(1)
    later = house.fail("9")
    assert decisions.skip_all(cause.id, "Old", said) == 5
    assert {house.row(one.id).status for one in syncs} == {Status.SKIPPED}
    assert house.row(later.id).status is Status.FAILED


def test_owner_and_rest(house: House) -> None:
    """A cause has an owner and rests until its moment, or until it grows."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    until = NOON + timedelta(hours=4)
    house.fixing.assign(cause.id, SARA, OMAR, "r1")
    house.fixing.snooze(cause.id, until, OMAR, "r2")
    now = house.cause(ErrorType.SKU_NOT_FOUND)
    assert now.owner == SARA
    assert now.sleeps(NOON)
    assert not now.sleeps(until)
    house.fail("2")
    assert not house.cause(ErrorType.SKU_NOT_FOUND).sleeps(NOON)
    with refused(Why.PAST):
        house.fixing.snooze(cause.id, NOON, OMAR, "r3")
    house.fixing.assign(cause.id, None, OMAR, "r4")
    assert house.fixing.assign(cause.id, SARA, OMAR, "r1").again
    assert house.cause(ErrorType.SKU_NOT_FOUND).owner is None


# --- suggesting ------------------------------------------------------------------------------


def test_near_matches_come_first_and_nothing_is_chosen(house: House) -> None:
    """The nearest record stands first with its reason; switched-off ones are not offered."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    codes = ["HONEY-750", "honey-500", "HONEY-500 ", "H\u041eNEY-500", "WIDGET-001"]
    house.books.products = {code: Choice(code, f"Product {code}", code) for code in codes}
    house.books.products["off"] = Choice("off", "Off", "HONEY-500", active=False)
    found = house.fixing.suggest(cause, "")
    assert [(one.id, near.near if near else None) for one, near in found] == [
        ("honey-500", Near.CASE),
        ("HONEY-500 ", Near.BLANK),
        ("H\u041eNEY-500", Near.LOOK_ALIKE),
        ("HONEY-750", Near.SIMILAR),
        ("WIDGET-001", None),
    ]
    assert house.store.choices.of("books") == []


def test_the_nearest_that_a_search_finds_stays_with_the_cause(house: House) -> None:
    """Whoever looks at the cause next sees it; a narrower search does not hide a nearer one."""
    house.fail("1")
    cause = house.cause(ErrorType.SKU_NOT_FOUND)
    for code in ("H\u041eNEY-500", "HONEY-500 ", "HONEY-501"):
        house.books.products[code] = Choice(code, "Honey", code)
    house.fixing.suggest(cause, "H\u041e")
    assert house.cause(ErrorType.SKU_NOT_FOUND).near == "H\u041eNEY-500"
    house.fixing.suggest(house.cause(ErrorType.SKU_NOT_FOUND), "")
    assert house.cause(ErrorType.SKU_NOT_FOUND).near == "HONEY-500 "
    house.fixing.suggest(house.cause(ErrorType.SKU_NOT_FOUND), "H\u041e")
    assert house.cause(ErrorType.SKU_NOT_FOUND).near == "HONEY-500 "


@pytest.mark.parametrize("term", ["\U0001f36f" * 9, "x" * 500, "%' OR 1=1 --", "\x00", "ع" * 90])
def test_any_term_has_an_answer(house: House, term: str) -> None:
    """Emoji, 500 characters and what looks like a query find nothing, and break nothing."""
    house.fail("1")
    house.books.products["7"] = Choice("7", "Honey", "honey-500")
    assert house.fixing.suggest(house.cause(ErrorType.SKU_NOT_FOUND), term) == []


class Crashed(Exception):
    """The process ends here."""


def _crash_at(place: str) -> Callable[[str], None]:
    def reached(name: str) -> None:
        if name == place:
            raise Crashed

    return reached
