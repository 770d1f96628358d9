"""Documents as every connector reads them: frozen values in net amounts and one currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sync.money import Money


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
    """The buyer, as the source knows it; `email` is None where there is none."""

    source_id: str
    first_name: str
    last_name: str
    email: str | None
    phone: str | None = None
    url: str | None = None

    @property
    def name(self) -> str:
        """First and last name as one text."""
        return f"{self.first_name} {self.last_name}".strip()


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


@dataclass(frozen=True, slots=True)
class Header:
    """What a source's list tells of a document before the document itself is read."""

    source_id: str
    kind: Kind
    number: str | None
    order_id: str
    issued: date
    total: Money | None


@dataclass(frozen=True, slots=True)
class Order:
    """The order behind documents: `number` is what people call it, `status` the system's slug."""

    id: str
    number: str
    status: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a return, whole: amounts in major units of `total.currency`, net lines.

    `discount` is the document's own, net, on top of the lines' discounts.
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

    @property
    def called(self) -> str:
        """What people call it: its own number, else the order's."""
        return self.number or self.order.number
