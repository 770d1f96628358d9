"""The shapes of the Merchant API: numbers and texts mixed for money, Riyadh time, null e-mails."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.money import taxed
from sandbox.salla.store import STATUSES, Customer, Invoice, Item, Order, Shop

RIYADH = ZoneInfo("Asia/Riyadh")
VAT = Decimal(15)


def money(amount: Decimal, currency: str, *, as_text: bool = False) -> dict[str, Any]:
    """Return an amount beside its currency, as number or as text."""
    return {"amount": f"{amount:.2f}" if as_text else float(amount), "currency": currency}


def order(shop: Shop, one: Order, base: str, *, light: bool, arabic: bool) -> dict[str, Any]:
    """Return an order; the light form leaves the items out."""
    number, name = STATUSES[one.status]
    invoice = next(iter(shop.invoices_of(one.id)), None)
    shape = {
        "id": one.id,
        "reference_id": one.reference_id,
        "urls": {
            "customer": f"{base}/order/{one.hash}",
            "admin": f"{base}/orders/order/{one.hash}",
        },
        "date": _moment(one.at),
        "updated_at": _moment(one.updated or one.at),
        "source": "store",
        "status": {
            "id": number,
            "name": name if arabic else one.status.replace("_", " ").title(),
            "slug": one.status,
            "customized": {"id": number + 1, "name": name},
        },
        "payment_method": "mada",
        "currency": one.currency,
        "amounts": _amounts(invoice, one.currency),
        "customer": customer(shop.customers[one.customer], base),
    }
    return shape if light else {**shape, "items": [item(part, one.currency) for part in one.items]}


def _moment(at: datetime) -> dict[str, Any]:
    wall = at.astimezone(RIYADH).strftime("%Y-%m-%d %H:%M:%S.000000")
    return {"date": wall, "timezone_type": 3, "timezone": "Asia/Riyadh"}


def _amounts(invoice: Invoice | None, currency: str) -> dict[str, Any]:
    if invoice is None:
        return {"total": money(Decimal(0), currency)}
    return {
        "sub_total": money(invoice.sub_total, currency),
        "shipping_cost": money(invoice.shipping, currency),
        "cash_on_delivery": money(invoice.cod, currency),
        "tax": {"percent": f"{invoice.percent:.2f}", "amount": money(invoice.tax, currency)},
        "discounts": [],
        "total": money(invoice.total, currency),
    }


def customer(one: Customer, base: str) -> dict[str, Any]:
    """Return a customer; the mobile is a number, the e-mail may be null."""
    return {
        "id": one.id,
        "first_name": one.first_name,
        "last_name": one.last_name,
        "mobile": one.mobile,
        "mobile_code": "+966",
        "email": one.email,
        "urls": {"admin": f"{base}/customers/{one.id}"},
    }


def product(one: Item) -> dict[str, Any]:
    """Return a product: `price` holds the tax, `pre_tax_price` does not."""
    tax = taxed(one.price, VAT)
    return {
        "id": one.id,
        "name": one.name,
        "sku": one.sku,
        "type": "product",
        "status": "sale",
        "price": money(one.price + tax, "SAR"),
        "pre_tax_price": money(one.price, "SAR"),
        "tax": money(tax, "SAR"),
        "skus": [],
    }


def item(one: Item, currency: str) -> dict[str, Any]:
    """Return a line of an order: its total is without tax."""
    return {
        "id": one.id,
        "name": one.name,
        "sku": one.sku,
        "quantity": one.quantity,
        "currency": currency,
        "amounts": {
            "price_without_tax": money(one.price, currency),
            "total_discount": money(one.discount, currency),
            "tax": {"percent": f"{VAT:.2f}", "amount": money(taxed(one.net, VAT), currency)},
            "total": money(one.net, currency),
        },
        "options": [],
    }


def invoice(one: Invoice, *, whole: bool) -> dict[str, Any]:
    """Return an invoice or credit note; list rows lack the items."""
    symbol = "ر.س" if one.currency == "SAR" and one.id % 5 == 0 else one.currency
    shape: dict[str, Any] = {
        "id": one.id,
        "invoice_number": one.number,
        "uuid": f"6f1d0000-0000-4000-8000-{one.id:012d}",
        "order_id": one.order_id,
        "invoice_reference_id": one.reference,
        "type": one.kind,
        "date": one.at.astimezone(RIYADH).date().isoformat(),
        "payment_method": "mada",
        "sub_total": money(one.sub_total, symbol, as_text=True),
        "shipping_cost": money(one.shipping, symbol, as_text=True),
        "cod_cost": money(one.cod, symbol, as_text=True),
        "discount": money(one.discount, symbol, as_text=True),
        "tax": {
            "percent": f"{one.percent:.2f}",
            "amount": money(one.tax, symbol, as_text=True),
        },
        "total": money(one.total, symbol),
    }
    if whole:
        shape["items"] = [_line(part, one, symbol) for part in one.items]
    return shape


def _line(one: Item, of: Invoice, currency: str) -> dict[str, Any]:
    tax = taxed(one.net, of.percent)
    return {
        "id": one.id * 10 + 1,
        "item_id": one.id,
        "product_id": str(one.id % 1000),
        "name": one.name,
        "quantity": one.quantity,
        "price": money(one.price, currency, as_text=True),
        "discount": money(one.discount, currency, as_text=True),
        "tax": {"percent": f"{of.percent:.2f}", "amount": money(tax, currency, as_text=True)},
        "total": money(one.net + tax, currency),
    }
