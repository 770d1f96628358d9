"""HubSpot as a source: open and paid invoices of a CRM account, and the voided ones.

HubSpot knows no orders behind invoices and no credit notes: an invoice is its own order, a draft is
no document yet, and a voided invoice that was booked is a return of the whole sale. Invoices that
invsync made here carry `invsync_key` and never go back.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sync.connectors import hubspot_mending as mending
from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import Api
from sync.connectors.hubspot_reading import (
    CONTACT,
    LINE,
    associated,
    customer_of,
    document_of,
    product_ids,
    tax_groups,
)
from sync.connectors.hubspot_shapes import (
    DRAFT,
    INVOICE,
    KEY,
    OPEN,
    PAID,
    VOID,
    VOIDED,
    header_of,
    order_of,
    properties,
    status_of,
    url_of,
)
from sync.connectors.spec import Opened
from sync.documents import Account, Customer, Document, Header, Kind, Order
from sync.errors import ErrorType, Failure, FixData

BASE_URL = "https://api.hubapi.com"
WEB_URL = "https://app.hubspot.com"
AUTHORIZE_URL = "https://app.hubspot.com/oauth/authorize"
TOKEN_PATH = "/oauth/2026-03/token"  # noqa: S105 - a path, no secret
PREFIX = "2026-03"
WIDTH = 10
"""How many syncs of one connection run at once."""

OVERLAP = timedelta(minutes=5)
"""How far behind the last sweep the next one begins: new and changed records reach HubSpot's search
index with a delay of seconds (guide, section 3)."""

LISTED = {"propertyName": "hs_invoice_status", "operator": "IN", "values": [OPEN, PAID, VOIDED]}
RECENT = timedelta(days=30)
"""How far back invoices are looked at for another connector's."""

SOURCES = ("hs_object_source", "hs_object_source_label", "hs_object_source_detail_1")


class HubSpotAccount:
    """What both ends share: one account, its invoices by id, and who it is."""

    system = "hubspot"

    def __init__(self, opened: Opened) -> None:
        self._name = opened.name
        self._web_url = opened.web_url
        self._clock = opened.clock
        self._mappings = opened.mappings
        self._account = opened.account
        self._api = Api(opened.name, opened.prefix, opened.transport, opened.clock)

    def close(self) -> None:
        """Give sockets back."""
        self._api.close()

    def check(self) -> Account:
        """Ask whose account this is; warns where HubSpot's own QuickBooks sync seems to be on."""
        details = Fields("HubSpot's account", self._api.details())
        recent = self._api.search(
            "invoices", [_since("hs_createdate", self._clock.now() - RECENT)], (*SOURCES, KEY)
        )
        portal = details.text("portalId")
        warning = (
            "HubSpot's own QuickBooks data sync has created invoices here: "
            "switch it off, or every invoice is booked twice."
        )
        warnings = [warning] if any(map(_is_from_quickbooks, recent)) else []
        name = details.maybe("companyName") or f"HubSpot account {portal}"
        return Account(portal, name, details.maybe("companyCurrency"), warnings)

    def _invoice(self, invoice_id: str, **params: str) -> Fields:
        """Return an invoice. Raises FixData(not_found)."""
        found = self._api.one("invoices", invoice_id, INVOICE, **params)
        if found is None:
            raise _not_found(f"HubSpot knows no invoice {invoice_id}")
        return found

    def _url(self, one: Fields, kind: str = "0-53") -> str:
        return url_of(one, self._web_url, self._account, kind)


class HubSpotSource(HubSpotAccount):
    """One account as a source."""

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield each invoice dated from `since` to `until` (HubSpot's days, in UTC)."""
        filters = [LISTED, _from(since)]
        if until:
            end = _milliseconds(_midnight(until) + timedelta(days=1)) - 1
            filters.append({**_from(since), "operator": "LTE", "value": str(end)})
        yield from self._headers(filters)

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield what was made or changed since `after`, and what its index may have lagged."""
        changed = _since("hs_lastmodifieddate", after - OVERLAP)
        yield from self._headers([LISTED, _from(since), changed])

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return what an event about an invoice is about, read anew.

        An event about a contact, a product or a line concerns no document: an open invoice is
        locked, and what stops a sync is looked at again when it is retried.
        """
        invoice = self._api.one("invoices", object_id, INVOICE) if entity == "invoice" else None
        header = header_of(invoice, self._url(invoice)) if invoice else None
        return [header] if header else ()

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the one header of the invoice that stands for its order."""
        return self.hinted("invoice", order.id)

    def order(self, order_id: str) -> Order:
        """Return the invoice with HubSpot's id as its order. Raises FixData(not_found)."""
        invoice = self._invoice(order_id)
        return order_of(invoice, self._url(invoice))

    def order_by_number(self, number: str) -> Order | None:
        """Return the invoice whose number or record id is exactly `number`, or None."""
        named = {"propertyName": "hs_number", "operator": "EQ", "value": number}
        for invoice in self._api.search("invoices", [named], INVOICE):
            if properties(invoice).maybe("hs_number") == number:
                return order_of(invoice, self._url(invoice))
        by_id = number.isascii() and number.isdecimal()
        found = self._api.one("invoices", number, INVOICE) if by_id else None
        return order_of(found, self._url(found)) if found else None

    def read(self, source_id: str) -> Document:
        """Return an open or paid invoice, or the return that a voided one stands for."""
        is_void = source_id.startswith(VOID)
        invoice = self._invoice(source_id.removeprefix(VOID), associations="contacts,line_items")
        _refuse(invoice, is_void=is_void)
        items = self._items(invoice)
        skus, rates = self._skus(product_ids(items)), self._rates(tax_groups(items))
        kind = Kind.RETURN if is_void else Kind.INVOICE
        url = self._url(invoice)
        return document_of(invoice, items, self._customer(invoice), skus, rates, url, kind)

    def set_email(self, customer_id: str, email: str) -> None:
        """Give the contact this e-mail. Raises ReadError, FixData where it is refused."""
        mending.set_email(self._api, customer_id, email)

    def goods(self) -> Iterator[Good]:
        """Yield the products that have an SKU; prices in the company's currency."""
        return mending.goods(self._api)

    def _headers(self, filters: Sequence[dict[str, Any]]) -> Iterator[Header]:
        for invoice in self._api.walk("invoices", filters, INVOICE):
            header = header_of(invoice, self._url(invoice))
            if header:
                yield header

    def _items(self, invoice: Fields) -> list[Fields]:
        ids = associated(invoice, "line_items")
        items = self._api.many("line_items", ids, LINE)
        if not items or len(items) != len(ids):
            reason = (
                f"{invoice.what} has no line items"
                if not ids
                else (f"HubSpot gives {len(items)} of the {len(ids)} line items of {invoice.what}")
            )
            raise FixData(Failure(ErrorType.FIELD_INVALID, "line_items", reason))
        return items

    def _skus(self, product_ids: Sequence[str]) -> dict[str, str]:
        products = self._api.many("products", product_ids, ["hs_sku"])
        skus = {one.text("id"): properties(one).maybe("hs_sku") for one in products}
        return {product: sku for product, sku in skus.items() if sku}

    def _rates(self, groups: Sequence[str]) -> dict[str, Decimal]:
        found = {group: self._api.tax_percent(group) for group in groups}
        return {group: percent for group, percent in found.items() if percent is not None}

    def _customer(self, invoice: Fields) -> Customer:
        ids = associated(invoice, "contacts")[:1]
        found = self._api.many("contacts", ids, CONTACT)
        contact = found[0] if found else None
        return customer_of(contact, invoice, self._url(contact, "0-1") if contact else None)


def _refuse(invoice: Fields, *, is_void: bool) -> None:
    """Raise FixData where an invoice's status leaves nothing to book."""
    called, status = order_of(invoice, "").number, status_of(invoice)
    if properties(invoice).maybe(KEY):
        raise _not_found(f"Invoice {called} was made by invsync; it does not go back")
    if is_void and status != VOIDED:
        raise _not_found(f"Invoice {called} is {status} in HubSpot, not voided")
    if is_void:
        return
    if status == VOIDED:
        reason = f"Invoice {called} was voided in HubSpot before it was synced"
        raise _not_found(f"{reason}; there is nothing to book")
    if status == DRAFT:
        reason = f"Invoice {called} is still a draft in HubSpot"
        raise FixData(Failure(ErrorType.NOT_READY, called, reason))


def _not_found(reason: str) -> FixData:
    return FixData(Failure(ErrorType.NOT_FOUND, "invoice", reason))


def _is_from_quickbooks(invoice: Fields) -> bool:
    given = properties(invoice)
    if given.maybe(KEY):
        return False
    texts = [given.maybe(name) or "" for name in SOURCES]
    return any("quickbooks" in text.casefold().replace(" ", "") for text in texts)


def _from(since: date) -> dict[str, Any]:
    return _since("hs_invoice_date", _midnight(since))


def _since(name: str, moment: datetime) -> dict[str, Any]:
    return {"propertyName": name, "operator": "GTE", "value": str(_milliseconds(moment))}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
