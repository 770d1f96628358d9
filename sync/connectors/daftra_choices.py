"""What a person may choose in Daftra: products, searched there, and taxes, walked and compared.

A search there only narrows: what the site ignores, or compares otherwise than we do, is sorted out
here. So the part of a term that is sent is one plain word of it, which no pattern and no character
set can trip over.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from sync.connectors.base import Choice
from sync.connectors.daftra_answers import rows_of
from sync.connectors.fields import Fields
from sync.errors import ErrorType, FixData

PER_PAGE = 100
MOST_PAGES = 50
SEARCHED_PAGES = 5
"""How many pages a search looks through: a person waits for it."""

MOST = 100
LONGEST_TERM = 100
ACTIVE = {None, "0"}
WORD = re.compile(r"[^\W_\U00010000-\U0010ffff]+")

ReadJson = Callable[..., dict[str, Any]]


def is_active(product: Fields) -> bool:
    """Return whether a product can be sold."""
    return product.maybe("status") in ACTIVE


def choice_of(product: Fields) -> Choice:
    """Return a product as something to choose."""
    code = product.maybe("product_code")
    name = product.maybe("name") or code or product.text("id")
    return Choice(product.text("id"), name, code, is_active(product))


def products_with(read: ReadJson, term: str) -> Sequence[Choice]:
    """Return at most 100 products whose name or code contains `term`, letter case aside."""
    wanted = _cut(term)
    word = max(WORD.findall(wanted), key=len, default="")
    asked = {f"filter[or][{field}][like]": f"%{word}%" for field in ("name", "product_code")}
    rows = entities(read, "product", asked if word else {}, SEARCHED_PAGES)
    return _with(wanted, (choice_of(row) for row in rows))


def product(read: ReadJson, number: str) -> Choice | None:
    """Return the product with this id, or None."""
    if not _is_id(number):
        return None
    try:
        data = read(f"/products/{number}.json")
    except FixData as error:
        if error.failure.error_type is ErrorType.NOT_FOUND:
            return None
        raise
    row = Fields(f"Daftra's product {number}", data.get("data"))
    return choice_of(row.inner("Product"))


def taxes(read: ReadJson) -> Iterator[Fields]:
    """Yield the taxes that prices do not contain: our prices are net."""
    for page in range(1, SEARCHED_PAGES + 1):
        data = read("/taxes.json", {"page": page, "limit": PER_PAGE})
        rows = rows_of(data, "Tax")
        yield from (row for row in rows if row.maybe("included") in {None, "0"})
        if not has_next(data):
            return


def tax_id(tax: Fields) -> str:
    """Return a tax's id, which comes under two names."""
    return tax.maybe("id") or tax.text("tax_id")


def taxes_with(read: ReadJson, term: str) -> Sequence[Choice]:
    """Return the taxes whose name or percentage contains `term`, letter case aside."""
    return _with(_cut(term), map(_tax, taxes(read)))


def tax(read: ReadJson, number: str) -> Choice | None:
    """Return the tax with this id, or None: Daftra has no address for one."""
    return next((_tax(row) for row in taxes(read) if tax_id(row) == number), None)


def shown(percent: Decimal) -> str:
    """Return a percentage as the key of what stands for it: 15, 7.5."""
    return f"{percent.normalize():f}"


def entities(
    read: ReadJson, entity: str, asked: dict[str, Any], most_pages: int = MOST_PAGES
) -> Iterator[Fields]:
    """Yield rows of a v2 list, in both shapes that are seen (guide, section 3)."""
    for page in range(1, most_pages + 1):
        data = read(f"/{entity}/list/1", {**asked, "page": page}, "/v2/api/entity")
        yield from Fields(f"Daftra's {entity} list", data).each("data")
        if not _next_page(data):
            return


def has_next(data: dict[str, Any]) -> bool:
    """Return whether a list of api2 goes on after this page."""
    pagination = data.get("pagination")
    return isinstance(pagination, dict) and bool(pagination.get("next"))


def _tax(row: Fields) -> Choice:
    percent = shown(row.amount("value"))
    return Choice(tax_id(row), row.maybe("name") or f"{percent} %", percent)


def _with(term: str, found: Iterator[Choice]) -> Sequence[Choice]:
    folded = term.casefold()
    fitting = (
        one
        for one in found
        if folded in one.name.casefold() or folded in (one.code or "").casefold()
    )
    return list(islice(fitting, MOST))


def _cut(term: str) -> str:
    return term.strip()[:LONGEST_TERM]


def _is_id(number: str) -> bool:
    return number.isascii() and number.isdecimal()


def _next_page(data: dict[str, Any]) -> bool:
    links = data.get("links")
    following = data.get("next_page_url") or (
        links.get("next") if isinstance(links, dict) else None
    )
    return isinstance(following, str) and bool(urlsplit(following).query)
