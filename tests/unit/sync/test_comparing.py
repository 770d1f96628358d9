"""What differs between two documents, in words for people."""

from dataclasses import replace
from typing import Any

import pytest

from sync.comparing import compared
from sync.documents import Booked, Document, Kind, Unbooked
from sync.money import Money
from tests.builders import document

SALE = document()
BOOKED = Booked("900", "B900", SALE.kind, None, SALE.order.number, SALE.total, "http://b/900")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"kind": Kind.RETURN}, "it is a return, not an invoice"),
        ({"key": "v1:salla:77:invoice:9"}, "it was made by invsync for another document"),
        ({"state": Unbooked.DRAFT}, "it is a draft, so it does not stand in the books"),
        ({"state": Unbooked.VOIDED}, "it is voided, so it does not stand in the books"),
        ({"order_number": None}, f"no order number there, {SALE.order.number} here"),
        ({"order_number": "7"}, f"order 7 there, {SALE.order.number} here"),
    ],
)
def test_what_differs_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    """No key of ours, no code and no empty number is told."""
    assert _said(SALE, replace(BOOKED, **changes)) == said


def test_an_invoice_is_no_return() -> None:
    """The same the other way round."""
    back = replace(SALE, kind=Kind.RETURN)
    assert _said(back, BOOKED) == "it is an invoice, not a return"


def _said(one: Document, booked: Booked) -> str:
    return compared(1, one, booked, Money.of("0.00", "SAR")).said
