"""About 80 documents of the last days, in the store and in the books alike, and their past.

`seed(now)` is the same for the same `now`. What succeeded stands in both systems to the cent; what
failed would fail now for the reason in its past, as long as its cause stands. A few documents are
in no past: a sweep finds them.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.catalogue import (
    BUYERS,
    CUSTOMERS,
    DECOYS,
    GOODS,
    NEAR_MISSES,
    REFUSALS,
)
from sandbox.daftra.site import CREDIT_NOTE, INVOICE, Product, Site, Tax
from sandbox.examples import examples
from sandbox.salla.store import MERCHANT, Invoice, Item, Order, Shop

TAX_ID = 1
HOUR = timedelta(hours=1)
SUCCESS, FAILED, PENDING = "success", "failed", "pending"
PEOPLE = {"oncall": ("U0ONCALL1", "Omar"), "clerk": ("U0CLERK01", "Layla")}


@dataclass
class Seed:
    """Both systems, filled."""

    shop: Shop
    site: Site
    names: dict[str, int] = field(default_factory=dict)
    """Order numbers by what they are there for, such as `honey` or `closed`."""


def seed(now: datetime) -> Seed:
    """Fill both systems with the days before `now` (aware UTC)."""
    teller = _Teller(now)
    teller.books()
    teller.quiet_days()
    teller.troubles()
    teller.oddities()
    teller.arrivals()
    history = teller.seed.shop.history
    history.sort(key=lambda row: str(row["discovered_at"]))
    return teller.seed


class _Teller:
    """Tells the story, document by document."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.seed = Seed(Shop(), Site())
        for customer in CUSTOMERS.values():
            self.seed.shop.customers[customer.id] = replace(customer)
        self.number = 4040
        self.invoice_number = 1000

    def books(self) -> None:
        """Fill what the books know before any document."""
        site = self.seed.site
        site.taxes[TAX_ID] = Tax(TAX_ID, "VAT 15 %", Decimal(15))
        site.last_id = 100
        for code, (name, price) in GOODS.items():
            site.add_product(name, code, price)
        for code, name in DECOYS.items():
            site.add_product(name, code)
        for code, text in REFUSALS.items():
            number = site.next_id()
            site.products[number] = Product(number, "Old stock", code, refusal=text)
        for one in self.seed.shop.customers.values():
            if one.email:
                name = f"{one.first_name} {one.last_name}"[:100]
                site.add_client(name, one.email, f"SALLA-{one.id}")
        site.closed_before = (self.now - timedelta(days=25)).date().isoformat()

    def quiet_days(self) -> None:
        """Tell the many that went well."""
        skus = list(GOODS)
        for turn in range(46):
            at = self.now - timedelta(hours=4 * turn + 5)
            items = [(skus[turn % len(skus)], 1 + turn % 3)]
            if turn % 4 == 0:
                items.append((skus[(turn + 3) % len(skus)], 2))
            shipping = Decimal(20) if turn % 3 else Decimal(0)
            sale = self.sale(BUYERS[turn % len(BUYERS)], at, items, shipping=shipping)
            self.past(sale, [SUCCESS])
        for hours, buyer in ((30, "dallas"), (78, "dallas"), (102, "dallas")):
            at = self.now - timedelta(hours=hours)
            sale = self.sale(buyer, at, [("COFFEE-250", 10)], currency="USD")
            self.past(sale, [SUCCESS])
        for hours in (40, 90):
            at = self.now - timedelta(hours=hours)
            sale = self.sale("sara", at, [("DATES-1KG", 4)])
            self.past(sale, [SUCCESS])
            self.past(self.back(sale, at + 6 * HOUR, [("DATES-1KG", 1)]), [SUCCESS])

    def troubles(self) -> None:
        """Tell what failed and still would, by error type."""
        buyers = ("nakheel", "noor", "mona", "loud", "fahad", "long")
        for turn, buyer in enumerate(buyers):
            at = self.now - timedelta(hours=3 + 12 * turn)
            sale = self.sale(buyer, at, [("HONEY-500", 2 + turn), ("TEA-200", 1)])
            tries = [FAILED] * (3 if buyer == "long" else 1 + turn % 2)
            self.past(sale, tries, "sku_not_found", "HONEY-500", _no_sku("HONEY-500"))
            self.seed.names.setdefault("honey", sale[0].reference_id)
        for turn, sku in enumerate(code for code in NEAR_MISSES if code != "HONEY-500"):
            sale = self.sale("emoji", self.now - timedelta(hours=20 + 9 * turn), [(sku, 1)])
            self.past(sale, [FAILED], "sku_not_found", sku, _no_sku(sku))
        for hours, buyer, currency in (
            (4, "khalid", "SAR"),
            (26, "huda", "SAR"),
            (50, "austin", "USD"),
        ):
            customer = CUSTOMERS[buyer]
            goods = [("COFFEE-250", 3)]
            sale = self.sale(buyer, self.now - timedelta(hours=hours), goods, currency=currency)
            name = f"{customer.first_name} {customer.last_name}"
            cause = ("customer_email_missing", f"{name} ({customer.id})", f"{name} has no email")
            self.past(sale, [FAILED], *cause)
            self.seed.names.setdefault("email", sale[0].reference_id)
        for hours in (6, 7):
            sale = self.sale("noor", self.now - timedelta(hours=hours), [("OUD-100", 1)])
            self.past(sale, [FAILED], "unauthorized", "daftra", "Daftra: Unauthorized")
            self.seed.names["token"] = sale[0].reference_id
        for hours, sku in ((9, "LEGACY-40"), (32, "LEGACY-41"), (56, "LEGACY-4000")):
            sale = self.sale("fahad", self.now - timedelta(hours=hours), [(sku, 1)])
            self.past(sale, [FAILED] * 3, "unknown", "400", f"Daftra: {REFUSALS[sku]}")
        self.foreign()
        self.mismatch()
        self.closed()

    def foreign(self) -> None:
        """Tell of a sale that a clerk typed into the books by hand."""
        sale = self.sale("sara", self.now - timedelta(hours=11), [("SAFFRON-5", 2)])
        order, invoice = sale
        booked = self.book(order, invoice, keyed=False)
        reason = (
            f"{booked.no} holds order {order.reference_id} over SAR {invoice.total} and is not ours"
        )
        self.past(sale, [FAILED], "already_synced", str(order.reference_id), reason)
        self.seed.names["foreign"] = order.reference_id

    def mismatch(self) -> None:
        """Tell of a document that the books hold with a cent less."""
        sale = self.sale("mona", self.now - timedelta(hours=28), [("WIDGET-002", 1)])
        order, invoice = sale
        booked = self.book(order, invoice, keyed=True)
        booked.off_by = Decimal("-0.01")
        reason = f"Salla says SAR {invoice.total}, Daftra holds SAR {booked.total}"
        self.past(sale, [FAILED], "amount_mismatch", invoice.number, reason, booked=booked.id)
        self.seed.names["mismatch"] = order.reference_id

    def closed(self) -> None:
        """Tell of a document from a period that the books have closed."""
        sale = self.sale("nakheel", self.now - timedelta(days=30), [("OUD-100", 1)])
        text = "Daftra: date: The date is in a closed period"
        self.past(sale, [FAILED, FAILED], "period_closed", "date", text)

    def oddities(self) -> None:
        """Tell what is rare: three tries, a free sample, half a cent, a return that waits."""
        sale = self.sale("sara", self.now - timedelta(hours=60), [("WIDGET-001", 2)])
        self.past(
            sale, [FAILED, FAILED, SUCCESS], "sku_not_found", "WIDGET-001", _no_sku("WIDGET-001")
        )
        self.seed.names["third"] = sale[0].reference_id
        free = self.sale(
            "emoji", self.now - timedelta(hours=66), [("TEA-200", 1)], price=Decimal(0)
        )
        self.past(free, [SUCCESS])
        half = self.sale(
            "fahad", self.now - timedelta(hours=70), [("TEA-200", 1)], price=Decimal("0.10")
        )
        self.past(half, [SUCCESS])
        sale = self.sale("noor", self.now - timedelta(hours=16), [("HONEY-500", 1)])
        self.past(sale, [FAILED], "sku_not_found", "HONEY-500", _no_sku("HONEY-500"))
        back = self.back(sale, self.now - timedelta(hours=8), [("HONEY-500", 1)])
        reason = f"The sale of order {sale[0].reference_id} is not synced yet"
        self.past(back, ["postponed"], "prerequisite_pending", str(sale[0].id), reason)
        self.seed.names["waiting"] = sale[0].reference_id
        for status, hours in (("in_progress", 2), ("under_review", 5)):
            self.sale("mona", self.now - timedelta(hours=hours), [("OUD-100", 1)], status=status)
            self.seed.names[status] = self.number

    def arrivals(self) -> None:
        """Tell what no log knows yet."""
        for order, *invoices in examples(self.now - timedelta(minutes=30)):
            self.seed.shop.add(order, *invoices)

    # --- the parts -----------------------------------------------------------------------------

    def sale(
        self,
        buyer: str,
        at: datetime,
        goods: list[tuple[str, int]],
        *,
        shipping: Decimal = Decimal(0),
        currency: str = "SAR",
        price: Decimal | None = None,
        status: str = "completed",
    ) -> tuple[Order, Invoice]:
        """Put an order and its Tax Invoice into the store."""
        self.number += 1
        self.invoice_number += 1
        items = tuple(
            self.item(position, sku, quantity, price)
            for position, (sku, quantity) in enumerate(goods)
        )
        order_id = 2098000000 + self.number
        customer = CUSTOMERS[buyer].id
        order = Order(order_id, self.number, customer, status, at, items, currency)
        invoice = Invoice(
            1479000000 + self.number,
            f"INV-{self.invoice_number}",
            order_id,
            "Tax Invoice",
            at + HOUR / 4,
            items,
            shipping,
            currency=currency,
        )
        self.seed.shop.add(order, invoice)
        return order, invoice

    def back(
        self, sale: tuple[Order, Invoice], at: datetime, goods: list[tuple[str, int]]
    ) -> tuple[Order, Invoice]:
        """Put a Credit Note for some lines of a sale into the store."""
        order, sold = sale
        self.invoice_number += 1
        items = tuple(
            Item(sold.items[0].id, sold.items[0].name, sku, quantity, sold.items[0].price)
            for sku, quantity in goods
        )
        number = f"CN-{self.invoice_number}"
        note = Invoice(sold.id + 500000, number, order.id, "Credit Note", at, items)
        self.seed.shop.add(order, note)
        return order, note

    def item(self, position: int, sku: str, quantity: int, price: Decimal | None) -> Item:
        """Return a line of the order that is being told."""
        old = ("Old stock", Decimal(100))
        name, usual = (GOODS | NEAR_MISSES).get(sku, old)
        return Item(
            365000000 + self.number * 10 + position,
            name,
            sku,
            quantity,
            usual if price is None else price,
        )

    def key(self, invoice: Invoice) -> str:
        """Return the key that the app gives this document."""
        kind = "return" if invoice.kind == "Credit Note" else "invoice"
        return f"v1:salla:{MERCHANT}:{kind}:{invoice.id}"

    def book(self, order: Order, invoice: Invoice, *, keyed: bool) -> Any:
        """Put the document into the books, as the app would have."""
        site = self.seed.site
        customer = self.seed.shop.customers[order.customer]
        client = next(one for one in site.clients.values() if one.email == customer.email)
        kind = CREDIT_NOTE if invoice.kind == "Credit Note" else INVOICE
        head = {
            "client_id": client.id,
            "client_email": client.email,
            "date": max(invoice.at.date().isoformat(), site.closed_before),
            "currency_code": invoice.currency,
            "po_number": f"SALLA-{order.reference_id}",
            "notes": f"Salla order {order.reference_id}",
        }
        lines = [
            {
                "item": item.name,
                "product_id": getattr(site.product_by_code(item.sku or ""), "id", None),
                "unit_price": str(item.price),
                "quantity": item.quantity,
                "tax1": TAX_ID,
            }
            for item in invoice.items
        ]
        if invoice.shipping:
            shipping = {"item": "Shipping", "unit_price": str(invoice.shipping), "quantity": 1}
            lines.append({**shipping, "tax1": TAX_ID})
        if kind == CREDIT_NOTE:
            sales = (one for one in site.shown(INVOICE) if one.po_number == head["po_number"])
            head["subscription_id"] = next(sales).id
        fields = [{"label": "invsync_key", "value": self.key(invoice)}] if keyed else []
        booked = site.book(kind, head, lines, fields)
        booked.created = invoice.at + HOUR / 2
        booked.date = invoice.at.date().isoformat()
        if not keyed:
            booked.external_source = "manual"
        return booked

    def past(
        self,
        sale: tuple[Order, Invoice],
        outcomes: list[str],
        error_type: str | None = None,
        cause_key: str | None = None,
        reason: str | None = None,
        booked: int | None = None,
    ) -> None:
        """Add a document's past: one attempt for each of `outcomes`, the last is how it stands."""
        order, invoice = sale
        last = outcomes[-1]
        if last == SUCCESS:
            booked = self.book(order, invoice, keyed=True).id
        tries = [
            self.attempt(number, invoice, outcome, error_type, reason)
            for number, outcome in enumerate(outcomes, start=1)
        ]
        customer = self.seed.shop.customers[order.customer]
        document = self.seed.site.documents.get(booked or 0)
        name = f"{customer.first_name} {customer.last_name}"
        self.seed.shop.history.append(
            self.named(order, invoice)
            | {
                "customer": name,
                "status": PENDING if last == "postponed" else last,
                "cause_key": None if last == SUCCESS else cause_key,
                "waiting_for": "prerequisite" if last == "postponed" else None,
                "retries": len(outcomes) - 1,
                "discovered_at": tries[0]["started_at"],
                "attempts": tries,
                "destination_id": str(document.id) if document else None,
                "destination_number": document.no if document else None,
            }
        )

    def named(self, order: Order, invoice: Invoice) -> dict[str, Any]:
        """Return what a row of the past says of the document itself."""
        return {
            "source_id": str(invoice.id),
            "kind": "return" if invoice.kind == "Credit Note" else "invoice",
            "key": self.key(invoice),
            "order_id": str(order.id),
            "order_number": str(order.reference_id),
            "document_number": invoice.number,
            "issued": invoice.at.date().isoformat(),
            "amount": str(invoice.total),
            "currency": invoice.currency,
        }

    def attempt(
        self,
        number: int,
        invoice: Invoice,
        outcome: str,
        error_type: str | None,
        reason: str | None,
    ) -> dict[str, Any]:
        """Return one attempt: the first by the sweep, the others by people."""
        started = invoice.at + HOUR / 2 + (number - 1) * HOUR / 2
        who = PEOPLE["clerk" if number % 2 else "oncall"]
        good = outcome == SUCCESS
        return {
            "number": number,
            "trigger": "sweep" if number == 1 else "person",
            "actor": ["engine", ""] if number == 1 else list(who),
            "started_at": started.isoformat(),
            "finished_at": (started + timedelta(seconds=2 + number)).isoformat(),
            "outcome": outcome,
            "error_type": None if good else error_type,
            "reason": None if good else reason,
        }


def _no_sku(sku: str) -> str:
    return f"SKU {sku} not found in Daftra"
