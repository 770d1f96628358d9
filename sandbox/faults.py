"""Faults by script, for every stand-in alike: what a real system does on a bad day.

`POST /sandbox/faults` takes a list of
`{"method": "POST", "path": "/api2/invoices", "fault": "drop_after", "times": 1, "skip": 0}`; `path`
is a regular expression from the start, `query` one that the query holds somewhere, escapes undone.
Further fields by fault: `status`, `seconds`, `retry_after`.
"""

import asyncio
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.serving import drop

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
AFTER = frozenset({"drop_after", "status_after", "half_json", "missing_id"})
KINDS = AFTER | {
    "drop_before",
    "status",
    "html_200",
    "html_502",
    "empty_204",
    "wrong_type",
    "token_expired",
    "hang",
}


@dataclass(slots=True)
class Fault:
    """One fault: for the `times` requests after the first `skip` that match."""

    method: str
    path: str
    fault: str
    times: int = 1
    skip: int = 0
    status: int = 500
    seconds: float = 1.0
    retry_after: str | None = None
    query: str = ""

    def matches(self, method: str, path: str, query: str) -> bool:
        """Return whether a request is meant."""
        is_here = re.match(self.path, path) and re.search(self.query, query)
        return self.method in {"*", method} and is_here is not None


@dataclass
class Faults:
    """The faults that wait for their request."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **given: Any) -> None:
        """Let a fault wait. Raises ValueError for one that we do not know."""
        if given.get("fault") not in KINDS:
            raise ValueError(f"unknown fault {given.get('fault')!r}; known: {sorted(KINDS)}")
        fault = Fault(**given)
        for pattern in (fault.path, fault.query):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r}: {error}") from None
        with self.lock:
            self.waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self.lock:
            self.waiting.clear()

    def take(self, method: str, path: str, query: str = "") -> Fault | None:
        """Return the fault of this request, used up once."""
        with self.lock:
            for fault in self.waiting:
                if not fault.matches(method, path, query):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
                return fault
        return None


class Faulty:
    """ASGI: lets `faults` happen to the requests of `app`; `expired` answers an expired token."""

    def __init__(self, app: ASGIApp, faults: Faults, expired: Callable[[], Response]) -> None:
        self._app = app
        self._faults = faults
        self._expired = expired

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, with its fault if it has one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] == "/sandbox/faults":
            await (await self._script(Request(scope, receive)))(scope, receive, send)
            return
        query = unquote_plus(scope.get("query_string", b"").decode("latin-1"))
        fault = self._faults.take(scope["method"], scope["path"], query)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.fault in AFTER:
            await self._happen_after(fault, scope, receive, send)
        else:
            await self._happen_before(fault, scope, receive, send)

    async def _script(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.clear()
        elif request.method == "POST":
            given = await request.json()
            try:
                for one in given if isinstance(given, list) else [given]:
                    self._faults.add(**one)
            except (TypeError, ValueError) as error:
                return JSONResponse({"ok": False, "error": str(error)}, 400)
        return JSONResponse({"ok": True, "waiting": len(self._faults.waiting)})

    async def _happen_before(
        self, fault: Fault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if fault.fault == "drop_before":
            await drop(scope)
        elif fault.fault == "hang":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        else:
            await self._instead(fault)(scope, receive, send)

    def _instead(self, fault: Fault) -> Response:
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        match fault.fault:
            case "token_expired":
                return self._expired()
            case "html_200":
                return Response(HTML, 200, media_type="text/html")
            case "html_502":
                return Response(HTML, 502, media_type="text/html")
            case "empty_204":
                return Response(status_code=204)
            case "wrong_type":
                return JSONResponse(["not", "an", "object"])
            case _:
                return JSONResponse({"message": "sandbox fault"}, fault.status, headers)

    async def _happen_after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app do its work, then lose or spoil the answer."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in kept)
        if fault.fault == "drop_after":
            await drop(scope)
        elif fault.fault == "status_after":
            await Response(HTML, fault.status, media_type="text/html")(scope, receive, send)
        elif fault.fault == "half_json":
            spoilt = body[: len(body) // 2]
            await Response(spoilt, 200, media_type="application/json")(scope, receive, send)
        else:
            data = {name: value for name, value in json.loads(body).items() if name != "id"}
            await JSONResponse(data, kept[0]["status"])(scope, receive, send)
