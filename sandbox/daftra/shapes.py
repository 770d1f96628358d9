"""The shapes of api2: numbers as texts, flags as "0" and "1", rows wrapped in a model's name."""

from typing import Any

from sandbox.daftra.site import CREDIT_NOTE, Client, Document, Line, Product, Site, Tax

PAID, UNPAID, DRAFT = "2", "0", "-1"


def document(one: Document, base: str, *, deep: bool) -> dict[str, Any]:
    """Return a document; `deep` brings its lines and custom fields."""
    total = f"{one.total:.2f}"
    status = DRAFT if one.draft else PAID if one.paid >= one.total else UNPAID
    page = "view_creditnote" if one.type == CREDIT_NOTE else "view"
    shape: dict[str, Any] = {
        "id": str(one.id),
        "no": one.no,
        "type": str(one.type),
        "client_id": str(one.client_id),
        "date": one.date,
        "currency_code": one.currency,
        "payment_status": status,
        "draft": "1" if one.draft else "0",
        "summary_subtotal": f"{sum(line.net for line in one.lines):.2f}",
        "summary_discount": f"{sum(line.discount for line in one.lines):.2f}",
        "summary_total": total,
        "summary_paid": f"{one.paid:.2f}",
        "summary_unpaid": f"{one.total - one.paid:.2f}",
        "po_number": one.po_number,
        "subscription_id": one.subscription_id,
        "external_source": one.external_source,
        "notes": one.notes,
        "created": one.created.strftime("%Y-%m-%d %H:%M:%S"),
        "modified": one.created.strftime("%Y-%m-%d %H:%M:%S"),
        "invoice_html_url": f"{base}/owner/invoices/{page}/{one.id}",
    }
    if deep:
        shape["InvoiceItem"] = [_line(n, line) for n, line in enumerate(one.lines, start=1)]
        shape["InvoiceCustomField"] = one.fields
    return shape


def _line(number: int, line: Line) -> dict[str, Any]:
    return {
        "id": str(number),
        "item": line.item,
        "product_id": str(line.product_id) if line.product_id else None,
        "unit_price": str(line.unit_price),
        "quantity": str(line.quantity),
        "tax1": str(line.tax_id) if line.tax_id else None,
        "summary_tax1": f"{line.tax:.2f}",
    }


def client(one: Client) -> dict[str, Any]:
    """Return a client."""
    return {
        "id": str(one.id),
        "business_name": one.name,
        "email": one.email or "",
        "client_number": one.number,
    }


def product(one: Product) -> dict[str, Any]:
    """Return a product."""
    return {
        "id": str(one.id),
        "name": one.name,
        "product_code": one.code,
        "unit_price": str(one.price),
        "status": str(one.status),
        "type": "1",
    }


def tax(one: Tax) -> dict[str, Any]:
    """Return a tax."""
    return {
        "id": str(one.id),
        "name": one.name,
        "value": str(one.value),
        "included": "1" if one.included else "0",
    }


def site_info(site: Site) -> dict[str, Any]:
    """Return whose site this is."""
    del site
    return {
        "Site": {
            "id": "884201",
            "subdomain": "acme",
            "business_name": "Acme books",
            "currency_code": "SAR",
            "timezone": "Asia/Riyadh",
            "language_code": "41",
            "staff_id": "-1",
        }
    }
