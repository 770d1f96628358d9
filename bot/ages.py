"""How long ago something was, in the unit people would use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Unit(StrEnum):
    """In what unit an age is told."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Age:
    """Whole units that have passed."""

    count: int
    unit: Unit


_UNITS = (
    (timedelta(days=2), timedelta(days=1), Unit.DAYS),
    (timedelta(hours=1), timedelta(hours=1), Unit.HOURS),
    (timedelta(0), timedelta(minutes=1), Unit.MINUTES),
)
"""From what age on which unit is used: days from the second on."""


def age_of(since: datetime, now: datetime) -> Age:
    """Return how long ago `since` was at `now`; never below zero."""
    passed = max(now - since, timedelta(0))
    return next(Age(passed // unit, name) for least, unit, name in _UNITS if passed >= least)
