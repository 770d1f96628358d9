"""What goes wrong next in the workspace, as scripts ask for it (`docs/sandbox.md`)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.workspace.cast import Channel


@dataclass(slots=True)
class Limit:
    """A method answers 429 so often still, with this Retry-After; None sends none."""

    left: int
    retry_after: str | None


@dataclass(slots=True)
class Refusal:
    """A method is refused so often still, with this error of Slack's."""

    left: int
    error: str


@dataclass(slots=True)
class Knobs:
    """What goes wrong next."""

    late_ack_s: float = 0.0
    expire_triggers: int = 0
    lose_answers: int = 0
    lose_calls: int = 0
    limited: dict[str, Limit] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)

    def limit(self, method: str) -> Limit | None:
        """Use up one 429 of this method; None where it has none."""
        return self.limited[method] if _used(self.limited, method) else None

    def refusal(self, method: str) -> Refusal | None:
        """Use up one refusal of this method; None where it has none."""
        return self.refused[method] if _used(self.refused, method) else None

    def turn(self, given: dict[str, Any]) -> None:
        """Turn the knobs that are named. Raises what Python does where a value is nonsense."""
        self.late_ack_s = float(given.get("late_ack_s", self.late_ack_s))
        self.expire_triggers = int(given.get("expire_trigger", self.expire_triggers))
        self.lose_answers = int(given.get("lose_answer", self.lose_answers))
        self.lose_calls = int(given.get("lose_call", self.lose_calls))
        limit, refuse = given.get("rate_limit_next"), given.get("refuse_next")
        if limit:
            wait = limit.get("retry_after", 1)
            told = None if wait is None else str(wait)
            self.limited[limit["method"]] = Limit(int(limit.get("count", 1)), told)
        if refuse:
            count = int(refuse.get("count", 1))
            self.refused[refuse["method"]] = Refusal(count, str(refuse["error"]))


def changed(channel: Channel, given: dict[str, Any]) -> Channel:
    """Return a channel with the switches that are named thrown."""
    return dataclasses.replace(
        channel,
        archived=bool(given.get("archived", channel.archived)),
        shared=bool(given.get("shared", channel.shared)),
        bot_in=bool(given.get("member", channel.bot_in)),
    )


def _used(waiting: Mapping[str, Limit] | Mapping[str, Refusal], method: str) -> bool:
    found = waiting.get(method)
    if found is None or found.left < 1:
        return False
    found.left -= 1
    return True
