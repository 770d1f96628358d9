"""One simulated process of the product: its engine, its lanes, its side of Slack.

Everything that decides is the product's own: the store's moves, the worker, presses, hints, the
outbox, the news, the digest. Here stands only what a thread would do next, as tasks.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from bot.channels import Channels
from bot.news import News
from bot.outbox import Outbox
from bot.posts import Message
from bot.sender import Sender, Waits
from bot.show import Show
from bot.subscriptions import Digests, Subscription
from handlers.actions import Actions
from handlers.gate import Gate
from handlers.telling import Teller
from sync.connectors.base import Credential, Fixed
from sync.documents import Account
from sync.engine import Engine
from sync.records import Route, Sync
from sync.store import Fenced, Store
from sync.times import Times
from sync.tokens import StoredToken
from tests.faults.books import SYSTEMS, Books, Server
from tests.faults.identity import CANARY, Identity, Shelf, Shop
from tests.faults.stage import Stage, Task, TurnLock
from tests.faults.weather import Weather
from tests.faults.workspace import CHANNEL, OpenGate, OwnChannels, Plain, Slack

LANE = "books"
SHOP = "shop"
FIXED = f"{CANARY}-fixed"
"""The key of a connection whose tokens do not end."""

TIMES = Times.of()
DIGEST_AT = time(0, 0)
RESTING = 0.3
"""How often a dispatcher with nothing to run looks whether it may give its lane back."""


class Stumble(Exception):
    """A bug of ours in the middle of an attempt."""


@dataclass
class Outside:
    """What all processes share: the database and the systems around it."""

    stage: Stage
    weather: Weather
    store: Store
    server: Server
    identity: Identity
    shelf: Shelf
    slack: Slack
    zone: ZoneInfo
    source_system: str
    paced: bool
    route: Route | None = None


@dataclass
class Process:
    """One process; `frozen` while it is stopped with all its threads."""

    name: str
    outside: Outside
    frozen: bool = False
    dead: bool = False
    running: list[int] = field(default_factory=list)
    owns: bool = False
    begun: int = 0
    """How many attempts it has begun."""

    def __post_init__(self) -> None:
        out = self.outside
        self.engine = Engine(out.store, out.stage.clock, TIMES)
        self._join_ends()
        sender = Sender(
            out.slack,
            out.store,
            cast("Channels", OwnChannels()),
            out.stage.clock,
            Waits(),
        )
        self.outbox = Outbox(out.store, sender, out.stage.clock, {})
        show = cast("Show", Plain())
        subscription = Subscription(CHANNEL, DIGEST_AT, out.zone)
        self.digests = Digests(self.engine, self.outbox.put, show, subscription)
        self.news = News(self.engine, self.outbox, show, self.digests)
        self.actions = Actions(
            self.engine,
            self.outbox,
            show,
            cast("Gate", OpenGate()),
            out.slack,
            cast("Any", None),
            self.engine.backfills,
            Teller(self.outbox, out.slack),
        )

    def _join_ends(self) -> None:
        """Let the engine's opener give the simulator's connectors instead of HTTP ones."""
        out = self.outside
        opener = self.engine.opener
        server, shop = out.server, SYSTEMS[out.server.what]
        books = Books(server, self._credential(LANE, shop))
        source = Shop(
            out.shelf,
            out.stage,
            out.weather,
            self._credential(SHOP, out.source_system),
            self._opens_source,
            out.source_system,
        )
        joined: dict[str, Callable[..., Any]] = {
            "route": lambda _route_id: out.route,
            "source": lambda _connection: source,
            "destination": lambda _connection: books,
        }
        if not out.paced:
            joined["pace"] = lambda _name: None
        vars(opener).update(joined)

    def _opens_source(self, token: str) -> bool:
        return self.outside.identity.opens(token) or not self._rotates(SHOP)

    def _rotates(self, connection: str) -> bool:
        return connection == rotating(self.outside.server)

    def _credential(self, connection: str, system: str) -> Credential:
        if not self._rotates(connection):
            return Fixed(FIXED)
        out = self.outside
        token = StoredToken(out.store, connection, system, out.stage.clock, 20.0)
        vars(token)["_lock"] = TurnLock(out.stage)
        return token

    # --- tasks ---------------------------------------------------------------------------------

    def spawn(self, name: str, work: Callable[[], object]) -> Task:
        """Begin a thread of this process; a bug in it ends only it, as a loop's guard does."""
        return self.outside.stage.spawn(f"{self.name}.{name}", self, work)

    def has(self, name: str) -> bool:
        """Return whether a thread of that name is under way."""
        tasks = self.outside.stage.tasks
        return any(task.owner is self and task.name == f"{self.name}.{name}" for task in tasks)

    def start(self, *, alone: bool) -> None:
        """Begin as the product begins: `alone` ends all leases."""
        store, now = self.outside.store, self.outside.stage.clock.now()
        if alone:
            store.lanes.expire()
            store.queue.expire_leases(now)
            self.outbox.rescue(timedelta(0))
        else:
            self.outbox.rescue()
        self.digests.recover()

    def turn(self) -> None:
        """Do what the keeper and a lane's dispatcher do at a tick."""
        store, now = self.outside.store, self.outside.stage.clock.now()
        mine = store.lanes.beat(self.name, now)
        if self.running:
            store.queue.beat(self.name, list(self.running), now, TIMES.leasing, TIMES.settling)
        self.owns = LANE in mine
        if not self.owns and LANE in store.queue.busy_lanes(now, self.name, TIMES.settling):
            self.owns = store.lanes.take(LANE, self.name, self.outside.stage.clock.now())
        if self.owns:
            width = min(2, self.engine.lanes.width(LANE))
            self._dispatch(width - len(self.running))

    def _dispatch(self, free: int) -> None:
        queue, now = self.outside.store.queue, self.outside.stage.clock.now()
        queue.retry_overdue(LANE, now, TIMES.settling)
        queue.ripen(LANE, now)
        if free > 0:
            rescued = queue.rescue(LANE, self.name, free, now, TIMES.leasing, TIMES.settling)
            self._run_all(rescued)
            free -= len(rescued)
        if free > 0:
            self._run_all(queue.claim(LANE, self.name, free, now, TIMES.leasing))
        rests = not self.running and self.outside.weather.dice.random() < RESTING
        if rests and queue.next_moment(LANE) is None:
            self.outside.store.lanes.give(LANE, self.name)
            self.owns = False

    def _run_all(self, syncs: Sequence[Sync]) -> None:
        for sync in syncs:
            self.running.append(sync.id)
            self.begun += 1
            self.spawn(f"sync-{sync.id}", lambda sync=sync: self._run(sync))  # type: ignore[misc]  # because a default binds it now

    def _run(self, sync: Sync) -> None:
        worker = self.engine.lanes.worker
        try:
            worker.run(sync)
        except Fenced:
            pass
        except Stumble:
            with suppress(Fenced):
                worker.give_up(sync, "1a2b3c4d")
        finally:
            self.running.remove(sync.id)

    def press(self, body: dict[str, Any], ack: Callable[[], Message]) -> None:
        """Hear of a press as Bolt's listener does."""
        self.actions(cast("Any", ack), body)

    def deliver(self) -> None:
        """Tell what is new, and send what is due, a few posts at most."""
        self.news._step()
        for _ in range(6):
            if self.outbox._step() > 0:
                return

    def connect(self, name: str, secret: dict[str, str]) -> None:
        """Reconnect a refused connection, as a consent does."""
        known = next(one for one in self.engine.connections() if one.name == name)
        account = Account(known.account, known.account_name)
        self.engine.connect(known.system, name, known.base_url, secret, account)


def rotating(server: Server) -> str:
    """Return the connection whose tokens end: an API key opens a search-only system."""
    return SHOP if SYSTEMS[server.what] == "daftra" else LANE
