"""The store's API (`/admin/v2`, bearer token, leaky bucket) and its pages."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.counting import Counting
from sandbox.faults import Faults, Faulty
from sandbox.salla import shapes
from sandbox.salla.access import Access, refusal
from sandbox.salla.answers import (
    INVALID,
    NOT_FOUND,
    TOO_MANY,
    base_of,
    expired,
    failure,
    number_of,
    page_of,
    success,
)
from sandbox.salla.catalogue import Catalogue
from sandbox.salla.hooks import Hooks
from sandbox.salla.pages import Pages
from sandbox.salla.store import STATUSES, Invoice, Order, Shop

PREFIX = "/admin/v2"


def create(
    shop: Shop, faults: Faults | None = None, links: list[dict[str, str]] | None = None
) -> ASGIApp:
    """Return the store as an ASGI app; `links` lead to the other stand-ins' pages."""
    waiting = faults or Faults()
    api = Api(shop)
    pages = Pages(shop, waiting, links if links is not None else [])
    routes = [
        *Access(shop).routes(),
        Route("/oauth2/user/info", api.guarded(api.user_info)),
        Route(f"{PREFIX}/orders", api.guarded(api.orders)),
        Route(f"{PREFIX}/orders/items", api.guarded(api.items)),
        Route(f"{PREFIX}/orders/statuses", api.guarded(api.statuses)),
        Route(f"{PREFIX}/orders/invoices", api.guarded(api.invoices)),
        Route(f"{PREFIX}/orders/invoices/{{id:int}}", api.guarded(api.invoice)),
        Route(f"{PREFIX}/orders/{{id:int}}", api.guarded(api.order)),
        *_of_catalogue(api, Catalogue(shop)),
        *_of_webhooks(api, Hooks(shop)),
        *pages.routes(),
        Route("/sandbox/history", api.history),
    ]
    faulty = Faulty(Starlette(routes=routes), waiting, expired)
    return Counting(faulty, PREFIX, others=("/oauth2/",))


def _of_catalogue(api: "Api", catalogue: Catalogue) -> list[Route]:
    customer = api.guarded(catalogue.customer)
    return [
        Route(f"{PREFIX}/products", api.guarded(catalogue.products)),
        Route(f"{PREFIX}/products/sku/{{sku}}", api.guarded(catalogue.product)),
        Route(f"{PREFIX}/customers", api.guarded(catalogue.customers)),
        Route(f"{PREFIX}/customers/{{id:int}}", customer, methods=["GET", "PUT"]),
    ]


def _of_webhooks(api: "Api", hooks: Hooks) -> list[Route]:
    subscribe, update = api.guarded(hooks.subscribe), api.guarded(hooks.update)
    unsubscribe = api.guarded(hooks.unsubscribe)
    return [
        Route(f"{PREFIX}/webhooks", api.guarded(hooks.all)),
        Route(f"{PREFIX}/webhooks/events", api.guarded(hooks.events)),
        Route(f"{PREFIX}/webhooks/subscribe", subscribe, methods=["POST"]),
        Route(f"{PREFIX}/webhooks/unsubscribe", unsubscribe, methods=["DELETE"]),
        Route(f"{PREFIX}/webhooks/{{id:int}}", update, methods=["PUT"]),
        Route("/sandbox/webhooks", hooks.knob, methods=["GET", "POST"]),
    ]


class Api:
    """What programs ask the store."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._level = 0.0
        self._leaked_at = time.monotonic()

    def guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Check token and pace before `answer`, and put the rate headers on what it returns."""

        async def guarded(request: Request) -> Response:
            refused = refusal(self._shop, request)
            left = self._drip()
            if refused is None and left < 0:
                refused = failure(TOO_MANY, "Too many requests")
                refused.headers["Retry-After"] = "1"
            response: Response = refused or _odd_days(request) or await answer(request)
            response.headers["X-RateLimit-Limit"] = str(self._shop.per_minute)
            response.headers["X-RateLimit-Remaining"] = str(max(0, left))
            response.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
            self._shop.requests += 1
            return response

        return guarded

    def _drip(self) -> int:
        """Count a request into the leaky bucket; returns how many more it holds."""
        with self._shop.lock:
            now = time.monotonic()
            self._level = max(0.0, self._level - (now - self._leaked_at))
            self._leaked_at = now
            if self._level + 1 > self._shop.per_minute:
                return -1
            self._level += 1
            return int(self._shop.per_minute - self._level)

    async def user_info(self, request: Request) -> Response:
        del request
        merchant = {"id": 1305146709, "username": "acme", "name": "Acme KSA"}
        return JSONResponse({"id": 1771165749, "name": "Acme", "merchant": merchant})

    async def orders(self, request: Request) -> Response:
        query = request.query_params
        found = [one for one in self._shop.orders.values() if _fits(one, query)]
        found.sort(key=lambda one: one.at, reverse=True)
        return page_of(request, found, lambda one: self._order(request, one, light=True))

    async def order(self, request: Request) -> Response:
        one = self._shop.orders.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The order is not found")
        light = request.query_params.get("format") == "light"
        return success(self._order(request, one, light=light))

    def _order(self, request: Request, one: Order, *, light: bool) -> dict[str, Any]:
        arabic = not request.headers.get("accept-language", "ar").startswith("en")
        return shapes.order(self._shop, one, base_of(request), light=light, arabic=arabic)

    async def items(self, request: Request) -> Response:
        one = self._shop.orders.get(number_of(request.query_params.get("order_id")))
        if one is None:
            return failure(NOT_FOUND, "The order is not found")
        return success([shapes.item(part, one.currency) for part in one.items])

    async def statuses(self, request: Request) -> Response:
        del request
        rows = [
            {"id": number, "name": name, "type": "original", "slug": slug}
            for slug, (number, name) in STATUSES.items()
        ]
        return success(rows)

    async def invoices(self, request: Request) -> Response:
        query, order_id = request.query_params, request.query_params.get("order_id")
        found = [one for one in self._shop.invoices.values() if _in_days(one, query)]
        if order_id:
            found = [one for one in found if str(one.order_id) == order_id]
        found.sort(key=lambda one: (one.at, one.id), reverse=True)
        return page_of(request, found, lambda one: shapes.invoice(one, whole=False))

    async def invoice(self, request: Request) -> Response:
        one = self._shop.invoices.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The invoice is not found")
        return success(shapes.invoice(one, whole=True))

    async def history(self, request: Request) -> Response:
        """Tell the past of the seeded documents: what a log would hold that was there."""
        rows = []
        for row in self._shop.history:
            order = self._shop.orders[int(row["order_id"])]
            url = f"{base_of(request)}/orders/order/{order.hash}"
            rows.append({**row, "source_url": url, "order_status": order.status})
        return JSONResponse({"rows": rows})


def _day(one: Order | Invoice) -> date:
    return one.at.astimezone(shapes.RIYADH).date()


def _odd_days(request: Request) -> Response | None:
    """Refuse a day that is no YYYY-MM-DD."""
    for name in ("from_date", "to_date"):
        try:
            date.fromisoformat(request.query_params.get(name) or "2026-01-01")
        except ValueError:
            return failure(INVALID, "alert.invalid_fields", fields={name: ["not a date"]})
    return None


def _in_days(one: Order | Invoice, query: QueryParams) -> bool:
    """Return whether it was made from `from_date` to `to_date`, days of Riyadh."""
    first, last = query.get("from_date"), query.get("to_date")
    return (not first or _day(one) >= date.fromisoformat(first)) and (
        not last or _day(one) <= date.fromisoformat(last)
    )


def _fits(one: Order, query: QueryParams) -> bool:
    """Apply the filters of the list of orders; `status[]` takes ids, not slugs."""
    reference, customer = query.get("reference_id"), query.get("customer_id")
    statuses = query.getlist("status[]")
    return (
        (not reference or str(one.reference_id) == reference)
        and (not customer or str(one.customer) == customer)
        and (not statuses or str(STATUSES[one.status][0]) in statuses)
        and _in_days(one, query)
    )
