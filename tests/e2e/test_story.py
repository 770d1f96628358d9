"""The whole story against the real engine: what failed fails again for all its reasons.

Then every cause is mended where a person would mend it, and all of it goes through.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

import httpx
import pytest
from starlette.types import ASGIApp

from demo.past import remember
from sandbox import daftra, hubspot, quickbooks, salla
from sandbox.pasts import Row
from sandbox.serving import Server
from sandbox.story import World, tell
from sandbox.story.door import Storied
from sandbox.story.switch import WAITING, TokenSwitch
from sync.clock import SystemClock
from sync.connectors.limits import LIMITS, SEARCHES, Limit
from sync.documents import Account
from sync.engine import Engine
from sync.errors import ErrorType, Failure, told_apart
from sync.records import Actor, Filters, Sync
from sync.states import Status
from sync.store import Store
from sync.times import Times
from tests.builders import KEY
from tests.e2e.test_matrix import Trading, connect, until

WHO = Actor("U0CLERK01", "Layla")
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=0.3, sweep=600, tick=0.2)
TRACE = re.compile(r" \(intuit_tid [^)]*\)")


@dataclass
class Standing:
    """The running story: what was told, who is served where, the engine between."""

    world: World
    trading: Trading
    switch: TokenSwitch

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.trading.engine

    def failed(self) -> list[Sync]:
        """Return every failed row."""
        found: list[Sync] = []
        cursor = None
        while True:
            page = self.engine.log(Filters(statuses=(Status.FAILED,)), cursor)
            found += page.rows
            if page.next is None:
                return found
            cursor = page.next

    def stops(self) -> dict[str, list[tuple[str, str, str]]]:
        """Return the blockers of every failed row by its key, without Intuit's trace ids."""
        found = {}
        for row in self.failed():
            story = self.engine.story(row.id)
            assert story is not None
            found[row.source_key] = [
                (one.error_type.value, one.key, TRACE.sub("", one.reason)) for one in story.blockers
            ]
        return found

    def retry(self) -> None:
        """Send all that failed back, and wait until each has ended."""
        tried = {row.id: row.attempts for row in self.failed()}
        for sync_id in tried:
            self.engine.retry(sync_id, WHO)
        until(lambda: all(self._ended(each, count) for each, count in tried.items()))

    def _ended(self, sync_id: int, tried: int) -> bool:
        row = self.engine.sync(sync_id)
        assert row is not None
        return row.attempts > tried and row.status in {Status.SUCCESS, Status.FAILED}

    def renew_with_oauth(self) -> None:
        """Open QuickBooks with tokens that can end, instead of the one of tests."""
        url = self.trading.urls["quickbooks"]
        issued = httpx.post(f"{url}/sandbox/token", json={"issue": True}).json()
        secret = {
            "token": issued["access_token"],
            "refresh_token": issued["refresh_token"],
            "client_id": quickbooks.CLIENT_ID,
            "client_secret": quickbooks.CLIENT_SECRET,
            "token_url": f"{url}/oauth2/v1/tokens/bearer",
        }
        account = Account(quickbooks.REALM, "Acme Trading")
        self.engine.connect("quickbooks", "ledger", url, secret, account)

    def post(self, system: str, path: str, **form: str) -> None:
        """Send a form of one of the stand-ins' pages."""
        assert httpx.post(f"{self.trading.urls[system]}{path}", data=form).is_redirect


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Serve all four systems with the whole story, and put its past into the log."""
    with ExitStack() as stack:
        rates = stack.enter_context(pytest.MonkeyPatch.context())
        for limits in (LIMITS, SEARCHES):
            for system in limits:
                rates.setitem(limits, system, Limit(1000, 1.0, burst=1000))
        store = Store(f"sqlite:///{tmp_path_factory.mktemp('story')}/invsync.db", [KEY])
        stack.callback(store.close)
        store.migrate()
        now = datetime.now(UTC)
        world = tell(now)
        world.seed.shop.per_minute = 100_000
        authority = quickbooks.authority()
        company = quickbooks.create(world.trade.company, authority=authority)
        portal = hubspot.create(world.trade.portal)
        apps: dict[str, ASGIApp] = {
            "salla": salla.create(world.seed.shop),
            "daftra": daftra.create(world.seed.site),
            "hubspot": Storied(portal, world.history["hubspot"]),
            "quickbooks": Storied(company, world.history["quickbooks"]),
        }
        servers = {system: Server(one).start() for system, one in apps.items()}
        for server in servers.values():
            stack.callback(server.stop)
        urls = {system: server.url for system, server in servers.items()}
        engine = Engine(store, SystemClock(), TIMES)
        stack.callback(engine.opener.close)
        trading = Trading(world.seed, world.trade, urls, engine)
        connect(trading, now)
        for route in engine.routes():
            ends = route.source.system, route.destination.system
            remember(engine, route, urls[ends[0]], urls[ends[1]])
        engine.start(alone=True, sweeping=False)
        stack.callback(engine.stop)
        yield Standing(world, trading, TokenSwitch(world.trade.portal, authority))


def told(world: World) -> dict[str, list[tuple[str, str, str]]]:
    """Return the blockers of every failed document of the story by its key."""
    return {
        row["key"]: [
            (one["error_type"], _kept(one).key, TRACE.sub("", one["reason"]))
            for one in row["blockers"]
        ]
        for row in past(world)
        if row["status"] == "failed"
    }


def _kept(one: Row) -> Failure:
    """Return a blocker as the log keeps it: what is unknown goes by its words."""
    return told_apart(Failure(ErrorType(one["error_type"]), one["key"], one["reason"]))


def past(world: World) -> list[Row]:
    """Return the past of every document."""
    return list(chain.from_iterable(world.history.values()))


def the_log_holds_the_figures(standing: Standing) -> None:
    """71 of 1,240 documents failed for 8 types of 22 causes, counted by type as asked."""
    by_status, *_ = standing.engine.store.log.counts(datetime.now(UTC))
    assert sum(by_status.values()) == 1240
    assert by_status[Status.FAILED] == 71
    assert by_status[Status.SUCCESS] >= 1166
    causes = standing.engine.store.causes.open()
    assert len(causes) == 22
    assert len({cause.error_type for cause in causes}) == 8
    assert (causes[0].key, causes[0].count, causes[0].releases) == ("HONEY-500", 38, 31)
    assert standing.engine.store.causes.miscounted() == []
    assert standing.stops() == told(standing.world)


def a_sweep_finds_nothing_new(standing: Standing) -> None:
    """Every document that the sources list is in the log already, and says the same amount."""
    for route in standing.engine.routes():
        assert standing.engine.sweeper.sweep(route) == 0
    by_status, *_ = standing.engine.store.log.counts(datetime.now(UTC))
    assert sum(by_status.values()) == 1240


def the_running_one_is_adopted(standing: Standing) -> None:
    """Find the create whose answer was lost by our key, not sent again."""
    number = str(standing.world.seed.names["running"])
    until(lambda: standing.engine.find(number)[0].status is Status.SUCCESS)
    assert standing.trading.creates("daftra") == 0


def what_failed_still_would_for_all_its_reasons(standing: Standing) -> None:
    """Retry all 71: each stops at exactly the blockers that its past tells."""
    standing.retry()
    assert standing.stops() == told(standing.world)


def what_is_mended_goes_through(standing: Standing) -> None:
    """With every cause mended on the pages of its system, nothing is left that failed."""
    mend(standing)

    def nothing_is_left() -> bool:
        standing.retry()  # again where QuickBooks' settings were read a moment before
        return standing.stops() == {}

    until(nothing_is_left)
    until(lambda: waiting(standing) == 0)
    by_status, *_ = standing.engine.store.log.counts(datetime.now(UTC))
    assert by_status[Status.SUCCESS] == 1240


def waiting(standing: Standing) -> int:
    """Return how many documents wait."""
    by_status, *_ = standing.engine.store.log.counts(datetime.now(UTC))
    return by_status[Status.PENDING] + by_status[Status.PROCESSING]


def sweep(standing: Standing, name: str) -> int:
    """Sweep one route; returns how many documents were new."""
    route = next(one for one in standing.engine.routes() if one.name == name)
    return standing.engine.sweeper.sweep(route)


def mend(standing: Standing) -> None:
    """Mend every cause as a person would, with the forms of the stand-ins' pages."""
    mend_shop(standing)
    mend_daftra(standing)
    mend_hubspot(standing)
    mend_quickbooks(standing)


def mend_shop(standing: Standing) -> None:
    """Give everybody an e-mail."""
    for one in standing.world.seed.shop.customers.values():
        if not one.email:
            standing.post("salla", f"/customers/{one.id}", email=f"c{one.id}@example.sa")


def mend_daftra(standing: Standing) -> None:
    """Create both products, enter the old stock anew, correct the total that is a cent off."""
    site = standing.world.seed.site
    refused = [one.id for one in site.products.values() if one.refusal]
    for code in ("HONEY-500", "widget-001"):
        standing.post("daftra", "/owner/products", code=code, name=code)
    for product in refused * 2:  # off and on again
        standing.post("daftra", f"/owner/products/{product}/status")
    for document in [one.id for one in site.documents.values() if one.off_by]:
        standing.post("daftra", f"/owner/invoices/correct/{document}")


def mend_hubspot(standing: Standing) -> None:
    """Give everybody an e-mail, and shorten the address."""
    for one in list(standing.world.trade.portal.objects["contacts"].values()):
        if not one.properties.get("email"):
            email = f"h{one.id}@example.com"
            standing.post("hubspot", f"/contacts/{one.id}/email", email=email)
        if one.properties.get("address"):
            standing.post("hubspot", f"/contacts/{one.id}/address", address="12 Canal Street")


def mend_quickbooks(standing: Standing) -> None:
    """Open the books, activate the tax, enter the old stock anew, free the numbers."""
    company = standing.world.trade.company
    standing.post("quickbooks", "/app/books", day="")
    for row in list(company.rows["Customer"].values()):
        if "PrimaryEmailAddr" not in row:
            email = f"q{row['Id']}@example.com"
            standing.post("quickbooks", f"/app/customers/{row['Id']}", email=email)
    for number in [one["Id"] for one in company.rows["TaxCode"].values() if not one["Active"]]:
        standing.post("quickbooks", f"/app/taxes/{number}/active")
    for item in list(company.refusals) * 2:  # off and on again
        standing.post("quickbooks", f"/app/items/{item}/active")
    for row in list(company.rows["Invoice"].values()):
        if row["DocNumber"].startswith("HS-") and "invsync" not in row["PrivateNote"]:
            path = f"/app/invoice/{row['Id']}/number"
            standing.post("quickbooks", path, number=f"OLD-{row['Id']}")


def the_switch_lets_312_wait(standing: Standing) -> None:
    """Without its token QuickBooks takes nothing: one says so, 312 wait, worth 1.2 million."""
    standing.renew_with_oauth()
    standing.switch()
    assert sweep(standing, "crm:ledger") == WAITING + 1
    until(lambda: waiting(standing) == WAITING and len(standing.failed()) == 1)
    (hold,) = standing.engine.store.log.holds()
    assert (hold.connection, hold.waiting) == ("ledger", WAITING)
    (amount,) = hold.amounts
    assert (amount.currency, round(amount.amount / 100_000)) == ("USD", 12)
    standing.switch()
    assert sweep(standing, "crm:ledger") == 0


def test_the_story_is_true_from_its_past_to_its_last_document(standing: Standing) -> None:
    """The log holds what was told, all of it would fail so again, and all of it can be mended."""
    the_log_holds_the_figures(standing)
    a_sweep_finds_nothing_new(standing)
    the_running_one_is_adopted(standing)
    what_failed_still_would_for_all_its_reasons(standing)
    what_is_mended_goes_through(standing)
    the_switch_lets_312_wait(standing)
