"""What we send to HubSpot for a sale, and the sum that HubSpot will make of it.

A line's `discount` is per unit there, and there is no discount of a whole document through the API,
so that one is spread over the lines. Taxes of another system's rates cannot be expressed: HubSpot
takes only rates of its own library. So the tax that the source charged is one line item "Tax"
without SKU, which also takes up what the rounding of net lines leaves over; shipping and fees are
line items of their own name. `hs_amount_billed` then equals the document's total to the minor unit.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sync.connectors.hubspot_shapes import KEY, LINE_KEY
from sync.documents import Document, Line, discounts_of
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money, decimals, rounded

TAX = "Tax"
PER_UNIT = Decimal("0.000001")
"""How fine a discount per unit is told: a third of it three times is whole again when rounded."""


def text_of(number: Decimal) -> str:
    """Return a number as HubSpot writes it: plain digits, no exponent, no idle zeros."""
    shown = f"{number + 0:f}"  # nothing is never less than nothing
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def invoice_properties(key: str, document: Document) -> dict[str, str]:
    """Return the properties of a draft; the dates are those that opening it asks for."""
    return {
        KEY: key,
        "hs_currency": document.total.currency,
        "hs_title": document.called,
        "hs_invoice_date": document.issued.isoformat(),
        "hs_due_date": (document.due or document.issued).isoformat(),
    }


def items_of(key: str, document: Document, products: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the properties of every line item: lines, charges, tax.

    Raises FixData(amount_mismatch) where they do not make the document's total.
    """
    currency = document.total.currency
    items = {
        str(position): _item(line, discount, products, currency)
        for position, (line, discount) in enumerate(
            zip(document.lines, discounts_of(document), strict=True), start=1
        )
    }
    for position, charge in enumerate(document.charges, start=1):
        items[f"charge-{position}"] = _plain(charge.name, rounded(charge.amount, currency))
    billed = sum((billed_of(one, currency) for one in items.values()), Decimal(0))
    tax = document.total.amount - billed
    _check_tax(document, tax, len(items))
    if tax:
        items["tax"] = _plain(TAX, tax)
    return [
        {**one, LINE_KEY: f"{key}#{part}", "hs_line_item_currency_code": currency}
        for part, one in items.items()
    ]


def billed_of(item: Mapping[str, str], currency: str) -> Decimal:
    """Return what HubSpot bills for a line item: quantity x (price - discount), rounded."""
    unit = Decimal(item["price"]) - Decimal(item["discount"])
    return rounded(Decimal(item["quantity"]) * unit, currency)


def upserts_of(items: Sequence[Mapping[str, str]], unique: str) -> dict[str, Any]:
    """Return the body that creates objects, or finds again what an earlier try created."""
    return {
        "inputs": [
            {
                "idProperty": unique,
                "id": one[unique],
                "objectWriteTraceId": str(position),
                "properties": dict(one),
            }
            for position, one in enumerate(items, start=1)
        ]
    }


def pairs_of(start: str, ends: Sequence[str]) -> dict[str, Any]:
    """Return the body that associates one object with others."""
    return {"inputs": [{"from": {"id": start}, "to": {"id": end}} for end in ends]}


def _item(
    line: Line, discount: Decimal, products: Mapping[str, str], currency: str
) -> dict[str, str]:
    """Return a line's properties; no discount is told too: an earlier try may have had one."""
    sku = line.sku or ""
    per_unit = discount / line.quantity if line.quantity else Decimal(0)
    item = {
        "name": line.name,
        "hs_sku": sku,
        "hs_product_id": products[sku],
        "quantity": text_of(line.quantity),
        "price": text_of(line.unit_price),
        "discount": text_of(per_unit.quantize(PER_UNIT)),
    }
    net = rounded(line.unit_price * line.quantity - discount, currency)
    if billed_of(item, currency) != net:
        reason = f"The line {line.name!r} over {net} cannot be told as a price per unit"
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, line.name, reason))
    return item


def _plain(name: str, amount: Decimal) -> dict[str, str]:
    return {"name": name, "quantity": "1", "price": text_of(amount), "discount": "0"}


def _check_tax(document: Document, tax: Decimal, items: int) -> None:
    """Raise FixData where more is left over than the tax and half a minor unit a line."""
    currency = document.total.currency
    leeway = Decimal(items) * Decimal(1).scaleb(-decimals(currency)) if document.tax.amount else 0
    if abs(tax - document.tax.amount) > leeway:
        made = Money.of(document.total.amount - tax + document.tax.amount, currency)
        reason = f"HubSpot would make {made} of it, the document says {document.total}"
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))
