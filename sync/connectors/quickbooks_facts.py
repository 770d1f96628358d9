"""What a company's settings say: country, taxes, closed books, shipping, its bank account.

Kept for minutes: they change rarely, and every document asks for them. What they forbid is read
anew before it is told, for somebody may just have mended it.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from sync.clock import Clock
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_api import Api

KEPT = timedelta(minutes=5)
RECENT = timedelta(seconds=2)
"""How old what forbids a document may be: one look serves a row of documents."""

US = "US"
TAXED, UNTAXED = "TAX", "NON"
ON_AMOUNT = "TaxOnAmount"
EVEN_OLD = "Active in (true, false)"
"""Inactive codes still stand on older documents."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`percents` are of the company's tax codes, by id; `codes` the way back, active ones only.

    `retired` are the ids of those codes that are switched off.
    """

    name: str
    country: str
    currency: str | None
    many_currencies: bool
    custom_numbers: bool
    allows_shipping: bool
    allows_discount: bool
    closed_until: date | None
    codes: dict[Decimal, str]
    percents: dict[str, Decimal]
    retired: frozenset[str] = frozenset()

    @property
    def is_us(self) -> bool:
        """Whether lines take only TAX and NON (guide, section 3)."""
        return self.country == US

    def code_for(self, percent: Decimal) -> str | None:
        """Return the tax code of a line taxed at `percent`, or None where there is none."""
        code = self.codes.get(percent.normalize())
        if code is None and self.is_us:
            return TAXED if percent else UNTAXED
        return code

    def percent_for(self, percent: Decimal) -> Decimal:
        """Return what QuickBooks charges on a line taxed at `percent`: as its code says."""
        return self.percents.get(self.code_for(percent) or "", percent.normalize())

    def takes(self, code: str) -> bool:
        """Return whether a line may carry this tax code; one that is newer than these facts may."""
        return code not in self.retired

    def choosing(self, chosen: Mapping[Decimal, str]) -> "Facts":
        """Return facts with the tax codes that people chose for some percents."""
        given = {percent.normalize(): code for percent, code in chosen.items()}
        return replace(self, codes={**self.codes, **given})


class Known:
    """The facts of one company."""

    def __init__(self, api: Api, realm: str, clock: Clock) -> None:
        self._api = api
        self._realm = realm
        self._clock = clock
        self._lock = threading.Lock()
        self._facts: Facts | None = None
        self._read_at: datetime | None = None

    def facts(self, oldest: timedelta = KEPT) -> Facts:
        """Return them, read anew where they are older than `oldest`. Raises ReadError."""
        with self._lock:
            now = self._clock.now()
            if self._facts is None or self._read_at is None or now - self._read_at > oldest:
                self._facts, self._read_at = read(self._api, self._realm), now
            return self._facts

    def forget(self) -> None:
        """Have them read anew: a refusal says otherwise."""
        with self._lock:
            self._facts = None


def read(api: Api, realm: str) -> Facts:
    """Ask the company: two requests, two more outside the US. Raises ReadError."""
    info = Fields("QuickBooks' company", api.get(f"/companyinfo/{realm}").get("CompanyInfo"))
    prefs = Fields("QuickBooks' preferences", api.get("/preferences").get("Preferences"))
    sales, books = (
        prefs.inner_or_empty("SalesFormsPrefs"),
        prefs.inner_or_empty("AccountingInfoPrefs"),
    )
    money = prefs.inner_or_empty("CurrencyPrefs")
    country = info.maybe("Country") or US
    percents, codes, retired = ({}, {}, frozenset()) if country == US else _taxes(api)
    return Facts(
        name=info.maybe("CompanyName") or realm,
        country=country,
        currency=money.inner_or_empty("HomeCurrency").maybe("value"),
        many_currencies=money.raw("MultiCurrencyEnabled") is not False,
        custom_numbers=sales.raw("CustomTxnNumbers") is not False,
        allows_shipping=sales.raw("AllowShipping") is True,
        allows_discount=sales.raw("AllowDiscount") is not False,
        closed_until=books.day("BookCloseDate") if books.maybe("BookCloseDate") else None,
        codes=codes,
        percents=percents,
        retired=retired,
    )


def _taxes(api: Api) -> tuple[dict[str, Decimal], dict[Decimal, str], frozenset[str]]:
    """Return the percent of each code, for sales one code of each percent, the oldest, what is off.

    Codes that are for purchases alone, that reverse the charge (their rates undo each other) or
    that tax a tax are read, but never chosen.
    """
    rates = {
        one.text("Id"): one.amount_or_zero("RateValue") for one in api.all("TaxRate", EVEN_OLD)
    }
    percents: dict[str, Decimal] = {}
    codes: dict[Decimal, str] = {}
    retired: set[str] = set()
    for code in sorted(api.all("TaxCode", EVEN_OLD), key=_age):
        details = list(code.inner_or_empty("SalesTaxRateList").each("TaxRateDetail"))
        found = [rates.get(one.inner("TaxRateRef").text("value"), Decimal(0)) for one in details]
        percent = sum(found, Decimal(0)).normalize()
        percents[code.text("Id")] = percent
        if code.raw("Active") is False:
            retired.add(code.text("Id"))
        simple = all(one.maybe("TaxTypeApplicable") in {None, ON_AMOUNT} for one in details)
        usable = bool(found) and simple and min(found) >= 0
        if usable and code.text("Id") not in retired and code.raw("Hidden") is not True:
            codes.setdefault(percent, code.text("Id"))
    return percents, codes, frozenset(retired)


def _age(code: Fields) -> tuple[int, str]:
    number = code.text("Id")
    return (int(number) if number.isdecimal() else 0, number)
