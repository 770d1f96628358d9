"""Drives both ends through what a fix asks of them: e-mails, goods, choices, new products."""

from dataclasses import dataclass

from sync.connectors.base import Destination, Good, Kept, Source
from sync.errors import ErrorType, FixData
from sync.money import Money

NEW = Good("NEW-1", "Brand new", Money.of("12.50", "USD"))


@dataclass(frozen=True, slots=True)
class Mended:
    """A customer of the source, an e-mail that it refuses, and an SKU of the destination."""

    customer: str
    refused: str
    sku: str


def mend(source: Source, end: Destination, given: Mended) -> None:
    """Do all of it once, a refusal included."""
    source.set_email(given.customer, "mended@example.com")
    try:
        source.set_email(given.customer, given.refused)
    except FixData as error:
        assert error.failure.error_type is ErrorType.CUSTOMER_INVALID  # noqa: PT017 - no test
    else:
        raise AssertionError(f"{source.system} took {given.refused}")
    assert list(source.goods())
    for kind in end.keeps:
        found = end.choices(kind, "")
        assert found
        assert end.choice(kind, found[0].id) == found[0]
    assert end.choices(Kept.PRODUCT, given.sku.lower())
    assert [one.key for one in end.stops([given.sku, NEW.sku])] == [NEW.sku]
    made = end.create_product(NEW)
    assert end.create_product(NEW) == made
    source.close()
