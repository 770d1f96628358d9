"""Where the systems' webhooks arrive: verified on the raw bytes, stored, and only then answered.

No system is asked anything here, so the answer comes within the seconds that each allows. What is
not proven is answered 401 and leaves nothing but a line in the log.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sync.clock import Clock
from sync.connectors.webhooks import READERS, Delivery, Forged, Hint, Unreadable
from sync.records import Connection
from sync.store import NoKey, Store, Unavailable

BODY_CAP = 1024 * 1024
SECRETS_KEPT_SECONDS = 60.0
OK, BAD, UNPROVEN, UNKNOWN, TOO_LARGE, AWAY = 200, 400, 401, 404, 413, 503
NAMED = ("salla", "daftra")
"""Systems whose webhooks name our connection in their address; the others' belong to the app."""

log = structlog.get_logger(__name__)


def webhook_routes(
    store: Store, clock: Clock, public_url: str, ring: Callable[[], None]
) -> list[Route]:
    """Return where webhooks arrive; `ring` is called once something new is stored."""
    inbox = Inbox(store, clock, public_url, ring)
    return [
        Route(
            f"/webhooks/{system}/{{connection}}" if system in NAMED else f"/webhooks/{system}",
            inbox.take(system),
            methods=["POST"],
        )
        for system in READERS
    ]


class Inbox:
    """Takes deliveries of all systems."""

    def __init__(
        self, store: Store, clock: Clock, public_url: str, ring: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._ring = ring
        self._secrets: dict[str, tuple[float, tuple[str, ...]]] = {}

    def take(self, system: str) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of one system."""

        async def serve(request: Request) -> Response:
            try:
                body = await _read(request)
            except ClientDisconnect:
                return PlainTextResponse("the body broke off", BAD)
            if body is None:
                return PlainTextResponse("too large", TOO_LARGE)
            delivery = self._delivery(request, body)
            name = request.path_params.get("connection")
            return await run_in_threadpool(self._answer, system, name, delivery)

        return serve

    def _delivery(self, request: Request, body: bytes) -> Delivery:
        query = f"?{request.url.query}" if request.url.query else ""
        return Delivery(
            request.method,
            f"{self._public_url}{request.url.path}{query}",
            {name.lower(): value for name, value in request.headers.items()},
            dict(request.query_params),
            body,
        )

    def _answer(self, system: str, name: str | None, delivery: Delivery) -> Response:
        try:
            connections = [
                one
                for one in self._store.connections.all()
                if one.system == system and name in {None, one.name}
            ]
            if name is not None and not connections:
                return self._refused(system, name, "no such connection", UNKNOWN)
            if name is not None:
                delivery = replace(delivery, account=connections[0].account)
            secrets = self._secrets_of(connections)
            if not secrets:
                return self._refused(system, name, "no webhook secret is stored", UNPROVEN)
            hints = READERS[system](delivery, secrets, self._clock.now())
            return self._kept(system, connections, hints)
        except Forged as forged:
            return self._refused(system, name, str(forged), UNPROVEN)
        except Unreadable as odd:
            return self._refused(system, name, str(odd), BAD)
        except Unavailable as error:
            log.warning("webhook not stored", system=system, reason=str(error))
            return PlainTextResponse("try again later", AWAY)

    def _kept(
        self, system: str, connections: Sequence[Connection], hints: Sequence[Hint]
    ) -> Response:
        """Store what is about accounts of ours; others in the same delivery are only logged."""
        accounts = {one.account for one in connections}
        ours = [one for one in hints if one.account in accounts]
        for stranger in {one.account for one in hints} - accounts:
            log.warning("webhook of an unknown account", system=system, account=stranger)
        if ours and self._store.hints.keep(ours, self._clock.now()):
            self._ring()
        return PlainTextResponse("ok", OK)

    def _refused(self, system: str, name: str | None, reason: str, status: int) -> Response:
        log.warning("webhook refused", system=system, connection=name, reason=reason)
        return PlainTextResponse(reason, status)

    def _secrets_of(self, connections: Sequence[Connection]) -> list[str]:
        """Return the secrets that may have signed: each connection's own, or its app's."""
        found: list[str] = []
        for one in connections:
            kept = self._secrets.get(one.name)
            if kept is None or time.monotonic() - kept[0] > SECRETS_KEPT_SECONDS:
                kept = time.monotonic(), self._read(one)
                self._secrets[one.name] = kept
            found += kept[1]
        return found

    def _read(self, connection: Connection) -> tuple[str, ...]:
        try:
            secret, _version = self._store.connections.secret_of(connection.name)
        except NoKey:
            return ()
        signs = secret.get("webhook_secret")
        if not signs and connection.system == "hubspot":
            signs = secret.get("client_secret")  # HubSpot signs with the app's own secret
        return (signs,) if signs else ()


async def _read(request: Request) -> bytes | None:
    """Return the body, None for one that is too large. Raises ClientDisconnect."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_CAP:
            return None
    return bytes(body)
