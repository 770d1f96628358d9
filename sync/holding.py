"""Holding lanes: a breaker for connections that are silent, pauses by people, and probes.

Nothing behind a held lane is tried, so nothing of its retries is used up. A breaker asks its
connection by itself, at growing distances, with the harmless read that also checks a new one; the
first answer opens the lane for one attempt, and each success lets twice as many run.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

import structlog

from sync.clock import Clock
from sync.connectors.base import Destination, Source
from sync.errors import ReadError, Reconnect, TryLater
from sync.lanes import guarded
from sync.policy import backoff
from sync.records import Actor, Connection, HoldKind, Sync
from sync.store import Store
from sync.store.holds import Probe, Trouble
from sync.times import Times

log = structlog.get_logger("holding")

IN_A_ROW = 5
"""So many attempts without an answer, one after the other, hold a lane."""

LAST, ENOUGH = 20, 10
"""Of the last so many attempts, once there are enough, more than half without an answer do too."""

LONGEST_PAUSE = timedelta(minutes=5)


class Pausing(StrEnum):
    """What came of a person's pause or resume."""

    DONE = "done"
    ALREADY = "already"
    """Every lane was held already and not by a breaker of this connection, or none was paused."""

    UNKNOWN = "unknown"
    """There is no connection of that name, or no route uses it."""


@dataclass(slots=True)
class _Recent:
    """The last attempts at one connection: True for an answer, False for silence."""

    answers: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST))

    def trips(self) -> bool:
        """Return whether this is an outage."""
        last = list(self.answers)[-IN_A_ROW:]
        if len(last) == IN_A_ROW and not any(last):
            return True
        return len(self.answers) >= ENOUGH and 2 * sum(self.answers) < len(self.answers)


class Breaker:
    """Holds a lane whose connection is silent; told by workers how their attempts went."""

    def __init__(self, store: Store, clock: Clock, times: Times) -> None:
        self._store = store
        self._clock = clock
        self._times = times
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, str], _Recent] = {}

    def answered(self, lane: str, connection: str) -> None:
        """Hear that a connection answered an attempt of this lane."""
        with self._lock:
            self._of(lane, connection).answers.append(True)

    def silent(self, sync: Sync, connection: str, reason: str) -> None:
        """Hear that it gave no answer, or a server's error; holds the lane where that is much."""
        with self._lock:
            recent = self._of(sync.lane, connection)
            recent.answers.append(False)
            trips = recent.trips()
        releasing, probes = self._store.holds.release(sync.lane)
        if not (trips or releasing):
            return
        now = self._clock.now()
        probe_at = now + pause_after(probes, self._times)
        trouble = Trouble(connection, HoldKind.BREAKER, reason, probe_at=probe_at)
        if self._store.holds.hold(sync.lane, trouble, now):
            log.warning("held", lane=sync.lane, connection=connection, reason=reason)
            with self._lock:
                recent.answers.clear()

    def _of(self, lane: str, connection: str) -> _Recent:
        return self._recent.setdefault((lane, connection), _Recent())


def pause_after(probes: int, times: Times) -> timedelta:
    """Return how long a breaker waits after so many probes in vain: doubling, 5 minutes at most."""
    return min(backoff(probes, times.retry_base), LONGEST_PAUSE)


class Opens(Protocol):
    """Opens connections (implemented by `sync.opener.Opener`)."""

    def source(self, connection: Connection) -> Source:
        """Return the connection's source."""
        ...

    def destination(self, connection: Connection) -> Destination:
        """Return the connection's destination."""
        ...


class Holding:
    """Pauses, probes and the ends of holds; `opened` is called when a lane was let go."""

    def __init__(
        self,
        store: Store,
        opener: Opens,
        clock: Clock,
        times: Times,
        *,
        opened: Callable[[], None],
    ) -> None:
        self._store = store
        self._opener = opener
        self._clock = clock
        self._times = times
        self._opened = opened
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="holding", daemon=True)

    def start(self) -> None:
        """Begin to probe."""
        self._thread.start()

    def stop(self) -> None:
        """Probe nothing more."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for a running probe to end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def pause(self, name: str, by: Actor) -> Pausing:
        """Hold the lanes that the connection feeds or is the end of, until someone resumes it.

        A breaker of the connection hands its lanes over: else it would open them by itself.
        """
        lanes = self._lanes_of(name)
        if not lanes:
            return Pausing.UNKNOWN
        now = self._clock.now()
        trouble = Trouble(name, HoldKind.PAUSED, "Paused by a person", by=by)
        holds = self._store.holds
        held = [holds.hold(lane, trouble, now) or holds.turn(lane, trouble, now) for lane in lanes]
        self._opened()
        return Pausing.DONE if any(held) else Pausing.ALREADY

    def resume(self, name: str) -> Pausing:
        """Let the lanes go that were paused for the connection."""
        if not self._lanes_of(name):
            return Pausing.UNKNOWN
        opened = self._store.holds.open(name, self._clock.now(), (HoldKind.PAUSED,))
        if opened is None:
            return Pausing.ALREADY
        self._opened()
        return Pausing.DONE

    def look(self) -> None:
        """Make the probes that are due, and end the holds whose syncs have gone."""
        now = self._clock.now()
        for probe in self._store.holds.due(now):
            next_at = now + pause_after(probe.probes + 1, self._times)
            if self._store.holds.claim(probe, next_at):
                guarded(f"probe of {probe.connection}", partial(self._probe, probe))
        for hold in self._store.holds.stories(now):
            if hold.opened_at and not hold.ended_at and not hold.going.left:
                self._store.holds.end(hold.id, now)
                self._opened()

    def _lanes_of(self, name: str) -> set[str]:
        return {
            route.destination.name
            for route in self._store.connections.routes()
            if name in {route.source.name, route.destination.name}
        }

    def _probe(self, probe: Probe) -> None:
        connection = self._store.connections.get(probe.connection)
        if connection is None:
            return
        try:
            self._ask(connection, probe.lane)
        except Reconnect as refused:
            trouble = Trouble(connection.name, HoldKind.REFUSED, refused.failure.reason)
            self._store.holds.turn(probe.lane, trouble, self._clock.now())
            self._opened()
            return
        except TryLater as silent:
            log.info("probed", connection=connection.name, reason=silent.failure.reason)
            self._opened()
            return
        except ReadError as answered:
            log.info("probed", connection=connection.name, reason=answered.failure.reason)
        self._store.holds.open(connection.name, self._clock.now(), (HoldKind.BREAKER,))
        self._opened()

    def _ask(self, connection: Connection, lane: str) -> None:
        if connection.name == lane:
            self._opener.destination(connection).check()
        else:
            self._opener.source(connection).check()

    def _keep(self) -> None:
        while not self._stopping.wait(self._times.tick):
            guarded("holding", self.look)
