"""Work promised to a person that takes longer than an acknowledgement may: kept like a post.

A crash between promise and end runs it again, which is harmless: bringing an order twice brings
each document once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.posts import Message, answer, errand, replacement, uid_of, whisper
from bot.sender import Outcome, Sent
from bot.show import Show
from bot.watching import Follows, Person
from sync.engine import Engine
from sync.outward import Post
from sync.records import Actor, Numbered
from sync.states import Status

BRING = "bring"
GAP = timedelta(seconds=3)
QUARTERS = 4
_UNDER_WAY = frozenset({Status.PENDING, Status.PROCESSING})


def bring(
    numbers: tuple[str, ...],
    by: Actor,
    channel: str,
    url: str,
    receipt: str,
    route: str | None = None,
) -> Post:
    """Return the errand of fetching orders by number, from one route's source or from all.

    It is answered at the response_url, without one in the channel, to the person alone.
    """
    body = {
        "numbers": list(numbers),
        "user": by.id,
        "name": by.name,
        "channel": channel,
        "url": url,
        "route": route,
    }
    return errand(BRING, uid_of(receipt, BRING), body)


@dataclass(slots=True)
class Shown:
    """How often progress was shown: a response_url takes five answers, two are kept for the end."""

    at: datetime
    times: int = 0

    def is_time(self, share: float, now: datetime) -> bool:
        """Return whether to show that `share` is done; at each quarter, 3 seconds apart."""
        due = share * QUARTERS >= self.times + 1 and now >= self.at + GAP
        if due:
            self.at, self.times = now, int(share * QUARTERS)
        return due


def _told(post: Post, message: Message, *, replaces: bool) -> Post:
    """Return the answer: where progress was shown, in its place."""
    body, uid = post.body, uid_of(post.uid, "told")
    if not body["url"]:
        return whisper(body["channel"], body["user"], message, uid=uid)
    return (replacement if replaces else answer)(body["url"], message, uid)


@dataclass(frozen=True, slots=True)
class Bring:
    """Fetches orders, answers number by number, and lets the person know how each ends."""

    engine: Engine
    show: Show

    def __call__(self, post: Post) -> Outcome:
        """Run the errand; it calls the source, so it may take minutes."""
        body = post.body
        numbers, answers = body["numbers"], list[Numbered]()
        shown = Shown(self.engine.clock.now())
        for done, number in enumerate(numbers):
            if body["url"] and shown.is_time(done / len(numbers), self.engine.clock.now()):
                message = self.show.fetching(numbers, done)
                self.engine.store.posts.put([replacement(body["url"], message)], shown.at)
            answers += self.engine.bring(
                [number], Actor(body["user"], body["name"]), body.get("route")
            )
        now, store = self.engine.clock.now(), self.engine.store
        told = _told(post, self.show.brought(answers), replaces=shown.times > 0)
        if store.posts.get(told.uid) is None:
            store.posts.put([told], now)
        syncs = [sync for found in answers for sync in found.syncs]
        open_ = [sync.id for sync in syncs if sync.status in _UNDER_WAY]
        person = Person(body["channel"], body["user"], body["url"])
        store.watches.add(open_, Follows.PERSON, person.target(), now)
        return Sent()
