"""Several processes, one digest a day: also where the wall clock jumps or repeats an hour."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.posts import Method
from bot.render import Renderer
from bot.show import Show
from bot.subscriptions import Digests, Put, Subscription
from sync.engine import Engine
from sync.outward import Post
from sync.store import Store
from sync.times import Times
from tests.builders import KEY, a_route
from tests.fakes import TurnedClock
from tests.sqlite import fresh_file

TEMPLATES = Path(__file__).parents[2] / "templates"
CHANNEL = "C0FINANCE"
REPLICAS = 3
STEP = timedelta(minutes=30)
DAYS = 2

CASES = [
    ("Africa/Cairo", time(0, 0), date(2026, 4, 23)),
    ("America/New_York", time(2, 30), date(2026, 3, 7)),
    ("America/New_York", time(1, 30), date(2026, 10, 31)),
    ("Europe/Helsinki", time(3, 30), date(2026, 10, 24)),
    ("Asia/Riyadh", time(0, 0), date(2026, 12, 30)),
]
"""A midnight and an hour that do not exist, two hours that come twice, a new year."""


@dataclass
class Replicas:
    """Processes on one database, under one clock."""

    clock: TurnedClock
    digests: list[Digests]
    put: list[Post]

    def tick_all(self, dice: random.Random) -> None:
        """Let each ask for its digest once, in any order."""
        for one in dice.sample(self.digests, len(self.digests)):
            one.tick()


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} {case[1]:%H:%M}")
def replicas(request: pytest.FixtureRequest, database_url: str) -> Iterator[Replicas]:
    """Give three processes on the eve of a case."""
    zone_name, at, eve = request.param
    zone = ZoneInfo(zone_name)
    clock = TurnedClock(datetime.combine(eve, time(12), zone).astimezone(UTC))
    made = Replicas(clock, [], [])
    stores = [Store(database_url, [KEY]) for _ in range(REPLICAS)]
    stores[0].migrate()
    a_route(stores[0], clock.now())
    show = Show(Renderer(TEMPLATES), clock, zone)
    subscription = Subscription(CHANNEL, at, zone)
    for store in stores:
        engine = Engine(store, clock, Times.of())
        made.digests.append(Digests(engine, _into(made, store), show, subscription))
    yield made
    for store in stores:
        store.close()


def _into(made: Replicas, store: Store) -> Put:
    def put(post: Post) -> None:
        made.put.append(post)
        store.posts.put([post], made.clock.now())

    return put


def test_each_day_has_one_digest_whoever_asks(replicas: Replicas) -> None:
    """Every local day is claimed once, and its digest is put into the outbox once."""
    dice = random.Random(1)  # noqa: S311 - dice of a test
    for _ in range(DAYS * timedelta(days=1) // STEP):
        replicas.tick_all(dice)
        replicas.clock.turn(STEP.total_seconds())
    told = [post.body["digest"] for post in replicas.put if post.method == Method.LIVING]
    assert len(told) == len(set(told))
    assert len(told) == DAYS + 1  # the eve's own at once


def test_a_lost_digest_appears_a_long_day_later(tmp_path: Path) -> None:
    """A digest whose process died is put by the next one, a local day of 25 hours later too."""
    zone = ZoneInfo("America/New_York")
    clock = TurnedClock(datetime.combine(date(2026, 10, 31), time(9), zone).astimezone(UTC))
    store = Store(fresh_file(tmp_path), [KEY])
    a_route(store, clock.now())
    store.digests.claim(CHANNEL, date(2026, 10, 31), clock.now() - STEP, clock.now())
    clock.turn(timedelta(hours=24, minutes=30).total_seconds())
    made = Replicas(clock, [], [])
    show = Show(Renderer(TEMPLATES), clock, zone)
    engine = Engine(store, clock, Times.of())
    Digests(engine, _into(made, store), show, Subscription(CHANNEL, time(9), zone)).recover()
    assert [post.method for post in made.put] == [Method.LIVING]
    store.close()
