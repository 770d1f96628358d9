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
from sandbox.daftra.hooks import Hooks
from sandbox.daftra.pages import Pages
from sandbox.daftra.site import (
    CREDIT_NOTE,
    INVOICE,
    REFUND,
    Document,
    Invalid,
    Site,
    Tax,
    integer_of,
    number_of,
)
from sandbox.faults import Faults, Faulty

OK, ACCEPTED, BAD, UNAUTHORIZED, NOT_FOUND = 200, 202, 400, 401, 404
MODELS = {
    "invoices": ("Invoice", INVOICE),
    "credit_notes": ("CreditNote", CREDIT_NOTE),
    "refund_receipts": ("RefundReceipt", REFUND),
}
LIMIT, MOST = 20, 1000


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
    routes += [
        Route("/api2/clients{ext}", api.guarded(api.clients), methods=["GET", "POST"]),
        Route("/api2/products{ext}", api.guarded(api.products), methods=["GET", "POST"]),
        Route("/api2/taxes{ext}", api.guarded(api.taxes), methods=["GET", "POST"]),
        Route("/api2/invoice_payments{ext}", api.guarded(api.payments), methods=["POST"]),
        Route("/v2/api/entity/{entity}/list/{level}", api.guarded(api.entities)),
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
            return _page(request, plural, rows)

        return self.guarded(serve)

    def document(self, plural: str) -> Callable[[Request], Any]:
        """Serve or delete one document; another type answers 404."""
        model, kind = MODELS[plural]

        async def serve(request: Request) -> Response:
            one = self._site.documents.get(request.path_params["id"])
            if one is None or one.type != kind:
                return _failed(NOT_FOUND, "Record not found")
            if request.method == "DELETE":
                self._site.delete(one.id)
                return _good({})
            base = str(request.base_url).rstrip("/")
            return _good({model: shapes.document(one, base, deep=True)})

        return self.guarded(serve)

    async def _book(self, request: Request, model: str, kind: int) -> Response:
        body = await _object(request)
        head = body.get(model)
        if not isinstance(head, dict):
            return _failed(BAD, f"{model} is missing")
        try:
            fields = body.get("InvoiceCustomField")
            document = self._site.book(kind, head, body.get("InvoiceItem"), fields)
        except Invalid as wrong:
            return _failed(BAD, str(wrong), wrong.errors)
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
        return _good(shapes.site_info(self._site))

    async def clients(self, request: Request) -> Response:
        if request.method == "POST":
            given = await _object(request, "Client")
            name = str(given.get("business_name") or given.get("first_name") or "").strip()
            if not name:
                return _failed(BAD, "Validation errors", {"business_name": "is required"})
            number = str(given.get("client_number") or "")
            one = self._site.add_client(name, given.get("email") or None, number)
            return _made(one.id)
        rows = [{"Client": shapes.client(one)} for one in self._site.clients.values()]
        return _page(request, "clients", rows)

    async def products(self, request: Request) -> Response:
        if request.method == "POST":
            given = await _object(request, "Product")
            if not given.get("name"):
                return _failed(BAD, "Validation errors", {"name": "is required"})
            price = number_of(given.get("unit_price")) or Decimal(0)
            code = str(given.get("product_code") or "")
            one = self._site.add_product(str(given["name"]), code, price)
            return _made(one.id)
        found = list(self._site.products.values())
        code = request.query_params.get("product_code", "")
        if code:  # like the real one: case and blanks do not count, so a client must compare
            found = [one for one in found if one.code.strip().lower() == code.strip().lower()]
        return _page(request, "products", [{"Product": shapes.product(one)} for one in found])

    async def taxes(self, request: Request) -> Response:
        if request.method == "POST":
            given = await _object(request, "Tax")
            number, included = self._site.next_id(), str(given.get("included") or 0) == "1"
            value = number_of(given.get("value"))
            if value is None:
                return _failed(BAD, "Validation errors", {"value": "must be a number"})
            self._site.taxes[number] = Tax(number, str(given.get("name")), value, included)
            return _made(number)
        rows = [{"Tax": shapes.tax(one)} for one in self._site.taxes.values()]
        return _page(request, "taxes", rows)

    async def payments(self, request: Request) -> Response:
        given = await _object(request, "InvoicePayment")
        one = self._site.documents.get(integer_of(given.get("invoice_id")))
        if one is None:
            return _failed(BAD, "Validation errors", {"invoice_id": "Invoice not found"})
        if str(given.get("status")) == "1":
            one.paid += number_of(given.get("amount")) or 0
        return _made(self._site.next_id())

    async def entities(self, request: Request) -> Response:
        """Serve v2 lists: clients in the documented shape, products in the flat one."""
        entity, query = request.path_params["entity"], request.query_params
        if entity == "client":
            email = query.get("filter[email]", "").lower()
            rows = [
                shapes.client(one)
                for one in self._site.clients.values()
                if not email or (one.email or "").lower() == email
            ]
            meta = {"current_page": 1, "last_page": 1, "total": len(rows)}
            return JSONResponse({"data": rows, "meta": meta, "links": {"next": None}})
        if entity == "product":
            code = query.get("filter[product_code]")
            rows = [
                shapes.product(one)
                for one in self._site.products.values()
                if code is None or one.code == code
            ]
            flat = {"current_page": 1, "last_page": 1, "next_page_url": None}
            return JSONResponse({**flat, "data": rows, "total": len(rows)})
        return JSONResponse({"message": "Record not found"}, NOT_FOUND)

    async def ledger(self, request: Request) -> Response:
        """Tell every create that was stored, and every document there is: for tests."""
        base = str(request.base_url).rstrip("/")
        documents = [shapes.document(one, base, deep=True) for one in self._site.documents.values()]
        books = {"creates": self._site.creates, "documents": documents}
        return JSONResponse({**books, "requests": self._site.requests})

    async def settings(self, request: Request) -> Response:
        """Turn knobs: index_lag (s), off_by, arabic, expired, key, closed_before."""
        given = await request.json()
        if "off_by" in given:
            self._site.off_by = Decimal(str(given.pop("off_by")))
        for name in ("index_lag", "arabic", "expired", "key", "closed_before"):
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


def _page(request: Request, plural: str, rows: list[Any]) -> Response:
    query = request.query_params
    page = integer_of(query.get("page")) or 1
    limit = min(integer_of(query.get("limit")) or LIMIT, MOST)
    pages = max(1, -(-len(rows) // limit))
    pagination = {
        "prev": f"/api2/{plural}?page={page - 1}" if page > 1 else None,
        "next": f"/api2/{plural}?page={page + 1}" if page < pages else None,
        "page": page,
        "page_count": pages,
        "total_results": len(rows),
    }
    return _good(rows[(page - 1) * limit : page * limit], pagination=pagination)


async def _object(request: Request, model: str | None = None) -> dict[str, Any]:
    """Return the body, or what it has under `model`; {} for what is no object."""
    try:
        body = await request.json()
    except ValueError:
        return {}
    found = body.get(model) if model and isinstance(body, dict) else body
    return found if isinstance(found, dict) else {}


def _objects(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _good(data: Any, **more: Any) -> Response:
    return JSONResponse({"code": OK, "result": "successful", "data": data, **more})


def _made(number: int) -> Response:
    return JSONResponse({"code": ACCEPTED, "result": "successful", "id": number}, ACCEPTED)


def _failed(status: int, message: str, errors: dict[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"result": "failed", "code": status, "message": message}
    if errors:
        body["validation_errors"] = errors
    return JSONResponse(body, status)
