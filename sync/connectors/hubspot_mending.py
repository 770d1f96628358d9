"""What is mended in HubSpot as a source: the e-mail of a contact; and which products it sells."""

from collections.abc import Iterator

from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import Api
from sync.connectors.hubspot_shapes import properties
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.money import Money
from sync.outcomes import Created, NotSent, Rejected

SOLD = {"propertyName": "hs_sku", "operator": "HAS_PROPERTY"}
PRODUCT = ("hs_sku", "name", "price")


def set_email(api: Api, customer_id: str, email: str) -> None:
    """Give a contact this e-mail; may be repeated. Raises ReadError.

    An address that HubSpot refuses, or that another contact has, is customer_invalid.
    """
    if not (customer_id.isascii() and customer_id.isdecimal()):
        reason = "The invoice has no contact in HubSpot: add one there first"
        raise FixData(Failure(ErrorType.NOT_FOUND, customer_id, reason, customer_id))
    body = {"properties": {"email": email}}
    outcome = api.write("PATCH", api.objects("contacts", customer_id), body)
    if isinstance(outcome, dict | Created):
        return
    failure = outcome.failure
    if not isinstance(outcome, Rejected):
        raise TryLater(failure, outcome.wait if isinstance(outcome, NotSent) else None)
    if failure.error_type in HOLDING:
        raise Reconnect(failure, api.name)
    is_gone = failure.error_type is ErrorType.NOT_FOUND
    kind = ErrorType.NOT_FOUND if is_gone else ErrorType.CUSTOMER_INVALID
    raise FixData(Failure(kind, email, failure.reason, customer_id))


def goods(api: Api) -> Iterator[Good]:
    """Yield the products that have an SKU; prices in the company's currency, if it has one."""
    currency = Fields("HubSpot's account", api.details()).maybe("companyCurrency")
    for product in api.walk("products", [SOLD], PRODUCT):
        given = properties(product)
        sku = given.maybe("hs_sku")
        if sku:
            price = _price(given, currency)
            yield Good(sku, given.maybe("name") or sku, price)


def _price(given: Fields, currency: str | None) -> Money | None:
    if currency is None or given.maybe("price") is None:
        return None
    return Money.of(given.amount("price"), currency)
