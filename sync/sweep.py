"""The sweep: finds documents in a source that the log does not know yet.

A plain walk over the source's list since the route's start date: every credit note, and each
invoice whose order stands in one of the route's statuses (Salla guide: decide by slug; there is no
"updated since", so the list is walked again and known keys are passed over).
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from sync.clock import Clock
from sync.connectors.base import Source
from sync.documents import Header, Kind, Order
from sync.errors import FixData, ReadError
from sync.keys import key_of
from sync.lanes import guarded
from sync.records import ENGINE, Actor, Connection, Priority, Route, Trigger
from sync.store import Sighting, Store
from sync.times import Times

log = structlog.get_logger("sweep")


class Sources(Protocol):
    """Opens the source of a connection."""

    def source(self, connection: Connection) -> Source:
        """Return the connection's source."""
        ...


class Sweeper:
    """Walks the sources of all routes, again and again."""

    def __init__(
        self, store: Store, opener: Sources, clock: Clock, times: Times, found: Callable[[], None]
    ) -> None:
        self._store = store
        self._opener = opener
        self._clock = clock
        self._times = times
        self._found = found
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Sweep now and then every `Times.sweep` seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other sweep, and leave a running one at its next document."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for a running sweep to leave."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            guarded("sweep", self._sweep_all)
            self._stop.wait(self._times.sweep)

    def _sweep_all(self) -> None:
        for route in self._store.connections.routes():
            guarded(f"sweep of {route.name}", partial(self.sweep, route))

    def sweep(self, route: Route) -> int:
        """Put every unknown document of the route's source into its lane; returns how many.

        What cannot be read leaves its reason at the route; the next sweep tries again.
        """
        now, found, reason = self._clock.now(), 0, None
        try:
            found, reason = self._walk(route)
        except ReadError as error:
            reason = error.failure.reason
            log.warning("sweep failed", route=route.name, reason=reason)
        self._store.connections.swept(route, now, reason)
        if found:
            self._found()
        return found

    def _walk(self, route: Route) -> tuple[int, str | None]:
        """Return how many documents were new, and why one was passed over, if one was."""
        source = self._opener.source(route.source)
        orders: dict[str, Order] = {}
        found, passed_over = 0, None
        for header in source.headers(route.since):
            if self._stop.is_set():
                break
            if self._store.log.knows(route.id, key_for(route, header)):
                continue
            try:
                order = orders.get(header.order_id) or source.order(header.order_id)
            except FixData as error:  # one odd order must not hide the documents behind it
                passed_over = f"Order {header.order_id}: {error.failure.reason}"
                log.warning("document passed over", route=route.name, reason=passed_over)
                continue
            orders[header.order_id] = order
            if header.kind is Kind.RETURN or order.status in route.statuses:
                found += self.discover(route, header, order, ENGINE, Trigger.SWEEP, Priority.SWEEP)
        return found, passed_over

    def discover(
        self,
        route: Route,
        header: Header,
        order: Order,
        by: Actor,
        trigger: Trigger,
        priority: int,
    ) -> bool:
        """Put one document into the route's lane; returns whether it was new."""
        self._store.lanes.add(route.lane)
        seen = Sighting(route, key_for(route, header), header, order)
        now = self._clock.now()
        return self._store.queue.discover(seen, by, now, priority=priority, trigger=trigger)


def key_for(route: Route, header: Header) -> str:
    """Return our key of a document that was seen in the route's source."""
    source = route.source
    return key_of(source.system, source.account, header.kind, header.source_id)
