"""The site's API: api2 with an api key, v2 lists in both shapes, and the knobs of tests."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.counting import Counting
from sandbox.daftra import shapes
from sandbox.daftra.answers import (
    ACCEPTED,
    BAD,
    NOT_FOUND,
    UNAUTHORIZED,
    failed,
    good,
    made,
    object_of,
    page_of,
)
from sandbox.daftra.entities import Entities
from sandbox.daftra.hooks import Hooks
from sandbox.daftra.masters import Masters
from sandbox.daftra.pages import Pages
from sandbox.daftra.site import (
    CREDIT_NOTE,
    INVOICE,
    REFUND,
    Document,
    Invalid,
    Site,
    integer_of,
    number_of,
)
from sandbox.faults import Faults, Faulty

MODELS = {
    "invoices": ("Invoice", INVOICE),
    "credit_notes": ("CreditNote", CREDIT_NOTE),
    "refund_receipts": ("RefundReceipt", REFUND),
}

SWITCHES = ("arabic", "fixed_taxes", "deaf", "expired")
TEXTS = ("key", "closed_before", "refused_email")


def create(
    site: Site, faults: Faults | None = None, links: list[dict[str, str]] | None = None
) -> ASGIApp:
    """Return the site as an ASGI app; `links` lead to the other stand-ins' pages."""
    waiting = faults or Faults()
    api, pages = Api(site), Pages(site, waiting, links if links is not None else [])
    routes = [Route("/api2/site_info{ext}", api.guarded(api.site_info))]
    for plural in MODELS:
        routes += [
            Route(f"/api2/{plural}{{ext}}", api.documents(plural), methods=["GET", "POST"]),
            Route(
                f"/api2/{plural}/{{id:int}}{{ext}}", api.document(plural), methods=["GET", "DELETE"]
            ),
        ]
    masters = Masters(site)
    routes += [
        Route("/api2/clients{ext}", api.guarded(masters.clients), methods=["GET", "POST"]),
        Route("/api2/products{ext}", api.guarded(masters.products), methods=["GET", "POST"]),
        Route("/api2/products/{id:int}{ext}", api.guarded(masters.product)),
        Route("/api2/taxes{ext}", api.guarded(masters.taxes), methods=["GET", "POST"]),
        Route("/api2/invoice_payments{ext}", api.guarded(api.payments), methods=["POST"]),
        Route("/v2/api/entity/{entity}/list/{level}", api.guarded(Entities(site).all)),
        Route("/sandbox/ledger", api.ledger),
        Route("/sandbox/settings", api.settings, methods=["POST"]),
        Route("/sandbox/webhooks", Hooks(site).knob, methods=["GET", "POST"]),
        *pages.routes(),
    ]
    return Counting(Faulty(Starlette(routes=routes), waiting, unauthorized), "/api2", ("/v2/",))


def unauthorized() -> Response:
    """Answer as to a wrong key."""
    return JSONResponse({"result": "failed", "code": 401, "message": "Unauthorized"}, UNAUTHORIZED)


class Api:
    """What programs ask the site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Check the key before `answer`; an Authorization header beside it spoils both."""

        async def guarded(request: Request) -> Response:
            self._site.requests += 1
            key = request.headers.get("apikey")
            if key != self._site.key or self._site.expired or "authorization" in request.headers:
                return unauthorized()
            response: Response = await answer(request)
            return response

        return guarded

    def documents(self, plural: str) -> Callable[[Request], Any]:
        """Serve list and create of one kind of document."""
        model, kind = MODELS[plural]

        async def serve(request: Request) -> Response:
            if request.method == "POST":
                return await self._book(request, model, kind)
            found = self._site.shown(kind)
            filters = request.query_params if kind == INVOICE else {}
            found = [one for one in found if _fits(one, filters)]
            deep = request.query_params.get("recursive", "1") != "0"
            base = str(request.base_url).rstrip("/")
            rows = [{model: shapes.document(one, base, deep=deep)} for one in found]
            return page_of(request, plural, rows)

        return self.guarded(serve)

    def document(self, plural: str) -> Callable[[Request], Any]:
        """Serve or delete one document; another type answers 404."""
        model, kind = MODELS[plural]

        async def serve(request: Request) -> Response:
            one = self._site.documents.get(request.path_params["id"])
            if one is None or one.type != kind:
                return failed(NOT_FOUND, "Record not found")
            if request.method == "DELETE":
                self._site.delete(one.id)
                return good({})
            base = str(request.base_url).rstrip("/")
            return good({model: shapes.document(one, base, deep=True)})

        return self.guarded(serve)

    async def _book(self, request: Request, model: str, kind: int) -> Response:
        body = await object_of(request)
        head = body.get(model)
        if not isinstance(head, dict):
            return failed(BAD, f"{model} is missing")
        try:
            fields = body.get("InvoiceCustomField")
            document = self._site.book(kind, head, body.get("InvoiceItem"), fields)
        except Invalid as wrong:
            return failed(BAD, str(wrong), wrong.errors)
        for payment in _objects(body.get("Payment")):
            document.paid += number_of(payment.get("amount")) or 0
        self._site.creates.append(
            {"id": document.id, "type": kind, "key": document.key, "po_number": document.po_number}
        )
        return JSONResponse(
            {"code": ACCEPTED, "result": "successful", "id": str(document.id)}, ACCEPTED
        )

    async def site_info(self, request: Request) -> Response:
        del request
        return good(shapes.site_info(self._site))

    async def payments(self, request: Request) -> Response:
        given = await object_of(request, "InvoicePayment")
        one = self._site.documents.get(integer_of(given.get("invoice_id")))
        if one is None:
            return failed(BAD, "Validation errors", {"invoice_id": "Invoice not found"})
        if str(given.get("status")) == "1":
            one.paid += number_of(given.get("amount")) or 0
        return made(self._site.next_id())

    async def ledger(self, request: Request) -> Response:
        """Tell every create that was stored, and every document there is: for tests."""
        base = str(request.base_url).rstrip("/")
        documents = [shapes.document(one, base, deep=True) for one in self._site.documents.values()]
        books = {"creates": self._site.creates, "documents": documents}
        return JSONResponse({**books, "requests": self._site.requests})

    async def settings(self, request: Request) -> Response:
        """Turn knobs: index_lag (s), off_by, what is on or off, and texts."""
        given = await request.json()
        if "off_by" in given:
            self._site.off_by = Decimal(str(given.pop("off_by")))
        for name in (*SWITCHES, *TEXTS, "index_lag"):
            if name in given:
                setattr(self._site, name, given[name])
        return JSONResponse({"ok": True})


def _fits(one: Document, filters: Any) -> bool:
    """Apply the filters that the server knows; any other is ignored, as on the real one."""
    no, order = filters.get("no"), filters.get("po_number")
    source = filters.get("external_source")
    key, label = filters.get("custom_field"), filters.get("custom_field_label")
    pairs = {(field["label"], field["value"]) for field in one.fields}
    return (
        (not no or no in one.no)
        and (not order or one.po_number == order)
        and (not source or one.external_source == source)
        and (not (key and label) or (label, key) in pairs)
    )


def _objects(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
