"""How often each system may be asked, and what its answers tell of that.

The figures are those the systems publish (their guides, section 6; Salla's, section 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sync.connectors.outcome import DIGITS, USUAL_WAIT, retry_after
from sync.connectors.transport import Answer

SHARE = 0.975
"""How much of a limit is used: the rest is for what the network pushes together."""

LITTLE, FEW = 0.01, 2
"""Where less than this share of a limit is left, or than so many requests, it is about to end: by
ourselves we leave more."""

RESPITE = 0.1
"""Then we rest for this share of the limit's period, so that some of it comes back."""

SALLA_SECONDS = 60.0
"""The period of Salla's limits, which its headers leave unsaid."""

REFUSED = 429
UNAVAILABLE = frozenset({503, 477})
"""Not available, being moved to another place: a Retry-After in them is for the whole account."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in any `seconds`; after a rest `burst` of them may leave at once."""

    count: int
    seconds: float
    burst: int = 1

    @property
    def rate(self) -> float:
        """Requests a second that we send."""
        return SHARE * self.count / self.seconds


LIMITS: dict[str, Limit] = {
    "salla": Limit(120, SALLA_SECONDS, burst=20),
    "daftra": Limit(2, 1.0, burst=6),
    "hubspot": Limit(100, 10.0),
    "quickbooks": Limit(500, 60.0),
}
"""Salla: its smallest plan, and a burst, for its answers tell what is left. Daftra publishes no
figure: the guide's cap, met by long stretches only. HubSpot: the smallest limit of a token.
QuickBooks: one by one this also keeps to its 10 a second."""

SEARCHES: dict[str, Limit] = {"hubspot": Limit(4, 1.0)}
"""Searches are limited apart, beside the limit above: 4 to 5 a second, and no answer tells it."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What an answer asks of our pace.

    `wait`: seconds without any request; `refused`: we were too fast; `rate`: requests a second
    that the system allows, None where it does not tell.
    """

    wait: float = 0.0
    refused: bool = False
    rate: float | None = None


def advice_of(answer: Answer, now: datetime) -> Advice:
    """Return what an answer asks of our pace.

    A 429 without Retry-After asks for a minute; no wait is longer than an hour, after which one
    request asks again.
    """
    asked = retry_after(answer, now)
    if answer.status == REFUSED:
        return Advice((asked if asked is not None else USUAL_WAIT).total_seconds(), refused=True)
    if answer.status in UNAVAILABLE and asked is not None:
        return Advice(asked.total_seconds())
    return _room(answer.headers)


def _room(headers: Mapping[str, str]) -> Advice:
    """Return what rate headers ask for: HubSpot's name their period, Salla's are by the minute."""
    if "x-hubspot-ratelimit-max" in headers:
        prefix = "x-hubspot-ratelimit"
        most = _whole(headers.get(f"{prefix}-max"))
        seconds = _whole(headers.get(f"{prefix}-interval-milliseconds")) / 1000
    else:
        prefix = "x-ratelimit"
        most, seconds = _whole(headers.get(f"{prefix}-limit")), SALLA_SECONDS
    left = headers.get(f"{prefix}-remaining")
    if not (most and seconds):
        return Advice()
    is_little = left is not None and _whole(left) < max(LITTLE * most, FEW)
    return Advice(RESPITE * seconds if is_little else 0.0, rate=SHARE * most / seconds)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) <= DIGITS else 0
