"""What a QuickBooks company tells of itself, for tests of what is read from and written to it."""

from sync.connectors.quickbooks_facts import Facts

US = Facts(
    name="Acme",
    country="US",
    currency="USD",
    many_currencies=True,
    custom_numbers=True,
    allows_shipping=True,
    allows_discount=True,
    closed_until=None,
    codes={},
    percents={},
)
