"""Sample values for the messages of prechecks: each state, first and last page, nothing found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.precheck import PAGE, precheck_view
from bot.rows import who_of
from sync.errors import ErrorType
from sync.money import Money
from sync.nearness import Near
from sync.precheck import Finding, NearMatch, Precheck, PrecheckState
from sync.prechecks import NAMED
from sync.records import Actor

_TOLD = ("begun", "running", "creating", "nothing", "stopping", "ended")


def precheck_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return, by template, the values that it is drawn with at `now`."""
    full = _precheck(now)
    ended = replace(full, finished_at=now, creator=Actor("U0SARA", "Sara"), missing=1200)
    none = replace(full, findings=(), missing=0)
    states = [
        replace(one, state=state, stopping=stopping, reason=reason)
        for one in (ended, none)
        for state in PrecheckState
        for stopping in (False, True)
        for reason in ((None, "Daftra answered 503") if one is ended else (None,))
    ]
    pages = [
        precheck_view(replace(full, state=PrecheckState.LOOKED), now, start, living=False)
        for start in range(0, len(full.findings), PAGE)
    ]
    booked = replace(ended, state=PrecheckState.CREATED, destination_system="quickbooks")
    fresh = [replace(none, looked=looked) for looked in (0, 1)]
    views = [*(precheck_view(one, now) for one in (*states, *fresh, booked)), *pages]
    return {
        "precheck": [{"view": view} for view in views],
        "precheck_told": [
            {"precheck": full, "by": who_of(full.by), "told": told} for told in _TOLD
        ],
    }


def _precheck(now: datetime) -> Precheck:
    return Precheck(
        id=3,
        route_id=1,
        route="shop:books",
        source="shop",
        source_system="salla",
        destination="books",
        destination_system="daftra",
        state=PrecheckState.LOOKING,
        stopping=False,
        looked=1412,
        missing=24,
        findings=_findings(),
        reason=None,
        by=Actor("U0SARA", "Sara"),
        creator=None,
        owner=None,
        created_at=now - timedelta(minutes=7),
        finished_at=None,
        message=None,
    )


def _findings() -> list[Finding]:
    plain = Finding("HONEY-500", "Honey", None, ErrorType.SKU_NOT_FOUND, "Not in Daftra")
    priced = replace(plain, sku="DATES-1", price=Money.of("41.5", "SAR"))
    near = [
        replace(plain, sku=f"N-{why}", near=[NearMatch("7", "Honey", "honey-500", why)])
        for why in (*Near, NAMED)
    ]
    named = replace(plain, near=[NearMatch("7", "Honey", None, NAMED), *near[0].near])
    made = replace(priced, made="12")
    refused = replace(plain, refused="Daftra refuses this name")
    others = [
        replace(plain, error_type=one) for one in (ErrorType.ITEM_INACTIVE, ErrorType.CONFLICT)
    ]
    return [plain, priced, made, refused, named, *others, *near]
