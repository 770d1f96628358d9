"""Salla as a source (Merchant API v2): Tax Invoices and Credit Notes of a store.

Reading of the documented examples (Salla guide, section 3): `sub_total` and `shipping_cost` are
without tax, tax = percent x (sub_total - discount + shipping + cash on delivery), `total` is all
with tax. Item totals of invoices and orders differ in whether they hold tax, so only net price,
quantity, discount and percent are taken per line, and the sum is checked against the total.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from sync.clock import Clock
from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.outcome import ask_json, read_json
from sync.connectors.salla_customers import GUEST, set_email
from sync.connectors.salla_goods import goods_of
from sync.connectors.transport import Answer, Transport
from sync.documents import Account, Charge, Customer, Document, Header, Kind, Line, Order
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money, rounded

BASE_URL = "https://api.salla.dev"
ACCOUNTS_URL = "https://accounts.salla.sa"
PREFIX = "/admin/v2"
PER_PAGE = 60
MOST_PAGES = 2000
KINDS = {
    "tax invoice": Kind.INVOICE,
    "tax_invoice": Kind.INVOICE,
    "credit note": Kind.RETURN,
    "credit_note": Kind.RETURN,
}
WINDOW = timedelta(days=14)
"""How far back a sweep walks again: what is older changes no more (guide, section 2)."""

SYMBOLS = {"ر.س": "SAR", "ر.س.": "SAR", "SR": "SAR"}
CENT = Decimal("0.01")


class Salla:
    """One store. `transport` speaks to the API, `accounts` to the host that says who we are."""

    system = "salla"

    def __init__(
        self, name: str, prefix: str, transport: Transport, accounts: Transport, clock: Clock
    ) -> None:
        self._name = name
        self._prefix = prefix
        self._transport = transport
        self._accounts = accounts
        self._clock = clock

    def close(self) -> None:
        """Give sockets back."""
        self._transport.close()
        self._accounts.close()

    def check(self) -> Account:
        """Ask whose store this is (`/oauth2/user/info`, without the usual envelope)."""
        data = self._read(self._accounts, "/oauth2/user/info")
        body = data.get("data") if isinstance(data.get("data"), dict) else data
        info = Fields("Salla's user info", body)
        merchant = info.inner("merchant")
        name = merchant.maybe("name") or merchant.maybe("username") or merchant.text("id")
        return Account(merchant.text("id"), name, "SAR")

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield each invoice and credit note created from `since` to `until` (Riyadh days)."""
        period = {"from_date": since.isoformat()}
        yield from self._headers(period | ({"to_date": until.isoformat()} if until else {}))

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Walk the last days again: Salla knows no "updated since" (guide, section 2)."""
        yield from self.headers(max(since, (after - WINDOW).date()))

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return what an event about an invoice or an order is about, read anew."""
        if entity == "order":
            return self.headers_of(self.order(object_id))
        if entity != "invoice":
            return ()
        invoice = self._one(f"/orders/invoices/{object_id}")
        kind = self._kind(invoice)
        return [self._header(invoice, kind)] if kind else ()

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the headers of one order's documents."""
        return list(self._headers({"order_id": order.id}))

    def order(self, order_id: str) -> Order:
        """Return the order with Salla's id. Raises FixData(not_found)."""
        return self._order(self._one(f"/orders/{order_id}"))

    def order_by_number(self, number: str) -> Order | None:
        """Return the order whose reference_id is exactly `number`, or None."""
        data = self._list("/orders", {"reference_id": number})
        for one in Fields("Salla's orders", data).each("data"):
            if one.maybe("reference_id") == number:
                return self._order(one)
        return None

    def read(self, source_id: str) -> Document:
        """Return an invoice or credit note with its order, customer and the SKUs of its lines."""
        invoice = self._one(f"/orders/invoices/{source_id}")
        order = self._one(f"/orders/{invoice.text('order_id')}")
        items = self._list("/orders/items", {"order_id": invoice.text("order_id")})
        skus = {
            one.text("id"): one.maybe("sku")
            for one in Fields("Salla's order items", items).each("data")
        }
        return self._document(source_id, invoice, order, skus)

    def set_email(self, customer_id: str, email: str) -> None:
        """Give the store's customer this e-mail. Raises ReadError."""
        set_email(self._ask, customer_id, email)

    def goods(self) -> Iterator[Good]:
        """Yield the products that are sold there and have an SKU, each SKU once."""
        seen: set[str] = set()
        for product in self._each("/products", {}):
            for good in goods_of(product):
                if good.sku not in seen:
                    seen.add(good.sku)
                    yield good

    def _document(
        self, source_id: str, invoice: Fields, order: Fields, skus: dict[str, str | None]
    ) -> Document:
        total = self._money(invoice, "total")
        percent = invoice.inner("tax").amount_or_zero("percent")
        lines = [self._line(item, percent, skus) for item in invoice.each("items")]
        if not lines:
            raise FixData(Failure(ErrorType.FIELD_INVALID, "items", f"{invoice.what} has no lines"))
        charges = [
            Charge(name, invoice.amount_or_zero(field), percent)
            for name, field in (("Shipping", "shipping_cost"), ("Cash on delivery", "cod_cost"))
            if invoice.amount_or_zero(field)
        ]
        on_lines = sum((line.discount for line in lines), Decimal(0))
        discount = max(invoice.amount_or_zero("discount") - on_lines, Decimal(0))
        document = Document(
            source_id=source_id,
            kind=self._kind(invoice) or Kind.INVOICE,
            number=invoice.maybe("invoice_number") or invoice.maybe("invoice_reference_id"),
            order=self._order(order),
            issued=invoice.day("date"),
            customer=self._customer(order),
            lines=lines,
            charges=charges,
            discount=discount,
            tax=Money.of(invoice.inner("tax").amount_or_zero("amount"), total.currency),
            total=total,
        )
        _check_sum(document)
        return document

    def _line(self, item: Fields, percent: Decimal, skus: dict[str, str | None]) -> Line:
        tax = item.inner_or_empty("tax")
        return Line(
            name=item.maybe("name") or "-",
            sku=item.maybe("sku") or skus.get(item.maybe("item_id") or ""),
            quantity=item.amount("quantity"),
            unit_price=item.amount("price"),
            discount=item.amount_or_zero("discount"),
            tax_percent=tax.amount("percent") if tax.maybe("percent") else percent,
        )

    def _customer(self, order: Fields) -> Customer:
        customer = order.inner_or_empty("customer")
        urls = customer.inner_or_empty("urls")
        mobile = customer.maybe("mobile")
        return Customer(
            source_id=customer.maybe("id") or f"{GUEST}{order.text('id')}",
            first_name=customer.maybe("first_name") or "",
            last_name=customer.maybe("last_name") or "",
            email=customer.maybe("email"),
            phone=f"{customer.maybe('mobile_code') or ''}{mobile}" if mobile else None,
            url=urls.maybe("admin"),
        )

    def _order(self, order: Fields) -> Order:
        status = order.inner_or_empty("status")
        return Order(
            id=order.text("id"),
            number=order.maybe("reference_id") or order.text("id"),
            status=status.maybe("slug") or "",
            url=order.inner_or_empty("urls").maybe("admin"),
        )

    def _headers(self, params: dict[str, Any]) -> Iterator[Header]:
        seen: set[str] = set()
        for one in self._each("/orders/invoices", params):
            kind = self._kind(one)
            if kind and one.text("id") not in seen:
                seen.add(one.text("id"))
                yield self._header(one, kind)

    def _each(self, path: str, params: dict[str, Any]) -> Iterator[Fields]:
        """Yield the rows of all pages of a list."""
        for page in range(1, MOST_PAGES):
            data = self._list(path, {**params, "page": page, "per_page": PER_PAGE})
            listed = Fields(f"Salla's {path.rpartition('/')[2]}", data)
            yield from listed.each("data")
            if page >= listed.inner_or_empty("pagination").amount_or_zero("totalPages"):
                return

    def _header(self, one: Fields, kind: Kind) -> Header:
        return Header(
            source_id=one.text("id"),
            kind=kind,
            number=one.maybe("invoice_number") or one.maybe("invoice_reference_id"),
            order_id=one.text("order_id"),
            issued=one.day("date"),
            total=self._money(one, "total") if one.raw("total") is not None else None,
        )

    def _kind(self, invoice: Fields) -> Kind | None:
        return KINDS.get((invoice.maybe("type") or "").strip().lower())

    def _money(self, invoice: Fields, name: str) -> Money:
        given = invoice.inner_or_empty(name).maybe("currency") or "SAR"
        currency = SYMBOLS.get(given.strip(), given.strip())
        return Money.of(invoice.amount(name), currency)

    def _one(self, path: str) -> Fields:
        data = self._list(path, None)
        return Fields(f"Salla's {path.strip('/')}", data.get("data"))

    def _list(self, path: str, params: dict[str, Any] | None) -> dict[str, Any]:
        return self._read(self._transport, f"{self._prefix}{path}", params)

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return ask_json(
            self._transport,
            method,
            f"{self._prefix}{path}",
            body=body,
            connection=self._name,
            classify=classify,
            now=self._clock.now(),
        )

    def _read(
        self, transport: Transport, path: str, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return read_json(
            transport,
            path,
            params,
            connection=self._name,
            classify=classify,
            now=self._clock.now(),
        )


def _check_sum(document: Document) -> None:
    """Raise FixData(amount_mismatch) where lines and charges do not make the document's total."""
    net = sum(
        (line.unit_price * line.quantity - line.discount for line in document.lines), Decimal(0)
    )
    taxed = sum(
        (
            (line.unit_price * line.quantity - line.discount) * line.tax_percent / 100
            for line in document.lines
        ),
        Decimal(0),
    )
    charged = sum((charge.amount for charge in document.charges), Decimal(0))
    taxed += sum((one.amount * one.tax_percent / 100 for one in document.charges), Decimal(0))
    share = taxed / (net + charged) if net + charged else Decimal(0)
    made = net + charged + taxed - document.discount * (1 + share)
    tolerance = CENT * (len(document.lines) + len(document.charges) + 1)
    if abs(made - document.total.amount) > tolerance:
        shown = rounded(made, document.total.currency)
        reason = f"The lines in Salla make {shown}, the document says {document.total}"
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))


def is_expired(answer: Answer) -> bool:
    """Return whether a 401 means that the token has ended: a missing scope is no reason to renew.

    Asking for a new token over and over is what Salla revokes a store's grant for.
    """
    return not any(word in answer.text.lower() for word in ("scope", "deleted", "inactive"))


def classify(answer: Answer, data: Any) -> Failure:
    """Turn a refusal into a failure (Salla guide, section 4); unknown texts are kept whole."""
    error = data.get("error") if isinstance(data, dict) else None
    details = error if isinstance(error, dict) else {}
    message = str(details.get("message") or error or answer.text.strip())
    given = details.get("fields")
    fields: dict[str, Any] = given if isinstance(given, dict) else {}
    said = f"Salla: {message}" + "".join(f" ({name}: {why})" for name, why in fields.items())
    match answer.status:
        case HTTPStatus.UNAUTHORIZED if "scope" in message.lower():
            return Failure(ErrorType.PERMISSION_DENIED, "salla", said)
        case HTTPStatus.UNAUTHORIZED:
            return Failure(ErrorType.UNAUTHORIZED, "salla", said)
        case HTTPStatus.FORBIDDEN:
            return Failure(ErrorType.PERMISSION_DENIED, "salla", said)
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return Failure(ErrorType.NOT_FOUND, "salla", said)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return Failure(ErrorType.FIELD_INVALID, ",".join(fields) or "request", said)
        case _:
            return Failure(ErrorType.UNKNOWN, str(answer.status), said)
