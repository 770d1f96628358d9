"""What HubSpot's invoices say: status, marks of ours, money, credits that stand on them.

All property values are texts (HubSpot guide, section 3); money is decimal text in major units of
the invoice's `hs_currency`. Days are given as a day or as its midnight in UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sync.connectors.fields import Fields
from sync.documents import COPIED, Booked, Header, Kind, Order, Unbooked
from sync.money import Money, decimal_of

KEY, CREDITED, CREDITS = "invsync_key", "invsync_credited_total", "invsync_credit_refs"
LINE_KEY, SKU_KEY = "invsync_line_key", "invsync_sku"

DRAFT, OPEN, PAID, VOIDED = "draft", "open", "paid", "voided"
_STATES = {DRAFT: Unbooked.DRAFT, VOIDED: Unbooked.VOIDED}
VOID = "void-"
"""Begins the id of the return that a voided invoice stands for."""

CREDIT_ON_INVOICE = "credit_on_invoice"
"""HubSpot has no credit notes: a return stands on its invoice (guide, section 3)."""

INVOICE = (
    "hs_number",
    "hs_title",
    "hs_invoice_status",
    "hs_invoice_date",
    "hs_due_date",
    "hs_currency",
    "hs_amount_billed",
    "hs_amount_paid",
    KEY,
    CREDITS,
)


@dataclass(frozen=True, slots=True)
class Credit:
    """A return as it stands on its invoice: our key, its number and its amount."""

    key: str
    number: str
    total: Money

    def __str__(self) -> str:
        number = " ".join(self.number.replace("|", " ").split())
        return f"{self.key}|{number}|{self.total.amount}|{self.total.currency}"


def properties(one: Fields) -> Fields:
    """Return an object's properties."""
    return Fields(one.what, one.raw("properties"))


def amount_of(one: Fields, name: str) -> Decimal:
    """Return a property's amount, zero where it is null or empty."""
    return one.amount(name) if one.maybe(name) else Decimal(0)


def url_of(one: Fields, web_url: str, account: str, kind: str) -> str:
    """Return an object's page: as HubSpot gives it, else as its type id (`0-53`) makes it."""
    return one.maybe("url") or f"{web_url}/contacts/{account}/record/{kind}/{one.text('id')}"


def credits_of(invoice: Fields) -> list[Credit]:
    """Return the returns that stand on an invoice."""
    written = properties(invoice).maybe(CREDITS) or ""
    return list(parse_credits(written.splitlines()))


def parse_credits(lines: Sequence[str]) -> Iterator[Credit]:
    """Yield the returns that `Credit` wrote as lines; what a person typed between is left out."""
    for line in lines:
        key, _, rest = line.strip().partition("|")
        parts = rest.rsplit("|", 2)
        if key and len(parts) == 3:  # noqa: PLR2004 - number, amount, currency
            yield Credit(key, parts[0], Money.of(decimal_of(parts[1]), parts[2]))


def last_part(key: str) -> str:
    """Return the source's id of a document out of our key."""
    return key.rsplit(":", 1)[-1]


def total_of(invoice: Fields) -> Money:
    """Return what an invoice bills. Raises FixData where it does not say so."""
    given = properties(invoice)
    return Money.of(given.amount("hs_amount_billed"), given.text("hs_currency"))


def is_paid_in_part(invoice: Fields) -> bool:
    """Return whether money came in for an invoice."""
    return amount_of(properties(invoice), "hs_amount_paid") > Decimal(0)


def status_of(invoice: Fields) -> str:
    """Return the invoice's status; one that has none yet is a draft."""
    return properties(invoice).maybe("hs_invoice_status") or DRAFT


def order_of(invoice: Fields, url: str) -> Order:
    """Return the order that a sale stands for: the invoice itself."""
    given = properties(invoice)
    number = given.maybe("hs_number") or given.maybe("hs_title") or invoice.text("id")
    status = COPIED if given.maybe(KEY) else status_of(invoice)
    return Order(invoice.text("id"), number, status, url)


def header_of(invoice: Fields, url: str) -> Header | None:
    """Return what there is to sync of an invoice; None for a draft and for one of our own.

    A voided invoice stands for the return of its sale, dated as the sale: it undoes it.
    """
    given, status = properties(invoice), status_of(invoice)
    if status not in {OPEN, PAID, VOIDED} or given.maybe(KEY):
        return None
    is_voided = status == VOIDED
    return Header(
        source_id=f"{VOID if is_voided else ''}{invoice.text('id')}",
        kind=Kind.RETURN if is_voided else Kind.INVOICE,
        number=given.maybe("hs_number"),
        order_id=invoice.text("id"),
        issued=given.day("hs_invoice_date"),
        total=total_of(invoice) if given.maybe("hs_amount_billed") else None,
        order=order_of(invoice, url),
        follows_sale=is_voided,
    )


def booked_invoice(invoice: Fields, url: str) -> Booked:
    """Return an invoice as the books hold it."""
    given = properties(invoice)
    return Booked(
        id=invoice.text("id"),
        number=given.maybe("hs_number"),
        kind=Kind.INVOICE,
        key=given.maybe(KEY),
        order_number=given.maybe("hs_title"),
        total=total_of(invoice),
        url=url,
        issued=given.maybe_day("hs_invoice_date"),
        state=_STATES.get(status_of(invoice)),
    )


def booked_credit(invoice_id: str, credit: Credit, url: str) -> Booked:
    """Return a return as the books hold it: a line on its invoice."""
    return Booked(
        id=f"{invoice_id}/{last_part(credit.key)}",
        number=credit.number or None,
        kind=Kind.RETURN,
        key=credit.key,
        order_number=None,
        total=credit.total,
        url=url,
        note=CREDIT_ON_INVOICE,
    )
