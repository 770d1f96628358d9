"""The OAuth 2 server of a stand-in: codes, tokens and their ends, and the page that asks a person.

`Authority` holds the state of one system and knows no HTTP; times are seconds of its `now`.
"""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit

from starlette.requests import Request as HTTPRequest
from starlette.responses import RedirectResponse, Response

from sandbox.pages import POLICY, form_of, page

CODE_SECONDS = 60.0
BAD, WRONG_CLIENT, SEE_OTHER = 400, 401, 303


class OAuthError(Exception):
    """What went wrong, as OAuth names it: `error`, `description`, and the HTTP `status`."""

    def __init__(self, error: str, description: str, status: int = BAD) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    @property
    def body(self) -> dict[str, str]:
        """The bare JSON object that a token endpoint answers."""
        return {"error": self.error, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class Request:
    """An app asks for consent; the answer and its `state` go to `redirect_uri`."""

    client_id: str
    redirect_uri: str
    state: str
    scope: str
    challenge: str | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a grant gives; `lifetime` is of the access token, in seconds."""

    access: str
    refresh: str
    lifetime: float
    scope: str
    subject: str


@dataclass(frozen=True, slots=True)
class Held:
    """What an access token opens: the account `subject` with `scope`, unless it has ended."""

    subject: str
    scope: str
    expired: bool
    revoked: bool

    @property
    def good(self) -> bool:
        """Whether it opens anything now."""
        return not (self.expired or self.revoked)


@dataclass(slots=True)
class _Grant:
    subject: str
    scope: str
    refresh: str = ""
    revoked: bool = False


@dataclass(slots=True)
class _Access:
    grant: _Grant
    until: float


@dataclass(slots=True)
class _Refresh:
    grant: _Grant
    replaced_at: float | None = None


@dataclass(slots=True)
class _Code:
    request: Request
    grant: _Grant
    until: float
    used: bool = False


class Authority:
    """One system's OAuth server. Access tokens live `lifetime` seconds.

    `rotates`: each renewal gives a new refresh token, the old one is good for `refresh_overlap`
    seconds more. `single_use`: it rotates too, and using an old one again revokes the whole grant.
    `renewals` counts the renewals that were granted.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        scopes: str,
        lifetime: float,
        *,
        rotates: bool,
        single_use: bool = False,
        refresh_overlap: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.scopes = scopes
        self.lifetime = lifetime
        self.rotates = rotates or single_use
        self.single_use = single_use
        self.refresh_overlap = refresh_overlap
        self.now = now
        self.renewals = 0
        self._lock = threading.RLock()
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _Access] = {}
        self._refresh: dict[str, _Refresh] = {}

    # --- a person consents ---------------------------------------------------------------------

    def ask(self, params: Mapping[str, str]) -> Request:
        """Read what an app asks for from the query of the consent page. Raises OAuthError."""
        if params.get("client_id") != self.client_id:
            raise OAuthError("invalid_client", "No app has this client_id", WRONG_CLIENT)
        target = urlsplit(params.get("redirect_uri", ""))
        if target.scheme not in {"http", "https"} or not target.netloc:
            raise OAuthError("invalid_request", "redirect_uri is missing or no address")
        if params.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code")
        challenge = params.get("code_challenge")
        if challenge and params.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "code_challenge_method must be S256")
        return Request(
            self.client_id,
            params["redirect_uri"],
            params.get("state", ""),
            params.get("scope") or self.scopes,
            challenge,
        )

    def grant(self, request: Request, subject: str, scope: str | None = None, **more: str) -> str:
        """Consent for the account `subject`; returns where the browser goes, `more` in its query.

        The code in it is good for 60 seconds, once.
        """
        code = secrets.token_urlsafe(24)
        grant = _Grant(subject, request.scope if scope is None else scope)
        with self._lock:
            self._codes[code] = _Code(request, grant, self.now() + CODE_SECONDS)
        return _back(request, code=code, **more)

    def refuse(self, request: Request) -> str:
        """Refuse consent; returns where the browser goes."""
        return _back(request, error="access_denied", error_description="The person refused")

    # --- an app fetches tokens -----------------------------------------------------------------

    def token(self, form: Mapping[str, str]) -> Tokens:
        """Serve the token endpoint's form, whichever grant_type it has. Raises OAuthError."""
        match form.get("grant_type"):
            case "authorization_code":
                return self.exchange(form)
            case "refresh_token":
                return self.refresh(form)
            case _:
                raise OAuthError("unsupported_grant_type", "grant_type is unknown")

    def exchange(self, form: Mapping[str, str]) -> Tokens:
        """Give tokens for a code. Raises OAuthError."""
        self._check_client(form)
        with self._lock:
            code = self._codes.get(form.get("code", ""))
            if code is None or self.now() > code.until:
                raise OAuthError("invalid_grant", "The code is unknown or expired")
            if code.used:
                code.grant.revoked = True
                raise OAuthError("invalid_grant", "The code was used before")
            if form.get("redirect_uri") != code.request.redirect_uri:
                raise OAuthError("invalid_grant", "The redirect_uri is not the one of the code")
            if code.request.challenge not in {None, challenge_of(form.get("code_verifier", ""))}:
                raise OAuthError("invalid_grant", "The code_verifier is wrong")
            code.used = True
            return self._give(code.grant)

    def refresh(self, form: Mapping[str, str]) -> Tokens:
        """Give new tokens for a refresh token. Raises OAuthError."""
        self._check_client(form)
        with self._lock:
            held = self._refresh.get(form.get("refresh_token", ""))
            if held is None or held.grant.revoked:
                raise OAuthError("invalid_grant", "The refresh token is invalid or revoked")
            if held.replaced_at is not None:
                self._used_again(held)
                self.renewals += 1
                return self._tokens(held.grant)
            if self.rotates:
                held.replaced_at = self.now()
                held.grant.refresh = ""
            self.renewals += 1
            return self._give(held.grant)

    def issue(self, subject: str, scope: str | None = None) -> Tokens:
        """Return tokens for the account `subject` without asking anybody."""
        with self._lock:
            return self._give(_Grant(subject, self.scopes if scope is None else scope))

    # --- what a token is worth -----------------------------------------------------------------

    def holder(self, access: str) -> Held | None:
        """Return what an access token opens, or None for one that was never given."""
        with self._lock:
            held = self._access.get(access)
            if held is None:
                return None
            grant = held.grant
            return Held(grant.subject, grant.scope, self.now() >= held.until, grant.revoked)

    def expire(self) -> None:
        """End every access token; refresh tokens stay."""
        with self._lock:
            for held in self._access.values():
                held.until = self.now()

    def revoke(self, token: str | None = None) -> None:
        """End the grant that `token` (access or refresh) belongs to; every grant without one."""
        with self._lock:
            given = {value: held.grant for value, held in self._access.items()}
            given |= {value: held.grant for value, held in self._refresh.items()}
            for value, grant in given.items():
                grant.revoked = grant.revoked or token in {None, value}

    # --- the parts -----------------------------------------------------------------------------

    def _check_client(self, form: Mapping[str, str]) -> None:
        given = (form.get("client_id"), form.get("client_secret"))
        if given != (self.client_id, self.client_secret):
            raise OAuthError("invalid_client", "Client authentication failed", WRONG_CLIENT)

    def _used_again(self, held: _Refresh) -> None:
        """Judge the second use of a refresh token that a renewal has replaced."""
        if self.single_use:
            held.grant.revoked = True
            raise OAuthError("invalid_grant", "The refresh token was used before; all is revoked")
        if self.now() > (held.replaced_at or 0.0) + self.refresh_overlap:
            raise OAuthError("invalid_grant", "The refresh token was replaced")

    def _give(self, grant: _Grant) -> Tokens:
        if not grant.refresh:
            grant.refresh = secrets.token_urlsafe(32)
            self._refresh[grant.refresh] = _Refresh(grant)
        return self._tokens(grant)

    def _tokens(self, grant: _Grant) -> Tokens:
        access = secrets.token_urlsafe(32)
        self._access[access] = _Access(grant, self.now() + self.lifetime)
        return Tokens(access, grant.refresh, self.lifetime, grant.scope, grant.subject)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def client_of(authorization: str) -> dict[str, str]:
    """Return client_id and client_secret of an HTTP Basic header; {} for any other header."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": unquote(name), "client_secret": unquote(secret)}


def _back(request: Request, **query: str) -> str:
    given = {**query, "state": request.state} if request.state else query
    joint = "&" if urlsplit(request.redirect_uri).query else "?"
    return f"{request.redirect_uri}{joint}{urlencode(given)}"


# --- the page that asks -------------------------------------------------------------------------


def consent_page(
    request: HTTPRequest,
    asked: Request,
    *,
    system: str,
    accent: str,
    accounts: Sequence[tuple[str, str]] = (),
    app: str = "invsync",
) -> Response:
    """Return the page that asks a person; the answer is posted back to the same address.

    `accounts`: value and name of each to choose from. The form has `decision` (allow or refuse)
    and `account`.
    """
    shown = page(
        request,
        "consent.html",
        [],
        system=system,
        tint=accent,
        app=app,
        scopes=asked.scope.split(),
        accounts=accounts,
        back=urlsplit(asked.redirect_uri).netloc,
    )
    target = urlsplit(asked.redirect_uri)
    # Chromium holds a form's redirects to form-action too
    allowed = f"form-action 'self' {target.scheme}://{target.netloc}"
    shown.headers["Content-Security-Policy"] = POLICY.replace("form-action 'self'", allowed)
    return shown


async def decided(
    request: HTTPRequest,
    authority: Authority,
    asked: Request,
    *,
    subject: str = "",
    told_as: str | None = None,
) -> Response:
    """Answer the posted consent page: back to the app, with a code or a refusal.

    The account is the one that was chosen, or `subject` where there was no choice; `told_as`
    names the query field that tells the app of it.
    """
    form = await form_of(request)
    if form.get("decision") != "allow":
        return RedirectResponse(authority.refuse(asked), SEE_OTHER)
    account = form.get("account") or subject
    more = {told_as: account} if told_as else {}
    return RedirectResponse(authority.grant(asked, account, **more), SEE_OTHER)
