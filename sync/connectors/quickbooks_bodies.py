"""What we send to QuickBooks: bodies of creates, their numbers, and the totals they will make.

Discounts become one line after the items (guide, section 7), unless the lines are taxed at several
percents outside the US: then each line carries its own, in its unit price. `Amount` is Qty x
UnitPrice to the cent, else QuickBooks refuses the line (6070).
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sync.connectors.base import Parent
from sync.connectors.quickbooks_facts import TAXED, Facts
from sync.connectors.quickbooks_reading import CREDIT, REFUND, SALE
from sync.documents import Charge, Document, Kind, Line
from sync.money import Money, rounded

LONGEST_NUMBER = 21
HASHED = 8
LONGEST_NAME = 100
PRICE_STEP = Decimal("0.0000001")
"""UnitPrice takes seven decimals."""

SPACE = uuid.UUID("6f0d6a3e-5d0c-4f5c-9c55-1d1f3f7f2a10")
"""The name space of our request ids: any constant would do, but it must never change."""


def entity_of(document: Document) -> str:
    """Return what a document is in QuickBooks: money that went out makes a refund receipt."""
    if document.kind is Kind.INVOICE:
        return SALE
    return REFUND if document.refunded else CREDIT


def number_for(key: str, document: Document) -> str:
    """Return the DocNumber of a document: always the same, at most 21 characters.

    Our prefix keeps the company's own numbers free; what is too long ends in a hash of its key.
    """
    system = key.split(":")[1]
    prefix = {"hubspot": "HS", "salla": "SA"}.get(system, system[:2].upper())
    called = document.number or document.source_id
    middle = "R-" if document.kind is Kind.RETURN else ""
    number = f"{prefix}-{middle}{called}"
    if len(number) <= LONGEST_NUMBER:
        return number
    mark = hashlib.sha256(key.encode()).hexdigest()[:HASHED]
    return f"{number[: LONGEST_NUMBER - HASHED - 1]}-{mark}"


def request_id_of(key: str, payload: Mapping[str, Any]) -> str:
    """Return the request id of a create: the same for the same payload, another for another.

    QuickBooks replays its first answer for a known id, whatever the body says now (guide, 5).
    """
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, default=str)
    return str(uuid.uuid5(SPACE, f"{key}\n{text}"))


def note_of(key: str, document: Document, parent: Parent | None) -> str:
    """Return the private note: our whole key, and which sale a credit belongs to."""
    lines = [f"invsync {key}"]
    if parent:
        lines.append(f"Credit of invoice {parent.number or parent.id}")
    lines.append(f"Document {document.called}")
    return "\n".join(lines)


def percents_of(document: Document) -> set[Decimal]:
    """Return every tax percent of the document."""
    lines = {line.tax_percent for line in document.lines}
    return lines | {charge.tax_percent for charge in document.charges}


def folds(document: Document, facts: Facts) -> bool:
    """Return whether discounts must stand in the unit prices, for one line would tax them wrong."""
    return not facts.is_us and len(percents_of(document)) > 1


def discount_of(document: Document) -> Decimal:
    """Return everything that is taken off, net."""
    return sum((line.discount for line in document.lines), Decimal(0)) + document.discount


def sum_of(document: Document, facts: Facts) -> Money:
    """Return the total that QuickBooks will make: taxes once a percent, in the US as we send it."""
    currency = document.total.currency
    nets: dict[Decimal, Decimal] = {}
    fold = folds(document, facts)
    for line in document.lines:
        amount = _amount(line, currency, fold=fold)
        percent = facts.percent_for(line.tax_percent)
        nets[percent] = nets.get(percent, Decimal(0)) + amount
    for charge in document.charges:
        percent = facts.percent_for(charge.tax_percent)
        nets[percent] = nets.get(percent, Decimal(0)) + rounded(charge.amount, currency)
    whole = sum(nets.values(), Decimal(0))
    off = rounded(document.discount if fold else discount_of(document), currency)
    tax = document.tax.amount
    if not facts.is_us:
        share = off / whole if whole else Decimal(0)
        taxes = (
            rounded(net * (1 - share) * percent / 100, currency) for percent, net in nets.items()
        )
        tax = sum(taxes, Decimal(0))
    return Money.of(whole - off + tax, currency)


def body_of(
    key: str,
    document: Document,
    parent: Parent | None,
    customer: str,
    items: Mapping[str, str],
    facts: Facts,
    *,
    charges: Mapping[str, str],
    deposit_to: str | None = None,
) -> dict[str, Any]:
    """Return the body of a create; `items` by SKU, `charges` those of charges by name."""
    body: dict[str, Any] = {
        "DocNumber": number_for(key, document),
        "TxnDate": document.issued.isoformat(),
        "CustomerRef": {"value": customer},
        "CurrencyRef": {"value": document.total.currency},
        "BillEmail": {"Address": document.customer.email},
        "PrivateNote": note_of(key, document, parent),
        "ApplyTaxAfterDiscount": True,
        "Line": _lines(document, items, charges, facts),
    }
    if document.customer.address:
        body["BillAddr"] = {"Line1": document.customer.address}
    if document.due and document.kind is Kind.INVOICE:
        body["DueDate"] = document.due.isoformat()
    if parent and entity_of(document) == CREDIT:
        body["InvoiceRef"] = {"value": parent.id}
    if deposit_to:
        body["DepositToAccountRef"] = {"value": deposit_to}
    if facts.is_us:
        body["TxnTaxDetail"] = {"TotalTax": float(document.tax.amount)}
    else:
        body["GlobalTaxCalculation"] = "TaxExcluded"
    return body


def _lines(
    document: Document, items: Mapping[str, str], charges: Mapping[str, str], facts: Facts
) -> list[dict[str, Any]]:
    fold = folds(document, facts)
    lines = [
        _item(line, items[line.sku or ""], document, facts, fold=fold) for line in document.lines
    ]
    lines += [_charge(one, charges[one.name], document, facts) for one in document.charges]
    off = rounded(document.discount if fold else discount_of(document), document.total.currency)
    if off:
        lines.append(_taken_off(off))
    return lines


def _amount(line: Line, currency: str, *, fold: bool) -> Decimal:
    off = line.discount if fold else Decimal(0)
    return rounded(line.unit_price * line.quantity - off, currency)


def _item(line: Line, item: str, document: Document, facts: Facts, *, fold: bool) -> dict[str, Any]:
    amount = _amount(line, document.total.currency, fold=fold)
    price = (amount / line.quantity).quantize(PRICE_STEP) if line.quantity else amount
    detail = {
        "ItemRef": {"value": item},
        "Qty": float(line.quantity),
        "UnitPrice": float(price),
        "TaxCodeRef": {"value": facts.code_for(line.tax_percent) or TAXED},
    }
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": float(amount),
        "Description": line.name,
        "SalesItemLineDetail": detail,
    }


def _charge(charge: Charge, item: str, document: Document, facts: Facts) -> dict[str, Any]:
    detail: dict[str, Any] = {"ItemRef": {"value": item}}
    detail["TaxCodeRef"] = {"value": facts.code_for(charge.tax_percent) or TAXED}
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": float(rounded(charge.amount, document.total.currency)),
        "Description": charge.name,
        "SalesItemLineDetail": detail,
    }


def _taken_off(amount: Decimal) -> dict[str, Any]:
    return {
        "DetailType": "DiscountLineDetail",
        "Amount": float(amount),
        "DiscountLineDetail": {"PercentBased": False},
    }
