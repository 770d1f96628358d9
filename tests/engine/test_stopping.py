"""The end of a process: nothing sleeps on, and what was opened is closed."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import daftra, salla
from sandbox.seeds import Seed, seed
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.documents import Account
from sync.engine import Engine
from sync.errors import ErrorType, TryLater
from sync.records import TERMINAL, Found, Route
from sync.states import Status
from sync.store import Store
from sync.times import Times
from tests.builders import KEY
from tests.sqlite import fresh_file

PATIENCE = 10.0
ORDERS = "/admin/v2/orders"


@dataclass
class Watched:
    """ASGI: calls `met` before the first request below ORDERS reaches `app`."""

    app: ASGIApp
    met: Callable[[], None] = lambda: None
    asked: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["path"].startswith(ORDERS) and not self.asked.is_set():
            self.asked.set()
            self.met()
        await self.app(scope, receive, send)


@dataclass
class House:
    """An engine between a shop and books that are served."""

    engine: Engine
    shop: Watched
    route: Route
    story: Seed

    @property
    def store(self) -> Store:
        """The engine's own."""
        return self.engine.store

    def slows_down(self) -> None:
        """Let the shop ask for half a minute's rest as soon as it is asked for an order."""
        self.shop.met = lambda: self.store.paces.delay("shop", 25.0, datetime.now(UTC))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Serve shop and books and connect them; nothing runs yet."""
    story = seed(datetime.now(UTC))
    shop = Watched(salla.create(story.shop))
    servers = [Server(shop).start(), Server(daftra.create(story.site)).start()]
    store = Store(fresh_file(tmp_path), [KEY])
    engine = Engine(store, SystemClock(), Times.of(request_timeout=5, settle=15))
    now = engine.clock.now()
    tokens = {"salla": salla.TOKEN, "daftra": daftra.KEY}
    ends = [
        store.connections.save(
            system, name, server.url, {"token": tokens[system]}, Account("7", name), now
        )
        for (system, name), server in zip(
            (("salla", "shop"), ("daftra", "books")), servers, strict=True
        )
    ]
    route = engine.add_route(ends[0], ends[1], (now - timedelta(days=40)).date(), ["completed"])
    yield House(engine, shop, route, story)
    store.close()
    for server in servers:
        server.stop()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def seconds_to_stop(engine: Engine) -> float:
    """Stop the engine; return how long that took."""
    began = time.monotonic()
    engine.stop()
    return time.monotonic() - began


def asleep(house: House) -> bool:
    """Return whether somebody has booked a slot of the shop behind its rest."""
    return house.store.paces.look(["shop"], datetime.now(UTC))["shop"].wait > 25.0


def test_an_attempt_does_not_sleep_on(house: House) -> None:
    """An attempt that sleeps for its slot goes back into its lane, and the engine has ended."""
    engine, number = house.engine, str(house.story.names["honey"])
    engine.bring([number], TERMINAL)
    (row, *_) = house.store.log.find(number)
    house.shop.asked.clear()
    house.slows_down()
    engine.start(alone=True, sweeping=False)
    assert house.shop.asked.wait(PATIENCE)
    until(lambda: asleep(house))
    assert seconds_to_stop(engine) < 3.0
    kept = engine.sync(row.id)
    assert kept
    assert (kept.status, kept.error_type) == (Status.PENDING, ErrorType.RATE_LIMITED)
    with pytest.raises(TryLater, match="being stopped"):
        engine.opener.source(house.route.source)


def test_a_sweep_does_not_sleep_on(house: House) -> None:
    """A sweep that a stop breaks off ends at once, and says nothing against the source."""
    house.slows_down()
    house.engine.start(alone=True, sweeping=True)
    assert house.shop.asked.wait(PATIENCE)
    until(lambda: asleep(house))
    assert seconds_to_stop(house.engine) < 3.0
    assert [reason for _, reason in house.store.connections.sweeps().values()] == [None]


def test_a_late_attempt_closes_what_it_used(house: House) -> None:
    """An attempt that outlives the stop keeps its connections until it ends, and no longer."""
    engine, number = house.engine, str(house.story.names["honey"])
    engine.bring([number], TERMINAL)
    house.shop.asked.clear()
    answering = threading.Event()
    house.shop.met = lambda: held_back(answering)
    engine.start(alone=True, sweeping=False)
    assert house.shop.asked.wait(PATIENCE)
    engine.stop(grace=0.1)
    assert not is_closed(house)
    answering.set()
    until(lambda: is_closed(house))


def held_back(answering: threading.Event) -> None:
    """Hold the answer back until the test lets it go."""
    assert answering.wait(PATIENCE)


def is_closed(house: House) -> bool:
    """Return whether nothing can be opened any more."""
    try:
        house.engine.opener.source(house.route.source)
    except TryLater:
        return True
    return False


def test_who_asks_after_the_end_is_told_so(house: House) -> None:
    """A person whose order is looked up after the stop reads why, and nothing is opened."""
    house.engine.stop()
    (answer,) = house.engine.bring([str(house.story.names["honey"])], TERMINAL)
    assert answer.found is Found.TROUBLE
    assert "being stopped" in (answer.reason or "")
    assert not house.shop.asked.is_set()
