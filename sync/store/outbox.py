"""The outbox: every post and edit is a row first, claimed by one sender, in order per channel.

Any number of processes may send what one database holds: at any moment a channel has one post that
can be claimed, and who locks its row has it, so none has two under way. Whoever claimed a post
touches it while it works; one that nobody touched for long lost its sender and is given to another,
with the mark that it may have arrived.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
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
_ADD = {
    name: dialect.insert(posts).on_conflict_do_nothing(index_elements=["uid"])
    for name, dialect in {"sqlite": sqlite, "postgresql": postgresql}.items()
}
_COUNT = sa.select(sa.func.count()).where(posts.c.key == sa.bindparam("by_key"))
_REFUSED = (
    sa.select(posts.c.id)
    .where(posts.c.key == sa.bindparam("by_key"), posts.c.state == PostState.FAILED.value)
    .limit(1)
)
_NEWEST = (
    posts.select().where(posts.c.key == sa.bindparam("by_key")).order_by(posts.c.id.desc()).limit(1)
)
_NEXT_DUE = sa.select(sa.func.min(posts.c.due)).where(_WAITING)
_BY_UID = posts.select().where(posts.c.uid == sa.bindparam("by_uid"))
_SETTLE = sa.update(posts).where(posts.c.uid == sa.bindparam("by_uid"), _SENDING)
_CLAIM = sa.update(posts).where(posts.c.uid == sa.bindparam("by_uid"))
_TOUCH = (
    sa.update(posts)
    .where(posts.c.uid.in_(sa.bindparam("uids", expanding=True)), _SENDING)
    .values(claimed_at=sa.bindparam("now", type_=_AT))
)
_ADRIFT = (
    posts.select()
    .where(_SENDING, posts.c.claimed_at < sa.bindparam("before", type_=_AT))
    .order_by(posts.c.id)
    .with_for_update(skip_locked=True)
)


class Posts:
    """Messages and edits on their way out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: Sequence[Post], now: datetime) -> None:
        """Add posts; one that waits under the same key is replaced and keeps its place.

        A uid that was put before is left alone, whatever became of it.
        """
        with self._database.write() as connection:
            put_within(connection, new, now)

    def claim(self, now: datetime, gap: timedelta) -> Post | None:
        """Take the oldest due post of a channel that had none within `gap`; it is then sending."""
        with self._database.write() as connection:
            given = {"now": now, "quiet_since": now - gap}
            row = connection.execute(_NEXT, given).mappings().first()
            if row is None:
                return None
            claimed = {"state": PostState.SENDING.value, "claimed_at": now}
            connection.execute(_CLAIM.values(claimed), {"by_uid": row["uid"]})
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

    def postpone(
        self, uid: str, until: datetime, error: str, asked_at: datetime | None = None
    ) -> None:
        """Let the post wait until `until`; counts a try.

        `asked_at`: Slack was asked then and the post may have arrived; the first such moment stays.
        """
        with self._database.write() as connection:
            row = connection.execute(_BY_UID, {"by_uid": uid}).mappings().first()
            if row:
                connection.execute(_SETTLE.values(_waiting(row, until, error, asked_at)), _of(row))

    def fail(self, uid: str, error: str, now: datetime) -> None:
        """Give the post up, with the reason."""
        del now
        self._settle(uid, {"state": PostState.FAILED.value, "error": error})

    def touch(self, uids: Sequence[str], now: datetime) -> None:
        """Tell that the claims on these posts live."""
        with self._database.write() as connection:
            connection.execute(_TOUCH, {"uids": list(uids), "now": now})

    def rescue(self, before: datetime, oldest: datetime, now: datetime) -> list[Post]:
        """Let posts wait again whose claim nobody touched since `before`; returns them.

        Each may have arrived. Those put before `oldest` are given up instead.
        """
        with self._database.write() as connection:
            adrift = connection.execute(_ADRIFT, {"before": before}).mappings().all()
            for row in adrift:
                given_up = {"state": PostState.FAILED.value, "error": "given up: adrift"}
                waits = _waiting(row, now, "adrift", row["claimed_at"])
                values = given_up if row["created_at"] < oldest else waits
                connection.execute(_SETTLE.values(values), _of(row))
        return [_post(row, PostState.SENDING) for row in adrift]

    def count(self, key: str) -> int:
        """Return how many posts were ever put under this key, replaced ones not counted."""
        with self._database.read() as connection:
            return int(connection.execute(_COUNT, {"by_key": key}).scalar_one())

    def newest(self, key: str) -> Post | None:
        """Return what was put last under this key, or None."""
        with self._database.read() as connection:
            row = connection.execute(_NEWEST, {"by_key": key}).mappings().first()
        return _post(row, PostState(row["state"])) if row else None

    def refused(self, key: str) -> bool:
        """Return whether a post under this key was given up."""
        with self._database.read() as connection:
            return connection.execute(_REFUSED, {"by_key": key}).first() is not None

    def get(self, uid: str) -> Post | None:
        """Return one post, or None."""
        with self._database.read() as connection:
            row = connection.execute(_BY_UID, {"by_uid": uid}).mappings().first()
        return _post(row, PostState(row["state"])) if row else None

    def _settle(self, uid: str, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            connection.execute(_SETTLE.values(values), {"by_uid": uid})


def put_within(connection: Connection, new: Sequence[Post], now: datetime) -> None:
    """Add posts inside the caller's transaction, as `Posts.put` does."""
    add = _ADD[connection.dialect.name]
    for post in new:
        if connection.execute(_BY_UID, {"by_uid": post.uid}).first():
            continue
        given = {"by_key": post.key, "new_body": post.body, "new_method": post.method}
        if post.key and connection.execute(_REPLACE, given).rowcount:
            continue
        row = {
            "uid": post.uid,
            "key": post.key,
            "method": post.method,
            "channel": post.channel,
            "body": post.body,
            "state": PostState.WAITING.value,
            "tries": 0,
            "due": now,
            "created_at": now,
        }
        connection.execute(add, row)


def _waiting(
    row: RowMapping, until: datetime, error: str, asked_at: datetime | None
) -> dict[str, Any]:
    mark = row["result"] or ({"asked_at": asked_at.isoformat()} if asked_at else None)
    state = {"state": PostState.WAITING.value, "due": until, "error": error}
    return {**state, "tries": row["tries"] + 1, "result": mark}


def _of(row: RowMapping) -> dict[str, Any]:
    return {"by_uid": row["uid"]}


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
