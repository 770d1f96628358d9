"""What people may choose in a company: items, tax codes, accounts, searched and read one by one."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sync.connectors.base import Choice, Kept
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_api import PAGE, Api, quoted
from sync.connectors.quickbooks_facts import EVEN_OLD, RECENT, TAXED, UNTAXED, Known
from sync.errors import ErrorType, FixData

MOST = 100
LONGEST_TERM = 100
ABSENT = frozenset(
    {
        ErrorType.NOT_FOUND,
        ErrorType.SKU_NOT_FOUND,
        ErrorType.ITEM_INACTIVE,
        ErrorType.ACCOUNT_NOT_MAPPED,
    }
)
"""What a 610 means where the object itself was asked for: its text may name the kind."""

UNSOLD = frozenset({"Category", "Group"})
"""Kinds of items that no line of ours can sell (guide, section 3): folders and bundles."""

ACCOUNTS = "AccountType in ('Bank', 'Other Current Asset')"
"""What refunds are paid from."""

INCOMES = ("Income", "Other Income")
OF_INCOME = "AccountType in ('Income', 'Other Income')"
"""What sales are booked on."""

US_CODES = (Choice(TAXED, "Taxable", TAXED), Choice(UNTAXED, "Not taxable", UNTAXED))
_WILD = re.compile("[%\\x00-\\x1f\\x7f\U00010000-\U0010ffff]+")


def pattern_of(term: str) -> str:
    """Return what LIKE is asked for: all that hold `term`, and perhaps more.

    A percent sign cannot be escaped in the query language, and signs beyond the basic plane are not
    trusted to it: both stand for anything, and the caller compares.
    """
    return quoted(f"%{_WILD.sub('%', term)}%")


class Choices:
    """The records of one company that a person may choose."""

    def __init__(self, api: Api, known: Known) -> None:
        self._api = api
        self._known = known

    def matching(self, kind: Kept, term: str) -> list[Choice]:
        """Return at most 100 whose name or code contains `term`, letter case aside."""
        wanted = term.strip()[:LONGEST_TERM]
        match kind:
            case Kept.PRODUCT:
                found = self._items(wanted)
            case Kept.TAX:
                found = self._taxes()
            case Kept.ACCOUNT:
                found = map(account_of, self._api.query("Account", ACCOUNTS))
            case Kept.INCOME:
                found = map(account_of, self._api.query("Account", OF_INCOME))
        folded = wanted.casefold()
        fitting = [one for one in found if any(folded in text for text in _texts(one))]
        return sorted(fitting, key=lambda one: not one.active)[:MOST]

    def one(self, kind: Kept, record_id: str) -> Choice | None:
        """Return the record with QuickBooks' id, read anew, or None."""
        if kind is Kept.TAX:
            return next((one for one in self._taxes() if one.id == record_id), None)
        if not (record_id.isascii() and record_id.isdecimal()):
            return None
        entity = "Item" if kind is Kept.PRODUCT else "Account"
        try:
            row = self._api.one(entity, record_id)
        except FixData as error:
            if error.failure.error_type in ABSENT:
                return None
            raise
        if kind is Kept.INCOME and row.maybe("AccountType") not in INCOMES:
            return None
        return item_of(row) if kind is Kept.PRODUCT else account_of(row)

    def _items(self, term: str) -> Iterator[Choice]:
        """Yield items by name, then by SKU: the query language knows no OR."""
        most = PAGE if term else MOST
        seen: set[str] = set()
        for field in ("Name", "Sku") if term else ("",):
            where = f"{field} like {pattern_of(term)} and {EVEN_OLD}" if field else EVEN_OLD
            for row in self._api.query("Item", where, "orderby Name", most):
                if row.text("Id") not in seen and row.maybe("Type") not in UNSOLD:
                    seen.add(row.text("Id"))
                    yield item_of(row)

    def _taxes(self) -> Iterator[Choice]:
        """Return the codes that sales may carry, each with the percent of its rates."""
        facts = self._known.facts(RECENT)
        if facts.is_us:
            return iter(US_CODES)
        rows = self._api.all("TaxCode", EVEN_OLD)
        return (
            replace(_named(row), code=f"{facts.percents[row.text('Id')]:f}")
            for row in rows
            if row.text("Id") in facts.percents and _is_for_sales(row)
        )


def item_of(row: Fields) -> Choice:
    """Return an item as a choice: its code is its SKU, blanks and all."""
    sku = row.raw("Sku")
    return replace(_named(row), code=None if sku in {None, ""} else str(sku))


def account_of(row: Fields) -> Choice:
    """Return an account as a choice: its kind stands behind its name, its code is its number."""
    name = row.maybe("FullyQualifiedName") or row.text("Name")
    kind = row.maybe("AccountType")
    shown = f"{name} ({kind})" if kind else name
    return replace(_named(row), name=shown, code=row.maybe("AcctNum"))


def _named(row: Fields) -> Choice:
    is_active = row.raw("Active") is not False
    return Choice(row.text("Id"), row.maybe("Name") or row.text("Id"), active=is_active)


def _is_for_sales(row: Fields) -> bool:
    rates = row.inner_or_empty("SalesTaxRateList").each("TaxRateDetail")
    return row.raw("Hidden") is not True and next(rates, None) is not None


def _texts(one: Choice) -> tuple[str, str]:
    return one.name.casefold(), (one.code or "").casefold()
