"""What QuickBooks holds in the whole story: a company outside the US, whose taxes have codes."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.pasts import Booked, Row
from sandbox.quickbooks.company import REALM, Company, stamp
from sandbox.seeds_crm import GOODS, IN_QUICKBOOKS_ONLY, INACTIVE
from sandbox.story.crm import OLD, Line, called, name_of, price_of
from sandbox.story.people import PARTNERS

CODES = (
    (Decimal(0), "Zero rate", True),
    (Decimal(8), "VAT 8 %", True),
    (Decimal(15), "VAT 15 %", False),
)
"""Percent, name, and whether the tax code is active."""

SAYS_NOTHING = "An unexpected error occurred while saving. Please try again later"
UNTAXED = Decimal(0)


class Books:
    """Fills a company."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.items: dict[str, Row] = {}
        self.customers: dict[str, Row] = {}
        self._codes: dict[Decimal, str] = {}
        self._number = 2000

    def masters(self) -> None:
        """Fill what is there before any transaction."""
        company = self.company
        company.country, company.currency = "AE", "USD"
        for percent, name, active in CODES:
            self._codes[percent] = self._code(percent, name, active=active)
        company.add("Account", Name="Checking", AccountType="Bank", Active=True)
        for sku, (name, price) in (GOODS | IN_QUICKBOOKS_ONLY | OLD).items():
            given = {"Type": "NonInventory", "UnitPrice": float(price), "Active": sku != INACTIVE}
            self.items[sku] = company.add("Item", Name=name, Sku=sku, **given)
        for sku in OLD:
            company.refusals[self.items[sku]["Id"]] = SAYS_NOTHING
        for key, one in PARTNERS.items():
            if "quickbooks" in one.where or one.email:
                self.customers[key] = self._customer(key)

    def sale(self, buyer: str, at: datetime, lines: Sequence[Line]) -> Row:
        """Put an invoice of the company's own into the books, dated as it was made."""
        self._number += 1
        return self._add("Invoice", buyer, at, at.date(), str(self._number), lines)

    def back(self, sale: Row, buyer: str, at: datetime, lines: Sequence[Line]) -> Row:
        """Put a credit memo for an invoice into the books."""
        self._number += 1
        link = [{"TxnId": sale["Id"], "TxnType": "Invoice"}]
        number = str(self._number)
        return self._add("CreditMemo", buyer, at, at.date(), number, lines, LinkedTxn=link)

    def foreign(self, number: str, buyer: str, at: datetime) -> Row:
        """Put a transaction into the books that has a number of ours, over another amount."""
        lines = [("KETTLE-17", 11)]
        note = "Old series, numbered by hand"
        return self._add("Invoice", buyer, at, at.date(), number, lines, PrivateNote=note)

    def copy(
        self,
        row: Row,
        buyer: str,
        at: datetime,
        lines: Sequence[Line],
        *,
        percent: Decimal = UNTAXED,
        parent: Booked | None = None,
    ) -> Booked:
        """Put a document of HubSpot into the books, as our app would have."""
        is_return = row["kind"] == "return"
        entity = "CreditMemo" if is_return else "Invoice"
        number = f"HS-{'R-' if is_return else ''}{row['document_number']}"
        note = [f"invsync {row['key']}", f"Document {row['document_number']}"]
        more: dict[str, Any] = {"GlobalTaxCalculation": "TaxExcluded"}
        if parent:
            note.insert(1, f"Credit of invoice {parent.number}")
            more["InvoiceRef"] = {"value": parent.id}
        more["PrivateNote"] = "\n".join(note)
        day = date.fromisoformat(row["issued"])
        made = self._add(entity, buyer, at, day, number, lines, percent, **more)
        return Booked(made["Id"], number, path_of(entity, made))

    def document(self, entity: str, row: Row, sale: Row, buyer: str) -> Row:
        """Return what a row of the past says of an invoice or a credit memo."""
        is_return = entity == "CreditMemo"
        kind = "return" if is_return else "invoice"
        source_id = f"creditmemo-{row['Id']}" if is_return else row["Id"]
        return {
            "source_id": source_id,
            "kind": kind,
            "key": f"v1:quickbooks:{REALM}:{kind}:{source_id}",
            "order_id": sale["Id"],
            "order_number": sale["DocNumber"],
            "order_status": "open",
            "source_path": path_of("Invoice", sale),
            "document_number": row["DocNumber"],
            "issued": row["TxnDate"],
            "amount": f"{row['TotalAmt']:.2f}",
            "currency": row["CurrencyRef"]["value"],
            "customer": called(buyer),
        }

    def _code(self, percent: Decimal, name: str, *, active: bool) -> str:
        rate = self.company.add("TaxRate", Name=name, RateValue=float(percent), Active=True)
        detail = {"TaxRateRef": {"value": rate["Id"]}, "TaxTypeApplicable": "TaxOnAmount"}
        rates = {"TaxRateDetail": [detail]}
        code = self.company.add("TaxCode", Name=name, Active=active, SalesTaxRateList=rates)
        return str(code["Id"])

    def _customer(self, key: str) -> Row:
        one = PARTNERS[key]
        given: dict[str, Any] = {"GivenName": one.first, "FamilyName": one.last}
        if one.email:
            given["PrimaryEmailAddr"] = {"Address": one.email}
        shown = {"DisplayName": called(key), "CompanyName": one.company}
        return self.company.add("Customer", **shown, **given, CurrencyRef={"value": "USD"})

    def _add(
        self,
        entity: str,
        buyer: str,
        at: datetime,
        day: date,
        number: str,
        lines: Sequence[Line],
        percent: Decimal = UNTAXED,
        **more: Any,
    ) -> Row:
        customer, email = self.customers[buyer], PARTNERS[buyer].email
        bill = {"BillEmail": {"Address": email}} if email else {}
        made = self.company.add(
            entity,
            CustomerRef={"value": customer["Id"]},
            DocNumber=number,
            TxnDate=day.isoformat(),
            Line=[self._line(sku, quantity, percent) for sku, quantity in lines],
            **bill,
            **more,
        )
        made["MetaData"] = {"CreateTime": stamp(at), "LastUpdatedTime": stamp(at)}
        return made

    def _line(self, sku: str, quantity: int, percent: Decimal) -> Row:
        item, price = self.items[sku], Decimal(price_of(sku))
        detail = {
            "ItemRef": {"value": item["Id"], "name": item["Name"]},
            "Qty": quantity,
            "UnitPrice": float(price),
            "TaxCodeRef": {"value": self._codes[percent]},
        }
        return {
            "DetailType": "SalesItemLineDetail",
            "Amount": float(price * quantity),
            "Description": name_of(sku),
            "SalesItemLineDetail": detail,
        }


def path_of(entity: str, row: Row) -> str:
    """Return the path of a transaction's page."""
    return f"/app/{entity.lower()}?txnId={row['Id']}"
