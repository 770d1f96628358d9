"""Documents as every connector reads them: frozen values in net amounts and one currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sync.money import Money, rounded


class Kind(StrEnum):
    """What a document is in the books."""

    INVOICE = "invoice"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose books a connection opens: what the system calls its company, store or site."""

    id: str
    name: str
    currency: str | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """The buyer, as the source knows it; `email` is None where there is none.

    `address` is the street address that bills go to, where the source tells one.
    """

    source_id: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None = None
    url: str | None = None
    company: str | None = None
    address: str | None = None

    @property
    def name(self) -> str:
        """What people call the customer: the company, else first and last name as one text."""
        return self.company or f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `unit_price` and `discount` (of the whole line) are net of tax, major units."""

    name: str
    sku: str | None
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    tax_percent: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """Shipping or a cash-on-delivery fee: a net amount that is taxed like a line."""

    name: str
    amount: Decimal
    tax_percent: Decimal


COPIED = "copied"
"""The status of a document that invsync itself made in this system: it never goes back."""


@dataclass(frozen=True, slots=True)
class Order:
    """The order behind documents: `number` is what people call it, `status` the system's slug.

    Where a system knows no orders (HubSpot, QuickBooks) the sale itself stands for its order, and
    a return names the order of its sale.
    """

    id: str
    number: str
    status: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Header:
    """What a source's list tells of a document before the document itself is read.

    `order` where the list tells it already; `follows_sale` where the document only matters if its
    sale was booked (the return that a voided sale stands for).
    """

    source_id: str
    kind: Kind
    number: str | None
    order_id: str
    issued: date
    total: Money | None
    order: Order | None = None
    follows_sale: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a return, whole: amounts in major units of `total.currency`, net lines.

    `discount` is the document's own, net, on top of the lines' discounts. `tax` is what the source
    charged in all. `reverses_sale`: the sale was voided and its source no longer tells amounts, so
    the total is that of the sale as it was booked. `refunded`: the money of a return went out.
    """

    source_id: str
    kind: Kind
    number: str | None
    order: Order
    issued: date
    customer: Customer
    lines: Sequence[Line]
    charges: Sequence[Charge]
    discount: Decimal
    tax: Money
    total: Money
    due: date | None = None
    refunded: bool = False
    reverses_sale: bool = False

    @property
    def called(self) -> str:
        """What people call it: its own number, else the order's."""
        return self.number or self.order.number


class Unbooked(StrEnum):
    """Why a document of a destination does not stand in its books."""

    DRAFT = "draft"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Booked:
    """A document as the destination holds it; `key` is ours, or None on a foreign document.

    `note` is a code for people where the document stands otherwise than one would expect, such as
    `credit_on_invoice`. `issued` is its day in the books, where the destination tells it; `state`
    is None where it stands in them.
    """

    id: str
    number: str | None
    kind: Kind
    key: str | None
    order_number: str | None
    total: Money
    url: str
    note: str | None = None
    issued: date | None = None
    state: Unbooked | None = None


def discounts_of(document: Document) -> list[Decimal]:
    """Return each line's discount, its share of the document's own discount included."""
    nets = [line.unit_price * line.quantity - line.discount for line in document.lines]
    whole, left, shares = sum(nets, Decimal(0)), document.discount, []
    for position, net in enumerate(nets, start=1):
        share = document.discount * net / whole if whole else Decimal(0)
        share = left if position == len(nets) else rounded(share, document.total.currency)
        left -= share
        shares.append(share)
    return [line.discount + share for line, share in zip(document.lines, shares, strict=True)]
