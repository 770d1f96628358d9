"""Times under which a lost answer could become a second document are refused."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.times import INDEX_LAG_SECONDS, Times, UnsafeTimes


def test_the_times_of_a_plain_installation() -> None:
    """Twenty seconds a request, five minutes to settle, forty seconds of lease."""
    times = Times.of()
    assert (times.request_timeout, times.settle, times.lease) == (20, 300, 40)
    assert times.settling == timedelta(minutes=5)
    assert (times.leasing, times.timeout) == (timedelta(seconds=40), timedelta(seconds=20))


@settings(derandomize=True, database=None)
@given(timeout=st.floats(0.1, 600))
def test_what_is_not_given_follows_the_time_out(timeout: float) -> None:
    """Settle is three time-outs and the index lag, the lease is two: always safe."""
    times = Times.of(request_timeout=timeout)
    assert times.settle == 3 * timeout + INDEX_LAG_SECONDS
    assert times.lease == 2 * timeout


def test_a_settle_that_is_too_short_is_refused() -> None:
    """Under three time-outs a create may still be on its way when it is looked up."""
    assert Times.of(request_timeout=2, settle=6).settle == 6
    with pytest.raises(UnsafeTimes, match="settle is under 3 x"):
        Times.of(request_timeout=2, settle=5.9)


def test_a_lease_that_is_too_short_is_refused() -> None:
    """Under two time-outs a row could be taken from a worker whose request still runs."""
    assert Times.of(request_timeout=2, lease=4).lease == 4
    with pytest.raises(UnsafeTimes, match="lease is under 2 x"):
        Times.of(request_timeout=2, lease=3.9)


def test_a_longer_time_out_alone_makes_a_given_settle_unsafe() -> None:
    """The three are judged together, not one by one."""
    with pytest.raises(UnsafeTimes):
        Times.of(request_timeout=60, settle=120)
