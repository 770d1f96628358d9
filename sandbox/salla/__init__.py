"""A store of Salla: the Merchant API v2 as the Salla guide describes it, and the store's pages."""

from sandbox.salla.api import create
from sandbox.salla.store import MERCHANT, TOKEN, Customer, Invoice, Item, Order, Shop

__all__ = ["MERCHANT", "TOKEN", "Customer", "Invoice", "Item", "Order", "Shop", "create"]
