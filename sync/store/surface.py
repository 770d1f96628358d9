"""What the surface keeps beside the engine: news, watches, digests and receipts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

from sync.outward import Digest, News, Post, Watch
from sync.store.database import Database
from sync.store.outbox import put_within
from sync.store.tables import digests, news, receipts, watches

_PENDING = news.select().order_by(news.c.id).limit(sa.bindparam("most"))
_FORGET_NEWS = sa.delete(news).where(news.c.id.in_(sa.bindparam("ids", expanding=True)))
_STILL = (
    sa.select(news.c.id)
    .where(news.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(news.c.id)  # who locks in one order waits for nobody in a ring
    .with_for_update()
)
_FORGET_WATCHES = sa.delete(watches).where(watches.c.id.in_(sa.bindparam("ids", expanding=True)))
_CHANGED = sa.update(watches).where(watches.c.id == sa.bindparam("this_watch"))
_OF = watches.select().where(watches.c.sync_id == sa.bindparam("of_sync")).order_by(watches.c.id)
_DIGEST = digests.select().where(digests.c.id == sa.bindparam("by_id"))
_LATEST = (
    digests.select()
    .where(digests.c.channel == sa.bindparam("in_channel"))
    .order_by(digests.c.local_date.desc())
    .limit(1)
)

_LIVING = (
    sa.select(digests.c.id)
    .where(digests.c.posted_at >= sa.bindparam("since", type_=digests.c.posted_at.type))
    .where(digests.c.message.is_not(None))
    .limit(1)
)
_ANSWER = sa.select(receipts.c.answer).where(receipts.c.receipt == sa.bindparam("given_receipt"))


class NewsRows:
    """Syncs that moved and that somebody watches; kept until they are handled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, limit: int = 100) -> list[News]:
        """Return the oldest news that nobody has handled."""
        with self._database.read() as connection:
            found = connection.execute(_PENDING, {"most": limit}).mappings()
            return [News(row["id"], row["sync_id"], row["at"]) for row in found]

    def handled(
        self,
        told: Sequence[News],
        new: Sequence[Post],
        ended: Sequence[Watch],
        now: datetime,
        *,
        promised: Sequence[Watch] = (),
    ) -> bool:
        """Forget `told`, put the posts that it led to and end watches, in one transaction.

        `promised` stay, with another target.

        False, and nothing done, where another process told some of it already.
        """
        given = {"ids": [one.id for one in told]}
        with self._database.write() as connection:
            if len(connection.execute(_STILL, given).all()) < len(told):
                return False
            connection.execute(_FORGET_NEWS, given)
            put_within(connection, new, now)
            connection.execute(_FORGET_WATCHES, {"ids": [watch.id for watch in ended]})
            for watch in promised:
                connection.execute(_CHANGED.values(target=watch.target), {"this_watch": watch.id})
        return True


class Watches:
    """Who and what follows a sync."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        sync_ids: Sequence[int],
        kind: str,
        target: dict[str, Any],
        now: datetime,
        *,
        quiet: bool = False,
    ) -> None:
        """Let `target` follow the syncs; leaves news at once, for one may have ended meanwhile.

        `quiet`: no news, where the caller looks for itself.
        """
        if not sync_ids:
            return
        follow = [
            {"sync_id": sync_id, "kind": kind, "target": target, "at": now} for sync_id in sync_ids
        ]
        with self._database.write() as connection:
            connection.execute(watches.insert(), follow)
            if not quiet:
                told = [{"sync_id": one, "at": now} for one in sync_ids]
                connection.execute(news.insert(), told)

    def of(self, sync_id: int) -> list[Watch]:
        """Return who follows the sync, in the order they came."""
        with self._database.read() as connection:
            found = connection.execute(_OF, {"of_sync": sync_id}).mappings()
            return [Watch(row["id"], row["sync_id"], row["kind"], row["target"]) for row in found]

    def sweep(self, kinds: Sequence[str], before: datetime) -> None:
        """End the watches of these kinds that began before `before`."""
        old = sa.and_(watches.c.kind.in_(list(kinds)), watches.c.at < before)
        with self._database.write() as connection:
            connection.execute(sa.delete(watches).where(old))


class Digests:
    """One row per channel and local date: whoever inserts it posts the digest."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._claim = (
            dialect.insert(digests)
            .on_conflict_do_nothing(index_elements=["channel", "local_date"])
            .returning(digests.c.id)
        )

    def claim(
        self, channel: str, local_date: date, since: datetime, now: datetime
    ) -> Digest | None:
        """Claim the digest of this channel and day; None where it was claimed before."""
        given = {
            "channel": channel,
            "local_date": local_date,
            "since": since,
            "posted_at": now,
            "groups": [],
        }
        with self._database.write() as connection:
            claimed = connection.execute(self._claim, given).scalar()
        return None if claimed is None else self.get(claimed)

    def keep(
        self,
        digest_id: int,
        *,
        groups: Sequence[Any] | None = None,
        message: dict[str, Any] | None = None,
        drawn: tuple[datetime, str] | None = None,
    ) -> None:
        """Keep what was listed, where the message stands, or when and for what it was drawn."""
        values: dict[str, Any] = {}
        if groups is not None:
            values["groups"] = list(groups)
        if message is not None:
            values["message"] = message
        if drawn is not None:
            values["drawn_at"], values["drawn_for"] = drawn
        with self._database.write() as connection:
            connection.execute(sa.update(digests).where(digests.c.id == digest_id).values(**values))

    def draw(
        self, digest: Digest, groups: Sequence[Any], mark: str, post: Post, now: datetime
    ) -> bool:
        """Put `post`, which shows the digest with the figures of `mark`, and keep what it lists.

        False, and nothing done, where another process has drawn it since `digest` was read.
        """
        unchanged = sa.and_(
            digests.c.id == digest.id,
            digests.c.drawn_at.is_not_distinct_from(digest.drawn_at),
        )
        values = {"groups": list(groups), "drawn_at": now, "drawn_for": mark}
        with self._database.write() as connection:
            changed = connection.execute(sa.update(digests).where(unchanged).values(values))
            if changed.rowcount:
                put_within(connection, [post], now)
            return bool(changed.rowcount)

    def living(self, since: datetime) -> bool:
        """Return whether a digest that was posted since then stands in any channel."""
        with self._database.read() as connection:
            return connection.execute(_LIVING, {"since": since}).first() is not None

    def get(self, digest_id: int) -> Digest | None:
        """Return one digest, or None."""
        return self._one(_DIGEST, {"by_id": digest_id})

    def latest(self, channel: str) -> Digest | None:
        """Return the newest digest of a channel, or None."""
        return self._one(_LATEST, {"in_channel": channel})

    def _one(self, statement: sa.Select[Any], given: dict[str, Any]) -> Digest | None:
        with self._database.read() as connection:
            row = connection.execute(statement, given).mappings().first()
        return _digest(row) if row else None


class Receipts:
    """Payloads that were taken: a redelivery finds its receipt and has no second effect."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._take = dialect.insert(receipts).on_conflict_do_nothing().returning(receipts.c.receipt)

    def first(self, receipt: str, now: datetime) -> bool:
        """Return True the first time only."""
        with self._database.write() as connection:
            return self.keep(connection, receipt, now, None)

    def keep(self, connection: Connection, receipt: str, now: datetime, answer: Any) -> bool:
        """Keep a receipt and its answer in the effect's transaction; False where it is there."""
        given = {"receipt": receipt, "at": now, "answer": answer}
        return connection.execute(self._take, given).scalar() is not None

    def answer(self, connection: Connection, receipt: str) -> Any:
        """Return the answer that was kept with a receipt, or None."""
        return connection.execute(_ANSWER, {"given_receipt": receipt}).scalar()

    def sweep(self, before: datetime) -> None:
        """Forget receipts taken before `before`."""
        with self._database.write() as connection:
            connection.execute(sa.delete(receipts).where(receipts.c.at < before))


def _digest(row: RowMapping) -> Digest:
    return Digest(
        id=row["id"],
        channel=row["channel"],
        local_date=row["local_date"],
        since=row["since"],
        posted_at=row["posted_at"],
        message=row["message"],
        groups=row["groups"],
        drawn_at=row["drawn_at"],
        drawn_for=row["drawn_for"],
    )
