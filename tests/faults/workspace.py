"""Slack, as far as the simulator needs it: a client with a ledger, buttons that people press.

What people are shown is drawn plainly (`Plain`), so that the checker can read it: the answer to a
press, the end of a sync, a digest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sync.causes import Cause
from sync.figures import Figures
from sync.outward import Digest
from sync.records import Actor, Retried, Sync
from tests.faults.stage import Stage
from tests.faults.weather import Fault, Weather

CHANNEL = "C-DIGEST"
POSTS = frozenset({"chat.postMessage", "chat.postEphemeral"})


@dataclass(frozen=True, slots=True)
class Message:
    """What stands in Slack, or stood before an edit; `lost` where its answer was."""

    method: str
    at: datetime
    channel: str
    user: str | None
    text: str
    uid: str | None
    ts: str
    lost: bool


@dataclass(slots=True)
class Click:
    """One press of a button; `acked_at` is when Slack was told that it arrived."""

    receipt: str
    user: str
    sync_id: int
    at: datetime
    acked_at: datetime | None = None
    deliveries: int = 0

    def body(self) -> dict[str, Any]:
        """Return the payload that Slack delivers, the same each time."""
        trigger, stamp = self.receipt.split(":")
        action = {"action_id": "retry", "value": str(self.sync_id), "action_ts": stamp}
        return {
            "type": "block_actions",
            "user": {"id": self.user},
            "team": {"id": "T1"},
            "channel": {"id": "C-TALK"},
            "trigger_id": trigger,
            "actions": [action],
        }


class Refusal:
    """An answer of Slack that says no."""

    def __init__(self, error: str, status: int, headers: Mapping[str, str]) -> None:
        self.data = {"ok": False, "error": error}
        self.status_code = status
        self.headers = dict(headers)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a part of the answer."""
        return self.data.get(name, default)


class Slack(WebClient):
    """A client whose calls reach a ledger instead of a network."""

    def __init__(self, stage: Stage, weather: Weather, note: Callable[[str], None]) -> None:
        super().__init__(token="xoxb-canary", base_url="http://slack.test/api/")
        self.stage = stage
        self.weather = weather
        self.note = note
        self.messages: list[Message] = []
        self.clicks: list[Click] = []
        self.dark = False
        """Whether channel histories cannot be read."""

    def api_call(self, api_method: str, **given: Any) -> Any:
        """Do what a method of Slack's does, or fail as it might."""
        said = {
            **(given.get("params") or {}),
            **(given.get("data") or {}),
            **(given.get("json") or {}),
        }
        match api_method:
            case "chat.postMessage" | "chat.postEphemeral" | "chat.update":
                return self._say(api_method, said)
            case "conversations.history":
                return self._history(said["channel"])
            case "conversations.open":
                return {"ok": True, "channel": {"id": f"D-{said['users']}"}}
            case _:
                return {"ok": True, "channel": {}}

    def _say(self, method: str, said: dict[str, Any]) -> dict[str, Any]:
        if self.weather.meets(Fault.POST_LIMITED, 0.4):
            self._refuse("ratelimited", 429, {"Retry-After": self.weather.dice.choice(["1", "30"])})
        lost = self.weather.meets(Fault.POST_LOST, 0.6)
        if lost and self.weather.dice.random() < 0.4:
            raise TimeoutError("Slack did not answer")
        marked = said.get("metadata") or {}
        now = self.stage.clock.now()
        message = Message(
            method,
            now,
            said["channel"],
            said.get("user"),
            said.get("text", ""),
            (marked.get("event_payload") or {}).get("uid"),
            f"{len(self.messages) + 1}.0",
            lost,
        )
        self.messages.append(message)
        self.note(f"slack {method} {message.channel} {message.text}")
        if lost:
            raise TimeoutError("Slack did not answer")
        return {"ok": True, "channel": message.channel, "ts": message.ts, "message_ts": message.ts}

    def _history(self, channel: str) -> dict[str, Any]:
        if self.dark:
            self._refuse("missing_scope", 200, {})
        found = [
            {"ts": one.ts, "metadata": {"event_payload": {"uid": one.uid}}}
            for one in reversed(self.messages)
            if one.channel == channel and one.uid
        ]
        return {"ok": True, "messages": found}

    def _refuse(self, error: str, status: int, headers: Mapping[str, str]) -> None:
        raise SlackApiError(error, Refusal(error, status, headers))  # type: ignore[no-untyped-call]  # because the SDK has no types there


class Plain:
    """Draws what people are told as one plain line each."""

    def retried(self, told: Sequence[tuple[str, Retried]]) -> dict[str, Any]:
        """Say what a press did."""
        lines = [
            f"{one.answer.value} {one.sync.id if one.sync else number}" for number, one in told
        ]
        return {"text": f"pressed {' '.join(lines)}", "blocks": []}

    def finished(
        self, sync: Sync, causes: Sequence[Cause] = (), *, retrying: bool = False
    ) -> dict[str, Any]:
        """Say how a sync ended."""
        del causes
        word = "retrying" if retrying else "ended"
        return {"text": f"{word} {sync.id} {sync.status.value}", "blocks": []}

    def digest(self, figures: Figures, digest: Digest, *_: object) -> dict[str, Any]:
        """Draw a digest: the day and how many need people."""
        count = sum(cause.count for cause in figures.causes)
        return {"text": f"digest {digest.local_date} {count}", "blocks": []}

    def wrong(self, problem: object) -> dict[str, Any]:
        """Say that something was wrong with a press."""
        return {"text": f"wrong {problem}", "blocks": []}


@dataclass
class OpenGate:
    """Lets everybody through, by id."""

    met: list[str] = field(default_factory=list)

    def passed(self, user: str, _team: str | None, _needed: object) -> Actor:
        """Return who acts."""
        self.met.append(user)
        return Actor(user, user.title())


class OwnChannels:
    """Channels that only this workspace reads."""

    def shared(self, _channel: str) -> bool:
        """No."""
        return False

    def shared_now(self, _channel: str) -> bool:
        """No."""
        return False


REDELIVERED_AFTER = timedelta(seconds=60)
