"""What the site holds, and what it makes of a create: totals by line, errors by field."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.money import CENT, cents, taxed

KEY = "daftra-sandbox-key"
INVOICE, CREDIT_NOTE, REFUND = 0, 5, 6
PERCENT, VALUE = 1, 2


@dataclass(slots=True)
class Client:
    """Whom the site invoices."""

    id: int
    name: str
    email: str | None
    number: str = ""


@dataclass(slots=True)
class Product:
    """What the site sells; `status` 0 is active. `refusal` is a text that creates with it get."""

    id: int
    name: str
    code: str
    price: Decimal = Decimal(0)
    status: int = 0
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax; `included` says that a unit price contains it."""

    id: int
    name: str
    value: Decimal
    included: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line with the sums that the site made."""

    item: str
    product_id: int | None
    unit_price: Decimal
    quantity: Decimal
    discount: Decimal
    net: Decimal
    tax_id: int | None
    tax: Decimal


@dataclass(slots=True)
class Document:
    """An invoice, credit note or refund receipt."""

    id: int
    no: str
    type: int
    client_id: int
    date: str
    currency: str
    po_number: str
    notes: str
    lines: list[Line]
    fields: list[dict[str, str]]
    created: datetime
    draft: bool = False
    subscription_id: str | None = None
    off_by: Decimal = Decimal(0)
    external_source: str = "api"
    paid: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """All lines with their taxes."""
        return cents(sum((line.net + line.tax for line in self.lines), Decimal(0)) + self.off_by)

    @property
    def key(self) -> str | None:
        """What the custom field `invsync_key` holds."""
        found = (one["value"] for one in self.fields if one.get("label") == "invsync_key")
        return next(found, None)


class Invalid(Exception):
    """A create that the site refuses: a message, and what is wrong with which field."""

    def __init__(self, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or {}


def _nobody(event: str, one: Document) -> None:
    del event, one


@dataclass
class Site:
    """The site's data, and knobs.

    `index_lag` (seconds until lists show a new document), `off_by`, `fixed_taxes` (no tax can be
    added), `deaf` (v2 lists ignore every filter), `refused_email` (no client may have it).

    `told` hears of every document that is created or deleted.
    """

    clients: dict[int, Client] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    taxes: dict[int, Tax] = field(default_factory=dict)
    documents: dict[int, Document] = field(default_factory=dict)
    closed_before: str = ""
    index_lag: float = 0.0
    off_by: Decimal = Decimal(0)
    arabic: bool = False
    fixed_taxes: bool = False
    deaf: bool = False
    refused_email: str = ""
    key: str = KEY
    expired: bool = False
    creates: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_id: int = 1000
    issued: int = 0
    told: Callable[[str, Document], None] = _nobody

    def next_id(self) -> int:
        """Return an id that nothing has."""
        self.last_id += 1
        return self.last_id

    def shown(self, *types: int) -> list[Document]:
        """Return the documents that lists show by now, the newest first."""
        ripe = datetime.now(UTC) - timedelta(seconds=self.index_lag)
        found = [
            one
            for one in self.documents.values()
            if one.type in types and (not self.index_lag or one.created <= ripe)
        ]
        return sorted(found, key=lambda one: one.id, reverse=True)

    def product_by_code(self, code: str) -> Product | None:
        """Return the product with exactly this code."""
        return next((one for one in self.products.values() if one.code == code), None)

    def add_client(self, name: str, email: str | None, number: str = "") -> Client:
        """Add a client."""
        client = Client(self.next_id(), name, email, number)
        self.clients[client.id] = client
        return client

    def add_product(self, name: str, code: str, price: Decimal = Decimal(0)) -> Product:
        """Add a product."""
        product = Product(self.next_id(), name, code, price)
        self.products[product.id] = product
        return product

    def book(self, kind: int, head: dict[str, Any], items: Any, fields: Any) -> Document:
        """Create a document. Raises Invalid."""
        with self.lock:
            self._validate(head, items)
            document = Document(
                id=self.next_id(),
                no=f"{self.issued + 1:06d}",
                type=kind,
                client_id=int(head["client_id"]),
                date=str(head.get("date") or date.today().isoformat()),  # noqa: DTZ011 - site's wall time
                currency=str(head.get("currency_code") or "SAR"),
                po_number=str(head.get("po_number") or ""),
                notes=str(head.get("notes") or ""),
                lines=self._lines(head, items),
                fields=list(_fields(fields)),
                created=datetime.now(UTC),
                draft=str(head.get("draft") or "0") == "1",
                subscription_id=_text(head.get("subscription_id")),
                off_by=self.off_by,
            )
            self.documents[document.id] = document
            self.issued += 1
        self.told("created", document)
        return document

    def delete(self, number: int) -> bool:
        """Take a document out of the books; returns whether it was there."""
        with self.lock:
            gone = self.documents.pop(number, None)
        if gone:
            self.told("deleted", gone)
        return gone is not None

    def _validate(self, head: dict[str, Any], items: Any) -> None:
        errors: dict[str, str] = {}
        client = self.clients.get(integer_of(head.get("client_id")))
        if client is None:
            errors["client_id"] = self._say("Please select a valid client", "اختر عميلا صحيحا")
        if not head.get("client_email") and (client is None or not client.email):
            errors["client_email"] = self._say("Email is required", "البريد الإلكتروني مطلوب")
        if self.closed_before and str(head.get("date") or "9") < self.closed_before:
            text = "The date is in a closed period"
            errors["date"] = self._say(text, "التاريخ في الفترة المالية المغلقة")
        if number_of(head.get("discount")) and number_of(head.get("discount_amount")):
            errors["discount"] = "Give a percentage or an amount, not both"
        if not isinstance(items, list) or not items:
            errors["InvoiceItem"] = self._say("Please add an item", "أضف بندا")
        for position, item in enumerate(items if isinstance(items, list) else []):
            errors |= self._item_errors(position, item)
        if errors:
            raise Invalid(self._say("Validation errors", "بيانات غير صحيحة"), errors)

    def _item_errors(self, position: int, item: Any) -> dict[str, str]:
        if not isinstance(item, dict):
            return {f"InvoiceItem.{position}": "not an item"}
        wanted = item.get("product_id")
        product = self.products.get(integer_of(wanted))
        if wanted and product is None:
            text = self._say("Product not found", "المنتج غير موجود")
            return {f"InvoiceItem.{position}.product_id": text}
        if product and product.status:
            text = self._say("This product is inactive", "هذا المنتج غير نشط")
            return {f"InvoiceItem.{position}.product_id": text}
        if product and product.refusal:
            raise Invalid(product.refusal)
        if number_of(item.get("unit_price")) is None or number_of(item.get("quantity", 1)) is None:
            return {f"InvoiceItem.{position}.unit_price": "must be a number"}
        if item.get("tax1") and integer_of(item["tax1"]) not in self.taxes:
            return {
                f"InvoiceItem.{position}.tax1": self._say("Tax not found", "الضريبة غير موجودة")
            }
        return {}

    def _lines(self, head: dict[str, Any], items: list[dict[str, Any]]) -> list[Line]:
        """Return the lines, each less its share of the whole discount, and the shipping."""
        lines = [self._line(item) for item in items]
        net = sum((line.net for line in lines), Decimal(0))
        percent = number_of(head.get("discount")) or Decimal(0)
        off = number_of(head.get("discount_amount")) or net * percent / 100
        if off and net:
            kept = 1 - off / net
            lines = [_kept(line, kept) for line in lines]
        if number_of(head.get("shipping_amount")):
            price, tax = head["shipping_amount"], head.get("shipping_tax_id")
            lines.append(self._line({"item": "Shipping", "unit_price": price, "tax1": tax}))
        return lines

    def _line(self, item: dict[str, Any]) -> Line:
        price, quantity = number_of(item["unit_price"]), number_of(item.get("quantity", 1))
        gross = (price or Decimal(0)) * (quantity or Decimal(0))
        given = number_of(item.get("discount")) or Decimal(0)
        by_value = integer_of(item.get("discount_type")) == VALUE
        discount = given if by_value else gross * given / 100
        tax = self.taxes.get(integer_of(item.get("tax1")))
        net = cents(gross - discount)
        amount = Decimal(0)
        if tax and tax.included:
            without = cents(net / (1 + tax.value / 100))
            net, amount = without, net - without
        elif tax:
            amount = taxed(net, tax.value)
        return Line(
            item=str(item.get("item") or ""),
            product_id=integer_of(item.get("product_id")) or None,
            unit_price=price or Decimal(0),
            quantity=quantity or Decimal(0),
            discount=discount,
            net=net,
            tax_id=tax.id if tax else None,
            tax=amount,
        )

    def _say(self, english: str, arabic: str) -> str:
        return arabic if self.arabic else english


def _kept(line: Line, share: Decimal) -> Line:
    net, tax = cents(line.net * share), cents(line.tax * share)
    return replace(line, net=net, tax=tax, discount=line.discount + line.net - net)


def _fields(given: Any) -> Iterator[dict[str, str]]:
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and one.get("label"):
            yield {"label": str(one["label"]), "value": str(one.get("value") or "")}


def number_of(value: Any) -> Decimal | None:
    """Return the finite number that `value` says, or None."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def integer_of(value: Any) -> int:
    """Return the id or count that `value` says, or 0."""
    return int(value) if str(value).isdecimal() else 0


def _text(value: Any) -> str | None:
    return None if value in {None, ""} else str(value)


__all__ = ["CENT", "Client", "Document", "Invalid", "Line", "Product", "Site", "Tax"]
