"""A backfill's one message: drawn as it stands, edited in place while it moves, and at its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from bot.actions import page_value
from bot.ages import Age, age_of
from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Method, edit, uid_of
from bot.rows import Who, who_of
from bot.sender import sum_of
from sync.backfill import DAY, Backfills
from sync.batches import Batch, BatchState, Counts, Progress, Tally
from sync.clock import Clock
from sync.outward import Post, PostState
from sync.records import Filters, Route
from sync.states import Status
from sync.store import Store

GAP = timedelta(seconds=3)
"""Between two edits; the last one does not wait."""

LOOK_SECONDS = 1.0
BAR = 20
"""Characters of the bar."""

_ON_ITS_WAY = frozenset({PostState.WAITING, PostState.SENDING})

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BackfillView:
    """The message for `templates/backfill.xml`; days are the source's."""

    id: int
    route: str
    source: str
    source_system: str
    destination: str
    destination_system: str
    first: date
    last: date
    state: BatchState
    walked: bool
    percent: int
    bar: str
    tally: Tally
    counts: Counts
    by: Who
    elapsed: Age
    reason: str | None
    odd: str | None
    refused: str | None
    """The connection that must be opened again before it goes on."""

    held: bool
    show_failed: str
    """The page of what failed on the route since the backfill began."""

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in {BatchState.QUEUED, BatchState.RUNNING, BatchState.STOPPING}


@dataclass(frozen=True, slots=True)
class FormView:
    """What a form shows: the routes to choose from, and what was given before it opened."""

    routes: Sequence[Route]
    chosen: int | None = None
    """The id of the route that is chosen at first."""

    first: date | None = None
    last: date | None = None


def backfill_view(progress: Progress, now: datetime) -> BackfillView:
    """Return the message of a backfill as seen `now`."""
    batch, counts = progress.batch, progress.counts
    failed = Filters(
        statuses=(Status.FAILED,),
        source=batch.source,
        destination=batch.destination,
        since=batch.created_at,
    )
    share = done_share(progress)
    filled = int(share * BAR)
    return BackfillView(
        id=batch.id,
        route=batch.route,
        source=batch.source,
        source_system=batch.source_system,
        destination=batch.destination,
        destination_system=batch.destination_system,
        first=batch.first,
        last=batch.last,
        state=batch.state,
        walked=batch.walked,
        percent=int(share * 100),
        bar="█" * filled + "░" * (BAR - filled),
        tally=batch.place.tally,
        counts=counts,
        by=who_of(batch.by),
        elapsed=age_of(batch.created_at, batch.finished_at or now),
        reason=batch.reason,
        odd=batch.place.odd,
        refused=batch.place.refused if batch.reason else None,
        held=progress.held and counts.pending > 0,
        show_failed=page_value(failed),
    )


def done_share(progress: Progress) -> float:
    """Return how much is done, 0 to 1: of the days those walked, of their documents those ended."""
    batch, counts = progress.batch, progress.counts
    if batch.state is BatchState.DONE:
        return 1.0
    days = (batch.last - batch.first).days + 1
    walked = (batch.place.day - batch.first).days if batch.place.day else days
    ended = (counts.new - counts.pending) / counts.new if counts.new else 1.0
    return walked / days * ended


class Draws(Protocol):
    """Draws the message."""

    def backfill(self, progress: Progress) -> Message:
        """Return it as the backfill stands."""
        ...


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was last sent of a message, and when."""

    sum: str
    at: datetime


class Messages:
    """Keeps the messages of all backfills that were begun in Slack."""

    def __init__(
        self, backfills: Backfills, store: Store, outbox: Outbox, show: Draws, clock: Clock
    ) -> None:
        self._backfills = backfills
        self._store = store
        self._outbox = outbox
        self._show = show
        self._clock = clock
        self._drawn: dict[int, _Drawn] = {}
        self._loop = Loop("backfill messages", self._step)

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
        for batch in self._backfills.rows.since(self._clock.now() - DAY):
            if batch.message and not batch.message.get("ended"):
                self._draw(batch)
        return LOOK_SECONDS

    def _draw(self, begun: Batch) -> None:
        uid, channel, post = self._posted(begun)
        progress = self._backfills.progress(begun.id)
        if progress is None or (post and post.state in _ON_ITS_WAY):
            return
        now, batch = self._clock.now(), progress.batch
        drawn, before = self._show.backfill(progress), self._drawn.get(batch.id)
        if post is None:
            self._outbox.put(_first(uid, batch, channel, drawn))
        elif post.state is PostState.SENT:
            is_same = before is not None and before.sum == sum_of(drawn)
            if batch.active and before and (is_same or before.at + GAP > now):
                return
            if not is_same:
                self._outbox.put(edit(uid, _place(batch), drawn))
        self._drawn[batch.id] = _Drawn(sum_of(drawn), now)
        if post and not batch.active:
            self._backfills.rows.keep(batch.id, {**(batch.message or {}), "ended": True})
            self._drawn.pop(batch.id)

    def _posted(self, batch: Batch) -> tuple[str, str | None, Post | None]:
        """Return the message's uid, its channel and its post, None before it was put.

        Where the bot may not write to the channel, the message goes to who began the backfill.
        """
        channel = (batch.message or {}).get("channel")
        uid = uid_of("backfill", batch.id, channel)
        post = self._store.posts.get(uid)
        if post is None or post.state is not PostState.FAILED:
            return uid, channel, post
        direct = uid_of("backfill", batch.id, "direct")
        return direct, None, self._store.posts.get(direct)


def _first(uid: str, batch: Batch, channel: str | None, drawn: Message) -> Post:
    body = {"channel": channel, "user": batch.by.id, "message": dict(drawn)}
    return Post(uid, Method.POST, _place(batch), body)


def _place(batch: Batch) -> str:
    return f"backfill:{batch.id}"
