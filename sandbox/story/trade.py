"""The month between HubSpot and QuickBooks: 340 documents one way, 180 the other, 23 stopped."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial

from sandbox.hubspot.portal import Portal, Thing
from sandbox.pasts import FAILED, SUCCESS, Booked, Row, Stop, row_of
from sandbox.quickbooks.company import Company
from sandbox.seeds_crm import Trade
from sandbox.story import reasons
from sandbox.story.books import UNTAXED, Books
from sandbox.story.crm import RATES, Crm, Line, called
from sandbox.telling import HOUR

PARTNERS = ("dallas", "noor", "nakheel", "corner", "harbor", "summit")
SOLD = ("COFFEE-250", "KETTLE-17", "GRINDER-01", "FILTER-100", "TEA-200", "MUG-350", "WIDGET-002")
QUIET, STEP = 279, timedelta(minutes=150)
VOIDED = range(40, 240, 5)
"""Of HubSpot's quiet sales, the 40 that were voided after they had been booked."""

OWN_QUIET, OWN_STEP = 158, timedelta(minutes=270)
CREDITED = range(20, 120, 5)
"""Of QuickBooks' quiet sales, the 20 of which something came back."""

WITHOUT_EMAIL = (("austin", 5), ("austin", 60), ("delta", 130), ("ridge", 290))
TAXED, EIGHT = "2", "1"
ARRIVES = HOUR / 6
"""From a document to its first attempt."""

LONG_AGO = timedelta(days=60)
"""When the transactions were made that have our numbers: before anything is synced."""


def tell_trade(now: datetime) -> tuple[Trade, dict[str, list[Row]]]:
    """Fill both systems with the month before `now`; returns them and the past by source."""
    month = _Month(now)
    month.sales()
    month.own_sales()
    month.stopped()
    month.tell()
    for rows in month.history.values():
        rows.sort(key=lambda row: str(row["discovered_at"]))
    return month.trade, month.history


class _Month:
    """Plans what was sold in a month, then tells it oldest first."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.trade = Trade(Portal(), Company())
        self.crm, self.books = Crm(self.trade.portal), Books(self.trade.company)
        self.crm.masters()
        self.books.masters()
        self.opened = datetime.combine(now.date().replace(day=1), time(), UTC)
        self.closed_until = self.opened.date() - timedelta(days=1)
        self.trade.company.closed_before = self.closed_until.isoformat()
        self.history: dict[str, list[Row]] = {"hubspot": [], "quickbooks": []}
        self._plans: list[tuple[datetime, Callable[[datetime], None]]] = []

    def plan(self, ago: timedelta, told: Callable[[datetime], None]) -> None:
        """Plan something that happened so long ago."""
        self._plans.append((self.now - ago, told))

    def plan_open(self, hours: int, told: Callable[[datetime], None]) -> None:
        """Plan something for the month whose books are open, however young it is."""
        at = max(self.now - hours * HOUR, self.opened)
        self._plans.append((min(at, self.now - HOUR / 3), told))

    def tell(self) -> None:
        """Tell all plans, the oldest first."""
        for at, told in sorted(self._plans, key=lambda one: one[0]):
            told(at)

    # --- what went well ------------------------------------------------------------------------

    def sales(self) -> None:
        """Plan what HubSpot sold."""
        for turn in range(QUIET):
            self.plan(6 * HOUR + turn * STEP, partial(self._sale, turn))

    def _sale(self, turn: int, at: datetime) -> None:
        buyer, lines = PARTNERS[turn % len(PARTNERS)], _lines(turn)
        tax = EIGHT if turn % 9 == 4 else ""  # noqa: PLR2004 - one in nine, wherever it begins
        percent = RATES[tax] if tax else UNTAXED
        lines = lines[:1] if tax else lines
        invoice = self.crm.sale(buyer, at, lines, day=at.date(), tax=tax)
        document = self.crm.document(invoice, buyer)
        booked = self.books.copy(document, buyer, at + ARRIVES, lines, percent=percent)
        self._past("hubspot", document, at, booked=booked)
        if turn in VOIDED:
            self._void(invoice, buyer, at + 20 * HOUR, lines, percent, booked)

    def _void(
        self,
        invoice: Thing,
        buyer: str,
        at: datetime,
        lines: Sequence[Line],
        percent: Decimal,
        sale: Booked,
    ) -> None:
        self.crm.void(invoice, at)
        document = self.crm.document(invoice, buyer, voided=True)
        booked = self.books.copy(document, buyer, at + ARRIVES, lines, percent=percent, parent=sale)
        self._past("hubspot", document, at, booked=booked)
        self.trade.names["voided"] = document["document_number"]

    def own_sales(self) -> None:
        """Plan what QuickBooks sold by itself, and two that go nowhere without an e-mail."""
        for turn in range(OWN_QUIET):
            self.plan(8 * HOUR + turn * OWN_STEP, partial(self._own_sale, turn))
        for buyer, hours in (("mesa", 20), ("pine", 200)):
            self.plan(hours * HOUR, partial(self._own_stopped, buyer))

    def _own_sale(self, turn: int, at: datetime) -> None:
        buyers = (*PARTNERS, "lena")
        buyer, lines = buyers[turn % len(buyers)], _lines(turn + 3)
        sale = self.books.sale(buyer, at, lines)
        document = self.books.document("Invoice", sale, sale, buyer)
        booked = self.crm.copy(document, buyer, at + ARRIVES, lines)
        self._past("quickbooks", document, at, booked=booked)
        if turn in CREDITED:
            at += 26 * HOUR
            memo = self.books.back(sale, buyer, at, [(lines[0][0], 1)])
            document = self.books.document("CreditMemo", memo, sale, buyer)
            credited = self.crm.credit(booked.id, document, at + ARRIVES)
            self._past("quickbooks", document, at, booked=credited)
            self.trade.names["credited"] = document["document_number"]

    def _own_stopped(self, buyer: str, at: datetime) -> None:
        sale = self.books.sale(buyer, at, [("TEA-200", 12)])
        document = self.books.document("Invoice", sale, sale, buyer)
        customer = self.books.customers[buyer]["Id"]
        self._past("quickbooks", document, at, reasons.no_email(called(buyer), customer))
        self.trade.names["email_in_books"] = document["document_number"]

    # --- what did not --------------------------------------------------------------------------

    def stopped(self) -> None:
        """Plan what QuickBooks does not take, each kind for a reason of its own."""
        for buyer, hours in WITHOUT_EMAIL:
            self.plan_open(hours, partial(self._no_email, buyer))
        for turn in range(6):
            self.plan_open(9 + 31 * turn, partial(self._taxed, turn))
        for turn in range(5):
            self.plan_open(7 + 13 * turn, partial(self._closed, turn))
        for turn in range(3):
            self.plan_open(26 + 40 * turn, partial(self._taken, turn))
        for hours in (15, 48):
            self.plan_open(hours, self._pasted)
        self.plan_open(22, self._refused)

    def _no_email(self, buyer: str, at: datetime) -> None:
        document = self._sold(buyer, at, [("COFFEE-250", 12)])
        stop = reasons.no_email(called(buyer), self.crm.contacts[buyer])
        self._stop("email", document, at, stop)

    def _taxed(self, turn: int, at: datetime) -> None:
        lines = [(SOLD[turn], 4 + turn)]
        document = self._sold(PARTNERS[turn], at, lines, tax=TAXED)
        self._stop("tax", document, at, reasons.no_tax("15"))

    def _closed(self, turn: int, at: datetime) -> None:
        day = self.closed_until - timedelta(days=turn)
        document = self._sold(PARTNERS[turn], at, _lines(turn), day=day)
        stop = reasons.closed(self.closed_until.isoformat(), day.isoformat())
        self._stop("closed", document, at, stop)

    def _taken(self, turn: int, at: datetime) -> None:
        buyer = PARTNERS[turn]
        document = self._sold(buyer, at, [("SCALE-2KG", 3 + turn)])
        number = f"HS-{document['document_number']}"
        old = self.books.foreign(number, buyer, self.now - LONG_AGO)
        self._stop("taken", document, at, reasons.number_taken(number, old["Id"]))

    def _pasted(self, at: datetime) -> None:
        document = self._sold("canal", at, [("KETTLE-17", 2)])
        self._stop("address", document, at, reasons.long_address())

    def _refused(self, at: datetime) -> None:
        document = self._sold("harbor", at, [("LEGACY-7", 1)])
        self._stop("refused", document, at, reasons.says_nothing())

    # --- the parts -----------------------------------------------------------------------------

    def _sold(
        self,
        buyer: str,
        at: datetime,
        lines: Sequence[Line],
        *,
        day: date | None = None,
        tax: str = "",
    ) -> Row:
        invoice = self.crm.sale(buyer, at, lines, day=day or at.date(), tax=tax)
        return self.crm.document(invoice, buyer)

    def _stop(self, name: str, document: Row, at: datetime, stop: Stop) -> None:
        self._past("hubspot", document, at, stop)
        self.trade.names[name] = document["document_number"]

    def _past(
        self, source: str, document: Row, at: datetime, *stops: Stop, booked: Booked | None = None
    ) -> None:
        outcome = SUCCESS if booked else FAILED
        row = row_of(document, [outcome], at + ARRIVES, stops, booked)
        self.history[source].append(row)


def _lines(turn: int) -> list[Line]:
    """Return what is sold at a turn: one line or two."""
    lines = [(SOLD[turn % len(SOLD)], 2 + turn % 7)]
    if turn % 3 == 0:
        lines.append((SOLD[(turn + 2) % len(SOLD)], 1 + turn % 4))
    return lines
