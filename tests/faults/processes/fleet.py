"""Several processes of the app on one database, and the signals that hit them.

Every process is a real `app.py serve` or `app.py work`; the far ends run here, on loopback. All
that was started is ended, by its own id.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from select import select

import sqlalchemy as sa

import app
from bot.settings import Settings
from sync.engine import Engine
from sync.states import Status
from tests.e2e.house import House, fill, opened

ROOT = Path(__file__).parents[3]
STARTED_SECONDS = 120.0
SHORT = {
    "INVSYNC_REQUEST_TIMEOUT_SECONDS": "1",
    "INVSYNC_SETTLE_SECONDS": "3",
    "INVSYNC_LEASE_SECONDS": "2",
}
"""The shortest times there are: recoveries are measured."""

NOWHERE = "nowhere"
"""A point that no process comes to."""


class NotInTime(AssertionError):
    """What a driver waited for did not come."""


def until(true: Callable[[], object], what: str, seconds: float = STARTED_SECONDS) -> float:
    """Poll until something is true; returns how many seconds that took. Raises NotInTime."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise NotInTime(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)
    return time.monotonic() - began


@dataclass
class Child:
    """A running process, and the pipes on which it tells that it reached its point."""

    process: "subprocess.Popen[str]"
    told: int
    tell: int
    log: Path

    def reached(self, seconds: float = STARTED_SECONDS) -> None:
        """Wait until it stands at its point. Raises NotInTime."""
        if not select([self.told], [], [], seconds)[0]:
            raise NotInTime(f"the point was not reached; its log:\n{self.log.read_text()[-2000:]}")
        os.read(self.told, 64)

    def go(self) -> None:
        """Let it go on from its point."""
        os.write(self.tell, b"g")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it, as a machine that loses power."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def ends(self, seconds: float = 30) -> int:
        """Wait for its end; returns the exit code. Raises NotInTime."""
        until(lambda: self.process.poll() is not None, "its end", seconds)
        return int(self.process.returncode)

    def close(self) -> None:
        """End it, whatever it does, and give the pipes back."""
        self.signal(signal.SIGCONT)
        self.kill()
        for pipe in (self.told, self.tell):
            os.close(pipe)


@dataclass
class Fleet:
    """The far ends, a database, and the processes that were started on it."""

    house: House
    engine: Engine
    env: dict[str, str]
    children: list[Child] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)

    def start(self, *args: str, at: str = NOWHERE, skip: int = 0) -> Child:
        """Start `app.py ARGS...`, to be held when it comes to `at` after `skip` passes."""
        told, tell_child = os.pipe()
        hear_child, tell = os.pipe()
        log = self.house.folder / f"{len(self.children)}-{args[0]}.log"
        module = [sys.executable, "-m", "tests.faults.processes.child"]
        with log.open("w") as file:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [*module, at, str(skip), str(tell_child), str(hear_child), *args],
                cwd=ROOT,
                env=self.env,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=(tell_child, hear_child),
            )
        os.close(tell_child)
        os.close(hear_child)
        child = Child(process, told, tell, log)
        self.children.append(child)
        return child

    def work(self, at: str = NOWHERE, skip: int = 0) -> Child:
        """Start a worker."""
        return self.start("work", at=at, skip=skip)

    def serve(self, at: str = NOWHERE, skip: int = 0) -> Child:
        """Start a `serve` on a free port."""
        return self.start("serve", "--port", "0", at=at, skip=skip)

    def sell(self, count: int = 1) -> None:
        """Put completed sales into the store and into their lane, as a sweep would find them."""
        sold = [self.house.sale("WIDGET-001").reference_id for _ in range(count)]
        self.orders += sold
        (route,) = self.engine.routes()
        self.engine.sweeper.sweep(route)

    def statuses(self) -> list[Status]:
        """Return how the documents that were sold here stand, in no order."""
        found = [self.engine.find(str(order)) for order in self.orders]
        return [sync.status for syncs in found for sync in syncs]

    def ended(self) -> bool:
        """Return whether every document that was sold is a success."""
        return self.statuses() == [Status.SUCCESS] * len(self.orders)

    def settles(self, seconds: float = 60.0) -> float:
        """Wait until every document is a success; returns the seconds. Raises NotInTime."""
        try:
            return until(self.ended, "the end of all documents", seconds)
        except NotInTime as error:
            logs = "\n".join(
                f"{one.log.name}: {one.log.read_text()[-600:]}" for one in self.children
            )
            raise NotInTime(f"{error}: {self.statuses()}\n{logs}") from None

    def booked(self) -> dict[int, int]:
        """Return how many documents the books hold of each order, by their own ledger."""
        return {order: len(self.house.booked(order)) for order in self.orders}

    def ask(self, query: str) -> list[object]:
        """Return the first column of a query."""
        with self.engine.store.database.read() as connection:
            return list(connection.execute(sa.text(query)).scalars())


@contextmanager
def fleet(folder: Path, database_url: str, **settings: str) -> Iterator[Fleet]:
    """Serve the far ends and give a fleet without a process; all that it starts ends here."""
    folder.mkdir(parents=True, exist_ok=True)
    with opened(folder) as house:
        env = {**house.env, **SHORT, "INVSYNC_DATABASE_URL": database_url, **settings}
        told = Settings.model_validate(env)
        with app.opened(told) as engine:
            fill(house, engine, past=False)
            made = Fleet(house, engine, {**os.environ, **env})
            try:
                yield made
            finally:
                for child in made.children:
                    child.close()
                engine.opener.close()
