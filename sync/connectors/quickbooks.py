"""QuickBooks Online (Accounting API v3) as a source: invoices, credit memos and refund receipts.

QuickBooks knows no orders behind invoices: an invoice is its own order, a credit is a return of the
invoice that it names, and a voided or deleted invoice that was booked is a return of the whole
sale. What invsync made here carries our key in its private note and never goes back.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sync.connectors import quickbooks_mending as mending
from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_answers import is_expired
from sync.connectors.quickbooks_api import Api, quoted
from sync.connectors.quickbooks_facts import Known
from sync.connectors.quickbooks_reading import (
    CREDIT,
    ENTITIES,
    PREFIXES,
    REFUND,
    SALE,
    US_DOLLAR,
    VOID,
    customer_of,
    document_of,
    header_of,
    is_deleted,
    items_of,
    key_in,
    number_of,
    sale_of,
    status_of,
)
from sync.connectors.spec import Opened
from sync.documents import COPIED, Account, Customer, Document, Header, Kind, Order
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money

BASE_URL = "https://quickbooks.api.intuit.com"
SANDBOX_URL = "https://sandbox-quickbooks.api.intuit.com"
WEB_URL, SANDBOX_WEB_URL = "https://app.qbo.intuit.com", "https://app.sandbox.qbo.intuit.com"
PREFIX = "/v3/company"
WIDTH = 10
OVERLAP = timedelta(minutes=5)
REACH = timedelta(days=29)
"""How far back changes are told, less a day for the clocks (guide, section 2: 30 days)."""

MOST_CHANGES = 1000
RECENT = 20

__all__ = [
    "BASE_URL",
    "PREFIX",
    "WIDTH",
    "QuickBooksAccount",
    "QuickBooksSource",
    "is_expired",
    "web_url_of",
]


def web_url_of(base_url: str) -> str:
    """Return where people open transactions of the API at `base_url`."""
    known = {BASE_URL: WEB_URL, SANDBOX_URL: SANDBOX_WEB_URL}
    return known.get(base_url, base_url)


class QuickBooksAccount:
    """What both ends share: one company, and who it is; `account` is its realm id."""

    system = "quickbooks"

    def __init__(self, opened: Opened) -> None:
        self._name = opened.name
        self._realm = opened.account
        self._web_url = opened.web_url
        self._transport = opened.transport
        self._clock = opened.clock
        root = f"{opened.prefix.rstrip('/')}/{opened.account}"
        self._api = Api(opened.name, root, opened.transport, opened.clock)
        self._mappings = opened.mappings
        self._known = Known(self._api, opened.account, opened.clock)

    def close(self) -> None:
        """Give sockets back."""
        self._transport.close()

    def check(self) -> Account:
        """Ask whose company this is. Raises ReadError; a token of another company says so."""
        if not self._realm:
            reason = "QuickBooks names its company by a realm id: give it with --account"
            raise FixData(Failure(ErrorType.FIELD_INVALID, "account", reason))
        facts = self._known.facts()
        warnings = []
        if not facts.custom_numbers:
            warnings.append(
                "Custom transaction numbers are off: QuickBooks numbers documents by itself, and "
                "invsync cannot find them again by number. Switch them on under Sales settings."
            )
        rows = self._api.query(SALE, "", "orderby MetaData.LastUpdatedTime desc", RECENT)
        if any(map(_is_from_hubspot, rows)):
            warnings.append(
                "HubSpot's own QuickBooks sync seems to create invoices here: switch it off, "
                "or every sale is booked twice."
            )
        return Account(self._realm, facts.name, facts.currency, tuple(warnings))

    def _home(self) -> str:
        return self._known.facts().currency or US_DOLLAR

    def _url(self, entity: str, row: Fields) -> str:
        return f"{self._web_url}/app/{entity.lower()}?txnId={row.text('Id')}"


class QuickBooksSource(QuickBooksAccount):
    """One company as a source."""

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield the header of each transaction dated from `since` to `until`."""
        period = f"TxnDate >= {quoted(since.isoformat())}"
        if until:
            period += f" and TxnDate <= {quoted(until.isoformat())}"
        for entity in ENTITIES:
            for row in self._api.all(entity, period):
                yield from self._told(entity, row)

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield what changed since `after`, deletions included; older than 30 days: the list.

        A page of changes that is full may leave some out: then the list is walked by its times.
        """
        began = after - OVERLAP
        if self._clock.now() - began > REACH:
            yield from self.headers(since)
            return
        told = self._api.changes(ENTITIES, began)
        is_full = sum(len(rows) for rows in told.values()) >= MOST_CHANGES
        for entity, rows in told.items():
            gone = [self._gone(entity, row.text("Id")) for row in rows if is_deleted(row)]
            kept = (row for row in rows if not is_deleted(row))
            for row in (*gone, *(self._api.since(entity, began) if is_full else kept)):
                for header in self._told(entity, row):
                    if header.issued >= since or header.follows_sale:
                        yield header

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return the transaction that an event is about, read anew; a deleted one as voided."""
        named = next((one for one in ENTITIES if one.lower() == entity.lower()), None)
        if named is None:
            return ()
        row = self._one_or_deleted(named, object_id)
        return list(self._told(named, row))

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the sale and every credit and refund that belongs to it."""
        entity, number = _named(order.id)
        sale = self._one_or_deleted(entity, number)
        found = list(self._told(entity, sale))
        buyer = sale.inner_or_empty("CustomerRef").maybe("value")
        if entity == SALE and buyer:
            for kind in (CREDIT, REFUND):
                rows = self._api.all(kind, f"CustomerRef = {quoted(buyer)}")
                mine = (row for row in rows if sale_of(row) == order.id)
                found += [header for row in mine for header in self._told(kind, row)]
        return found

    def order(self, order_id: str) -> Order:
        """Return the sale that stands for an order. Raises FixData(not_found)."""
        entity, number = _named(order_id)
        return self._order(entity, self._api.one(entity, number))

    def order_by_number(self, number: str) -> Order | None:
        """Return the sale with exactly this number, or that of the credit which has it."""
        for entity in ENTITIES:
            for row in self._api.query(entity, f"DocNumber = {quoted(number)}"):
                if row.maybe("DocNumber") != number:
                    continue
                sale = sale_of(row) if entity != SALE else None
                return self.order(sale) if sale else self._order(entity, row)
        if number.isdecimal():
            for row in self._api.query(SALE, f"Id = {quoted(number)}"):
                return self._order(SALE, row)
        return None

    def read(self, source_id: str) -> Document:
        """Return a whole transaction. Raises FixData where it cannot be booked as it is."""
        if source_id.startswith(VOID):
            return self._voided(source_id)
        entity, number = _named(source_id)
        row = self._api.one(entity, number)
        status = status_of(row)
        if status == "voided":
            reason = f"Invoice {number_of(row)} was voided in QuickBooks before it was synced"
            reason += "; there is nothing to book"
            raise FixData(Failure(ErrorType.NOT_FOUND, source_id, reason))
        if status == COPIED:
            reason = f"{number_of(row)} was made by invsync itself; it never goes back"
            raise FixData(Failure(ErrorType.NOT_FOUND, source_id, reason))
        order = self._order(SALE, row) if entity == SALE else self._order_of_credit(entity, row)
        facts, skus = self._known.facts(), self._skus(items_of(row))
        return document_of(source_id, entity, row, self._customer(row), order, skus, facts)

    def set_email(self, customer_id: str, email: str) -> None:
        """Give the customer this primary e-mail. Raises ReadError, FixData where it is refused."""
        mending.set_email(self._api, customer_id, email)

    def goods(self) -> Iterator[Good]:
        """Yield the active items that have an SKU; prices in the company's currency."""
        return mending.goods(self._api, self._home())

    def _voided(self, source_id: str) -> Document:
        """Return a voided or deleted sale as a return: its amounts are those that were booked."""
        row = self._one_or_deleted(SALE, source_id.removeprefix(VOID))
        if status_of(row) not in {"voided", "deleted"}:
            reason = f"Invoice {number_of(row)} is not voided any more"
            raise FixData(Failure(ErrorType.NOT_READY, source_id, reason))
        currency = row.inner_or_empty("CurrencyRef").maybe("value")
        nothing = Money.of(0, currency or self._home())
        issued = row.day("TxnDate") if row.maybe("TxnDate") else self._clock.now().date()
        return Document(
            source_id=source_id,
            kind=Kind.RETURN,
            number=f"{number_of(row)}-VOID",
            order=self._order(SALE, row),
            issued=issued,
            customer=Customer("", row.inner_or_empty("CustomerRef").maybe("name") or "", "", None),
            lines=(),
            charges=(),
            discount=Decimal(0),
            tax=nothing,
            total=nothing,
            reverses_sale=True,
        )

    def _order_of_credit(self, entity: str, row: Fields) -> Order:
        sale = sale_of(row)
        if sale is None:
            title = "Credit memo" if entity == CREDIT else "Refund receipt"
            reason = (
                f"{title} {number_of(row)} names no invoice, and a credit is kept on its invoice. "
                "Link it to the invoice in QuickBooks, then retry"
            )
            raise FixData(Failure(ErrorType.FIELD_INVALID, "LinkedTxn", reason))
        return self.order(sale)

    def _one_or_deleted(self, entity: str, number: str) -> Fields:
        try:
            return self._api.one(entity, number)
        except FixData as error:
            if error.failure.error_type is not ErrorType.NOT_FOUND:
                raise
            return self._gone(entity, number)

    def _gone(self, entity: str, number: str) -> Fields:
        """Return what is left of a deleted object; its stub need not say when it went."""
        now = self._clock.now().isoformat()
        left = {"Id": number, "status": "Deleted", "MetaData": {"LastUpdatedTime": now}}
        return Fields(f"QuickBooks' {entity} {number}", left)

    def _told(self, entity: str, row: Fields) -> Iterator[Header]:
        header = header_of(entity, row, self._url(entity, row), self._home())
        if header:
            yield header

    def _order(self, entity: str, row: Fields) -> Order:
        order_id = f"{PREFIXES.get(entity, '')}{row.text('Id')}"
        return Order(order_id, number_of(row), status_of(row), self._url(entity, row))

    def _customer(self, row: Fields) -> Customer:
        number = row.inner_or_empty("CustomerRef").maybe("value")
        found = self._api.one("Customer", number) if number else None
        page = f"{self._web_url}/app/customerdetail?nameId={number}" if number else None
        return customer_of(row, found, page)

    def _skus(self, items: Sequence[str]) -> dict[str, str | None]:
        if not items:
            return {}
        rows = self._api.among("Item", "Id", items, " and Active in (true, false)")
        return {row.text("Id"): row.maybe("Sku") for row in rows}


def _named(source_id: str) -> tuple[str, str]:
    """Return entity and id of a document's source id."""
    for entity, prefix in PREFIXES.items():
        if source_id.startswith(prefix):
            return entity, source_id.removeprefix(prefix)
    return SALE, source_id


def _is_from_hubspot(row: Fields) -> bool:
    """Return whether another connector's marks stand on an invoice that is not ours."""
    texts = [row.maybe("PrivateNote") or ""]
    for one in row.each("CustomField"):
        texts += [one.maybe("Name") or "", one.maybe("StringValue") or ""]
    return not key_in(row) and any("hubspot" in text.casefold() for text in texts)
