"""The pacer against strict limiters, on a virtual clock: share of the limit, and refusals.

Ten workers in two processes' worth of pacers share one row; a request takes 150 ms. Time is
counted, not measured, so that the figures are the same on every machine.
"""

import heapq
import itertools
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.connectors.limits import Limit
from sync.connectors.transport import Answer
from sync.documents import Account
from sync.pacing import Pacing
from sync.records import Connection
from sync.store import Store

SHAPES = {
    "10 a second": Limit(10, 1.0),
    "500 a minute": Limit(500, 60.0),
    "2 a second": Limit(2, 1),
}
CALLS = (1, 2, 5)
"""Requests of one document."""

LATENCY = 0.15
WORKERS, PROCESSES = 10, 2
EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


class VirtualClock:
    """Time that moves on when every worker sleeps; one worker runs at a time, in a fixed order."""

    def __init__(self) -> None:
        self._at = 0.0
        self._lock = threading.Lock()
        self._sleeping: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """Return the present instant."""
        return EPOCH + timedelta(seconds=self._at)

    @property
    def spent(self) -> float:
        """How many seconds have passed since the beginning."""
        return self._at

    def sleep(self, seconds: float) -> None:
        """Let the others run until it is time."""
        event = threading.Event()
        with self._lock:
            wakes_at = self._at + max(0.0, seconds)
            heapq.heappush(self._sleeping, (wakes_at, next(self._order), event))
            self._wake_next()
        event.wait()

    def run(self, works: list[Callable[[], None]]) -> None:
        """Run all `works` until each has ended."""
        threads = [threading.Thread(target=self._work, args=(one,)) for one in works]
        for thread in threads:
            before = len(self._sleeping)
            thread.start()
            while len(self._sleeping) == before:
                thread.join(0.0005)
        with self._lock:
            self._wake_next()
        for thread in threads:
            thread.join()

    def _work(self, work: Callable[[], None]) -> None:
        event = threading.Event()
        with self._lock:
            heapq.heappush(self._sleeping, (0.0, next(self._order), event))
        event.wait()
        work()
        with self._lock:
            self._wake_next()

    def _wake_next(self) -> None:
        if self._sleeping:
            self._at, _, event = heapq.heappop(self._sleeping)
            event.set()


@dataclass
class Strict:
    """A system that refuses whatever is over its limit in any stretch of its period.

    `tells`: its answers carry rate headers, as Salla's do; others use up `shared` of its limit.
    """

    limit: Limit
    clock: VirtualClock
    tells: bool = False
    refused: int = 0
    answered: int = 0
    recent: deque[float] = field(default_factory=deque)

    def ask(self) -> Answer:
        """Answer one request that arrives now."""
        now = self.clock.spent
        while self.recent and self.recent[0] <= now - self.limit.seconds:
            self.recent.popleft()
        if len(self.recent) >= self.limit.count:
            self.refused += 1
            return Answer(429, {**self._headers(), "retry-after": "1"}, b"{}")
        self.recent.append(now)
        self.answered += 1
        return Answer(200, self._headers(), b"{}")

    def _headers(self) -> Mapping[str, str]:
        if not self.tells:
            return {}
        left = self.limit.count - len(self.recent)
        return {"x-ratelimit-limit": str(self.limit.count), "x-ratelimit-remaining": str(left)}


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: answers, refusals, and the share of the limit that was used."""

    answered: int
    refused: int
    share: float


@contextmanager
def shop() -> Iterator[tuple[Store, Connection]]:
    """Give a fresh store with one connection."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder)}/pacing.db", [KEY])
        store.migrate()
        token = {"token": "t"}
        whose = Account("9", "Books")
        yield store, store.connections.save("daftra", "books", "http://b", token, whose, EPOCH)
        store.close()


def paced(
    store: Store, connection: Connection, limit: Limit, calls: int, documents: int, *, tells: bool
) -> Run:
    """Send `documents` of `calls` requests each through pacers that know `limit`."""
    clock = VirtualClock()
    system = Strict(limit, clock, tells=tells)
    left = iter(range(documents))
    pacings = [Pacing(store, clock, {connection.system: limit}) for _ in range(PROCESSES)]

    def worker(pacing: Pacing) -> Callable[[], None]:
        pace, heed = pacing.pace_of(connection), pacing.heed_of(connection)

        def work() -> None:
            for _ in left:
                for _ in range(calls):
                    pace()
                    heed(system.ask())
                    clock.sleep(LATENCY)

        return work

    clock.run([worker(pacings[number % PROCESSES]) for number in range(WORKERS)])
    possible = limit.count / limit.seconds * clock.spent
    return Run(system.answered, system.refused, system.answered / possible)


def figures() -> Iterator[tuple[str, str]]:
    """Yield a name and what was counted, for every shape of a limit and size of a document."""
    for name, limit in SHAPES.items():
        for calls in CALLS:
            with shop() as (store, connection):
                run = paced(store, connection, limit, calls, 1000 // calls, tells=False)
            counted = f"{run.share:.1%} of the limit used, {run.refused} requests refused"
            yield f"pace, {name}, {calls} requests a document", counted
