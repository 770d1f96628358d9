"""Clients, products and taxes in Daftra: found by exact comparison, made once where we may."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sync.connectors.base import Mappings
from sync.connectors.daftra_answers import rows_of
from sync.connectors.fields import Fields
from sync.documents import Customer, Line
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.outcomes import Created, NotSent, Outcome, Rejected

MOST_PAGES = 50
PER_PAGE = 100
ANOTHER_MAKES_IT = timedelta(seconds=2)
ACTIVE = {None, "0"}

ReadJson = Callable[..., dict[str, Any]]
Post = Callable[[str, dict[str, Any]], Outcome]


class Masters:
    """The master records of one site."""

    def __init__(self, name: str, read: ReadJson, post: Post, mappings: Mappings) -> None:
        self._name = name
        self._read = read
        self._post = post
        self._mappings = mappings

    def product_blocker(self, line: Line) -> Failure | None:
        """Return why this line has no product to stand for it; remembers the one it has."""
        if line.sku is None:
            reason = f"The line {line.name!r} has no SKU"
            return Failure(ErrorType.SKU_NOT_FOUND, "", reason)
        product = self._product(line.sku)
        if product is None:
            return Failure(ErrorType.SKU_NOT_FOUND, line.sku, f"SKU {line.sku} not found in Daftra")
        if product.maybe("status") not in ACTIVE:
            return Failure(
                ErrorType.ITEM_INACTIVE, line.sku, f"SKU {line.sku} is inactive in Daftra"
            )
        self._mappings.put("product", line.sku, product.text("id"))
        return None

    def product(self, line: Line) -> str:
        """Return the id of the product that `product_blocker` found. Raises FixData."""
        found = self._mappings.get("product", line.sku or "")
        if found is None:
            reason = f"SKU {line.sku} not found in Daftra"
            raise FixData(Failure(ErrorType.SKU_NOT_FOUND, line.sku or "", reason))
        return found

    def client(self, customer: Customer) -> str:
        """Return the id of the client with the customer's e-mail; makes one where there is none."""
        email = customer.email or ""
        return self._known(
            "client", email.casefold(), lambda: self._client(email), _client(customer)
        )

    def tax(self, percent: Decimal) -> str:
        """Return the id of the exclusive tax of `percent`; creates it where there is none."""
        shown = f"{percent.normalize():f}"
        body = {"Tax": {"name": f"VAT {shown} %", "value": float(percent), "included": 0}}
        return self._known("tax", shown, lambda: self._tax(percent), body)

    def _known(
        self, kind: str, key: str, look: Callable[[], str | None], body: dict[str, Any]
    ) -> str:
        """Return the remembered id, else look, else create: ten threads do not create ten."""
        known = self._mappings.get(kind, key) or look()
        if known is None:
            if not self._mappings.claim(kind, key):
                reason = f"Another document is just making the {kind} {key}"
                raise TryLater(Failure(ErrorType.STALE, key, reason), ANOTHER_MAKES_IT)
            known = self._made(kind, key, body)
        self._mappings.put(kind, key, known)
        return known

    def _made(self, kind: str, key: str, body: dict[str, Any]) -> str:
        path = {"client": "/clients.json", "tax": "/taxes.json"}[kind]
        outcome = self._post(path, body)
        if isinstance(outcome, Created):
            return outcome.destination_id
        if not isinstance(outcome, NotSent | Rejected):
            # it may exist: the claim stays until it is stale, the next look finds it
            raise TryLater(outcome.failure)
        self._mappings.release(kind, key)
        if isinstance(outcome, NotSent):
            raise TryLater(outcome.failure, outcome.wait)
        if outcome.failure.error_type in HOLDING:
            raise Reconnect(outcome.failure, self._name)
        raise FixData(outcome.failure)

    def _product(self, sku: str) -> Fields | None:
        """Return the product whose code is exactly `sku`, case and blanks included."""
        for page in range(1, MOST_PAGES):
            asked = {"product_code": sku, "page": page, "limit": PER_PAGE}
            data = self._read("/products.json", asked)
            for row in rows_of(data, "Product"):
                if row.raw("product_code") is not None and str(row.raw("product_code")) == sku:
                    return row
            pagination = data.get("pagination")
            if not isinstance(pagination, dict) or not pagination.get("next"):
                return None
        return None

    def _client(self, email: str) -> str | None:
        for row in self._entities("client", {"filter[email]": email}):
            if (row.maybe("email") or "").casefold() == email.casefold():
                return row.text("id")
        return None

    def _tax(self, percent: Decimal) -> str | None:
        for row in rows_of(self._read("/taxes.json", {"limit": PER_PAGE}), "Tax"):
            if row.amount("value") == percent and row.maybe("included") in {None, "0"}:
                return row.maybe("id") or row.text("tax_id")
        return None

    def _entities(self, entity: str, asked: dict[str, Any]) -> Iterator[Fields]:
        """Yield rows of a v2 list, in both shapes that are seen (guide, section 3)."""
        for page in range(1, MOST_PAGES):
            data = self._read(f"/{entity}/list/1", {**asked, "page": page}, "/v2/api/entity")
            yield from Fields(f"Daftra's {entity} list", data).each("data")
            if not _next_page(data):
                return


def _next_page(data: dict[str, Any]) -> bool:
    links = data.get("links")
    following = data.get("next_page_url") or (
        links.get("next") if isinstance(links, dict) else None
    )
    return isinstance(following, str) and bool(urlsplit(following).query)


def _client(customer: Customer) -> dict[str, Any]:
    return {
        "Client": {
            "type": 2,
            "business_name": customer.name[:100] or customer.email,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "email": customer.email,
            "phone1": customer.phone or "",
            "client_number": f"SALLA-{customer.source_id}",
        }
    }
