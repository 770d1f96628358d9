"""Two thousand seeds against a destination that knows a repeated request id."""

from tests.faults.books import Class
from tests.faults.floor import hold


def test_no_seed_breaks_a_promise() -> None:
    """Whatever the weather, each document is booked once, nothing is lost, every press is told."""
    hold(Class.KEYED)
