"""Slack's Web API, method by method: after a 429 no call of that method leaves too early.

Slack counts per method and workspace (docs "Rate limits"), so a limit of one method keeps nothing
else up.
"""

import threading
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.web_api import retry_after
from sync.clock import Clock


class Limited(SlackClientError):
    """Slack asked for patience with a method; `wait` is how long from now."""

    def __init__(self, method: str, wait: timedelta) -> None:
        super().__init__(f"{method} is limited for {wait}")
        self.wait = wait


class Throttle:
    """Calls Slack's methods by name; threads share it."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[str, datetime] = {}

    def call(self, method: str, **given: Any) -> SlackResponse:
        """Call `method` (`chat.postMessage`); raises Limited, else what the client raises."""
        now = self._clock.now()
        with self._lock:
            free_at = self._free_at.get(method, now)
        if free_at > now:
            raise Limited(method, free_at - now)
        try:
            answer: SlackResponse = getattr(self._client, method.replace(".", "_"))(**given)
        except SlackApiError as error:
            now = self._clock.now()
            wait = retry_after(error, now)
            if wait is None:
                raise
            with self._lock:
                self._free_at[method] = now + wait
            raise Limited(method, wait) from error
        return answer
