"""A QuickBooks company as its staff and its API see it, and both of our ends open to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import httpx

from sandbox import quickbooks
from sandbox.quickbooks import Company
from sandbox.serving import Server
from sync.clock import Clock, SystemClock
from sync.connectors.base import Fixed, Matches, Parent
from sync.connectors.quickbooks import PREFIX, QuickBooksAccount, QuickBooksSource, is_expired
from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.connectors.spec import Opened
from sync.connectors.transport import Transport
from sync.documents import Charge, Customer, Document, Kind, Line, Order
from sync.errors import ErrorType
from sync.money import Money
from sync.outcomes import Created, Outcome
from tests.connectors.conftest import Remembered

KEY = "v1:hubspot:4711:invoice:501"
DAY = date(2026, 11, 20)
INVOICES = f"{PREFIX}/{quickbooks.REALM}/invoice"
EMAIL = "ada@example.com"


def soon() -> datetime:
    """Return a moment by which a create may still leave."""
    return datetime.now(UTC) + timedelta(seconds=5)


def line(sku: str | None = "ABC-1", price: str = "100", percent: str = "0", **more: Any) -> Line:
    """Return two units of a product, without discount."""
    given = {"quantity": Decimal(2), "discount": Decimal(0), **more}
    return Line(
        name="Widget", sku=sku, unit_price=Decimal(price), tax_percent=Decimal(percent), **given
    )


def sale(
    *lines: Line, total: str = "200", tax: str = "0", currency: str = "USD", **more: Any
) -> Document:
    """Return an invoice of HubSpot: two units at 100 where nothing else is said."""
    one = Document(
        source_id="501",
        kind=Kind.INVOICE,
        number="INV-1001",
        order=Order("501", "INV-1001", "open", None),
        issued=DAY,
        customer=Customer("77", "Ada", "Byron", EMAIL, company="Engines"),
        lines=lines or [line()],
        charges=[],
        discount=Decimal(0),
        tax=Money.of(tax, currency),
        total=Money.of(total, currency),
    )
    return replace(one, **more)


def charge(amount: str = "15", percent: str = "0") -> Charge:
    """Return what shipping costs."""
    return Charge("Shipping", Decimal(amount), Decimal(percent))


@dataclass
class Books:
    """The running company, a client that is its staff, and our ends."""

    company: Company
    staff: httpx.Client
    source: QuickBooksSource
    destination: QuickBooksDestination
    mappings: Remembered
    base: str = f"{PREFIX}/{quickbooks.REALM}"

    def item(self, sku: str = "ABC-1", **values: Any) -> str:
        """Add an item; returns its id."""
        given = {"Name": f"Item {len(self.company.rows['Item'])}", "Type": "NonInventory", **values}
        return str(self.company.add("Item", Sku=sku, **given)["Id"])

    def customer(self, email: str = EMAIL, name: str = "Engines", **values: Any) -> str:
        """Add a customer; returns its id."""
        given = {"CurrencyRef": {"value": "USD"}, **values}
        address = {"Address": email}
        added = self.company.add("Customer", DisplayName=name, PrimaryEmailAddr=address, **given)
        return str(added["Id"])

    def tax(self, percent: float, **values: Any) -> str:
        """Add a rate and its code to a company outside the US; returns the code's id."""
        rate = self.company.add("TaxRate", Name=f"{percent} %", RateValue=percent)["Id"]
        details = {"TaxRateDetail": [{"TaxRateRef": {"value": rate}}]}
        given = {"Name": f"{percent} %", "Active": True, **values}
        return str(self.company.add("TaxCode", SalesTaxRateList=details, **given)["Id"])

    def create(self, one: Document, key: str = KEY, parent: Parent | None = None) -> Created:
        """Create a document; returns what the connector says of it."""
        assert not self.destination.blockers(one)
        outcome = self.send(one, key, parent)
        assert isinstance(outcome, Created), outcome
        return outcome

    def send(self, one: Document, key: str = KEY, parent: Parent | None = None) -> Outcome:
        """Plan a document and send its create."""
        plan = self.destination.plan(key, one, parent)
        return self.destination.create(plan, sent_by=soon())

    def find(self, one: Document, key: str = KEY) -> Matches:
        """Look a document up."""
        return self.destination.find(key, one, None)

    def stops(self, one: Document) -> list[tuple[ErrorType, str]]:
        """Return what stops a document, as type and key."""
        return [(stop.error_type, stop.key) for stop in self.destination.blockers(one)]

    def row(self, entity: str, number: str) -> Mapping[str, Any]:
        """Return a transaction as the books hold it."""
        return self.company.rows[entity][number]

    def bill(self, *lines: Mapping[str, Any], entity: str = "Invoice", **values: Any) -> str:
        """Add a transaction over the API, as its staff would; returns its id."""
        buyers = self.company.rows["Customer"]
        body = {
            "CustomerRef": {"value": next(iter(buyers), None) or self.customer()},
            "CurrencyRef": {"value": self.company.currency},
            "TxnDate": DAY.isoformat(),
            "Line": list(lines) or [self.sold()],
            **values,
        }
        path = f"{self.base}/{entity.lower()}"
        saved = self.staff.post(path, json=body).raise_for_status().json()[entity]
        return str(saved["Id"])

    def sold(
        self, amount: float = 200, code: str = "NON", item: str | None = None, quantity: int = 2
    ) -> dict[str, Any]:
        """Return a line of two units of the first item."""
        ref = {"value": item or next(iter(self.company.rows["Item"]))}
        detail: dict[str, Any] = {"ItemRef": ref, "TaxCodeRef": {"value": code}}
        if item != quickbooks.SHIPPING:
            detail |= {"Qty": quantity, "UnitPrice": amount / quantity}
        kind = "SalesItemLineDetail"
        return {"Amount": amount, "DetailType": kind, kind: detail}

    def fault(self, **fault: Any) -> None:
        """Let a fault wait."""
        self.staff.post("/sandbox/faults", json=[fault]).raise_for_status()

    def odd(self, body: str, method: str = "POST", path: str = "/invoice", **how: Any) -> None:
        """Let an odd answer wait."""
        given = {"method": method, "path": path, "body": body, **how}
        self.staff.post("/sandbox/company", json={"odd": given}).raise_for_status()

    def calls(self) -> dict[str, int]:
        """Return how often each endpoint was called since the last time, and begin anew."""
        counted: dict[str, int] = self.staff.get("/sandbox/requests").json()["by"]
        self.staff.delete("/sandbox/requests").raise_for_status()
        return {name: count for name, count in counted.items() if "/sandbox/" not in name}

    def booked(self) -> list[dict[str, Any]]:
        """Return every transaction that was really created over the API."""
        creates: list[dict[str, Any]] = self.staff.get("/sandbox/ledger").json()["creates"]
        return creates


@contextmanager
def books(**switches: Any) -> Iterator[Books]:
    """Start a company with one item, and open both ends."""
    company = Company(**switches)
    server = Server(quickbooks.create(company)).start()
    mappings = Remembered()
    source = end(QuickBooksSource, server.url, mappings)
    destination = end(QuickBooksDestination, server.url, mappings)
    headers = {"Authorization": f"Bearer {quickbooks.TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers) as staff:
        opened = Books(company, staff, source, destination, mappings)
        opened.item(Name="Widget")
        yield opened
    source.close()
    destination.close()
    server.stop()


EndT = TypeVar("EndT", bound=QuickBooksAccount)


def end(
    kind: type[EndT],
    url: str,
    mappings: Remembered,
    account: str = quickbooks.REALM,
    clock: Clock | None = None,
) -> EndT:
    """Open an end of ours to the company at `url`."""
    clock = clock or SystemClock()
    transport = Transport(
        "quickbooks",
        url,
        Fixed(quickbooks.TOKEN),
        timeout=5.0,
        clock=clock,
        pace=lambda: None,
        expired=is_expired,
    )
    web = "https://app.qbo.intuit.com"
    return kind(Opened("books", PREFIX, web, transport, clock, mappings, account))
