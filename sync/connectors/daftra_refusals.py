"""What a refused create is about: Daftra names a field, a cause is an SKU, a tax or a customer."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.connectors.base import Kept, Mappings
from sync.errors import ErrorType, Failure

LINE = re.compile(r"\.(\d+)\.")
OF_CUSTOMERS = {ErrorType.CUSTOMER_EMAIL_MISSING, ErrorType.CUSTOMER_INVALID}
OF_PRODUCTS = {ErrorType.SKU_NOT_FOUND, ErrorType.ITEM_INACTIVE}


def settled(failure: Failure, payload: Mapping[str, Any], mappings: Mappings) -> Failure:
    """Return the failure with its cause's key; what was remembered of it is forgotten.

    `payload` is that of the plan: the body, who the customer is, the taxes by percentage.
    """
    line = _line(failure.key, payload["body"]["InvoiceItem"])
    customer = payload["customer"]
    if failure.error_type in OF_CUSTOMERS:
        mappings.forget("client", customer["email"].casefold())
        return replace(failure, key=customer["known_as"], subject=customer["id"])
    if failure.error_type in OF_PRODUCTS and line.get("description"):
        sku = line["description"]
        mappings.forget(Kept.PRODUCT, sku)
        if mappings.chosen(Kept.PRODUCT, sku):
            return chosen_away(sku, failure.error_type)
        return replace(failure, key=sku)
    if failure.error_type is ErrorType.TAX_NOT_MAPPED and "tax1" in line:
        taxes = {number: percent for percent, number in payload["taxes"].items()}
        percent = taxes.get(str(line["tax1"]), failure.key)
        mappings.forget(Kept.TAX, percent)
        if mappings.chosen(Kept.TAX, percent):
            return chosen_tax_gone(percent)
        return replace(failure, key=percent)
    return failure


def chosen_away(sku: str, kind: ErrorType) -> Failure:
    """Return that the product which a person chose for an SKU is switched off, or gone."""
    off = "switched off" if kind is ErrorType.ITEM_INACTIVE else "no longer"
    reason = f"The product that was chosen for SKU {sku} is {off} in Daftra: choose another one"
    return Failure(kind, sku, reason)


def chosen_tax_gone(percent: str) -> Failure:
    """Return that the tax which a person chose for a percentage is gone."""
    reason = f"The tax that was chosen for {percent} % is no longer in Daftra: choose another one"
    return Failure(ErrorType.TAX_NOT_MAPPED, percent, reason)


def _line(field: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line that a field such as `InvoiceItem.0.product_id` is of, {} for none."""
    found = LINE.search(field)
    position = int(found[1]) if found else len(lines)
    return lines[position] if position < len(lines) else {}
