"""Products in HubSpot that people choose or have made: searched, read one by one, made once.

The search index lags behind what was written (HubSpot guide, section 3), so what was just made is
remembered and read by its id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from sync.connectors.base import Choice, Good, Mappings
from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import PER_PAGE, Api
from sync.connectors.hubspot_masters import (
    ANOTHER_MAKES_IT,
    PRODUCT,
    SKUS_AT_ONCE,
    Masters,
    chosen_gone,
    stop_of,
)
from sync.connectors.hubspot_shapes import properties
from sync.errors import HOLDING, ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.outcomes import Created, NotSent, Outcome, Rejected

MOST = 100
LONGEST_TERM = 100
WALKED = 3 * PER_PAGE
"""How many products are compared where the search cannot tell."""

SHOWN = ("name", "hs_sku")
STALE_CLAIM = timedelta(minutes=5)
_WORD = re.compile(r"[^\W_]+")


class Products:
    """The products of one account."""

    def __init__(self, api: Api, mappings: Mappings, masters: Masters) -> None:
        self._api = api
        self._mappings = mappings
        self._masters = masters

    def matching(self, term: str) -> list[Choice]:
        """Return at most 100 whose name or SKU contains `term`, letter case aside."""
        wanted = term.strip()[:LONGEST_TERM].casefold()
        if not wanted:
            return [choice_of(one) for one in self._api.search("products", (), SHOWN)][:MOST]
        found = _fitting(map(choice_of, self._searched(wanted)), wanted)
        if not found:
            walked = islice(self._api.walk("products", (), SHOWN), WALKED)
            found = _fitting(map(choice_of, walked), wanted)
        return found

    def one(self, record_id: str) -> Choice | None:
        """Return the product with this id, read anew, or None."""
        if not (record_id.isascii() and record_id.isdecimal()):
            return None
        product = self._api.one("products", record_id, SHOWN)
        return choice_of(product) if product else None

    def stops(self, skus: Sequence[str]) -> list[Failure]:
        """Return why no product stands for these exact SKUs; remembers nothing.

        What the index does not show yet is read by the id that was remembered when it was made,
        and what a person chose by its own.
        """
        chosen = {sku: one for sku in skus if (one := self._mappings.chosen(PRODUCT, sku))}
        wanted = [sku for sku in dict.fromkeys(skus) if sku not in chosen]
        found: dict[str, Sequence[str]] = {}
        codes: list[str] = []
        asked = [sku for sku in wanted if sku.strip()]
        for start in range(0, len(asked), SKUS_AT_ONCE):
            looked = self._masters.looked(asked[start : start + SKUS_AT_ONCE])
            found |= looked.ids
            codes += looked.codes
        hidden = self._hidden([sku for sku in wanted if not found.get(sku)])
        stops = (stop_of(sku, found.get(sku) or hidden.get(sku, ()), codes) for sku in wanted)
        return [*self._gone(chosen), *(stop for stop in stops if stop)]

    def create(self, good: Good) -> Choice:
        """Return the one product with exactly this SKU, made where there is none.

        Its price is taken over where it is of the account's own currency. Raises ReadError.
        """
        sku = good.sku
        if not sku.strip():
            reason = "A product needs an SKU that is more than blanks"
            raise FixData(Failure(ErrorType.FIELD_INVALID, "hs_sku", reason))
        known = self._remembered(sku)
        if known:
            return known
        if not self._mappings.claim(PRODUCT, sku):
            return self._of_another(sku)
        try:
            found = self._found(sku)
            outcome = None if found else self._api.created("products", self._body(good))
        except ReadError:
            # a look that failed, or no token could be had: nothing was sent
            self._mappings.release(PRODUCT, sku)
            raise
        made = found or self._made(good, outcome)
        self._mappings.put(PRODUCT, sku, made.id)
        return made

    def _searched(self, wanted: str) -> list[Fields]:
        """Return what holds the longest word of `wanted`: signs and wildcards are left out."""
        words = _WORD.findall(wanted)
        if not words:
            return []
        value = f"*{max(words, key=len)}*"
        groups = [
            [{"propertyName": name, "operator": "CONTAINS_TOKEN", "value": value}] for name in SHOWN
        ]
        return self._api.search_any("products", groups, SHOWN)

    def _gone(self, chosen: Mapping[str, str]) -> Iterator[Failure]:
        """Yield which chosen products are no longer there."""
        ids = list(dict.fromkeys(chosen.values()))
        there = {one.text("id") for one in self._api.many("products", ids, SHOWN)}
        return (chosen_gone(sku) for sku, product in chosen.items() if product not in there)

    def _hidden(self, skus: Sequence[str]) -> dict[str, Sequence[str]]:
        known = {sku: one for sku in skus if (one := self._mappings.get(PRODUCT, sku))}
        read = self._api.many("products", list(dict.fromkeys(known.values())), SHOWN)
        codes = {one.text("id"): choice_of(one).code for one in read}
        return {sku: (one,) for sku, one in known.items() if codes.get(one) == sku}

    def _remembered(self, sku: str) -> Choice | None:
        """Return what is remembered, if it still is a product with this SKU."""
        known = self._mappings.get(PRODUCT, sku)
        if known is None:
            return None
        product = self.one(known)
        if product and product.code == sku:
            return product
        self._mappings.forget(PRODUCT, sku)
        return None

    def _of_another(self, sku: str) -> Choice:
        """Return what another one has made by now. Raises TryLater while it is not there."""
        found = self._remembered(sku) or self._found(sku)
        if found:
            self._mappings.put(PRODUCT, sku, found.id)
            return found
        reason = f"Somebody else is just creating the product {sku} in HubSpot"
        raise TryLater(Failure(ErrorType.STALE, sku, reason), ANOTHER_MAKES_IT)

    def _found(self, sku: str) -> Choice | None:
        """Return the product with this SKU. Raises FixData(conflict) where several share it."""
        ids = self._masters.looked([sku]).ids[sku]
        stop = stop_of(sku, ids)
        if stop and ids:
            raise FixData(stop)
        return self.one(ids[0]) if ids else None

    def _body(self, good: Good) -> Mapping[str, Any]:
        body = {"name": good.name.strip() or good.sku, "hs_sku": good.sku}
        if good.price:
            account = Fields("HubSpot's account", self._api.details())
            if account.maybe("companyCurrency") == good.price.currency:
                body["price"] = f"{good.price.amount:f}"
        return body

    def _made(self, good: Good, outcome: Outcome | None) -> Choice:
        if isinstance(outcome, Created):
            return Choice(outcome.destination_id, good.name.strip() or good.sku, good.sku)
        if isinstance(outcome, NotSent | Rejected):
            self._mappings.release(PRODUCT, good.sku)
            if isinstance(outcome, NotSent):
                raise TryLater(outcome.failure, outcome.wait)
            if outcome.failure.error_type in HOLDING:
                raise Reconnect(outcome.failure, self._api.name)
            raise FixData(outcome.failure)
        # it may exist: the claim stays until it is stale, the next look finds it
        lost = Failure(ErrorType.OUTCOME_UNKNOWN, self._api.name, "HubSpot's answer was lost")
        raise TryLater(outcome.failure if outcome else lost, STALE_CLAIM)


def choice_of(product: Fields) -> Choice:
    """Return a product as a choice: its code is its SKU, blanks and all."""
    given = properties(product)
    sku = given.raw("hs_sku")
    number = product.text("id")
    return Choice(number, given.maybe("name") or number, str(sku) if sku else None)


def _fitting(found: Iterator[Choice], wanted: str) -> list[Choice]:
    texts = ((one, f"{one.name}\n{one.code or ''}".casefold()) for one in found)
    return [one for one, text in texts if wanted in text][:MOST]
