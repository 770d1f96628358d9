"""What people see of the account: invoices, contacts, products, and knobs for a bad day."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.faults import Faults
from sandbox.hubspot.portal import PORTAL, Portal, Refused, Thing
from sandbox.pages import form_of, page

SEE_OTHER, NOT_FOUND = 303, 404
RECORD = f"/contacts/{PORTAL}/record"
PAGES = {
    "invoices": f"{RECORD}/0-53/",
    "contacts": f"{RECORD}/0-1/",
    "products": f"{RECORD}/0-7/",
}
CREATES = "/crm/.*/invoices/batch/upsert"
KNOBS: dict[str, dict[str, Any]] = {
    "lose the answer of the next create": {
        "method": "POST",
        "fault": "drop_after",
        "path": CREATES,
    },
    "drop the next create unseen": {"method": "POST", "fault": "drop_before", "path": CREATES},
    "401 to the next request": {"method": "*", "fault": "token_expired", "path": "/crm/"},
    "429 to the next request": {"method": "*", "fault": "status", "status": 429, "path": "/crm/"},
    "500 to the next read": {"method": "GET", "fault": "status", "status": 500, "path": "/crm/"},
}


class Pages:
    """The account's pages."""

    def __init__(self, portal: Portal, faults: Faults, links: list[Any]) -> None:
        self._portal = portal
        self._faults = faults
        self._links = links

    def routes(self) -> list[Route]:
        """Return the addresses of all pages; records stand where HubSpot's own do."""
        return [
            Route("/", self.invoices),
            Route(f"{PAGES['invoices']}{{id}}", self.invoice),
            Route(f"{PAGES['invoices']}{{id}}/status", self.step, methods=["POST"]),
            Route("/contacts", self.contacts),
            Route(f"{PAGES['contacts']}{{id}}", self.contacts),
            Route("/contacts/{id}/email", self.email, methods=["POST"]),
            Route("/contacts/{id}/address", self.address, methods=["POST"]),
            Route("/products", self.products, methods=["GET", "POST"]),
            Route(f"{PAGES['products']}{{id}}", self.products),
            Route("/products/{id}/sku", self.sku, methods=["POST"]),
            Route("/knobs", self.knob, methods=["POST"]),
        ]

    async def invoices(self, request: Request) -> Response:
        rows = [(one, self._contact(one)) for one in self._things("invoices")]
        return self._page(request, "hubspot_invoices.html", rows=rows, knobs=KNOBS)

    async def invoice(self, request: Request) -> Response:
        one = self._portal.objects["invoices"].get(request.path_params["id"])
        if one is None:
            return self._page(request, "missing.html", what="invoice", status=NOT_FOUND)
        lines, notes = (
            [self._portal.objects[kind][each] for each in self._linked(one, kind)]
            for kind in ("line_items", "notes")
        )
        wrong = request.query_params.get("wrong", "")
        model = {"one": one, "contact": self._contact(one), "lines": lines, "notes": notes}
        return self._page(request, "hubspot_invoice.html", wrong=wrong, **model)

    async def step(self, request: Request) -> Response:
        number, form = request.path_params["id"], await form_of(request)
        tail = ""
        try:
            status = form.get("status", "")
            self._portal.change("invoices", number, {"hs_invoice_status": status})
        except Refused as refused:
            tail = f"?wrong={refused}"
        return RedirectResponse(f"{PAGES['invoices']}{number}{tail}", SEE_OTHER)

    async def contacts(self, request: Request) -> Response:
        contacts = self._things("contacts")
        wrong = request.query_params.get("wrong", "")
        return self._page(request, "hubspot_contacts.html", contacts=contacts, wrong=wrong)

    async def email(self, request: Request) -> Response:
        given = (await form_of(request)).get("email", "").strip()
        tail = ""
        try:
            self._portal.change("contacts", request.path_params["id"], {"email": given})
        except Refused as refused:
            tail = f"?wrong={refused}"
        return RedirectResponse(f"/contacts{tail}", SEE_OTHER)

    async def address(self, request: Request) -> Response:
        given = (await form_of(request)).get("address", "").strip()
        self._portal.change("contacts", request.path_params["id"], {"address": given})
        return RedirectResponse("/contacts", SEE_OTHER)

    async def products(self, request: Request) -> Response:
        if request.method == "POST":
            form = await form_of(request)
            sku = form.get("sku", "")
            values = {"hs_sku": sku, "name": form.get("name") or sku, "price": "0"}
            self._portal.create("products", values)
            return RedirectResponse("/products?saved=1", SEE_OTHER)
        saved = "saved" in request.query_params
        products = self._things("products")
        return self._page(request, "hubspot_products.html", products=products, saved=saved)

    async def sku(self, request: Request) -> Response:
        form = await form_of(request)
        self._portal.change("products", request.path_params["id"], {"hs_sku": form.get("sku", "")})
        return RedirectResponse("/products", SEE_OTHER)

    async def knob(self, request: Request) -> Response:
        knob = KNOBS.get((await form_of(request)).get("knob", ""))
        if knob:
            self._faults.add(**knob)
        return RedirectResponse("/", SEE_OTHER)

    def _things(self, kind: str) -> list[Thing]:
        return sorted(self._portal.objects[kind].values(), key=lambda one: -int(one.id))

    def _linked(self, one: Thing, kind: str) -> list[str]:
        return self._portal.linked("invoices", one.id, kind)

    def _contact(self, one: Thing) -> Thing | None:
        found = self._linked(one, "contacts")
        return self._portal.objects["contacts"][found[0]] if found else None

    def _page(self, request: Request, name: str, **model: Any) -> Response:
        given: dict[str, Any] = {"waiting": self._faults.waiting, "portal": self._portal}
        return page(request, name, self._links, **given, record=PAGES, **model)
