"""Time as a value: aware UTC from a clock that tests can turn."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`; nothing below zero."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(max(0.0, seconds))
