"""When things happen: the local hour of the digest, and the tick that asks for it.

APScheduler is a clock only. Its cron triggers skip or double days where a zone changes its offset,
so the instant of a local time is our own arithmetic: in a gap it shifts forward, in a fold it is
the first of the two.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from sync.clock import Clock
from sync.store import Unavailable

DAY = timedelta(days=1)

log = structlog.get_logger(__name__)


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the UTC instant at which the wall clocks of `zone` show `at` on `day`."""
    return datetime.combine(day, at, zone).replace(fold=0).astimezone(UTC)


def due_digest(now: datetime, at: time, zone: ZoneInfo) -> date | None:
    """Return today's local date where its digest hour has come, else None."""
    today = now.astimezone(zone).date()
    return today if now >= instant_of(today, at, zone) else None


def next_digest(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return the next UTC instant, after `now`, at which a digest is due."""
    today = now.astimezone(zone).date()
    instants = (instant_of(today + days * DAY, at, zone) for days in (0, 1, 2))
    return next(instant for instant in instants if instant > now)


class WhenClear(StrEnum):
    """What a channel gets when nothing needs anybody."""

    MESSAGE = "message"
    SILENCE = "silence"


class Schedule:
    """Runs jobs at a steady pace in one background thread, never two runs of a job at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ticked_at = clock.now()
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True}
        )

    def every(self, seconds: float, job: Callable[[], None]) -> None:
        """Run `job` each `seconds`, the first time soon after the start."""

        def run() -> None:
            try:
                job()
            except Unavailable as error:  # the clock ticks on: the job comes again at its time
                log.warning("schedule.database", reason=str(error))
            self._ticked_at = self._clock.now()

        first = self._clock.now() + timedelta(milliseconds=200)
        self._scheduler.add_job(run, "interval", seconds=seconds, next_run_time=first)

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """End after the jobs that run."""
        self._scheduler.shutdown(wait=True)

    def age_seconds(self) -> float:
        """Return how long ago a job ended, well or for want of a database."""
        return (self._clock.now() - self._ticked_at).total_seconds()
