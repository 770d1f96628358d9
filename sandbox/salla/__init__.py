"""A store of Salla: the Merchant API v2 as the Salla guide describes it, and the store's pages."""

from sandbox.salla.api import create
from sandbox.salla.hooks import SECRET
from sandbox.salla.store import (
    CLIENT_ID,
    CLIENT_SECRET,
    MERCHANT,
    TOKEN,
    Customer,
    Invoice,
    Item,
    Order,
    Shop,
)

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "MERCHANT",
    "SECRET",
    "TOKEN",
    "Customer",
    "Invoice",
    "Item",
    "Order",
    "Shop",
    "create",
]
