"""The Accounting API of one or several companies, with its OAuth addresses and webhooks."""

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.counting import Counting
from sandbox.faults import Faults, Faulty
from sandbox.oauth import Authority
from sandbox.quickbooks.access import CLIENT_ID, CLIENT_SECRET, Access
from sandbox.quickbooks.company import ENTITIES, TRANSACTIONS, Company, Fault, stamp
from sandbox.quickbooks.hooks import VERIFIER, Hooks
from sandbox.quickbooks.pages import Pages
from sandbox.quickbooks.query import run

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "VERIFIER", "create"]
PREFIX = "/v3/company"
PER_MINUTE, PER_SECOND, BATCHES_A_MINUTE = 500, 10, 40
MOST_IN_A_BATCH, MOST_CHANGES = 30, 1000
REACH = timedelta(days=30)
BY_PATH = {entity.lower(): entity for entity in ENTITIES}
THROTTLED = Fault("3001", "ThrottleExceeded", status=429, kind="SERVICE")

Handler = Callable[[Company, Request, bytes], dict[str, Any]]


def create(
    companies: Company | Sequence[Company],
    faults: Faults | None = None,
    links: list[dict[str, str]] | None = None,
    authority: Authority | None = None,
) -> ASGIApp:
    """Return the companies as one ASGI app; the static token opens the first."""
    all_ = [companies] if isinstance(companies, Company) else list(companies)
    waiting = faults or Faults()
    access = Access(all_, authority)
    hooks = Hooks(all_)
    api = Api(all_, access)
    pages = Pages(all_[0], waiting, links if links is not None else [])
    base = f"{PREFIX}/{{realm}}"
    routes = [
        Route(f"{base}/query", api.guarded(api.query), methods=["GET", "POST"]),
        Route(f"{base}/cdc", api.guarded(api.changes)),
        Route(f"{base}/batch", api.guarded(api.batch), methods=["POST"]),
        Route(f"{base}/preferences", api.guarded(api.preferences)),
        Route(f"{base}/companyinfo/{{id}}", api.guarded(api.info)),
        Route(f"{base}/{{entity}}", api.guarded(api.write), methods=["POST"]),
        Route(f"{base}/{{entity}}/{{id}}", api.guarded(api.read)),
        Route("/sandbox/ledger", api.ledger),
        Route("/sandbox/company", api.turn, methods=["POST"]),
        Route("/sandbox/webhooks", hooks.knob, methods=["GET", "POST"]),
        *access.routes(),
        *pages.routes(),
    ]
    counted = Counting(Starlette(routes=routes), f"{PREFIX}/{all_[0].realm}", ("/oauth2",))
    return Faulty(counted, waiting, access.expired)


class Api:
    """What programs ask of the books."""

    def __init__(self, companies: Sequence[Company], access: Access) -> None:
        self._companies = {one.realm: one for one in companies}
        self._access = access
        self._taken: dict[str, deque[float]] = {}
        self._oddities: list[dict[str, Any]] = []

    def guarded(self, handler: Handler) -> Callable[[Request], Any]:
        """Wrap a handler: rights, limits, faults with their bodies, a trace id on each answer."""

        async def serve(request: Request) -> Response:
            body = await request.body()
            response = await asyncio.to_thread(self._answer, handler, request, body)
            response.headers["intuit_tid"] = f"1-{uuid.uuid4().hex[:24]}"
            return response

        return serve

    def _answer(self, handler: Handler, request: Request, body: bytes) -> Response:
        refused = self._access.refusal(request)
        if refused:
            return refused
        company = self._companies[request.path_params["realm"]]
        try:
            self._pace(company, request)
            odd = self._odd(request)
            if odd is not None:
                return odd
            with company.lock:
                return JSONResponse(handler(company, request, body))
        except Fault as fault:
            return JSONResponse(fault.body, fault.status)
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse(Fault("2010", "Request has invalid property", str(error)).body, 400)

    def _pace(self, company: Company, request: Request) -> None:
        if not company.limited:
            return
        now = time.monotonic()
        taken = self._taken.setdefault(company.realm, deque())
        while taken and taken[0] < now - 60:
            taken.popleft()
        is_full = len(taken) >= PER_MINUTE
        if is_full or sum(one > now - 1 for one in taken) >= PER_SECOND:
            raise THROTTLED
        batches = self._taken.setdefault(f"{company.realm} batch", deque())
        if request.url.path.endswith("/batch"):
            while batches and batches[0] < now - 60:
                batches.popleft()
            if len(batches) >= BATCHES_A_MINUTE:
                raise THROTTLED
            batches.append(now)
        taken.append(now)

    def _odd(self, request: Request) -> Response | None:
        """Return the next odd answer that a script asked for, where it means this request."""
        for odd in self._oddities:
            if odd["method"] == request.method and request.url.path.endswith(odd["path"]):
                odd["times"] = odd.get("times", 1) - 1
                if odd["times"] <= 0:
                    self._oddities.remove(odd)
                kind = odd.get("type", "application/json")
                return Response(odd["body"], odd.get("status", 200), media_type=kind)
        return None

    # --- the API's addresses -------------------------------------------------------------------

    def query(self, company: Company, request: Request, body: bytes) -> dict[str, Any]:
        text = request.query_params.get("query") or body.decode()
        return {"QueryResponse": run(company, text), "time": stamp()}

    def read(self, company: Company, request: Request, _body: bytes) -> dict[str, Any]:
        entity = self._entity(request)
        return {entity: company.get(entity, request.path_params["id"]), "time": stamp()}

    def write(self, company: Company, request: Request, body: bytes) -> dict[str, Any]:
        entity, given = self._entity(request), json.loads(body)
        operation = request.query_params.get("operation")
        if operation in {"void", "delete"}:
            known = company.get(entity, str(given["Id"]))
            if known["SyncToken"] != str(given.get("SyncToken")):
                raise Fault("5010", "Stale Object Error")
            if operation == "void":
                return {entity: company.void(known["Id"]), "time": stamp()}
            company.delete(entity, known["Id"])
            gone = {"Id": known["Id"], "status": "Deleted", "domain": "QBO"}
            return {entity: gone, "time": stamp()}
        saved = company.save(entity, given, request.query_params.get("requestid"))
        return {entity: saved, "time": stamp()}

    def changes(self, company: Company, request: Request, _body: bytes) -> dict[str, Any]:
        since = datetime.fromisoformat(request.query_params["changedSince"])
        if datetime.now(UTC) - since > REACH:
            raise Fault("4001", "Invalid query", "changedSince lies more than 30 days back")
        found = []
        for entity in request.query_params["entities"].split(","):
            rows = [
                *company.rows[entity].values(),
                *(one for one in company.deleted if one["entity"] == entity),
            ]
            changed = [row for row in rows if _updated(row) >= since][:MOST_CHANGES]
            shown = [{k: v for k, v in row.items() if k != "entity"} for row in changed]
            page = {entity: shown, "startPosition": 1, "maxResults": len(shown)}
            found.append(page if shown else {})
        return {"CDCResponse": [{"QueryResponse": found}], "time": stamp()}

    def batch(self, company: Company, request: Request, body: bytes) -> dict[str, Any]:
        items = json.loads(body)["BatchItemRequest"]
        if len(items) > MOST_IN_A_BATCH:
            raise Fault("2010", "The maximum number of batch items is 30")
        base = request.query_params.get("requestid")
        return {
            "BatchItemResponse": [self._batched(company, one, base) for one in items],
            "time": stamp(),
        }

    def _batched(self, company: Company, item: dict[str, Any], base: str | None) -> dict[str, Any]:
        number = item["bId"]
        try:
            if "Query" in item:
                return {"bId": number, "QueryResponse": run(company, item["Query"])}
            entity = next(one for one in ENTITIES if one in item)
            request_id = f"{base}{number}" if base else None
            return {"bId": number, entity: company.save(entity, item[entity], request_id)}
        except Fault as fault:
            return {"bId": number, "Fault": fault.body["Fault"]}

    def info(self, company: Company, request: Request, _body: bytes) -> dict[str, Any]:
        del request
        shown = {
            "Id": "1",
            "CompanyName": company.name,
            "LegalName": company.name,
            "Country": company.country,
            "domain": "QBO",
            "sparse": False,
            "SyncToken": "0",
        }
        return {"CompanyInfo": shown, "time": stamp()}

    def preferences(self, company: Company, request: Request, _body: bytes) -> dict[str, Any]:
        del request
        books: dict[str, Any] = {"CustomerTerminology": "Customers"}
        if company.closed_before:
            books["BookCloseDate"] = company.closed_before
        shown = {
            "SalesFormsPrefs": {
                "CustomTxnNumbers": company.custom_numbers,
                "AllowShipping": company.allows_shipping,
                "AllowDiscount": company.allows_discount,
            },
            "AccountingInfoPrefs": books,
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": True,
                "HomeCurrency": {"value": company.currency},
            },
            "TaxPrefs": {"UsingSalesTax": True},
            "Id": "1",
            "SyncToken": "0",
            "domain": "QBO",
            "sparse": False,
        }
        return {"Preferences": shown, "time": stamp()}

    def _entity(self, request: Request) -> str:
        given = request.path_params["entity"].lower()
        if given not in BY_PATH:
            raise Fault("2010", f"There is no resource {given}", status=404)
        return BY_PATH[given]

    # --- for tests -----------------------------------------------------------------------------

    async def ledger(self, _request: Request) -> Response:
        """Tell every transaction that was really created over the API, by company."""
        creates = [
            {"realm": realm, **one}
            for realm, company in self._companies.items()
            for one in company.creates
        ]
        counts = {
            entity: sum(len(one.rows[entity]) for one in self._companies.values())
            for entity in TRANSACTIONS
        }
        return JSONResponse({"creates": creates, "counts": counts})

    async def turn(self, request: Request) -> Response:
        """Turn the first company's switches, or let an odd answer wait (`odd`)."""
        given = await request.json()
        company = next(iter(self._companies.values()))
        if "odd" in given:
            self._oddities.append(given.pop("odd"))
        for name, value in given.items():
            setattr(company, name, value)
        return JSONResponse({"ok": True})


def _updated(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"])
