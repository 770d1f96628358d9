"""The outbox: every post and edit is a row first, claimed by one sender, in order per channel."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.outward import Post, PostState
from sync.store.database import Database
from sync.store.tables import posts

_AT = posts.c.due.type
_WAITING = posts.c.state == sa.literal_column("'waiting'")
_SENDING = posts.c.state == sa.literal_column("'sending'")
_REPLACE = (
    sa.update(posts)
    .where(_WAITING, posts.c.key == sa.bindparam("by_key"))
    .values(
        body=sa.bindparam("new_body", type_=posts.c.body.type), method=sa.bindparam("new_method")
    )
)
_earlier = posts.alias("earlier")
_recent = (
    sa.exists()
    .where(
        _earlier.c.channel == posts.c.channel,
        _earlier.c.claimed_at > sa.bindparam("quiet_since", type_=_AT),
    )
    .correlate(posts)
)
_busy = (
    sa.exists()
    .where(
        _earlier.c.channel == posts.c.channel,
        _earlier.c.state == sa.literal_column("'sending'"),
    )
    .correlate(posts)
)
_overtaken = (
    sa.exists()
    .where(
        _earlier.c.channel == posts.c.channel,
        _earlier.c.state == sa.literal_column("'waiting'"),
        _earlier.c.id < posts.c.id,
    )
    .correlate(posts)
)
_NEXT = (
    posts.select()
    .where(_WAITING, posts.c.due <= sa.bindparam("now", type_=_AT), ~_recent, ~_busy, ~_overtaken)
    .order_by(posts.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT_DUE = sa.select(sa.func.min(posts.c.due)).where(_WAITING)
_BY_UID = posts.select().where(posts.c.uid == sa.bindparam("by_uid"))
_CHANGE = sa.update(posts).where(posts.c.uid == sa.bindparam("by_uid"))
_ADRIFT = posts.select().where(_SENDING, posts.c.claimed_at < sa.bindparam("before", type_=_AT))


class Posts:
    """Messages and edits on their way out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: Sequence[Post], now: datetime) -> None:
        """Add posts; one that waits under the same key is replaced and keeps its place."""
        with self._database.write() as connection:
            put_within(connection, new, now)

    def claim(self, now: datetime, gap: timedelta) -> Post | None:
        """Take the oldest due post of a channel that had none within `gap`; it is then sending."""
        with self._database.write() as connection:
            given = {"now": now, "quiet_since": now - gap}
            row = connection.execute(_NEXT, given).mappings().first()
            if row is None:
                return None
            self._change(
                connection, row["uid"], {"state": PostState.SENDING.value, "claimed_at": now}
            )
        return _post(row, PostState.SENDING)

    def next_due(self, now: datetime, gap: timedelta) -> datetime | None:
        """Return when it is worth to claim again, or None while nothing waits."""
        with self._database.read() as connection:
            due: datetime | None = connection.execute(_NEXT_DUE).scalar()
        if due is None:
            return None
        return due if due > now else now + gap

    def sent(self, uid: str, result: dict[str, Any], now: datetime) -> None:
        """Note that the post arrived, and where."""
        del now
        self._settle(uid, {"state": PostState.SENT.value, "result": result, "error": None})

    def postpone(self, uid: str, until: datetime, error: str) -> None:
        """Let the post wait until `until`; counts a try."""
        state = {"state": PostState.WAITING.value, "due": until, "error": error}
        self._settle(uid, {**state, "tries": posts.c.tries + 1})

    def fail(self, uid: str, error: str, now: datetime) -> None:
        """Give the post up, with the reason."""
        del now
        self._settle(uid, {"state": PostState.FAILED.value, "error": error})

    def adrift(self, before: datetime) -> list[Post]:
        """Return posts that are sending since before `before`: their answer was lost."""
        with self._database.read() as connection:
            found = connection.execute(_ADRIFT, {"before": before}).mappings()
            return [_post(row, PostState.SENDING) for row in found]

    def get(self, uid: str) -> Post | None:
        """Return one post, or None."""
        with self._database.read() as connection:
            row = connection.execute(_BY_UID, {"by_uid": uid}).mappings().first()
        return _post(row, PostState(row["state"])) if row else None

    def _settle(self, uid: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            self._change(connection, uid, values)

    def _change(self, connection: Connection, uid: str, values: dict[str, Any]) -> None:
        connection.execute(_CHANGE.values(values), {"by_uid": uid})


def put_within(connection: Connection, new: Sequence[Post], now: datetime) -> None:
    """Add posts inside the caller's transaction, as `Posts.put` does."""
    for post in new:
        given = {"by_key": post.key, "new_body": post.body, "new_method": post.method}
        if post.key and connection.execute(_REPLACE, given).rowcount:
            continue
        connection.execute(
            posts.insert(),
            {
                "uid": post.uid,
                "key": post.key,
                "method": post.method,
                "channel": post.channel,
                "body": post.body,
                "state": PostState.WAITING.value,
                "tries": 0,
                "due": now,
                "created_at": now,
            },
        )


def _post(row: RowMapping, state: PostState) -> Post:
    return Post(
        uid=row["uid"],
        method=row["method"],
        channel=row["channel"],
        body=row["body"],
        key=row["key"],
        tries=row["tries"],
        created_at=row["created_at"],
        result=row["result"],
        state=state,
    )
