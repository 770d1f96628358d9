"""The outbox at work: threads that claim posts, send them, and note what became of each.

A post is a row before it leaves, so a crash loses none; rows with one place in line keep their
order and a second between them. Long errands get threads of their own, so that no post waits.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from logging import ERROR, INFO
from typing import assert_never

import structlog

from bot.loop import Loop
from bot.posts import Method
from bot.sender import POST_LIFE, Later, Outcome, Refused, Sender, Sent
from sync.clock import Clock
from sync.outward import Post
from sync.points import point
from sync.store import Persistence, Store, Unavailable

GAP = timedelta(seconds=1)
"""Slack's pace of messages in one channel (docs "Rate limits")."""

ADRIFT = timedelta(minutes=3)
"""A post that its process told nothing of for so long lost it; `rescue` tells each minute."""

NOTED_WITHIN = timedelta(seconds=30)
"""How long what became of a post is written again while the database is in trouble."""

AFTER_TROUBLE = timedelta(seconds=2)
LONGEST_WAIT_SECONDS = 1.0
"""Another process may have put a post and cannot ring."""

CLOSED = "not_found"
"""What Slack says of a view that somebody has closed."""

Errand = Callable[[Post], Outcome]

log = structlog.get_logger(__name__)


Undelivered = Callable[[Post, str], None]
"""Hears of a post that was given up, and why."""


class Outbox:
    """Sends what the store's posts hold; `errands` perform the methods that are not Slack's."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        errands: Mapping[str, Errand],
        undelivered: Undelivered | None = None,
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._errands = errands
        self._undelivered = undelivered or _nobody_hears
        self._away = ThreadPoolExecutor(max_workers=4, thread_name_prefix="errand")
        self._running: set[str] = set()
        self._noted = Persistence(NOTED_WITHIN, clock)
        self._loop = Loop("outbox", self._step, threads=3)

    def start(self, *, alone: bool) -> None:
        """Begin to send; `alone`: no other process sends, so what is adrift lost its sender."""
        self.rescue(timedelta(0) if alone else ADRIFT)
        self._loop.start()

    def stop(self) -> None:
        """Let what is on its way arrive, and end."""
        self._loop.stop()
        self._away.shutdown(wait=False, cancel_futures=True)

    def put(self, *posts: Post) -> None:
        """Keep posts and send them soon."""
        self._store.posts.put(posts, self._clock.now())
        self.ring()

    def put_once(self, *posts: Post) -> None:
        """Keep what answers a payload: delivered again, it has the same uids and adds nothing."""
        self.put(*posts)

    def ring(self) -> None:
        """Look for posts now."""
        self._loop.ring()

    def age_seconds(self) -> float:
        """Return how long ago the outbox last looked."""
        return self._loop.age_seconds()

    def rescue(self, silent: timedelta = ADRIFT) -> None:
        """Tell that our own posts live, and send those again, after a look, that lost their sender.

        Those are the ones whose process has been `silent` for so long.
        """
        now, posts = self._clock.now(), self._store.posts
        running = list(self._running)
        if running:
            posts.touch(running, now)
        for post in posts.rescue(now - silent, now - POST_LIFE, now):
            log.warning("outbox.adrift", method=post.method, place=post.channel, uid=post.uid)

    def _step(self) -> float:
        now = self._clock.now()
        due = self._store.posts.next_due(now, GAP)
        if due is None:
            return LONGEST_WAIT_SECONDS
        post = self._store.posts.claim(now, GAP)
        if post is None:
            return min(max((due - now).total_seconds(), 0.05), LONGEST_WAIT_SECONDS)
        self._running.add(post.uid)
        if post.method in self._errands:
            run = self._away.submit(self._errands[post.method], post)
            run.add_done_callback(lambda done: self._returned(post, now, done))
            return 0.0
        try:
            point("slack.posting")
            outcome = self._sender.send(post)
            point("slack.posted")
            self._settle(post, now, outcome)
        finally:
            self._running.discard(post.uid)
        return 0.0

    def _returned(self, post: Post, claimed_at: datetime, done: Future[Outcome]) -> None:
        if done.cancelled():
            return
        try:
            self._settle(post, claimed_at, _came_of(post, done))
        except Unavailable as error:  # it is rescued, and run again, when the database is back
            log.warning("outbox.database", errand=post.method, reason=str(error))
        finally:
            self._running.discard(post.uid)
            self.ring()

    def _settle(self, post: Post, claimed_at: datetime, outcome: Outcome) -> None:
        now, what = self._clock.now(), {"method": post.method, "place": post.channel}
        match outcome:
            case Sent(result):
                self._noted(lambda: self._store.posts.sent(post.uid, result, now))
            case Later(wait, error, doubtful):
                log.info("outbox.later", error=error, tries=post.tries, **what)
                asked_at = claimed_at if doubtful else None
                due = now + wait
                self._noted(lambda: self._store.posts.postpone(post.uid, due, error, asked_at))
            case Refused(error):
                expected = post.method == Method.VIEW and error == CLOSED
                log.log(INFO if expected else ERROR, "outbox.refused", error=error, **what)
                try:
                    self._noted(lambda: self._undelivered(post, error))
                finally:
                    self._noted(lambda: self._store.posts.fail(post.uid, error, now))
            case _:
                assert_never(outcome)


def _nobody_hears(_post: Post, _error: str) -> None:
    """Let what was given up stand in the log alone."""


def _came_of(post: Post, done: Future[Outcome]) -> Outcome:
    """Return how an errand ended; one that met a database in trouble is run again."""
    bug = done.exception()
    if isinstance(bug, Unavailable):
        return Later(AFTER_TROUBLE, str(bug))
    if bug:
        log.error("outbox.errand_bug", errand=post.method, exc_info=bug)
        return Refused(repr(bug))
    return done.result()
