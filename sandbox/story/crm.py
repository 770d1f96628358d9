"""What HubSpot holds in the whole story, put there as its own people and our app would have."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sandbox.hubspot.portal import OPEN, PORTAL, Portal, Thing
from sandbox.pasts import Booked, Row
from sandbox.seeds_crm import GOODS, IN_HUBSPOT_ONLY
from sandbox.story.people import PARTNERS, PASTED

OLD = {"LEGACY-7": ("Old stock", "100.00")}
"""What QuickBooks refuses with a text that says nothing."""

RATES = {"1": Decimal(8), "2": Decimal(15)}
RECORD = f"/contacts/{PORTAL}/record/0-53/"
CREDITED, CREDITS = "invsync_credited_total", "invsync_credit_refs"
PROPERTIES = (
    ("invoices", "invsync_key", "text", True),
    ("invoices", CREDITED, "number", False),
    ("invoices", CREDITS, "textarea", False),
    ("line_items", "invsync_line_key", "text", True),
)
"""What our app has made of its own when it was connected: kind, name, field, whether unique."""

Line = tuple[str, int]
"""A SKU and a quantity."""


class Crm:
    """Fills an account."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.contacts: dict[str, str] = {}
        self._products: dict[str, str] = {}

    def masters(self) -> None:
        """Fill what is there before any invoice."""
        self.portal.tax_rates = dict(RATES)
        for kind, name, field, unique in PROPERTIES:
            unit = "number" if field == "number" else "string"
            own = {"name": name, "type": unit, "fieldType": field, "hasUniqueValue": unique}
            self.portal.declare(kind, own)
        for sku, (name, price) in (GOODS | IN_HUBSPOT_ONLY | OLD).items():
            self._products[sku] = self.portal.add("products", name=name, hs_sku=sku, price=price).id
        for name, one in PARTNERS.items():
            given: dict[str, str] = {
                "firstname": one.first,
                "lastname": one.last,
                "company": one.company,
            }
            if one.email:
                given["email"] = one.email
            if name == "canal":
                given["address"] = PASTED
            if "hubspot" in one.where or one.email:
                self.contacts[name] = self.portal.add("contacts", **given).id

    def sale(
        self, buyer: str, at: datetime, lines: Sequence[Line], *, day: date, tax: str = ""
    ) -> Thing:
        """Put an open invoice dated `day` into the account; `tax` is the lines' group."""
        more = {"hs_tax_rate_group_id": tax} if tax else {}
        items = [
            {
                "name": name_of(sku),
                "hs_sku": sku,
                "price": price_of(sku),
                "quantity": str(n),
                **more,
            }
            for sku, n in lines
        ]
        return self._aged(self.portal.sale(self.contacts[buyer], items, status=OPEN, at=day), at)

    def void(self, invoice: Thing, at: datetime) -> None:
        """Void an invoice."""
        self.portal.change("invoices", invoice.id, {"hs_invoice_status": "voided"})
        invoice.at = at.timestamp()

    def copy(self, row: Row, buyer: str, at: datetime, lines: Sequence[Line]) -> Booked:
        """Put a document of QuickBooks into the account, as our app would have."""
        key, day = row["key"], date.fromisoformat(row["issued"])
        items = [self._item(key, position, *line) for position, line in enumerate(lines, 1)]
        own = {"invsync_key": key, "hs_title": row["document_number"]}
        made = self.portal.sale(self.contacts[buyer], items, status=OPEN, at=day, **own)
        self._aged(made, at)
        return Booked(made.id, str(made.properties["hs_number"]), f"{RECORD}{made.id}")

    def credit(self, invoice: str, row: Row, at: datetime) -> Booked:
        """Write a return of QuickBooks onto its invoice, as our app would have."""
        number, amount = row["document_number"], row["amount"]
        written = {CREDITED: amount, CREDITS: f"{row['key']}|{number}|{amount}|{row['currency']}"}
        self.portal.change("invoices", invoice, written).at = at.timestamp()
        return Booked(f"{invoice}/{row['source_id']}", number, f"{RECORD}{invoice}")

    def document(self, invoice: Thing, buyer: str, *, voided: bool = False) -> Row:
        """Return what a row of the past says of an invoice, or of the return it stands for."""
        given, kind = invoice.properties, "return" if voided else "invoice"
        source_id = f"void-{invoice.id}" if voided else invoice.id
        return {
            "source_id": source_id,
            "kind": kind,
            "key": f"v1:hubspot:{PORTAL}:{kind}:{source_id}",
            "order_id": invoice.id,
            "order_number": given["hs_number"],
            "order_status": "voided" if voided else OPEN,
            "source_path": f"{RECORD}{invoice.id}",
            "document_number": given["hs_number"],
            "issued": given["hs_invoice_date"],
            "amount": given["hs_amount_billed"],
            "currency": given["hs_currency"],
            "customer": called(buyer),
        }

    def _item(self, key: str, position: int, sku: str, quantity: int) -> Mapping[str, str]:
        return {
            "name": name_of(sku),
            "hs_sku": sku,
            "hs_product_id": self._products[sku],
            "quantity": str(quantity),
            "price": price_of(sku),
            "discount": "0",
            "hs_line_item_currency_code": "USD",
            "invsync_line_key": f"{key}#{position}",
        }

    def _aged(self, invoice: Thing, at: datetime) -> Thing:
        """Let an invoice be as old as it says: a sweep asks for what changed lately."""
        invoice.created = invoice.at = at.timestamp()
        return invoice


def name_of(sku: str) -> str:
    """Return what both systems call a product."""
    return _product(sku)[0]


def price_of(sku: str) -> str:
    """Return a product's price in US dollars."""
    return _product(sku)[1]


def called(buyer: str) -> str:
    """Return what people call a partner."""
    one = PARTNERS[buyer]
    return one.company or f"{one.first} {one.last}"


def _product(sku: str) -> tuple[str, str]:
    found: Any = (GOODS | IN_HUBSPOT_ONLY | OLD)[sku]
    return str(found[0]), str(found[1])


def iso(at: datetime) -> str:
    """Return an instant's day in UTC."""
    return at.astimezone(UTC).date().isoformat()
