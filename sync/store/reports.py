"""What a digest tells beyond the figures: what is new, what it listed and who mended what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sync.causes import FIXES, NOTHING_SHARED, Cause, DeedKind, Shared
from sync.money import Money
from sync.records import Actor
from sync.states import Status
from sync.store.cause_tables import blockers, causes, deeds
from sync.store.database import Database
from sync.store.log import summed
from sync.store.tables import attempts, lanes, syncs

MENDS = FIXES | {DeedKind.RETRY, DeedKind.SKIP, DeedKind.RECONNECT}
"""Deeds that may have closed a cause, fixes before all others."""

_AT = syncs.c.at.type
_SINCE = sa.bindparam("since", type_=_AT)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_MARK = sa.select(
    sa.func.max(causes.c.touched_at),
    sa.func.max(causes.c.snoozed_until).filter(
        causes.c.snoozed_until <= sa.bindparam("now", type_=_AT)
    ),
)
_HELD = (
    sa.select(lanes.c.name, lanes.c.held_at).where(lanes.c.held_at.is_not(None)).order_by("name")
)
_EARLIER = sa.exists().where(
    attempts.c.sync_id == syncs.c.id,
    attempts.c.outcome == Status.FAILED.value,
    attempts.c.finished_at < _SINCE,
)
_NEW = (
    sa.select(blockers.c.cause_id, sa.func.count())
    .join(syncs, syncs.c.id == blockers.c.sync_id)
    .where(blockers.c.open, ~blockers.c.retrying, syncs.c.finished_at >= _SINCE, ~_EARLIER)
    .group_by(blockers.c.cause_id)
)
_STOPPED = (
    sa.select(blockers.c.cause_id, blockers.c.sync_id)
    .where(blockers.c.cause_id.in_(_IDS))
    .order_by(blockers.c.since.desc(), blockers.c.sync_id.desc())
    .limit(sa.bindparam("most"))
)
_SEVERAL = (
    sa.select(blockers.c.sync_id)
    .where(blockers.c.cause_id.in_(_IDS), blockers.c.open, ~blockers.c.retrying, ~blockers.c.sole)
    .group_by(blockers.c.sync_id)
    .having(sa.func.count() > 1)
    .subquery()
)
_SHARED = (
    sa.select(syncs.c.currency, sa.func.count(), sa.func.sum(syncs.c.amount_minor))
    .join(_SEVERAL, _SEVERAL.c.sync_id == syncs.c.id)
    .group_by(syncs.c.currency)
)
_STANDING = sa.select(syncs.c.id, syncs.c.status).where(syncs.c.id.in_(_IDS))
_CUSTOMER = (
    sa.select(blockers.c.cause_id, sa.func.max(syncs.c.customer))
    .select_from(blockers)
    .join(syncs, syncs.c.id == blockers.c.sync_id)
    .where(blockers.c.cause_id.in_(_IDS), syncs.c.customer.is_not(None))
    .group_by(blockers.c.cause_id)
)
_REASON = (
    sa.select(blockers.c.cause_id, sa.func.max(blockers.c.reason))
    .where(blockers.c.cause_id.in_(_IDS))
    .group_by(blockers.c.cause_id)
)
_MENDED = (
    sa.select(deeds.c.cause_id, deeds.c.actor_id, deeds.c.actor_name)
    .where(deeds.c.cause_id.in_(_IDS), deeds.c.kind.in_([kind.value for kind in sorted(MENDS)]))
    .order_by(sa.case((deeds.c.kind.in_([one.value for one in sorted(FIXES)]), 1), else_=0))
    .order_by(deeds.c.id)
)


class Reports:
    """Reads for the digest; every method is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, now: datetime) -> str:
        """Return what changes whenever a figure of a cause or a hold does: a text to compare."""
        with self._database.read() as connection:
            moments = connection.execute(_MARK, {"now": now}).one()
            held = connection.execute(_HELD).all()
        told = [moment.isoformat() if moment else "-" for moment in moments]
        return " ".join([*told, *(f"{row.name}@{row.held_at.isoformat()}" for row in held)])

    def held(self) -> set[str]:
        """Return the lanes that are held."""
        with self._database.read() as connection:
            return {row.name for row in connection.execute(_HELD)}

    def new(self, since: datetime) -> dict[int, int]:
        """Return how many failed documents of each cause had never failed before `since` (UTC)."""
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(_NEW, {"since": since})}

    def stopped(self, cause_ids: Iterable[int], most: int) -> dict[int, list[int]]:
        """Return the syncs that each of these causes names, sent back or not, newest first."""
        given = {"ids": list(cause_ids), "most": most}
        named: dict[int, list[int]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(_STOPPED, given):
                named[row.cause_id].append(row.sync_id)
        return named

    def standing(self, sync_ids: Iterable[int]) -> dict[int, Status]:
        """Return the status of each of these syncs."""
        with self._database.read() as connection:
            found = connection.execute(_STANDING, {"ids": list(sync_ids)})
            return {row[0]: Status(row[1]) for row in found}

    def shared(self, chosen: Sequence[Cause]) -> Shared:
        """Return the failed documents that more than one of these causes stops, each once.

        A cause that counts no more than it releases shares none: nothing is asked for it.
        """
        mixed = [one.id for one in chosen if one.releases < one.count]
        if len(mixed) <= 1:
            return NOTHING_SHARED
        with self._database.read() as connection:
            found = connection.execute(_SHARED, {"ids": mixed}).all()
        sums = [Money.from_minor(int(minor), currency) for currency, _, minor in found if currency]
        return Shared(sum(count for _, count, _ in found), summed(sums))

    def customers(self, cause_ids: Iterable[int]) -> dict[int, str]:
        """Return the customer's name on a document of each cause, where one is known."""
        with self._database.read() as connection:
            found = connection.execute(_CUSTOMER, {"ids": list(cause_ids)})
            return {row[0]: row[1] for row in found}

    def reasons(self, cause_ids: Iterable[int]) -> dict[int, str]:
        """Return in the system's own words what each of these causes is."""
        with self._database.read() as connection:
            found = connection.execute(_REASON, {"ids": list(cause_ids)})
            return {row[0]: row[1] for row in found}

    def menders(self, cause_ids: Iterable[int]) -> Mapping[int, Actor]:
        """Return who mended each of these causes last, where it was done here."""
        with self._database.read() as connection:
            found = connection.execute(_MENDED, {"ids": list(cause_ids)}).all()
        return {row.cause_id: Actor(row.actor_id, row.actor_name) for row in found}
