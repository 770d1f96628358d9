"""An admin connects a system in the browser, and everything that can go wrong on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.oauth import Authority, OAuthError
from sandbox.serving import Server
from sync.consents import GOOD_FOR
from sync.documents import Account
from sync.records import Actor, HoldKind
from sync.store import hashed
from sync.store.holds import Trouble
from sync.systems import TITLES
from tests.builders import document
from tests.slack.desk import ADMIN, NOBODY_LISTENS, OPERATOR, Desk, actions, words

CLIENT = {"id": "salla-client", "secret": "salla-secret-nobody-reads"}
MERCHANT = "77"


@dataclass
class Salla:
    """The part of Salla that hands out tokens and says whose store it is."""

    authority: Authority = field(
        default_factory=lambda: Authority(
            CLIENT["id"], CLIENT["secret"], "orders.read", 3600, rotates=True, single_use=True
        )
    )
    scopeless: bool = False

    def app(self) -> Starlette:
        """Return it as a server."""
        return Starlette(
            routes=[
                Route("/oauth2/token", self.token, methods=["POST"]),
                Route("/oauth2/user/info", self.whoami),
            ]
        )

    async def token(self, request: Request) -> Response:
        """Hand out tokens."""
        form = dict(parse_qsl((await request.body()).decode()))
        try:
            tokens = self.authority.token(form)
        except OAuthError as error:
            return JSONResponse(error.body, error.status)
        body = {"access_token": tokens.access, "refresh_token": tokens.refresh, "expires_in": 3600}
        return JSONResponse({**body, "token_type": "bearer", "scope": tokens.scope})

    async def whoami(self, request: Request) -> Response:
        """Say whose store a token opens."""
        held = self.authority.holder(request.headers["authorization"].removeprefix("Bearer "))
        if held is None or self.scopeless:
            message = "The access token should have access to one of those scopes: settings.read"
            return JSONResponse({"error": {"code": "unauthorized", "message": message}}, 401)
        return JSONResponse({"merchant": {"id": int(held.subject), "name": "Shop"}})


@dataclass
class Way:
    """A desk, a Salla, and a browser."""

    desk: Desk
    salla: Salla
    browser: httpx.Client

    def link(self, text: str = "connect salla shop", user: str = ADMIN) -> str:
        """Type the command; returns the address of the button."""
        answer = self.desk.type(text, user)
        assert answer.body["response_type"] == "ephemeral"
        (block,) = [one for one in answer.body["blocks"] if one["type"] == "actions"]
        return str(block["elements"][0]["url"])

    def asked(self, link: str) -> dict[str, str]:
        """Follow the link; returns what the consent page is asked."""
        response = self.browser.get(link)
        assert response.status_code == 303, response.text
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def consented(self, asked: dict[str, str], subject: str = MERCHANT) -> str:
        """Say yes on the consent page; returns where the browser is sent."""
        return self.salla.authority.grant(self.salla.authority.ask(asked), subject)

    def ends(self, url: str, *said: str, browser: httpx.Client | None = None) -> str:
        """Go there and see a page that says all of it; returns the page."""
        page = (browser or self.browser).get(url).text
        assert all(word in page for word in said), page
        assert CLIENT["secret"] not in page
        return page


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Way]:
    """Give a desk that is registered with a Salla."""
    salla = Salla()
    server = Server(salla.app()).start()
    desk = Desk(
        tmp_path,
        INVSYNC_SALLA_CLIENT_ID=CLIENT["id"],
        INVSYNC_SALLA_CLIENT_SECRET=CLIENT["secret"],
        INVSYNC_SALLA_AUTHORIZE_URL=f"{server.url}/oauth2/auth",
        INVSYNC_SALLA_TOKEN_URL=f"{server.url}/oauth2/token",
        INVSYNC_SALLA_BASE_URL=server.url,
    )
    with httpx.Client() as browser:
        yield Way(desk, salla, browser)
    desk.close()
    server.stop()


def test_an_admin_connects_a_store(way: Way) -> None:
    """Command, consent, page, and a message that says so; the tokens are kept encrypted."""
    back = way.consented(way.asked(way.link()))
    way.ends(back, "Salla (shop) is connected", "go back to Slack")
    secret, _version = way.desk.store.connections.secret_of("shop")
    assert way.salla.authority.holder(secret["token"])
    assert secret["refresh_token"]
    assert "is connected to Shop" in words(way.desk.slack.wait_for("chat.postMessage")[-1].body)


def test_a_lane_that_waited_goes_on(way: Way) -> None:
    """The canary of a held lane is the admin's retry, and the page counts who waited."""
    sync = way.desk.failed(document())
    now = way.desk.engine.clock.now()
    trouble = Trouble("shop", HoldKind.REFUSED, "401", by_sync=sync.id)
    way.desk.store.holds.hold("books", trouble, now)
    back = way.consented(way.asked(way.link()))
    way.ends(back, "is connected")
    assert not way.desk.store.lanes.is_held("books")
    assert way.desk.row(sync.id).retries == 1


def test_only_admins_get_a_link(way: Way) -> None:
    """An operator is refused, in words that name the admins."""
    answer = way.desk.type("connect salla", OPERATOR)
    assert "needs an admin" in answer.text
    assert not [value for action, value in actions(answer.body) if action == "open_link"]


def test_reconnect_answers_with_a_link(way: Way) -> None:
    """The button on a held lane gives the pressing admin a link, and others a refusal."""
    way.desk.press("reconnect", "shop", ADMIN)
    told = words(way.desk.slack.wait_for("response_url")[-1].body)
    assert f"{way.desk.url}/oauth/salla/start?ticket=" in told
    way.desk.press("reconnect", "shop", OPERATOR)
    assert "needs an admin" in words(way.desk.slack.wait_for("response_url", 2)[-1].body)


def test_a_link_is_good_once(way: Way) -> None:
    """The second use of a link leads to a page that says so, and connects nothing."""
    link = way.link()
    way.asked(link)
    way.ends(link, "This link leads nowhere")


def test_a_state_is_good_once(way: Way) -> None:
    """Coming back a second time connects nothing."""
    back = way.consented(way.asked(way.link()))
    way.ends(back, "is connected")
    way.ends(back, "used already")


def test_a_foreign_browser_connects_nothing(way: Way) -> None:
    """The consent must come back to the browser that carries the cookie."""
    back = way.consented(way.asked(way.link()), "666")
    with httpx.Client() as other:
        way.ends(back, "another browser", browser=other)
    secret, _version = way.desk.store.connections.secret_of("shop")
    assert secret == {"token": "t"}


def test_a_refused_consent(way: Way) -> None:
    """Saying no on the consent page leads back to a page that names it and the next step."""
    asked = way.asked(way.link())
    back = way.salla.authority.refuse(way.salla.authority.ask(asked))
    way.ends(back, "was told no", "/invsync connect salla")


def test_a_used_code(way: Way) -> None:
    """A code that the system no longer takes gives no connection, and says what it said."""
    back = way.consented(way.asked(way.link()))
    spoilt = back.replace("code=", "code=x")
    way.ends(spoilt, "did not hand out a token", "unknown or expired")


def test_another_account_is_refused(way: Way) -> None:
    """A connection never turns to another store: both are named and nothing changes."""
    back = way.consented(way.asked(way.link()), "78")
    way.ends(back, "That is another account", "(77)", "(78)")
    known = way.desk.store.connections.get("shop")
    assert known
    assert known.account == MERCHANT


def test_a_missing_scope_is_named(way: Way) -> None:
    """A consent that covers too little is told with the scope that is missing."""
    way.salla.scopeless = True
    way.ends(way.consented(way.asked(way.link())), "permission is missing", "settings.read")


def test_an_old_link(way: Way) -> None:
    """A link that was offered more than ten minutes ago leads nowhere."""
    then = way.desk.engine.clock.now() - GOOD_FOR * 1.1
    way.desk.store.consents.offer("old", "salla", "shop", Actor(ADMIN), None, then)
    way.ends(f"{way.desk.url}/oauth/salla/start?ticket=old", "has expired")


def test_an_installation_that_began_elsewhere(way: Way) -> None:
    """Salla's own state is not ours: the page asks to begin in Slack."""
    url = f"{way.desk.url}/oauth/salla/callback?code=1&state=theirs"
    way.ends(url, "leads nowhere", "begins in Slack")


def test_what_stands_in_the_table_leads_nowhere(way: Way) -> None:
    """Only hashes are kept: the row of a ticket is no ticket."""
    ticket = way.link().partition("ticket=")[2]
    way.ends(f"{way.desk.url}/oauth/salla/start?ticket={hashed(ticket)}", "leads nowhere")


def test_no_registration(way: Way) -> None:
    """A system without client id and secret is answered with the settings that are missing."""
    said = words(way.desk.type("connect hubspot", ADMIN).body)
    assert "INVSYNC_HUBSPOT_CLIENT_ID" in said


def test_a_name_of_another_system(way: Way) -> None:
    """The name of a Salla connection cannot become one of Daftra."""
    assert "another system" in words(way.desk.type("connect daftra shop", ADMIN).body)


def test_daftras_key_is_typed_into_our_own_page(way: Way) -> None:
    """The form takes address and key; what does not open is told in the form, the link stays."""
    link = way.link("connect daftra books")
    way.ends(link, "Connect Daftra as books", "never passes through Slack")
    ticket = link.partition("ticket=")[2]
    for address, said in (("daftra", "begins with https://"), (NOBODY_LISTENS, "be reached")):
        given = {"ticket": ticket, "base_url": address, "key": "k"}
        page = way.browser.post(link.partition("?")[0], data=given)
        assert said in page.text, page.text
    assert way.browser.get(link).status_code == 200


def test_names_are_escaped(way: Way) -> None:
    """What a system calls its account cannot become part of the page."""
    way.desk.store.connections.save(
        "salla", "shop", "", {"token": "t"}, Account("77", "<b>x</b>"), way.desk.engine.clock.now()
    )
    page = way.ends(way.consented(way.asked(way.link()), "78"), "another account")
    assert "<b>x</b>" not in page


@pytest.mark.parametrize("path", ["/oauth/nosuch/start", "/oauth/nosuch/callback"])
def test_unknown_systems(way: Way, path: str) -> None:
    """There is no page for a system that we do not speak to."""
    assert way.browser.get(f"{way.desk.url}{path}").status_code == 404
    assert "nosuch" not in TITLES
