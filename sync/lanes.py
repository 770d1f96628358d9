"""Lanes at work: who claims, who runs, who is woken. The rows rule; threads only decide when.

One keeper thread TAKEs lanes with work, BEATs once a tick and hears `wake`. Each taken lane has a
dispatcher, which claims for its free threads and holds the timer of what ripens. Attempts run in
daemon threads: a stuck request never keeps the process, its lease hands the row on.
"""

import os
import socket
import threading
import traceback
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from sync.clock import Clock
from sync.records import Sync
from sync.store import Fenced, Store
from sync.times import Times
from sync.worker import Worker

log = structlog.get_logger("lanes")

LINGER = timedelta(seconds=60)
"""The longest a dispatcher waits for one moment before it looks again."""


def owner_name() -> str:
    """Return a name for this process that no other, also a later one, shares."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class Lanes:
    """All lanes of this process."""

    def __init__(
        self,
        store: Store,
        worker: Worker,
        clock: Clock,
        times: Times,
        *,
        width: Callable[[str], int],
        ended: Callable[[], None],
    ) -> None:
        self.store = store
        self.worker = worker
        self.clock = clock
        self.times = times
        self.width = width
        self.ended = ended
        self.owner = owner_name()
        self.beaten_at = clock.now()
        self._rung = threading.Condition()
        self._ring = False
        self._stopping = False
        self._taken: dict[str, _Lane] = {}
        self._keeper = threading.Thread(target=self._keep, name="lanes", daemon=True)

    def start(self) -> None:
        """Begin to keep lanes."""
        self._keeper.start()

    def wake(self) -> None:
        """Look at once: something was put into a lane. Call it after the commit."""
        with self._rung:
            self._ring = True
            self._rung.notify_all()

    def stop(self, grace: float) -> None:
        """Claim nothing more, wait up to `grace` seconds for running attempts, give lanes back."""
        with self._rung:
            self._stopping = True
            self._rung.notify_all()
        deadline = self.clock.now() + timedelta(seconds=grace)
        if self._keeper.is_alive():  # first: it may be taking a lane
            self._keeper.join(grace)
        for lane in self._taken.values():
            lane.stop()
        for lane in self._taken.values():
            lane.join(max(0.0, (deadline - self.clock.now()).total_seconds()))

    def _keep(self) -> None:
        while not self._stopping:
            guarded("keeper", self._tick)
            with self._rung:
                if not (self._ring or self._stopping):
                    self._rung.wait(self.times.tick)
                self._ring = False

    def _tick(self) -> None:
        now = self.clock.now()
        if now - self.beaten_at >= timedelta(seconds=self.times.tick):
            mine = self.store.lanes.beat(self.owner, now)
            running = [sync_id for lane in self._taken.values() for sync_id in lane.running()]
            self.store.queue.beat(self.owner, running, now, self.times.leasing, self.times.settling)
            self.beaten_at = now
            for name, lane in list(self._taken.items()):
                if name not in mine:
                    lane.stop()
        self._taken = {name: lane for name, lane in self._taken.items() if lane.alive}
        for name in self.store.queue.busy_lanes(now):
            self._serve(name)

    def _serve(self, name: str) -> None:
        if self._stopping:
            return
        lane = self._taken.get(name)
        if lane:
            lane.ring()
        elif self.store.lanes.take(name, self.owner, self.clock.now()):
            self._taken[name] = _Lane(self, name)
            self._taken[name].start()


class _Lane:
    """One lane that this process holds."""

    def __init__(self, lanes: Lanes, name: str) -> None:
        self._lanes = lanes
        self._name = name
        self._width = lanes.width(name)
        self._running: list[int] = []
        self._changed = threading.Condition()
        self._dirty = True
        self._stopping = False
        self._over = False
        self._look_at = lanes.clock.now()
        self._moment: datetime | None = None
        self._thread = threading.Thread(target=self._dispatch, name=f"lane-{name}", daemon=True)

    @property
    def alive(self) -> bool:
        return not self._over

    def running(self) -> list[int]:
        with self._changed:
            return list(self._running)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        with self._changed:
            self._dirty = True
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _dispatch(self) -> None:
        done = False
        while not (done or self._stopping):
            with self._changed:
                self._dirty = False
            if guarded(self._name, self._turn):
                done = self._idle()
            else:
                self._rest()
        with self._changed:
            while self._running:
                self._changed.wait()
        guarded(self._name, lambda: self._lanes.store.lanes.give(self._name, self._lanes.owner))
        self._over = True
        self._lanes.wake()  # look once more: something may have come while it was given back

    def _turn(self) -> None:
        lanes, now = self._lanes, self._lanes.clock.now()
        free = self._width - len(self._running)
        if now >= self._look_at:
            free -= self._look(free, now)
        if free > 0:
            claimed = lanes.store.queue.claim(
                self._name, lanes.owner, free, now, lanes.times.leasing
            )
            self._run_all(claimed)
        self._moment = lanes.store.queue.next_moment(self._name)

    def _look(self, free: int, now: datetime) -> int:
        """Look for what became due, ripe or orphaned: at its moment, under load once a tick."""
        lanes, queue = self._lanes, self._lanes.store.queue
        self._look_at = now + timedelta(seconds=lanes.times.tick)
        queue.retry_overdue(self._name, now, lanes.times.settling)
        queue.ripen(self._name, now)
        if free <= 0:
            return 0
        rescued = queue.rescue(
            self._name, lanes.owner, free, now, lanes.times.leasing, lanes.times.settling
        )
        self._run_all(rescued)
        return len(rescued)

    def _run_all(self, syncs: list[Sync]) -> None:
        for sync in syncs:
            with self._changed:
                self._running.append(sync.id)
            threading.Thread(
                target=self._run, args=(sync,), name=f"sync-{sync.id}", daemon=True
            ).start()
        if syncs:
            self._lanes.ended()

    def _run(self, sync: Sync) -> None:
        try:
            guarded(
                f"sync {sync.id}",
                lambda: self._lanes.worker.run(sync),
                broken=lambda reference: self._lanes.worker.give_up(sync, reference),
                fenced=self.stop,
            )
            guarded(self._name, self._stop_if_held)
        finally:
            with self._changed:
                self._running.remove(sync.id)
                self._dirty = True
                self._changed.notify_all()
            guarded(self._name, self._lanes.ended)

    def _stop_if_held(self) -> None:
        if self._lanes.store.lanes.is_held(self._name):
            self.stop()

    def _rest(self) -> None:
        """Wait a tick after a bug or while the database is away: a failing turn must not spin."""
        with self._changed:
            if not self._stopping:
                self._changed.wait(self._lanes.times.tick)

    def _idle(self) -> bool:
        """Wait until there is something to look at; True where the lane may be given back."""
        moment = self._moment
        with self._changed:
            if self._dirty or self._stopping:
                return False
            if moment is None and not self._running:
                return True
            self._changed.wait(self._wait_for(moment))
        return False

    def _wait_for(self, moment: datetime | None) -> float:
        """Return how many seconds to wait for `moment`; one past and not yet settled: a tick."""
        tick = self._lanes.times.tick
        if moment is None:
            return tick
        left = (moment - self._lanes.clock.now()).total_seconds()
        if left <= 0:
            return tick
        self._look_at = min(self._look_at, moment)
        return min(left, LINGER.total_seconds())


def guarded(
    what: str,
    step: Callable[[], object],
    broken: Callable[[str], None] | None = None,
    fenced: Callable[[], None] | None = None,
) -> bool:
    """Run `step` so that a bug of ours is logged with a reference and never ends the loop.

    Returns whether the step ran to its end.
    """
    try:
        step()
    except Fenced:
        log.warning("fenced", what=what)
        if fenced:
            fenced()
    except Exception as error:  # noqa: BLE001 - the worker loop: one of the two planned places
        reference = uuid.uuid4().hex[:8]
        trace = "".join(traceback.format_exception(error))
        log.error("unexpected", what=what, reference=reference, trace=trace)  # noqa: TRY400 - structlog
        if broken:
            guarded(what, lambda: broken(reference))
    else:
        return True
    return False
