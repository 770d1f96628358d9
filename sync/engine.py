"""The engine's door: what a surface may ask and do. It knows documents and people, not Slack."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sync.backfill import Backfills
from sync.bulk import Limits
from sync.bulks import Bulks
from sync.causes import Cause, Deed
from sync.clock import Clock
from sync.connectors.base import Source
from sync.connectors.registry import WIDTHS
from sync.documents import COPIED, Account, Order
from sync.errors import ReadError
from sync.figures import Figures, Unread, Way
from sync.fixing import Fixing
from sync.hints import Hearing
from sync.holding import Breaker, Holding
from sync.lanes import Handout, Lanes
from sync.oddities import odd_in
from sync.opener import Opener
from sync.prechecks import Prechecks
from sync.probing import Probing
from sync.records import (
    Actor,
    Answer,
    Connection,
    Filters,
    Found,
    HoldKind,
    Numbered,
    Page,
    Priority,
    Retried,
    Route,
    Sync,
    Trigger,
)
from sync.states import Status
from sync.store import Store
from sync.stories import Story
from sync.sweep import Sweeper, key_for
from sync.times import Times
from sync.watch import Watch
from sync.worker import Worker

DAY = timedelta(days=1)
RECONNECT = Actor("reconnect")
RECONNECTED = (HoldKind.REFUSED, HoldKind.BREAKER)
"""Holds that a reconnect ends: what a person has paused, a person resumes."""

PAGE = 20
NO_ROUTE = "There is no route yet: connect a source and a destination, then add the route"
_WEIGHTS = (Found.TROUBLE, Found.NOT_READY, Found.COPIED, Found.NOT_FOUND)


class OtherAccount(Exception):
    """A connection's name stands for another system or account: keys would change."""

    def __init__(self, known: Connection) -> None:
        super().__init__(f"{known.name} is {known.system}, account {known.account}")
        self.known = known


class Engine:
    """Everything joined: store, connectors, lanes and sweep."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        times: Times,
        on_news: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.times = times
        self._on_news = on_news
        self.opener = Opener(store, clock, times)
        self.lanes = Lanes(
            store,
            Worker(store, self.opener, clock, times, Breaker(store, clock, times)),
            clock,
            times,
            width=self._width,
            ended=self._tell,
            turn=self.opener.pacing.turn,
        )
        self.holding = Holding(store, self.opener, clock, times, opened=self._woken)
        self.sweeper = Sweeper(
            store, self.opener, clock, times, found=self._found, owner=self.lanes.owner
        )
        self.backfills = Backfills(
            store, self.opener, self.sweeper, clock, times, found=self._found
        )
        self.probing = Probing(store, self.opener, clock)
        self.bulks = Bulks(store, self.probing, clock, times, limits, sent=self._found)
        self.watch = Watch(store, self.probing, clock, self.lanes.owner, told=self._tell)
        self.prechecks = Prechecks(store, self.opener, clock, times)
        self.fixing = Fixing(store, self.opener, self.probing, clock, times, woken=self._woken)
        self.hearing = Hearing(store, self.opener, self.sweeper, clock, times, found=self._found)

    def start(
        self,
        *,
        alone: bool,
        sweeping: bool,
        backfilling: bool = False,
        handout: Handout | None = None,
    ) -> None:
        """Begin to work lanes; `alone`: this is the one long-running process, all leases end.

        With a `handout` lanes are asked for, not taken: its workers drain them.
        """
        if alone:
            self.store.lanes.expire()
            self.store.queue.expire_leases(self.clock.now())
        self.lanes.start(handout)
        self.holding.start()
        if sweeping:
            self.sweeper.start(at_once=alone)
            self.hearing.start()
            self.watch.start()
        if sweeping or backfilling:
            self.backfills.start(alone=alone)
            self.bulks.start(alone=alone)
            self.prechecks.start(alone=alone)

    def stop(self, grace: float = 5.0) -> None:
        """Stop claiming, let all that runs end within `grace` seconds, close connections.

        Those that an attempt still uses then are closed once it has ended.
        """
        self.sweeper.stop()
        self.hearing.stop()
        self.watch.stop()
        self.backfills.end()
        self.bulks.end()
        self.prechecks.end()
        self.holding.stop()
        self.opener.pacing.end()
        until = time.monotonic() + grace  # of them all: a supervisor does not wait for each
        ended = self.lanes.stop(grace)
        works = (self.backfills, self.bulks, self.prechecks)
        for one in (self.sweeper, self.hearing, self.watch, *works, self.holding):
            one.join(max(0.0, until - time.monotonic()))
        if ended:
            self.opener.close()
        else:  # the request of an attempt that still runs may come to its end
            threading.Thread(target=self._close_late, name="closing", daemon=True).start()

    def listen(self, on_news: Callable[[], None]) -> None:
        """Ring `on_news` after every commit that somebody may wait for."""
        self._on_news = on_news

    # --- reading -------------------------------------------------------------------------------

    def log(
        self, filters: Filters | None = None, cursor: str | None = None, limit: int = PAGE
    ) -> Page:
        """Return a page of the log, newest first. Raises BadCursor."""
        return self.store.log.page(filters or Filters(), cursor, limit)

    def sync(self, sync_id: int) -> Sync | None:
        """Return one row of the log, or None."""
        return self.store.log.sync(sync_id)

    def syncs(self, ids: Sequence[int]) -> dict[int, Sync]:
        """Return the rows with these ids, by id."""
        return self.store.log.syncs(ids)

    def find(self, number: str) -> list[Sync]:
        """Return the rows with exactly this order or document number, newest first."""
        return self.store.log.find(number)

    def story(self, sync_id: int) -> Story | None:
        """Return a sync with all that is known of it and what is odd in its data, or None."""
        story = self.store.log.story(sync_id)
        if story is None:
            return None
        causes = self.store.causes.many([one.cause_id for one in story.blockers if one.cause_id])
        found = {one.id: self._last_fix(one) for one in causes.values()}
        fixes = {cause_id: fix for cause_id, fix in found.items() if fix}
        return replace(story, oddities=odd_in(story), causes=causes, fixes=fixes)

    def _last_fix(self, cause: Cause) -> Deed | None:
        return self.store.deeds.last_fix(cause.lane, cause.error_type, cause.key)

    def figures(self, since: datetime | None = None) -> Figures:
        """Return how things stand; what was synced or resolved is counted from `since` (a day)."""
        now = self.clock.now()
        since = since or now - DAY
        by_status, retrying, waiting, synced, resolved = self.store.log.counts(since)
        causes = self.store.causes.open()
        closed = self.store.causes.closed(since)
        routes = self.routes()
        return Figures(
            by_status=by_status,
            retrying=retrying,
            waiting=waiting,
            synced_since=synced,
            ageing=self.store.causes.ageing(now.date()),
            causes=causes,
            shared=self.store.reports.shared([one for one in causes if not one.sleeps(now)]),
            holds=self.store.log.holds(),
            unread=self._unread(),
            oldest=min((cause.oldest for cause in causes if cause.count), default=None),
            resolved_since=resolved,
            unattended=self.lanes.unattended(),
            routes=[route.name for route in routes],
            ways=[_way(route) for route in routes],
            new=self.store.reports.new(since),
            closed=closed,
            menders=self.store.reports.menders(cause.id for cause in closed),
        )

    def _unread(self) -> list[Unread]:
        sweeps = self.store.connections.sweeps()
        return [
            Unread(route.source.name, route.source.system, reason, swept_at)
            for route in self.routes()
            for swept_at, reason in [sweeps[route.name]]
            if reason
        ]

    def routes(self) -> list[Route]:
        """Return every route, by name."""
        return self.store.connections.routes()

    def connections(self) -> list[Connection]:
        """Return every connection, by name."""
        return self.store.connections.all()

    # --- acting --------------------------------------------------------------------------------

    def retry(self, sync_id: int, by: Actor, receipt: str | None = None) -> Retried:
        """Send a failed or pending sync back to its lane; anything else is only answered.

        Stored before it returns; `receipt` names the payload, whose redelivery changes nothing.
        """
        now = self.clock.now()
        retried = self.store.presses.retry(sync_id, by, receipt, self.times.settling, now)
        if retried.answer in {Answer.QUEUED, Answer.HURRIED}:
            self._woken()
        return retried

    def bring(self, numbers: Sequence[str], by: Actor, route: str | None = None) -> list[Numbered]:
        """Fetch orders by number and put all their documents into their lanes; calls the source.

        Takes order numbers; a document's own number is looked up in our log. What was synced is
        left alone; what failed is retried.
        """
        answers = [self._bring(number, by, route) for number in numbers]
        self._woken()
        return answers

    def connect(
        self,
        system: str,
        name: str,
        base_url: str,
        secret: dict[str, str],
        account: Account,
        *,
        by: Actor = RECONNECT,
        api_prefix: str | None = None,
        web_url: str | None = None,
    ) -> Connection:
        """Keep a checked connection; lanes that waited for it open, their canaries first.

        Raises OtherAccount where the name stands for another system or account.
        """
        known = self.store.connections.get(name)
        if known and (known.system, known.account) != (system, account.id):
            raise OtherAccount(known)
        now = self.clock.now()
        connection = self.store.connections.save(
            system, name, base_url, secret, account, now, api_prefix=api_prefix, web_url=web_url
        )
        self.store.presses.reconnect(name, RECONNECTED, by, self.times.settling, now)
        self.backfills.resume(name)
        self._woken()
        return connection

    def add_route(
        self, source: Connection, destination: Connection, since: date, statuses: Sequence[str]
    ) -> Route:
        """Add a route, or change the options of the one between these connections."""
        self.store.lanes.add(destination.name)
        return self.store.connections.add_route(source, destination, since, statuses)

    def _bring(self, number: str, by: Actor, route_name: str | None) -> Numbered:
        """Look for the number in the source of every route; a system knows only its own."""
        routes = [route for route in self.routes() if route_name in {None, route.name}]
        if not routes:
            return Numbered(number, Found.TROUBLE, reason=NO_ROUTE)
        answers = [self._bring_along(route, number, by) for route in routes]
        found = [sync for answer in answers for sync in answer.syncs]
        if found:
            return Numbered(number, Found.FOUND, found)
        known = self.find(number)
        if known:
            return Numbered(number, Found.FOUND, [self._sent(sync, by) for sync in known])
        told = [one for one in answers if one.found is not Found.NOT_FOUND]
        return min(told, key=_weight, default=Numbered(number, Found.NOT_FOUND))

    def _bring_along(self, route: Route, number: str, by: Actor) -> Numbered:
        try:
            source = self.opener.source(route.source)
            order = source.order_by_number(number)
            if order is None:
                return Numbered(number, Found.NOT_FOUND)
            return self._bring_order(route, source, number, order, by)
        except ReadError as error:
            return Numbered(number, Found.TROUBLE, reason=error.failure.reason)

    def _bring_order(
        self, route: Route, source: Source, number: str, order: Order, by: Actor
    ) -> Numbered:
        if order.status == COPIED:
            return Numbered(number, Found.COPIED)
        if order.status not in route.statuses and not self.find(order.number):
            return Numbered(number, Found.NOT_READY, reason=order.status)
        keys = set()
        for header in source.headers_of(order):
            if not self.sweeper.matters(route, header):
                continue
            self.sweeper.discover(route, header, order, by, Trigger.PERSON, Priority.PERSON)
            keys.add(key_for(route, header))
        syncs = [sync for sync in self.find(order.number) if sync.source_key in keys]
        if not syncs:
            return Numbered(number, Found.NOT_READY, reason=order.status)
        return Numbered(number, Found.FOUND, [self._sent(sync, by) for sync in syncs])

    def _sent(self, sync: Sync, by: Actor) -> Sync:
        """Return the row after it was sent again, where it had failed."""
        if sync.status is Status.FAILED:
            return self.retry(sync.id, by).sync or sync
        return sync

    def _width(self, lane: str) -> int:
        connection = self.store.connections.get(lane)
        return self.store.holds.width(lane, WIDTHS[connection.system] if connection else 1)

    def _close_late(self) -> None:
        self.lanes.join()
        self.opener.close()

    def _woken(self) -> None:
        self.lanes.wake(urgent=True)
        self._tell()

    def _found(self) -> None:
        self.lanes.wake()
        self._tell()

    def _tell(self) -> None:
        self._on_news()


def _way(route: Route) -> Way:
    account = route.destination.account_name or route.destination.name
    return Way(route.source.system, route.destination.system, account)


def _weight(answer: Numbered) -> int:
    """Return how early an answer is told where several routes gave one: trouble first."""
    return _WEIGHTS.index(answer.found)
