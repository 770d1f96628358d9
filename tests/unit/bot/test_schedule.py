"""The digest's hour: every local day once, also where clocks change."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.schedule import Schedule, due_digest, instant_of, next_digest
from sync.clock import SystemClock

RIYADH = ZoneInfo("Asia/Riyadh")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Africa/Cairo", time(0, 0)),
        ("America/New_York", time(2, 30)),
        ("America/New_York", time(1, 30)),
        ("Europe/Helsinki", time(3, 30)),
        ("Asia/Riyadh", time(9, 0)),
    ],
)
def test_every_day_once(zone: str, at: time) -> None:
    """A year has 365 digests on 365 distinct local days, gaps and folds included."""
    now = _utc("2026-01-01T00:00")
    days: list[date] = []
    while len(days) < 365:
        now = next_digest(now, at, ZoneInfo(zone))
        due = due_digest(now, at, ZoneInfo(zone))
        assert due is not None
        days.append(due)
    assert len(set(days)) == 365
    assert days == [days[0] + timedelta(days=count) for count in range(365)]


def test_a_gap_shifts_forward() -> None:
    """02:30 does not exist on the day New York springs forward: the digest comes at 03:30."""
    found = instant_of(date(2026, 3, 8), time(2, 30), ZoneInfo("America/New_York"))
    assert found == _utc("2026-03-08T07:30")


def test_a_fold_takes_the_first() -> None:
    """01:30 comes twice on the day New York falls back: the digest comes at the first."""
    found = instant_of(date(2026, 11, 1), time(1, 30), ZoneInfo("America/New_York"))
    assert found == _utc("2026-11-01T05:30")


def test_due_from_its_minute_on() -> None:
    """Nothing is due a second before the hour; from the hour on, today's is."""
    assert due_digest(_utc("2026-10-09T05:59:59"), time(9), RIYADH) is None
    assert due_digest(_utc("2026-10-09T06:00:00"), time(9), RIYADH) == date(2026, 10, 9)


def test_due_after_downtime() -> None:
    """A process that was down at nine still owes today's digest in the evening."""
    assert due_digest(_utc("2026-10-09T20:59"), time(9), RIYADH) == date(2026, 10, 9)


def test_the_next_is_later() -> None:
    """Asked at the very instant of a digest, the next one is tomorrow's."""
    assert next_digest(_utc("2026-10-09T06:00"), time(9), RIYADH) == _utc("2026-10-10T06:00")


def test_the_schedule_ticks() -> None:
    """A job runs again and again until the schedule stops, and its age is known."""
    twice = threading.Barrier(2)
    schedule = Schedule(SystemClock())
    ticks: list[int] = []

    def job() -> None:
        ticks.append(1)
        if len(ticks) == 2:
            twice.wait(5)

    schedule.every(0.05, job)
    schedule.start()
    twice.wait(5)
    schedule.stop()
    assert len(ticks) >= 2
    assert schedule.age_seconds() < 5
