"""The pace of connections: slots before requests, what answers teach, and when a lane may claim.

One row per limit is shared by all processes (`sync.store.paces`). Nobody is refused within
`PATIENCE`: who asks sleeps until its slot. A lane claims only while the next slot is near, so that
a person's click finds no row of sleeping attempts before it. At the end of a process nobody sleeps
on: who waits tries again later, in the next one.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from sync.clock import Clock
from sync.connectors.base import Pace
from sync.connectors.limits import LIMITS, SEARCHES, Limit, advice_of
from sync.connectors.transport import Answer, Heed
from sync.errors import ErrorType, Failure, TryLater
from sync.records import Connection
from sync.store import Store, Unavailable
from sync.store.paces import Learned
from sync.systems import title_of

log = structlog.get_logger("pacing")

PATIENCE = 30.0
"""Seconds that an attempt sleeps for a slot; where one is further away, it tries again later."""

NEAR, MOMENT = 0.25, 0.001
"""A lane claims for slots that begin within so many seconds."""

LOOK_SECONDS = 0.5
"""How often a sleeper looks whether the process ends."""

SLOWER = 0.75
"""What is left of the rate after a refusal."""

SLOWEST = 0.125
RECOVERY = 600.0
"""So many seconds after a refusal the whole rate is used again, in between a growing share."""

SAME = 0.01
"""Rates that differ by less than this share are the same."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How many rows a lane may claim now, and when it looks again, None where that is known."""

    rows: int
    again_at: datetime | None = None


def unpaced(_lane: str, free: int) -> Turn:
    """Let every free attempt begin."""
    return Turn(free)


class Pacing:
    """The paces of all connections, as this process keeps to them."""

    def __init__(self, store: Store, clock: Clock, limits: Mapping[str, Limit] = LIMITS) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._known: dict[str, Learned] = {}
        self._ended = threading.Event()

    def end(self) -> None:
        """Let nobody wait for a slot any more: who would, or does, is told to try later."""
        self._ended.set()

    def pace_of(self, connection: Connection) -> Pace:
        """Return what books and awaits a slot of the connection. It raises TryLater."""
        return lambda: self._await_slot(
            connection, connection.name, self._limits[connection.system]
        )

    def search_pace_of(self, connection: Connection) -> Pace | None:
        """Return what books and awaits a slot for a search, where these are limited apart."""
        limit = SEARCHES.get(connection.system)
        if limit is None:
            return None
        key = f"{connection.name}#search"
        return lambda: self._await_slot(connection, key, limit)

    def heed_of(self, connection: Connection) -> Heed:
        """Return what hears the connection's answers."""
        return lambda answer: self._heed(connection, answer)

    def _await_slot(self, connection: Connection, key: str, limit: Limit) -> None:
        """Book the limit's next slot and sleep until it; raises TryLater where it is far away.

        Where the system has asked for a rest meanwhile, the slot is void and another one is booked.
        """
        paces, is_ours = self._store.paces, False
        while not is_ours:
            step = 1 / self._rate(key, limit)
            slot = paces.book(key, step, limit.burst, self._clock.now(), PATIENCE)
            self._known[key] = slot.learned
            left = self._slept(slot.wait) if slot.booked else slot.wait
            if left > 0:
                reason = f"{title_of(connection.system)} asks for a slower pace"
                failure = Failure(ErrorType.RATE_LIMITED, connection.name, reason)
                raise TryLater(failure, timedelta(seconds=left))
            is_ours = slot.wait <= 0 or paces.look([key], self._clock.now())[key].closed <= 0

    def _slept(self, seconds: float) -> float:
        """Sleep for `seconds`, or until the process ends; return how many were left then."""
        while seconds > 0 and not self._ended.is_set():
            step = min(seconds, LOOK_SECONDS)
            self._clock.sleep(step)
            seconds -= step
        return seconds

    def turn(self, lane: str, free: int) -> Turn:
        """Return how many of `free` attempts may begin in a lane now.

        That is as many as have a slot of the destination near, while one of its sources has one
        too: the attempts themselves book, in the order in which they come to each request.
        """
        ends = self._ends_of(lane)
        if ends is None:
            return Turn(free)
        destination, sources = ends
        now = self._clock.now()
        slots = self._store.paces.look([one.name for one in (destination, *sources)], now)
        waits = {name: max(0.0, slot.wait) for name, slot in slots.items()}
        source_wait = min((waits.get(one.name, 0.0) for one in sources), default=0.0)
        wait = max(waits.get(destination.name, 0.0), source_wait)
        if wait > NEAR + MOMENT:
            return Turn(0, now + timedelta(seconds=wait - NEAR))
        limit = self._limits[destination.system]
        step = 1 / self._rate(destination.name, limit)
        left = slots[destination.name].wait if destination.name in slots else -limit.burst * step
        rows = min(free, 1 + int((NEAR - max(left, (1 - limit.burst) * step)) / step))
        return Turn(rows, now + timedelta(seconds=step) if rows < free else None)

    def _ends_of(self, lane: str) -> tuple[Connection, list[Connection]] | None:
        routes = [one for one in self._store.connections.routes() if one.destination.name == lane]
        if not routes:
            return None
        return routes[0].destination, [one.source for one in routes]

    def _rate(self, key: str, limit: Limit) -> float:
        known = self._known.get(key, Learned())
        return (known.rate or limit.rate) * _share(known)

    def _heed(self, connection: Connection, answer: Answer) -> None:
        """Keep what an answer teaches; a database that is away must not cost us the answer."""
        try:
            self._learn(connection, answer)
        except Unavailable as error:
            log.warning("unheeded", connection=connection.name, reason=str(error))

    def _learn(self, connection: Connection, answer: Answer) -> None:
        key, now, paces = connection.name, self._clock.now(), self._store.paces
        advice, known = advice_of(answer, now), self._known.get(key, Learned())
        if advice.wait:
            paces.delay(key, advice.wait, now)
        if advice.refused:
            paces.slow(key, max(SLOWEST, SLOWER * _share(known)), now)
        told = advice.rate
        if told and abs(told - (known.rate or 0.0)) > SAME * told:
            paces.learn(key, told, now)


def _share(known: Learned) -> float:
    """Return the share of the rate that is used now, growing back after a refusal."""
    return min(1.0, known.slowed + (1 - known.slowed) * known.ago / RECOVERY)
