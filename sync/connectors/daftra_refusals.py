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
        mappings.forget(Kept.PRODUCT, line["description"])
        return replace(failure, key=line["description"])
    if failure.error_type is ErrorType.TAX_NOT_MAPPED and "tax1" in line:
        taxes = {number: percent for percent, number in payload["taxes"].items()}
        percent = taxes.get(str(line["tax1"]), failure.key)
        mappings.forget(Kept.TAX, percent)
        return replace(failure, key=percent)
    return failure


def _line(field: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line that a field such as `InvoiceItem.0.product_id` is of, {} for none."""
    found = LINE.search(field)
    position = int(found[1]) if found else len(lines)
    return lines[position] if position < len(lines) else {}
