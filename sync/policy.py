"""When the engine tries again by itself, and when it leaves a sync to people."""

from datetime import datetime, timedelta

from sync.errors import ErrorType, Remedy, remedy_of
from sync.records import Sync, WaitingFor

POSTPONEMENTS = 6
"""How often a passing trouble is waited out before the sync fails visibly."""

RETRIES = 6
UNKNOWN_RETRIES = 3
LONGEST = timedelta(hours=1)


def backoff(tried: int, base: float) -> timedelta:
    """Return how long to wait after trouble number `tried` (from 0): doubling, at most an hour."""
    return min(timedelta(seconds=base * 2 ** min(tried, 20)), LONGEST)


def retries_itself(error_type: ErrorType, failures: int) -> bool:
    """Return whether the engine retries a sync that failed `failures` times, the last so.

    Data, mapping, permission and decision errors: never; what is unknown: three times.
    """
    if error_type is ErrorType.UNKNOWN:
        return failures <= UNKNOWN_RETRIES
    return remedy_of(error_type) is Remedy.RETRYING and failures <= RETRIES


def pause_before(
    sync: Sync, settle: timedelta, now: datetime
) -> tuple[datetime | None, WaitingFor | None]:
    """Return until when a sync that is sent back must wait, and for what; None: it need not.

    What was sent without an answer is looked up when `settle` is over, not sooner; a system that
    asked for patience gets it.
    """
    settled = sync.sent_at + settle if sync.sent_at else None
    asked = sync.not_before if sync.error_type is ErrorType.RATE_LIMITED else None
    moments = [moment for moment in (settled, asked) if moment and moment > now]
    earliest = max(moments, default=None)
    if earliest is None:
        return None, None
    return earliest, WaitingFor.ANSWER if earliest == settled else WaitingFor.BACKOFF
