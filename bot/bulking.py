"""A bulk retry's one message: drawn as it stands, edited in place while it moves, until its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.ages import Age, age_of
from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Method, edit, uid_of
from bot.rows import Who, who_of
from bot.sender import sum_of
from sync.batches import Counts
from sync.bulk import Bulk, BulkProgress, BulkState
from sync.bulks import Bulks
from sync.clock import Clock
from sync.errors import ErrorType
from sync.money import Money
from sync.outward import Post, PostState
from sync.store import Store

GAP = timedelta(seconds=3)
"""Between two edits; the last one does not wait."""

LOOK_SECONDS = 1.0
FOLLOWED = timedelta(days=1)
"""So long after its end a message is still brought to it."""

BAR = 20
"""Characters of the bar."""

_ON_ITS_WAY = frozenset({PostState.WAITING, PostState.SENDING})

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CauseFacts:
    """What `_bulk.xml` needs of a cause to offer its retry."""

    id: int
    error_type: ErrorType
    key: str
    system: str
    count: int
    amounts: Sequence[Money]


@dataclass(frozen=True, slots=True)
class BulkView:
    """The message for `templates/bulk.xml`; the figures of `cause` are those that were shown."""

    id: int
    cause: CauseFacts
    state: BulkState
    anyway: bool
    counts: Counts
    left: int
    bar: str
    by: Who
    asked_at: datetime
    approver: Who | None
    approve_until: datetime | None
    elapsed: Age
    ended_at: datetime | None
    reason: str | None
    held: bool


def bulk_view(progress: BulkProgress, now: datetime) -> BulkView:
    """Return the message of a bulk retry as seen `now`."""
    bulk, counts = progress.bulk, progress.counts
    total = counts.new + max(progress.left - counts.pending, 0)
    filled = BAR * (total - progress.left) // total if total else BAR
    size = bulk.size
    return BulkView(
        id=bulk.id,
        cause=CauseFacts(
            bulk.cause_id, bulk.error_type, bulk.key, bulk.system, size.count, size.amounts
        ),
        state=bulk.state,
        anyway=bulk.anyway,
        counts=counts,
        left=progress.left,
        bar="█" * filled + "░" * (BAR - filled),
        by=who_of(bulk.by),
        asked_at=bulk.created_at,
        approver=who_of(bulk.approver) if bulk.approver else None,
        approve_until=bulk.approve_until,
        elapsed=age_of(bulk.created_at, bulk.finished_at or now),
        ended_at=bulk.finished_at,
        reason=bulk.reason,
        held=progress.held and counts.pending > 0,
    )


class Draws(Protocol):
    """Draws the message."""

    def bulk(self, progress: BulkProgress) -> Message:
        """Return it as the bulk retry stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was last sent of a message, and when."""

    sum: str
    at: datetime


class BulkMessages:
    """Keeps the messages of all bulk retries.

    Each stands where it was asked for: in a channel, else with the person. One that waits for a
    second person is shown in `channel`, the digest's, where it has none of its own.
    """

    def __init__(
        self,
        bulks: Bulks,
        store: Store,
        outbox: Outbox,
        show: Draws,
        clock: Clock,
        channel: str | None,
    ) -> None:
        self._bulks = bulks
        self._store = store
        self._outbox = outbox
        self._show = show
        self._clock = clock
        self._channel = channel
        self._drawn: dict[int, _Drawn] = {}
        self._loop = Loop("bulk retry messages", self._step)

    def start(self) -> None:
        """Begin to draw."""
        self._loop.start()

    def stop(self) -> None:
        """End after the message that is drawn."""
        self._loop.stop()

    def ring(self) -> None:
        """Look now."""
        self._loop.ring()

    def _step(self) -> float:
        for bulk in self._store.bulks.since(self._clock.now() - FOLLOWED):
            if not (bulk.message or {}).get("ended") and self._has_place(bulk):
                self._draw(bulk)
        return LOOK_SECONDS

    def _has_place(self, bulk: Bulk) -> bool:
        return bulk.message is not None or bool(bulk.approve_until and self._channel)

    def _draw(self, begun: Bulk) -> None:
        uid, channel, post = self._posted(begun)
        progress = self._bulks.progress(begun.id)
        if progress is None or (post and post.state in _ON_ITS_WAY):
            return
        now, bulk = self._clock.now(), progress.bulk
        drawn, before = self._show.bulk(progress), self._drawn.get(bulk.id)
        if post is None:
            self._outbox.put_once(_first(uid, bulk, channel, drawn))
        elif post.state is PostState.SENT:
            is_same = before is not None and before.sum == sum_of(drawn)
            if bulk.active and before and (is_same or before.at + GAP > now):
                return
            if not is_same:
                self._outbox.put(edit(uid, _place(bulk), drawn))
        self._drawn[bulk.id] = _Drawn(sum_of(drawn), now)
        if post and not bulk.active:
            self._store.bulks.keep(bulk.id, {**(bulk.message or {}), "ended": True})
            self._drawn.pop(bulk.id)

    def _posted(self, bulk: Bulk) -> tuple[str, str | None, Post | None]:
        """Return the message's uid, its channel and its post, None before it was put.

        Where the bot may not write to the channel, the message goes to who asked.
        """
        channel = (bulk.message or {}).get("channel")
        if channel is None and bulk.approve_until:
            channel = self._channel  # who must approve cannot see another person's messages
        uid = uid_of("bulk", bulk.id, channel)
        post = self._store.posts.get(uid)
        if post is None or post.state is not PostState.FAILED:
            return uid, channel, post
        direct = uid_of("bulk", bulk.id, "direct")
        return direct, None, self._store.posts.get(direct)


def _first(uid: str, bulk: Bulk, channel: str | None, drawn: Message) -> Post:
    body = {"channel": channel, "user": bulk.by.id, "message": dict(drawn)}
    return Post(uid, Method.POST, _place(bulk), body)


def _place(bulk: Bulk) -> str:
    return f"bulk:{bulk.id}"
