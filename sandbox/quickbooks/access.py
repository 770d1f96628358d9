"""Who may ask which company what: OAuth of the guide's section 1, and how refusals look."""

import secrets
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.oauth import Authority, OAuthError, Tokens, client_of, consent_page, decided
from sandbox.pages import form_of
from sandbox.quickbooks.company import TOKEN, Company, Fault

CLIENT_ID = "quickbooks-client"
CLIENT_SECRET = "quickbooks-secret"  # noqa: S105 - of the sandbox only
SCOPE = "com.intuit.quickbooks.accounting"
LIFETIME, REFRESH_LIFETIME, OVERLAP = 3600, 8640000, 60
ACCENT = "#236b2c"

UNAUTHORIZED = Fault(
    "003200",
    "message=AuthenticationFailed; errorCode=003200; statusCode=401",
    "Token expired or wrong",
    status=401,
    kind="AUTHENTICATION",
)
OTHER_COMPANY = Fault(
    "3100",
    "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
    "The application is not allowed for this company",
    status=403,
    kind="AuthorizationFault",
)


def authority() -> Authority:
    """Return an OAuth server as Intuit's: refresh tokens change, and overlap for a minute."""
    return Authority(
        CLIENT_ID, CLIENT_SECRET, SCOPE, LIFETIME, rotates=True, refresh_overlap=OVERLAP
    )


class Access:
    """Tokens of all companies; `subject` of a grant is the realm."""

    def __init__(self, companies: Sequence[Company], given: Authority | None) -> None:
        self._companies = companies
        self.authority = given or authority()
        self._static_expired = False

    def routes(self) -> list[Route]:
        """Return consent page, token endpoints and knob."""
        return [
            Route("/connect/oauth2", self.consent, methods=["GET", "POST"]),
            Route("/oauth2/v1/tokens/bearer", self.tokens, methods=["POST"]),
            Route("/v2/oauth2/tokens/revoke", self.revoke, methods=["POST"]),
            Route("/sandbox/token", self.turn, methods=["POST"]),
        ]

    def expired(self) -> Response:
        """Answer as to an expired token."""
        return JSONResponse(UNAUTHORIZED.body, UNAUTHORIZED.status)

    def refusal(self, request: Request) -> Response | None:
        """Return the refusal that the request's token deserves, or None."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        realm = request.path_params["realm"]
        if secrets.compare_digest(token.encode(), TOKEN.encode()):
            subject, good = self._companies[0].realm, not self._static_expired
        else:
            held = self.authority.holder(token)
            subject, good = (held.subject, held.good) if held else ("", False)
        if not good:
            return self.expired()
        if subject != realm or all(realm != one.realm for one in self._companies):
            return JSONResponse(OTHER_COMPANY.body, OTHER_COMPANY.status)
        return None

    async def consent(self, request: Request) -> Response:
        """Ask which company; the answer carries its realmId."""
        try:
            asked = self.authority.ask(request.query_params)
        except OAuthError as wrong:
            return JSONResponse(wrong.body, wrong.status)
        if request.method == "GET":
            accounts = [(one.realm, one.name) for one in self._companies]
            return consent_page(
                request, asked, system="QuickBooks Online", accent=ACCENT, accounts=accounts
            )
        return await decided(
            request,
            self.authority,
            asked,
            subject=self._companies[0].realm,
            told_as="realmId",
        )

    async def tokens(self, request: Request) -> Response:
        """Give tokens to a client that proves itself by HTTP Basic."""
        form = await form_of(request)
        proof = client_of(request.headers.get("authorization", ""))
        try:
            tokens = self.authority.token({**form, "client_id": "", **proof})
        except OAuthError as wrong:
            return JSONResponse(wrong.body, wrong.status)
        return JSONResponse(_shape(tokens))

    async def revoke(self, request: Request) -> Response:
        """End the grant that a token belongs to."""
        self.authority.revoke((await request.json()).get("token"))
        return Response(status_code=200)

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
            realm = str(given.get("realm") or self._companies[0].realm)
            issued = _shape(self.authority.issue(realm))
        return JSONResponse({"ok": True, "renewals": self.authority.renewals, **issued})


def _shape(tokens: Tokens) -> dict[str, str | int]:
    return {
        "token_type": "bearer",
        "access_token": tokens.access,
        "expires_in": int(tokens.lifetime),
        "refresh_token": tokens.refresh,
        "x_refresh_token_expires_in": REFRESH_LIFETIME,
    }
