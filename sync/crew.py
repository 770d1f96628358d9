"""Crews: threads that work rows which one process at a time holds by its lease.

A crew looks for a row that nobody holds, each tick and whenever somebody rings, and gives each one
that it gets a thread of its own.
"""

import itertools
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, Protocol, TypeVar

from sync.clock import Clock
from sync.lanes import guarded, owner_name


class Left(Exception):
    """The work is no longer ours: its lease went to another, or the process ends."""


class Work(Protocol):
    """One thread's way through one row."""

    def run(self) -> None:
        """Work until the row's end; may raise Left."""
        ...

    def give_up(self, reason: str) -> None:
        """End the row: a bug of ours broke the work off, which `reason` refers to."""
        ...


class Row(Protocol):
    """A row that is worked."""

    @property
    def id(self) -> int:
        """The row's id."""
        ...


RowT = TypeVar("RowT", bound=Row)
RowT_co = TypeVar("RowT_co", bound=Row, covariant=True)


class Rows(Protocol[RowT_co]):
    """Where a crew's rows are kept."""

    def claim(self, owner: str, now: datetime, lease: timedelta) -> RowT_co | None:
        """Take a row that nobody holds, or None."""
        ...

    def expire(self) -> None:
        """End all leases."""
        ...


class Crew(ABC, Generic[RowT]):
    """The threads of one kind of row; `name` is what one such row is called.

    They look every `tick` seconds, and claim a row for a first `lease`.
    """

    def __init__(
        self, name: str, rows: Rows[RowT], clock: Clock, tick: float, lease: timedelta
    ) -> None:
        self.clock = clock
        self.ended = False
        self._name = name
        self._leases = rows
        self._tick = tick
        self._lease = lease
        self._owner = owner_name()
        self._counted = itertools.count(1)
        self._rung = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._keeper = threading.Thread(target=self._keep, name=f"{name} crew", daemon=True)

    @abstractmethod
    def work_on(self, row: RowT) -> Work:
        """Return the work at a row that was claimed."""

    def prepare(self) -> None:
        """Do what comes before each look for rows."""

    def start(self, *, alone: bool = False) -> None:
        """Begin to work what is there; `alone`: this is the one long-running process."""
        if alone:
            self._leases.expire()
        self._keeper.start()

    def end(self) -> None:
        """Begin nothing else, and leave what runs at its next step."""
        with self._rung:
            self.ended = True
            self._rung.notify_all()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for the running work to leave."""
        until = self.clock.now() + timedelta(seconds=seconds)
        if self._keeper.is_alive():  # first: it may be starting another one
            self._keeper.join(seconds)
        for thread in self._threads:
            thread.join(max(0.0, (until - self.clock.now()).total_seconds()))

    def ring(self) -> None:
        """Look now: something was begun, stopped or made possible."""
        with self._rung:
            self._rung.notify_all()

    def rest(self) -> None:
        """Wait a tick, or until somebody rings."""
        with self._rung:
            if not self.ended:
                self._rung.wait(self._tick)

    def _keep(self) -> None:
        while not self.ended:
            guarded(f"{self._name} crew", self._look)
            self.rest()

    def _look(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self.prepare()
        while not self.ended and (row := self._claimed()):
            name = f"{self._name} {row.id}"
            go = partial(_go, name, self.work_on(row))
            thread = threading.Thread(target=go, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _claimed(self) -> RowT | None:
        """Take one under a name of its own, so that a lost lease is lost to us too."""
        owner = f"{self._owner}:{next(self._counted)}"
        return self._leases.claim(owner, self.clock.now(), self._lease)


def _go(name: str, work: Work) -> None:
    def broken(reference: str) -> None:
        work.give_up(f"Something went wrong on our side, reference {reference}")

    def run() -> None:
        with suppress(Left):
            work.run()

    guarded(name, run, broken=broken)
