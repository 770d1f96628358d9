"""A lane at work on a real database, and a trouble that strikes it at a named point."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sync import points
from sync.clock import SystemClock
from sync.lanes import Lanes
from sync.records import Sync
from sync.states import Status
from sync.store import Persistence, Store
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop

TIMES = Times.of(request_timeout=0.1, settle=0.4, lease=0.3, retry_base=0.1, tick=0.05)
PATIENT = Times.of(request_timeout=10, settle=60, lease=40, retry_base=0.1, tick=0.05)
"""Times under which no rescue comes within a test: only a repeated write can end an attempt."""

CLOCK = SystemClock()
BUSY = 0.2
"""Seconds that a write waits for the lock here, instead of fifteen."""

LONGER = 0.6
"""Seconds that a trouble lasts: several waits long."""

LANE = "books"
DOCUMENTS = 5


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Poll until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@dataclass
class House:
    """A store with a lane at work."""

    store: Store
    shop: Shop
    books: Books
    lanes: Lanes
    ids: list[int] = field(default_factory=list)

    def fill(self, count: int = DOCUMENTS) -> None:
        """Let the engine discover documents."""
        route = self.store.connections.routes()[0]
        for number in range(count):
            one = document(str(number), number=f"I{number}", of=order(str(4000 + number)))
            self.shop.add(one)
            self.ids.append(discovered(self.store, route, one, datetime.now(UTC)))

    def rows(self) -> list[Sync]:
        """Return the syncs as they stand."""
        return list(self.store.log.syncs(self.ids).values())

    def done(self) -> bool:
        """Return whether every sync is a success."""
        return {row.status for row in self.rows()} == {Status.SUCCESS}

    def close(self) -> None:
        """End it."""
        points.watch(None)
        self.lanes.stop(5)
        self.store.close()

    def settled_once(self) -> None:
        """Wait for the end: every sync a success, each document in the books once."""
        until(self.done)
        keys = Counter(entry.booked.key for entry in self.books.ledger)
        assert keys == Counter(row.source_key for row in self.rows())


def house_on(url: str, persistence: Persistence | None = None, times: Times = TIMES) -> House:
    """Return a house on a database, whose store soon gives up waiting for a lock."""
    store = Store(url, [KEY], busy_seconds=BUSY, persistence=persistence)
    store.migrate()
    a_route(store)
    shop, books = Shop(), Books(CLOCK)
    worker = Worker(store, Ends(shop, books), CLOCK, times)
    lanes = Lanes(store, worker, CLOCK, times, width=lambda _: 2, ended=lambda: None)
    return House(store, shop, books, lanes)


class Strike:
    """Lets a trouble begin at a point, the first time it is reached, for `seconds`."""

    def __init__(
        self,
        trouble: Callable[[], AbstractContextManager[None]],
        where: str,
        seconds: float = LONGER,
    ) -> None:
        self._trouble = trouble
        self._where = where
        self._seconds = seconds
        self._once = threading.Lock()
        self.struck = threading.Event()
        self.over = threading.Event()
        points.watch(self._reached)

    def _reached(self, name: str) -> None:
        if name != self._where or not self._once.acquire(blocking=False):
            return
        stack = ExitStack()
        stack.enter_context(self._trouble())
        self.struck.set()
        threading.Timer(self._seconds, self._end, args=(stack,)).start()

    def _end(self, stack: ExitStack) -> None:
        stack.close()
        self.over.set()
