"""What a Salla store sells: its products with an SKU, and their variants with SKUs of their own."""

from collections.abc import Iterator

from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.money import Money

NOT_SOLD = {"hidden", "deleted"}


def goods_of(product: Fields) -> Iterator[Good]:
    """Yield a product and its variants, as far as they have an SKU and are sold.

    Only `pre_tax_price` is net for certain: whether `price` holds tax is a setting of the store.
    """
    if product.maybe("status") in NOT_SOLD:
        return
    name, price = product.maybe("name") or "-", _price(product)
    for one in (product, *product.each("skus")):
        sku = one.maybe("sku")
        if sku:
            yield Good(sku, name, _price(one) or price)


def _price(one: Fields) -> Money | None:
    given = one.inner_or_empty("pre_tax_price")
    currency = given.maybe("currency")
    if not currency or given.raw("amount") is None:
        return None
    return Money.of(given.amount("amount"), currency)
