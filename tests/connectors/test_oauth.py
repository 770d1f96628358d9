"""Codes and renewals against a real token endpoint: what is sent, what each answer means."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.faults import Faults, Faulty
from sandbox.oauth import challenge_of
from sandbox.serving import Server
from sync.connectors.oauth import (
    SCOPES,
    OAuthApp,
    OAuthRefused,
    Tokens,
    authorization_url,
    default_urls,
    exchange,
    renewed,
)
from sync.connectors.transport import Unanswered, taping
from sync.errors import TryLater

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BACK = "https://bot.example/oauth/callback"
SECRETS = ("canary-client", "canary-refresh", "canary-code", "canary-verifier")
GIVEN = {"access_token": "a1", "refresh_token": "r2", "expires_in": 1800, "token_type": "bearer"}


@dataclass
class Endpoint:
    """A token endpoint that answers what a test says and keeps what it was asked."""

    app: OAuthApp
    faults: Faults
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    trickles: bool = False

    async def answer(self, request: Request) -> Response:
        """Answer a request for a token."""
        form = dict(parse_qsl((await request.body()).decode()))
        self.asked.append((request.headers.get("authorization", ""), form))
        if self.trickles:
            return StreamingResponse(_spaces())
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return Response(text, self.status, self.headers)

    def of(self, system: str) -> OAuthApp:
        """Return the app as another system's."""
        return replace(self.app, system=system)

    def renew(self, system: str = "hubspot", timeout: float = 5.0) -> Tokens:
        """Renew the canary."""
        return renewed(self.of(system), "canary-refresh", now=NOW, timeout=timeout)


async def _spaces() -> AsyncIterator[str]:
    for _ in range(40):
        yield " "
        await asyncio.sleep(0.05)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Serve an endpoint that grants."""
    faults = Faults()
    here: Endpoint

    async def token(request: Request) -> Response:
        return await here.answer(request)

    routes = [Route("/token", token, methods=["POST"])]
    server = Server(Faulty(Starlette(routes=routes), faults, Response)).start()
    app = OAuthApp("hubspot", "id", "canary-client", f"{server.url}/authorize", server.url)
    here = Endpoint(replace(app, token_url=f"{server.url}/token"), faults, GIVEN)
    yield here
    server.stop()


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest.mark.parametrize("system", ["salla", "hubspot", "quickbooks"])
def test_the_consent_page_is_asked_for_our_scopes(system: str) -> None:
    """The address of the consent page names our app, what it needs, where to come back, the state.

    No system documents PKCE: none is sent.
    """
    app = OAuthApp(system, "id", "canary-client", *default_urls(system))
    url, verifier = authorization_url(app, BACK, "state1")
    assert url.split("?")[0] == default_urls(system)[0]
    assert _query(url) == {
        "response_type": "code",
        "client_id": "id",
        "redirect_uri": BACK,
        "scope": SCOPES[system],
        "state": "state1",
    }
    assert verifier is None


def test_a_page_that_documents_pkce_gets_a_challenge(endpoint: Endpoint) -> None:
    """An app with PKCE sends the S256 challenge, and its verifier with the code."""
    app = replace(endpoint.app, pkce=True)
    url, verifier = authorization_url(app, BACK, "state1")
    assert verifier
    query = _query(url)
    challenge = (query["code_challenge"], query["code_challenge_method"])
    assert challenge == (challenge_of(verifier), "S256")
    exchange(app, "code1", BACK, verifier, now=NOW, timeout=5)
    assert endpoint.asked[0][1]["code_verifier"] == verifier


def test_a_code_is_exchanged_with_the_client_in_the_form(endpoint: Endpoint) -> None:
    """HubSpot and Salla read the client from the form; the end is counted from our clock."""
    endpoint.body = GIVEN | {"scope": "read", "hub_id": 77}
    tokens = exchange(endpoint.app, "code1", BACK, None, now=NOW, timeout=5)
    assert tokens == Tokens("a1", "r2", NOW + timedelta(seconds=1800), "read", "77")
    form = {
        "grant_type": "authorization_code",
        "code": "code1",
        "redirect_uri": BACK,
        "client_id": "id",
        "client_secret": "canary-client",
    }
    assert endpoint.asked == [("", form)]


def test_quickbooks_reads_the_client_from_the_header(endpoint: Endpoint) -> None:
    """QuickBooks gets client and secret as HTTP Basic, and neither in the form."""
    endpoint.renew("quickbooks")
    basic = base64.b64encode(b"id:canary-client").decode()
    form = {"grant_type": "refresh_token", "refresh_token": "canary-refresh"}
    assert endpoint.asked == [(f"Basic {basic}", form)]


@pytest.mark.parametrize(
    ("body", "ends_at"),
    [
        ({"expires": 1796040000}, datetime.fromtimestamp(1796040000, UTC)),
        ({"expires": "1796040000"}, datetime.fromtimestamp(1796040000, UTC)),
        ({"expires_in": "60"}, NOW + timedelta(seconds=60)),
        ({"expires_in": None}, None),
    ],
)
def test_an_end_is_an_instant_or_a_duration(
    endpoint: Endpoint, body: dict[str, Any], ends_at: datetime | None
) -> None:
    """Salla's `expires` is an instant, `expires_in` a duration; neither: the token does not end."""
    endpoint.body = {"access_token": "a1"} | body
    assert endpoint.renew("salla") == Tokens("a1", None, ends_at, "")


REFUSALS = [
    (400, {"error": "invalid_grant", "error_description": "gone"}, "invalid_grant", "gone"),
    (200, {"error": "access_denied"}, "access_denied", "access_denied"),
    (401, "", "refused", "status 401"),
    (404, {"status": "BAD_CLIENT_ID", "message": "unknown id"}, "refused", "unknown id"),
    (422, {"status": 422, "error": {"code": 1}}, "refused", "status 422"),
]


@pytest.mark.parametrize(("status", "body", "error", "said"), REFUSALS)
def test_a_refusal_is_told_in_the_systems_words(
    endpoint: Endpoint, status: int, body: Any, error: str, said: str
) -> None:
    """Whatever shape a refusal has, it is one, with the word and the sentence that it brings."""
    endpoint.status, endpoint.body = status, body
    with pytest.raises(OAuthRefused) as raised:
        endpoint.renew()
    assert (raised.value.error, raised.value.description) == (error, said)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {}, 60),
        (429, {"Retry-After": "7"}, 7),
        (503, {"Retry-After": "9"}, 9),
        (403, {}, None),
    ],
)
def test_what_was_turned_away_unread_is_tried_later(
    endpoint: Endpoint, status: int, headers: dict[str, str], wait: int | None
) -> None:
    """A 429, a 503 with Retry-After and some proxy's page prove that the token was not used."""
    endpoint.status, endpoint.headers, endpoint.body = status, headers, "<html>no</html>"
    with pytest.raises(TryLater) as raised:
        endpoint.renew()
    assert raised.value.wait == (None if wait is None else timedelta(seconds=wait))


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "drop_before"},
        {"fault": "drop_after"},
        {"fault": "half_json"},
        {"fault": "html_200"},
        {"fault": "wrong_type"},
        {"fault": "status", "status": 503},
        {"fault": "hang", "seconds": 1.5},
    ],
)
def test_an_answer_that_says_nothing_is_no_answer(
    endpoint: Endpoint, fault: dict[str, Any]
) -> None:
    """A dropped line, half a body, HTML, a 5xx or silence: nobody knows what became of it."""
    endpoint.faults.add(method="POST", path="/token", **fault)
    with pytest.raises(Unanswered):
        endpoint.renew(timeout=0.5)


def test_an_answer_that_trickles_ends_with_the_deadline(endpoint: Endpoint) -> None:
    """A byte now and then does not stretch the total time-out."""
    endpoint.trickles = True
    began = time.monotonic()
    with pytest.raises(Unanswered):
        endpoint.renew(timeout=0.3)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/token", "ftp://127.0.0.1/token", "http://[x"])
def test_an_address_where_nobody_answers_was_not_asked(url: str) -> None:
    """Where no connection came about, or the address is none, nothing was sent: try later."""
    app = OAuthApp("salla", "id", "canary-client", "", url)
    with pytest.raises(TryLater) as raised:
        renewed(app, "canary-refresh", now=NOW, timeout=5)
    assert "Salla could not be reached" in raised.value.failure.reason
    assert "canary" not in str(raised.value)


def test_a_code_without_an_answer_is_tried_later(endpoint: Endpoint) -> None:
    """An exchange whose answer was lost asks the person to begin anew, in words."""
    endpoint.faults.add(method="POST", path="/token", fault="drop_after")
    with pytest.raises(TryLater, match="HubSpot did not answer the request for a token"):
        exchange(endpoint.app, "canary-code", BACK, None, now=NOW, timeout=5)


def test_redirects_are_not_followed(endpoint: Endpoint) -> None:
    """A token endpoint that points elsewhere is not believed: our secret goes nowhere else."""
    endpoint.status, endpoint.headers = 307, {"Location": endpoint.app.token_url}
    endpoint.body = ""
    with pytest.raises(TryLater):
        endpoint.renew()
    assert len(endpoint.asked) == 1


def test_no_secret_stands_in_an_error_a_record_or_a_repr(endpoint: Endpoint) -> None:
    """A server that repeats what it was sent puts no secret of ours into a text."""
    endpoint.status = 400
    said = "bad: " + ", ".join(SECRETS)
    endpoint.body = {"error": "invalid_grant", "error_description": said}
    with taping() as tape:
        with pytest.raises(OAuthRefused) as of_renewal:
            endpoint.renew()
        with pytest.raises(OAuthRefused) as of_code:
            exchange(endpoint.app, "canary-code", BACK, "canary-verifier", now=NOW, timeout=5)
    assert str(of_renewal.value) == "bad: ***, ***, canary-code, canary-verifier"
    assert str(of_code.value) == "bad: ***, canary-refresh, ***, ***"
    assert not tape
    shown = repr(endpoint.app) + repr(Tokens("canary-a", "canary-r", NOW, "read"))
    assert "canary" not in shown
