"""News of syncs becomes posts: people are told once how it ended, what they look at is redrawn.

One transaction forgets the news, puts the posts and ends the watches: a crash before it repeats
the step, a crash after it loses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.actions import page_of
from bot.loop import Loop
from bot.outbox import Outbox
from bot.posts import Message, direct, place_at, place_in, replacement, view, whisper
from bot.show import Show
from bot.subscriptions import Digests
from bot.watching import Drawn, Follows, drawn
from sync.engine import Engine
from sync.outward import News as Row
from sync.outward import Post, Watch
from sync.records import Sync
from sync.states import Status

POLL_SECONDS = 1.0
"""Another process may have moved a sync and cannot ring."""

OPEN = timedelta(minutes=30)
"""How long a response_url works, and a modal is kept fresh."""

REDRAWS = 3
"""A response_url takes five answers; one is kept for the click's own and one to tell the end."""

MOST_TRIES = 3
"""A piece of news that breaks its handling so often is dropped, or it would silence all others."""

log = structlog.get_logger(__name__)

_ENDED = frozenset({Status.SUCCESS, Status.FAILED, Status.SKIPPED})
_OVER = frozenset({Status.SUCCESS, Status.SKIPPED})


@dataclass(slots=True)
class _Round:
    """What one round of news leads to; `seen` keeps it from drawing a thing twice."""

    now: datetime
    posts: list[Post] = field(default_factory=list)
    ended: list[Watch] = field(default_factory=list)
    promised: list[Watch] = field(default_factory=list)
    """Of people who are told now that it goes on by itself."""

    seen: set[object] = field(default_factory=set)

    def first(self, *thing: object) -> bool:
        """Return True the first time in this round."""
        new = thing not in self.seen
        self.seen.add(thing)
        return new


class News:
    """Reads `store.news` and answers it."""

    def __init__(self, engine: Engine, outbox: Outbox, show: Show, digests: Digests) -> None:
        self._engine = engine
        self._outbox = outbox
        self._show = show
        self._digests = digests
        self._stuck_at: int | None = None
        self._tries = 0
        self._loop = Loop("news", self._step)

    def start(self) -> None:
        """Begin to listen."""
        self._loop.start()

    def stop(self) -> None:
        """End after the round that runs."""
        self._loop.stop()

    def ring(self) -> None:
        """Look now: the engine has committed something."""
        self._loop.ring()

    def age_seconds(self) -> float:
        """Return how long ago a round ended."""
        return self._loop.age_seconds()

    def _step(self) -> float:
        if self._digests.redraw():
            self._outbox.ring()
        pending = self._engine.store.news.pending()
        if not pending:
            return POLL_SECONDS
        self._handle(self._heard(pending))
        self._stuck_at = None
        return 0.0

    def _heard(self, pending: list[Row]) -> list[Row]:
        """Return what to handle now: all, or the first alone where handling it broke before."""
        first = pending[0].id
        self._tries = self._tries + 1 if first == self._stuck_at else 0
        self._stuck_at = first
        return pending[:1] if self._tries else pending

    def _handle(self, pending: list[Row]) -> None:
        turn = _Round(self._engine.clock.now())
        for sync_id in dict.fromkeys(row.sync_id for row in pending):
            if self._tries < MOST_TRIES:
                self._tell(turn, sync_id)
            else:
                log.error("news.given_up", sync=sync_id)
        told = self._engine.store.news.handled(
            pending, turn.posts, turn.ended, turn.now, promised=_promised(turn.promised)
        )
        if told and turn.posts:
            self._outbox.ring()

    def _tell(self, turn: _Round, sync_id: int) -> None:
        watches = self._engine.store.watches.of(sync_id)
        sync = self._engine.sync(sync_id) if watches else None
        if sync is None:
            turn.ended += watches
            return
        tell = {
            Follows.PERSON: self._person,
            Follows.PAGE: self._page,
            Follows.MODAL: self._modal,
            Follows.DIGEST: self._over,
        }
        for watch in watches:
            if tell[Follows(watch.kind)](turn, sync, watch):
                turn.ended.append(watch)

    # Each returns whether the watch has ended.

    def _person(self, turn: _Round, sync: Sync, watch: Watch) -> bool:
        if sync.status not in _ENDED:
            return False
        to, going = watch.target, sync.retrying
        if going and to.get("promised"):
            return False  # one promise is enough: the end is told
        if turn.first(Follows.PERSON, to["user"], to["channel"], sync.id):
            causes = self._engine.store.causes.of(sync.id) if sync.status is Status.FAILED else ()
            turn.posts.append(_told(to, self._show.finished(sync, causes, retrying=going)))
        if going:
            turn.promised.append(watch)
        return not going

    def _page(self, turn: _Round, sync: Sync, watch: Watch) -> bool:
        page = drawn(watch.target)
        used = self._engine.store.posts.count(place_at(page.place))
        if used >= REDRAWS or _closed(page, turn.now):
            return True
        if turn.first(Follows.PAGE, page.place):
            filters, cursor = page_of(page.value)
            message = self._show.log(self._engine.log(filters, cursor), filters, cursor)
            turn.posts.append(replacement(page.place, message))
        return sync.status in _ENDED

    def _modal(self, turn: _Round, sync: Sync, watch: Watch) -> bool:
        modal = drawn(watch.target)
        story = self._engine.story(sync.id)
        left = self._engine.store.posts.refused(place_in(modal.place))  # Slack knows it no more
        if story is None or left or _closed(modal, turn.now):
            return True
        if turn.first(Follows.MODAL, modal.place):
            content = {**self._show.document(story), "private_metadata": modal.value}
            turn.posts.append(view(modal.place, content))
        return sync.status in _OVER

    def _over(self, _turn: _Round, _sync: Sync, _watch: Watch) -> bool:
        return True


def _promised(told: Sequence[Watch]) -> list[Watch]:
    """Return the watches as they are kept once their people know that the end follows."""
    return [replace(one, target={**one.target, "promised": True}) for one in told]


def _told(to: Mapping[str, Any], message: Message) -> Post:
    if to["channel"]:
        return whisper(to["channel"], to["user"], message, to["url"])
    return direct(to["user"], message)


def _closed(thing: Drawn, now: datetime) -> bool:
    return thing.at + OPEN < now
