"""What we send to Daftra: bodies of creates, and the sums that Daftra will make of them.

Unit prices are net and taxes exclusive (Daftra guide, section 3). Daftra taxes line by line and
rounds each half up, so `sum_of` does the same, before anything is sent. A discount of the whole
document is spread over the lines, so that every line is taxed on what was paid for it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sync.connectors.base import Parent
from sync.documents import Document, Line, discounts_of
from sync.money import rounded

BY_VALUE = 2
"""Daftra's `discount_type` for an amount."""


def order_reference(document: Document) -> str:
    """Return the order's number as it stands in `po_number`."""
    return f"SALLA-{document.order.number}"


def percents_of(document: Document) -> list[Decimal]:
    """Return every tax percent of the document, once."""
    found = [line.tax_percent for line in document.lines]
    return list(dict.fromkeys(found + [charge.tax_percent for charge in document.charges]))


def sum_of(document: Document) -> Decimal:
    """Return the total that Daftra will make of the document (major units)."""
    currency, total = document.total.currency, Decimal(0)
    for line, discount in zip(document.lines, discounts_of(document), strict=True):
        net = rounded(line.unit_price * line.quantity - discount, currency)
        total += net + rounded(net * line.tax_percent / 100, currency)
    for charge in document.charges:
        total += charge.amount + rounded(charge.amount * charge.tax_percent / 100, currency)
    return total


def body_of(
    model: str,
    key: str,
    document: Document,
    parent: Parent | None,
    client: str,
    products: Mapping[str | None, str],
    taxes: Mapping[Decimal, str],
) -> dict[str, Any]:
    """Return the body of a create: invoice or credit note, its lines, and our key twice."""
    lines = [
        _line(line, discount, products[line.sku], taxes[line.tax_percent])
        for line, discount in zip(document.lines, discounts_of(document), strict=True)
    ]
    lines += [
        {
            "item": charge.name,
            "unit_price": float(charge.amount),
            "quantity": 1,
            "tax1": _id(taxes[charge.tax_percent]),
        }
        for charge in document.charges
    ]
    return {
        model: _head(key, document, parent, client),
        "InvoiceItem": lines,
        "InvoiceCustomField": [{"label": "invsync_key", "value": key}],
    }


def _head(key: str, document: Document, parent: Parent | None, client: str) -> dict[str, Any]:
    head: dict[str, Any] = {
        "client_id": int(client) if client.isdecimal() else client,
        "client_email": document.customer.email,
        "client_first_name": document.customer.first_name,
        "client_last_name": document.customer.last_name,
        "date": document.issued.isoformat(),
        "issue_date": document.issued.isoformat(),
        "currency_code": document.total.currency,
        "draft": 0,
        "is_offline": 1,
        "po_number": order_reference(document),
        "notes": f"Salla order {document.order.number}\n{key}",
    }
    if parent:
        head["subscription_id"] = parent.id
    return head


def _line(line: Line, discount: Decimal, product: str, tax: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "product_id": _id(product),
        "item": line.name,
        "description": line.sku,
        "unit_price": float(line.unit_price),
        "quantity": float(line.quantity) if line.quantity % 1 else int(line.quantity),
        "tax1": _id(tax),
    }
    if discount:
        body |= {"discount": float(discount), "discount_type": BY_VALUE}
    return body


def _id(value: str) -> int | str:
    return int(value) if value.isdecimal() else value
