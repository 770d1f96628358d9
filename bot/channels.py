"""Whether outsiders read a channel: asked right before each message, each minute for edits."""

from datetime import timedelta

from slack_sdk import WebClient

from bot.throttle import Throttle
from bot.web_api import TROUBLE, Cache
from sync.clock import Clock

KEPT = timedelta(seconds=60)


class Channels:
    """What `conversations.info` says about channels."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._api = Throttle(client, clock)
        self._shared: Cache[str, bool] = Cache(clock, KEPT, self._load)

    def shared(self, channel: str) -> bool:
        """Return whether the channel is, or is about to be, shared with another organisation.

        Raises what the call raises: an unreadable channel is nobody's guess.
        """
        return self._shared.get(channel)

    def shared_now(self, channel: str) -> bool:
        """Do as `shared`, asking Slack this moment: it may have changed since the last message."""
        return self._shared.refresh(channel)

    def closed(self, channel: str) -> bool:
        """Return whether only this workspace surely reads the channel; no answer means no."""
        try:
            return not self.shared(channel)
        except TROUBLE:
            return False

    def _load(self, channel: str) -> bool:
        answer = self._api.call("conversations.info", channel=channel)
        described = answer.get("channel") or {}
        return bool(described.get("is_ext_shared") or described.get("is_pending_ext_shared"))
