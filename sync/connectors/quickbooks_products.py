"""Items made in QuickBooks because a person asked for them: once each, with exactly their SKU."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sync.connectors.base import NEW_PRODUCTS, Choice, Good, Kept, Mappings
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_api import Api, quoted
from sync.connectors.quickbooks_bodies import LONGEST_NAME, request_id_of
from sync.connectors.quickbooks_choices import OF_INCOME, Choices, item_of
from sync.connectors.quickbooks_facts import EVEN_OLD, Known
from sync.connectors.quickbooks_masters import ANOTHER_MAKES_IT, LONGEST_SKU, settled
from sync.errors import HOLDING, ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.outcomes import Created, NotSent, Outcome, Rejected

LOOKED_AT = 200
_FORBIDDEN = re.compile(r"[:\x00-\x1f\x7f]+ *")


class Products:
    """Makes the items of one company; `realm` keeps request ids of two companies apart."""

    def __init__(self, api: Api, mappings: Mappings, known: Known, realm: str) -> None:
        self._api = api
        self._mappings = mappings
        self._known = known
        self._realm = realm
        self._choices = Choices(api, known)

    def create(self, good: Good) -> Choice:
        """Return the one active item with exactly this SKU, made where there is none.

        A new one is of type NonInventory. Its sales are booked on the income account that a person
        chose, else on the only one there is, else on the one that most of the first 200 items are
        booked on. Where two are used equally often, or none of several is, nobody picks: the
        failure is ACCOUNT_NOT_MAPPED.
        A name that is taken gets the SKU behind it. Raises ReadError.
        """
        sku = good.sku
        if not sku.strip() or len(sku) > LONGEST_SKU:
            reason = f"QuickBooks takes SKUs of 1 to {LONGEST_SKU} characters, not {sku[:50]!r}"
            raise FixData(Failure(ErrorType.FIELD_INVALID, "Sku", reason))
        known = self._remembered(sku)
        if known:
            return known
        if not self._mappings.claim(Kept.PRODUCT, sku):
            return self._of_another(sku)
        try:
            found = self._found(sku)
            body = None if found else self._body(good)
        except ReadError:
            self._mappings.release(Kept.PRODUCT, sku)
            raise
        made = found or self._made(good, body or {})
        self._mappings.put(Kept.PRODUCT, sku, made.id)
        return made

    def _remembered(self, sku: str) -> Choice | None:
        """Return what is remembered, if it still is an active item with this SKU."""
        known = self._mappings.get(Kept.PRODUCT, sku)
        if known is None:
            return None
        item = self._choices.one(Kept.PRODUCT, known)
        if item and item.active and item.code == sku:
            return item
        self._mappings.forget(Kept.PRODUCT, sku)
        return None

    def _of_another(self, sku: str) -> Choice:
        """Return what another one has made by now. Raises TryLater while it is not there."""
        found = self._found(sku)
        if found:
            self._mappings.put(Kept.PRODUCT, sku, found.id)
            return found
        reason = f"Somebody else is just creating the item {sku} in QuickBooks"
        raise TryLater(Failure(ErrorType.STALE, sku, reason), ANOTHER_MAKES_IT)

    def _found(self, sku: str) -> Choice | None:
        """Return the item with this SKU. Raises FixData where it is inactive or one of several."""
        rows = self._api.query("Item", f"Sku = {quoted(sku)} and {EVEN_OLD}")
        found = settled(sku, rows)
        if isinstance(found, Fields):
            return item_of(found)
        if found.error_type is ErrorType.SKU_NOT_FOUND:
            return None
        raise FixData(found)

    def _made(self, good: Good, body: dict[str, Any]) -> Choice:
        outcome = self._sent(good.sku, body)
        if _is_taken(outcome):
            tail = f" ({name_of(good.sku)})"
            outcome = self._sent(
                good.sku, {**body, "Name": f"{body['Name'][: LONGEST_NAME - len(tail)]}{tail}"}
            )
        if isinstance(outcome, Created):
            return self._checked(good.sku, outcome.destination_id)
        if not isinstance(outcome, NotSent | Rejected):
            # it may exist: the claim stays until it is stale, the next look finds it
            raise TryLater(outcome.failure, timedelta(minutes=5))
        self._mappings.release(Kept.PRODUCT, good.sku)
        if isinstance(outcome, NotSent):
            raise TryLater(outcome.failure, outcome.wait)
        if outcome.failure.error_type in HOLDING:
            raise Reconnect(outcome.failure, self._api.name)
        raise FixData(self._named(outcome.failure, body["Name"]))

    def _sent(self, sku: str, body: dict[str, Any]) -> Outcome:
        request_id = request_id_of(f"{self._realm}:item:{sku}", body)
        try:
            event = self._api.create("Item", body, request_id, paced=True)
        except ReadError:
            self._mappings.release(Kept.PRODUCT, sku)  # no token could be had: nothing was sent
            raise
        return self._api.outcome("Item", event)

    def _checked(self, sku: str, number: str) -> Choice:
        """Return what was made, read anew: a known request id may name what was changed since."""
        try:
            made = self._choices.one(Kept.PRODUCT, number)
        except FixData as error:
            raise TryLater(error.failure) from error
        if made and made.active and made.code == sku:
            return made
        self._mappings.release(Kept.PRODUCT, sku)
        now = "gone or inactive" if not (made and made.active) else f"of the SKU {made.code}"
        reason = (
            f"QuickBooks made item {number} for {sku}, and it is {now} by now: look at it there"
        )
        raise FixData(Failure(ErrorType.CONFLICT, sku, reason))

    def _body(self, good: Good) -> dict[str, Any]:
        shown = name_of(good.name) or name_of(good.sku)
        body: dict[str, Any] = {
            "Name": shown[:LONGEST_NAME].strip(),
            "Sku": good.sku,
            "Type": "NonInventory",
            "IncomeAccountRef": {"value": self._income_account()},
        }
        if good.price and good.price.currency == self._known.facts().currency:
            body["UnitPrice"] = float(good.price.amount)
        return body

    def _income_account(self) -> str:
        chosen = self._mappings.chosen(Kept.INCOME, NEW_PRODUCTS)
        if chosen:
            return chosen
        rows = self._api.query("Account", OF_INCOME, "orderby Id", LOOKED_AT)
        active = [row.text("Id") for row in rows]
        usual = active[0] if len(active) == 1 else self._most_used(active)
        if usual:
            return usual
        found = "several income accounts, and its items do not tell which one"
        many = found if active else "no active income account"
        reason = f"QuickBooks has {many}: choose what sales of a new item are booked on"
        raise FixData(Failure(ErrorType.ACCOUNT_NOT_MAPPED, Kept.INCOME, reason))

    def _most_used(self, accounts: Sequence[str]) -> str | None:
        """Return the account that more items are booked on than on any other; None on a tie."""
        used = Counter(
            account
            for row in self._api.query("Item", "", "orderby Id", LOOKED_AT)
            if (account := row.inner_or_empty("IncomeAccountRef").maybe("value")) in accounts
        )
        most = max(used.values(), default=0)
        leading = [account for account, count in used.items() if count == most]
        return leading[0] if len(leading) == 1 else None

    def _named(self, failure: Failure, name: str) -> Failure:
        """Return a refusal by what people know: the account to choose, the name that is taken."""
        if failure.error_type is ErrorType.NAME_CONFLICT:
            return replace(failure, key=name)
        if failure.error_type is not ErrorType.ACCOUNT_NOT_MAPPED:
            return failure
        chosen = self._mappings.chosen(Kept.INCOME, NEW_PRODUCTS)
        account = self._choices.one(Kept.INCOME, chosen) if chosen else None
        said = failure.reason if account is None or account.active else off(account)
        return replace(failure, key=Kept.INCOME.value, reason=said)


def off(account: Choice) -> str:
    """Return that the account which somebody chose cannot be used any more."""
    return f"The chosen account {account.name} is switched off in QuickBooks: choose another one"


def name_of(text: str) -> str:
    """Return a text as an item may be called: no colon and no control signs."""
    return _FORBIDDEN.sub(" ", text).strip()


def _is_taken(outcome: Outcome) -> bool:
    taken = ErrorType.NAME_CONFLICT
    return isinstance(outcome, Rejected) and outcome.failure.error_type is taken
