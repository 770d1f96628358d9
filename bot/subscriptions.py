"""The digest of a channel: posted once a local date whoever runs, and edited while it lives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.listing import as_json, listed
from bot.posts import living, place_of
from bot.schedule import WhenClear, due_digest, next_digest
from bot.show import Show
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

DIGEST_LIFE = timedelta(days=7)
"""So long the newest digest of a channel is edited."""

GAP = timedelta(seconds=3)
"""Between two drawings of a digest, by whichever process."""

SETTLING = timedelta(seconds=5)
"""A change may be stored by another process so long after the moment that it is dated with."""

SILENT = {"silent": True}
"""Where a digest stands that had nothing to say in a channel that wants none then."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which channel gets a digest, at which local time of which zone."""

    channel: str
    at: time
    zone: ZoneInfo
    when_clear: WhenClear = WhenClear.MESSAGE


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
            self._post(subscription, now, asked=False)
        elif latest and self._lost(latest, now):
            self.recover()

    def now(self) -> Digest | None:
        """Post today's digest; where it was posted already, list anew in that one."""
        subscription, now = self._subscription, self._engine.clock.now()
        if subscription is None:
            return None
        posted = self._post(subscription, now, asked=True)
        if posted:
            return posted
        latest = self._engine.store.digests.latest(subscription.channel)
        if latest:
            self._list(replace(latest, groups=()), now)
        return latest

    def preview(self, channel: str) -> Mapping[str, Any]:
        """Return the message that a digest posted now would be."""
        now = self._engine.clock.now()
        since = self._since(self.channel or channel, now)
        digest = Digest(0, channel, now.date(), since, now, None)
        return self._drawn(digest, self._engine.figures(since), now)[0]

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
            self._list(replace(latest, groups=()), now)

    def redraw(self) -> bool:
        """Edit the newest digest where a figure has changed since it was drawn; soon, not at once.

        One process draws it, at most each three seconds; returns whether it was this one.
        """
        latest = self._engine.store.digests.latest(self.channel) if self.channel else None
        now = self._engine.clock.now()
        if latest is None or not _lives(latest, now) or _fresh(latest, now):
            return False
        mark = self._engine.store.reports.mark(now)
        if mark == latest.drawn_for and not self._unsettled(latest):
            return False
        message, groups = self._drawn(latest, self._engine.figures(latest.since), now)
        post = living(latest.id, latest.channel, message)
        return self._engine.store.digests.draw(latest, groups, mark, post, now)

    def _unsettled(self, digest: Digest) -> bool:
        touched = self._engine.store.causes.touched_at()
        drawn = digest.drawn_at
        return bool(touched and drawn and drawn < touched + SETTLING)

    def _lost(self, digest: Digest, now: datetime) -> bool:
        """Return whether the process that claimed the digest ended before it put it."""
        late = digest.message is None and digest.posted_at < now - LOST_AFTER
        return late and not self._engine.store.posts.count(place_of(digest.id))

    def _post(self, subscription: Subscription, now: datetime, *, asked: bool) -> Digest | None:
        """Claim and post the digest of today; None where it was claimed before."""
        channel = subscription.channel
        since = self._since(channel, now)
        local_date = now.astimezone(subscription.zone).date()
        digest = self._engine.store.digests.claim(channel, local_date, since, now)
        if digest is None:
            return None
        point("digest.recorded")
        is_silent = not asked and subscription.when_clear is WhenClear.SILENCE
        if is_silent and _all_clear(self._engine.figures(since)):
            self._engine.store.digests.keep(digest.id, message=SILENT)
        else:
            self._list(digest, now)
        return digest

    def _list(self, digest: Digest, now: datetime) -> None:
        """Post the digest or edit it, and keep what it lists now."""
        mark = self._engine.store.reports.mark(now)
        message, groups = self._drawn(digest, self._engine.figures(digest.since), now)
        self._put(living(digest.id, digest.channel, message))
        self._engine.store.digests.keep(digest.id, groups=groups, drawn=(now, mark))

    def _since(self, channel: str, now: datetime) -> datetime:
        latest = self._engine.store.digests.latest(channel)
        return latest.posted_at if latest else now - FIRST_WINDOW

    def _drawn(
        self, digest: Digest, figures: Figures, now: datetime
    ) -> tuple[Mapping[str, Any], Sequence[Any]]:
        """Return the message as things stand, and what it lists."""
        found = listed(self._engine.store, figures, digest.groups, now)
        message = self._show.digest(figures, digest, found, self._next())
        return message, as_json(found.lines)

    def _next(self) -> datetime | None:
        subscription = self._subscription
        if subscription is None:
            return None
        return next_digest(self._engine.clock.now(), subscription.at, subscription.zone)


def _lives(digest: Digest, now: datetime) -> bool:
    """Return whether the digest stands in its channel and is not too old to be edited."""
    return bool((digest.message or {}).get("ts")) and now < digest.posted_at + DIGEST_LIFE


def _fresh(digest: Digest, now: datetime) -> bool:
    """Return whether it was drawn a moment ago."""
    return digest.drawn_at is not None and digest.drawn_at <= now < digest.drawn_at + GAP


def _all_clear(figures: Figures) -> bool:
    return not (figures.need or figures.holds or figures.unread)
