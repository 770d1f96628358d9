"""Whether outsiders read a channel: asked before anything is posted there, at most a minute old."""

from datetime import timedelta

from slack_sdk import WebClient

from bot.web_api import TROUBLE, Cache
from sync.clock import Clock

KEPT = timedelta(seconds=60)


class Channels:
    """What `conversations.info` says about channels."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._client = client
        self._shared: Cache[str, bool] = Cache(clock, KEPT, self._load)

    def shared(self, channel: str) -> bool:
        """Return whether the channel is, or is about to be, shared with another organisation.

        Raises what the call raises: an unreadable channel is nobody's guess.
        """
        return self._shared.get(channel)

    def closed(self, channel: str) -> bool:
        """Return whether only this workspace surely reads the channel; no answer means no."""
        try:
            return not self.shared(channel)
        except TROUBLE:
            return False

    def _load(self, channel: str) -> bool:
        described = self._client.conversations_info(channel=channel).get("channel") or {}
        return bool(described.get("is_ext_shared") or described.get("is_pending_ext_shared"))
