"""The sweep: finds documents in a source that the log does not know yet.

Once a day, and at first, a sweep walks the source's list from the route's start date: the net
below everything else. The others ask for what changed since the watermark, the beginning of the
last sweep that came to its end; each source reaches back by what its index lags. Known keys are
only compared. Webhooks and backfills find documents in other ways and offer them here, under the
same rules.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from sync.clock import Clock
from sync.connectors.base import Source
from sync.documents import COPIED, Header, Kind, Order
from sync.errors import FixData, ReadError
from sync.keys import key_of
from sync.lanes import guarded
from sync.records import ENGINE, Actor, Connection, Priority, Route, Sync, Trigger
from sync.states import Status
from sync.store import Sighting, Store
from sync.systems import title_of
from sync.times import Times

log = structlog.get_logger("sweep")

WALK_EVERY = timedelta(days=1)

TURN = 0.9
"""The part of a period after which a route's sweep is due: several processes take turns."""


class Sources(Protocol):
    """Opens the source of a connection."""

    def source(self, connection: Connection) -> Source:
        """Return the connection's source."""
        ...


class Sweeper:
    """Walks the sources of all routes, again and again."""

    def __init__(
        self,
        store: Store,
        opener: Sources,
        clock: Clock,
        times: Times,
        found: Callable[[], None],
        owner: str,
    ) -> None:
        self._store = store
        self._opener = opener
        self._clock = clock
        self._times = times
        self._found = found
        self._owner = owner
        self._at_once = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self, *, at_once: bool = True) -> None:
        """Sweep every `Times.sweep` seconds; `at_once`: first now, whoever did so lately."""
        self._at_once = at_once
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
            done = guarded("sweep", self._sweep_all)
            self._stop.wait(self._times.sweep if done else self._times.tick)

    def _sweep_all(self) -> None:
        swept = {name: at for name, (at, _) in self._store.connections.sweeps().items()}
        for route in self._store.connections.routes():
            if not self._stop.is_set() and self._is_due(swept[route.name]):
                guarded(f"sweep of {route.name}", partial(self._sweep_alone, route))
        self._at_once = False

    def _is_due(self, swept_at: datetime | None) -> bool:
        """Return whether no other process has swept the route in this turn."""
        if self._at_once or swept_at is None:
            return True
        return self._clock.now() - swept_at >= TURN * timedelta(seconds=self._times.sweep)

    def _sweep_alone(self, route: Route) -> None:
        """Sweep under a lease like a lane's, which the lanes' keeper renews with its own."""
        lease, lanes = f"sweep:{route.id}", self._store.lanes
        lanes.add(lease)
        with lanes.alone(lease, self._owner, self._clock.now()) as ours:
            if ours:
                self.sweep(route)

    def sweep(self, route: Route) -> int:
        """Put every unknown document of the route's source into its lane; returns how many.

        What cannot be read leaves its reason at the route; the next sweep tries again, from the
        same watermark.
        """
        began, found, reason = self._clock.now(), 0, None
        walking = route.walked_at is None or began - route.walked_at >= WALK_EVERY
        try:
            found, reason = self._walk(route, walking=walking)
        except ReadError as error:
            if not self._stop.is_set():  # what a stop broke off is no trouble of the source
                reason = error.failure.reason
                log.warning("sweep failed", route=route.name, reason=reason)
        ended = reason is None and not self._stop.is_set()
        self._store.connections.swept(route, began, reason, ended=ended, walked=walking)
        if found:
            self._found()
        return found

    def _walk(self, route: Route, *, walking: bool) -> tuple[int, str | None]:
        """Return how many documents were new, and why one was passed over, if one was."""
        source = self._opener.source(route.source)
        if route.watermark and not walking:
            headers = source.changes(route.watermark, route.since)
        else:
            headers = source.headers(route.since)
        orders: dict[str, Order] = {}
        found, passed_over = 0, None
        for header in headers:
            if self._stop.is_set():
                break
            try:
                found += self.offer(route, header, orders=orders)
            except FixData as error:  # one odd order must not hide the documents behind it
                passed_over = f"Order {header.order_id}: {error.failure.reason}"
                log.warning("document passed over", route=route.name, reason=passed_over)
        return found, passed_over

    def offer(
        self,
        route: Route,
        header: Header,
        by: Actor = ENGINE,
        trigger: Trigger = Trigger.SWEEP,
        priority: int = Priority.SWEEP,
        *,
        batch: int | None = None,
        orders: dict[str, Order] | None = None,
    ) -> bool:
        """Put a document into the route's lane if it is to be synced; returns whether it was new.

        Whoever found it (sweep, webhook, backfill), the same rules hold: the route's statuses,
        nothing that invsync itself made, no return of a sale that was never booked, and nothing
        from before the route's start, unless a backfill (`batch`) asks for it. `orders` keeps what
        was read for the headers before. Raises ReadError where the order cannot be read.
        """
        known = self._store.log.keyed(route.id, key_for(route, header))
        if known:
            self._compare(known, header)
            return False
        if batch is None and header.issued < route.since:
            return False
        if not self.matters(route, header):
            return False
        order = self._order_of(route, header, {} if orders is None else orders)
        if order.status == COPIED:
            return False
        if header.kind is not Kind.RETURN and order.status not in route.statuses:
            return False
        return self.discover(route, header, order, by, trigger, priority, batch)

    def _order_of(self, route: Route, header: Header, orders: dict[str, Order]) -> Order:
        order = header.order or orders.get(header.order_id)
        if order is None:
            order = self._opener.source(route.source).order(header.order_id)
        orders[header.order_id] = order
        return order

    def matters(self, route: Route, header: Header) -> bool:
        """Return whether there is something to book: a voided sale only if it was booked."""
        if not header.follows_sale:
            return True
        source = route.source
        key = key_of(source.system, source.account, Kind.INVOICE, header.order_id)
        sale = self._store.log.keyed(route.id, key)
        return sale is not None and sale.status is Status.SUCCESS

    def _compare(self, known: Sync, header: Header) -> None:
        """Note on a success that its source says another amount now: it is never sent again."""
        if known.status is not Status.SUCCESS or not (header.total and known.amount):
            return
        if known.amount != header.total and not header.follows_sale:
            source, destination = title_of(known.source_system), title_of(known.destination_system)
            remark = (
                f"{source} now says {header.total}; {destination} holds {known.amount}. "
                f"Change it in {destination} by hand: a booked document is never sent again."
            )
            if self._store.work.changed(known, remark, self._clock.now()):
                self._found()

    def discover(
        self,
        route: Route,
        header: Header,
        order: Order,
        by: Actor,
        trigger: Trigger,
        priority: int,
        batch: int | None = None,
    ) -> bool:
        """Put one document into the route's lane; returns whether it was new."""
        self._store.lanes.add(route.lane)
        seen = Sighting(route, key_for(route, header), header, order)
        return self._store.queue.discover(
            seen, by, self._clock.now(), priority=priority, trigger=trigger, batch=batch
        )


def key_for(route: Route, header: Header) -> str:
    """Return our key of a document that was seen in the route's source."""
    source = route.source
    return key_of(source.system, source.account, header.kind, header.source_id)
