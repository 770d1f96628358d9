"""A clock that tests turn, and the two ends of a route in memory, with faults by script."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sync.clock import Clock
from sync.connectors.base import (
    Choice,
    Destination,
    Good,
    Kept,
    Matches,
    Parent,
    Plan,
    Source,
)
from sync.documents import Account, Booked, Document, Header, Kind, Order
from sync.errors import ErrorType, Failure, FixData, ReadError
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Outcome, Rejected
from tests.builders import NOON, header_of


class TurnedClock:
    """Tells the time that a test has set; sleeping turns it on."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the present instant of the test."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Turn the clock on."""
        self.turn(seconds)

    def turn(self, seconds: float) -> None:
        """Turn the clock on by `seconds`."""
        with self._lock:
            self._now += timedelta(seconds=max(0.0, seconds))


@dataclass
class Shop:
    """A source that holds documents; `fails` makes its next reads fail."""

    documents: dict[str, Document] = field(default_factory=dict)
    fails: list[ReadError] = field(default_factory=list)
    refuses: list[ReadError] = field(default_factory=list)
    """What the next e-mails are answered with, instead of being kept."""

    system: str = "salla"

    def add(self, one: Document) -> Document:
        """Put a document on the shelf."""
        self.documents[one.source_id] = one
        return one

    def check(self) -> Account:
        """Say whose shop this is."""
        return Account("77", "Shop")

    def close(self) -> None:
        """Nothing to close."""

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield every header of the period."""
        last = until or date.max
        shelf = list(self.documents.values())
        return (header_of(one) for one in shelf if since <= one.issued <= last)

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield every header since that day: the shelf does not tell when it changed."""
        del after
        return self.headers(since)

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return the document that an event is about."""
        known = self.documents.get(object_id)
        return [header_of(known)] if known and entity == "invoice" else []

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the headers of one order."""
        return [header_of(one) for one in self.documents.values() if one.order.id == order.id]

    def order(self, order_id: str) -> Order:
        """Return one order."""
        return next(one.order for one in self.documents.values() if one.order.id == order_id)

    def order_by_number(self, number: str) -> Order | None:
        """Return the order with this number, or None."""
        found = (one.order for one in self.documents.values() if one.order.number == number)
        return next(found, None)

    def set_email(self, customer_id: str, email: str) -> None:
        """Give the customer an e-mail on all documents of theirs, unless the script refuses."""
        if self.refuses:
            raise self.refuses.pop(0)
        for one in list(self.documents.values()):
            if one.customer.source_id == customer_id:
                customer = replace(one.customer, email=email)
                self.documents[one.source_id] = replace(one, customer=customer)

    def goods(self) -> Iterator[Good]:
        """Yield what the documents sell."""
        lines = [line for one in self.documents.values() for line in one.lines]
        return (Good(sku, sku) for sku in dict.fromkeys(one.sku for one in lines) if sku)

    def read(self, source_id: str) -> Document:
        """Return one document."""
        if self.fails:
            raise self.fails.pop(0)
        return self.documents[source_id]


@dataclass(frozen=True)
class Entry:
    """One create that the books really made."""

    booked: Booked
    at: datetime


@dataclass
class Books:
    """A destination with its own ledger.

    `script` holds what happens to the next creates: created, lost (made, answer lost), dropped (not
    made, answer lost), not_sent, rejected.
    """

    clock: Clock
    ledger: list[Entry] = field(default_factory=list)
    script: list[str] = field(default_factory=list)
    fails: list[ReadError] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    near: dict[str, str] = field(default_factory=dict)
    """The codes that an answer holds beside a missing SKU."""

    refuses: list[ReadError] = field(default_factory=list)
    """What the next creates of a product are answered with."""

    made: list[Good] = field(default_factory=list)
    """The products that were asked for, with each create."""

    products: dict[str, Choice] = field(default_factory=dict)
    foresees: frozenset[ErrorType] = frozenset(
        {ErrorType.SKU_NOT_FOUND, ErrorType.CUSTOMER_EMAIL_MISSING}
    )
    keeps: frozenset[Kept] = frozenset({Kept.PRODUCT})
    lag: timedelta = timedelta(0)
    off_by: str = "0"
    rounding: str = "0"
    creates: int = 0
    looks: int = 0
    asked: int = 0
    at_create: Callable[[], None] | None = None
    at_find: Callable[[], None] | None = None
    """What happens once, between the next look for a document and its answer."""

    system: str = "daftra"

    def check(self) -> Account:
        """Say whose books these are."""
        return Account("9", "Books")

    def close(self) -> None:
        """Nothing to close."""

    def set_up(self) -> None:
        """Nothing to make."""

    def tolerance(self, document: Document) -> Money:
        """Return what the rounding of taxes may make."""
        return Money.of(self.rounding, document.total.currency)

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return what the index shows under our key, and a foreign document of the same order."""
        del parent
        self.looks += 1
        self._fail()
        seen = [e for e in self.ledger if e.booked.key == key and self._shown(e)]
        foreign = [
            one.booked
            for one in self.ledger
            if one.booked.key is None and one.booked.order_number == document.order.number
        ]
        if self.at_find:
            happens, self.at_find = self.at_find, None
            happens()
        return Matches(seen[0].booked if seen else None, foreign[0] if foreign else None)

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return one document by id: reads do not lag."""
        self._fail()
        for entry in self.ledger:
            if entry.booked.id == destination_id and entry.booked.kind is kind:
                return entry.booked
        raise FixData(Failure(ErrorType.NOT_FOUND, destination_id, "no such document"))

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return a failure for every SKU that is missing, and for an e-mail that is."""
        customer = document.customer
        name = customer.name
        missing = ErrorType.CUSTOMER_EMAIL_MISSING
        found = self._missing([line.sku or "" for line in document.lines])
        if customer.email is None:
            reason = f"{name} has no email"
            found.append(Failure(missing, name, reason, subject=customer.source_id))
        return found

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return a failure for every SKU that is missing."""
        self.asked += 1
        self._fail()
        return self._missing(skus)

    def _missing(self, skus: Sequence[str]) -> list[Failure]:
        return [
            Failure(
                ErrorType.SKU_NOT_FOUND,
                sku,
                f"SKU {sku} not found in Daftra",
                near=self.near.get(sku, ""),
            )
            for sku in skus
            if sku in self.missing
        ]

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return the products that were created here."""
        found = self.products.values() if kind is Kept.PRODUCT else ()
        return [one for one in found if term.casefold() in (one.code or "").casefold()]

    def choice(self, kind: Kept, record_id: str) -> Choice | None:
        """Return one product, or None."""
        return self.products.get(record_id) if kind is Kept.PRODUCT else None

    def create_product(self, good: Good) -> Choice:
        """Create the product, once, unless the script refuses."""
        if self.refuses:
            raise self.refuses.pop(0)
        self.made.append(good)
        known = next((one for one in self.products.values() if one.code == good.sku), None)
        if known is None:
            known = Choice(str(len(self.products) + 1), good.name, good.sku)
            self.products[known.id] = known
        self.missing.discard(good.sku)
        return known

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Return the body of a create."""
        body = {"key": key, "order": document.order.number, "parent": parent.id if parent else None}
        return Plan(document.kind, body, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Do what the script says."""
        if self.at_create:
            self.at_create()
        if self.clock.now() > sent_by:
            return NotSent(Failure(ErrorType.DESTINATION_DOWN, "books", "too late to send"))
        self.creates += 1
        answer = self.script.pop(0) if self.script else "created"
        match answer:
            case "not_sent":
                return NotSent(Failure(ErrorType.DESTINATION_DOWN, "books", "connection refused"))
            case "rejected":
                return Rejected(Failure(ErrorType.FIELD_INVALID, "date", "date is wrong"))
            case "dropped":
                return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, "", "Daftra did not answer"))
            case "lost":
                self._book(plan)
                return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, "", "Daftra did not answer"))
            case _:
                return Created(self._book(plan).id)

    def _book(self, plan: Plan) -> Booked:
        total = Money.of(plan.expected.amount + Money.of(self.off_by, "SAR").amount, "SAR")
        number = str(len(self.ledger) + 1)
        booked = Booked(
            number, number, plan.kind, plan.payload["key"], plan.payload["order"], total, "http://b"
        )
        self.ledger.append(Entry(booked, self.clock.now()))
        return booked

    def _shown(self, entry: Entry) -> bool:
        return entry.at + self.lag <= self.clock.now()

    def _fail(self) -> None:
        if self.fails:
            raise self.fails.pop(0)


@dataclass
class Ends:
    """Opens the same two ends for every route; slots cost no time."""

    shop: Shop
    books: Books

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return the shop and the books."""
        del route_id
        return self.shop, self.books

    def pace(self, connection_name: str) -> None:
        """Give a slot at once."""
