"""What every connector can do. The docstrings are the contract; the engine knows nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from sync.documents import Account, Booked, Document, Header, Kind, Order
from sync.errors import ErrorType, Failure
from sync.money import Money
from sync.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Parent:
    """The sale a return belongs to, as the destination knows it, and its amount as booked."""

    id: str
    number: str | None
    total: Money | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """What a look-up found: the document with exactly our key, else a foreign one of the order."""

    ours: Booked | None = None
    foreign: Booked | None = None


class Credential(Protocol):
    """What opens an account: a key that stays, or a token that is renewed by the clock."""

    def token(self) -> str:
        """Return a token that is good now, renewed first where it is about to end.

        Raises Reconnect or TryLater.
        """
        ...

    def renew(self, refused: str) -> bool:
        """Return whether another token is at hand for the one that was refused, to try once."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A credential that stays: an API key, a static token."""

    value: str

    def token(self) -> str:
        """Return it."""
        return self.value

    def renew(self, refused: str) -> bool:
        """There is no other one."""
        del refused
        return False


@dataclass(frozen=True, slots=True)
class Plan:
    """A create ready to be sent: `payload` is the body, `expected` the total it must give."""

    kind: Kind
    payload: dict[str, Any]
    expected: Money


class Kept(StrEnum):
    """What a destination keeps and a document refers to; also the kind of its mappings."""

    PRODUCT = "product"
    TAX = "tax"
    ACCOUNT = "account"
    INCOME = "income"
    """The account that sales of new products are booked on; chosen under NEW_PRODUCTS."""


NEW_PRODUCTS = "products"
"""The key under which a person chooses the income account of a destination's new products."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A record of a destination that a person may choose: its id, its name, and its code.

    The code is a product's SKU, a tax's percentage, an account's number; None where it has none.
    """

    id: str
    name: str
    code: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Good:
    """A product as its source keeps it; `price` is net, in the source's currency, if it has one."""

    sku: str
    name: str
    price: Money | None = None


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

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield the header of each document issued from `since` to `until` (the source's days).

        Documents that invsync itself made in this system are left out, here and in `changes`.
        """
        ...

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield what is new or changed since `after` (UTC), issued on or after `since`.

        Reaches back further than `after` by what the system's index lags; may repeat.
        """
        ...

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return the documents that an event about this object may concern, read anew."""
        ...

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the headers of all documents of one order."""
        ...

    def order(self, order_id: str) -> Order:
        """Return the order with the system's id. Raises FixData(not_found)."""
        ...

    def order_by_number(self, number: str) -> Order | None:
        """Return the order that people call `number` (compared exactly), or None.

        Its status is `COPIED` where invsync itself made it.
        """
        ...

    def read(self, source_id: str) -> Document:
        """Return the whole document. Raises FixData where it cannot be understood."""
        ...

    def set_email(self, customer_id: str, email: str) -> None:
        """Give the source's customer this e-mail; harmless when repeated.

        Raises FixData(customer_invalid) in the source's words where it refuses, FixData(not_found).
        """
        ...

    def goods(self) -> Iterator[Good]:
        """Yield the products that are sold there and have an SKU."""
        ...


class Destination(Connector, Protocol):
    """Where documents go. Reads raise; a create answers with a value."""

    foresees: frozenset[ErrorType]
    """What `blockers` always tells of: where it does not, a cause of this type is gone."""

    keeps: frozenset[Kept]
    """What a person may choose here to stand for something of a document."""

    def set_up(self) -> None:
        """Make what our marks need in the account (own properties); harmless when repeated.

        Called once a connection is made. Raises ReadError.
        """
        ...

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return the document that carries exactly our `key`, and a foreign one of the order.

        What an interrupted create of several steps left behind, and which a repetition of the same
        create completes, is not found.
        """
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
        """Send the create, once; NotSent if `sent_by` (UTC) has passed before it leaves.

        Where a create takes several requests, each leaves before `sent_by`. Raises ReadError only
        where the credential could not be renewed, that is: before anything was sent.
        """
        ...

    def tolerance(self, document: Document) -> Money:
        """Return by how much the booked total may differ through the rounding of taxes alone."""
        ...

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return at most 100 records whose name or code contains `term`, letter case aside.

        An empty term gives the first ones. What the system cannot search is walked and compared.
        """
        ...

    def choice(self, kind: Kept, record_id: str) -> Choice | None:
        """Return the record with this id, read anew, or None."""
        ...

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return why nothing stands for these exact SKUs (sku_not_found, item_inactive, conflict).

        What a person chose stands for its SKU while it is there and active. Read-only, and read
        anew. As in `blockers`, a failure names what looks like a missing SKU (`near`) where the
        answer held it.
        """
        ...

    def create_product(self, good: Good) -> Choice:
        """Create the product with exactly this SKU, or return the one that is there.

        One at a time over all processes: claimed, looked for, created, remembered. Raises TryLater
        while another one makes it and where the answer was lost (it is found next time), FixData
        where it is refused, and FixData(conflict) where several share the SKU.
        """
        ...


class Mappings(Protocol):
    """First of its kind: what stands for a customer or a product in a destination, made once.

    One implementation lives in the store (a row per connection, kind and key).
    """

    def get(self, kind: str, key: str) -> str | None:
        """Return the destination's id for `key`, or None."""
        ...

    def chosen(self, kind: str, key: str) -> str | None:
        """Return the id that a person chose to stand for `key`; it outlives `forget`."""
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
