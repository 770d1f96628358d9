"""Who may ask the store what: OAuth of the guide's section 1, and its five ways to answer 401."""

import time
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import oauth
from sandbox.oauth import OAuthError, consent_page, decided
from sandbox.pages import form_of
from sandbox.salla.answers import UNAUTHORIZED, expired, failure
from sandbox.salla.store import MERCHANT, Shop

ACCENT = "#0b5a4c"
NEEDED = {
    "/orders": "orders.read",
    "/products": "products.read",
    "/customers": "customers.read",
    "/webhooks": "webhooks.read_write",
}
"""The scope that reading each part of the API asks for; the one to write opens it as well."""


class Access:
    """The store's OAuth addresses, and the token knob of tests."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def routes(self) -> list[Route]:
        """Return consent page, token endpoint and knob."""
        return [
            Route("/oauth2/auth", self.consent, methods=["GET", "POST"]),
            Route("/oauth2/token", self.tokens, methods=["POST"]),
            Route("/sandbox/token", self.turn, methods=["POST"]),
        ]

    async def consent(self, request: Request) -> Response:
        """Ask the merchant. The state goes back without its hyphens, as the real one does."""
        authority = self._shop.authority
        try:
            asked = authority.ask(request.query_params)
        except OAuthError as wrong:
            return JSONResponse(wrong.body, wrong.status)
        if request.method == "GET":
            return consent_page(request, asked, system="Salla · Acme KSA", accent=ACCENT)
        bare = replace(asked, state=asked.state.replace("-", ""))
        return await decided(request, authority, bare, subject=MERCHANT)

    async def tokens(self, request: Request) -> Response:
        """Give tokens; `expires` is an instant, in Unix seconds."""
        try:
            tokens = self._shop.authority.token(await form_of(request))
        except OAuthError as wrong:
            return JSONResponse(wrong.body, wrong.status)
        return JSONResponse(_shape(tokens))

    async def turn(self, request: Request) -> Response:
        """Turn what a script names; answers ready tokens to `{"issue": true}`.

        `expired` and `token` are of the static token; `expire` ends all access tokens of OAuth,
        `revoke` all grants, `lifetime` (seconds) is of those to come.
        """
        given = await request.json()
        authority = self._shop.authority
        self._shop.expired = bool(given.get("expired", self._shop.expired))
        self._shop.token = str(given.get("token", self._shop.token))
        authority.lifetime = float(given.get("lifetime", authority.lifetime))
        if given.get("expire"):
            authority.expire()
        if given.get("revoke"):
            authority.revoke()
        issued = _shape(authority.issue(MERCHANT)) if given.get("issue") else {}
        return JSONResponse({"ok": True, "renewals": authority.renewals, **issued})


def refusal(shop: Shop, request: Request) -> Response | None:
    """Return the 401 that the request's token deserves, or None where it opens what is asked."""
    given = request.headers.get("authorization", "")
    if not given.startswith("Bearer "):
        return failure(UNAUTHORIZED, "The access token is missing")
    token = given.removeprefix("Bearer ")
    held = shop.authority.holder(token)
    if token != shop.token and (held is None or held.revoked):
        return failure(UNAUTHORIZED, "The access token is invalid")
    if held.expired if held else shop.expired:
        return expired()
    if not shop.active:
        return failure(UNAUTHORIZED, "The user is inactive or deleted")
    scopes = (held.scope if held else shop.scopes).split()
    for part, scope in NEEDED.items():
        if part in request.url.path and not _opens(scopes, scope, request.method):
            wanted = scope if request.method == "GET" else _to_write(scope)
            needed = f"The token should have access to one of those scopes: {wanted}"
            return failure(UNAUTHORIZED, needed)
    return None


def _opens(scopes: list[str], scope: str, method: str) -> bool:
    return _to_write(scope) in scopes or (method == "GET" and scope in scopes)


def _to_write(scope: str) -> str:
    return scope if scope.endswith("_write") else f"{scope}_write"


def _shape(tokens: oauth.Tokens) -> dict[str, str | int]:
    return {
        "token_type": "bearer",
        "access_token": tokens.access,
        "expires": int(time.time() + tokens.lifetime),
        "refresh_token": tokens.refresh,
        "scope": tokens.scope,
    }
