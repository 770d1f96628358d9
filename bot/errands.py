"""Work promised to a person that takes longer than an acknowledgement may: kept like a post.

A crash between promise and end runs it again, which is harmless: bringing an order twice brings
each document once.
"""

from dataclasses import dataclass

from bot.posts import answer, errand, uid_of
from bot.sender import Outcome, Sent
from bot.show import Show
from bot.watching import Follows, Person
from sync.engine import Engine
from sync.outward import Post
from sync.records import Actor
from sync.states import Status

BRING = "bring"
_UNDER_WAY = frozenset({Status.PENDING, Status.PROCESSING})


def bring(numbers: tuple[str, ...], by: Actor, channel: str, url: str, receipt: str) -> Post:
    """Return the errand of fetching orders by number, to be answered at the response_url."""
    body = {
        "numbers": list(numbers),
        "user": by.id,
        "name": by.name,
        "channel": channel,
        "url": url,
    }
    return errand(BRING, uid_of(receipt, BRING), body)


@dataclass(frozen=True, slots=True)
class Bring:
    """Fetches orders, answers number by number, and lets the person know how each ends."""

    engine: Engine
    show: Show

    def __call__(self, post: Post) -> Outcome:
        """Run the errand; it calls the source, so it may take minutes."""
        body = post.body
        answers = self.engine.bring(body["numbers"], Actor(body["user"], body["name"]))
        now, store = self.engine.clock.now(), self.engine.store
        told = answer(body["url"], self.show.brought(answers), uid_of(post.uid, "told"))
        if store.posts.get(told.uid) is None:
            store.posts.put([told], now)
        syncs = [sync for found in answers for sync in found.syncs]
        open_ = [sync.id for sync in syncs if sync.status in _UNDER_WAY]
        person = Person(body["channel"], body["user"], body["url"])
        store.watches.add(open_, Follows.PERSON, person.target(), now)
        return Sent()
