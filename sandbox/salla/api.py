"""The store's API (`/admin/v2`, bearer token, leaky bucket) and its pages."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import Faults, Faulty
from sandbox.pages import form_of, page
from sandbox.salla import shapes
from sandbox.salla.store import STATUSES, Invoice, Order, Shop

PREFIX = "/admin/v2"
PER_PAGE, MOST_PER_PAGE = 15, 60
OK, UNAUTHORIZED, NOT_FOUND, TOO_MANY = 200, 401, 404, 429


def create(
    shop: Shop, faults: Faults | None = None, links: list[dict[str, str]] | None = None
) -> ASGIApp:
    """Return the store as an ASGI app; `links` lead to the other stand-ins' pages."""
    api = Api(shop)
    pages = Pages(shop, links if links is not None else [])
    routes = [
        Route("/oauth2/user/info", api.guarded(api.user_info)),
        Route(f"{PREFIX}/orders", api.guarded(api.orders)),
        Route(f"{PREFIX}/orders/items", api.guarded(api.items)),
        Route(f"{PREFIX}/orders/statuses", api.guarded(api.statuses)),
        Route(f"{PREFIX}/orders/invoices", api.guarded(api.invoices)),
        Route(f"{PREFIX}/orders/invoices/{{id:int}}", api.guarded(api.invoice)),
        Route(f"{PREFIX}/orders/{{id:int}}", api.guarded(api.order)),
        Route(f"{PREFIX}/products/sku/{{sku}}", api.guarded(api.product)),
        Route(f"{PREFIX}/customers", api.guarded(api.customers)),
        Route(f"{PREFIX}/customers/{{id:int}}", api.guarded(api.customer), methods=["GET", "PUT"]),
        Route("/", pages.orders),
        Route("/orders/order/{ending}", pages.order),
        Route("/customers/{id:int}", pages.customer, methods=["GET", "POST"]),
        Route("/sandbox/history", api.history),
        Route("/sandbox/token", api.token, methods=["POST"]),
    ]
    return Faulty(Starlette(routes=routes), faults or Faults(), expired)


def expired() -> Response:
    """Answer as to an expired token."""
    return failure(UNAUTHORIZED, "The access token is expired")


def failure(status: int, message: str, code: str | None = None) -> JSONResponse:
    """Return an error in the API's envelope."""
    names = {UNAUTHORIZED: "Unauthorized", NOT_FOUND: "not_found", TOO_MANY: "too_many_requests"}
    error = {"code": code or names.get(status, "error"), "message": message}
    return JSONResponse({"status": status, "success": False, "error": error}, status)


def success(data: Any, **more: Any) -> JSONResponse:
    """Return data in the API's envelope."""
    return JSONResponse({"status": OK, "success": True, "data": data, **more})


class Api:
    """What programs ask the store."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._level = 0.0
        self._leaked_at = time.monotonic()

    def guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Check token and pace before `answer`, and put the rate headers on what it returns."""

        async def guarded(request: Request) -> Response:
            refused = self._refused(request)
            left = self._drip()
            if refused is None and left < 0:
                refused = failure(TOO_MANY, "Too many requests")
                refused.headers["Retry-After"] = "1"
            response: Response = refused or await answer(request)
            response.headers["X-RateLimit-Limit"] = str(self._shop.per_minute)
            response.headers["X-RateLimit-Remaining"] = str(max(0, left))
            response.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
            self._shop.requests += 1
            return response

        return guarded

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            return failure(UNAUTHORIZED, "The access token is missing")
        if given.removeprefix("Bearer ") != self._shop.token:
            return failure(UNAUTHORIZED, "The access token is invalid")
        if self._shop.expired:
            return expired()
        if not self._shop.active:
            return failure(UNAUTHORIZED, "The user is inactive or deleted")
        if "orders.read" not in self._shop.scopes and "/orders" in request.url.path:
            needed = "The token should have access to one of those scopes: orders.read"
            return failure(UNAUTHORIZED, needed)
        return None

    def _drip(self) -> int:
        """Count a request into the leaky bucket; returns how many more it holds."""
        with self._shop.lock:
            now = time.monotonic()
            self._level = max(0.0, self._level - (now - self._leaked_at))
            self._leaked_at = now
            if self._level >= self._shop.per_minute:
                return -1
            self._level += 1
            return int(self._shop.per_minute - self._level)

    async def user_info(self, request: Request) -> Response:
        del request
        merchant = {"id": 1305146709, "username": "acme", "name": "Acme KSA"}
        return JSONResponse({"id": 1771165749, "name": "Acme", "merchant": merchant})

    async def orders(self, request: Request) -> Response:
        found = list(self._shop.orders.values())
        wanted = request.query_params.get("reference_id")
        if wanted:
            found = [one for one in found if str(one.reference_id) == wanted]
        found.sort(key=lambda one: one.at, reverse=True)
        return self._page(request, found, lambda one: self._order(request, one, light=True))

    async def order(self, request: Request) -> Response:
        one = self._shop.orders.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The order is not found")
        light = request.query_params.get("format") == "light"
        return success(self._order(request, one, light=light))

    def _order(self, request: Request, one: Order, *, light: bool) -> dict[str, Any]:
        arabic = not request.headers.get("accept-language", "ar").startswith("en")
        return shapes.order(self._shop, one, _base(request), light=light, arabic=arabic)

    async def items(self, request: Request) -> Response:
        one = self._shop.orders.get(_number(request.query_params.get("order_id")))
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
        query, found = request.query_params, list(self._shop.invoices.values())
        if query.get("order_id"):
            found = [one for one in found if str(one.order_id) == query["order_id"]]
        if query.get("from_date"):
            found = [one for one in found if _day(one) >= date.fromisoformat(query["from_date"])]
        if query.get("to_date"):
            found = [one for one in found if _day(one) <= date.fromisoformat(query["to_date"])]
        found.sort(key=lambda one: (one.at, one.id), reverse=True)
        return self._page(request, found, lambda one: shapes.invoice(one, whole=False))

    async def invoice(self, request: Request) -> Response:
        one = self._shop.invoices.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The invoice is not found")
        return success(shapes.invoice(one, whole=True))

    async def product(self, request: Request) -> Response:
        wanted = request.path_params["sku"]
        for order in self._shop.orders.values():
            for item in order.items:
                if item.sku == wanted:
                    price = shapes.money(item.price, order.currency)
                    found = {"id": item.id, "name": item.name, "sku": item.sku, "price": price}
                    return success(found)
        return failure(NOT_FOUND, "The product is not found")

    async def customers(self, request: Request) -> Response:
        keyword = request.query_params.get("keyword", "").lower()
        found = [
            one
            for one in self._shop.customers.values()
            if keyword in f"{one.first_name} {one.last_name} {one.email} {one.mobile}".lower()
        ]
        return self._page(request, found, lambda one: shapes.customer(one, _base(request)))

    async def customer(self, request: Request) -> Response:
        one = self._shop.customers.get(request.path_params["id"])
        if one is None:
            return failure(NOT_FOUND, "The customer is not found")
        if request.method == "PUT":
            given = await request.json()
            one.email = given.get("email", one.email)
        return success(shapes.customer(one, _base(request)))

    async def history(self, request: Request) -> Response:
        """Tell the past of the seeded documents: what a log would hold that was there."""
        rows = []
        for row in self._shop.history:
            order = self._shop.orders[int(row["order_id"])]
            url = f"{_base(request)}/orders/order/{order.hash}"
            rows.append({**row, "source_url": url, "order_status": order.status})
        return JSONResponse({"rows": rows})

    async def token(self, request: Request) -> Response:
        """Expire the token, or accept a new one: `{"expired": bool, "token": text}`."""
        given = await request.json()
        self._shop.expired = bool(given.get("expired", self._shop.expired))
        self._shop.token = str(given.get("token", self._shop.token))
        return JSONResponse({"ok": True})

    def _page(
        self, request: Request, found: list[Any], shape: Callable[[Any], dict[str, Any]]
    ) -> Response:
        number = max(1, _number(request.query_params.get("page")) or 1)
        asked = _number(request.query_params.get("per_page")) or PER_PAGE
        size = min(asked, MOST_PER_PAGE)
        part = found[(number - 1) * size : number * size]
        pages = max(1, -(-len(found) // size))
        following = f"{_base(request)}{request.url.path}?page={number + 1}"
        pagination = {
            "count": len(part),
            "total": len(found),
            "perPage": size,
            "currentPage": number,
            "totalPages": pages,
            "links": {"next": following} if number < pages else [],
        }
        return success([shape(one) for one in part], pagination=pagination)


class Pages:
    """What people see of the store."""

    def __init__(self, shop: Shop, links: list[Any]) -> None:
        self._shop = shop
        self._links = links

    async def orders(self, request: Request) -> Response:
        found = sorted(self._shop.orders.values(), key=lambda one: one.at, reverse=True)
        rows = [
            (one, self._shop.customers[one.customer], self._shop.invoices_of(one.id))
            for one in found
        ]
        return page(request, "salla_orders.html", self._links, rows=rows)

    async def order(self, request: Request) -> Response:
        one = self._shop.order_by_hash(request.path_params["ending"])
        if one is None:
            return page(request, "missing.html", self._links, what="order", status=NOT_FOUND)
        customer = self._shop.customers[one.customer]
        invoices = self._shop.invoices_of(one.id)
        return page(
            request,
            "salla_order.html",
            self._links,
            order=one,
            customer=customer,
            invoices=invoices,
        )

    async def customer(self, request: Request) -> Response:
        one = self._shop.customers.get(request.path_params["id"])
        if one is None:
            return page(request, "missing.html", self._links, what="customer", status=NOT_FOUND)
        if request.method == "POST":
            form = await form_of(request)
            one.email = form.get("email", "").strip() or None
            back = form.get("back", "")
            target = back if back.startswith("/orders/") else f"/customers/{one.id}?saved=1"
            return RedirectResponse(target, status_code=303)
        saved = "saved" in request.query_params
        return page(request, "salla_customer.html", self._links, customer=one, saved=saved)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _day(one: Invoice) -> date:
    return one.at.astimezone(shapes.RIYADH).date()
