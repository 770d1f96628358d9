"""Threads that run one at a time, in an order that dice decide.

A task is a thread of a simulated process. It runs until it parks: at a named point, between two
transactions, or asleep until a moment of the virtual clock. Whoever holds the dice then says which
task goes on, and which process dies: a killed task meets `Killed` where it parked, and everywhere
it tries to park while it unwinds, so that a dead process writes nothing more.
"""

import _thread
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

TICK = timedelta(milliseconds=1)
"""How much later each step is than the one before: no two things happen at the same instant."""


class Killed(BaseException):
    """The process of this task died here."""


class Task:
    """One thread of a process; `parked_at` says where it waits, `wakes_at` until when it sleeps."""

    def __init__(self, name: str, owner: object, work: Callable[[], object]) -> None:
        self.name = name
        self.owner = owner
        self.parked_at = "start"
        self.wakes_at: datetime | None = None
        self.over = False
        self.killed = False
        self.error: BaseException | None = None
        self.go = _thread.allocate_lock()
        self.go.acquire()
        self._work = work

    def run(self) -> None:
        """Do the work once it is let go; what it raises is kept for whoever steps it."""
        self.go.acquire()
        try:
            if not self.killed:
                self._work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - because the stage raises it in its own thread
            self.error = error
        self.over = True


class Clock:
    """The virtual clock: stands still but for `turn` and the stage's own ticks."""

    def __init__(self, start: datetime, stage: "Stage") -> None:
        self._now = start
        self._stage = stage

    def now(self) -> datetime:
        """Return the present instant of the run."""
        return self._now

    def turn(self, by: timedelta) -> None:
        """Let `by` pass."""
        self._now += by

    def sleep(self, seconds: float) -> None:
        """Let the task that runs sleep; outside of tasks, the clock itself goes on."""
        if seconds > 0:
            self._stage.sleep(self._now + timedelta(seconds=seconds))


class Stage:
    """Steps tasks, one at a time, and lets them park."""

    def __init__(self, start: datetime) -> None:
        self.clock = Clock(start, self)
        self.current: Task | None = None
        self.tasks: list[Task] = []
        self.steps = 0
        self._back = _thread.allocate_lock()
        self._back.acquire()

    def spawn(self, name: str, owner: object, work: Callable[[], object]) -> Task:
        """Begin a task of `owner`, parked before its first step."""
        task = Task(name, owner, work)
        self.tasks.append(task)
        _thread.start_new_thread(self._run, (task,))
        return task

    def _run(self, task: Task) -> None:
        task.run()
        self._back.release()

    def park(self, place: str) -> None:
        """Wait until the dice let this task go on. Raises Killed; does nothing outside of tasks."""
        task = self.current
        if task is None:
            return
        if not task.killed:
            task.parked_at = place
            self.current = None
            self._back.release()
            task.go.acquire()
        if task.killed:
            raise Killed

    def sleep(self, until: datetime) -> None:
        """Wait until the virtual clock shows `until`, or longer."""
        task = self.current
        if task is None:
            self.clock.turn(until - self.clock.now())
            return
        task.wakes_at = until
        self.park("asleep")

    def step(self, task: Task) -> None:
        """Let a task run until it parks again or ends; raises what went wrong in it."""
        self.clock.turn(TICK)
        self.steps += 1
        task.wakes_at = None
        self.current = task
        task.go.release()
        self._back.acquire()
        self.current = None
        if task.over:
            self.tasks.remove(task)
            if task.error:
                raise task.error

    def kill(self, owner: object) -> None:
        """End every task of `owner` where it stands."""
        for task in [one for one in self.tasks if one.owner is owner]:
            task.killed = True
            self.step(task)

    def ready(self) -> list[Task]:
        """Return the tasks that are not asleep."""
        now = self.clock.now()
        return [one for one in self.tasks if one.wakes_at is None or one.wakes_at <= now]

    def next_waking(self) -> datetime | None:
        """Return when the next sleeping task wakes, or None."""
        return min((one.wakes_at for one in self.tasks if one.wakes_at), default=None)


class TurnLock:
    """A lock for tasks of one process: who must wait parks, so that the others can go on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._taken = False

    def __enter__(self) -> None:
        while self._taken:
            self._stage.sleep(self._stage.clock.now() + timedelta(seconds=1))
        self._taken = True

    def __exit__(self, *_: object) -> None:
        self._taken = False


@contextmanager
def small_stacks() -> Iterator[None]:
    """Give new threads a small stack: thousands of short ones come and go."""
    before = threading.stack_size(512 * 1024)
    try:
        yield
    finally:
        threading.stack_size(before)
