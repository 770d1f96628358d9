"""What people see of the store: orders with their documents, customers, and knobs for a bad day."""

from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.faults import Faults
from sandbox.pages import form_of, page
from sandbox.salla.store import STATUSES, Shop

NOT_FOUND, SEE_OTHER = 404, 303
LINES = 3
"""How many different goods the form of a new order takes."""

KNOBS: dict[str, dict[str, Any]] = {
    "401 to the next request": {"fault": "token_expired"},
    "429 to the next request": {"fault": "status", "status": 429, "retry_after": "2"},
    "500 to the next request": {"fault": "status", "status": 500},
    "drop the next request": {"fault": "drop_before"},
    "half JSON to the next request": {"fault": "half_json"},
}


class Pages:
    """What people see of the store."""

    def __init__(self, shop: Shop, faults: Faults, links: list[Any]) -> None:
        self._shop = shop
        self._faults = faults
        self._links = links

    def routes(self) -> list[Route]:
        """Return the addresses of all pages."""
        return [
            Route("/", self.orders),
            Route("/orders/new", self.new, methods=["GET", "POST"]),
            Route("/orders/order/{ending}", self.order),
            Route("/orders/order/{ending}/status", self.status, methods=["POST"]),
            Route("/orders/order/{ending}/back", self.back, methods=["POST"]),
            Route("/products", self.products),
            Route("/customers/{id:int}", self.customer, methods=["GET", "POST"]),
            Route("/sandbox/knobs", self.turn, methods=["POST"]),
        ]

    async def orders(self, request: Request) -> Response:
        found = sorted(self._shop.orders.values(), key=lambda one: one.at, reverse=True)
        rows = [
            (one, self._shop.customers[one.customer], self._shop.invoices_of(one.id))
            for one in found
        ]
        model: dict[str, Any] = {"rows": rows, "knobs": KNOBS, "waiting": self._faults.waiting}
        return page(request, "salla_orders.html", self._links, **model)

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
            left=self._shop.left_of(one),
            statuses=STATUSES,
        )

    async def new(self, request: Request) -> Response:
        """Sell something: the order is completed at once, and its invoice issued."""
        goods = self._shop.goods()
        if request.method == "GET":
            model: dict[str, Any] = {
                "goods": goods,
                "customers": self._shop.customers.values(),
                "lines": LINES,
            }
            return page(request, "salla_new.html", self._links, **model)
        form = await form_of(request)
        wanted: dict[str, int] = {}
        for line in range(LINES):
            sku = form.get(f"sku{line}", "")
            if sku in goods:
                wanted[sku] = wanted.get(sku, 0) + (_count(form.get(f"quantity{line}")) or 1)
        customer = _count(form.get("customer"))
        if not wanted or customer not in self._shop.customers:
            return RedirectResponse("/orders/new", SEE_OTHER)
        order = self._shop.place(customer, wanted, _amount(form.get("shipping")))
        return RedirectResponse(f"/orders/order/{order.hash}", SEE_OTHER)

    async def products(self, request: Request) -> Response:
        """Show what is sold, and by which exact SKU."""
        goods = sorted(self._shop.goods().values(), key=lambda one: one.sku or "")
        return page(request, "salla_products.html", self._links, goods=goods)

    async def status(self, request: Request) -> Response:
        """Give an order another status."""
        order, form = (
            self._shop.order_by_hash(request.path_params["ending"]),
            await form_of(request),
        )
        if order is None or form.get("status") not in STATUSES:
            return page(request, "missing.html", self._links, what="order", status=NOT_FOUND)
        self._shop.turn_to(order, form["status"])
        return RedirectResponse(f"/orders/order/{order.hash}", SEE_OTHER)

    async def back(self, request: Request) -> Response:
        """Take lines of an order back: a credit note for them."""
        order, form = (
            self._shop.order_by_hash(request.path_params["ending"]),
            await form_of(request),
        )
        if order is None:
            return page(request, "missing.html", self._links, what="order", status=NOT_FOUND)
        quantities = {item.id: _count(form.get(f"back{item.id}")) for item in order.items}
        self._shop.take_back(order, quantities)
        return RedirectResponse(f"/orders/order/{order.hash}", SEE_OTHER)

    async def customer(self, request: Request) -> Response:
        one = self._shop.customers.get(request.path_params["id"])
        if one is None:
            return page(request, "missing.html", self._links, what="customer", status=NOT_FOUND)
        if request.method == "POST":
            form = await form_of(request)
            one.email = form.get("email", "").strip() or None
            back = form.get("back", "")
            target = back if back.startswith("/orders/") else f"/customers/{one.id}?saved=1"
            return RedirectResponse(target, status_code=SEE_OTHER)
        saved = "saved" in request.query_params
        return page(request, "salla_customer.html", self._links, customer=one, saved=saved)

    async def turn(self, request: Request) -> Response:
        form = await form_of(request)
        knob = KNOBS.get(form.get("knob", ""))
        if knob:
            self._faults.add(**knob, method="*", path="/admin/v2/")
        return RedirectResponse("/", status_code=SEE_OTHER)


def _count(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _amount(text: str | None) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except InvalidOperation:
        return Decimal(0)
    return amount if amount.is_finite() and amount > 0 else Decimal(0)
