"""Lanes at work: who claims, who runs, who is woken. The rows rule; threads only decide when.

One keeper thread BEATs once a tick, hears `wake` and looks for lanes with work. On one machine it
TAKEs them itself; past one machine it asks by a hand-out, whose workers call `drain`. Each taken
lane has a dispatcher, which claims for its free threads and holds the timer of what ripens.
Attempts run in daemon threads: a stuck request never keeps the process, its lease hands the row on.
"""

import os
import socket
import threading
import traceback
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from sync.clock import Clock
from sync.pacing import Turn, unpaced
from sync.records import Sync
from sync.store import Fenced, Store, Unavailable
from sync.times import Times
from sync.worker import Worker

log = structlog.get_logger("lanes")

LINGER = timedelta(seconds=60)
"""The longest a dispatcher waits for one moment before it looks again."""

LOOK_SECONDS = 0.25
"""How often a drain with a free thread looks: no other process can ring it."""

SLICE = timedelta(seconds=10)
"""How long a drain keeps its slot while other lanes wait for one."""


class Handout(Protocol):
    """Tells worker processes which lanes have work; one of them then calls `Lanes.drain`."""

    def ask(self, lanes: Iterable[str], *, urgent: bool = False) -> None:
        """Ask that each of `lanes` be worked; urgent: before the others."""
        ...

    def crowded(self) -> bool:
        """Return whether lanes wait for a slot."""
        ...

    def workers(self) -> int | None:
        """Return how many worker processes live; None where nobody can tell."""
        ...


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
        turn: Callable[[str, int], Turn] = unpaced,
    ) -> None:
        self.store = store
        self.worker = worker
        self.clock = clock
        self.times = times
        self.width = width
        self.ended = ended
        self.turn = turn
        self.owner = owner_name()
        self.beaten_at = clock.now()
        self._rung = threading.Condition()
        self._ring = self._urgent = False
        self._stopping = False
        self._handout: Handout | None = None
        self._taking = threading.Lock()
        self._taken: dict[str, _Lane] = {}
        self._keeper = threading.Thread(target=self._keep, name="lanes", daemon=True)

    def start(self, handout: Handout | None = None) -> None:
        """Begin to keep lanes; with a hand-out, ask for them instead of taking them."""
        self._handout = handout
        self._keeper.start()

    def wake(self, *, urgent: bool = False) -> None:
        """Look at once: something was put into a lane, by a person if it is urgent.

        Call it after the commit.
        """
        with self._rung:
            self._ring, self._urgent = True, self._urgent or urgent
            self._rung.notify_all()

    def drain(self, name: str) -> None:
        """Work the lane in this thread until nothing in it is ready; nothing where it is taken.

        What waits for a moment is asked for when that has come: a waiting drain would hold a slot.
        """
        with self._taking:
            if self._stopping or name in self._taken or not self._take(name):
                return
            lane = self._taken[name] = _Lane(self, name, lingers=False)
        lane.work()

    def stop(self, grace: float) -> bool:
        """Claim nothing more and give lanes back; returns whether all ended in `grace` seconds."""
        with self._rung:
            self._stopping = True
            self._rung.notify_all()
        deadline = self.clock.now() + timedelta(seconds=grace)
        if self._keeper.is_alive():  # first: it may be taking a lane
            self._keeper.join(grace)
        with self._taking:  # a drain that begins in this moment is in, or refused
            taken = list(self._taken.values())
        for lane in taken:
            lane.stop()
        for lane in taken:
            lane.join(max(0.0, (deadline - self.clock.now()).total_seconds()))
        return not any(lane.alive for lane in taken)

    def join(self) -> None:
        """Wait until every attempt has ended; after `stop`."""
        for lane in list(self._taken.values()):
            lane.join(None)

    def _keep(self) -> None:
        urgent = False
        while not self._stopping:
            guarded("keeper", partial(self._tick, urgent=urgent))
            with self._rung:
                if not (self._ring or self._stopping):
                    self._rung.wait(self.times.tick)
                urgent, self._ring, self._urgent = self._urgent, False, False

    def _tick(self, *, urgent: bool) -> None:
        now = self.clock.now()
        if now - self.beaten_at >= timedelta(seconds=self.times.tick):
            self._beat(now)
        with self._taking:
            self._taken = {name: lane for name, lane in self._taken.items() if lane.alive}
        busy = self.store.queue.busy_lanes(now, self.owner, self.times.settling)
        for name in busy & self._taken.keys():
            self._taken[name].ring()
        if self._handout:
            self._handout.ask(busy - self._taken.keys(), urgent=urgent)
            return
        for name in busy - self._taken.keys():
            self._serve(name)

    def _beat(self, now: datetime) -> None:
        mine = self.store.lanes.beat(self.owner, now)
        taken = list(self._taken.items())
        running = [sync_id for _, lane in taken for sync_id in lane.running()]
        self.store.queue.beat(self.owner, running, now, self.times.leasing, self.times.settling)
        self.beaten_at = now
        for name, lane in taken:
            if name not in mine:
                lane.stop()

    def _serve(self, name: str) -> None:
        if not self._stopping and self._take(name):
            self._taken[name] = _Lane(self, name, lingers=True)
            self._taken[name].start()

    def _take(self, name: str) -> bool:
        return self.store.lanes.take(name, self.owner, self.clock.now())

    def crowded(self) -> bool:
        """Return whether other lanes wait for the slot of a drain."""
        return self._handout is not None and self._handout.crowded()

    def unattended(self) -> bool:
        """Return whether lanes are handed out and no process lives that would work them."""
        return self._handout is not None and self._handout.workers() == 0


class _Lane:
    """One lane that this process holds; it lingers for what ripens, or ends when it is done."""

    def __init__(self, lanes: Lanes, name: str, *, lingers: bool) -> None:
        self._lanes = lanes
        self._name = name
        self._lingers = lingers
        self._until = lanes.clock.now() + SLICE
        self._running: list[int] = []
        self._changed = threading.Condition()
        self._dirty = True
        self._stopping = False
        self._ended = threading.Event()
        self._look_at = lanes.clock.now()
        self._moment: datetime | None = None
        self._slot_at: datetime | None = None
        self._thread = threading.Thread(target=self.work, name=f"lane-{name}", daemon=True)

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

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

    def join(self, seconds: float | None) -> None:
        self._ended.wait(seconds)

    def work(self) -> None:
        done = False
        while not (done or self._stopping):
            with self._changed:
                self._dirty = False
            if guarded(self._name, self._turn):
                done = self._idle() or self._gives_way()
            else:
                self._rest()
        with self._changed:
            while self._running:
                self._changed.wait()
        guarded(self._name, lambda: self._lanes.store.lanes.give(self._name, self._lanes.owner))
        self._ended.set()
        self._lanes.wake()  # look once more: something may have come while it was given back

    def _turn(self) -> None:
        lanes, now = self._lanes, self._lanes.clock.now()
        free = lanes.width(self._name) - len(self._running)
        if now >= self._look_at:
            free -= self._look(free, now)
        self._slot_at = None
        turn = lanes.turn(self._name, free) if free > 0 else Turn(0)
        claimed = []
        if turn.rows > 0:
            claimed = lanes.store.queue.claim(
                self._name, lanes.owner, turn.rows, now, lanes.times.leasing
            )
            self._run_all(claimed)
        if len(claimed) == turn.rows:  # else nothing more is ready
            self._slot_at = turn.again_at
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
            if not (self._running or self._slot_at) and (moment is None or not self._lingers):
                return True
            wait = min(self._wait_for(moment), self._wait_for_slot())
            self._changed.wait(wait if self._lingers else min(wait, LOOK_SECONDS))
        return False

    def _wait_for_slot(self) -> float:
        """Return how many seconds it is until the connection's pace allows the next attempt."""
        if self._slot_at is None:
            return LINGER.total_seconds()
        return max(0.0, (self._slot_at - self._lanes.clock.now()).total_seconds())

    def _gives_way(self) -> bool:
        """Return whether a drain has had its slice and other lanes wait for its slot."""
        now = self._lanes.clock.now()
        if self._lingers or now < self._until:
            return False
        self._until = now + timedelta(seconds=self._lanes.times.tick)
        crowded = False

        def look() -> None:
            nonlocal crowded
            crowded = self._lanes.crowded()

        guarded(self._name, look)
        return crowded

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
    except Unavailable as error:  # no bug: leases and due times take up again what it broke off
        log.warning("database", what=what, reason=str(error))
    except Exception as error:  # noqa: BLE001 - the worker loop: one of the two planned places
        reference = uuid.uuid4().hex[:8]
        trace = "".join(traceback.format_exception(error))
        log.error("unexpected", what=what, reference=reference, trace=trace)  # noqa: TRY400 - structlog
        if broken:
            guarded(what, lambda: broken(reference))
    else:
        return True
    return False
