"""Sample values for the list of causes: every type, first, middle and last page, and none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.causes import PAGE, Wanted, causes_view
from sync.causes import Cause
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor


def causes_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return, by template, the values that it is drawn with at `now`."""
    causes = _causes(now)
    narrow = Wanted(ErrorType.SKU_NOT_FOUND, "HONEY-500", "books", "U0SARA")
    views = [
        *(causes_view(causes, Wanted(), start, now) for start in range(0, len(causes), PAGE)),
        causes_view([replace(causes[0], owner=Actor("U0SARA", "Sara"))], narrow, 0, now),
        causes_view(causes, Wanted(key="nothing", owner="nobody"), 0, now),
        causes_view([], Wanted(), 0, now),
    ]
    return {"causes": [{"view": view} for view in views]}


def _causes(now: datetime) -> list[Cause]:
    return [_cause(place, kind, now) for place, kind in enumerate(ErrorType)]


def _cause(place: int, kind: ErrorType, now: datetime) -> Cause:
    """Return an open cause; every third is owned, snoozed, keyless or stops nothing by itself."""
    count, age = place % 5, timedelta(minutes=7 ** (place % 7))
    sums = [Money.of("41250", "SAR"), Money.of("10", "USD")][: place % 3] if count else []
    return Cause(
        id=place + 1,
        lane="books",
        system="daftra",
        error_type=kind,
        key=f"HONEY-{place}" if place % 7 else "",
        subject="",
        count=count,
        amounts=sums,
        releases=min(count, place % 3),
        released=sums,
        retrying=place % 4,
        oldest=now - age,
        first_seen=now - age,
        opened_at=now - age,
        closed_at=None,
        openings=1 + place % 2,
        checked=None,
        owner=Actor("U0SARA", "Sara") if place % 3 else None,
        snoozed_until=now + timedelta(days=1) if not place % 3 else None,
        snoozed_at=count,
    )
