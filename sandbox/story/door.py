"""Tells the past of a system's documents at `/sandbox/history`, in front of the system itself."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.pasts import Row


class Storied:
    """ASGI: answers for the past, and lets `app` answer everything else."""

    def __init__(self, app: ASGIApp, past: Sequence[Row]) -> None:
        self._app = app
        self._past = past

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != "/sandbox/history":
            await self._app(scope, receive, send)
            return
        base = str(Request(scope).base_url).rstrip("/")
        rows = [{**row, "source_url": f"{base}{row['source_path']}"} for row in self._past]
        await JSONResponse({"rows": rows})(scope, receive, send)
