"""Sample values for the templates of backfills and forms, each with a full and a bare one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from bot.backfill import FormView, backfill_view
from sync.batches import Batch, BatchState, Counts, Place, Progress, Tally
from sync.money import Money
from sync.records import Actor, Connection, Route


def backfill_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return, by template, the values that it is drawn with at `now`."""
    found = _backfills(now)
    return {
        "backfill": [{"view": backfill_view(one, now)} for one in found],
        "backfill_told": [
            {"batch": found[0].batch, "told": told} for told in ("begun", "stopping", "ended")
        ],
        "backfill_form": [{"view": one} for one in _forms()],
        "sync_form": [{"view": one} for one in _forms()],
    }


def _backfills(now: datetime) -> list[Progress]:
    """Return a backfill in each of its states, with everything and with nothing to say."""
    full = Tally(listed=500, new=400, known=60, failed_before=3, passed_over=1)
    sums = [Money.of("41250", "SAR"), Money.of("10", "USD")]
    counts = Counts(120, 2, 270, 7, 1, sums, sums)
    place = Place(date(2026, 2, 5), full, full, None, "Order 9: has no reference_id")
    begun = Batch(
        id=3,
        route_id=1,
        route="shop:books",
        lane="books",
        source="shop",
        source_system="salla",
        destination="books",
        destination_system="daftra",
        first=date(2026, 1, 1),
        last=date(2026, 3, 31),
        state=BatchState.QUEUED,
        place=Place(date(2026, 1, 1)),
        reason=None,
        by=Actor("U0SARA", "Sara"),
        owner=None,
        created_at=now - timedelta(minutes=12),
        finished_at=None,
        message=None,
    )
    walking = replace(begun, state=BatchState.RUNNING, place=place)
    paused = replace(walking, place=replace(place, refused="shop"), reason="Salla: expired")
    ended = replace(begun, place=Place(None, full, full), finished_at=now)
    return [
        Progress(begun, Counts(), held=False),
        *(Progress(replace(walking, state=state), counts, held=True) for state in BatchState),
        Progress(paused, counts, held=False),
        Progress(replace(walking, reason="Salla answered 503"), counts, held=False),
        Progress(replace(ended, state=BatchState.DONE), counts, held=False),
        Progress(replace(ended, state=BatchState.FAILED, reason="No data"), Counts(), held=False),
    ]


def _forms() -> list[FormView]:
    shop, books = (
        Connection(place, system, name, "https://x.example", None, None, "77", name)
        for place, (system, name) in enumerate((("salla", "shop"), ("daftra", "books")))
    )
    routes = [
        Route(place, f"shop{place}:books", shop, books, date(2026, 1, 1), ["completed"])
        for place in range(1, 4)
    ]
    return [FormView(routes[:1]), FormView(routes, 2, date(2026, 1, 1), date(2026, 3, 31))]
