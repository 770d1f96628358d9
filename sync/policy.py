"""When the engine tries again by itself, and when it leaves a sync to people."""

from datetime import timedelta

from sync.errors import ErrorType, Remedy, remedy_of

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
