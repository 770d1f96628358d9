"""A house of its own for a module: the far ends on loopback, the real app joined as `app.py` does.

People act through the workspace's driver; what they see is all that a test looks at, beside the
ledgers of the stand-ins. The protocol's times are short, its factors are kept.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

import app
from bot.settings import Settings
from bot.web import WebServer, listening
from demo.driver import Driver, NotSeen, buttons_of, text_of
from demo.past import remember
from demo.visit import readable
from handlers.process import serving
from handlers.surface import Surface
from sandbox import daftra, salla, workspace
from sandbox.salla.store import Invoice, Item, Order
from sandbox.seeds import Seed, seed
from sandbox.serving import Server
from sandbox.story import tell_shop
from sync.connectors.limits import LIMITS, SEARCHES, Limit
from sync.connectors.registry import check_account
from sync.connectors.spec import Spec
from sync.engine import Engine

CHANNEL = "C0FINANCE"
TOKENS = {"salla": salla.TOKEN, "daftra": daftra.KEY}
PATIENCE = 20.0
ARRIVALS = 4
"""Documents of the seeds that no log knows yet: the first sweep brings them."""

AT_ONCE = 100_000
"""Requests a minute that the store takes: its pace is tested elsewhere."""

T = TypeVar("T")
Message = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody in the channel: types, presses, looks."""

    driver: Driver
    id: str

    def looks(self) -> list[Message]:
        """Return what this person sees in the channel."""
        return self.driver.messages(CHANNEL, self.id)

    def types(self, command: str, *words: str) -> Message:
        """Type a command; return what then appears with all of `words`."""
        before = self.known()
        self._taken(self.driver.command(self.id, CHANNEL, command))
        return self.sees(*words, since=before)

    def presses(self, message: Message, label: str, *words: str) -> Message:
        """Press the button with this label; return what then appears with all of `words`."""
        before = self.known()
        self._taken(self.click(message, label))
        return self.sees(*words, since=before)

    def click(self, message: Message, label: str) -> Message:
        """Press the button with this label; return what the workspace says of it."""
        button = button_of(message, label)
        where = {name: button.get(name) for name in ("action_id", "block_id", "value")}
        return self.driver.click(self.id, channel=CHANNEL, ts=message["ts"], **where)

    def opens(self, message: Message, label: str) -> Message:
        """Press a button that opens a modal; return the modal, closed again."""
        self._taken(self.click(message, label))
        view = until(lambda: self.driver.views(self.id), "a modal")[-1]
        self.driver.close_view(self.id, view["id"])
        return view

    def sees(
        self, *words: str, since: frozenset[str] = frozenset(), seconds: float = PATIENCE
    ) -> Message:
        """Return the newest message with all of `words`; with `since`, only new or edited ones."""

        def seen(message: Message) -> bool:
            return mark_of(message) not in since and all(word in read(message) for word in words)

        return self.driver.wait_for(CHANNEL, self.id, seen, f"{words}", seconds)

    def known(self) -> frozenset[str]:
        """Return the marks of what this person sees, for `sees(since=...)`."""
        return frozenset(mark_of(message) for message in self.looks())

    def _taken(self, answer: Message) -> None:
        if not answer["ok"]:
            raise NotSeen(f"the app did not take it: {answer}")


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Return what `look` returns as soon as it is true; raises NotSeen after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotSeen(f"waited in vain for {what}")
        time.sleep(0.02)
    return found


def mark_of(message: Message) -> str:
    """Return what tells a message from others and from itself before an edit."""
    return f"{message['ts']} {text_of(message)}"


def read(shown: Message) -> str:
    """Return every word that a message or a modal shows, marks and escapes gone."""
    return readable(text_of(shown))


def button_of(message: Message, label: str) -> Message:
    """Return the button whose words or label for screen readers are `label`."""
    for one in buttons_of(message):
        if label in {one["text"]["text"], one.get("accessibility_label")}:
            return one
    raise NotSeen(f"no button {label} in:\n{text_of(message)}")


@dataclass
class House:
    """The running house."""

    seed: Seed
    salla: str
    daftra: str
    slack: str
    folder: Path
    driver: Driver
    env: dict[str, str] = field(default_factory=dict)
    sold: int = 70000
    """The order number of the newest sale."""

    def person(self, name: str) -> Person:
        """Return who acts, by the id's middle: CLERK01, ONCALL1, MANAGER, GUEST01, ..."""
        return Person(self.driver, f"U0{name}")

    @property
    def clerk(self) -> Person:
        """Layla, an operator."""
        return self.person("CLERK01")

    @property
    def oncall(self) -> Person:
        """Omar, an operator."""
        return self.person("ONCALL1")

    def sale(self, sku: str | None, buyer: int = 8821, name: str = "Widget") -> Order:
        """Put a new completed order of one item (SAR 40 net) and its Tax Invoice into the store."""
        self.sold += 1
        now = datetime.now(UTC)
        items = (Item(370000000 + self.sold, name, sku, 1, Decimal(40)),)
        one = Order(2099000000 + self.sold, self.sold, buyer, "completed", now, items)
        number, text = 1480000000 + self.sold, f"INV-{self.sold}"
        self.seed.shop.add(one, Invoice(number, text, one.id, "Tax Invoice", now, items))
        return one

    def give_back(self, order: Order) -> None:
        """Put a Credit Note for the whole order into the store."""
        number, text = 1490000000 + order.reference_id, f"CN-{order.reference_id}"
        note = Invoice(number, text, order.id, "Credit Note", datetime.now(UTC), order.items)
        self.seed.shop.add(order, note)

    def create_product(self, code: str) -> None:
        """Create a product in Daftra's own page."""
        form = {"code": code, "name": f"Product {code}"}
        httpx.post(f"{self.daftra}/owner/products", data=form)

    def set_email(self, customer: int, email: str) -> None:
        """Give a customer an e-mail in Salla's own page."""
        httpx.post(f"{self.salla}/customers/{customer}", data={"email": email})

    def fault(self, system: str, fault: str, method: str, path: str, **how: Any) -> None:
        """Let a fault wait at `salla` or `daftra`."""
        one = {"method": method, "path": path, "fault": fault, **how}
        httpx.post(f"{getattr(self, system)}/sandbox/faults", json=one).raise_for_status()

    def calm(self) -> None:
        """Take faults back that no request met."""
        for url in (self.salla, self.daftra):
            httpx.delete(f"{url}/sandbox/faults").raise_for_status()

    def booked(self, order: int) -> list[dict[str, Any]]:
        """Return the documents that the books hold for an order, by their own ledger."""
        ledger = httpx.get(f"{self.daftra}/sandbox/ledger").json()
        return [one for one in ledger["documents"] if one["po_number"] == f"SALLA-{order}"]

    def creates(self) -> int:
        """Return how many creates the books have stored, whoever asked for them."""
        return len(httpx.get(f"{self.daftra}/sandbox/ledger").json()["creates"])


@contextmanager
def opened(folder: Path, *, whole: bool = False) -> Iterator[House]:
    """Serve the three far ends until the block ends, filled (`whole`: as in the try-out)."""
    story = (tell_shop if whole else seed)(datetime.now(UTC))
    story.shop.per_minute = AT_ONCE
    links: list[dict[str, str]] = []
    apps = (
        salla.create(story.shop, links=links),
        daftra.create(story.site, links=links),
        workspace.create(links),
    )
    servers = [Server(one).start() for one in apps]
    shop, books, slack = (server.url for server in servers)
    links += [{"title": "Salla", "url": shop}, {"title": "Daftra", "url": books}]
    driver = Driver(slack)
    house = House(story, shop, books, slack, folder, driver)
    house.env = _environment(house)
    try:
        yield house
    finally:
        driver.close()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Server.stop, servers))


def _environment(house: House) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": workspace.BOT_TOKEN,
        "SLACK_APP_TOKEN": workspace.APP_TOKEN,
        "SLACK_SIGNING_SECRET": workspace.SIGNING_SECRET,
        "SLACK_API_URL": f"{house.slack}/api/",
        "INVSYNC_DATABASE_URL": f"sqlite:///{house.folder}/invsync.db",
        "INVSYNC_SECRET_KEYS": urlsafe_b64encode(b"k" * 32).decode(),
        "INVSYNC_DIGEST_CHANNEL": CHANNEL,
        "INVSYNC_DIGEST_AT": "00:00",
        "INVSYNC_TIMEZONE": "Asia/Riyadh",
        "INVSYNC_VIEWER_GROUPS": "S0VIEWERS",
        "INVSYNC_OPERATOR_GROUPS": "S0OPERATORS",
        "INVSYNC_APPROVER_GROUPS": "S0APPROVERS",
        "INVSYNC_ADMIN_GROUPS": "S0ADMINS",
        "INVSYNC_LOG_LEVEL": "ERROR",
        "INVSYNC_REQUEST_TIMEOUT_SECONDS": "2",
        "INVSYNC_SETTLE_SECONDS": "6",
        "INVSYNC_LEASE_SECONDS": "4",
        "INVSYNC_RETRY_BASE_SECONDS": "0.5",
        "INVSYNC_TICK_SECONDS": "0.2",
        "INVSYNC_SWEEP_SECONDS": "600",
    }


def fill(house: House, engine: Engine, *, past: bool = True) -> None:
    """Connect both systems, add the route, and put the documents' past into the log."""
    ends = []
    for system, name, url in (("salla", "shop", house.salla), ("daftra", "books", house.daftra)):
        spec = Spec(name, url, None, None, TOKENS[system], "", {})
        account = check_account(system, spec, engine.clock, engine.times)
        ends.append(engine.connect(system, name, url, {"token": TOKENS[system]}, account))
    days = timedelta(days=40 if past else 0)
    since = (engine.clock.now() - days).date()
    route = engine.add_route(ends[0], ends[1], since, ["completed"])
    if past:
        remember(engine, route, house.salla, house.daftra)


@contextmanager
def lived_in(
    folder: Path, *, past: bool = True, http: bool = False, whole: bool = False
) -> Iterator[House]:
    """Serve the far ends and run the app beside them; `past` False leaves all empty.

    `whole`: with the documents of the try-out, all of them known, instead of about 80.
    """
    with ExitStack() as stack:
        stack.enter_context(unpaced(*LIMITS))
        house = stack.enter_context(opened(folder, whole=whole))
        settings = Settings.model_validate(house.env)
        engine = stack.enter_context(app.opened(settings))
        if past:
            fill(house, engine)
        surface = stack.enter_context(serving(settings, engine, http=http))
        if http:
            stack.enter_context(_listening(house, surface))
        if past and not whole:
            until(lambda: house.creates() >= ARRIVALS, "the first sweep")
        yield house


@contextmanager
def unpaced(*systems: str) -> Iterator[None]:
    """Book slots at these systems without waiting: pace has tests of its own."""
    with pytest.MonkeyPatch.context() as rates:
        for limits in (LIMITS, SEARCHES):
            for system in limits.keys() & set(systems):
                rates.setitem(limits, system, Limit(1000, 1.0, burst=1000))
        yield


@contextmanager
def _listening(house: House, surface: Surface) -> Iterator[None]:
    web = WebServer(surface.site(), listening("127.0.0.1", 0))
    web.start()
    house.env["EVENTS_URL"] = f"http://127.0.0.1:{web.port}/slack/events"
    house.driver.knobs(events_url=house.env["EVENTS_URL"])
    try:
        yield
    finally:
        web.stop()
