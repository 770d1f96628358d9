"""An account's objects, and the rules that HubSpot keeps: unique values, the life of an invoice.

All values are texts or None. Amounts of an invoice are made when it is opened, from its line items;
from then on lines and amounts are locked (guide, section 3).
"""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.money import cents

PORTAL = "62515"
TOKEN = "hubspot-sandbox-token"  # noqa: S105 - of the sandbox only
CURRENCIES = frozenset({"USD", "EUR"})
DRAFT, OPEN, PAID, VOIDED = "draft", "open", "paid", "voided"
TYPE_IDS = {
    "contacts": "0-1",
    "products": "0-7",
    "line_items": "0-8",
    "notes": "0-46",
    "invoices": "0-53",
    "orders": "0-123",
}
USUAL = ("hs_object_id", "hs_createdate", "hs_lastmodifieddate")
PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "contacts": ("email", "firstname", "lastname", "phone", "company", "address"),
    "products": ("name", "hs_sku", "price", "description"),
    "line_items": (
        "name",
        "hs_sku",
        "hs_product_id",
        "quantity",
        "price",
        "discount",
        "hs_discount_percentage",
        "amount",
        "hs_line_item_currency_code",
        "hs_tax_amount",
        "hs_tax_rate_group_id",
        "hs_position_on_quote",
    ),
    "notes": ("hs_note_body", "hs_timestamp"),
    "invoices": (
        "hs_number",
        "hs_title",
        "hs_invoice_status",
        "hs_invoice_date",
        "hs_due_date",
        "hs_currency",
        "hs_subtotal",
        "hs_amount_billed",
        "hs_amount_paid",
        "hs_balance_due",
        "hs_invoice_link",
        "hs_object_source",
        "hs_object_source_label",
        "hs_object_source_detail_1",
    ),
    "orders": ("hs_order_name",),
}
READ_ONLY = frozenset({"amount", "hs_amount_billed", "hs_number", *USUAL})
LOCKED = ("hs_currency", "hs_invoice_date")
STEPS = {(DRAFT, OPEN), (OPEN, PAID), (OPEN, VOIDED), (PAID, VOIDED), (DRAFT, VOIDED)}

Link = tuple[tuple[str, str], str, str]


class Refused(Exception):
    """A refusal: the HTTP status, HubSpot's category, and what more its body says."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        correlation = f"sandbox-{time.monotonic_ns():x}"
        self.body = {
            "status": "error",
            "message": message,
            "correlationId": correlation,
            "category": category,
            **more,
        }


@dataclass(slots=True)
class Thing:
    """One object: `at` is when it last changed, in seconds since 1970."""

    id: str
    properties: dict[str, str | None]
    created: float
    at: float
    by_app: bool = False


@dataclass
class Portal:
    """One account. `lag` is how many seconds the search index is behind; `told` hears changes."""

    name: str = "Acme Trading"
    currency: str = "USD"
    lag: float = 0.0
    limited: bool = False
    daily: bool = False
    token: str = TOKEN
    tax_rates: dict[str, Decimal] = field(default_factory=lambda: {"1": Decimal(8)})
    objects: dict[str, dict[str, Thing]] = field(
        default_factory=lambda: {kind: {} for kind in PROPERTIES}
    )
    properties: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {
            kind: {name: _property(name) for name in (*names, *USUAL)}
            for kind, names in PROPERTIES.items()
        }
    )
    associations: set[Link] = field(default_factory=set)
    creates: list[dict[str, Any]] = field(default_factory=list)
    told: Callable[[str, Thing, str, Mapping[str, str | None]], None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: Any = field(default_factory=lambda: itertools.count(48500101))
    _numbers: Any = field(default_factory=lambda: itertools.count(1001))

    # --- for seeds -----------------------------------------------------------------------------

    def add(self, kind: str, **properties: str) -> Thing:
        """Put an object into the account."""
        return self.create(kind, dict(properties))

    def associate(self, kind: str, one: str, other_kind: str, other: str) -> None:
        """Join two objects, both ways. Raises Refused for an unknown one."""
        for each, number in ((kind, one), (other_kind, other)):
            self.get(each, number)
        self.associations |= {((kind, one), other_kind, other), ((other_kind, other), kind, one)}

    def sale(
        self,
        contact: str | None,
        lines: Sequence[Mapping[str, str]],
        *,
        status: str = OPEN,
        at: date | None = None,
        currency: str = "USD",
        **properties: str,
    ) -> Thing:
        """Put an invoice with its line items into the account, in `status`."""
        day = (at or datetime.now(UTC).date()).isoformat()
        head = {"hs_currency": currency, "hs_invoice_date": day, "hs_due_date": day}
        invoice = self.add("invoices", **head, **properties)
        for line in lines:
            item = self.add("line_items", **line)
            self.associate("invoices", invoice.id, "line_items", item.id)
        if contact:
            self.associate("invoices", invoice.id, "contacts", contact)
        for step in {OPEN: (OPEN,), PAID: (OPEN, PAID), VOIDED: (OPEN, VOIDED)}.get(status, ()):
            self.change("invoices", invoice.id, {"hs_invoice_status": step})
        return invoice

    # --- reading -------------------------------------------------------------------------------

    def get(self, kind: str, number: str, by: str | None = None) -> Thing:
        """Return an object by its id, or by a property (unique, in any case). Raises Refused."""
        things = self.objects[kind]
        if by is None:
            found = things.get(number)
        else:
            wanted = number.casefold()
            same = (one for one in things.values() if _text(one, by).casefold() == wanted)
            found = next(same, None)
        if found is None:
            raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
        return found

    def linked(self, kind: str, number: str, other: str) -> list[str]:
        """Return the ids of the objects of `other` that are associated, oldest first."""
        found = [
            one for (each, to, one) in self.associations if each == (kind, number) and to == other
        ]
        return sorted(found, key=int)

    # --- writing -------------------------------------------------------------------------------

    def create(
        self, kind: str, properties: Mapping[str, str | None], *, by_app: bool = False
    ) -> Thing:
        """Create an object. Raises Refused."""
        with self.lock:
            now = time.time()
            thing = Thing("", {}, now, now, by_app)
            if kind == "invoices":
                thing.properties["hs_invoice_status"] = DRAFT
            self._write(kind, thing, properties)
            thing.id = str(next(self._ids))
            self.objects[kind][thing.id] = thing
            if kind == "invoices" and by_app:
                self._enter("invoice", thing)
            self._tell(kind, thing, "creation", {})
            return thing

    def change(
        self, kind: str, number: str, properties: Mapping[str, str | None], *, by_app: bool = False
    ) -> Thing:
        """Change properties. Raises Refused."""
        with self.lock:
            thing = self.get(kind, number)
            was = dict(thing.properties)
            thing.by_app = by_app
            self._write(kind, thing, properties)
            thing.at = time.time()
            if by_app and "invsync_credit_refs" in properties:
                self._enter("credit", thing)
            changed = {k: v for k, v in thing.properties.items() if was.get(k) != v}
            self._tell(kind, thing, "propertyChange", changed)
            return thing

    def upsert(
        self, kind: str, by: str, value: str, properties: Mapping[str, str | None]
    ) -> tuple[Thing, bool]:
        """Change the object with a unique value, else create it; tells whether it is new."""
        with self.lock:
            if not self.properties[kind].get(by, {}).get("hasUniqueValue") and by != "email":
                raise Refused(400, "VALIDATION_ERROR", f"{by} is not a unique property")
            try:
                known = self.get(kind, value, by)
            except Refused:
                return self.create(kind, {by: value, **properties}, by_app=True), True
            return self.change(kind, known.id, properties, by_app=True), False

    def delete(self, kind: str, number: str) -> None:
        """Archive an object and its associations."""
        with self.lock:
            thing = self.get(kind, number)
            del self.objects[kind][number]
            gone = (kind, number)
            self.associations = {
                link for link in self.associations if link[0] != gone and link[1:] != gone
            }
            self._tell(kind, thing, "deletion", {})

    def declare(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """Create a property. Raises Refused 409 where there is one of that name."""
        if given["name"] in self.properties[kind]:
            raise Refused(409, "CONFLICT", f"A property named '{given['name']}' already exists")
        declared = {**_property(given["name"]), **given}
        self.properties[kind][given["name"]] = declared
        return declared

    def _write(self, kind: str, thing: Thing, given: Mapping[str, str | None]) -> None:
        self._check(kind, thing, given)
        values = {
            name: str(value) if value not in {None, ""} else None for name, value in given.items()
        }
        status = values.pop("hs_invoice_status", None)
        if kind == "invoices":
            self._check_locked(thing, values)
        if kind == "line_items":
            self._check_open(thing, values)
        thing.properties |= values
        if kind == "line_items":
            thing.properties["amount"] = str(_amount(thing))
        if kind == "invoices" and status and status != thing.properties["hs_invoice_status"]:
            self._step(thing, status)

    def _check(self, kind: str, thing: Thing, given: Mapping[str, str | None]) -> None:
        for name, value in given.items():
            known = self.properties[kind].get(name)
            if known is None:
                text = f'Property "{name}" does not exist'
                raise _invalid(text, "PROPERTY_DOESNT_EXIST", name)
            if name in READ_ONLY:
                raise _invalid(f'"{name}" is a read only property', "READ_ONLY_VALUE", name)
            if not value:
                continue
            if known["hasUniqueValue"] and self._taken(kind, thing, name, str(value)):
                raise _invalid(f"{name} is taken", "CONFLICTING_UNIQUE_VALUE", name)
        email = given.get("email")
        if kind == "contacts" and email:
            if "@" not in email:
                raise _invalid(f"Email address {email} is invalid", "INVALID_EMAIL", "email")
            taken = self._taken(kind, thing, "email", email)
            if taken:
                text = f"Contact already exists. Existing ID: {taken.id}"
                raise Refused(409, "CONFLICT", text)
        currency = given.get("hs_currency")
        if kind == "invoices" and currency and currency not in CURRENCIES:
            text = f"{currency} is not one of the account's currencies"
            raise _invalid(text, "INVALID_OPTION", "hs_currency")

    def _taken(self, kind: str, thing: Thing, name: str, value: str) -> Thing | None:
        wanted = value.casefold()
        for one in self.objects[kind].values():
            if one is not thing and _text(one, name).casefold() == wanted:
                return one
        return None

    def _check_locked(self, invoice: Thing, values: Mapping[str, str | None]) -> None:
        if invoice.properties.get("hs_invoice_status") == DRAFT:
            return
        for name in LOCKED:
            if name in values and values[name] != invoice.properties.get(name):
                raise _invalid(f"{name} is locked once an invoice is open", "LOCKED", name)

    def _check_open(self, item: Thing, values: Mapping[str, str | None]) -> None:
        for number in self.linked("line_items", item.id, "invoices") if item.id else ():
            invoice = self.objects["invoices"][number]
            changed = any(item.properties.get(name) != value for name, value in values.items())
            if changed and invoice.properties["hs_invoice_status"] != DRAFT:
                raise _invalid("Line items are locked once an invoice is open", "LOCKED", "amount")

    def _step(self, invoice: Thing, status: str) -> None:
        was = invoice.properties["hs_invoice_status"]
        if (was, status) not in STEPS:
            text = f"An invoice cannot go from {was} to {status}"
            raise _invalid(text, "INVALID_OPTION", "hs_invoice_status")
        if status == OPEN:
            self._open(invoice)
        if status == PAID:
            billed = invoice.properties["hs_amount_billed"]
            invoice.properties |= {"hs_amount_paid": billed, "hs_balance_due": "0"}
        invoice.properties["hs_invoice_status"] = status

    def _open(self, invoice: Thing) -> None:
        """Give the invoice number and amounts. Raises Refused where something is missing."""
        items = self.linked("invoices", invoice.id, "line_items")
        if not items or not self.linked("invoices", invoice.id, "contacts"):
            raise Refused(400, "VALIDATION_ERROR", "An open invoice needs a contact and line items")
        for name in ("hs_invoice_date", "hs_due_date"):
            if not invoice.properties.get(name):
                raise _invalid(f"An open invoice needs {name}", "REQUIRED_FIELD", name)
        net, tax = Decimal(0), Decimal(0)
        for number in items:
            item = self.objects["line_items"][number]
            amount = _amount(item)
            net += amount
            rate = self.tax_rates.get(item.properties.get("hs_tax_rate_group_id") or "")
            if rate:
                item.properties["hs_tax_amount"] = str(cents(amount * rate / 100))
            tax += Decimal(item.properties.get("hs_tax_amount") or 0)
        total = str(net + tax)
        invoice.properties |= {
            "hs_number": f"INV-{next(self._numbers)}",
            "hs_subtotal": str(net),
            "hs_amount_billed": total,
            "hs_amount_paid": "0",
            "hs_balance_due": total,
        }

    def _enter(self, what: str, thing: Thing) -> None:
        kept = {"id": thing.id, "key": thing.properties.get("invsync_key")}
        refs = thing.properties.get("invsync_credit_refs")
        self.creates.append({"what": what, "at": time.time(), "refs": refs, **kept})

    def _tell(self, kind: str, thing: Thing, event: str, changed: Mapping[str, str | None]) -> None:
        if self.told:
            self.told(kind, thing, event, changed)


def _property(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "string",
        "fieldType": "text",
        "groupName": "information",
        "description": "",
        "options": [],
        "hasUniqueValue": False,
        "hidden": False,
        "archived": False,
    }


def _text(thing: Thing, name: str) -> str:
    return thing.properties.get(name) or ""


def _amount(item: Thing) -> Decimal:
    """Return what HubSpot makes of a line: `discount` is per unit, or a percent of all."""
    quantity = Decimal(item.properties.get("quantity") or 1)
    price = Decimal(item.properties.get("price") or 0)
    off = Decimal(item.properties.get("discount") or 0)
    percent = Decimal(item.properties.get("hs_discount_percentage") or 0)
    return cents(quantity * (price - off) * (1 - percent / 100))


def _invalid(text: str, code: str, name: str) -> Refused:
    error = {"message": text, "code": code, "context": {"propertyName": [name]}}
    message = f"Property values were not valid: [{code}: {text}]"
    return Refused(400, "VALIDATION_ERROR", message, errors=[error])
