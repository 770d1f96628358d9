"""The OAuth server of a stand-in: what its codes and tokens are worth, and for how long."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.oauth import (
    Authority,
    OAuthError,
    Tokens,
    challenge_of,
    client_of,
    consent_page,
    decided,
)
from sandbox.serving import Server

BACK = "http://127.0.0.1:9/callback"
ASKED = {
    "client_id": "app",
    "redirect_uri": BACK,
    "response_type": "code",
    "state": "s1",
    "scope": "read",
}
CLIENT = {"client_id": "app", "client_secret": "secret"}


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        """Return the seconds that it shows."""
        return self.at


@pytest.fixture
def hands() -> Hands:
    """Return the clock of the test."""
    return Hands()


def authority(
    hands: Hands, *, rotates: bool = False, single_use: bool = False, refresh_overlap: float = 0.0
) -> Authority:
    """Return a server whose access tokens live for 100 seconds."""
    return Authority(
        "app",
        "secret",
        "read write",
        100.0,
        rotates=rotates,
        single_use=single_use,
        refresh_overlap=refresh_overlap,
        now=hands,
    )


def code_of(server: Authority, **asked: str) -> str:
    """Return the code that a consent gives."""
    url = server.grant(server.ask(ASKED | asked), "acme")
    query = dict(parse_qsl(urlsplit(url).query))
    assert (url.split("?")[0], query["state"]) == (BACK, "s1")
    return query["code"]


def exchange(server: Authority, code: str, **more: str) -> Tokens:
    """Fetch tokens for a code."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return server.token(CLIENT | form | more)


def renew(server: Authority, refresh: str) -> Tokens:
    """Fetch tokens for a refresh token."""
    return server.token(CLIENT | {"grant_type": "refresh_token", "refresh_token": refresh})


def good(server: Authority, access: str) -> bool:
    """Return whether an access token opens something now."""
    held = server.holder(access)
    return held is not None and held.good


def test_a_code_gives_tokens_of_the_account(hands: Hands) -> None:
    """The access token opens the account that the person chose, with the scope that was asked."""
    server = authority(hands)
    tokens = exchange(server, code_of(server))
    held = server.holder(tokens.access)
    assert held
    assert (held.subject, held.scope, held.good, tokens.lifetime) == ("acme", "read", True, 100.0)
    assert server.holder("another") is None


def test_an_access_token_ends(hands: Hands) -> None:
    """It opens nothing from the end of its life on, and one may end it before."""
    server = authority(hands)
    first, second = server.issue("acme"), server.issue("acme")
    hands.at += 99.9
    assert good(server, first.access)
    hands.at += 0.1
    assert not good(server, first.access)
    hands.at -= 50
    server.expire()
    assert not good(server, second.access)
    assert good(server, renew(server, second.refresh).access)


def test_a_code_is_good_once(hands: Hands) -> None:
    """Its second use is refused, and ends what the first one gave."""
    server = authority(hands)
    code = code_of(server)
    tokens = exchange(server, code)
    with pytest.raises(OAuthError, match="invalid_grant"):
        exchange(server, code)
    assert not good(server, tokens.access)


@pytest.mark.parametrize(
    ("asked", "sent", "later"),
    [
        ({}, {"redirect_uri": "http://127.0.0.1:9/other"}, 0.0),
        ({}, {}, 60.1),
        ({}, {"code": "another"}, 0.0),
        ({"code_challenge": challenge_of("v1"), "code_challenge_method": "S256"}, {}, 0.0),
        (
            {"code_challenge": challenge_of("v1"), "code_challenge_method": "S256"},
            {"code_verifier": "v2"},
            0.0,
        ),
    ],
)
def test_a_code_that_is_refused(
    hands: Hands, asked: dict[str, str], sent: dict[str, str], later: float
) -> None:
    """Another address, more than 60 seconds, an unknown code, no or a wrong verifier: no tokens."""
    server = authority(hands)
    code = code_of(server, **asked)
    hands.at += later
    with pytest.raises(OAuthError) as refused:
        exchange(server, **{"code": code} | sent)
    assert (refused.value.error, refused.value.status) == ("invalid_grant", 400)
    assert set(refused.value.body) == {"error", "error_description"}


def test_a_verifier_proves_the_asker(hands: Hands) -> None:
    """Who holds the verifier of the challenge gets the tokens."""
    server = authority(hands)
    challenge = {"code_challenge": challenge_of("v1"), "code_challenge_method": "S256"}
    assert good(server, exchange(server, code_of(server, **challenge), code_verifier="v1").access)


def test_a_wrong_client_is_refused(hands: Hands) -> None:
    """Codes and refresh tokens are worth nothing without the client's secret."""
    server = authority(hands)
    with pytest.raises(OAuthError) as refused:
        exchange(server, code_of(server), client_secret="guess")
    assert (refused.value.error, refused.value.status) == ("invalid_client", 401)
    with pytest.raises(OAuthError, match="invalid_client"):
        server.token({"grant_type": "refresh_token", "refresh_token": server.issue("a").refresh})
    with pytest.raises(OAuthError, match="unsupported_grant_type"):
        server.token(CLIENT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "other"},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
        {"response_type": "token"},
        {"code_challenge": "x", "code_challenge_method": "plain"},
    ],
)
def test_what_may_not_be_asked(hands: Hands, wrong: dict[str, str]) -> None:
    """An unknown app, no address to go back to, an implicit grant, a plain challenge: refused."""
    with pytest.raises(OAuthError):
        authority(hands).ask(ASKED | wrong)


def test_a_refresh_token_may_stay(hands: Hands) -> None:
    """Where tokens do not rotate, the same refresh token renews again and again."""
    server = authority(hands)
    tokens = server.issue("acme")
    again = [renew(server, tokens.refresh) for _ in range(3)]
    assert {one.refresh for one in again} == {tokens.refresh}
    assert len({one.access for one in again}) == server.renewals == 3


def test_a_replaced_refresh_token_is_good_for_a_while(hands: Hands) -> None:
    """Where tokens rotate, the old one gives the same successor during the overlap only."""
    server = authority(hands, rotates=True, refresh_overlap=30.0)
    tokens = server.issue("acme")
    first = renew(server, tokens.refresh)
    assert first.refresh != tokens.refresh
    hands.at += 30
    assert renew(server, tokens.refresh).refresh == first.refresh
    hands.at += 0.1
    with pytest.raises(OAuthError, match="replaced"):
        renew(server, tokens.refresh)
    assert good(server, renew(server, first.refresh).access)


def test_a_second_use_revokes_everything(hands: Hands) -> None:
    """Where a refresh token is for one use, a second one ends both tokens of the grant."""
    server = authority(hands, single_use=True)
    tokens, other = server.issue("acme"), server.issue("other")
    fresh = renew(server, tokens.refresh)
    with pytest.raises(OAuthError, match="invalid_grant"):
        renew(server, tokens.refresh)
    with pytest.raises(OAuthError, match="invalid_grant"):
        renew(server, fresh.refresh)
    assert (good(server, fresh.access), good(server, other.access)) == (False, True)


def test_a_grant_is_revoked_by_any_of_its_tokens(hands: Hands) -> None:
    """Its access token is revoked then, not expired; without a token every grant is."""
    server = authority(hands)
    one, two = server.issue("one"), server.issue("two")
    server.revoke(one.refresh)
    held = server.holder(one.access)
    assert held
    assert (held.revoked, held.expired, good(server, two.access)) == (True, False, True)
    server.revoke()
    assert not good(server, two.access)


def test_the_basic_header_names_the_client() -> None:
    """Other schemes and broken values name nobody."""
    header = httpx.BasicAuth("app", "secret")._auth_header
    assert client_of(header) == CLIENT
    assert client_of("Bearer x") == client_of("Basic %%%") == client_of("") == {}


# --- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def consent() -> Iterator[str]:
    """Serve a consent page; returns its address."""
    server = Authority("app", "secret", "read write", 100.0, rotates=False)
    choices = [("a1", "Acme & Sons"), ("b2", "<b>Bold</b>")]

    async def endpoint(request: Request) -> Response:
        asked = server.ask(request.query_params)
        if request.method == "POST":
            return await decided(request, server, asked, told_as="realmId")
        return consent_page(request, asked, system="Books", accent="#123456", accounts=choices)

    served = Server(Starlette(routes=[Route("/ask", endpoint, methods=["GET", "POST"])])).start()
    yield f"{served.url}/ask"
    served.stop()


def test_the_page_says_who_asks_for_what(consent: str) -> None:
    """It names app, scopes and accounts, escaped, and its form may lead back to the app."""
    answer = httpx.get(consent, params=ASKED | {"scope": "read <i>"})
    assert all(word in answer.text for word in ("invsync", "read", "Acme &amp; Sons", "&lt;i&gt;"))
    assert "<b>Bold" not in answer.text
    assert "form-action 'self' http://127.0.0.1:9" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"decision": "allow", "account": "b2"}, {"code", "state", "realmId"}),
        ({"decision": "refuse"}, {"error", "error_description", "state"}),
        ({}, {"error", "error_description", "state"}),
    ],
)
def test_the_person_decides(consent: str, form: dict[str, str], told: set[str]) -> None:
    """Allow leads back with a code, anything else with a refusal."""
    answer = httpx.post(consent, params=ASKED, data=form)
    assert answer.status_code == 303
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query)).keys() == told
