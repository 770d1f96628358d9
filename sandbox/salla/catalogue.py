"""Products and customers over the API: lists, one of them, and the e-mail that a customer gets."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.salla import shapes
from sandbox.salla.answers import INVALID, NOT_FOUND, base_of, failure, page_of, success
from sandbox.salla.store import Customer, Shop

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
REQUIRED = ("first_name", "mobile", "mobile_code")


class Catalogue:
    """What orders refer to."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def products(self, request: Request) -> Response:
        """List what is sold, filtered by a part of its name or SKU."""
        keyword = request.query_params.get("keyword", "").lower()
        found = [
            item
            for item in self._shop.goods().values()
            if keyword in f"{item.name} {item.sku}".lower()
        ]
        return page_of(request, found, shapes.product)

    async def product(self, request: Request) -> Response:
        """Tell the product with exactly this SKU."""
        found = self._shop.goods().get(request.path_params["sku"])
        if found is None:
            return failure(NOT_FOUND, "The product is not found")
        return success(shapes.product(found))

    async def customers(self, request: Request) -> Response:
        """List the customers, filtered by a part of name, e-mail or mobile."""
        keyword = request.query_params.get("keyword", "").lower()
        found = [
            one
            for one in self._shop.customers.values()
            if keyword in f"{one.first_name} {one.last_name} {one.email} {one.mobile}".lower()
        ]
        return page_of(request, found, lambda one: shapes.customer(one, base_of(request)))

    async def customer(self, request: Request) -> Response:
        """Tell one customer, or change it first: a change names the whole customer."""
        one = self._shop.customers.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The customer is not found")
        if request.method == "PUT":
            given = await _object(request)
            with self._shop.lock:
                wrong = self._wrong(one, given)
                if wrong:
                    return failure(INVALID, "alert.invalid_fields", fields=wrong)
                one.first_name = str(given["first_name"])
                one.last_name = str(given.get("last_name", one.last_name))
                if not self._shop.keeps_emails:
                    one.email = given.get("email", one.email) or None
        return success(shapes.customer(one, base_of(request)))

    def _wrong(self, one: Customer, given: dict[str, Any]) -> dict[str, list[str]]:
        wrong = {
            name: ["The field is required"]
            for name in REQUIRED
            if not str(given.get(name) or "").strip()
        }
        email = given.get("email")
        if email and (not isinstance(email, str) or not EMAIL.fullmatch(email)):
            wrong["email"] = ["The email must be a valid email address"]
        elif email and self._is_taken(one, email):
            wrong["email"] = ["The email has already been taken"]
        return wrong

    def _is_taken(self, one: Customer, email: str) -> bool:
        others = (other for other in self._shop.customers.values() if other.id != one.id)
        return any((other.email or "").lower() == email.lower() for other in others)


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
