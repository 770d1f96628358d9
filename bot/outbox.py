"""The outbox at work: threads that claim posts, send them, and note what became of each.

A post is a row before it leaves, so a crash loses none; rows with one place in line keep their
order and a second between them. Long errands get threads of their own, so that no post waits.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import assert_never

import structlog

from bot.loop import Loop
from bot.sender import POST_LIFE, Later, Outcome, Refused, Sender, Sent
from sync.clock import Clock
from sync.outward import Post
from sync.store import Store

GAP = timedelta(seconds=1)
"""Slack's pace of messages in one channel (docs "Rate limits")."""

ADRIFT = timedelta(minutes=5)
"""A post that is sending for longer lost its sender."""

LONGEST_WAIT_SECONDS = 1.0
"""Another process may have put a post and cannot ring."""

Errand = Callable[[Post], Outcome]

log = structlog.get_logger(__name__)


class Outbox:
    """Sends what the store's posts hold; `errands` perform the methods that are not Slack's."""

    def __init__(
        self, store: Store, sender: Sender, clock: Clock, errands: Mapping[str, Errand]
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._errands = errands
        self._away = ThreadPoolExecutor(max_workers=4, thread_name_prefix="errand")
        self._running: set[str] = set()
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
        """Keep those posts that were never put: a redelivered payload has the same uids."""
        fresh = [post for post in posts if self._store.posts.get(post.uid) is None]
        if fresh:
            self.put(*fresh)

    def ring(self) -> None:
        """Look for posts now."""
        self._loop.ring()

    def age_seconds(self) -> float:
        """Return how long ago the outbox last looked."""
        return self._loop.age_seconds()

    def rescue(self, silent: timedelta = ADRIFT) -> None:
        """Send again, after a look, what has been sending for longer than `silent`."""
        now = self._clock.now()
        for post in self._store.posts.adrift(now - silent):
            if post.uid in self._running:
                continue
            if post.created_at and post.created_at < now - POST_LIFE:
                self._store.posts.fail(post.uid, "given up: adrift", now)
            else:
                self._sender.doubt(post.uid)
                self._store.posts.postpone(post.uid, now, "adrift")

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
            run.add_done_callback(lambda done: self._returned(post, done))
            return 0.0
        try:
            self._settle(post, self._sender.send(post))
        finally:
            self._running.discard(post.uid)
        return 0.0

    def _returned(self, post: Post, done: Future[Outcome]) -> None:
        if done.cancelled():
            return
        bug = done.exception()
        if bug:
            log.error("outbox.errand_bug", errand=post.method, exc_info=bug)
        self._settle(post, Refused(repr(bug)) if bug else done.result())
        self._running.discard(post.uid)
        self.ring()

    def _settle(self, post: Post, outcome: Outcome) -> None:
        now = self._clock.now()
        match outcome:
            case Sent(result):
                self._store.posts.sent(post.uid, result, now)
            case Later(wait, error):
                log.info("outbox.later", method=post.method, error=error, tries=post.tries)
                self._store.posts.postpone(post.uid, now + wait, error)
            case Refused(error):
                log.error("outbox.refused", method=post.method, place=post.channel, error=error)
                self._store.posts.fail(post.uid, error, now)
            case _:
                assert_never(outcome)
