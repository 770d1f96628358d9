"""A HubSpot invoice as a document: its lines, discounts and taxes, checked against what it bills.

`discount` is an amount per unit, `hs_discount_percentage` a percent, `amount` what HubSpot makes of
the line (HubSpot guide, section 3); where that is a minor unit off our own product, HubSpot's
rounding holds. A line's tax is `hs_tax_amount`, else what the rate of its `hs_tax_rate_group_id`
makes of it. Discounts, fees and taxes of the whole invoice are objects of their own that this
reading does not know: they show as a sum that does not agree.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sync.connectors.fields import Fields
from sync.connectors.hubspot_shapes import VOID, amount_of, order_of, properties, total_of
from sync.documents import Customer, Document, Kind, Line
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money, decimals, rounded

LINE = (
    "name",
    "hs_sku",
    "hs_product_id",
    "quantity",
    "price",
    "discount",
    "hs_discount_percentage",
    "amount",
    "hs_tax_amount",
    "hs_tax_rate_group_id",
    "hs_position_on_quote",
)
STEPS = (Decimal(1), Decimal("0.1"), Decimal("0.01"), Decimal("0.001"))
"""How fine a tax percent is told by its amount alone."""

CONTACT = ("email", "firstname", "lastname", "phone", "company", "address")


def associated(invoice: Fields, kind: str) -> list[str]:
    """Return the ids of what is associated, primary ones first, then by rising id.

    HubSpot names line items `line items` in this place; a labelled pair comes several times.
    Raises FixData where there are more than one answer holds.
    """
    given = invoice.inner_or_empty("associations")
    names = (kind, kind.replace("_", " "))
    named = next((name for name in names if given.raw(name) is not None), kind)
    found = given.inner_or_empty(named)
    if found.inner_or_empty("paging").raw("next"):
        reason = f"{invoice.what} has more {named} than HubSpot tells at once"
        raise FixData(Failure(ErrorType.FIELD_INVALID, kind, reason))
    ranks: dict[str, bool] = {}
    for one in found.each("results"):
        is_primary = "primary" in (one.maybe("type") or "")
        ranks[one.text("id")] = ranks.get(one.text("id"), False) or is_primary
    return sorted(ranks, key=lambda each: (not ranks[each], len(each), each))


def document_of(
    invoice: Fields,
    items: Sequence[Fields],
    customer: Customer,
    skus: Mapping[str, str],
    rates: Mapping[str, Decimal],
    url: str,
    kind: Kind,
) -> Document:
    """Return the whole document; `skus` by product id, `rates` in percent by tax group.

    Raises FixData(amount_mismatch) where lines and taxes do not make what the invoice bills.
    """
    given, total = properties(invoice), total_of(invoice)
    lines, taxes = [], []
    for item in sorted(items, key=_position):
        line, tax = _line(properties(item), total.currency, skus, rates)
        lines.append(line)
        taxes.append(tax)
    is_invoice = kind is Kind.INVOICE
    document = Document(
        source_id=invoice.text("id") if is_invoice else f"{VOID}{invoice.text('id')}",
        kind=kind,
        number=given.maybe("hs_number"),
        order=order_of(invoice, url),
        issued=given.day("hs_invoice_date"),
        customer=customer,
        lines=lines,
        charges=(),
        discount=Decimal(0),
        tax=Money.of(sum(taxes, Decimal(0)), total.currency),
        total=total,
        due=given.day("hs_due_date") if is_invoice and given.maybe("hs_due_date") else None,
    )
    _check_sum(document)
    return document


def product_ids(items: Sequence[Fields]) -> list[str]:
    """Return the products of the lines that name no SKU themselves, once each."""
    found = [
        one.text("hs_product_id")
        for one in map(properties, items)
        if not one.maybe("hs_sku") and one.maybe("hs_product_id")
    ]
    return list(dict.fromkeys(found))


def tax_groups(items: Sequence[Fields]) -> list[str]:
    """Return the tax groups of the lines, once each."""
    found = [properties(one).maybe("hs_tax_rate_group_id") for one in items]
    return list(dict.fromkeys(one for one in found if one))


def customer_of(contact: Fields | None, invoice: Fields, url: str | None) -> Customer:
    """Return the buyer; without a contact one without a name and without an e-mail."""
    if contact is None:
        return Customer(f"none-{invoice.text('id')}", "", "", None)
    given = properties(contact)
    return Customer(
        source_id=contact.text("id"),
        first_name=given.maybe("firstname") or "",
        last_name=given.maybe("lastname") or "",
        email=given.maybe("email"),
        phone=given.maybe("phone"),
        url=url,
        company=given.maybe("company"),
        address=given.maybe("address"),
    )


def _position(item: Fields) -> tuple[Decimal, int]:
    return amount_of(properties(item), "hs_position_on_quote"), int(item.text("id"))


def _line(
    one: Fields, currency: str, skus: Mapping[str, str], rates: Mapping[str, Decimal]
) -> tuple[Line, Decimal]:
    """Return a line and its tax."""
    quantity, price = one.amount("quantity"), amount_of(one, "price")
    discount = _discount(one, quantity, price, currency)
    net = quantity * price - discount
    rate = rates.get(one.maybe("hs_tax_rate_group_id") or "")
    tax = net * (rate or Decimal(0)) / 100
    if one.maybe("hs_tax_amount"):
        tax = one.amount("hs_tax_amount")
    tax = rounded(tax, currency)
    line = Line(
        name=one.maybe("name") or "-",
        sku=one.maybe("hs_sku") or skus.get(one.maybe("hs_product_id") or ""),
        quantity=quantity,
        unit_price=price,
        discount=discount,
        tax_percent=_percent(net, tax, currency) if rate is None else rate,
    )
    return line, tax


def _discount(one: Fields, quantity: Decimal, price: Decimal, currency: str) -> Decimal:
    """Return the whole line's discount: by amount per unit, by percent, as HubSpot rounded it."""
    gross = quantity * price
    off = amount_of(one, "discount") * quantity
    off += gross * amount_of(one, "hs_discount_percentage") / 100
    if not off:
        return off
    billed = one.amount("amount") if one.maybe("amount") else None
    unit = Decimal(1).scaleb(-decimals(currency))
    if billed is not None and abs(gross - off - billed) <= unit:
        return gross - billed
    return rounded(off, currency)


def _percent(net: Decimal, tax: Decimal, currency: str) -> Decimal:
    """Return the roundest percent that makes this tax of the net, zero where there is none."""
    share = tax * 100 / net if net else Decimal(0)
    for step in STEPS:
        percent = share.quantize(step)
        if rounded(net * percent / 100, currency) == tax:
            return percent
    return share.quantize(STEPS[-1])


def _check_sum(document: Document) -> None:
    currency = document.total.currency
    nets = [
        rounded(line.unit_price * line.quantity - line.discount, currency)
        for line in document.lines
    ]
    made = Money.of(sum(nets, Decimal(0)) + document.tax.amount, currency)
    if made != document.total:
        reason = (
            f"The lines of HubSpot's invoice {document.called} and their taxes make {made}, "
            f"the invoice bills {document.total}"
        )
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))
