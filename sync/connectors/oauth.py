"""OAuth 2 with the systems that ask for consent: the consent page's address, codes, renewals.

authlib speaks the protocol, httpx carries it. Only the addresses of an `OAuthApp` are called, under
one total deadline; redirects are off. Secrets stand in no exception's text and no record. PKCE is
sent where a system documents it: none of the three does (guides, section 1), so a verifier is only
made for an app that asks for it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge as s256

from sync.connectors.outcome import USUAL_WAIT, retry_after
from sync.connectors.transport import Answer, Unanswered
from sync.errors import ErrorType, Failure, TryLater
from sync.systems import title_of

SCOPES: Mapping[str, str] = {
    "salla": "offline_access orders.read products.read customers.read_write webhooks.read_write",
    "hubspot": (
        "crm.objects.invoices.read crm.objects.invoices.write crm.objects.line_items.read"
        " crm.objects.line_items.write crm.objects.products.read crm.objects.products.write"
        " crm.objects.contacts.read crm.objects.contacts.write crm.objects.orders.read"
        " crm.schemas.invoices.read crm.schemas.invoices.write"
        " crm.schemas.line_items.read e-commerce"
    ),
    "quickbooks": "com.intuit.quickbooks.accounting",
}
"""What a consent must cover (guides, section 1).

HubSpot: we make properties; those of line items and products stand under `e-commerce`, for a scope
that HubSpot does not know stops the whole consent.
"""

URLS: Mapping[str, tuple[str, str]] = {
    "salla": ("https://accounts.salla.sa/oauth2/auth", "https://accounts.salla.sa/oauth2/token"),
    "hubspot": (
        "https://app.hubspot.com/oauth/authorize",
        "https://api.hubapi.com/oauth/2026-03/token",
    ),
    "quickbooks": (
        "https://appcenter.intuit.com/connect/oauth2",
        "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    ),
}
CLIENT_AUTH = {"quickbooks": "client_secret_basic"}
"""How we prove who we are at the token endpoint: in the form, where nothing else is said."""

HEADERS = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
VERIFIER = 48
REFUSES = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)
BODY_CAP = 256 * 1024
SHOWN = 300

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our registration with one system; `pkce` where its page documents S256."""

    system: str
    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    pkce: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a system hands out; `expires_at` is aware UTC, `account` where the answer names one."""

    token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    scope: str
    account: str | None = None


class OAuthRefused(Exception):
    """The system gave no tokens: `error` is OAuth's own word, `description` the system's."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(description or error)
        self.error = error
        self.description = description or error


def default_urls(system: str) -> tuple[str, str]:
    """Return where a system's consent page and token endpoint are."""
    return URLS[system]


def authorization_url(app: OAuthApp, redirect_uri: str, state: str) -> tuple[str, str | None]:
    """Return the consent page's address, and the PKCE verifier where one is used."""
    verifier = generate_token(VERIFIER) if app.pkce else None
    proof = {}
    if verifier:
        challenge = s256(verifier)  # type: ignore[no-untyped-call]  # because it has no types
        proof = {"code_challenge": challenge, "code_challenge_method": "S256"}
    url = prepare_grant_uri(
        app.authorize_url,
        app.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=SCOPES[app.system],
        state=state,
        **proof,
    )
    return str(url), verifier


def exchange(
    app: OAuthApp,
    code: str,
    redirect_uri: str,
    verifier: str | None,
    *,
    now: datetime,
    timeout: float,
) -> Tokens:
    """Return tokens for a code; `timeout` in seconds, in all.

    Raises OAuthRefused, or TryLater where no answer came.
    """
    form = {"code": code, "redirect_uri": redirect_uri}
    if verifier:
        form["code_verifier"] = verifier
    try:
        return _asked(app, "authorization_code", form, now, timeout)
    except Unanswered as lost:
        raise TryLater(_down(app, f"{title_of(app.system)} {lost}")) from lost


def renewed(app: OAuthApp, refresh_token: str, *, now: datetime, timeout: float) -> Tokens:
    """Return new tokens for a refresh token; `timeout` in seconds, in all.

    Raises OAuthRefused; TryLater where the request provably never left or was turned away unread;
    Unanswered where nobody knows whether the system has rotated the token.
    """
    return _asked(app, "refresh_token", {"refresh_token": refresh_token}, now, timeout)


def _asked(
    app: OAuthApp, grant_type: str, form: dict[str, str], now: datetime, timeout: float
) -> Tokens:
    auth = ClientAuth(
        app.client_id, app.client_secret, CLIENT_AUTH.get(app.system, "client_secret_post")
    )
    body = prepare_token_request(grant_type, "", **form)
    url, headers, sent = auth.prepare(  # type: ignore[no-untyped-call]  # because it has no types
        "POST", app.token_url, dict(HEADERS), body
    )
    try:
        answer = _posted(url, headers, sent, timeout)
    except _NOT_SENT as error:
        reason = f"{title_of(app.system)} could not be reached: {error}"
        raise TryLater(_down(app, reason)) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise Unanswered("did not answer the request for a token") from error
    secrets = [app.client_secret, *(one for name, one in form.items() if name != "redirect_uri")]
    return _tokens(_granted(app, answer, secrets, now), now)


def _posted(url: str, headers: dict[str, str], body: str, timeout: float) -> Answer:
    deadline = time.monotonic() + timeout
    shares = httpx.Timeout(
        connect=timeout * 0.15, pool=timeout * 0.1, write=timeout * 0.15, read=timeout * 0.6
    )
    with (
        httpx.Client(trust_env=False, follow_redirects=False, timeout=shares) as client,
        client.stream("POST", url, headers=headers, content=body) as response,
    ):
        read = bytearray()
        for chunk in response.iter_bytes():
            read += chunk
            if time.monotonic() > deadline or len(read) > BODY_CAP:
                raise httpx.ReadError("the answer is too long")
    return Answer(response.status_code, dict(response.headers), bytes(read))


def _granted(app: OAuthApp, answer: Answer, secrets: list[str], now: datetime) -> dict[str, Any]:
    """Return the body of a grant. Raises OAuthRefused, TryLater and Unanswered."""
    wait = retry_after(answer, now)
    unread = answer.status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or unread:
        reason = f"{title_of(app.system)} takes no request for a token now ({answer.status})"
        raise TryLater(_down(app, reason), USUAL_WAIT if wait is None else wait)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unanswered(f"answered {answer.status} to the request for a token")
    data = _object(answer)
    if not data and answer.status >= HTTPStatus.MULTIPLE_CHOICES and answer.status not in REFUSES:
        reason = f"{title_of(app.system)} answered {answer.status} to the request for a token"
        raise TryLater(_down(app, reason))  # some other server's page refuses no grant
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES or "error" in data:
        raise _refusal(answer, data, secrets)
    if not (isinstance(data.get("access_token"), str) and data["access_token"]):
        raise Unanswered(f"answered {answer.status} without a token")
    return data


def _refusal(answer: Answer, data: dict[str, Any], secrets: list[str]) -> OAuthRefused:
    """Read a refusal: OAuth's shape, or whatever else the system writes."""
    word = data.get("error")
    said = data.get("error_description") or data.get("message")
    if not isinstance(said, str):
        said = "" if isinstance(word, str) else f"status {answer.status}"
    for secret in filter(None, secrets):  # some servers repeat what they were sent
        said = said.replace(secret, "***")
    return OAuthRefused(word[:SHOWN] if isinstance(word, str) else "refused", said[:SHOWN])


def _object(answer: Answer) -> dict[str, Any]:
    try:
        data = answer.data()
    except (json.JSONDecodeError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _tokens(given: Mapping[str, Any], now: datetime) -> Tokens:
    """Read a grant: Salla writes `expires` as an instant, the others `expires_in` in seconds."""
    expires_at = None
    if str(given.get("expires", "")).isdecimal():
        expires_at = datetime.fromtimestamp(int(given["expires"]), UTC)
    elif str(given.get("expires_in", "")).isdecimal():
        expires_at = now + timedelta(seconds=int(given["expires_in"]))
    account = given.get("realmId") or given.get("hub_id")
    refresh_token = given.get("refresh_token")
    return Tokens(
        token=given["access_token"],
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        expires_at=expires_at,
        scope=str(given.get("scope") or ""),
        account=str(account) if account else None,
    )


def _down(app: OAuthApp, reason: str) -> Failure:
    return Failure(ErrorType.DESTINATION_DOWN, app.system, reason)
