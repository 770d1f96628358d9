"""Who reads a channel: asked right before each message, each minute for edits and answers."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from slack_sdk import WebClient

from bot.throttle import Throttle
from bot.web_api import TROUBLE, Cache
from sync.clock import Clock

KEPT = timedelta(seconds=60)


class Audience(StrEnum):
    """Who would read an answer that is shared with a channel."""

    OURS = "ours"
    """Only this workspace, where invsync was invited."""

    OUTSIDERS = "outsiders"
    """People of another organisation too, now or soon."""

    UNINVITED = "uninvited"
    """A channel where nobody has invited invsync: perhaps the whole workspace."""

    UNKNOWN = "unknown"
    """Slack does not say."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """What Slack says of a channel; a direct message with invsync counts as an invitation."""

    shared: bool
    invited: bool


class Channels:
    """What `conversations.info` says about channels."""

    def __init__(self, client: WebClient, clock: Clock) -> None:
        self._api = Throttle(client, clock)
        self._known: Cache[str, _Channel] = Cache(clock, KEPT, self._load)

    def shared(self, channel: str) -> bool:
        """Return whether the channel is, or is about to be, shared with another organisation.

        Raises what the call raises: an unreadable channel is nobody's guess.
        """
        return self._known.get(channel).shared

    def shared_now(self, channel: str) -> bool:
        """Do as `shared`, asking Slack this moment: it may have changed since the last message."""
        return self._known.refresh(channel).shared

    def audience(self, channel: str) -> Audience:
        """Return who would read what is shared with the channel."""
        try:
            known = self._known.get(channel)
        except TROUBLE:
            return Audience.UNKNOWN
        if known.shared:
            return Audience.OUTSIDERS
        return Audience.OURS if known.invited else Audience.UNINVITED

    def _load(self, channel: str) -> _Channel:
        answer = self._api.call("conversations.info", channel=channel)
        told = answer.get("channel") or {}
        return _Channel(
            shared=bool(told.get("is_ext_shared") or told.get("is_pending_ext_shared")),
            invited=bool(told.get("is_member") or told.get("is_im")),
        )
