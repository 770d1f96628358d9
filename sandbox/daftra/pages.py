"""What people see of the site: documents, clients, products, and knobs for a bad day."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.daftra.site import CREDIT_NOTE, INVOICE, Site
from sandbox.faults import Faults
from sandbox.pages import form_of, page

CREATES = "/api2/(invoices|credit_notes)"
KNOBS: dict[str, dict[str, Any]] = {
    "lose the answer of the next create": {"method": "POST", "fault": "drop_after"},
    "drop the next create unseen": {"method": "POST", "fault": "drop_before"},
    "429 to the next request": {"method": "*", "fault": "status", "status": 429},
    "500 to the next look-up": {"method": "GET", "fault": "status", "status": 500},
    "half JSON to the next look-up": {"method": "GET", "fault": "half_json"},
}


class Pages:
    """The site's pages."""

    def __init__(self, site: Site, faults: Faults, links: list[Any]) -> None:
        self._site = site
        self._faults = faults
        self._links = links

    def routes(self) -> list[Route]:
        """Return the addresses of all pages."""
        return [
            Route("/", self.documents),
            Route("/owner/clients", self.clients),
            Route("/owner/products", self.products, methods=["GET", "POST"]),
            Route("/owner/products/{id:int}/status", self.switch, methods=["POST"]),
            Route("/owner/taxes", self.taxes),
            Route("/owner/clients/{id:int}/email", self.email, methods=["POST"]),
            Route("/owner/knobs", self.turn, methods=["POST"]),
            Route("/owner/invoices/correct/{id:int}", self.correct, methods=["POST"]),
            Route("/owner/invoices/delete/{id:int}", self.delete, methods=["POST"]),
            Route("/owner/invoices/view/{id:int}", self.document),
            Route("/owner/invoices/view_creditnote/{id:int}", self.document),
        ]

    async def documents(self, request: Request) -> Response:
        found = sorted(self._site.documents.values(), key=lambda one: one.id, reverse=True)
        rows = [(one, self._site.clients.get(one.client_id)) for one in found]
        return self._page(request, "daftra_documents.html", rows=rows, knobs=KNOBS)

    async def document(self, request: Request) -> Response:
        one = self._site.documents.get(request.path_params["id"])
        if one is None or one.type not in {INVOICE, CREDIT_NOTE}:
            return self._page(request, "missing.html", what="document", status=404)
        client = self._site.clients.get(one.client_id)
        return self._page(request, "daftra_document.html", document=one, client=client)

    async def correct(self, request: Request) -> Response:
        """Let a document's total be the sum of its lines again."""
        one = self._site.documents.get(request.path_params["id"])
        if one:
            one.off_by = Decimal(0)
        number = request.path_params["id"]
        return RedirectResponse(f"/owner/invoices/view/{number}", status_code=303)

    async def delete(self, request: Request) -> Response:
        self._site.delete(request.path_params["id"])
        return RedirectResponse("/", status_code=303)

    async def clients(self, request: Request) -> Response:
        return self._page(request, "daftra_clients.html", clients=self._site.clients.values())

    async def products(self, request: Request) -> Response:
        if request.method == "POST":
            form = await form_of(request)
            code, name = form.get("code", ""), form.get("name", "").strip() or "Product"
            if code and self._site.product_by_code(code) is None:
                self._site.add_product(name, code, Decimal(0))
            return RedirectResponse("/owner/products?saved=1", status_code=303)
        found = sorted(self._site.products.values(), key=lambda one: one.id, reverse=True)
        saved = "saved" in request.query_params
        return self._page(request, "daftra_products.html", products=found, saved=saved)

    async def taxes(self, request: Request) -> Response:
        found = sorted(self._site.taxes.values(), key=lambda one: one.id)
        return self._page(request, "daftra_taxes.html", taxes=found)

    async def switch(self, request: Request) -> Response:
        product = self._site.products.get(request.path_params["id"])
        if product:
            product.status = 0 if product.status else 1
            product.refusal = None  # entered anew, it is a product like any other
        return RedirectResponse("/owner/products", status_code=303)

    async def email(self, request: Request) -> Response:
        client = self._site.clients.get(request.path_params["id"])
        form = await form_of(request)
        if client:
            client.email = form.get("email", "").strip() or None
        return RedirectResponse("/owner/clients", status_code=303)

    async def turn(self, request: Request) -> Response:
        form = await form_of(request)
        knob = KNOBS.get(form.get("knob", ""))
        if knob:
            path = CREATES if knob["method"] == "POST" else "/api2/"
            self._faults.add(**knob, path=path)
        return RedirectResponse("/", status_code=303)

    def _page(self, request: Request, name: str, **model: Any) -> Response:
        return page(request, name, self._links, waiting=self._faults.waiting, **model)
