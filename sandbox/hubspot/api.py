"""The CRM API below both prefixes, `v3`/`v4` and `2026-03`, with OAuth addresses and webhooks."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.counting import Counting
from sandbox.faults import Faults, Faulty
from sandbox.hubspot.access import Access
from sandbox.hubspot.hooks import Hooks
from sandbox.hubspot.limits import Limits
from sandbox.hubspot.pages import PAGES, Pages
from sandbox.hubspot.portal import PORTAL, TYPE_IDS, USUAL, Portal, Refused, Thing
from sandbox.hubspot.search import run
from sandbox.oauth import Authority

OBJECTS = ("/crm/v3/objects", "/crm/objects/2026-03")
LINKS = ("/crm/v4/objects", "/crm/objects/2026-03")
BATCH_LINKS = ("/crm/v4/associations", "/crm/associations/2026-03")
DECLARED = ("/crm/v3/properties", "/crm/properties/2026-03")
TAXES = ("/tax-rates/v1/tax-rates", "/tax-rates/2026-03/tax-rates")
MOST_IN_A_BATCH = 100
CREATED, NO_CONTENT, SOME_FAILED = 201, 204, 207

Body = dict[str, Any]
Handler = Callable[[Request, Body], Any]


def create(
    portal: Portal,
    faults: Faults | None = None,
    links: list[dict[str, str]] | None = None,
    authority: Authority | None = None,
) -> ASGIApp:
    """Return the account as an ASGI app; `links` lead to the other stand-ins' pages."""
    waiting = faults or Faults()
    access = Access(portal, authority)
    hooks = Hooks(portal)
    api = Api(portal, access)
    pages = Pages(portal, waiting, links if links is not None else [])
    routes = [
        *api.routes(),
        Route("/sandbox/ledger", api.ledger),
        Route("/sandbox/webhooks", hooks.knob, methods=["GET", "POST"]),
        *access.routes(),
        *pages.routes(),
    ]
    counted = Counting(Starlette(routes=routes), "/crm", ("/account-info", "/tax-rates"))
    return Faulty(counted, waiting, access.expired)


class Api:
    """What programs ask of the account."""

    def __init__(self, portal: Portal, access: Access) -> None:
        self._portal = portal
        self._access = access
        self._limits = Limits(portal)

    def routes(self) -> list[Route]:
        """Return the API's addresses, the longest first."""
        found = [Route("/account-info/v3/details", self.guarded(self.account))]
        found += [Route(f"{base}/{{rate}}", self.guarded(self.tax_rate)) for base in TAXES]
        for base in BATCH_LINKS:
            path = f"{base}/{{kind}}/{{other}}/batch/associate/default"
            found.append(Route(path, self.guarded(self.link_many), methods=["POST"]))
            found.append(Route(f"{base}/{{kind}}/{{other}}/labels", self.guarded(self.labels)))
        for base in LINKS:
            path = f"{base}/{{kind}}/{{id}}/associations"
            one = f"{path}/{{other}}/{{to}}"
            default = f"{path}/default/{{other}}/{{to}}"
            found.append(Route(default, self.guarded(self.link), methods=["PUT"]))
            found.append(Route(one, self.guarded(self.link), methods=["PUT"]))
            found.append(Route(one, self.guarded(self.unlink), methods=["DELETE"]))
        for base in DECLARED:
            found.append(Route(f"{base}/{{kind}}", self.guarded(self.declare), methods=["POST"]))
            found.append(Route(f"{base}/{{kind}}", self.guarded(self.declared)))
            found.append(Route(f"{base}/{{kind}}/{{name}}", self.guarded(self.declared)))
            drop = self.guarded(self.undeclare)
            found.append(Route(f"{base}/{{kind}}/{{name}}", drop, methods=["DELETE"]))
        for base in OBJECTS:
            found += self._objects(f"{base}/{{kind}}")
        return found

    def _objects(self, base: str) -> list[Route]:
        posts = {
            "search": self.search,
            "batch/read": self.read_many,
            "batch/create": self.create_many,
            "batch/update": self.update_many,
            "batch/upsert": self.upsert_many,
        }
        found = [
            Route(f"{base}/{path}", self.guarded(handler), methods=["POST"])
            for path, handler in posts.items()
        ]
        return [
            *found,
            Route(base, self.guarded(self.create), methods=["POST"]),
            Route(base, self.guarded(self.list)),
            Route(f"{base}/{{id}}", self.guarded(self.read)),
            Route(f"{base}/{{id}}", self.guarded(self.change), methods=["PATCH"]),
            Route(f"{base}/{{id}}", self.guarded(self.archive), methods=["DELETE"]),
        ]

    def guarded(self, handler: Handler) -> Callable[[Request], Any]:
        """Wrap a handler: rights, limits with their headers, refusals with their bodies."""

        async def serve(request: Request) -> Response:
            raw = await request.body()
            return await asyncio.to_thread(self._answer, handler, request, raw)

        return serve

    def _answer(self, handler: Handler, request: Request, raw: bytes) -> Response:
        refused = self._access.refusal(request)
        if refused:
            return refused
        try:
            self._limits.take(request.url.path)
            _check_kind(request.path_params.get("kind"))
            body = json.loads(raw) if raw else {}
            with self._portal.lock:
                answer = handler(request, body)
        except Refused as refused_:
            return JSONResponse(refused_.body, refused_.status)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            wrong = Refused(400, "VALIDATION_ERROR", f"Invalid input JSON: {error}")
            return JSONResponse(wrong.body, wrong.status)
        response = answer if isinstance(answer, Response) else JSONResponse(answer)
        response.headers.update(self._limits.headers())
        return response

    # --- one object ----------------------------------------------------------------------------

    def account(self, request: Request, _body: Body) -> Any:
        return {
            "portalId": int(PORTAL),
            "accountType": "STANDARD",
            "companyCurrency": self._portal.currency,
            "timeZone": "US/Eastern",
            "uiDomain": request.url.netloc,
            "dataHostingLocation": "na1",
        }

    def tax_rate(self, request: Request, _body: Body) -> Any:
        number = request.path_params["rate"]
        rate = self._portal.tax_rates.get(number)
        if rate is None:
            raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
        name = f"Tax {rate} %"
        return {"id": number, "name": name, "percentageRate": float(rate), "active": True}

    def create(self, request: Request, body: Body) -> Any:
        kind = request.path_params["kind"]
        thing = self._portal.create(kind, body["properties"], by_app=True)
        for one in body.get("associations", []):
            type_id = one["types"][0]["associationTypeId"]
            other = {177: "contacts", 409: "line_items"}.get(type_id, "invoices")
            self._portal.associate(kind, thing.id, other, str(one["to"]["id"]))
        return JSONResponse(self._shape(request, kind, thing, body["properties"]), CREATED)

    def list(self, request: Request, _body: Body) -> Any:
        kind = request.path_params["kind"]
        things = [*self._portal.objects[kind].values()]
        limit, after = int(request.query_params.get("limit", 10)), _after(request)
        page = [self._asked(request, kind, one) for one in things[after : after + limit]]
        if after + limit < len(things):
            return {"results": page, "paging": {"next": {"after": str(after + limit)}}}
        return {"results": page}

    def read(self, request: Request, _body: Body) -> Any:
        kind, by = request.path_params["kind"], request.query_params.get("idProperty")
        if by and by not in self._portal.properties[kind]:
            raise Refused(400, "VALIDATION_ERROR", f"{by} is no property")
        return self._asked(request, kind, self._portal.get(kind, request.path_params["id"], by))

    def change(self, request: Request, body: Body) -> Any:
        kind, by = request.path_params["kind"], request.query_params.get("idProperty")
        known = self._portal.get(kind, request.path_params["id"], by)
        thing = self._portal.change(kind, known.id, body["properties"], by_app=True)
        return self._shape(request, kind, thing, body["properties"])

    def archive(self, request: Request, _body: Body) -> Any:
        self._portal.delete(request.path_params["kind"], request.path_params["id"])
        return Response(status_code=NO_CONTENT)

    def search(self, request: Request, body: Body) -> Any:
        kind = request.path_params["kind"]
        page, total, after = run(self._portal, kind, body)
        shown = [self._shape(request, kind, one, body.get("properties", [])) for one in page]
        answer: Body = {"total": total, "results": shown}
        if after:
            answer["paging"] = {"next": {"after": after}}
        return answer

    # --- many at once --------------------------------------------------------------------------

    def read_many(self, request: Request, body: Body) -> Any:
        kind, by = request.path_params["kind"], body.get("idProperty")

        def one(given: Body) -> Body:
            thing = self._portal.get(kind, str(given["id"]), by)
            return self._shape(request, kind, thing, body.get("properties", []))

        return self._many(body, one)

    def create_many(self, request: Request, body: Body) -> Any:
        kind = request.path_params["kind"]

        def one(given: Body) -> Body:
            thing = self._portal.create(kind, given["properties"], by_app=True)
            return self._shape(request, kind, thing, given["properties"])

        return self._many(body, one, CREATED)

    def update_many(self, request: Request, body: Body) -> Any:
        kind = request.path_params["kind"]

        def one(given: Body) -> Body:
            known = self._portal.get(kind, str(given["id"]), given.get("idProperty"))
            thing = self._portal.change(kind, known.id, given["properties"], by_app=True)
            return self._shape(request, kind, thing, given["properties"])

        return self._many(body, one)

    def upsert_many(self, request: Request, body: Body) -> Any:
        kind = request.path_params["kind"]

        def one(given: Body) -> Body:
            by, value = given["idProperty"], str(given["id"])
            thing, is_new = self._portal.upsert(kind, by, value, given["properties"])
            shape = self._shape(request, kind, thing, given["properties"])
            return {**shape, "new": is_new}

        return self._many(body, one)

    def _many(self, body: Body, one: Callable[[Body], Body], status: int = 200) -> Response:
        """Do each input; some failed: 207, with an error for each under its trace id."""
        inputs = body["inputs"]
        if len(inputs) > MOST_IN_A_BATCH:
            raise Refused(400, "VALIDATION_ERROR", "a batch holds up to 100 inputs")
        results, errors = [], []
        began = _iso(time.time())
        for given in inputs:
            trace = given.get("objectWriteTraceId")
            try:
                done = one(given)
            except Refused as refused:
                context = {**refused.body.get("context", {})}
                if trace is not None:
                    context["objectWriteTraceId"] = [trace]
                errors.append({**refused.body, "context": context})
                continue
            results.append({**done, "objectWriteTraceId": trace} if trace is not None else done)
        answer: Body = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": began,
            "completedAt": _iso(time.time()),
        }
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        return JSONResponse(answer, SOME_FAILED if errors else status)

    # --- associations and properties -----------------------------------------------------------

    def link(self, request: Request, _body: Any) -> Any:
        path = request.path_params
        self._portal.associate(path["kind"], path["id"], _kind(path["other"]), path["to"])
        return {"fromObjectId": path["id"], "toObjectId": path["to"], "labels": []}

    def link_many(self, request: Request, body: Body) -> Any:
        kind, other = request.path_params["kind"], _kind(request.path_params["other"])
        for one in body["inputs"]:
            self._portal.associate(kind, str(one["from"]["id"]), other, str(one["to"]["id"]))
        now = _iso(time.time())
        return {"status": "COMPLETE", "results": [], "startedAt": now, "completedAt": now}

    def unlink(self, request: Request, _body: Body) -> Any:
        path = request.path_params
        one, other = (path["kind"], path["id"]), (_kind(path["other"]), path["to"])
        self._portal.associations -= {(one, *other), (other, *one)}
        return Response(status_code=NO_CONTENT)

    def labels(self, request: Request, _body: Body) -> Any:
        type_id = {"contacts": 177, "line_items": 409}.get(request.path_params["other"], 1)
        kept = {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}
        return {"results": [kept]}

    def declare(self, request: Request, body: Body) -> Any:
        return JSONResponse(self._portal.declare(request.path_params["kind"], body), CREATED)

    def declared(self, request: Request, _body: Body) -> Any:
        known = self._portal.properties[request.path_params["kind"]]
        name = request.path_params.get("name")
        if name is None:
            return {"results": [*known.values()]}
        if name not in known:
            raise Refused(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")
        return known[name]

    def undeclare(self, request: Request, _body: Body) -> Any:
        del self._portal.properties[request.path_params["kind"]][request.path_params["name"]]
        return Response(status_code=NO_CONTENT)

    # --- shapes --------------------------------------------------------------------------------

    def _asked(self, request: Request, kind: str, thing: Thing) -> Body:
        names = request.query_params.get("properties", "").split(",")
        shape = self._shape(request, kind, thing, names)
        wanted = [one for one in request.query_params.get("associations", "").split(",") if one]
        told = {}
        for other in map(_kind, wanted):
            found = self._portal.linked(kind, thing.id, other)
            if found:
                named = f"{kind.removesuffix('s')}_to_{other.removesuffix('s')}"
                pairs = [{"id": one, "type": named} for one in found]
                told[other.replace("_", " ")] = {"results": pairs}
        return {**shape, "associations": told} if told else shape

    def _shape(self, request: Request, kind: str, thing: Thing, names: Iterable[str]) -> Body:
        """Return an object with the asked-for properties; unknown names are dropped."""
        known = self._portal.properties[kind]
        own: Mapping[str, str | None] = {
            **thing.properties,
            "hs_object_id": thing.id,
            "hs_createdate": _iso(thing.created),
            "hs_lastmodifieddate": _iso(thing.at),
        }
        asked = dict.fromkeys([*USUAL, *(name for name in names if name in known)])
        page = PAGES.get(kind)
        base = str(request.base_url).rstrip("/")
        return {
            "id": thing.id,
            "properties": {name: own.get(name) for name in asked},
            "createdAt": _iso(thing.created),
            "updatedAt": _iso(thing.at),
            "archived": False,
            **({"url": f"{base}{page}{thing.id}"} if page else {}),
        }

    async def ledger(self, _request: Request) -> Response:
        """Tell every invoice that the app created, and every credit that it wrote."""
        return JSONResponse({"creates": self._portal.creates})


def _kind(name: str) -> str:
    """Return a type by any of its names: invoice, line items, 0-53."""
    plain = name.replace(" ", "_")
    named = {type_id: kind for kind, type_id in TYPE_IDS.items()}
    found = named.get(plain, plain if plain in TYPE_IDS else f"{plain}s")
    if found not in TYPE_IDS:
        raise Refused(400, "VALIDATION_ERROR", f"Unable to infer object type from: {name}")
    return found


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in TYPE_IDS:
        raise Refused(404, "OBJECT_NOT_FOUND", f"Unable to infer object type from: {kind}")


def _after(request: Request) -> int:
    return int(request.query_params.get("after") or 0)


def _iso(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
