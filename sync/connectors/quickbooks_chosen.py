"""What people chose in QuickBooks and cannot be used any more: switched off there, or gone.

A choice is trusted until a refusal; then, and whenever somebody asks whether a cause is gone, it is
read anew. The failure names the choice and has the key under which another one is chosen.
"""

from collections.abc import Sequence

from sync.connectors.base import Choice, Kept, Mappings
from sync.connectors.quickbooks_api import Api
from sync.connectors.quickbooks_choices import Choices, item_of
from sync.connectors.quickbooks_facts import Facts
from sync.errors import ErrorType, Failure

PAID_FROM = "DepositToAccountRef"
"""The key under which a person chooses the account that refunds are paid from."""

ANY = " and Active in (true, false)"
ELSE = "choose another one, or switch it on there"


class Chosen:
    """The choices of people in one company."""

    def __init__(self, api: Api, mappings: Mappings, choices: Choices) -> None:
        self._api = api
        self._mappings = mappings
        self._choices = choices

    def item_stops(self, skus: Sequence[str]) -> dict[str, Failure]:
        """Return, by SKU or charge, why the item that was chosen for it cannot be used."""
        chosen = {
            sku: item
            for sku in dict.fromkeys(skus)
            if (item := self._mappings.chosen(Kept.PRODUCT, sku))
        }
        if not chosen:
            return {}
        rows = self._api.among("Item", "Id", list(dict.fromkeys(chosen.values())), ANY)
        found = {one.id: one for one in map(item_of, rows)}
        stops = {sku: _item_stop(sku, found.get(item)) for sku, item in chosen.items()}
        return {sku: stop for sku, stop in stops.items() if stop}

    def tax_stop(self, percent: str, facts: Facts) -> Failure | None:
        """Return why the tax code that was chosen for a percent cannot be used."""
        chosen = self._mappings.chosen(Kept.TAX, percent)
        if chosen is None or facts.takes(chosen):
            return None
        reason = f"The tax code that was chosen for {percent} % is switched off in QuickBooks"
        return Failure(ErrorType.TAX_NOT_MAPPED, percent, f"{reason}: {ELSE}")

    def account_stop(self) -> Failure | None:
        """Return why the account that was chosen to pay refunds from cannot be used."""
        chosen = self._mappings.chosen(Kept.ACCOUNT, PAID_FROM)
        account = self._choices.one(Kept.ACCOUNT, chosen) if chosen else None
        if chosen is None or (account and account.active):
            return None
        name = f" {account.name}" if account else ""
        reason = f"The account{name} that was chosen for refunds is {_away(account)} in QuickBooks"
        return Failure(ErrorType.ACCOUNT_NOT_MAPPED, PAID_FROM, f"{reason}: {ELSE}")


def _item_stop(sku: str, item: Choice | None) -> Failure | None:
    if item and item.active:
        return None
    name = f" {item.name}" if item else ""
    reason = f"The item{name} that was chosen for {sku} is {_away(item)} in QuickBooks: {ELSE}"
    return Failure(ErrorType.ITEM_INACTIVE if item else ErrorType.SKU_NOT_FOUND, sku, reason)


def _away(record: Choice | None) -> str:
    return "switched off" if record else "no longer"
