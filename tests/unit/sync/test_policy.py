"""When the engine tries again by itself, and when it leaves a sync to people."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.errors import HOLDING, ErrorType, Remedy, remedy_of
from sync.policy import LONGEST, RETRIES, UNKNOWN_RETRIES, backoff, retries_itself

PASSING = {
    ErrorType.RATE_LIMITED,
    ErrorType.DESTINATION_DOWN,
    ErrorType.STALE,
    ErrorType.OUTCOME_UNKNOWN,
}


@pytest.mark.parametrize("error_type", sorted(set(ErrorType) - PASSING - {ErrorType.UNKNOWN}))
def test_what_people_must_mend_is_never_retried_by_itself(error_type: ErrorType) -> None:
    """Data, mapping, permission and decision errors wait for somebody."""
    assert not any(retries_itself(error_type, failures) for failures in range(10))


@pytest.mark.parametrize("error_type", sorted(PASSING))
def test_a_passing_trouble_is_retried_within_its_budget(error_type: ErrorType) -> None:
    """The engine tries again, but not for ever: then people see it."""
    assert retries_itself(error_type, RETRIES)
    assert not retries_itself(error_type, RETRIES + 1)


def test_the_unknown_is_tried_three_times() -> None:
    """An error nobody has sorted yet may pass; after three tries it is shown."""
    tried = [retries_itself(ErrorType.UNKNOWN, failures) for failures in range(1, 6)]
    assert tried == [True, True, True, False, False]
    assert UNKNOWN_RETRIES == 3


@settings(derandomize=True, database=None)
@given(tried=st.integers(0, 10_000), base=st.floats(0.01, 3600))
def test_the_wait_grows_and_is_never_longer_than_an_hour(tried: int, base: float) -> None:
    """Each wait is at least as long as the one before; no figure makes it overflow."""
    wait = backoff(tried, base)
    assert timedelta(0) < wait <= LONGEST
    assert wait <= backoff(tried + 1, base)


def test_the_first_waits() -> None:
    """From a base of 30 seconds: 30 seconds, a minute, two minutes."""
    assert [backoff(tried, 30).total_seconds() for tried in range(3)] == [30, 60, 120]


def test_every_error_type_has_a_remedy() -> None:
    """No type is left without the word of who must do what."""
    assert {remedy_of(error_type) for error_type in ErrorType} == set(Remedy)


def test_a_refused_connection_is_not_retried_by_itself() -> None:
    """What holds a lane waits for a person: trying again would burn calls."""
    assert not any(retries_itself(error_type, 1) for error_type in HOLDING)
