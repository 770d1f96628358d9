"""What is mended in QuickBooks as a source: the e-mail of a customer; and which items it sells."""

from collections.abc import Iterator
from typing import Any

from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_api import Api
from sync.connectors.quickbooks_bodies import request_id_of
from sync.connectors.quickbooks_choices import UNSOLD
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.money import Money
from sync.outcomes import Created, NotSent, Outcome, Rejected

TRIES = 2
"""An update is repeated once where somebody changed the customer meanwhile (guide, section 4)."""


def set_email(api: Api, customer_id: str, email: str) -> None:
    """Give a customer this primary e-mail; nothing else of it changes. Raises ReadError."""
    if not (customer_id.isascii() and customer_id.isdecimal()):
        reason = "The transaction names no customer in QuickBooks"
        raise FixData(Failure(ErrorType.NOT_FOUND, customer_id, reason, customer_id))
    outcome: Outcome | None = None
    for _ in range(TRIES):
        row = api.one("Customer", customer_id)
        if row.inner_or_empty("PrimaryEmailAddr").maybe("Address") == email:
            return
        outcome = _updated(api, row, email)
        if not _is_stale(outcome):
            break
    if outcome and not isinstance(outcome, Created):
        _refuse(api, outcome, customer_id)


def goods(api: Api, currency: str) -> Iterator[Good]:
    """Yield the active items that have an SKU; prices in the company's currency.

    A price that holds its tax is left out: what it is net depends on the sale.
    """
    for row in api.all("Item", ""):
        sku = row.maybe("Sku")
        if sku and row.maybe("Type") not in UNSOLD:
            yield Good(sku, row.maybe("Name") or sku, _price(row, currency))


def _price(row: Fields, currency: str) -> Money | None:
    if row.raw("UnitPrice") is None or row.raw("SalesTaxIncluded") is True:
        return None
    return Money.of(row.amount("UnitPrice"), currency)


def _updated(api: Api, row: Fields, email: str) -> Outcome:
    body: dict[str, Any] = {
        "Id": row.text("Id"),
        "SyncToken": row.text("SyncToken"),
        "sparse": True,
        "PrimaryEmailAddr": {"Address": email},
    }
    request_id = request_id_of(f"{api.base}:email", body)
    return api.outcome("Customer", api.create("Customer", body, request_id, paced=True))


def _is_stale(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.failure.error_type is ErrorType.STALE


def _refuse(api: Api, outcome: Outcome, customer_id: str) -> None:
    """Raise what an update that did not succeed means; it may always be repeated."""
    if isinstance(outcome, Created):
        return
    failure = outcome.failure
    if not isinstance(outcome, Rejected):
        raise TryLater(failure, outcome.wait if isinstance(outcome, NotSent) else None)
    if failure.error_type in HOLDING:
        raise Reconnect(failure, api.name)
    if failure.error_type is ErrorType.STALE:
        raise TryLater(failure)
    kept = {ErrorType.NOT_FOUND, ErrorType.NAME_CONFLICT}
    kind = failure.error_type if failure.error_type in kept else ErrorType.CUSTOMER_INVALID
    raise FixData(Failure(kind, failure.key, failure.reason, customer_id))
