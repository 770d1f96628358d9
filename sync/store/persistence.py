"""What has happened out there is written down, however often it takes.

A create that a destination took cannot be taken back, nor a token that was renewed, so both are
written again and again while the database is away, for longer than a restart takes. Beyond that a
row's lease ends, and whoever rescues it looks the document up.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog

from sync.clock import Clock, SystemClock
from sync.store.trouble import Unavailable

Stored = TypeVar("Stored")

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Persistence:
    """Repeats a write for as long as `longest`; `clock` waits between two tries."""

    longest: timedelta = timedelta(seconds=60)
    clock: Clock = field(default_factory=SystemClock)

    def __call__(self, write: Callable[[], Stored]) -> Stored:
        """Run `write`, a whole transaction, until it is stored; returns what it does.

        Raises Unavailable at the end.
        """
        until = self.clock.now() + self.longest
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                return write()
            except Unavailable as error:
                if self.clock.now() >= until:
                    raise
                log.warning("result not stored yet", reason=str(error))
            self.clock.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - dice against a crowd
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)
