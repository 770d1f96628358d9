"""The only door to httpx: deadlines, what never left, and the record of every exchange.

A request has one total deadline, which spans the renewal of a token and the one repetition after
it. Connecting, waiting for the pool and writing get a share of what is left of it; the body is read
in chunks against it. Redirects are off. Only what was refused as an expired token is repeated.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from sync.clock import Clock
from sync.connectors.base import Credential, Pace
from sync.points import point
from sync.records import Exchange

CONNECTIONS = 10
BODY_CAP = 10 * 1024 * 1024
KEPT = 20_000
"""How many characters of a body stay in the record."""

SEARCH = "/search"
"""How the path of a search ends where searches are limited apart."""

REQUEST_IDS = ("intuit_tid", "x-hubspot-correlation-id", "x-request-id", "request-id")
"""Headers in which systems name an exchange, for their support."""

LONGEST_ID = 100
SECRET_NAMES = ("token", "password", "secret", "apikey", "api_key")

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_CORRELATION = re.compile(rb'"correlationId"\s*:\s*"([A-Za-z0-9_-]{1,100})"')
_tape: ContextVar[list[Exchange] | None] = ContextVar("tape", default=None)
_limit: ContextVar[float | None] = ContextVar("limit", default=None)


@contextmanager
def taping() -> Iterator[list[Exchange]]:
    """Give the list that fills with every exchange of this thread, until the block ends."""
    exchanges: list[Exchange] = []
    token = _tape.set(exchanges)
    try:
        yield exchanges
    finally:
        _tape.reset(token)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every request of this thread end `seconds` from now at the latest, in the block."""
    token = _limit.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _limit.reset(token)


@dataclass(frozen=True, slots=True)
class Answer:
    """A system's answer: status, headers in lower case, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 shows as replacement characters."""
        return self.body.decode("utf-8-sig", errors="replace")

    def data(self) -> Any:
        """Return the parsed body. Raises ValueError where it is no JSON."""
        return json.loads(self.text)


class Unsent(Exception):
    """The request provably never reached the system."""


class Unanswered(Exception):
    """The request may have arrived; its answer did not."""


Auth = Callable[[str], Mapping[str, str]]
"""Makes the headers that carry a token."""

Heed = Callable[[Answer], None]
"""Is told of every answer, for what it says of the pace."""

Expired = Callable[[Answer], bool]
"""Tells whether a 401 means that the token has ended, so that a new one may be tried once."""


def bearer(token: str) -> Mapping[str, str]:
    """Return the header that carries a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def _always(_answer: Answer) -> bool:
    return True


def unheeded(_answer: Answer) -> None:
    """Leave the pace as it is."""


class Transport:
    """One connection's HTTP; `base_url` is scheme, host and port.

    `heed` hears every answer; `search_pace` is booked beside `pace` where a search is sent.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        credential: Credential,
        *,
        timeout: float,
        clock: Clock,
        pace: Pace,
        auth: Auth = bearer,
        headers: Mapping[str, str] | None = None,
        expired: Expired = _always,
        heed: Heed = unheeded,
        search_pace: Pace | None = None,
    ) -> None:
        self.system = system
        self._credential = credential
        self._auth = auth
        self._expired = expired
        self._timeout = timeout
        self._clock = clock
        self._pace = pace
        self._heed = heed
        self._search_pace = search_pace
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Accept": "application/json", **(headers or {})},
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )

    def close(self) -> None:
        """Give sockets back."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Ask, in the connection's pace. Raises Unsent, Unanswered or ReadError (no token)."""
        return self.send("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Any,
        *,
        params: Mapping[str, Any] | None = None,
        paced: bool = True,
    ) -> Answer:
        """Send `body` as JSON, once; a document's create comes unpaced, its slot is paid before.

        Raises Unsent, Unanswered or ReadError (no token).
        """
        return self.send("POST", path, params=params, body=body, paced=paced)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        paced: bool = True,
    ) -> Answer:
        """Send one request; with another token once more where its own had ended.

        Raises Unsent, Unanswered or ReadError (no token).
        """
        if paced:
            self._await_slot(path)
        deadline = time.monotonic() + self._timeout
        deadline = min(deadline, _limit.get() or deadline)
        token = self._credential.token()
        answer = self._send(method, path, params, body, token, deadline)
        has_ended = answer.status == HTTPStatus.UNAUTHORIZED and self._expired(answer)
        if not has_ended or time.monotonic() > deadline or not self._credential.renew(token):
            return answer
        return self._send(method, path, params, body, self._credential.token(), deadline)

    def _await_slot(self, path: str) -> None:
        if self._search_pace and path.endswith(SEARCH):
            self._search_pace()
        self._pace()

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        token: str,
        deadline: float,
    ) -> Answer:
        at, began = self._clock.now(), time.monotonic()
        if began > deadline:
            raise Unsent("renewing the token took longer than a request may")
        request = self._client.build_request(
            method,
            path,
            params=params,
            json=body,
            headers=dict(self._auth(token)),
            timeout=_shares(deadline - began),
        )
        status, shown, named = None, "", ""
        try:
            answer = self._receive(request, deadline)
            status, shown = answer.status, answer.text
            named = request_id(answer)
            self._heed(answer)
        except _NOT_SENT as error:
            shown = f"not sent: {error}"
            raise Unsent(str(error) or type(error).__name__) from error
        except (httpx.TransportError, httpx.StreamError, httpx.DecodingError) as error:
            shown = f"no answer: {type(error).__name__}"
            raise Unanswered(_said(error)) from error
        finally:
            spent = int((time.monotonic() - began) * 1000)
            self._record(at, method, str(request.url), status, body, shown, spent, named)
        return answer

    def _record(
        self,
        at: datetime,
        method: str,
        url: str,
        status: int | None,
        body: Any,
        shown: str,
        spent: int,
        named: str,
    ) -> None:
        tape = _tape.get()
        if tape is not None:
            sent = "" if body is None else json.dumps(starred(body), ensure_ascii=False)
            sent, shown = sent[:KEPT], shown[:KEPT]
            tape.append(Exchange(at, self.system, method, url, status, sent, shown, spent, named))

    def _receive(self, request: httpx.Request, deadline: float) -> Answer:
        response = self._client.send(request, stream=True)
        try:
            point("after_send")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer took longer than the total time-out")
                if len(body) > BODY_CAP:
                    raise httpx.ReadError("the answer is too large")
            return Answer(response.status_code, dict(response.headers), bytes(body))
        finally:
            response.close()


def _shares(left: float) -> httpx.Timeout:
    """Return how the seconds that are left are shared out."""
    return httpx.Timeout(connect=left * 0.15, pool=left * 0.1, write=left * 0.15, read=left * 0.6)


def request_id(answer: Answer) -> str:
    """Return what the system calls this exchange, from a header or HubSpot's body, or nothing."""
    headers = (answer.headers.get(name) for name in REQUEST_IDS)
    traced = _CORRELATION.search(answer.body)
    return next(filter(None, headers), traced[1].decode() if traced else "")[:LONGEST_ID]


def starred(value: Any) -> Any:
    """Return `value` with every secret in it as stars."""
    if isinstance(value, dict):
        return {
            key: "***" if _is_secret(key) and isinstance(kept, str) else starred(kept)
            for key, kept in value.items()
        }
    return [starred(one) for one in value] if isinstance(value, list) else value


def _is_secret(name: str) -> bool:
    return any(secret in name.lower() for secret in SECRET_NAMES)


def _said(error: Exception) -> str:
    match error:
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return "did not answer in time"
        case httpx.RemoteProtocolError():
            return "closed the connection without an answer"
        case _:
            return f"broke the connection ({type(error).__name__})"
