"""Follows the hints of webhooks: asks the source what the object is now, and offers what it finds.

A hint is never believed for what it says: order, repetition and age do not matter, since the object
is read anew. What cannot be read is asked again a few times; the sweep is the net below.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from sync.clock import Clock
from sync.connectors.webhooks import Hint
from sync.errors import FixData, ReadError, Reconnect, TryLater
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
"""How many hints are looked at together; those about the same object are followed as one."""

TRIES = 8
"""How often a source that cannot be asked is asked again, before it is left to the sweep."""

KEPT = timedelta(days=30)
"""How long a hint is remembered after it was heard, so that its repetition is known as one."""


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
            guarded("hints", self._follow_all)
            self._rung.wait(self._times.tick)

    def _follow_all(self) -> None:
        while self.follow() and not self._ended:
            pass  # what was followed is heard or due later: this ends

    def follow(self) -> int:
        """Follow the hints that are due; returns how many objects were looked after."""
        waiting = self._store.hints.take(self._clock.now(), AT_ONCE)
        groups: dict[tuple[str, str, str, str], list[Waiting]] = {}
        for one in waiting:
            hint = one.hint
            about = (hint.system, hint.account, hint.entity, hint.object_id)
            groups.setdefault(about, []).append(one)
        return sum(self._follow_safely(same) for same in groups.values() if not self._ended)

    def _follow_safely(self, same: list[Waiting]) -> bool:
        return guarded(
            f"hint {same[0].id}",
            partial(self._follow, same),
            broken=lambda reference: self._again(same, f"unexpected, reference {reference}"),
        )

    def _follow(self, same: list[Waiting]) -> None:
        hint, reason = same[0].hint, None
        trouble: ReadError | None = None
        if hint.system not in SOURCES:
            log.info("told", system=hint.system, what=hint.entity, object=hint.object_id)
        for route in self._routes(hint):
            try:
                reason = self._offer_all(route, hint) or reason
            except FixData as error:
                reason = error.failure.reason
            except ReadError as error:  # another connection to the account may still be let in
                self._note(route, error)
                trouble = error
        if trouble:
            self._again(same, trouble.failure.reason, _asked_for(trouble))
            return
        if reason:
            log.warning("hint not followed", system=hint.system, reason=reason)
        self._store.hints.heard([one.id for one in same], self._clock.now(), reason)

    def _note(self, route: Route, error: ReadError) -> None:
        """Say at the route, as a sweep does, that its source must be reconnected."""
        if isinstance(error, Reconnect):
            reason, now = error.failure.reason, self._clock.now()
            self._store.connections.swept(route, now, reason, ended=False, walked=False)

    def _again(self, same: list[Waiting], reason: str, wait: timedelta = timedelta()) -> None:
        """Ask again after `wait` or later, a few times; then the sweep finds what there is."""
        ids, now = [one.id for one in same], self._clock.now()
        tries = max(one.tries for one in same)
        if tries >= TRIES:
            self._store.hints.heard(ids, now, reason)
            return
        rest = max(wait, backoff(tries, self._times.retry_base))
        self._store.hints.later(ids, now + rest, reason)

    def _routes(self, hint: Hint) -> list[Route]:
        return [
            route
            for route in self._store.connections.routes()
            if (route.source.system, route.source.account) == (hint.system, hint.account)
        ]

    def _offer_all(self, route: Route, hint: Hint) -> str | None:
        """Offer what the hint may concern; returns why a document was passed over, if one was."""
        passed_over = None
        for header in self._opener.source(route.source).hinted(hint.entity, hint.object_id):
            try:
                new = self._sweeper.offer(route, header, ENGINE, Trigger.WEBHOOK, Priority.WEBHOOK)
            except FixData as error:  # one odd document must not hide the others
                passed_over = error.failure.reason
                continue
            if new:
                self._found()
        return passed_over


def _asked_for(trouble: ReadError) -> timedelta:
    """Return how long the source wants to be left alone."""
    wait = trouble.wait if isinstance(trouble, TryLater) else None
    return wait or timedelta()
