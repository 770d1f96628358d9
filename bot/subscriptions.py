"""Posting the digest: claimed by its row (channel, local date), so it appears once whoever runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.posts import living, place_of
from bot.schedule import due_digest, next_digest
from bot.show import Show
from bot.watching import Follows
from sync.engine import Engine
from sync.figures import Figures
from sync.outward import Digest, Post
from sync.points import point

Put = Callable[[Post], None]
"""Keeps a post for the outbox."""

LOST_AFTER = timedelta(minutes=1)
"""A digest that was claimed for so long and never put lost its process."""

DAY = timedelta(days=1)
FIRST_WINDOW = timedelta(hours=24)
"""What the first digest of a channel looks back on."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which channel gets a digest, at which local time of which zone."""

    channel: str
    at: time
    zone: ZoneInfo


class Digests:
    """Posts the digest when it is due or asked for, and draws it as things stand."""

    def __init__(
        self, engine: Engine, put: Put, show: Show, subscription: Subscription | None
    ) -> None:
        self._engine = engine
        self._put = put
        self._show = show
        self._subscription = subscription

    @property
    def channel(self) -> str | None:
        """Where the digest goes, or None while no channel is set."""
        return self._subscription.channel if self._subscription else None

    def tick(self) -> None:
        """Post today's digest where its hour has come and nobody posted it."""
        subscription = self._subscription
        if subscription is None:
            return
        now = self._engine.clock.now()
        day = due_digest(now, subscription.at, subscription.zone)
        latest = self._engine.store.digests.latest(subscription.channel)
        if day and (latest is None or latest.local_date < day):
            self._post(subscription, now)
        elif latest and self._lost(latest, now):
            self.recover()

    def now(self) -> Digest | None:
        """Post today's digest; where it was posted already, list anew in that one."""
        subscription, now = self._subscription, self._engine.clock.now()
        if subscription is None:
            return None
        posted = self._post(subscription, now)
        if posted:
            return posted
        latest = self._engine.store.digests.latest(subscription.channel)
        if latest:
            self._list(latest, self._engine.figures(latest.since), now)
        return latest

    def preview(self, channel: str) -> Mapping[str, Any]:
        """Return the message that a digest posted now would be."""
        now = self._engine.clock.now()
        since = self._since(self.channel or channel, now)
        figures = self._engine.figures(since)
        groups = self._show.digest_groups(figures)
        digest = Digest(0, channel, now.date(), since, now, None, groups)
        return self._message(digest, figures)

    def recover(self) -> None:
        """Post what was claimed and never appeared: its process ended in between.

        Until the next one is due, which may be more than 24 hours later.
        """
        subscription = self._subscription
        if subscription is None:
            return
        latest = self._engine.store.digests.latest(subscription.channel)
        now = self._engine.clock.now()
        yesterday = now.astimezone(subscription.zone).date() - DAY
        if latest and not latest.message and latest.local_date >= yesterday:
            unlisted = replace(latest, groups=())
            self._list(unlisted, self._engine.figures(latest.since), now)

    def drawn(self, digest: Digest) -> Post:
        """Return the post that shows `digest` as things stand."""
        message = self._message(digest, self._engine.figures(digest.since))
        return living(digest.id, digest.channel, message)

    def _lost(self, digest: Digest, now: datetime) -> bool:
        """Return whether the process that claimed the digest ended before it put it."""
        late = digest.message is None and digest.posted_at < now - LOST_AFTER
        return late and not self._engine.store.posts.count(place_of(digest.id))

    def _post(self, subscription: Subscription, now: datetime) -> Digest | None:
        """Claim and post the digest of today; None where it was claimed before."""
        channel = subscription.channel
        since = self._since(channel, now)
        local_date = now.astimezone(subscription.zone).date()
        digest = self._engine.store.digests.claim(channel, local_date, since, now)
        if digest is None:
            return None
        point("digest.recorded")
        self._list(digest, self._engine.figures(since), now)
        return digest

    def _list(self, digest: Digest, figures: Figures, now: datetime) -> None:
        """Keep what the digest lists now, post or edit it, and follow what is new in it."""
        groups = self._show.digest_groups(figures)
        self._engine.store.digests.keep(digest.id, groups=groups)
        listing = replace(digest, groups=groups)
        self._put(living(digest.id, digest.channel, self._message(listing, figures)))
        followed = set(listed_in(digest.groups))
        fresh = [sync_id for sync_id in listed_in(groups) if sync_id not in followed]
        target = {"digest": digest.id}
        self._engine.store.watches.add(fresh, Follows.DIGEST, target, now)

    def _since(self, channel: str, now: datetime) -> datetime:
        latest = self._engine.store.digests.latest(channel)
        return latest.posted_at if latest else now - FIRST_WINDOW

    def _message(self, digest: Digest, figures: Figures) -> Mapping[str, Any]:
        listed = self._engine.syncs(listed_in(digest.groups))
        return self._show.digest(figures, digest, listed, self._next())

    def _next(self) -> datetime | None:
        subscription = self._subscription
        if subscription is None:
            return None
        return next_digest(self._engine.clock.now(), subscription.at, subscription.zone)


def listed_in(groups: Sequence[Any]) -> list[int]:
    """Return the ids of the syncs that a digest lists, as `Show.digest_groups` kept them."""
    return list(dict.fromkeys(sync_id for group in groups for sync_id in group["syncs"]))
