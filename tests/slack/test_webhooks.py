"""Webhooks over a real socket: verified, stored before they are answered, followed afterwards."""

import base64
import hashlib
import hmac
import json
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from bot.webhooks import BODY_CAP
from sandbox import daftra, hubspot, quickbooks, salla
from sandbox.hubspot import Portal
from sandbox.quickbooks import Company
from sandbox.salla import SECRET as SALLA_SECRET
from sandbox.seeds import seed
from sandbox.serving import Server
from sync.documents import Account
from tests.sandbox.letterbox import until
from tests.slack.desk import NOBODY_LISTENS, Desk

TOKEN = "a-webhook-token"
DAFTRA_KEY = "a-key-in-the-address"
EVENT = {"event": "invoice.created", "merchant": 77, "data": {"id": 512}}
CONNECTIONS: Sequence[tuple[str, str, str, dict[str, str]]] = (
    ("salla", "shop", "77", {"webhook_secret": TOKEN}),
    ("salla", "real-shop", salla.MERCHANT, {"webhook_secret": SALLA_SECRET}),
    ("salla", "silent", "78", {}),
    ("daftra", "books", "77", {"webhook_secret": DAFTRA_KEY}),
    ("hubspot", "crm", hubspot.PORTAL, {"client_secret": hubspot.CLIENT_SECRET}),
    ("quickbooks", "company", quickbooks.REALM, {"webhook_secret": quickbooks.VERIFIER}),
)


class Inbox:
    """A desk whose connections have webhook secrets, and what its database holds of hints."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self._file = folder / "invsync.db"
        for system, name, account, secret in CONNECTIONS:
            self.desk.store.connections.save(
                system,
                name,
                NOBODY_LISTENS,
                {"token": "t", **secret},
                Account(account, name),
                self.desk.engine.clock.now(),
            )
        self.http = httpx.Client(base_url=self.desk.url, trust_env=False)

    def close(self) -> None:
        """End everything."""
        self.http.close()
        self.desk.close()

    def empty(self) -> None:
        """Forget every hint, as after a long time."""
        with closing(sqlite3.connect(self._file)) as file, file:
            file.execute("DELETE FROM hints")

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Let the database take no hints for a while."""
        with closing(sqlite3.connect(self._file)) as file:
            file.execute("ALTER TABLE hints RENAME TO away")
            yield
            file.execute("ALTER TABLE away RENAME TO hints")

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return system, account, entity and object of every hint."""
        with closing(sqlite3.connect(self._file)) as file:
            query = "SELECT system, account, entity, object_id FROM hints ORDER BY id"
            return file.execute(query).fetchall()

    def salla(self, body: Any, name: str = "shop", token: str = TOKEN) -> int:
        """Deliver an event of Salla by the token strategy; returns the status of the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Salla-Security-Strategy": "Token", "Authorization": token}
        return self.http.post(f"/webhooks/salla/{name}", content=raw, headers=headers).status_code

    def quickbooks(self, *accounts: str, secret: str = quickbooks.VERIFIER) -> int:
        """Deliver one event of each company; returns the status of the answer."""
        events = [
            {
                "id": f"e-{account}",
                "type": "qbo.invoice.created.v1",
                "intuitentityid": "130",
                "intuitaccountid": account,
            }
            for account in accounts
        ]
        raw = json.dumps(events).encode()
        digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
        headers = {"intuit-signature": base64.b64encode(digest).decode()}
        return self.http.post("/webhooks/quickbooks", content=raw, headers=headers).status_code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """Start an inbox for all tests of this module."""
    one = Inbox(tmp_path_factory.mktemp("inbox"))
    yield one
    one.close()


@pytest.fixture
def inbox(running: Inbox) -> Inbox:
    """Give the inbox, empty."""
    running.empty()
    return running


def test_stored_before_it_is_answered(inbox: Inbox) -> None:
    """When the answer is there, so is the hint: whoever gets 200 need not send again."""
    assert inbox.salla(EVENT) == 200
    assert inbox.rows() == [("salla", "77", "invoice", "512")]


def test_the_engine_follows_what_came(inbox: Inbox) -> None:
    """What is stored is what the engine then finds due."""
    inbox.salla(EVENT)
    (waiting,) = inbox.desk.store.hints.take(inbox.desk.engine.clock.now(), 10)
    assert (waiting.hint.entity, waiting.hint.object_id) == ("invoice", "512")


def test_what_cannot_be_stored_is_not_taken(inbox: Inbox) -> None:
    """While the database takes nothing the answer is 503, so that the sender comes again."""
    with inbox.broken():
        assert inbox.salla(EVENT) == 503
    assert inbox.salla(EVENT) == 200
    assert len(inbox.rows()) == 1


def test_a_replay_is_stored_once(inbox: Inbox) -> None:
    """The same delivery again is answered 200 and changes nothing."""
    assert [inbox.salla(EVENT) for _ in range(3)] == [200, 200, 200]
    assert len(inbox.rows()) == 1
    assert inbox.salla(EVENT | {"data": {"id": 513}}) == 200
    assert len(inbox.rows()) == 2


def test_a_forged_delivery(inbox: Inbox) -> None:
    """With a wrong proof or none it is answered 401, and nothing is stored."""
    assert inbox.salla(EVENT, token="guessed") == 401
    assert inbox.quickbooks(quickbooks.REALM, secret="guessed") == 401
    for path in ("salla/shop", "daftra/books", "daftra/books?key=guessed", "hubspot", "quickbooks"):
        assert inbox.http.post(f"/webhooks/{path}", json=EVENT).status_code == 401
    assert inbox.rows() == []


def test_another_connections_secret_proves_nothing(inbox: Inbox) -> None:
    """Each shop has a secret of its own, and one without a secret hears nobody."""
    assert inbox.salla(EVENT, name="real-shop") == 401
    assert inbox.salla(EVENT, name="silent") == 401
    assert inbox.salla(EVENT, name="silent", token="") == 401
    assert inbox.rows() == []


def test_a_missing_secret_is_said(inbox: Inbox) -> None:
    """Who forgot to store a secret reads so, instead of looking for a wrong signature."""
    answer = inbox.http.post("/webhooks/salla/silent", json=EVENT)
    assert (answer.status_code, answer.text) == (401, "no webhook secret is stored")


@pytest.mark.parametrize("path", ["salla/nobody", "salla/books", "salla", "daftra", "stripe"])
def test_an_unknown_address(inbox: Inbox, path: str) -> None:
    """A connection or system that is not ours, or another system's, is answered 404."""
    assert inbox.http.post(f"/webhooks/{path}", json=EVENT).status_code == 404


def test_only_deliveries_are_taken(inbox: Inbox) -> None:
    """A page that somebody opens there is answered 405."""
    assert inbox.http.get("/webhooks/hubspot").status_code == 405


def test_a_body_that_is_too_large(inbox: Inbox) -> None:
    """Beyond the cap it is answered 413 whatever proves it; at the cap it is read."""
    assert inbox.salla(b" " * (BODY_CAP + 1)) == 413
    padded = json.dumps(EVENT).encode().ljust(BODY_CAP)
    assert inbox.salla(padded) == 200


def test_a_body_that_breaks_off(inbox: Inbox) -> None:
    """A sender that hangs up leaves nothing, and the next one is served."""
    port = inbox.desk.server.port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
        head = "POST /webhooks/salla/shop HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"
        sender.sendall(head.encode())
    assert inbox.salla(EVENT) == 200
    assert len(inbox.rows()) == 1


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"[" * 100_000])
def test_a_proven_body_that_is_odd(inbox: Inbox, body: bytes) -> None:
    """What Salla sent and nobody can read is answered 400; the next one is served."""
    assert inbox.salla(body) == 400
    assert inbox.salla(EVENT) == 200


def test_an_unknown_account_beside_ours(inbox: Inbox) -> None:
    """A delivery of several companies is answered 200; what is ours is stored, and only that."""
    assert inbox.quickbooks("1", quickbooks.REALM, "2") == 200
    assert inbox.rows() == [("quickbooks", quickbooks.REALM, "invoice", "130")]
    assert inbox.quickbooks("1") == 200
    assert len(inbox.rows()) == 1


def test_a_shop_speaks_for_itself_only(inbox: Inbox) -> None:
    """One shop's secret proves nothing about another shop's merchant."""
    assert inbox.salla(EVENT | {"merchant": int(salla.MERCHANT)}) == 200
    assert inbox.rows() == []


def test_daftra_names_its_connection_in_the_address(inbox: Inbox) -> None:
    """The key in the address proves it, and the connection's account is the hint's."""
    event = {"event": "Invoice created", "id": "31"}
    answer = inbox.http.post(f"/webhooks/daftra/books?key={DAFTRA_KEY}", json=event)
    assert answer.status_code == 200
    assert inbox.rows() == [("daftra", "77", "invoice created", "31")]


def test_hubspot_too_old(inbox: Inbox) -> None:
    """A right signature of six minutes ago is a replay by somebody, and is answered 401."""
    for minutes, status in ((6, 401), (1, 200)):
        stamp = str(int((time.time() - minutes * 60) * 1000))
        event = {"eventId": 1, "portalId": int(hubspot.PORTAL), "objectId": 9}
        raw = json.dumps([event | {"objectTypeId": "0-53"}]).encode()
        signed = f"POST{inbox.desk.url}/webhooks/hubspot".encode() + raw + stamp.encode()
        digest = hmac.new(hubspot.CLIENT_SECRET.encode(), signed, hashlib.sha256).digest()
        headers = {
            "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
            "X-HubSpot-Request-Timestamp": stamp,
        }
        answer = inbox.http.post("/webhooks/hubspot", content=raw, headers=headers)
        assert answer.status_code == status
    assert inbox.rows() == [("hubspot", hubspot.PORTAL, "invoice", "9")]


# --- what the stand-ins really send --------------------------------------------------------------


@contextmanager
def sending(
    app: ASGIApp, url: str, headers: Mapping[str, str] | None = None, **turned: Any
) -> Iterator[httpx.Client]:
    """Run a stand-in that tells `url` of its changes."""
    server = Server(app).start()
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        client.post("/sandbox/webhooks", json={"url": url, **turned}).raise_for_status()
        yield client
    server.stop()


def statuses(client: httpx.Client, count: int) -> list[int]:
    """Wait for `count` deliveries of a stand-in; returns how each was answered."""

    def log() -> list[dict[str, int]]:
        found: list[dict[str, int]] = client.get("/sandbox/webhooks").json()["log"]
        return found

    until(lambda: len(log()) >= count)
    return [one["status"] for one in log()]


@pytest.mark.parametrize("strategy", ["signature", "token"])
def test_salla_tells_of_a_sale(inbox: Inbox, strategy: str) -> None:
    """A clerk completes an order; both its events arrive, by either strategy."""
    shop = seed(datetime.now(UTC)).shop
    url = f"{inbox.desk.url}/webhooks/salla/real-shop"
    with sending(salla.create(shop), url, strategy=strategy) as client:
        order = shop.place(8821, {"TEA-200": 1}, Decimal(0))
        assert statuses(client, 2) == [200, 200]
    (invoice,) = shop.invoices_of(order.id)
    assert inbox.rows() == [
        ("salla", salla.MERCHANT, "order", str(order.id)),
        ("salla", salla.MERCHANT, "invoice", str(invoice.id)),
    ]


def test_a_sale_is_found_without_a_sweep(inbox: Inbox) -> None:
    """From a clerk's order over the webhook to a sync of its invoice, once for both events."""
    shop, engine = seed(datetime.now(UTC)).shop, inbox.desk.engine
    url = f"{inbox.desk.url}/webhooks/salla/real-shop"
    with sending(salla.create(shop), url, duplicate=True) as client:
        connections = inbox.desk.store.connections
        source = connections.save(
            "salla",
            "real-shop",
            str(client.base_url),
            {"token": salla.TOKEN, "webhook_secret": SALLA_SECRET},
            Account(salla.MERCHANT, "real-shop"),
            engine.clock.now(),
        )
        books = inbox.desk.route.destination
        connections.add_route(source, books, date(2026, 1, 1), ["completed"])
        order = shop.place(8821, {"TEA-200": 1}, Decimal(0))
        assert statuses(client, 4) == [200] * 4
        assert engine.hearing.follow() == 2
    (sync,) = inbox.desk.store.log.find(str(order.reference_id))
    assert (sync.route, sync.order_id) == ("real-shop:books", str(order.id))


def test_daftra_tells_of_a_deletion(inbox: Inbox) -> None:
    """An invoice that is deleted in the books is hinted at."""
    site = seed(datetime.now(UTC)).site
    number = next(one.id for one in site.documents.values() if one.type == 0)
    url = f"{inbox.desk.url}/webhooks/daftra/books?key={DAFTRA_KEY}"
    with sending(daftra.create(site), url, {"apikey": daftra.KEY}) as client:
        client.delete(f"/api2/invoices/{number}.json").raise_for_status()
        assert statuses(client, 1) == [200]
    assert inbox.rows() == [("daftra", "77", "invoice deleted", str(number))]


def test_hubspot_tells_of_a_contact(inbox: Inbox) -> None:
    """A contact that a person adds arrives, signed over our public address, once of two."""
    portal = Portal()
    url = f"{inbox.desk.url}/webhooks/hubspot"
    with sending(hubspot.create(portal), url, duplicate=True) as client:
        contact = portal.create("contacts", {"email": "sara@example.sa"})
        assert statuses(client, 2) == [200, 200]
    assert inbox.rows() == [("hubspot", hubspot.PORTAL, "contact", contact.id)]


@pytest.mark.parametrize("old", [False, True])
def test_quickbooks_tells_of_a_customer(inbox: Inbox, *, old: bool) -> None:
    """A customer that is saved in the company arrives in either format, once of two."""
    company = Company()
    url = f"{inbox.desk.url}/webhooks/quickbooks"
    with sending(quickbooks.create(company), url, old=old, duplicate=True) as client:
        saved = company.save("Customer", {"DisplayName": "Sara Ali"})
        assert statuses(client, 2) == [200, 200]
    assert inbox.rows() == [("quickbooks", quickbooks.REALM, "customer", str(saved["Id"]))]


def test_a_stand_in_that_forges(inbox: Inbox) -> None:
    """A stand-in whose proof is of another body is refused at every try."""
    company = Company()
    url = f"{inbox.desk.url}/webhooks/quickbooks"
    with sending(quickbooks.create(company), url, forge=True) as client:
        company.save("Customer", {"DisplayName": "Sara Ali"})
        assert statuses(client, 1)[0] == 401
    assert inbox.rows() == []
