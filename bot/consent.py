"""The pages that lead an admin's browser to a connection: `/oauth/{system}/start`, `.../callback`.

The way itself, with its checks, is in `sync/consents.py`. Nothing secret stands in a page or a log;
nothing is kept by the browser, and no page can be framed or followed by its referrer.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.apps import LOOPBACK
from bot.render import Pages
from sync.consents import Connected, Consents, Stop, Stopped
from sync.systems import TITLES, title_of

COOKIE = "invsync_consent"
COOKIE_SECONDS = 600
FORM_CAP = 16 * 1024
OK, REFUSED, NOT_FOUND = 200, 400, 404
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
}

log = structlog.get_logger(__name__)


class ConsentPages:
    """Serves the way; `connected` hears of every connection that came of it."""

    def __init__(
        self, consents: Consents, connected: Callable[[Connected], None], *, secure: bool
    ) -> None:
        self._consents = consents
        self._connected = connected
        self._secure = secure
        self._pages = Pages()

    def routes(self) -> list[Route]:
        """Return where it listens."""
        return [
            Route("/oauth/{system}/start", self.start, methods=["GET", "POST"]),
            Route("/oauth/{system}/callback", self.callback, methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        """Send the browser to the consent page; for an API key, show and take a form."""
        system = request.path_params["system"]
        if system not in TITLES:
            return HTMLResponse("There is no such system.", NOT_FOUND, HEADERS)
        if request.method == "POST":
            form = await _form(request)
            return await run_in_threadpool(self._give_key, system, form)
        ticket = request.query_params.get("ticket", "")
        return await run_in_threadpool(self._start, system, ticket)

    async def callback(self, request: Request) -> Response:
        """Take the browser back from the consent page."""
        system = request.path_params["system"]
        if system not in TITLES:
            return HTMLResponse("There is no such system.", NOT_FOUND, HEADERS)
        query = dict(request.query_params)
        cookie = request.cookies.get(COOKIE, "")
        return await run_in_threadpool(self._finish, system, query, cookie)

    def _start(self, system: str, ticket: str) -> Response:
        try:
            if system == "daftra":
                return self._form(system, ticket)
            begun = self._consents.begin(system, ticket)
        except Stopped as stopped:
            return self._stopped(stopped)
        response = RedirectResponse(begun.url, 303, HEADERS)
        response.set_cookie(
            COOKIE,
            begun.cookie,
            max_age=COOKIE_SECONDS,
            path=f"/oauth/{system}",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def _finish(self, system: str, query: Mapping[str, str], cookie: str) -> Response:
        try:
            done = self._consents.finish(system, query, cookie)
        except Stopped as stopped:
            return self._stopped(stopped)
        response = self._done(system, done)
        response.delete_cookie(COOKIE, path=f"/oauth/{system}")
        return response

    def _give_key(self, system: str, form: Mapping[str, str]) -> Response:
        ticket, base_url = form.get("ticket", ""), form.get("base_url", "").strip().rstrip("/")
        if not _is_address(base_url):
            return self._form(system, ticket, "The address begins with https://", base_url)
        try:
            done = self._consents.give_key(system, ticket, base_url, form.get("key", "").strip())
        except Stopped as stopped:
            if stopped.stop in {Stop.REFUSED, Stop.NOT_REACHED, Stop.NO_SCOPE}:
                return self._form(system, ticket, stopped.detail, base_url)
            return self._stopped(stopped)
        return self._done(system, done)

    def _form(self, system: str, ticket: str, detail: str = "", base_url: str = "") -> Response:
        try:
            consent = self._consents.peek(system, ticket)
        except Stopped as stopped:
            return self._stopped(stopped)
        model = {"title": title_of(system), "consent": consent, "ticket": ticket}
        page = self._pages.show("key", **model, detail=detail, base_url=base_url)
        # the form may send to us alone
        policy = f"{HEADERS['Content-Security-Policy']}; form-action 'self'"
        headers = {**HEADERS, "Content-Security-Policy": policy}
        return HTMLResponse(page, REFUSED if detail else OK, headers)

    def _done(self, system: str, done: Connected) -> Response:
        log.info("connected", system=system, connection=done.connection.name, by=done.by.id)
        self._connected(done)
        page = self._pages.show("connected", title=title_of(system), done=done)
        return HTMLResponse(page, OK, HEADERS)

    def _stopped(self, stopped: Stopped) -> Response:
        log.warning("not connected", system=stopped.system, stop=stopped.stop.value)
        page = self._pages.show(
            "stopped",
            title=title_of(stopped.system),
            system=stopped.system,
            stop=stopped.stop.value,
            detail=stopped.detail,
        )
        return HTMLResponse(page, REFUSED, HEADERS)


async def _form(request: Request) -> dict[str, str]:
    """Return a small urlencoded form; what is larger or of another kind is empty."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_CAP:
            return {}
    return dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in LOOPBACK)
