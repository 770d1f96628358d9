"""Puts orders into the store, documents into the books, and both into the past: parts of a story.

Prices are of which 15 % is exact, so that both systems agree to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.catalogue import CUSTOMERS, GOODS, NEAR_MISSES
from sandbox.daftra.site import CREDIT_NOTE, INVOICE, Document, Site, Tax
from sandbox.pasts import SUCCESS, Booked, Row, Stop, row_of
from sandbox.salla.store import (
    COMPLETED,
    CREDIT,
    MERCHANT,
    SALE,
    Customer,
    Invoice,
    Item,
    Order,
    Shop,
)

TAX_ID = 1
HOUR = timedelta(hours=1)
SYNCED_AFTER = HOUR / 2
"""From a document's issue to its first attempt."""

PAGES = {INVOICE: "/owner/invoices/view/", CREDIT_NOTE: "/owner/invoices/view_creditnote/"}
Sale = tuple[Order, Invoice]


@dataclass
class Seed:
    """Both systems, filled."""

    shop: Shop
    site: Site
    names: dict[str, int] = field(default_factory=dict)
    """Order numbers by what they are there for, such as `honey` or `closed`."""


class Teller:
    """Tells a story of `customers`, document by document, up to `now` (aware UTC)."""

    def __init__(self, now: datetime, customers: dict[str, Customer] = CUSTOMERS) -> None:
        self.now = now
        self.seed = Seed(Shop(), Site())
        self.customers = {name: replace(one) for name, one in customers.items()}
        self.seed.shop.customers = {one.id: one for one in self.customers.values()}
        self.number = 4040
        self.invoice_number = 1000
        self._clients: dict[str, int] = {}

    def masters(self, decoys: dict[str, str]) -> None:
        """Fill what the books know before any document: the tax, products, clients."""
        site = self.seed.site
        site.taxes[TAX_ID] = Tax(TAX_ID, "VAT 15 %", Decimal(15))
        site.last_id = 100
        for code, (name, price) in GOODS.items():
            site.add_product(name, code, price)
        for code, name in decoys.items():
            site.add_product(name, code)
        for one in self.customers.values():
            if one.email:
                name = f"{one.first_name} {one.last_name}"[:100]
                client = site.add_client(name, one.email, f"SALLA-{one.id}")
                self._clients[one.email] = client.id

    def sale(
        self,
        buyer: str,
        at: datetime,
        goods: Sequence[tuple[str, int]],
        *,
        shipping: Decimal = Decimal(0),
        currency: str = "SAR",
        price: Decimal | None = None,
        status: str = COMPLETED,
    ) -> Sale:
        """Put an order and its Tax Invoice into the store."""
        self.number += 1
        self.invoice_number += 1
        items = tuple(
            self.item(position, sku, quantity, price)
            for position, (sku, quantity) in enumerate(goods)
        )
        order_id = 2098000000 + self.number
        customer = self.customers[buyer].id
        order = Order(order_id, self.number, customer, status, at, items, currency)
        invoice = Invoice(
            1479000000 + self.number,
            f"INV-{self.invoice_number}",
            order_id,
            SALE,
            at + HOUR / 4,
            items,
            shipping,
            currency=currency,
        )
        self.seed.shop.add(order, invoice)
        return order, invoice

    def back(self, sale: Sale, at: datetime, goods: Sequence[tuple[str, int]]) -> Sale:
        """Put a Credit Note for some lines of a sale into the store."""
        order, sold = sale
        self.invoice_number += 1
        items = tuple(
            Item(sold.items[0].id, sold.items[0].name, sku, quantity, sold.items[0].price)
            for sku, quantity in goods
        )
        number = f"CN-{self.invoice_number}"
        note = Invoice(
            sold.id + 500000, number, order.id, CREDIT, at, items, currency=sold.currency
        )
        self.seed.shop.add(order, note)
        return order, note

    def item(self, position: int, sku: str, quantity: int, price: Decimal | None) -> Item:
        """Return a line of the order that is being told."""
        old = ("Old stock", Decimal(100))
        name, usual = (GOODS | NEAR_MISSES).get(sku, old)
        number = 365000000 + self.number * 10 + position
        return Item(number, name, sku, quantity, usual if price is None else price)

    def key(self, invoice: Invoice) -> str:
        """Return the key that the app gives this document."""
        return f"v1:salla:{MERCHANT}:{_kind(invoice)}:{invoice.id}"

    def book(self, order: Order, invoice: Invoice, *, keyed: bool) -> Document:
        """Put the document into the books, as the app would have."""
        site = self.seed.site
        kind = CREDIT_NOTE if invoice.kind == CREDIT else INVOICE
        fields = [{"label": "invsync_key", "value": self.key(invoice)}] if keyed else []
        booked = site.book(kind, self._head(order, invoice, kind), self._lines(invoice), fields)
        booked.created = invoice.at + SYNCED_AFTER
        booked.date = invoice.at.date().isoformat()
        if not keyed:
            booked.external_source = "manual"
        return booked

    def past(
        self,
        sale: Sale,
        outcomes: Sequence[str],
        *stops: Stop,
        booked: Document | None = None,
        began: datetime | None = None,
    ) -> Row:
        """Add a document's past: one attempt for each of `outcomes`, the last is how it stands."""
        order, invoice = sale
        if outcomes[-1] == SUCCESS:
            booked = self.book(order, invoice, keyed=True)
        number = None
        if booked:
            number = Booked(str(booked.id), booked.no, f"{PAGES[booked.type]}{booked.id}")
        started = began or invoice.at + SYNCED_AFTER
        row = row_of(self._named(order, invoice), outcomes, started, stops, number)
        self.seed.shop.history.append(row)
        return row

    def _head(self, order: Order, invoice: Invoice, kind: int) -> dict[str, Any]:
        site = self.seed.site
        email = self.seed.shop.customers[order.customer].email or ""
        head = {
            "client_id": self._clients[email],
            "client_email": email,
            "date": max(invoice.at.date().isoformat(), site.closed_before),
            "currency_code": invoice.currency,
            "po_number": f"SALLA-{order.reference_id}",
            "notes": f"Salla order {order.reference_id}",
        }
        if kind == CREDIT_NOTE:
            sales = (one for one in site.shown(INVOICE) if one.po_number == head["po_number"])
            head["subscription_id"] = next(sales).id
        return head

    def _lines(self, invoice: Invoice) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = [
            {
                "item": item.name,
                "product_id": getattr(self.seed.site.product_by_code(item.sku or ""), "id", None),
                "unit_price": str(item.price),
                "quantity": item.quantity,
                "tax1": TAX_ID,
            }
            for item in invoice.items
        ]
        if invoice.shipping:
            shipping = {"item": "Shipping", "unit_price": str(invoice.shipping), "quantity": 1}
            lines.append({**shipping, "tax1": TAX_ID})
        return lines

    def _named(self, order: Order, invoice: Invoice) -> Row:
        """Return what a row of the past says of the document itself."""
        customer = self.seed.shop.customers[order.customer]
        return {
            "source_id": str(invoice.id),
            "kind": _kind(invoice),
            "key": self.key(invoice),
            "order_id": str(order.id),
            "order_number": str(order.reference_id),
            "document_number": invoice.number,
            "issued": invoice.at.date().isoformat(),
            "amount": str(invoice.total),
            "currency": invoice.currency,
            "customer": f"{customer.first_name} {customer.last_name}",
        }


def _kind(invoice: Invoice) -> str:
    return "return" if invoice.kind == CREDIT else "invoice"


def no_sku(sku: str) -> Stop:
    """Return what stops a document with a line of which the books know no product."""
    return Stop("sku_not_found", sku, f"SKU {sku} not found in Daftra")


def no_email(customer: Customer) -> Stop:
    """Return what stops a document of a customer without an e-mail."""
    name = f"{customer.first_name} {customer.last_name}"
    key = f"{name} ({customer.id})"
    return Stop("customer_email_missing", key, f"{name} has no email", str(customer.id))
