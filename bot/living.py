"""Living messages: one for each thing that goes on, edited in place while it moves, until its end.

Four kinds of things have one: backfills, bulk retries, prechecks and holds. Each kind is a function
that yields its things; everything else is the same for all and stands here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Message, Method, edit, uid_of
from bot.sender import sum_of
from sync.clock import Clock
from sync.lanes import guarded
from sync.outward import Post, PostState
from sync.store import Store

GAP = timedelta(seconds=3)
"""Between two edits; the last one does not wait."""

LOOK_SECONDS = 1.0
FOLLOWED = timedelta(days=1)
"""So long after its end a message is still brought to it."""

AFTER_A_BUG = timedelta(minutes=1)
BAR = 20
"""Characters of a bar."""

_ON_ITS_WAY = frozenset({PostState.WAITING, PostState.SENDING})


@dataclass(frozen=True, slots=True)
class Thing:
    """What a message tells of: where it stands, whether it is over, how it is drawn now.

    It stands in `channel`, else with `person`, who also gets it where the bot may not write to the
    channel. `kept` is what the thing's row keeps of its message; `keep` replaces that.
    """

    kind: str
    id: int
    channel: str | None
    person: str | None
    kept: Mapping[str, Any]
    over: bool
    draw: Callable[[], Message | None]
    keep: Callable[[dict[str, Any]], None]

    @property
    def place(self) -> str:
        """Its place in line among the posts."""
        return f"{self.kind}:{self.id}"


Kind = Callable[[datetime], Iterable[Thing]]
"""Yields what goes on and what ended since a moment, as far as it has a message."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was last sent of a message, and when."""

    sum: str
    at: datetime


class LivingMessages:
    """Keeps the messages of all kinds of things as true as the things are."""

    def __init__(self, kinds: Sequence[Kind], store: Store, outbox: Outbox, clock: Clock) -> None:
        self._kinds = kinds
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._drawn: dict[str, _Drawn] = {}
        self._broken: dict[str, datetime] = {}
        self._loop = Loop("living messages", self._step)

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
        now = self._clock.now()
        for number, kind in enumerate(self._kinds, start=1):
            self._list(f"living messages, kind {number}", kind, now)
        return LOOK_SECONDS

    def _list(self, listing: str, kind: Kind, now: datetime) -> None:
        """Follow the things of one kind; a listing that breaks must not silence the other kinds."""

        def listed() -> None:
            for thing in kind(now - FOLLOWED):
                if not thing.kept.get("ended") and not self._rests(thing.place, now):
                    self._follow(thing, now)

        def broke(_reference: str) -> None:
            self._broken[listing] = now + AFTER_A_BUG

        if not self._rests(listing, now):
            guarded(listing, listed, broken=broke)

    def _rests(self, what: str, now: datetime) -> bool:
        """Return whether `what` broke less than a minute ago."""
        until = self._broken.get(what)
        return until is not None and until >= now

    def _follow(self, thing: Thing, now: datetime) -> None:
        """Draw a thing; a bug in one message must not stop the others."""

        def broke(_reference: str) -> None:
            self._broken[thing.place] = now + AFTER_A_BUG

        guarded(thing.place, partial(self._draw, thing, now), broken=broke)

    def _draw(self, thing: Thing, now: datetime) -> None:
        uid, channel, post = self._posted(thing)
        if post and post.state in _ON_ITS_WAY:
            return
        drawn, before = thing.draw(), self._drawn.get(thing.place)
        if drawn is None:
            return
        if post is None:
            self._begin(thing, uid, channel, drawn)
        elif post.state is PostState.SENT:
            is_same = before is not None and before.sum == sum_of(drawn)
            if not thing.over and before and (is_same or before.at + GAP > now):
                return
            if not is_same:
                self._outbox.put(edit(uid, thing.place, drawn))
        self._drawn[thing.place] = _Drawn(sum_of(drawn), now)
        if post and thing.over:
            thing.keep({**thing.kept, "ended": True})
            self._drawn.pop(thing.place)

    def _posted(self, thing: Thing) -> tuple[str, str | None, Post | None]:
        """Return the message's uid, its channel and its post, None before it was put."""
        uid = uid_of(thing.kind, thing.id, thing.channel)
        post = self._store.posts.get(uid)
        if post is None or post.state is not PostState.FAILED or thing.person is None:
            return uid, thing.channel, post
        direct = uid_of(thing.kind, thing.id, "direct")
        return direct, None, self._store.posts.get(direct)

    def _begin(self, thing: Thing, uid: str, channel: str | None, drawn: Message) -> None:
        if "channel" not in thing.kept:  # it stays there, should another one be set
            thing.keep({**thing.kept, "channel": channel})
        body = {"channel": channel, "user": thing.person, "message": dict(drawn)}
        self._outbox.put(Post(uid, Method.POST, thing.place, body))


def bar(done: int, total: int) -> str:
    """Return a bar that is filled as far as `done` of `total` is; nothing to do is all done."""
    filled = BAR * done // total if total else BAR
    return "█" * filled + "░" * (BAR - filled)
