"""Sales and credits of QuickBooks, as they go to HubSpot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sync.documents import Customer, Document, Kind, Line, Order
from sync.money import Money
from tests.builders import document

KEY = "v1:quickbooks:310687:invoice:145"
SALE = Order("145", "1043", "open", None)


def soon() -> datetime:
    """Return a moment by which a create may still leave."""
    return datetime.now(UTC) + timedelta(seconds=5)


def sale(total: str = "230.00", sku: str | None = "ABC-1") -> Document:
    """Return an invoice of QuickBooks: two units at 100, 15 % tax."""
    customer = Customer("58", "Ada", "Byron", "ada@example.com", company="Engines")
    lines = [Line("Widget", sku, Decimal(2), Decimal(100), Decimal(0), Decimal(15))]
    return replace(
        document("145", number="1043", of=SALE),
        customer=customer,
        lines=lines,
        tax=Money.of("30", "USD"),
        total=Money.of(total, "USD"),
    )


def credit(number: str, total: str) -> Document:
    """Return a credit memo of QuickBooks."""
    one = document(f"creditmemo-{number}", number=number, kind=Kind.RETURN, of=SALE)
    return replace(one, total=Money.of(total, "USD"))


def credit_key(number: str) -> str:
    """Return our key of a credit memo."""
    return f"v1:quickbooks:310687:return:creditmemo-{number}"
