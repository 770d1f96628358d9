"""The HTTP surface: Slack's payloads behind the guard, `/healthz` and `/readyz`.

In Socket Mode `/slack/events` does not exist: nothing unsigned ever becomes a payload.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.guard import Guard
from sync.store import SAYS, Unavailable

log = structlog.get_logger(__name__)

Site = Starlette

BACKLOG = 256
"""A short queue of new connections turns parallel clicks into second clicks."""

Check = Callable[[], str | None]
"""Returns what is wrong, or None where all is well."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the process: `vital` where only a new process can mend it."""

    check: Check
    vital: bool = False


class Pulse:
    """Whether the database takes writes, as a real write at each `beat` finds."""

    def __init__(self, ping: Callable[[], None], most_seconds: float) -> None:
        self._ping = ping
        self._most = most_seconds
        self._taken_at = time.monotonic()
        self._wrong: str | None = None

    def beat(self) -> None:
        """Write. Raises Unavailable."""
        try:
            self._ping()
        except Unavailable as error:
            self._wrong = ". ".join(SAYS[error.trouble])  # without the path: anybody may ask
            raise
        self._wrong, self._taken_at = None, time.monotonic()

    def wrong(self) -> str | None:
        """Return what is wrong and what to do about it, or that no beat has come through."""
        return self._wrong or fresh(lambda: time.monotonic() - self._taken_at, self._most)()


class Health:
    """What each part says of itself."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts

    async def live(self, _request: Request) -> Response:
        """200 while the process is worth keeping: its vital parts tick."""
        found = await run_in_threadpool(self._checked)
        sick = [name for name, part in self._parts.items() if part.vital and found[name] != "ok"]
        return _told(found, well=not sick)

    async def ready(self, _request: Request) -> Response:
        """200 while payloads can be taken: every part is well."""
        found = await run_in_threadpool(self._checked)
        return _told(found, well=all(state == "ok" for state in found.values()))

    def _checked(self) -> dict[str, str]:
        return {name: part.check() or "ok" for name, part in self._parts.items()}


def _told(found: Mapping[str, str], *, well: bool) -> Response:
    body = {"status": "ok" if well else "failing", "parts": dict(found)}
    return JSONResponse(body, 200 if well else 503)


def fresh(age_seconds: Callable[[], float], most: float) -> Check:
    """Return a check that something happened within the last `most` seconds."""

    def check() -> str | None:
        age = age_seconds()
        return None if age <= most else f"silent for {age:.0f} s"

    return check


def site(health: Health, events: Guard | None = None, more: Sequence[Route] = ()) -> Starlette:
    """Return the ASGI app; `events` only where Slack's payloads come by HTTP.

    `more` are the pages of consents and the endpoints of webhooks.
    """
    routes = [
        Route("/healthz", health.live, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
    ]
    if events:
        routes.append(Route("/slack/events", events, methods=["POST"]))
    return Starlette(routes=[*routes, *more], exception_handlers={Unavailable: _away})


async def _away(request: Request, error: Exception) -> Response:
    """Answer 503: whoever sent this sends it again, or presses again."""
    log.warning("web.not_stored", path=request.url.path, reason=str(error))
    words = "invsync cannot store this just now. Nothing was kept; try again in a minute."
    return PlainTextResponse(words, 503, {"Retry-After": "60"})


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises OSError where it cannot."""
    return socket.create_server((host, port), backlog=BACKLOG)


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket listens on."""
    return int(listener.getsockname()[1])


class WebServer:
    """Serves a site in a thread, on a socket that listens already."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        self._socket = listener
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, backlog=BACKLOG, lifespan="off")
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="web", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return port_of(self._socket)

    def start(self) -> None:
        """Begin to serve; connections wait in the backlog until it does."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what has begun, and end."""
        self._server.should_exit = True
        self._thread.join(5.0)
        self._socket.close()
