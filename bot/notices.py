"""What the owner reads: messages that a channel could not get, and ones that could not be drawn.

The owner's copy is a direct message with a uid of its own, so that it arrives once, however often
the message in the channel is edited or tried again.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from bot.posts import Message, Method, direct, uid_of
from sync.clock import Clock
from sync.outward import Post
from sync.store import Store

log = structlog.get_logger(__name__)

_NOBODY_MISSES = frozenset(
    {
        "never_posted",
        "no_such_digest",
        "message_not_found",  # somebody removed it
        "cant_update_message",
        "edit_window_closed",
    }
)


class Why(StrEnum):
    """Why a channel did not get a message."""

    SHARED = "shared_channel"
    ARCHIVED = "is_archived"
    NOT_FOUND = "channel_not_found"
    NOT_IN = "not_in_channel"
    FORBIDDEN = "restricted_action"
    OTHER = "other"


_OTHER_WORDS = {"is_inactive": Why.ARCHIVED}
"""What Slack answers to an edit where it would answer otherwise to a message."""


class Draws(Protocol):
    """Draws the two notices."""

    def undelivered(self, channel: str, why: Why, code: str, *, is_digest: bool) -> Message:
        """Say that a channel did not get what follows, why, and what to do."""
        ...

    def undrawn(self, place: str | None, code: str, reference: str, *, is_digest: bool) -> Message:
        """Say which message went out as text alone."""
        ...


class Notices:
    """Writes to the owner, at most once per channel and local day."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        show: Draws,
        owner: Callable[[], str | None],
        zone: ZoneInfo,
    ) -> None:
        self._store = store
        self._clock = clock
        self._show = show
        self._owner = owner
        self._zone = zone

    def undelivered(self, post: Post, code: str) -> None:
        """Bring what a channel could not get to the owner, with the reason and the next step."""
        channel = post.body.get("channel")
        is_digest = post.method == Method.LIVING
        for_nobody_else = is_digest or (post.method == Method.POST and not post.body.get("user"))
        if not (channel and for_nobody_else) or code in _NOBODY_MISSES:
            return
        notice = self._show.undelivered(channel, _why(code), code, is_digest=is_digest)
        subject = (channel, self._day()) if is_digest else (post.uid,)
        self._tell("undelivered", subject, _together(notice, post.body["message"]))

    def undrawn(self, post: Post, code: str, reference: str) -> None:
        """Tell the owner which message was sent as text alone."""
        is_digest = post.method == Method.LIVING
        place = post.body.get("channel")
        notice = self._show.undrawn(place, code, reference, is_digest=is_digest)
        self._tell("undrawn", (place or post.method, self._day()), notice)

    def _tell(self, what: str, subject: tuple[str, ...], message: Message) -> None:
        owner = self._owner()
        if owner is None:
            log.error("owner.unknown", notice=what, subject=subject)
            return
        copy = direct(owner, message, uid_of("owner", what, *subject))
        self._store.posts.put([copy], self._clock.now())

    def _day(self) -> str:
        return self._clock.now().astimezone(self._zone).date().isoformat()


def _why(code: str) -> Why:
    return _OTHER_WORDS.get(code) or (Why(code) if code in set(Why) else Why.OTHER)


def _together(notice: Message, message: Mapping[str, Any]) -> Message:
    return {
        "text": f"{notice['text']} {message.get('text', '')}",
        "blocks": [*notice["blocks"], *(message.get("blocks") or [])],
    }
