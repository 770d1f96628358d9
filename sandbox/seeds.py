"""About 80 documents of the last days, in the store and in the books alike, and their past.

`seed(now)` is the same for the same `now`. What succeeded stands in both systems to the cent; what
failed would fail now for the reason in its past, as long as its cause stands. A few documents are
in no past: a sweep finds them. This is the small story of tests; `sandbox.story` tells the whole.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.catalogue import BUYERS, CUSTOMERS, DECOYS, GOODS, NEAR_MISSES, REFUSALS
from sandbox.daftra.site import Product
from sandbox.examples import examples
from sandbox.pasts import FAILED, POSTPONED, SUCCESS, Stop
from sandbox.telling import HOUR, Seed, Teller, no_email, no_sku

__all__ = ["Seed", "seed"]


def seed(now: datetime) -> Seed:
    """Fill both systems with the days before `now` (aware UTC)."""
    teller = _Small(now)
    teller.books()
    teller.quiet_days()
    teller.troubles()
    teller.oddities()
    teller.arrivals()
    history = teller.seed.shop.history
    history.sort(key=lambda row: str(row["discovered_at"]))
    return teller.seed


class _Small(Teller):
    """Tells the small story."""

    def books(self) -> None:
        """Fill what the books know before any document."""
        self.masters(DECOYS)
        site = self.seed.site
        for code, text in REFUSALS.items():
            number = site.next_id()
            site.products[number] = Product(number, "Old stock", code, refusal=text)
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
            self.past(sale, tries, no_sku("HONEY-500"))
            self.seed.names.setdefault("honey", sale[0].reference_id)
        for turn, sku in enumerate(code for code in NEAR_MISSES if code != "HONEY-500"):
            sale = self.sale("emoji", self.now - timedelta(hours=20 + 9 * turn), [(sku, 1)])
            self.past(sale, [FAILED], no_sku(sku))
        for hours, buyer, currency in (
            (4, "khalid", "SAR"),
            (26, "huda", "SAR"),
            (50, "austin", "USD"),
        ):
            customer = CUSTOMERS[buyer]
            goods = [("COFFEE-250", 3)]
            sale = self.sale(buyer, self.now - timedelta(hours=hours), goods, currency=currency)
            self.past(sale, [FAILED], no_email(customer))
            self.seed.names.setdefault("email", sale[0].reference_id)
        for hours in (6, 7):
            sale = self.sale("noor", self.now - timedelta(hours=hours), [("OUD-100", 1)])
            self.past(sale, [FAILED], Stop("unauthorized", "daftra", "Daftra: Unauthorized"))
            self.seed.names["token"] = sale[0].reference_id
        for hours, sku in ((9, "LEGACY-40"), (32, "LEGACY-41"), (56, "LEGACY-4000")):
            sale = self.sale("fahad", self.now - timedelta(hours=hours), [(sku, 1)])
            self.past(sale, [FAILED] * 3, Stop("unknown", "400", f"Daftra: {REFUSALS[sku]}"))
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
        self.past(sale, [FAILED], Stop("already_synced", str(order.reference_id), reason))
        self.seed.names["foreign"] = order.reference_id

    def mismatch(self) -> None:
        """Tell of a document that the books hold with a cent less."""
        sale = self.sale("mona", self.now - timedelta(hours=28), [("WIDGET-002", 1)])
        order, invoice = sale
        booked = self.book(order, invoice, keyed=True)
        booked.off_by = Decimal("-0.01")
        reason = f"Salla says SAR {invoice.total}, Daftra holds SAR {booked.total}"
        self.past(
            sale, [FAILED], Stop("amount_mismatch", invoice.number or "", reason), booked=booked
        )
        self.seed.names["mismatch"] = order.reference_id

    def closed(self) -> None:
        """Tell of a document from a period that the books have closed."""
        sale = self.sale("nakheel", self.now - timedelta(days=30), [("OUD-100", 1)])
        text = "Daftra: date: The date is in a closed period"
        self.past(sale, [FAILED, FAILED], Stop("period_closed", "date", text))

    def oddities(self) -> None:
        """Tell what is rare: three tries, a free sample, half a cent, a return that waits."""
        sale = self.sale("sara", self.now - timedelta(hours=60), [("WIDGET-001", 2)])
        self.past(sale, [FAILED, FAILED, SUCCESS], no_sku("WIDGET-001"))
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
        self.past(sale, [FAILED], no_sku("HONEY-500"))
        back = self.back(sale, self.now - timedelta(hours=8), [("HONEY-500", 1)])
        reason = f"The sale of order {sale[0].reference_id} is not synced yet"
        self.past(back, [POSTPONED], Stop("prerequisite_pending", str(sale[0].id), reason))
        self.seed.names["waiting"] = sale[0].reference_id
        for status, hours in (("in_progress", 2), ("under_review", 5)):
            self.sale("mona", self.now - timedelta(hours=hours), [("OUD-100", 1)], status=status)
            self.seed.names[status] = self.number

    def arrivals(self) -> None:
        """Tell what no log knows yet."""
        for order, *invoices in examples(self.now - timedelta(minutes=30)):
            self.seed.shop.add(order, *invoices)
