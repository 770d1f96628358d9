"""The protocol's times, in seconds. Settings that would break the promise are refused at start."""

from dataclasses import dataclass
from datetime import timedelta

INDEX_LAG_SECONDS = 240.0
"""How long a search-only destination may take to show a new document (design, section 4.2)."""

REQUEST_TIMEOUT_SECONDS = 20.0
RETRY_BASE_SECONDS = 30.0
SWEEP_SECONDS = 300.0
TICK_SECONDS = 1.0

SETTLE_FACTOR = 3
LEASE_FACTOR = 2


class UnsafeTimes(ValueError):
    """Times under which a lost answer could become a second document."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take.

    `settle`: no look-up after a sent mark counts before it is over: 3 x a request's total time-out
    (it may begin one after its mark and last one more; one is for clocks) plus the index lag.
    `lease`: how long a row belongs to a worker that has gone silent.
    """

    request_timeout: float
    settle: float
    lease: float
    retry_base: float = RETRY_BASE_SECONDS
    sweep: float = SWEEP_SECONDS
    tick: float = TICK_SECONDS

    def __post_init__(self) -> None:
        if self.settle < SETTLE_FACTOR * self.request_timeout:
            raise UnsafeTimes(f"settle is under {SETTLE_FACTOR} x the request time-out")
        if self.lease < LEASE_FACTOR * self.request_timeout:
            raise UnsafeTimes(f"the lease is under {LEASE_FACTOR} x the request time-out")

    @classmethod
    def of(
        cls,
        *,
        request_timeout: float | None = None,
        settle: float | None = None,
        lease: float | None = None,
        retry_base: float | None = None,
        sweep: float | None = None,
        tick: float | None = None,
    ) -> "Times":
        """Fill what is not given: settle and lease follow the time-out. Raises UnsafeTimes."""
        timeout = request_timeout or REQUEST_TIMEOUT_SECONDS
        return cls(
            request_timeout=timeout,
            settle=settle or SETTLE_FACTOR * timeout + INDEX_LAG_SECONDS,
            lease=lease or LEASE_FACTOR * timeout,
            retry_base=retry_base or RETRY_BASE_SECONDS,
            sweep=sweep or SWEEP_SECONDS,
            tick=tick or TICK_SECONDS,
        )

    @property
    def settling(self) -> timedelta:
        """`settle` as a duration."""
        return timedelta(seconds=self.settle)

    @property
    def leasing(self) -> timedelta:
        """`lease` as a duration."""
        return timedelta(seconds=self.lease)

    @property
    def timeout(self) -> timedelta:
        """The request's total time-out as a duration."""
        return timedelta(seconds=self.request_timeout)
