"""Products of a Daftra site: found by their exact SKU, or chosen by a person, and made once.

One active product with the SKU stands for it. Several are a conflict: which one is meant is not
ours to guess. What is inactive does not count beside an active one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sync.connectors import daftra_choices as choices
from sync.connectors.base import Choice, Good, Kept, Mappings
from sync.connectors.daftra_answers import rows_of
from sync.connectors.daftra_refusals import chosen_away
from sync.connectors.fields import Fields
from sync.documents import Line
from sync.errors import HOLDING, ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.nearness import alike, nearest
from sync.outcomes import Created, NotSent, Outcome, Rejected

PRODUCT = Kept.PRODUCT.value
AT_ONCE = 25
"""How many SKUs one search names: its address stays short enough for any server."""

LONGEST_NAME = 255
ANOTHER_MAKES_IT = timedelta(seconds=2)

Post = Callable[[str, dict[str, Any]], Outcome]
Rows = Sequence[Fields]


class Products:
    """The products of one site."""

    def __init__(self, name: str, read: choices.ReadJson, post: Post, mappings: Mappings) -> None:
        self._name = name
        self._read = read
        self._post = post
        self._mappings = mappings

    def blockers(self, lines: Sequence[Line]) -> Iterator[Failure]:
        """Yield why lines have no product to stand for them; remembers those that have."""
        seen: set[str] = set()
        for line in lines:
            sku = line.sku or ""
            if sku not in seen and not self._chosen(sku):
                yield from self._blockers_of(sku, line.name)
            seen.add(sku)

    def _blockers_of(self, sku: str, name: str) -> Iterator[Failure]:
        if not sku:
            yield Failure(ErrorType.SKU_NOT_FOUND, "", f"The line {name!r} has no SKU")
            return
        rows = self._like(sku)
        stop = stop_of(sku, rows)
        if stop:
            self._drop(sku)
            yield stop
        else:
            self._mappings.put(PRODUCT, sku, _active(_same(sku, rows))[0].text("id"))

    def of(self, line: Line) -> str:
        """Return the id of the product that `blockers` found, or a person chose. Raises FixData."""
        sku = line.sku or ""
        found = self._chosen(sku) or self._mappings.get(PRODUCT, sku)
        if found is None:
            raise FixData(_unknown(sku))
        return found

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return why nothing stands for these exact SKUs, asked for in batches.

        For one alone the list is asked that `blockers` asks: its answer holds near ones too.
        """
        stops = [_unknown("")] if "" in skus else []
        asked = [sku for sku in dict.fromkeys(skus) if sku]
        stops += [stop for sku in asked if (stop := self._chosen_stop(sku))]
        wanted = [sku for sku in asked if not self._chosen(sku)]
        if len(wanted) == 1:
            stop = stop_of(wanted[0], self._like(wanted[0]))
            return [*stops, stop] if stop else stops
        for start in range(0, len(wanted), AT_ONCE):
            found = self._batch(wanted[start : start + AT_ONCE])
            stops += [stop for sku, rows in found.items() if (stop := stop_of(sku, rows))]
        return stops

    def create(self, good: Good, currency: str | None) -> Choice:
        """Create the product, or return the one that is there; `currency` is the site's.

        Raises ReadError.
        """
        sku = good.sku
        if not sku.strip():
            reason = "A product needs an SKU to be found by"
            raise FixData(Failure(ErrorType.FIELD_INVALID, "product_code", reason))
        is_mine = self._mappings.claim(PRODUCT, sku)
        known = self._standing(sku, is_mine=is_mine)
        if known is None and not is_mine:
            self._claim_again(sku)
            known = self._standing(sku, is_mine=True)
        return known or self._made(good, currency)

    def _standing(self, sku: str, *, is_mine: bool) -> Choice | None:
        """Return the product with this SKU; the claim ends unless there is none."""
        try:
            rows = _same(sku, self._like(sku))
        except ReadError:
            if is_mine:
                self._mappings.release(PRODUCT, sku)
            raise
        if not rows:
            return None
        meant = _active(rows) or rows
        if len(meant) == 1 and choices.is_active(meant[0]):
            self._mappings.put(PRODUCT, sku, meant[0].text("id"))
        elif is_mine:
            self._mappings.release(PRODUCT, sku)
        if len(meant) > 1:
            raise FixData(_several(sku, meant))
        return choices.choice_of(meant[0])

    def _claim_again(self, sku: str) -> None:
        """Claim what is remembered and gone. Raises TryLater while another one makes it."""
        self._drop(sku)
        if not self._mappings.claim(PRODUCT, sku):
            reason = f"Another one is just making the product {sku}"
            raise TryLater(Failure(ErrorType.STALE, sku, reason), ANOTHER_MAKES_IT)

    def _drop(self, sku: str) -> None:
        """Forget what is remembered, and leave a claim of another one alone."""
        if self._mappings.get(PRODUCT, sku) is not None:
            self._mappings.forget(PRODUCT, sku)

    def _made(self, good: Good, currency: str | None) -> Choice:
        outcome = self._post("/products.json", {"Product": _body(good, currency)})

        def release() -> None:
            self._mappings.release(PRODUCT, good.sku)

        number = id_of(outcome, self._name, release)
        made = choices.product(self._read, number) or Choice(number, good.name, good.sku)
        if made.code != good.sku:
            release()
            reason = f"Daftra keeps the SKU {good.sku!r} as {made.code!r}"
            raise FixData(Failure(ErrorType.FIELD_INVALID, f"product_code: {good.sku}", reason))
        self._mappings.put(PRODUCT, good.sku, number)
        return made

    def _chosen(self, sku: str) -> str | None:
        """Return what a person chose for a SKU; nothing can stand for all lines without one."""
        return self._mappings.chosen(PRODUCT, sku) if sku else None

    def _chosen_stop(self, sku: str) -> Failure | None:
        """Return why the product that a person chose cannot stand for its SKU, read anew."""
        number = self._chosen(sku)
        found = choices.product(self._read, number) if number else None
        if number is None or (found and found.active):
            return None
        return chosen_away(sku, ErrorType.ITEM_INACTIVE if found else ErrorType.SKU_NOT_FOUND)

    def _like(self, sku: str) -> Rows:
        """Return the products whose code is `sku`, and what else looks like it in the answer."""
        found: dict[str, Fields] = {}
        for page in range(1, choices.MOST_PAGES + 1):
            asked = {"product_code": sku, "page": page, "limit": choices.PER_PAGE}
            data = self._read("/products.json", asked)
            rows = (row for row in rows_of(data, "Product") if _is_like(sku, _code(row)))
            found |= {row.text("id"): row for row in rows}
            if not choices.has_next(data):
                break
        return list(found.values())

    def _batch(self, skus: Sequence[str]) -> Mapping[str, Rows]:
        """Return what has these codes or near ones; one by one where the filter is ignored."""
        found: dict[str, dict[str, Fields]] = {sku: {} for sku in skus}
        asked = {"filter[product_code][in][]": list(skus)}
        for row in choices.entities(self._read, "product", asked):
            meant = [sku for sku in skus if _compared(sku) == _compared(_code(row))]
            if not meant:
                return {sku: self._like(sku) for sku in skus}
            for sku in meant:
                found[sku][row.text("id")] = row
        return {sku: list(rows.values()) for sku, rows in found.items()}


def stop_of(sku: str, rows: Rows) -> Failure | None:
    """Return why none of the products with this SKU stands for it; `rows` may hold others."""
    same = _same(sku, rows)
    active = _active(same)
    if len(active) > 1:
        return _several(sku, active)
    if active:
        return None
    if same:
        return Failure(ErrorType.ITEM_INACTIVE, sku, f"SKU {sku} is inactive in Daftra")
    return _unknown(sku, nearest(sku, map(_code, _active(rows))))


def id_of(outcome: Outcome, connection: str, release: Callable[[], None]) -> str:
    """Return the id of a master record that was created; `release` gives its claim back.

    Where nobody knows whether it was, the claim stays until it is stale: the next look finds it.
    Raises ReadError.
    """
    if isinstance(outcome, Created):
        return outcome.destination_id
    if not isinstance(outcome, NotSent | Rejected):
        raise TryLater(outcome.failure)
    release()
    if isinstance(outcome, NotSent):
        raise TryLater(outcome.failure, outcome.wait)
    if outcome.failure.error_type in HOLDING:
        raise Reconnect(outcome.failure, connection)
    raise FixData(outcome.failure)


def _same(sku: str, rows: Rows) -> Rows:
    """Return the rows whose code is exactly `sku`, case and blanks included."""
    return [row for row in rows if _code(row) == sku]


def _active(rows: Rows) -> Rows:
    return [row for row in rows if choices.is_active(row)]


def _code(row: Fields) -> str:
    given = row.raw("product_code")
    return "" if given is None else str(given)


def _is_like(sku: str, code: str) -> bool:
    return code == sku or alike(sku, code) is not None


def _compared(code: str) -> str:
    """Return what databases compare of a text: no letter case, no blanks at its ends."""
    return code.strip().casefold()


def _unknown(sku: str, near: str = "") -> Failure:
    reason = f"SKU {sku} not found in Daftra"
    return Failure(ErrorType.SKU_NOT_FOUND, sku, reason, near=near)


def _several(sku: str, rows: Rows) -> Failure:
    numbers = ", ".join(row.text("id") for row in rows)
    reason = f"Several products in Daftra have the SKU {sku}: {numbers}"
    return Failure(ErrorType.CONFLICT, sku, reason)


def _body(good: Good, currency: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": good.name.strip()[:LONGEST_NAME] or good.sku,
        "product_code": good.sku,
        "type": 1,
        "track_stock": 0,
        "status": 0,
    }
    if good.price and good.price.currency == currency:
        body["unit_price"] = float(good.price.amount)
    return body
