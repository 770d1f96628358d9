"""The log and what is read beside it: keyset pages, single rows, figures by cause.

One row per sync is what makes "only the success is shown" free. Pages walk the index by (at, id):
no OFFSET, one statement a page.
"""

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.money import Money
from sync.records import (
    Filters,
    Hold,
    HoldKind,
    Page,
    Sync,
)
from sync.states import Status
from sync.store import rows
from sync.store.cause_tables import blockers, causes
from sync.store.database import Database
from sync.store.stories import story_of
from sync.store.tables import connections, lanes, syncs
from sync.stories import Story

LARGEST_ID = 2**63 - 1


class BadCursor(ValueError):
    """A cursor that no page of ours has given out."""


_FAILED = syncs.c.status == sa.literal_column("'failed'")
_COUNTS = sa.select(syncs.c.status, sa.func.count()).group_by(syncs.c.status)
_RETRYING = sa.select(sa.func.count()).where(_FAILED, syncs.c.not_before.is_not(None))
_PENDING = syncs.c.status == sa.literal_column("'pending'")
_WAITING = (
    sa.select(sa.func.count())
    .select_from(syncs)
    .where(
        _PENDING,
        sa.or_(
            syncs.c.not_before.is_not(None),
            syncs.c.lane.in_(sa.select(lanes.c.name).where(lanes.c.held_at.is_not(None))),
        ),
    )
)
_SYNCED = sa.select(sa.func.count(), sa.func.count(sa.case((syncs.c.failures > 0, 1)))).where(
    syncs.c.status == sa.literal_column("'success'"),
    syncs.c.finished_at >= sa.bindparam("since", type_=syncs.c.at.type),
)
_HELD = (
    sa.select(lanes, connections.c.system)
    .join(connections, connections.c.name == lanes.c.held_for)
    .where(lanes.c.held_at.is_not(None))
)
_HELD_AMOUNTS = (
    sa.select(syncs.c.currency, sa.func.count(), sa.func.sum(syncs.c.amount_minor))
    .where(syncs.c.lane == sa.bindparam("in_lane"), _PENDING)
    .group_by(syncs.c.currency)
)
_KEYED = rows.SELECT.where(
    syncs.c.route_id == sa.bindparam("on_route"), syncs.c.source_key == sa.bindparam("by_key")
)
_BY_NUMBER = rows.SELECT.where(
    sa.or_(
        syncs.c.order_number == sa.bindparam("number"),
        syncs.c.document_number == sa.bindparam("number"),
    )
).order_by(syncs.c.at.desc(), syncs.c.id.desc())


class Log:
    """Reads the log; every method is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, filters: Filters, cursor: str | None, limit: int) -> Page:
        """Return `limit` rows, newest first, from `cursor` on. Raises BadCursor."""
        newer, place = _decode(cursor) if cursor else (False, None)
        statement = _page_statement(_shape(filters), newer=newer, placed=place is not None)
        given = {**_values(filters), **(place or {}), "most": limit + 1}
        with self._database.read() as connection:
            found = list(connection.execute(statement, given).mappings())
        more, found = len(found) > limit, found[:limit]
        if newer:
            found.reverse()
        has_older = more if not newer else cursor is not None
        has_newer = (cursor is not None) if not newer else more
        return Page(
            rows=[rows.sync_of(row) for row in found],
            next=_encode(found[-1], newer=False) if found and has_older else None,
            previous=_encode(found[0], newer=True) if found and has_newer else None,
        )

    def sync(self, sync_id: int) -> Sync | None:
        """Return one row, or None."""
        with self._database.read() as connection:
            return rows.one(connection, sync_id)

    def syncs(self, ids: Sequence[int]) -> dict[int, Sync]:
        """Return the rows with these ids, by id."""
        with self._database.read() as connection:
            return rows.many(connection, list(ids))

    def find(self, number: str) -> list[Sync]:
        """Return the rows whose order or document number is exactly `number`, newest first."""
        with self._database.read() as connection:
            found = connection.execute(_BY_NUMBER, {"number": number}).mappings()
            return [rows.sync_of(row) for row in found]

    def keyed(self, route_id: int, source_key: str) -> Sync | None:
        """Return the route's row for this document, or None."""
        given = {"on_route": route_id, "by_key": source_key}
        with self._database.read() as connection:
            row = connection.execute(_KEYED, given).mappings().first()
            return rows.sync_of(row) if row else None

    def story(self, sync_id: int) -> Story | None:
        """Return a sync with what is kept of it, or None."""
        with self._database.read() as connection:
            return story_of(connection, sync_id)

    def counts(self, since: datetime) -> tuple[dict[Status, int], int, int, int, int]:
        """Return counts by status, then: retrying, waiting, synced and resolved since `since`.

        What is pending in a held lane waits, whatever else it waits for.
        """
        with self._database.read() as connection:
            by_status = dict.fromkeys(Status, 0)
            for status, count in connection.execute(_COUNTS):
                by_status[Status(status)] = count
            retrying = connection.execute(_RETRYING).scalar() or 0
            waiting = connection.execute(_WAITING).scalar() or 0
            synced, resolved = connection.execute(_SYNCED, {"since": since}).one()
        return by_status, retrying, waiting, synced, resolved

    def holds(self) -> list[Hold]:
        """Return the lanes that are held, with what waits behind each."""
        with self._database.read() as connection:
            return [_hold(connection, row) for row in connection.execute(_HELD).mappings().all()]


def _hold(connection: Connection, row: RowMapping) -> Hold:
    behind = connection.execute(_HELD_AMOUNTS, {"in_lane": row["name"]}).all()
    return Hold(
        lane=row["name"],
        connection=row["held_for"],
        system=row["system"],
        reason=row["held_reason"],
        since=row["held_at"],
        waiting=sum(count for _, count, _ in behind),
        amounts=summed(
            Money.from_minor(int(minor), currency) for currency, _, minor in behind if currency
        ),
        kind=HoldKind(row["held_kind"] or HoldKind.REFUSED),
        next_at=row["probe_at"],
    )


def summed(amounts: Iterable[Money]) -> list[Money]:
    """Return one sum per currency, in the order of their codes: currencies are never mixed."""
    sums: dict[str, int] = defaultdict(int)
    for money in amounts:
        sums[money.currency] += money.minor
    return [Money.from_minor(minor, currency) for currency, minor in sorted(sums.items())]


_CONDITIONS: dict[str, sa.ColumnElement[bool]] = {
    "statuses": syncs.c.status.in_(sa.bindparam("statuses", expanding=True)),
    "kind": syncs.c.kind == sa.bindparam("kind"),
    "source": sa.bindparam("source") == rows.SOURCE_NAME,
    "destination": sa.bindparam("destination") == rows.DESTINATION_NAME,
    "since": syncs.c.at >= sa.bindparam("since", type_=syncs.c.at.type),
    "until": syncs.c.at < sa.bindparam("until", type_=syncs.c.at.type),
    "numbers": sa.or_(
        syncs.c.order_number.in_(sa.bindparam("numbers", expanding=True)),
        syncs.c.document_number.in_(sa.bindparam("numbers", expanding=True)),
    ),
    "bulk": syncs.c.bulk_id == sa.bindparam("bulk"),
}
_OF_CAUSE = {"error_type": causes.c.error_type, "cause_key": causes.c.key}
"""What is said of a cause: its columns by the names of the filters, which are those of the log."""


def _stopped(names: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition for documents that one cause stops, by what is said of it.

    A failed one is found by each of its blockers, which its cause leads to; what is on its way, by
    what its row says it waits for or failed with before.
    """
    failed = (
        sa.select(blockers.c.sync_id)
        .join(causes, causes.c.id == blockers.c.cause_id)
        .where(
            blockers.c.open,
            causes.c.closed_at.is_(None),
            *(_OF_CAUSE[name] == sa.bindparam(name) for name in names),
        )
    )
    moving = syncs.alias("moving")
    said = sa.select(moving.c.id).where(
        moving.c.status.in_([Status.PENDING.value, Status.PROCESSING.value]),
        *(moving.c[name] == sa.bindparam(name) for name in names),
    )
    return syncs.c.id.in_(failed.union_all(said))


def _shape(filters: Filters) -> tuple[str, ...]:
    return tuple(name for name in (*_CONDITIONS, *_OF_CAUSE) if getattr(filters, name))


def _values(filters: Filters) -> dict[str, Any]:
    return {name: getattr(filters, name) for name in _shape(filters)}


@cache
def _page_statement(shape: tuple[str, ...], *, newer: bool, placed: bool) -> sa.Select[Any]:
    """Build the page's statement once per shape of filters."""
    statement = rows.SELECT.where(*(_CONDITIONS[name] for name in shape if name in _CONDITIONS))
    of_cause = [name for name in shape if name in _OF_CAUSE]
    if of_cause:
        statement = statement.where(_stopped(of_cause))
    here = sa.tuple_(syncs.c.at, syncs.c.id)
    there = sa.tuple_(
        sa.bindparam("at", type_=syncs.c.at.type), sa.bindparam("key", type_=syncs.c.id.type)
    )
    if placed:
        statement = statement.where(here > there if newer else here < there)
    order = (
        (syncs.c.at.asc(), syncs.c.id.asc()) if newer else (syncs.c.at.desc(), syncs.c.id.desc())
    )
    return statement.order_by(*order).limit(sa.bindparam("most"))


def _encode(row: RowMapping, *, newer: bool) -> str:
    text = json.dumps([int(newer), row["at"].astimezone(UTC).isoformat(), row["id"]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[bool, dict[str, Any]]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        newer, at, key = json.loads(text)
        when, number = datetime.fromisoformat(at).astimezone(UTC), int(key)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadCursor(cursor) from error
    if abs(number) > LARGEST_ID:
        raise BadCursor(cursor)
    return bool(newer), {"at": when, "key": number}
