"""Who may ask the account what: OAuth of the guide's section 1, scopes, and two kinds of 401."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot.portal import PORTAL, Portal, Refused
from sandbox.oauth import Authority, OAuthError, Tokens, consent_page, decided
from sandbox.pages import form_of

CLIENT_ID = "hubspot-client"
CLIENT_SECRET = "hubspot-secret"  # noqa: S105 - of the sandbox only
LIFETIME = 1800
ACCENT = "#c4471f"
KINDS = ("invoices", "line_items", "products", "contacts")
SCOPES = " ".join(f"crm.objects.{one}.{way}" for one in KINDS for way in ("read", "write"))
READS = ("GET", "/search", "/batch/read")
DEAD = {
    "error": "invalid_grant",
    "error_description": "refresh token is invalid, expired or revoked",
    "status": "BAD_REFRESH_TOKEN",
    "message": "missing or invalid refresh token",
}


class Access:
    """Tokens of the account."""

    def __init__(self, portal: Portal, authority: Authority | None) -> None:
        self._portal = portal
        self.authority = authority or Authority(
            CLIENT_ID, CLIENT_SECRET, SCOPES, LIFETIME, rotates=False
        )
        self._static_expired = False

    def routes(self) -> list[Route]:
        """Return consent page, token endpoints and knob."""
        return [
            Route("/oauth/authorize", self.consent, methods=["GET", "POST"]),
            Route("/oauth/2026-03/token", self.tokens, methods=["POST"]),
            Route("/oauth/v1/token", self.tokens, methods=["POST"]),
            Route("/oauth/v1/access-tokens/{token}", self.about),
            Route("/sandbox/token", self.turn, methods=["POST"]),
        ]

    def expired(self) -> Response:
        """Answer as to an expired token."""
        refused = Refused(401, "EXPIRED_AUTHENTICATION", "The OAuth token expired")
        return JSONResponse(refused.body, refused.status)

    def refusal(self, request: Request) -> Response | None:
        """Return the refusal that the request's token deserves, or None."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token == self._portal.token:
            return self.expired() if self._static_expired else None
        held = self.authority.holder(token)
        if held is None or held.revoked:
            refused = Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found")
            return JSONResponse(refused.body, refused.status)
        if held.expired:
            return self.expired()
        return self._unscoped(request, held.scope.split())

    def _unscoped(self, request: Request, scopes: list[str]) -> Response | None:
        path = request.url.path
        kind = next((one for one in KINDS if f"/{one}" in path), None)
        reads = request.method == "GET" or path.endswith(READS[1:])
        needed = f"crm.objects.{kind}.{'read' if reads else 'write'}"
        if kind is None or "/properties/" in path or needed in scopes:
            return None
        error = {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": [needed]},
        }
        text = f"This app hasn't been granted all required scopes: {needed}"
        refused = Refused(403, "MISSING_SCOPES", text, errors=[error])
        return JSONResponse(refused.body, refused.status)

    async def consent(self, request: Request) -> Response:
        """Ask the account's admin."""
        given = {"response_type": "code", **request.query_params}
        try:
            asked = self.authority.ask(given)
        except OAuthError as wrong:
            return JSONResponse(wrong.body, wrong.status)
        if request.method == "GET":
            name = f"HubSpot · {self._portal.name}"
            return consent_page(request, asked, system=name, accent=ACCENT)
        return await decided(request, self.authority, asked, subject=PORTAL)

    async def tokens(self, request: Request) -> Response:
        """Give tokens; a dead refresh token is told in HubSpot's own words."""
        form = await form_of(request)
        try:
            tokens = self.authority.token(form)
        except OAuthError as wrong:
            is_dead = form.get("grant_type") == "refresh_token" and wrong.error == "invalid_grant"
            return JSONResponse(DEAD if is_dead else wrong.body, wrong.status)
        return JSONResponse(_shape(tokens))

    async def about(self, request: Request) -> Response:
        """Tell whose token it is."""
        token = request.path_params["token"]
        held = self.authority.holder(token)
        if held is None:
            return JSONResponse(Refused(404, "OBJECT_NOT_FOUND", "unknown token").body, 404)
        return JSONResponse({"token": token, "hub_id": int(PORTAL), "scopes": held.scope.split()})

    async def turn(self, request: Request) -> Response:
        """Turn what a script names: expired (the static token), expire, revoke, lifetime, issue."""
        given = await request.json()
        self._static_expired = bool(given.get("expired", self._static_expired))
        self.authority.lifetime = float(given.get("lifetime", self.authority.lifetime))
        if given.get("expire"):
            self.authority.expire()
        if given.get("revoke"):
            self.authority.revoke()
        issued = {}
        if given.get("issue"):
            issued = _shape(self.authority.issue(PORTAL, given.get("scope")))
        return JSONResponse({"ok": True, "renewals": self.authority.renewals, **issued})


def _shape(tokens: Tokens) -> dict[str, str | int]:
    return {
        "token_type": "bearer",
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "expires_in": int(tokens.lifetime),
        "hub_id": int(PORTAL),
    }
