"""What HubSpot and QuickBooks hold at the start: the same trade seen from both sides.

`seed_crm(now)` dates everything by `now`. In HubSpot invoices wait for QuickBooks, in QuickBooks
invoices and credits wait for HubSpot; most would go over, each of the others has a reason of its
own not to.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.hubspot.portal import DRAFT, OPEN, PAID, VOIDED, Portal, Thing
from sandbox.quickbooks.company import SHIPPING, Company, Row

CLOSED_AGO = timedelta(days=25)
"""Before this the books of QuickBooks are closed."""

GOODS = {
    "WIDGET-002": ("Widget, large", "120.00"),
    "GRINDER-01": ("Burr grinder", "149.00"),
    "KETTLE-17": ("Gooseneck kettle 1.7 l", "59.00"),
    "SCALE-2KG": ("Brew scale 2 kg", "34.00"),
    "FILTER-100": ("Paper filters, 100", "8.50"),
    "COFFEE-250": ("Coffee beans 250 g", "16.00"),
    "TEA-200": ("Karak tea 200 g", "9.00"),
    "MUG-350": ("Mug 350 ml", "12.00"),
    "003200": ("Gasket", "4.25"),
    "TRAY-OAK": ("Oak tray", "45.00"),
    "OUD-100": ("دهن عود 100 مل", "229.00"),
}
"""What both sell: name and price in US dollars by SKU."""

IN_HUBSPOT_ONLY = {"WIDGET-001": ("Widget, small", "40.00")}
IN_QUICKBOOKS_ONLY = {
    "widget-001": ("Widget, small (old code)", "40.00"),
    "3200": ("Hose 3200", "18.00"),
}
INACTIVE = "TRAY-OAK"


@dataclass(frozen=True, slots=True)
class Person:
    """Who buys; `where` names the systems that know them."""

    first: str
    last: str
    company: str
    email: str | None
    where: tuple[str, ...] = ("hubspot", "quickbooks")


PEOPLE = {
    "dallas": Person("Dana", "Reyes", "Dallas Coffee Co.", "ap@dallascoffee.example"),
    "noor": Person("Yusuf", "Al-Noor", "Al-Noor & Sons", "books@alnoor.example"),
    "nakheel": Person("مها", "النخيل", "مؤسسة النخيل التجارية", "orders@nakheel.example"),
    "corner": Person("Honey 🍯", "Corner ☕", "", "hello@corner.example"),
    "brook": Person("Brook", "Tanaka", "Brook Hardware", "accounts@brook.example", ("hubspot",)),
    "lena": Person("Lena", "Ortiz", "", "lena@ortiz.example", ("quickbooks",)),
    "austin": Person("Ray", "Austin", "Austin Imports", None),
}


@dataclass
class Trade:
    """Both systems, filled."""

    portal: Portal
    company: Company
    names: dict[str, str] = field(default_factory=dict)
    """Numbers of invoices and credits by what they are there for, such as `sku` or `partial`."""


def seed_crm(now: datetime) -> Trade:
    """Fill both systems with the days before `now` (aware UTC)."""
    trade = Trade(Portal(), Company())
    crm = _Crm(trade, now.date())
    crm.masters()
    crm.sales()
    ledger = _Ledger(trade, now.date())
    ledger.masters()
    ledger.sales()
    ledger.credits()
    trade.company.closed_before = (now - CLOSED_AGO).date().isoformat()
    return trade


def _person(system: str) -> dict[str, Person]:
    return {name: one for name, one in PEOPLE.items() if system in one.where}


class _Crm:
    """Fills HubSpot."""

    def __init__(self, trade: Trade, today: date) -> None:
        self.portal = trade.portal
        self.names = trade.names
        self.today = today
        self.contacts: dict[str, str] = {}

    def masters(self) -> None:
        """Fill what is there before any invoice."""
        for sku, (name, price) in (GOODS | IN_HUBSPOT_ONLY).items():
            self.portal.add("products", name=name, hs_sku=sku, price=price)
        for name, one in _person("hubspot").items():
            given = {"firstname": one.first, "lastname": one.last, "company": one.company}
            email = {"email": one.email} if one.email else {}
            self.contacts[name] = self.portal.add("contacts", **given, **email).id

    def sales(self) -> None:
        """Tell what was sold: six go over as they are, the others teach something."""
        self.sale("dallas", 2, _of("COFFEE-250", 24), _of("KETTLE-17"), status=PAID)
        self.sale("noor", 3, _of("GRINDER-01", 2), _of("FILTER-100", 10))
        self.sale("nakheel", 4, _of("OUD-100", 3), status=PAID)
        self.sale("corner", 6, _of("MUG-350", 6, discount="1.50"), name="unit_discount")
        self.sale(
            "dallas", 8, _of("SCALE-2KG", 5, hs_discount_percentage="10"), name="percent_discount"
        )
        self.sale("brook", 5, _of("003200", 40), name="new_customer")
        self.sale("noor", 7, _of("WIDGET-002", hs_tax_rate_group_id="1"), name="taxed")
        self.sale("nakheel", 1, _of("WIDGET-001", 4), name="sku")
        self.sale("corner", 9, _of("WIDGET-001"), _of("TEA-200", 2), name="sku_too")
        self.sale("austin", 2, _of("COFFEE-250", 12), name="email")
        self.sale("dallas", 10, _of(INACTIVE), name="inactive")
        self.sale("noor", 30, _of("GRINDER-01"), name="closed")
        self.sale("brook", 1, _of("TEA-200", 3), status=VOIDED, name="voided")
        self.sale("brook", 0, _of("MUG-350", 2), status=DRAFT, name="draft")

    def sale(
        self,
        buyer: str,
        days_ago: int,
        *lines: dict[str, str],
        status: str = OPEN,
        name: str | None = None,
    ) -> Thing:
        """Put an invoice into HubSpot; `name` makes its number known, a draft's its id."""
        day = self.today - timedelta(days=days_ago)
        invoice = self.portal.sale(self.contacts[buyer], lines, status=status, at=day)
        if name:
            self.names[name] = invoice.properties.get("hs_number") or invoice.id
        return invoice


def _of(sku: str, quantity: int = 1, **more: str) -> dict[str, str]:
    """Return a line item of HubSpot."""
    name, price = (GOODS | IN_HUBSPOT_ONLY)[sku]
    return {"name": name, "hs_sku": sku, "price": price, "quantity": str(quantity), **more}


class _Ledger:
    """Fills QuickBooks."""

    def __init__(self, trade: Trade, today: date) -> None:
        self.company = trade.company
        self.names = trade.names
        self.today = today
        self.number = 2000
        self.items: dict[str, Row] = {}
        self.customers: dict[str, Row] = {}

    def masters(self) -> None:
        """Fill what is there before any invoice."""
        self.company.add("Account", Name="Checking", AccountType="Bank", Active=True)
        for sku, (name, price) in (GOODS | IN_QUICKBOOKS_ONLY).items():
            given = {"Type": "NonInventory", "UnitPrice": float(price), "Active": sku != INACTIVE}
            self.items[sku] = self.company.add("Item", Name=name, Sku=sku, **given)
        for key, one in _person("quickbooks").items():
            given = {"GivenName": one.first, "FamilyName": one.last}
            if one.email:
                given["PrimaryEmailAddr"] = {"Address": one.email}
            name = one.company or f"{one.first} {one.last}"
            shown = {"DisplayName": name, "CompanyName": one.company}
            money = {"CurrencyRef": {"value": "USD"}}
            self.customers[key] = self.company.add("Customer", **shown, **given, **money)

    def sales(self) -> None:
        """Tell what was sold: five go over as they are, the others teach something."""
        self.sale("dallas", 1, self.line("COFFEE-250", 48))
        self.sale("noor", 3, self.line("KETTLE-17", 2), self.line("FILTER-100", 4))
        self.sale("lena", 4, self.line("GRINDER-01"), name="new_contact")
        self.sale("nakheel", 6, self.line("OUD-100", tax="TAX"), name="taxed_in_books")
        extras = (_shipping("15.00"), _discount("10"))
        self.sale("corner", 5, self.line("MUG-350", 12), *extras, name="shipping")
        self.sale("austin", 2, self.line("TEA-200", 6), name="email_in_books")
        self.sale("dallas", 7, self.line("widget-001", 2), name="sku_in_books")
        voided = self.sale("noor", 2, self.line("SCALE-2KG"), name="voided_in_books")
        self.company.void(voided["Id"])

    def credits(self) -> None:
        """Tell what came back: a part, the whole in cash, and a part of a sale long ago."""
        sale = self.sale("dallas", 9, self.line("WIDGET-002", 3), name="partial_sale")
        self.back("CreditMemo", sale, "dallas", 5, self.line("WIDGET-002"), name="partial")
        sale = self.sale("lena", 8, self.line("SCALE-2KG", 2), name="refunded_sale", Paid=True)
        line = self.line("SCALE-2KG", 2)
        self.back("RefundReceipt", sale, "lena", 3, line, name="refunded")
        sale = self.sale("noor", 60, self.line("KETTLE-17", 2), name="orphan_sale")
        self.back("CreditMemo", sale, "noor", 2, self.line("KETTLE-17"), name="orphan")

    def sale(self, buyer: str, days_ago: int, *lines: Row, name: str = "", **more: Any) -> Row:
        """Put an invoice into QuickBooks; `name` makes its number known."""
        return self._add("Invoice", buyer, days_ago, lines, name, **more)

    def back(
        self, entity: str, sale: Row, buyer: str, days_ago: int, *lines: Row, name: str
    ) -> Row:
        """Put a credit memo or refund receipt for an invoice into QuickBooks."""
        link = [{"TxnId": sale["Id"], "TxnType": "Invoice"}]
        return self._add(entity, buyer, days_ago, lines, name, LinkedTxn=link)

    def line(self, sku: str, quantity: int = 1, tax: str = "NON") -> Row:
        """Return a line that sells an item."""
        item = self.items[sku]
        price = Decimal(str(item["UnitPrice"]))
        detail = {
            "ItemRef": {"value": item["Id"], "name": item["Name"]},
            "Qty": quantity,
            "UnitPrice": float(price),
            "TaxCodeRef": {"value": tax},
        }
        return {
            "DetailType": "SalesItemLineDetail",
            "Amount": float(price * quantity),
            "Description": item["Name"],
            "SalesItemLineDetail": detail,
        }

    def _add(
        self, entity: str, buyer: str, days_ago: int, lines: tuple[Row, ...], name: str, **more: Any
    ) -> Row:
        self.number += 1
        day = (self.today - timedelta(days=days_ago)).isoformat()
        customer, number = self.customers[buyer], f"{self.number}"
        bill = {"BillEmail": customer["PrimaryEmailAddr"]} if PEOPLE[buyer].email else {}
        ref = {"value": customer["Id"]}
        given = {"CustomerRef": ref, "DocNumber": number, "TxnDate": day, "Line": list(lines)}
        if name:
            self.names[name] = number
        return self.company.add(entity, **given, **bill, **more)


def _shipping(amount: str) -> Row:
    detail = {"ItemRef": {"value": SHIPPING}, "TaxCodeRef": {"value": "NON"}}
    kind = "SalesItemLineDetail"
    return {"DetailType": kind, "Amount": float(amount), "SalesItemLineDetail": detail}


def _discount(percent: str) -> Row:
    detail = {"PercentBased": True, "DiscountPercent": float(percent)}
    return {"DetailType": "DiscountLineDetail", "Amount": 0, "DiscountLineDetail": detail}
