"""Clients, products and taxes over api2: lists, one product, and what a create of one must have."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.daftra import shapes
from sandbox.daftra.answers import BAD, NOT_FOUND, failed, good, made, object_of, page_of
from sandbox.daftra.site import Site, Tax, integer_of, number_of

LONGEST = 255


class Masters:
    """What documents refer to."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def clients(self, request: Request) -> Response:
        """List the clients, or make one: it needs a name, and an e-mail that is one."""
        if request.method == "POST":
            given = await object_of(request, "Client")
            name = str(given.get("business_name") or given.get("first_name") or "").strip()
            email = str(given.get("email") or "")
            errors = {} if name else {"business_name": "is required"}
            if email and ("@" not in email or email == self._site.refused_email):
                errors["email"] = "Please enter a valid email"
            if errors:
                return failed(BAD, "Validation errors", errors)
            number = str(given.get("client_number") or "")
            return made(self._site.add_client(name, email or None, number).id)
        rows = [{"Client": shapes.client(one)} for one in self._site.clients.values()]
        return page_of(request, "clients", rows)

    async def products(self, request: Request) -> Response:
        """List the products, or make one."""
        if request.method == "POST":
            return self._add(await object_of(request, "Product"))
        found = list(self._site.products.values())
        code = request.query_params.get("product_code", "")
        if code:  # like the real one: case and blanks do not count, so a client must compare
            found = [one for one in found if one.code.strip().lower() == code.strip().lower()]
        return page_of(request, "products", [{"Product": shapes.product(one)} for one in found])

    async def product(self, request: Request) -> Response:
        """Tell one product."""
        one = self._site.products.get(request.path_params["id"])
        if one is None:
            return failed(NOT_FOUND, "Item not found")
        return good({"Product": shapes.product(one)})

    def _add(self, given: Mapping[str, Any]) -> Response:
        price = number_of(given.get("unit_price") or 0)
        name, code = str(given.get("name") or ""), str(given.get("product_code") or "")
        wrong = {
            "name": "is required" if not name.strip() else _too_long(name),
            "product_code": _too_long(code),
            "unit_price": "must be a number" if price is None else "",
        }
        errors = {field: text for field, text in wrong.items() if text}
        if errors:
            return failed(BAD, "Validation errors", errors)
        one = self._site.add_product(name, code, price or Decimal(0))
        one.status = integer_of(given.get("status"))
        return made(one.id)

    async def taxes(self, request: Request) -> Response:
        """List the taxes, or make one."""
        if request.method == "POST":
            given = await object_of(request, "Tax")
            number, included = self._site.next_id(), str(given.get("included") or 0) == "1"
            value = number_of(given.get("value"))
            if value is None:
                return failed(BAD, "Validation errors", {"value": "must be a number"})
            if self._site.fixed_taxes:
                return failed(BAD, "Validation errors", {"name": "No more taxes can be added"})
            self._site.taxes[number] = Tax(number, str(given.get("name")), value, included)
            return made(number)
        rows = [{"Tax": shapes.tax(one)} for one in self._site.taxes.values()]
        return page_of(request, "taxes", rows)


def _too_long(text: str) -> str:
    return f"must have at most {LONGEST} characters" if len(text) > LONGEST else ""
