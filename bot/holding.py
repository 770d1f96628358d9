"""A hold's one message in the digest's channel: what waits, how it goes on, how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Method, edit, uid_of
from bot.rows import Who, who_of
from bot.sender import sum_of
from sync.clock import Clock
from sync.money import Money
from sync.outward import Post, PostState
from sync.records import HoldKind
from sync.store import Store
from sync.store.holds import Going, HoldRow

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
class HoldMessageView:
    """The message for `templates/hold.xml`."""

    connection: str
    system: str
    kind: HoldKind
    reason: str
    by: Who
    since: datetime
    next_at: datetime | None
    waiting: int
    amounts: Sequence[Money]
    going: Going
    bar: str
    opened: bool
    ended: bool

    @property
    def resting(self) -> int:
        """How many of those that were let go wait for something else, such as their sale."""
        return self.going.total - self.going.synced - self.going.failed - self.going.left


def hold_message_view(hold: HoldRow) -> HoldMessageView:
    """Return the message of a hold as it stands."""
    going = hold.going
    filled = BAR * (going.total - going.left) // going.total if going.total else BAR
    return HoldMessageView(
        connection=hold.connection,
        system=hold.system,
        kind=hold.kind,
        reason=hold.reason,
        by=who_of(hold.by),
        since=hold.began_at,
        next_at=hold.next_at,
        waiting=hold.waiting,
        amounts=hold.amounts,
        going=going,
        bar="█" * filled + "░" * (BAR - filled),
        opened=hold.opened_at is not None,
        ended=hold.ended_at is not None,
    )


class Draws(Protocol):
    """Draws the message."""

    def hold(self, hold: HoldRow) -> Message:
        """Return it as the hold stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was last sent of a message, and when."""

    sum: str
    at: datetime


class HoldMessages:
    """Keeps the messages of all holds in `channel`; nothing where no channel is set."""

    def __init__(
        self, store: Store, outbox: Outbox, show: Draws, clock: Clock, channel: str | None
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._show = show
        self._clock = clock
        self._channel = channel
        self._drawn: dict[int, _Drawn] = {}
        self._loop = Loop("hold messages", self._step)

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
        if self._channel is None:
            return LOOK_SECONDS
        for hold in self._store.holds.stories(self._clock.now() - FOLLOWED):
            kept = hold.message or {}
            if kept or not hold.ended_at:
                self._draw(hold, str(kept.get("channel") or self._channel))
        return LOOK_SECONDS

    def _draw(self, hold: HoldRow, channel: str) -> None:
        uid = uid_of("hold", hold.id, channel)
        post = self._store.posts.get(uid)
        if post and post.state in _ON_ITS_WAY:
            return
        now, drawn, before = self._clock.now(), self._show.hold(hold), self._drawn.get(hold.id)
        if post is None:
            self._store.holds.keep(hold.id, {"channel": channel})
            self._outbox.put_once(_first(uid, hold, channel, drawn))
        elif post.state is PostState.SENT:
            is_same = before is not None and before.sum == sum_of(drawn)
            if not hold.ended_at and before and (is_same or before.at + GAP > now):
                return
            if not is_same:
                self._outbox.put(edit(uid, _place(hold), drawn))
        self._drawn[hold.id] = _Drawn(sum_of(drawn), now)
        if post and hold.ended_at:
            self._store.holds.keep(hold.id, {"channel": channel, "ended": True})
            self._drawn.pop(hold.id)


def _first(uid: str, hold: HoldRow, channel: str, drawn: Message) -> Post:
    body = {"channel": channel, "user": None, "message": dict(drawn)}
    return Post(uid, Method.POST, _place(hold), body)


def _place(hold: HoldRow) -> str:
    return f"hold:{hold.id}"
