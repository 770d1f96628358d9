"""Webhooks from the stand-ins to the log: sent over a socket, proven, stored, followed."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from bot.web import Health, WebServer, listening, port_of, site
from bot.webhooks import webhook_routes
from sandbox import hubspot, quickbooks, salla
from sandbox.salla.store import Invoice, Item, Order
from sandbox.seeds import seed
from sandbox.seeds_crm import Trade, seed_crm
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.documents import Account
from sync.engine import Engine
from sync.records import Sync
from sync.states import Status
from sync.store import Store
from sync.times import Times
from tests.builders import KEY
from tests.e2e.house import until

TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=0.05, tick=0.05)
FIRST_DAY = date(2026, 1, 1)
NOBODY_LISTENS = "http://127.0.0.1:9"
SECRETS = {
    "salla": {"token": salla.TOKEN, "webhook_secret": salla.SECRET},
    "hubspot": {"token": hubspot.TOKEN, "client_secret": hubspot.CLIENT_SECRET},
    "quickbooks": {"token": quickbooks.TOKEN, "webhook_secret": quickbooks.VERIFIER},
    "daftra": {"token": "k", "webhook_secret": "in-the-address"},
}
ACCOUNTS = {"salla": salla.MERCHANT, "hubspot": hubspot.PORTAL, "quickbooks": quickbooks.REALM}


@dataclass
class Wired:
    """The far ends, the endpoints and the thread that follows; no sweep and no lane runs."""

    shop: salla.Shop
    trade: Trade
    urls: dict[str, str]
    store: Store
    engine: Engine
    url: str

    def hears(self, system: str, **given: Any) -> None:
        """Let a stand-in send its webhooks here."""
        path = "/webhooks/salla/salla" if system == "salla" else f"/webhooks/{system}"
        turned = {"url": f"{self.url}{path}", **given}
        httpx.post(f"{self.urls[system]}/sandbox/webhooks", json=turned).raise_for_status()

    def answers(self, system: str, count: int = 1) -> list[int]:
        """Wait until a stand-in has delivered `count` times; returns what it was answered."""

        def told() -> list[dict[str, Any]]:
            state = httpx.get(f"{self.urls[system]}/sandbox/webhooks").json()
            return state["log"] if len(state["log"]) >= count else []

        return [one["status"] for one in until(told, f"{system}'s deliveries")]

    def quiet(self) -> bool:
        """Return whether HubSpot has nothing more to send."""
        return not httpx.get(f"{self.urls['hubspot']}/sandbox/webhooks").json()["open"]

    def found(self, number: str) -> Sync:
        """Wait until the log has a row of this order or document; returns it."""
        return until(lambda: self.store.log.find(number), number)[0]

    def add_bill(self, number: str) -> str:
        """Put an invoice into QuickBooks, like one that is there; returns its id."""
        company = self.trade.company
        row = copy.deepcopy(next(iter(company.rows["Invoice"].values())))
        for name in ("Id", "SyncToken", "MetaData"):
            del row[name]
        return str(company.add("Invoice", **{**row, "DocNumber": number})["Id"])


def sold(wired: Wired, number: int) -> None:
    """Put a completed order of one item and its Tax Invoice into Salla's store."""
    now = datetime.now(UTC)
    items = (Item(370000000 + number, "Widget", "WIDGET-001", 1, Decimal(40)),)
    order = Order(2099000000 + number, number, 8821, "completed", now, items)
    invoice = Invoice(1480000000 + number, f"INV-{number}", order.id, "Tax Invoice", now, items)
    wired.shop.add(order, invoice)


@contextmanager
def served(apps: dict[str, ASGIApp]) -> Iterator[dict[str, str]]:
    """Serve the stand-ins."""
    servers = {system: Server(app).start() for system, app in apps.items()}
    yield {system: server.url for system, server in servers.items()}
    for server in servers.values():
        server.stop()


def connect(store: Store, urls: dict[str, str]) -> None:
    """Connect every system and join the three routes."""
    now, made = SystemClock().now(), {}
    for system, secret in SECRETS.items():
        account = Account(ACCOUNTS.get(system, "9"), system.title())
        url = urls.get(system, NOBODY_LISTENS)
        made[system] = store.connections.save(system, system, url, secret, account, now)
    for source, destination, statuses in (
        ("salla", "daftra", ["completed"]),
        ("hubspot", "quickbooks", ["open", "paid"]),
        ("quickbooks", "hubspot", ["open", "paid"]),
    ):
        store.connections.add_route(made[source], made[destination], FIRST_DAY, statuses)


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    """Run the far ends, the endpoints, and the thread that follows hints."""
    now = datetime.now(UTC)
    shop, trade = seed(now).shop, seed_crm(now)
    apps = {
        "salla": salla.create(shop),
        "hubspot": hubspot.create(trade.portal),
        "quickbooks": quickbooks.create(trade.company),
    }
    store = Store(f"sqlite:///{tmp_path}/invsync.db", [KEY])
    store.migrate()
    engine = Engine(store, SystemClock(), TIMES)
    listener = listening("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port_of(listener)}"
    routes = webhook_routes(store, engine.clock, url, engine.hearing.ring)
    server = WebServer(site(Health({}), None, routes), listener)
    with served(apps) as urls:
        connect(store, urls)
        server.start()
        engine.hearing.start()
        yield Wired(shop, trade, urls, store, engine, url)
        server.stop()
        engine.stop()
        store.close()


@pytest.mark.parametrize("strategy", ["signature", "token"])
def test_salla_tells_of_a_sale(wired: Wired, strategy: str) -> None:
    """A sale, told twice as order and as invoice, is one row in the log, found by a webhook."""
    wired.hears("salla", strategy=strategy, duplicate=True)
    sold(wired, 70001)
    row = wired.found("70001")
    assert (row.status, row.document_number) == (Status.PENDING, "INV-70001")
    assert set(wired.answers("salla", 4)) == {200}
    assert len(wired.store.log.find("70001")) == 1


def test_what_nobody_signed_is_refused(wired: Wired) -> None:
    """A store without a strategy and a forged signature are answered 401, and nothing is found."""
    wired.hears("salla", strategy="none")
    sold(wired, 70002)
    assert set(wired.answers("salla")) == {401}
    wired.hears("quickbooks", forge=True)
    wired.add_bill("7002")
    assert set(wired.answers("quickbooks")) == {401}
    assert not wired.store.hints.take(wired.engine.clock.now(), 10)
    assert not wired.store.log.find("7002")


@pytest.mark.parametrize("old", [False, True])
def test_quickbooks_tells_of_a_bill(wired: Wired, old: bool) -> None:  # noqa: FBT001 - a parameter
    """An invoice of QuickBooks is found in both formats, also told backwards and twice."""
    wired.hears("quickbooks", old=old, duplicate=True, hold=True)
    wired.add_bill("7101")
    wired.add_bill("7102")
    wired.hears("quickbooks", release="reverse")
    assert wired.found("7101").id != wired.found("7102").id
    assert set(wired.answers("quickbooks", 4)) == {200}
    assert len(wired.store.log.find("7101")) == 1


def test_other_companies_in_a_delivery_harm_nobody(wired: Wired) -> None:
    """A delivery that speaks of a company we do not know as well brings the known one's bill."""
    bill = wired.add_bill("7201")
    events = [
        {"id": f"e-{realm}", "type": "qbo.invoice.created.v1", "intuitentityid": bill}
        | {"intuitaccountid": realm}
        for realm in ("999000", quickbooks.REALM)
    ]
    wired.hears("quickbooks", body=events)
    assert wired.found("7201").route == "quickbooks:hubspot"
    assert wired.answers("quickbooks") == [200]


def test_hubspot_tells_of_an_invoice(wired: Wired) -> None:
    """An invoice that staff opens in HubSpot is found; one five minutes old is refused."""
    wired.hears("hubspot")
    contact = next(iter(wired.trade.portal.objects["contacts"]))
    line = {"name": "Mug", "hs_sku": "MUG-350", "price": "12.00", "quantity": "1"}
    invoice = wired.trade.portal.sale(contact, [line])
    assert wired.found(invoice.properties["hs_number"] or "").route == "hubspot:quickbooks"
    until(wired.quiet, "the rest of HubSpot's events")
    taken = len(wired.answers("hubspot"))
    assert set(wired.answers("hubspot")) == {200}
    wired.hears("hubspot", age=301)
    wired.trade.portal.sale(contact, [line])
    assert wired.answers("hubspot", taken + 1)[taken] == 401


def test_a_source_that_is_away_is_asked_again(wired: Wired) -> None:
    """A hint that comes while Salla is down is followed once it is back."""
    down = {"method": "GET", "path": "/admin/v2/orders", "fault": "status", "times": 3}
    httpx.post(f"{wired.urls['salla']}/sandbox/faults", json=[down]).raise_for_status()
    wired.hears("salla")
    sold(wired, 70003)
    assert wired.found("70003").status is Status.PENDING
