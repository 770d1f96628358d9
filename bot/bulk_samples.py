"""Sample values for the messages of bulk retries: each state, each answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.bulking import bulk_view
from sync.batches import Counts
from sync.bulk import ACTIVE, Bulk, BulkProgress, BulkState, Size
from sync.errors import ErrorType
from sync.money import Money
from sync.records import TERMINAL, Actor

_SARA, _OMAR = Actor("U0SARA", "Sara"), Actor("U0OMAR", "Omar")
_SUMS = [Money.of("41250", "SAR"), Money.of("9.5", "USD")]
_NONE = Counts()
_SOME = Counts(
    pending=19,
    waiting=1,
    synced=17,
    failed=2,
    skipped=1,
    synced_amounts=_SUMS,
    failed_amounts=_SUMS,
)
_ALL = Counts(synced=38, synced_amounts=_SUMS)
_TOLD_OF_NONE = ("nothing", "late")
_TOLD = (
    *("begun", "asked", "running", "nothing", "approved", "own", "grown", "empty", "late"),
    *("stopping", "withdrawn", "ended"),
)


def bulk_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return samples by template."""
    views = [bulk_view(one, now) for one in _progresses(now)]
    told = [{"told": what, "view": view} for what in _TOLD for view in (views[0], views[-1])]
    alone = [{"told": what, "view": None} for what in _TOLD_OF_NONE]
    return {"bulk": [{"view": view} for view in views], "bulk_told": [*told, *alone]}


def _progresses(now: datetime) -> list[BulkProgress]:
    return [
        BulkProgress(_bulk(now, state, error_type, anyway=anyway), counts, held=anyway)
        for state in BulkState
        for error_type in (ErrorType.SKU_NOT_FOUND, ErrorType.UNKNOWN)
        for counts in (_NONE, _SOME, _ALL)
        for anyway in (False, True)
    ]


def _bulk(now: datetime, state: BulkState, error_type: ErrorType, *, anyway: bool) -> Bulk:
    return Bulk(
        id=7,
        cause_id=3,
        lane="books",
        system="daftra",
        error_type=error_type,
        key="HONEY-500" if error_type is ErrorType.SKU_NOT_FOUND else "",
        state=state,
        size=Size(38 if anyway else 1, _SUMS if anyway else []),
        anyway=anyway,
        by=_SARA if anyway else TERMINAL,
        approver=_OMAR if anyway else None,
        approve_until=now + timedelta(hours=20) if anyway else None,
        sent=38,
        upto=None if anyway else 99,
        reason="Still missing: Daftra has no product HONEY-500" if anyway else None,
        owner=None,
        created_at=now - timedelta(hours=4),
        finished_at=None if state in ACTIVE else now,
        message=None,
    )
