"""What every connector can do. The docstrings are the contract; the engine knows nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sync.documents import Account, Document, Header, Kind, Order
from sync.errors import Failure
from sync.money import Money
from sync.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Booked:
    """A document as the destination holds it; `key` is ours, or None on a foreign document."""

    id: str
    number: str | None
    kind: Kind
    key: str | None
    order_number: str | None
    total: Money
    url: str


@dataclass(frozen=True, slots=True)
class Parent:
    """The sale a return belongs to, as the destination knows it."""

    id: str
    number: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A create ready to be sent: `payload` is the body, `expected` the total it must give."""

    kind: Kind
    payload: dict[str, Any]
    expected: Money


class Connector(Protocol):
    """An authenticated account of one system."""

    system: str

    def check(self) -> Account:
        """Ask, with a harmless read, whose account this is. Raises ReadError."""
        ...

    def close(self) -> None:
        """Give sockets back."""
        ...


class Source(Connector, Protocol):
    """Where documents come from. All reads raise Reconnect, FixData or TryLater."""

    def headers(self, since: date) -> Iterator[Header]:
        """Yield the header of each document issued on or after `since` (the source's own days)."""
        ...

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the headers of all documents of one order."""
        ...

    def order(self, order_id: str) -> Order:
        """Return the order with the system's id. Raises FixData(not_found)."""
        ...

    def order_by_number(self, number: str) -> Order | None:
        """Return the order that people call `number` (compared exactly), or None."""
        ...

    def read(self, source_id: str) -> Document:
        """Return the whole document. Raises FixData where it cannot be understood."""
        ...


class Destination(Connector, Protocol):
    """Where documents go. Reads raise; a create answers with a value."""

    def find(self, key: str, document: Document, parent: Parent | None) -> Booked | None:
        """Return the document that carries exactly our `key`, drafts included, or None."""
        ...

    def rival(self, document: Document) -> Booked | None:
        """Return a foreign document with the same order number, or None."""
        ...

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return the document with the destination's id. Raises FixData(not_found)."""
        ...

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return everything that stops `document` now, all at once, without writing anything."""
        ...

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Make the create ready: find or create the client, resolve products and taxes, sum up.

        Called only when `blockers` is empty. Raises FixData(amount_mismatch) where the sums
        differ from the document's total.
        """
        ...

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Send the create, once; NotSent if `sent_by` (UTC) has passed before it leaves."""
        ...


class Mappings(Protocol):
    """First of its kind: what stands for a customer or a product in a destination, made once.

    One implementation lives in the store (a row per connection, kind and key).
    """

    def get(self, kind: str, key: str) -> str | None:
        """Return the destination's id for `key`, or None."""
        ...

    def claim(self, kind: str, key: str) -> bool:
        """Return whether this caller may create it now; others wait until `put` or `release`."""
        ...

    def put(self, kind: str, key: str, value: str) -> None:
        """Remember the destination's id; replaces an older one."""
        ...

    def release(self, kind: str, key: str) -> None:
        """Give a claim back without a result."""
        ...

    def forget(self, kind: str, key: str) -> None:
        """Drop what is remembered: the destination no longer knows it."""
        ...


Pace = Callable[[], None]
"""Books the next slot of a connection's rate and waits for it; called before each request."""
