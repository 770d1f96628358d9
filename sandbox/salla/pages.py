"""What people see of the store: orders with their documents, customers, and knobs for a bad day."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.faults import Faults
from sandbox.pages import form_of, page
from sandbox.salla.store import Shop

NOT_FOUND = 404
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

    async def turn(self, request: Request) -> Response:
        form = await form_of(request)
        knob = KNOBS.get(form.get("knob", ""))
        if knob:
            self._faults.add(**knob, method="*", path="/admin/v2/")
        return RedirectResponse("/", status_code=303)
