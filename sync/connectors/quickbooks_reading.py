"""A transaction of QuickBooks as a document: net lines, shipping, discount and taxes, checked.

Amounts are decimal JSON numbers in major units; taxes are rounded once a rate on the sum (guide,
sections 3 and 7), so the sum may differ from the total by a cent a line.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sync.connectors.fields import Fields
from sync.connectors.quickbooks_facts import TAXED, Facts
from sync.documents import COPIED, Charge, Customer, Document, Header, Kind, Line, Order
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money

SALE, CREDIT, REFUND = "Invoice", "CreditMemo", "RefundReceipt"
ENTITIES = (SALE, CREDIT, REFUND)
VOID = "void-"
PREFIXES = {CREDIT: "creditmemo-", REFUND: "refundreceipt-"}
SHIPPING = "SHIPPING_ITEM_ID"
OURS = re.compile(r"\binvsync (v1:\S+)")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
CENT = Decimal("0.01")
STEP = Decimal("0.0001")
US_DOLLAR = "USD"


def key_in(row: Fields) -> str | None:
    """Return our key as it stands in the private note, or None on a foreign transaction."""
    found = OURS.search(row.maybe("PrivateNote") or "")
    return found[1] if found else None


def is_deleted(row: Fields) -> bool:
    """Return whether this is the stub of an object that is no longer there."""
    return row.maybe("status") == "Deleted"


def status_of(row: Fields) -> str:
    """Return what stands for the order's status: open, paid, voided, deleted, or copied by us."""
    if is_deleted(row):
        return "deleted"
    if key_in(row):
        return COPIED
    if is_voided(row):
        return "voided"
    return "open" if row.amount_or_zero("Balance") else "paid"


def is_voided(row: Fields) -> bool:
    """Return whether a document was voided: QuickBooks empties it and says so in its note."""
    note = row.maybe("PrivateNote") or ""
    return row.amount_or_zero("TotalAmt") == 0 and note.startswith("Voided")


def number_of(row: Fields) -> str:
    """Return what people call a transaction."""
    return row.maybe("DocNumber") or row.text("Id")


def sale_of(row: Fields) -> str | None:
    """Return the invoice that a credit belongs to: linked, or referred to; else None."""
    for link in row.each("LinkedTxn"):
        if link.maybe("TxnType") == SALE:
            return link.text("TxnId")
    return row.inner_or_empty("InvoiceRef").maybe("value")


def header_of(entity: str, row: Fields, url: str, home: str) -> Header | None:
    """Return what a list tells of a transaction; None for one that invsync made itself."""
    status, number = status_of(row), row.text("Id")
    if status == COPIED:
        return None
    if entity != SALE:
        return None if status == "deleted" else _credit_header(entity, row, url, home)
    order = Order(number, number_of(row), status, url)
    called = row.maybe("DocNumber")
    if status in {"voided", "deleted"}:
        void, issued = f"{VOID}{number}", _issued(row)
        return Header(void, Kind.RETURN, called, number, issued, None, order, follows_sale=True)
    issued, total = row.day("TxnDate"), money_of(row, home)
    return Header(number, Kind.INVOICE, called, number, issued, total, order)


def _credit_header(entity: str, row: Fields, url: str, home: str) -> Header:
    """Return the header of a credit; one that names no invoice is its own order until it does.

    Number and state of the invoice it names are not in the list: the order is read apart.
    """
    source_id, sale = f"{PREFIXES[entity]}{row.text('Id')}", sale_of(row)
    order = None if sale else Order(source_id, number_of(row), status_of(row), url)
    called, issued, total = row.maybe("DocNumber"), row.day("TxnDate"), money_of(row, home)
    return Header(source_id, Kind.RETURN, called, sale or source_id, issued, total, order)


def money_of(row: Fields, home: str) -> Money:
    """Return a transaction's total; a company of one currency need not name it."""
    currency = row.inner_or_empty("CurrencyRef").maybe("value") or home
    return Money.of(row.amount("TotalAmt"), currency)


def document_of(
    source_id: str,
    entity: str,
    row: Fields,
    customer: Customer,
    order: Order,
    skus: Mapping[str, str | None],
    facts: Facts,
) -> Document:
    """Return the whole document; `skus` by item id. Raises FixData."""
    total = money_of(row, facts.currency or US_DOLLAR)
    tax = row.inner_or_empty("TxnTaxDetail").amount_or_zero("TotalTax")
    details = list(_sold(row))
    percents = _percents(row, details, tax, facts)
    gross = _is_gross(row, details, tax, total)
    nets = [
        detail.amount("Amount") / (1 + percent / 100 if gross else 1)
        for detail, percent in zip(details, percents, strict=True)
    ]
    sold = list(zip(details, nets, percents, strict=True))
    document = Document(
        source_id=source_id,
        kind=Kind.INVOICE if entity == SALE else Kind.RETURN,
        number=row.maybe("DocNumber"),
        order=order,
        issued=row.day("TxnDate"),
        customer=customer,
        lines=[_line(*one, skus) for one in sold if _item_of(one[0]) != SHIPPING],
        charges=[_charge(*one) for one in sold if _item_of(one[0]) == SHIPPING],
        discount=_net_discount(row, details, nets),
        tax=Money.of(tax, total.currency),
        total=total,
        due=row.day("DueDate") if row.maybe("DueDate") else None,
        refunded=entity == REFUND,
    )
    _check_sum(document)
    return document


def _item_of(detail: Fields) -> str:
    return detail.inner("SalesItemLineDetail").inner_or_empty("ItemRef").maybe("value") or ""


def _line(detail: Fields, net: Decimal, percent: Decimal, skus: Mapping[str, str | None]) -> Line:
    item = detail.inner("SalesItemLineDetail")
    quantity = item.amount_or_zero("Qty") or Decimal(1)
    name = detail.maybe("Description") or item.inner_or_empty("ItemRef").maybe("name") or "-"
    sku = skus.get(_item_of(detail))
    return Line(name, sku, quantity, net / quantity, Decimal(0), percent)


def _charge(detail: Fields, net: Decimal, percent: Decimal) -> Charge:
    return Charge(detail.maybe("Description") or "Shipping", net, percent)


def customer_of(row: Fields, customer: Fields | None, url: str | None) -> Customer:
    """Return the buyer: the bill's own address first, then the customer's.

    A bill's address that is none gives way to the customer's, which people can mend.
    """
    billed = _first(row.inner_or_empty("BillEmail").maybe("Address"))
    ref = row.inner_or_empty("CustomerRef")
    if customer is None:
        return Customer(ref.maybe("value") or "", ref.maybe("name") or "", "", billed)
    primary = _first(customer.inner_or_empty("PrimaryEmailAddr").maybe("Address"))
    given, family = customer.maybe("GivenName"), customer.maybe("FamilyName")
    shown = customer.maybe("DisplayName") or ref.maybe("name") or ""
    return Customer(
        source_id=customer.text("Id"),
        first_name=given or (shown if not family else ""),
        last_name=family or "",
        email=primary if primary and not EMAIL.fullmatch(billed or "") else billed,
        phone=customer.inner_or_empty("PrimaryPhone").maybe("FreeFormNumber"),
        url=url,
        company=customer.maybe("CompanyName"),
    )


def _first(addresses: str | None) -> str | None:
    """Return the first address: people write several into one field."""
    return re.split(r"[,;]", addresses)[0].strip() or None if addresses else None


def items_of(row: Fields) -> list[str]:
    """Return the ids of the items that the lines sell, once each."""
    found = [_item_of(one) for one in _sold(row)]
    return list(dict.fromkeys(one for one in found if one and one != SHIPPING))


def _sold(row: Fields) -> list[Fields]:
    """Return the lines that sell something; those of a bundle stand inside its line."""
    found: list[Fields] = []
    for line in row.each("Line"):
        match line.maybe("DetailType"):
            case "SalesItemLineDetail":
                found.append(line)
            case "GroupLineDetail":
                inner = line.inner("GroupLineDetail").each("Line")
                found += [one for one in inner if one.maybe("DetailType") == "SalesItemLineDetail"]
            case _:
                continue
    return found


def _discount(row: Fields) -> Decimal:
    amounts = [
        line.amount_or_zero("Amount")
        for line in row.each("Line")
        if line.maybe("DetailType") == "DiscountLineDetail"
    ]
    return sum(amounts, Decimal(0))


def _net_discount(row: Fields, details: Sequence[Fields], nets: Sequence[Decimal]) -> Decimal:
    """Return what is taken off, without the tax that tax-inclusive lines and discounts hold."""
    given = sum((one.amount("Amount") for one in details), Decimal(0))
    share = sum(nets, Decimal(0)) / given if given else Decimal(1)
    return _discount(row) * share


def _is_gross(row: Fields, details: Sequence[Fields], tax: Decimal, total: Money) -> bool:
    """Return whether the lines' amounts hold their tax: tax-inclusive companies write them so."""
    if row.maybe("GlobalTaxCalculation") != "TaxInclusive" or not tax:
        return False
    whole = sum((one.amount("Amount") for one in details), Decimal(0)) - _discount(row)
    return abs(whole - total.amount) < abs(whole + tax - total.amount)


def _percents(row: Fields, details: Sequence[Fields], tax: Decimal, facts: Facts) -> list[Decimal]:
    """Return each line's tax percent: from its code, in the US from what was charged in all."""
    codes = [
        one.inner("SalesItemLineDetail").inner_or_empty("TaxCodeRef").maybe("value") or ""
        for one in details
    ]
    if not tax:
        return [Decimal(0) for _ in codes]
    if facts.is_us:
        percent = _us_percent(row, details, codes, tax)
        return [percent if code == TAXED else Decimal(0) for code in codes]
    unknown = next((code for code in codes if code and code not in facts.percents), None)
    if unknown is not None:
        reason = f"{number_of(row)} has a line with the tax code {unknown}, which nobody knows"
        raise FixData(Failure(ErrorType.TAX_NOT_MAPPED, unknown, reason))
    return [facts.percents.get(code, Decimal(0)) for code in codes]


def _us_percent(
    row: Fields, details: Sequence[Fields], codes: Sequence[str], tax: Decimal
) -> Decimal:
    """Return the percent of all rates together; where none is told, what the tax makes of it."""
    rates = [
        one.inner_or_empty("TaxLineDetail").amount_or_zero("TaxPercent")
        for one in row.inner_or_empty("TxnTaxDetail").each("TaxLine")
    ]
    told = sum(rates, Decimal(0))
    amounts = [one.amount("Amount") for one in details]
    pairs = zip(codes, amounts, strict=True)
    taxed, whole = sum((one for code, one in pairs if code == TAXED), Decimal(0)), sum(amounts)
    if told or not taxed or not whole:
        return told
    if row.raw("ApplyTaxAfterDiscount") is True:
        taxed *= 1 - _discount(row) / whole
    return (tax / taxed * 100).quantize(STEP) if taxed else told


def _check_sum(document: Document) -> None:
    net = sum((one.unit_price * one.quantity for one in document.lines), Decimal(0))
    net += sum((one.amount for one in document.charges), Decimal(0))
    made = net - document.discount + document.tax.amount
    tolerance = CENT * (len(document.lines) + len(document.charges) + 1)
    if abs(made - document.total.amount) > tolerance:
        shown = Money.of(made, document.total.currency)
        reason = f"The lines in QuickBooks make {shown}, the document says {document.total}"
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))


def _issued(row: Fields) -> date:
    """Return a void's day: the sale's own, or when the stub of a deleted one says it went."""
    return (
        row.day("TxnDate") if row.maybe("TxnDate") else row.inner("MetaData").day("LastUpdatedTime")
    )
