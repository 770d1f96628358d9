"""The documented examples of Salla's API (guide, section 3), as orders with their documents."""

from datetime import datetime
from decimal import Decimal

from sandbox.catalogue import CUSTOMERS
from sandbox.salla.store import Invoice, Item, Order

BUYER = CUSTOMERS["sara"].id
SALE, CREDIT = "Tax Invoice", "Credit Note"


def examples(at: datetime) -> list[tuple[Order, *tuple[Invoice, ...]]]:
    """Return them as issued at `at`: a discount with shipping, a part sent back, a null number."""
    disk = Item(365435777, "SSD", "sam-ssd-256g", 1, Decimal(200))
    pair = Item(365435778, "SSD", "sam-ssd-256g", 2, Decimal("90.50"))
    back = Item(365435778, "SSD", "sam-ssd-256g", 1, Decimal("90.50"))
    case = Item(365435779, "SSD, case of five", "sam-ssd-256g", 1, Decimal(1000))
    ten = Decimal(10)
    return [
        (
            _order(2098764685, 40436266, at, disk),
            Invoice(
                1479538700,
                "1040",
                2098764685,
                SALE,
                at,
                (disk,),
                shipping=Decimal(25),
                discount=Decimal("12.50"),
            ),
        ),
        (
            _order(1557892161, 40436267, at, pair),
            Invoice(1479538729, "1041", 1557892161, SALE, at, (pair,), ten),
            Invoice(1479538730, "1042", 1557892161, CREDIT, at, (back,), ten),
        ),
        (
            _order(1557892170, 40436268, at, case),
            Invoice(1479538731, None, 1557892170, SALE, at, (case,), ten, reference="EXT-1043"),
        ),
    ]


def _order(number: int, reference: int, at: datetime, item: Item) -> Order:
    return Order(number, reference, BUYER, "completed", at, (item,))
