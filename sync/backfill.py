"""Backfills at work: history is put into its lane portion by portion, behind everything else.

A backfill is a row that one walker at a time holds by its lease. It walks its period part by part;
a part that was interrupted is walked again, which is harmless: a document is put in once. It goes
on only while few of its documents are open, so that a stop leaves little behind.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from sync.batches import BadPeriod, Batch, BatchState, Flaw, Progress, Tally
from sync.clock import Clock
from sync.crew import Crew, Left, Work
from sync.documents import Header, Order
from sync.errors import FixData, ReadError, Reconnect, TryLater
from sync.records import Actor, Priority, Route, Trigger
from sync.states import Status
from sync.store import Store
from sync.store.batches import Batches
from sync.sweep import Sources, Sweeper, key_for
from sync.times import Times

log = structlog.get_logger("backfill")

MOST_OPEN = 500
"""From so many documents that are pending or processing on, no more are put in."""

DAY = timedelta(days=1)
PARTS, LONGEST_PART = 12, timedelta(days=31)
"""A period is walked in so many parts or more: each costs a request, and tells how far it is."""

LONGEST = timedelta(days=5 * 366)
FIRST_TO_BEGIN = timedelta(hours=14)
"""A day begins first at UTC+14: what has not begun there lies in every source's future."""

LONGEST_BACKOFF = timedelta(minutes=10)
LOOK_AGAIN = timedelta(minutes=1)
"""How often a walk asks whether its source is connected again, should nobody say so."""


def check_period(first: date, last: date, now: datetime) -> None:
    """Raise BadPeriod where no backfill can walk from `first` to `last`, both included."""
    if first > last:
        raise BadPeriod(Flaw.REVERSED)
    if last > (now + FIRST_TO_BEGIN).date():
        raise BadPeriod(Flaw.FUTURE)
    if last - first > LONGEST:
        raise BadPeriod(Flaw.TOO_LONG)


def part_of(first: date, last: date) -> timedelta:
    """Return how long a part of a period is: whole days, the same whenever it is asked."""
    return min(max((last - first + DAY) // PARTS // DAY * DAY, DAY), LONGEST_PART)


class Backfills(Crew[Batch]):
    """The backfills of all routes; `found` rings whoever works what was put in.

    While `most_open` documents of a backfill are pending or processing, no more are put in.
    """

    def __init__(
        self,
        store: Store,
        opener: Sources,
        sweeper: Sweeper,
        clock: Clock,
        times: Times,
        found: Callable[[], None] = lambda: None,
        most_open: int = MOST_OPEN,
    ) -> None:
        self.store = store
        self.rows = Batches(store.database)
        super().__init__("backfill", self.rows, clock, times.tick, times.leasing)
        self.opener = opener
        self.sweeper = sweeper
        self.times = times
        self.found = found
        self.most_open = most_open
        self.tries: dict[int, int] = {}

    def work_on(self, row: Batch) -> Work:
        """Return the walk through a backfill."""
        return _Walk(self, row)

    # --- the door --------------------------------------------------------------------------------

    def begin(
        self,
        route: Route,
        first: date,
        last: date,
        by: Actor,
        receipt: str | None = None,
        message: dict[str, Any] | None = None,
    ) -> Batch:
        """Write a backfill down; it begins soon. `message` is kept for the surface.

        A receipt that was given before changes nothing. Raises BadPeriod, and AlreadyRunning while
        another backfill of the route is active.
        """
        now = self.clock.now()
        check_period(first, last, now)
        batch = self.rows.begin(route, first, last, by, receipt, now, message)
        self.ring()
        return batch

    def stop(self, batch_id: int, by: Actor) -> Batch | None:
        """Put nothing more in; what is queued is finished. Returns the backfill, or None."""
        batch = self.rows.stop(batch_id)
        log.info("stopping", backfill=batch_id, by=by.id)
        self.ring()
        return batch

    def resume(self, connection_name: str) -> None:
        """Go on with what waited for this connection: call it once it is connected again."""
        self.rows.resume(connection_name)
        self.ring()

    def progress(self, batch_id: int) -> Progress | None:
        """Return a backfill with its counts as of now, or None."""
        batch = self.rows.get(batch_id)
        if batch is None:
            return None
        held = self.store.lanes.is_held(batch.lane)
        return Progress(batch, self.rows.counts(batch_id), held)

    def active(self) -> list[Batch]:
        """Return the backfills that have not ended, oldest first."""
        return self.rows.active()


class _Walk:
    """One walker's way through one backfill."""

    def __init__(self, home: Backfills, batch: Batch) -> None:
        self._home = home
        self._batch = batch
        self._place = batch.place
        self._reason = batch.reason
        self._route = next(
            route for route in home.store.connections.routes() if route.id == batch.route_id
        )
        self._orders: dict[str, Order] = {}
        self._room = 0
        self._beat_at = home.clock.now()
        self._told = batch.place.tally.new

    def run(self) -> None:
        """Walk until the end, a trouble or a stop. Raises Left."""
        try:
            while self._place.day and self._goes_on():
                self._part(self._place.day)
            self._until_quiet()
        except Reconnect as error:
            self._place = replace(self._place, refused=error.connection)
            self._wait(error, LOOK_AGAIN)
        except TryLater as error:
            if self._home.ended:  # no trouble of the source: the next process goes on at once
                self._home.rows.leave(self._batch, self._place)
            else:
                self._wait(error, self._patience(error))
        except ReadError as error:
            self._end(BatchState.FAILED, error.failure.reason)

    def _part(self, day: date) -> None:
        """Walk from `day` to the end of its part, or until somebody stops the backfill."""
        last = min(day + part_of(self._batch.first, self._batch.last) - DAY, self._batch.last)
        self._orders.clear()
        self._place = replace(self._place, tally=self._place.before)
        for header in self._home.opener.source(self._route.source).headers(day, last):
            self._heard()
            if not self._goes_on():
                return
            self._offer(header)
        self._heard()
        tally = self._place.tally
        after = last + DAY if last < self._batch.last else None
        self._place = replace(self._place, day=after, before=tally, tally=tally)
        self._home.tries.pop(self._batch.id, None)

    def _heard(self) -> None:
        """Forget why the walk waited: the source has answered."""
        if self._reason:
            self._reason = None
            self._place = replace(self._place, refused=None)

    def _offer(self, header: Header) -> None:
        home, batch = self._home, self._batch
        seen = home.rows.seen(batch, key_for(self._route, header))
        new, odd = False, None
        try:
            new = home.sweeper.offer(
                self._route,
                header,
                batch.by,
                Trigger.BACKFILL,
                Priority.BACKFILL,
                batch=batch.id,
                orders=self._orders,
            )
        except FixData as error:  # one odd order must not hide the documents behind it
            odd = f"Order {header.order_id}: {error.failure.reason}"
            log.warning("document passed over", backfill=batch.id, reason=odd)
        self._room -= new
        tally = _counted(self._place.tally, seen, new=new, odd=odd is not None)
        self._place = replace(self._place, tally=tally, odd=odd or self._place.odd)

    def _goes_on(self) -> bool:
        """Return whether to put in more, once there is room; False where somebody stops it."""
        while self._room <= 0 or self._home.clock.now() >= self._beat_at:
            self._beat()
            if self._batch.state is BatchState.STOPPING:
                return False
            self._room = self._home.most_open - self._home.rows.open(self._batch.id)
            if self._room > 0:
                break
            self._home.rest()
        return True

    def _until_quiet(self) -> None:
        """Wait until what was put in has come to its end, then end the backfill."""
        while True:
            self._beat()
            if not self._home.rows.open(self._batch.id):
                break
            self._home.rest()
        self._end(BatchState.STOPPED if self._place.day else BatchState.DONE, None)

    def _beat(self) -> None:
        """Keep the lease and where we stand. Raises Left."""
        home = self._home
        if home.ended:
            home.rows.leave(self._batch, self._place)
            raise Left
        now = home.clock.now()
        until = now + home.times.leasing
        beaten = home.rows.beat(self._batch, self._place, self._reason, until)
        if beaten is None:
            raise Left
        self._batch = beaten
        self._beat_at = now + timedelta(seconds=home.times.tick)
        self._tell()

    def _tell(self) -> None:
        if self._place.tally.new > self._told:
            self._home.found()
        self._told = self._place.tally.new

    def _wait(self, error: ReadError, wait: timedelta) -> None:
        self._tell()
        reason, until = error.failure.reason, self._home.clock.now() + wait
        log.warning("backfill waits", backfill=self._batch.id, reason=reason)
        self._home.rows.wait(self._batch, self._place, reason, until)

    def _patience(self, error: TryLater) -> timedelta:
        """Return what the source asked for, else a wait that doubles."""
        tries = self._home.tries.get(self._batch.id, 0)
        self._home.tries[self._batch.id] = tries + 1
        doubled = timedelta(seconds=self._home.times.retry_base * 2 ** min(tries, 10))
        return error.wait or min(doubled, LONGEST_BACKOFF)

    def give_up(self, reason: str) -> None:
        """End the backfill, which a bug of ours broke off."""
        self._end(BatchState.FAILED, reason)

    def _end(self, state: BatchState, reason: str | None) -> None:
        home = self._home
        home.rows.end(self._batch, state, reason, home.clock.now())
        home.tries.pop(self._batch.id, None)
        home.found()


def _counted(tally: Tally, seen: tuple[Status, bool] | None, *, new: bool, odd: bool) -> Tally:
    """Return the tally with one more document, by what is known of it."""
    ours = new or (seen is not None and seen[1])
    known = seen is not None and not ours
    failed = known and seen is not None and seen[0] is Status.FAILED
    return Tally(
        listed=tally.listed + 1,
        new=tally.new + ours,
        known=tally.known + known,
        failed_before=tally.failed_before + failed,
        passed_over=tally.passed_over + odd,
    )
