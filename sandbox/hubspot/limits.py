"""How often the account may be asked (guide, section 6): 110 in 10 seconds, searches 5 a second."""

import time
from collections import deque

from sandbox.hubspot.portal import Portal, Refused

PER_TEN_SECONDS, SEARCHES_A_SECOND = 110, 5


class Limits:
    """Counts requests while the account's `limited` is on."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._taken: deque[float] = deque()
        self._searched: deque[float] = deque()

    def take(self, path: str) -> None:
        """Count one request. Raises Refused 429 with the policy that it breaks."""
        if self._portal.daily:
            raise _limit("DAILY", "daily")
        if not self._portal.limited:
            return
        now = time.monotonic()
        if path.endswith("/search"):
            _trim(self._searched, now - 1)
            if len(self._searched) >= SEARCHES_A_SECOND:
                raise _limit("SECONDLY", "secondly")
            self._searched.append(now)
        _trim(self._taken, now - 10)
        if len(self._taken) >= PER_TEN_SECONDS:
            raise _limit("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
        self._taken.append(now)

    def headers(self) -> dict[str, str]:
        """Return what every answer tells of the limit; nothing where there is none."""
        if not self._portal.limited:
            return {}
        return {
            "X-HubSpot-RateLimit-Max": str(PER_TEN_SECONDS),
            "X-HubSpot-RateLimit-Remaining": str(max(0, PER_TEN_SECONDS - len(self._taken))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }


def _trim(taken: deque[float], since: float) -> None:
    while taken and taken[0] < since:
        taken.popleft()


def _limit(policy: str, name: str) -> Refused:
    text = f"You have reached your {name} limit."
    return Refused(429, "RATE_LIMITS", text, errorType="RATE_LIMIT", policyName=policy)
