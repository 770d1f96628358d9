"""The store's month: 720 documents of Salla, most of them in Daftra, 48 of them stopped."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from sandbox.catalogue import BUYERS, DECOYS, GOODS, REFUSALS
from sandbox.daftra.site import Product
from sandbox.pasts import FAILED, POSTPONED, PROCESSING, SUCCESS, Stop
from sandbox.story.people import NO_EMAIL, SHOPPERS
from sandbox.telling import HOUR, Sale, Seed, Teller, no_email, no_sku

HONEY, WIDGET = "HONEY-500", "widget-001"
MISSING = 38
ALSO_WIDGET = frozenset({3, 8, 13, 18, 23, 28, 33})
"""Of the 38, those that have a second line which the books do not know."""

WITHOUT_EMAIL = ("khalid", "huda", "forty", "forty_one", "reem", "yara", "khalid", "huda")
QUIET = 577
STEP = timedelta(minutes=73)
RETURNED = range(60, 500, 5)
"""Of the quiet sales, the 88 of which something came back."""

LOOKALIKES = {
    **DECOYS,
    "HONEY-500 ": "Honey 500 g, with a blank behind its code",
    "HONEY-٥٠٠": "عسل سدر ٥٠٠ جم",
    "H\u041eNEY-500": "Honey 500 g, typed on a Russian keyboard",
    "HONEY\u2011500": "Honey 500 g, pasted from a catalogue",
}
"""What the books have instead of the honey, each one next to the right code."""

LEGACY = "LEGACY-4000"
BUYING = (*BUYERS, "noura", "tariq", "jeddah", "majlis", "dallas")


def tell_shop(now: datetime) -> Seed:
    """Fill store and books with the month before `now` (aware UTC), and tell its past."""
    story = _Month(now)
    story.books()
    story.quiet_days()
    story.missing_honey()
    story.without_email()
    story.troubles()
    story.oddities()
    story.tell()
    return story.seed


class _Month(Teller):
    """Plans the sales of a month, then tells them oldest first, so that numbers rise."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now, SHOPPERS)
        self.number = 40400
        self.invoice_number = 5000
        self._plans: list[tuple[datetime, Callable[[datetime], None]]] = []

    def plan(self, ago: timedelta, told: Callable[[datetime], None]) -> None:
        """Plan something that happened so long ago."""
        self._plans.append((self.now - ago, told))

    def tell(self) -> None:
        """Tell all plans, the oldest first."""
        for at, told in sorted(self._plans, key=lambda one: one[0]):
            told(at)
        self.seed.shop.history.sort(key=lambda row: str(row["discovered_at"]))

    def books(self) -> None:
        """Fill what the books know before any document."""
        self.masters(LOOKALIKES)
        number = self.seed.site.next_id()
        refusal = REFUSALS[LEGACY]
        self.seed.site.products[number] = Product(number, "Old stock", LEGACY, refusal=refusal)

    def quiet_days(self) -> None:
        """Plan the many that went well, and what came back of some."""
        for turn in range(QUIET):
            self.plan(5 * HOUR + turn * STEP, partial(self._quiet, turn))

    def _quiet(self, turn: int, at: datetime) -> None:
        skus = list(GOODS)
        goods = [(skus[turn % len(skus)], 1 + turn % 3)]
        if turn % 4 == 0:
            goods.append((skus[(turn + 3) % len(skus)], 2))
        buyer = BUYING[turn % len(BUYING)]
        currency = "USD" if buyer == "dallas" else "SAR"
        shipping = Decimal(20) if turn % 3 and currency == "SAR" else Decimal(0)
        sale = self.sale(buyer, at, goods, shipping=shipping, currency=currency)
        self.past(sale, [SUCCESS])
        if turn in RETURNED:
            self.past(self.back(sale, at + 30 * HOUR, [(goods[0][0], 1)]), [SUCCESS])

    def missing_honey(self) -> None:
        """Plan what waits for one product, seven of them for a second one too."""
        for turn in range(MISSING):
            self.plan(2 * HOUR + turn * timedelta(minutes=117), partial(self._honey, turn))

    def _honey(self, turn: int, at: datetime) -> None:
        goods, stops = [(HONEY, 2 + turn % 5), ("TEA-200", 1)], [no_sku(HONEY)]
        if turn in ALSO_WIDGET:
            goods[1] = (WIDGET, 3)
            stops.append(no_sku(WIDGET))
        buyer = BUYERS[turn % len(BUYERS)]
        sale = self.sale(buyer, at, goods)
        tries = 3 if turn and buyer == "long" else 1 + turn % 2
        self.past(sale, [FAILED] * tries, *stops)
        number = sale[0].reference_id
        self.seed.names |= {"honey": number}  # told oldest first: the newest stays
        if buyer == "loud":
            self.seed.names["loud"] = number
        if turn in ALSO_WIDGET:
            self.seed.names["two_blockers"] = number
        if turn in {20, 30}:
            self._waiting(sale, at)

    def _waiting(self, sale: Sale, at: datetime) -> None:
        back = self.back(sale, at + 9 * HOUR, [(HONEY, 1)])
        reason = f"The sale of order {sale[0].reference_id} is not synced yet"
        self.past(back, [POSTPONED], Stop("prerequisite_pending", str(sale[0].id), reason))
        self.seed.names["waiting"] = sale[0].reference_id

    def without_email(self) -> None:
        """Plan eight sales to six people without an e-mail."""
        for turn, buyer in enumerate(WITHOUT_EMAIL):
            self.plan(timedelta(hours=4 + 53 * turn), partial(self._no_email, buyer))

    def _no_email(self, buyer: str, at: datetime) -> None:
        sale = self.sale(buyer, at, [("COFFEE-250", 3)])
        self.past(sale, [FAILED], no_email(NO_EMAIL[buyer]))
        self.seed.names["email"] = sale[0].reference_id

    def troubles(self) -> None:
        """Plan a text that nobody knows, and a cent that is not there."""
        self.plan(32 * HOUR, self._refused)
        self.plan(28 * HOUR, self._mismatch)

    def _refused(self, at: datetime) -> None:
        sale = self.sale("fahad", at, [(LEGACY, 1)])
        self.past(sale, [FAILED] * 3, Stop("unknown", "400", f"Daftra: {REFUSALS[LEGACY]}"))
        self.seed.names["refused"] = sale[0].reference_id

    def _mismatch(self, at: datetime) -> None:
        order, invoice = self.sale("mona", at, [("WIDGET-002", 1)])
        booked = self.book(order, invoice, keyed=True)
        booked.off_by = Decimal("-0.01")
        reason = f"Salla says SAR {invoice.total}, Daftra holds SAR {booked.total}"
        stop = Stop("amount_mismatch", invoice.number or "", reason)
        self.past((order, invoice), [FAILED], stop, booked=booked)
        self.seed.names["mismatch"] = order.reference_id

    def oddities(self) -> None:
        """Plan what is rare: three tries, nothing to pay, half a cent, less than nothing."""
        self.plan(60 * HOUR, self._third)
        for name, hours, sku, price in (
            ("free", 66, "TEA-200", "0"),
            ("half", 70, "TEA-200", "0.10"),
            ("negative", 90, "DATES-1KG", "-60"),
        ):
            self.plan(hours * HOUR, partial(self._priced, name, sku, Decimal(price)))
        self.plan(HOUR, self._running)
        for status, hours in (("in_progress", 2), ("under_review", 5)):
            self.plan(hours * HOUR, partial(self._unready, status))

    def _third(self, at: datetime) -> None:
        sale = self.sale("sara", at, [("WIDGET-001", 2)])
        self.past(sale, [FAILED, FAILED, SUCCESS], no_sku("WIDGET-001"))
        self.seed.names["third"] = sale[0].reference_id

    def _priced(self, name: str, sku: str, price: Decimal, at: datetime) -> None:
        sale = self.sale("emoji", at, [(sku, 1)], price=price)
        self.past(sale, [SUCCESS])
        self.seed.names[name] = sale[0].reference_id

    def _running(self, at: datetime) -> None:
        """Tell of a create whose answer was lost a moment ago: the books have the document."""
        sale = self.sale("nakheel", at, [("SAFFRON-5", 1)])
        booked = self.book(*sale, keyed=True)
        began = self.now - timedelta(seconds=15)
        self.past(sale, [PROCESSING], booked=booked, began=began)
        self.seed.names["running"] = sale[0].reference_id

    def _unready(self, status: str, at: datetime) -> None:
        self.sale("mona", at, [("OUD-100", 1)], status=status)
        self.seed.names[status] = self.number
