"""How long Slack asks us to wait, in every form that it or a proxy may give."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.web_api import LONGEST_WAIT, UNSAID_WAIT, patience

NOW = datetime(2026, 10, 9, 6, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        ("30", 30 * SECOND),
        (["30"], 30 * SECOND),
        ("0", SECOND),
        ("3600", LONGEST_WAIT),
        ("9" * 30, LONGEST_WAIT),
        ("Fri, 09 Oct 2026 06:00:20 GMT", 20 * SECOND),
        ("Fri, 09 Oct 2026 05:00:00 GMT", SECOND),
        ("Fri, 09 Oct 2026 06:00:20 -0000", 20 * SECOND),
        ("soon", UNSAID_WAIT),
        ("-5", UNSAID_WAIT),
        ("", UNSAID_WAIT),
    ],
)
def test_retry_after_in_every_form(given: Any, wait: timedelta) -> None:
    """Seconds and dates are kept to, at least a second and at most an hour; else five seconds."""
    assert patience({"retry-after": given}, NOW) == wait
    assert patience({"Retry-After": given}, NOW) == wait


def test_no_retry_after() -> None:
    """A 429 that says nothing means five seconds."""
    assert patience({}, NOW) == UNSAID_WAIT
