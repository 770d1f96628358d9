"""A workspace like Slack: Web API, Socket Mode, a driver for scripts, and a page for people."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.workspace.cast import TEAM
from sandbox.workspace.driver import Driver, refused
from sandbox.workspace.line import Line
from sandbox.workspace.pressing import Unclear
from sandbox.workspace.state import State
from sandbox.workspace.web_api import WebApi, respond

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - of the sandbox only
APP_TOKEN = "xapp-sandbox"  # noqa: S105 - same
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - same
PAGE = Path(__file__).parent / "page"
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


class Guarded:
    """ASGI: learns where the workspace is served, and puts the page's policy on what it serves."""

    def __init__(self, app: ASGIApp, driver: Driver) -> None:
        self._app = app
        self._driver = driver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._driver.base_url:
            self._driver.base_url = f"http://{scope['server'][0]}:{scope['server'][1]}"

        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self._app(scope, receive, with_policy)


def create(
    links: Sequence[dict[str, str]] = (),
    events_url: str | None = None,
    switches: Mapping[str, Callable[[], None]] | None = None,
) -> ASGIApp:
    """Return the workspace as an ASGI app; `links` (title, url) lead to the other systems.

    `switches` end the tokens of a system, by its name.
    """
    state = State(TEAM)
    line = Line(state, SIGNING_SECRET, events_url)
    driver = Driver(state, line, switches or {})
    api = WebApi(state, line, (BOT_TOKEN, APP_TOKEN))

    async def answer(request: Request) -> Response:
        return await respond(state, request)

    async def systems(request: Request) -> Response:
        del request
        return JSONResponse({"links": list(links)})

    routes = [
        Route("/api/{method}", api.serve, methods=["POST", "GET"]),
        Route("/response/{name}", answer, methods=["POST"]),
        WebSocketRoute("/link", line.serve),
        *driver.routes(),
        Route("/page/systems", systems),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    return Guarded(Starlette(routes=routes, exception_handlers={Unclear: refused}), driver)
