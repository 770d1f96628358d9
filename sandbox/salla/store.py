"""What the store holds: customers, orders, and the documents issued for them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.money import cents, taxed
from sandbox.oauth import Authority

TOKEN = "salla-sandbox-token"  # noqa: S105 - of the sandbox only
MERCHANT = "1305146709"
CLIENT_ID, CLIENT_SECRET = "salla-client", "salla-secret"
SCOPES = "offline_access orders.read products.read customers.read_write webhooks.read_write"
TWO_WEEKS_SECONDS = 14 * 24 * 3600.0
COMPLETED = "completed"
SALE, CREDIT = "Tax Invoice", "Credit Note"
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
    updated: datetime | None = None

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


def _authority() -> Authority:
    return Authority(
        CLIENT_ID, CLIENT_SECRET, SCOPES, TWO_WEEKS_SECONDS, rotates=True, single_use=True
    )


def _part(item: Item, quantity: int) -> Item:
    return replace(
        item, quantity=quantity, discount=cents(item.discount * quantity / item.quantity)
    )


def _nobody(event: str, about: Order | Invoice) -> None:
    del event, about


@dataclass
class Shop:
    """The store's data. `scopes` and `active` are what the static token may meet.

    `keeps_emails`: a change of a customer is answered well and its e-mail stays as it was. `shelf`
    has the goods, by SKU, that are sold and that nobody bought yet. `told` hears of every change:
    the name of the event, and the order or invoice it is about.
    """

    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    invoices: dict[int, Invoice] = field(default_factory=dict)
    shelf: dict[str, Item] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    token: str = TOKEN
    expired: bool = False
    active: bool = True
    keeps_emails: bool = False
    scopes: str = SCOPES
    per_minute: int = 120
    lock: threading.RLock = field(default_factory=threading.RLock)
    requests: int = 0
    authority: Authority = field(default_factory=_authority)
    told: Callable[[str, Order | Invoice], None] = _nobody

    def order_by_hash(self, ending: str) -> Order | None:
        """Return the order whose address ends so, or None."""
        return next((order for order in self.orders.values() if order.hash == ending), None)

    def invoices_of(self, order_id: int) -> list[Invoice]:
        """Return the documents of one order, oldest first."""
        found = [one for one in self.invoices.values() if one.order_id == order_id]
        return sorted(found, key=lambda one: one.at)

    def goods(self) -> dict[str, Item]:
        """Return what is or was sold with a SKU, by SKU, at its highest price: no free sample."""
        goods = dict(self.shelf)
        for order in self.orders.values():
            for item in order.items:
                if item.sku and (item.sku not in goods or item.price > goods[item.sku].price):
                    goods[item.sku] = replace(item, discount=Decimal(0))
        return goods

    def add(self, order: Order, *invoices: Invoice) -> None:
        """Put an order and its documents into the store, or an order's new status."""
        before = self.orders.get(order.id)
        self.orders[order.id] = order
        if before is None:
            self.told("order.created", order)
        elif before.status != order.status:
            self.told("order.status.updated", order)
        for invoice in invoices:
            self.invoices[invoice.id] = invoice
            self.told("invoice.created", invoice)
            if invoice.kind == CREDIT:
                self.told("order.refunded", order)

    # --- what a clerk does on the pages ----------------------------------------------------------

    def place(
        self, customer: int, wanted: Mapping[str, int], shipping: Decimal = Decimal(0)
    ) -> Order:
        """Sell `wanted` (quantities by SKU) to a customer: a completed order and its invoice."""
        with self.lock:
            goods, now = self.goods(), datetime.now(UTC)
            number = max(self.orders, default=2098000000) + 1
            reference = max((one.reference_id for one in self.orders.values()), default=4040) + 1
            items = tuple(
                replace(goods[sku], id=number * 10 + position, quantity=quantity)
                for position, (sku, quantity) in enumerate(wanted.items())
            )
            order = Order(number, reference, customer, COMPLETED, now, items)
            sale = Invoice(
                self._next_invoice(), f"INV-{reference}", number, SALE, now, items, shipping
            )
            self.add(order, sale)
        return order

    def take_back(self, order: Order, quantities: Mapping[int, int]) -> Invoice | None:
        """Issue a credit note for some of an order's lines; None where nothing is left of them.

        `quantities` by the line's id; never more than was sold and not yet taken back. The
        invoice's own discount comes back by the lines' share of it.
        """
        with self.lock:
            left = self.left_of(order)
            items = tuple(
                _part(item, quantity)
                for item in order.items
                if (quantity := min(quantities.get(item.id, 0), left[item.id])) > 0
            )
            if not items:
                return None
            number = self._next_invoice()
            note = Invoice(
                number,
                f"CN-{number}",
                order.id,
                CREDIT,
                datetime.now(UTC),
                items,
                currency=order.currency,
            )
            note = replace(note, discount=self._share(order, note))
            self.add(order, note)
        return note

    def _share(self, order: Order, note: Invoice) -> Decimal:
        sales = (one for one in self.invoices_of(order.id) if one.kind == SALE)
        sale = next(sales, None)
        if sale is None or not sale.sub_total:
            return Decimal(0)
        return cents(sale.discount * note.sub_total / sale.sub_total)

    def left_of(self, order: Order) -> dict[int, int]:
        """Return how much of each line (by id) was sold and not taken back."""
        left = {item.id: item.quantity for item in order.items}
        for note in self.invoices_of(order.id):
            for item in note.items if note.kind == CREDIT else ():
                left[item.id] = left.get(item.id, 0) - item.quantity
        return left

    def turn_to(self, order: Order, status: str) -> None:
        """Give an order another status."""
        self.add(replace(order, status=status, updated=datetime.now(UTC)))

    def _next_invoice(self) -> int:
        return max(self.invoices, default=1479000000) + 1
