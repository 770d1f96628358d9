"""The systems we speak to: what people call each, and which may feed which."""

TITLES = {
    "salla": "Salla",
    "daftra": "Daftra",
    "hubspot": "HubSpot",
    "quickbooks": "QuickBooks",
}

PAIRS = frozenset({("salla", "daftra"), ("hubspot", "quickbooks"), ("quickbooks", "hubspot")})
"""Source and destination of every kind of route (product, section 1)."""

STATUSES = {
    "salla": ("completed",),
    "hubspot": ("open", "paid"),
    "quickbooks": ("open", "paid"),
}
"""Which statuses of a source sync by themselves where a route names none (product, rule 8)."""

SOURCES = tuple(dict.fromkeys(source for source, _ in sorted(PAIRS)))
DESTINATIONS = tuple(dict.fromkeys(destination for _, destination in sorted(PAIRS)))


def title_of(system: str) -> str:
    """Return what people call a system."""
    return TITLES.get(system, system)
