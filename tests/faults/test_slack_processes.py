"""Several processes that send what one database holds: in order, once, and none takes a live one's.

Each process is a store of its own on the same database; what holds on SQLite must on PostgreSQL.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.posts import living
from bot.subscriptions import Digests, Subscription
from sandbox.serving import Server
from sync.engine import Engine
from sync.outward import Post, PostState
from sync.store import Store
from tests.builders import KEY, NOON, a_route, discovered, document
from tests.fakes import TurnedClock
from tests.slack.desk import TIMES
from tests.slack.mailroom import (
    CHANNEL,
    OTHER,
    LeapingClock,
    Mailroom,
    in_channel,
    said,
    workspace_running,
)
from tests.unit.bot.drawn import a_show

SECOND = timedelta(seconds=1)
NO_GAP = timedelta(0)


@pytest.fixture
def stores(database_url: str) -> Iterator[tuple[Store, Store]]:
    """Give the stores of two processes."""
    both = Store(database_url, [KEY]), Store(database_url, [KEY])
    both[0].migrate()
    yield both
    for store in both:
        store.close()


@pytest.fixture
def slack() -> Iterator[Server]:
    """Give a workspace."""
    with workspace_running() as server:
        yield server


@pytest.fixture
def rooms(database_url: str, slack: Server) -> Iterator[tuple[Mailroom, Mailroom]]:
    """Give two processes that send from one database."""
    clock = LeapingClock()
    both = Mailroom(database_url, slack, clock), Mailroom(database_url, slack, clock)
    for room in both:
        room.start(alone=False)
    yield both
    for room in both:
        room.close()


def _at_once(threads: int, work: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(threads)

    def begin(number: int) -> Any:
        barrier.wait(5)
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def _post(uid: str, channel: str = CHANNEL, key: str | None = None) -> Post:
    return Post(uid, "chat.postMessage", channel, {"text": uid}, key)


def test_a_channel_has_one_post_under_way(stores: tuple[Store, Store]) -> None:
    """However many claim at once, no channel has two posts under way, and none is overtaken."""
    for turn in range(10):
        names = [f"{turn}-{number}" for number in range(6)]
        stores[0].posts.put([_post(name, f"C{turn}") for name in names], NOON)
        claims = _at_once(6, lambda number: stores[number % 2].posts.claim(NOON, NO_GAP))
        assert [claim.uid for claim in claims if claim] == [names[0]]


def test_a_uid_is_kept_once(stores: tuple[Store, Store]) -> None:
    """A payload that two processes take at once leaves one post, and no error."""
    names = [f"u{turn}" for turn in range(10)]
    for name in names:
        _at_once(6, lambda number: stores[number % 2].posts.put([_post(name)], NOON))  # noqa: B023 - all have ended when `name` changes
    waiting = []
    while claim := stores[0].posts.claim(NOON, -SECOND):
        waiting.append(claim.uid)
        stores[0].posts.sent(claim.uid, {}, NOON)
    assert waiting == names


def test_a_uid_that_was_sent_is_not_kept_again(stores: tuple[Store, Store]) -> None:
    """What was sent stays sent, also where it has a key under which something else waits."""
    stores[0].posts.put([_post("a", key="page")], NOON)
    stores[0].posts.claim(NOON, NO_GAP)
    stores[0].posts.sent("a", {"ts": "1.1"}, NOON)
    stores[1].posts.put([_post("b", key="page")], NOON)
    stores[1].posts.put([_post("a", key="page")], NOON)
    left = stores[0].posts.claim(NOON + SECOND, NO_GAP)
    assert left is not None
    assert left.body == {"text": "b"}


def test_a_live_claim_is_not_taken_over(stores: tuple[Store, Store]) -> None:
    """A post whose process still tells that it works on it is left there, however long it takes."""
    mine, theirs = stores
    mine.posts.put([_post("a"), _post("b", "C2")], NOON)
    mine.posts.claim(NOON, NO_GAP)
    mine.posts.claim(NOON, NO_GAP)
    later = NOON + timedelta(minutes=6)
    mine.posts.touch(["a"], later)
    taken = theirs.posts.rescue(later - timedelta(minutes=5), NOON - SECOND, later)
    assert [post.uid for post in taken] == ["b"]


def test_who_takes_a_post_over_knows_that_it_may_stand(stores: tuple[Store, Store]) -> None:
    """The mark is in the row: whichever process sends the post next looks for it first."""
    mine, theirs = stores
    mine.posts.put([_post("a"), _post("b", "C2")], NOON)
    mine.posts.claim(NOON, NO_GAP)
    mine.posts.claim(NOON, NO_GAP)
    mine.posts.postpone("a", NOON, "RemoteDisconnected", asked_at=NOON)
    theirs.posts.rescue(NOON + SECOND, NOON - SECOND, NOON + SECOND)
    again = [theirs.posts.claim(NOON + 2 * SECOND, NO_GAP) for _ in range(2)]
    marks = {post.uid: post.result for post in again if post}
    assert marks == {uid: {"asked_at": NOON.isoformat()} for uid in "ab"}


def test_a_rescue_by_two_is_one(stores: tuple[Store, Store]) -> None:
    """Two processes that rescue at once do not both count the post's try."""
    stores[0].posts.put([_post("a")], NOON)
    stores[0].posts.claim(NOON, NO_GAP)
    later = NOON + SECOND
    taken = _at_once(4, lambda number: stores[number % 2].posts.rescue(later, NOON, later))
    assert sum(map(len, taken)) == 1
    row = stores[0].posts.get("a")
    assert row is not None
    assert (row.state, row.tries) == (PostState.WAITING, 1)


def test_a_zombie_cannot_settle_what_was_taken_over(stores: tuple[Store, Store]) -> None:
    """A process that slept and wakes after its post was taken over changes nothing of it."""
    mine, theirs = stores
    mine.posts.put([_post("a")], NOON)
    mine.posts.claim(NOON, NO_GAP)
    theirs.posts.rescue(NOON + SECOND, NOON - SECOND, NOON + SECOND)
    mine.posts.fail("a", "timeout", NOON + SECOND)
    row = theirs.posts.get("a")
    assert row is not None
    assert row.state is PostState.WAITING


def test_news_is_told_by_one_process(stores: tuple[Store, Store]) -> None:
    """Two processes that read the same news lead to the posts of one of them."""
    sync_id = discovered(stores[0], a_route(stores[0]), document())
    stores[0].watches.add([sync_id], "person", {"user": "U1"}, NOON)
    news, watches = stores[0].news.pending(), stores[0].watches.of(sync_id)

    def handle(number: int) -> bool:
        told = [_post(f"told by {number}")]
        return stores[number % 2].news.handled(news, told, watches, NOON)

    assert sorted(_at_once(4, handle)) == [False, False, False, True]
    first = stores[0].posts.claim(NOON, NO_GAP)
    assert first is not None
    stores[0].posts.sent(first.uid, {}, NOON)
    assert stores[0].posts.claim(NOON, -SECOND) is None


def test_two_processes_keep_the_order(rooms: tuple[Mailroom, Mailroom]) -> None:
    """Posts of two channels, put by two processes, arrive once each and in their order."""
    here, there = rooms
    there.driver.knobs(channels=[{"id": OTHER, "shared": False}])
    names = [f"message {number}" for number in range(6)]
    for number, name in enumerate(names):
        rooms[number % 2].put(in_channel(name), in_channel(name, OTHER, f"{name} there"))
    for _ in range(8):
        for room in rooms:
            room.leap(seconds=1.1)
        here.clock.sleep(0.05)
    here.until(lambda: len(here.shown()) == len(there.shown(OTHER)) == len(names), "all")
    assert here.shown() == there.shown(OTHER) == names


def test_a_digest_of_two_processes_is_one_message(rooms: tuple[Mailroom, Mailroom]) -> None:
    """Two processes that draw the same digest post it once, and the last drawing stays."""
    number = rooms[0].digest()
    for count in range(6):
        rooms[count % 2].put(living(number, CHANNEL, said(f"{71 - count} failed")))
        rooms[0].leap(seconds=1.1)
    rooms[0].until(lambda: rooms[0].shown() == ["66 failed"], "the last drawing")
    assert len(rooms[0].calls("chat.postMessage")) == 1


def test_a_digest_whose_process_died_is_posted_by_another(stores: tuple[Store, Store]) -> None:
    """Claimed and never put: a minute later another process puts it, once, whatever comes of it."""
    clock = TurnedClock()
    put: list[Post] = []
    subscription = Subscription(CHANNEL, time(0), ZoneInfo("UTC"))
    engine = Engine(stores[1], clock, TIMES)
    digests = Digests(engine, put.append, a_show(), subscription)
    stores[0].digests.claim(CHANNEL, NOON.date(), NOON - timedelta(days=1), NOON)
    digests.tick()
    assert put == []
    clock.turn(61)
    digests.tick()
    assert [post.method for post in put] == ["living"]
    stores[1].posts.put(put, NOON)
    clock.turn(61)
    digests.tick()
    assert len(put) == 1


def test_a_slow_post_is_not_sent_by_another(rooms: tuple[Mailroom, Mailroom]) -> None:
    """While a process works on a post and tells so, no other takes it; once silent, one does."""
    here, there = rooms
    here.outbox.stop()
    there.outbox.stop()
    post = in_channel("71 failed")
    here.store.posts.put([post], here.clock.now())
    here.store.posts.claim(here.clock.now(), NO_GAP)
    for _ in range(3):
        here.clock.leap(timedelta(minutes=2))
        here.store.posts.touch([post.uid], here.clock.now())
        there.outbox.rescue()
        assert there.state(post) is PostState.SENDING
    here.clock.leap(timedelta(minutes=4))
    there.outbox.rescue()
    assert there.state(post) is PostState.WAITING
