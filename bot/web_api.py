"""Calls to Slack's Web API: clients that never repeat by themselves, and what their errors mean."""

import threading
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Generic, TypeVar
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from sync.clock import Clock

TROUBLE = (SlackClientError, OSError, HTTPException)
"""Everything that a call can raise when Slack refuses, is slow, or is not there."""

READ_TIMEOUT_SECONDS = 2
"""For reads that a listener may wait for: it must acknowledge within 3 s."""

POST_TIMEOUT_SECONDS = 10

SHORTEST_WAIT = timedelta(seconds=1)
UNSAID_WAIT = timedelta(seconds=5)
"""What we wait where Slack asks for patience and does not say how much."""

LONGEST_WAIT = timedelta(hours=1)
"""To ask again after an hour harms nobody, whatever was said."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def web_client(token: str, base_url: str, timeout_seconds: int) -> WebClient:
    """Return a client without repeats: the SDK's own would post a message twice."""
    return WebClient(token=token, base_url=base_url, timeout=timeout_seconds, retry_handlers=[])


def error_code(error: BaseException) -> str | None:
    """Return Slack's own code of a refusal (`not_in_channel`), or None where Slack gave none."""
    if not isinstance(error, SlackApiError):
        return None
    code = error.response.get("error") if error.response is not None else None
    named = isinstance(code, str) and code.replace("_", "").isalnum()
    return code if named else None


def retry_after(error: BaseException, now: datetime) -> timedelta | None:
    """Return how long Slack asked us to wait with a 429, or None where it did not."""
    if not isinstance(error, SlackApiError) or error.response is None:
        return None
    if error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return patience(error.response.headers, now)
    return UNSAID_WAIT if error_code(error) == "ratelimited" else None


def patience(headers: Mapping[str, Any], now: datetime) -> timedelta:
    """Return what Retry-After says, in seconds or as a date; at least a second, at most an hour."""
    lower = {str(name).lower(): value for name, value in headers.items()}
    given = lower.get("retry-after", "")
    asked = str(given[0] if isinstance(given, list) else given).strip()
    if asked.isdecimal():
        wait = timedelta(seconds=min(int(asked), LONGEST_WAIT.total_seconds()))
    else:
        wait = _until(asked, now)
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def _until(date: str, now: datetime) -> timedelta:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return UNSAID_WAIT
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def never_left(error: BaseException) -> bool:
    """Return whether the request provably did not reach Slack: nobody listened."""
    reason = error.reason if isinstance(error, URLError) else error
    return isinstance(reason, ConnectionRefusedError)


class Cache(Generic[Key, Value]):
    """Answers that stay true for a while; what cannot be read is not remembered."""

    def __init__(self, clock: Clock, keep: timedelta, load: Callable[[Key], Value]) -> None:
        self._clock = clock
        self._keep = keep
        self._load = load
        self._lock = threading.Lock()
        self._kept: dict[Key, tuple[datetime, Value]] = {}

    def get(self, key: Key) -> Value:
        """Return the answer for `key`, read at most `keep` ago; raises what reading raises."""
        with self._lock:
            found = self._kept.get(key)
        if found and found[0] + self._keep > self._clock.now():
            return found[1]
        return self.refresh(key)

    def refresh(self, key: Key) -> Value:
        """Read the answer anew."""
        value = self._load(key)
        with self._lock:
            self._kept[key] = (self._clock.now(), value)
        return value

    def older_than(self, age: timedelta) -> list[Key]:
        """Return the keys whose answers are older than `age`."""
        before = self._clock.now() - age
        with self._lock:
            return [key for key, (at, _) in self._kept.items() if at < before]

    def forget(self, key: Key) -> None:
        """Read `key` anew at the next question."""
        with self._lock:
            self._kept.pop(key, None)
