"""What the store holds: customers, orders, and the documents issued for them."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.money import cents, taxed

TOKEN = "salla-sandbox-token"  # noqa: S105 - of the sandbox only
MERCHANT = "1305146709"
COMPLETED = "completed"
STATUSES = {
    "completed": (1298199463, "تم التنفيذ"),
    "in_progress": (1939592358, "قيد التنفيذ"),
    "under_review": (566146469, "بإنتظار المراجعة"),
    "restored": (1548352431, "مسترجع"),
}


@dataclass(slots=True)
class Customer:
    """Someone who bought; `email` is None for orders by mobile number."""

    id: int
    first_name: str
    last_name: str
    email: str | None
    mobile: int = 555000111


@dataclass(frozen=True, slots=True)
class Item:
    """A line: price and discount net of tax."""

    id: int
    name: str
    sku: str | None
    quantity: int
    price: Decimal
    discount: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What the line costs without tax."""
        return self.price * self.quantity - self.discount


@dataclass(frozen=True, slots=True)
class Order:
    """An order; `hash` is what its address in the dashboard ends with."""

    id: int
    reference_id: int
    customer: int
    status: str
    at: datetime
    items: tuple[Item, ...]
    currency: str = "SAR"

    @property
    def hash(self) -> str:
        """The end of the order's address: not its id."""
        return f"{(self.id * 7919) % 0xFFFFFFFF:08x}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A Tax Invoice, or a Credit Note for some lines of the order."""

    id: int
    number: str | None
    order_id: int
    kind: str
    at: datetime
    items: tuple[Item, ...]
    shipping: Decimal = Decimal(0)
    cod: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    percent: Decimal = Decimal(15)
    currency: str = "SAR"
    reference: str | None = None

    @property
    def sub_total(self) -> Decimal:
        """The lines without tax and without the invoice's own discount."""
        return sum((item.net for item in self.items), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """The tax on everything that was paid."""
        return taxed(self.sub_total - self.discount + self.shipping + self.cod, self.percent)

    @property
    def total(self) -> Decimal:
        """What was paid, with tax."""
        return cents(self.sub_total - self.discount + self.shipping + self.cod + self.tax)


@dataclass
class Shop:
    """The store's data. `scopes` and `active` are what a token may meet."""

    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    invoices: dict[int, Invoice] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    token: str = TOKEN
    expired: bool = False
    active: bool = True
    scopes: str = "offline_access orders.read products.read customers.read"
    per_minute: int = 120
    lock: threading.RLock = field(default_factory=threading.RLock)
    requests: int = 0

    def order_by_hash(self, ending: str) -> Order | None:
        """Return the order whose address ends so, or None."""
        return next((order for order in self.orders.values() if order.hash == ending), None)

    def invoices_of(self, order_id: int) -> list[Invoice]:
        """Return the documents of one order, oldest first."""
        found = [one for one in self.invoices.values() if one.order_id == order_id]
        return sorted(found, key=lambda one: one.at)

    def add(self, order: Order, *invoices: Invoice) -> None:
        """Put an order and its documents into the store."""
        self.orders[order.id] = order
        for invoice in invoices:
            self.invoices[invoice.id] = invoice
