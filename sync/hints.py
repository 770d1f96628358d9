"""Follows the hints of webhooks: asks the source what the object is now, and offers what it finds.

A hint is never believed for what it says: order, repetition and age do not matter, since the object
is read anew. What cannot be read is asked again a few times; the sweep is the net below.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

import structlog

from sync.clock import Clock
from sync.connectors.webhooks import Hint
from sync.errors import FixData, ReadError
from sync.lanes import guarded
from sync.policy import backoff
from sync.records import ENGINE, Priority, Route, Trigger
from sync.store import Store
from sync.store.hints import Waiting
from sync.sweep import Sources, Sweeper
from sync.systems import SOURCES
from sync.times import Times

log = structlog.get_logger("hints")

AT_ONCE = 100
TRIES = 8
KEPT = timedelta(days=30)


class Hearing:
    """A thread that follows hints as they come; `found` is called after something new."""

    def __init__(
        self,
        store: Store,
        opener: Sources,
        sweeper: Sweeper,
        clock: Clock,
        times: Times,
        found: Callable[[], None],
    ) -> None:
        self._store = store
        self._opener = opener
        self._sweeper = sweeper
        self._clock = clock
        self._times = times
        self._found = found
        self._rung = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)

    def start(self) -> None:
        """Follow what waits, then what comes."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other hint."""
        self._ended = True
        self._rung.set()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for a running one to end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def ring(self) -> None:
        """Look now: a webhook has stored something."""
        self._rung.set()

    def forget(self) -> None:
        """Drop what was followed long ago."""
        self._store.hints.forget(self._clock.now() - KEPT)

    def _run(self) -> None:
        while not self._ended:
            self._rung.clear()
            guarded("hints", self.follow)
            self._rung.wait(self._times.tick)

    def follow(self) -> int:
        """Follow every hint that is due; returns how many objects were asked for."""
        waiting = self._store.hints.due(self._clock.now(), AT_ONCE)
        groups: dict[tuple[str, str, str, str], list[Waiting]] = {}
        for one in waiting:
            hint = one.hint
            about = (hint.system, hint.account, hint.entity, hint.object_id)
            groups.setdefault(about, []).append(one)
        for same in groups.values():
            if self._ended:
                break
            guarded(f"hint {same[0].id}", partial(self._follow, same))
        return len(groups)

    def _follow(self, same: list[Waiting]) -> None:
        hint, ids = same[0].hint, [one.id for one in same]
        try:
            found = sum(self._offered(route, hint) for route in self._routes(hint))
        except FixData as error:
            log.warning("hint not followed", system=hint.system, reason=error.failure.reason)
            self._store.hints.heard(ids, self._clock.now(), error.failure.reason)
            return
        except ReadError as error:
            self._again(same, error.failure.reason)
            return
        self._store.hints.heard(ids, self._clock.now())
        if found:
            self._found()

    def _again(self, same: list[Waiting], reason: str) -> None:
        """Ask again later, a few times; then the sweep finds what there is."""
        ids, now = [one.id for one in same], self._clock.now()
        tries = max(one.tries for one in same)
        if tries >= TRIES:
            self._store.hints.heard(ids, now, reason)
            return
        self._store.hints.later(ids, now + backoff(tries, self._times.retry_base), reason)

    def _routes(self, hint: Hint) -> Iterable[Route]:
        if hint.system not in SOURCES:
            return ()
        return [
            route
            for route in self._store.connections.routes()
            if (route.source.system, route.source.account) == (hint.system, hint.account)
        ]

    def _offered(self, route: Route, hint: Hint) -> int:
        source = self._opener.source(route.source)
        return sum(
            self._sweeper.offer(route, header, ENGINE, Trigger.WEBHOOK, Priority.WEBHOOK)
            for header in source.hinted(hint.entity, hint.object_id)
        )
