"""Threads that step until they are stopped: woken by a ring, else by time."""

import threading
import time
from collections.abc import Callable

import structlog

from sync.store import Unavailable

AFTER_A_BUG_SECONDS = 5.0
WITHOUT_DATABASE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Loop:
    """Calls `step` for ever; it returns how many seconds may pass before the next call."""

    def __init__(self, name: str, step: Callable[[], float], threads: int = 1) -> None:
        self._name = name
        self._step = step
        self._rung = threading.Condition()
        self._rings = 0
        self._stopping = False
        self._stepped_at = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin to step."""
        for thread in self._threads:
            thread.start()

    def ring(self) -> None:
        """Step now; from any thread, and cheap."""
        with self._rung:
            self._rings += 1
            self._rung.notify_all()

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Let the steps that run come to their end, at most `grace_seconds` long."""
        with self._rung:
            self._stopping = True
            self._rung.notify_all()
        until = time.monotonic() + grace_seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def age_seconds(self) -> float:
        """Return how long ago a step ended."""
        return time.monotonic() - self._stepped_at

    def _run(self) -> None:
        while not self._stopping:
            with self._rung:
                heard = self._rings
            wait = self._stepped()
            with self._rung:
                if self._rings == heard and not self._stopping:
                    self._rung.wait(wait)

    def _stepped(self) -> float:
        try:
            return self._step()
        except Unavailable as error:  # no bug: what waits in the database is found when it is back
            log.warning("loop.database", loop=self._name, reason=str(error))
            return WITHOUT_DATABASE_SECONDS
        except Exception:  # a bug in one step must not end the loop
            log.exception("loop.bug", loop=self._name)
            return AFTER_A_BUG_SECONDS
        finally:
            self._stepped_at = time.monotonic()
