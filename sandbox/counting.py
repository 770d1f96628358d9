"""Counts what programs ask of a stand-in, by method and path, so that tests can bound it."""

import re
from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/sandbox/requests"


class Counting:
    """ASGI: counts the requests below `prefix` (left out of the names) and below `others`.

    `GET /sandbox/requests` answers `{"total": 1, "by": {"GET /orders/{id}": 1}}`, DELETE resets.
    """

    def __init__(self, app: ASGIApp, prefix: str, others: tuple[str, ...] = ()) -> None:
        self._app = app
        self._prefix = prefix
        self._others = others
        self._counted: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and count it."""
        if scope["type"] != "http" or not scope["path"].startswith((self._prefix, *self._others)):
            if scope.get("path") == PATH:
                await self._answer(Request(scope, receive))(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._counted[f"{scope['method']} {self._pattern(scope)}"] += 1

    def _answer(self, request: Request) -> JSONResponse:
        if request.method == "DELETE":
            self._counted.clear()
        return JSONResponse({"total": self._counted.total(), "by": dict(self._counted)})

    def _pattern(self, scope: Scope) -> str:
        """Return the path with names for what varies: as its route says, numbers in any case."""
        path = str(scope["path"]).removeprefix(self._prefix).removesuffix(".json")
        for name, value in scope.get("path_params", {}).items():
            path = path.replace(f"/{value}", f"/{{{name}}}")
        return re.sub(r"/\d+(?=/|$)", "/{id}", path)
