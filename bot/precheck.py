"""A precheck's one message: drawn as it stands, edited while it moves, ten goods a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.actions import BadValue, id_of
from bot.ages import Age, age_of
from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Method, edit, uid_of
from bot.rows import Who, who_of
from bot.sender import sum_of
from sync.clock import Clock
from sync.outward import Post, PostState
from sync.precheck import MOST_FINDINGS, Finding, Precheck, PrecheckState
from sync.store import Store

PAGE = 10
GAP = timedelta(seconds=3)
"""Between two edits; the last one does not wait."""

LOOK_SECONDS = 1.0
FOLLOWED = timedelta(days=1)
"""So long after its end a message is still brought to it."""

_ON_ITS_WAY = frozenset({PostState.WAITING, PostState.SENDING})

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PrecheckView:
    """A page of a precheck for `templates/precheck.xml`.

    `living` is the one message that all see; the other pages are shown to one person.
    """

    id: int
    route: str
    source_system: str
    destination_system: str
    destination: str
    state: PrecheckState
    stopping: bool
    living: bool
    looked: int
    missing: int
    rows: Sequence[Finding]
    first: int
    last: int
    listed: int
    creatable: int
    near: int
    made: int
    refused: int
    most: int
    reason: str | None
    by: Who
    creator: Who | None
    elapsed: Age
    previous: str | None
    next: str | None

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in {PrecheckState.LOOKING, PrecheckState.CREATING}


def precheck_view(
    precheck: Precheck, now: datetime, start: int = 0, *, living: bool = True
) -> PrecheckView:
    """Return the page that begins with the finding at `start`, as seen `now`."""
    found = precheck.findings
    start = min(max(start, 0), max(len(found) - 1, 0)) // PAGE * PAGE
    rows = found[start : start + PAGE]
    end = start + len(rows)
    return PrecheckView(
        **{name: getattr(precheck, name) for name in _SAME},
        living=living,
        rows=rows,
        first=start + 1,
        last=end,
        listed=len(found),
        creatable=len(precheck.creatable),
        near=sum(bool(one.near) for one in found),
        made=len(precheck.made),
        refused=len(precheck.refused),
        most=MOST_FINDINGS,
        by=who_of(precheck.by),
        creator=who_of(precheck.creator) if precheck.creator else None,
        elapsed=age_of(precheck.created_at, precheck.finished_at or now),
        previous=page_value(precheck.id, start - PAGE) if start else None,
        next=page_value(precheck.id, end) if end < len(found) else None,
    )


_SAME = (
    *("id", "route", "source_system", "destination_system", "destination", "state", "stopping"),
    *("looked", "missing", "reason"),
)


def page_value(precheck_id: int, start: int) -> str:
    """Return the value of a button that leads to a page of a precheck."""
    return f"{precheck_id} {start}"


def page_in(value: str | None) -> tuple[int, int]:
    """Return the precheck and the first finding that a button leads to. Raises BadValue."""
    first, blank, second = (value or "").partition(" ")
    if not blank:
        raise BadValue(value or "")
    return id_of(first), id_of(second)


class Draws(Protocol):
    """Draws the message."""

    def precheck(self, precheck: Precheck) -> Message:
        """Return it as the precheck stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was last sent of a message, and when."""

    sum: str
    at: datetime


class PrecheckMessages:
    """Keeps the messages of all prechecks that were begun in Slack."""

    def __init__(self, store: Store, outbox: Outbox, show: Draws, clock: Clock) -> None:
        self._store = store
        self._outbox = outbox
        self._show = show
        self._clock = clock
        self._drawn: dict[int, _Drawn] = {}
        self._loop = Loop("precheck messages", self._step)

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
        for precheck in self._store.prechecks.since(self._clock.now() - FOLLOWED):
            if precheck.message and not precheck.message.get("ended"):
                self._draw(precheck)
        return LOOK_SECONDS

    def _draw(self, precheck: Precheck) -> None:
        uid, channel, post = self._posted(precheck)
        if post and post.state in _ON_ITS_WAY:
            return
        now, before = self._clock.now(), self._drawn.get(precheck.id)
        drawn = self._show.precheck(precheck)
        if post is None:
            self._outbox.put(_first(uid, precheck, channel, drawn))
        elif post.state is PostState.SENT:
            is_same = before is not None and before.sum == sum_of(drawn)
            if precheck.active and before and (is_same or before.at + GAP > now):
                return
            if not is_same:
                self._outbox.put(edit(uid, _place(precheck), drawn))
        self._drawn[precheck.id] = _Drawn(sum_of(drawn), now)
        if post and not precheck.active:
            kept = {**(precheck.message or {}), "ended": True}
            self._store.prechecks.keep(precheck.id, kept)
            self._drawn.pop(precheck.id)

    def _posted(self, precheck: Precheck) -> tuple[str, str | None, Post | None]:
        """Return the message's uid, its channel and its post, None before it was put.

        Where the bot may not write to the channel, the message goes to who began the precheck.
        """
        channel = (precheck.message or {}).get("channel")
        uid = uid_of("precheck", precheck.id, channel)
        post = self._store.posts.get(uid)
        if post is None or post.state is not PostState.FAILED:
            return uid, channel, post
        direct = uid_of("precheck", precheck.id, "direct")
        return direct, None, self._store.posts.get(direct)


def _first(uid: str, precheck: Precheck, channel: str | None, drawn: Message) -> Post:
    body = {"channel": channel, "user": precheck.by.id, "message": dict(drawn)}
    return Post(uid, Method.POST, _place(precheck), body)


def _place(precheck: Precheck) -> str:
    return f"precheck:{precheck.id}"
