"""What the engine keeps for whoever speaks to people: news, watches, posts and digests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

SHOWS_CAUSES = "modal"
"""The kind of watches that hear, besides of their sync, of what stops it."""


@dataclass(frozen=True, slots=True)
class News:
    """A sync ended an attempt or changed status; kept until whoever listens has handled it."""

    id: int
    sync_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody or some message that follows a sync; `target` belongs to the surface alone."""

    id: int
    sync_id: int
    kind: str
    target: dict[str, Any] = field(default_factory=dict)


class PostState(StrEnum):
    """Where a post stands on its way out."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Post:
    """A message or an edit on its way out: a row first, sent by one sender, in order per channel.

    `key` coalesces: a waiting post with the same key is replaced. `method` and `body` belong to the
    surface alone.
    """

    uid: str
    method: str
    channel: str
    body: dict[str, Any]
    key: str | None = None
    tries: int = 0
    created_at: datetime | None = None
    result: dict[str, Any] | None = None
    state: PostState = PostState.WAITING


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that was claimed for a channel and a local date."""

    id: int
    channel: str
    local_date: date
    since: datetime
    posted_at: datetime
    message: dict[str, Any] | None
    """Where it stands (the surface's own words), None until it was posted."""

    groups: Sequence[Any] = ()
    """What was listed, as the surface keeps it to draw the same message again."""

    drawn_at: datetime | None = None
    drawn_for: str | None = None
    """The mark of the figures that it was drawn with last."""
