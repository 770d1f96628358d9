"""Rows of the past: what a log would hold that had been there when documents were synced.

A row is JSON. Amounts are decimal texts in major units beside an ISO 4217 code, instants are ISO
8601 with their offset. `status` is how the last attempt left the document; `blockers` is everything
that stops a failed one, the first being what its last attempt tells.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

SUCCESS, FAILED, PENDING, PROCESSING = "success", "failed", "pending", "processing"
POSTPONED = "postponed"
"""An attempt that ended without a result: its document is pending."""

PEOPLE = {"oncall": ("U0ONCALL1", "Omar"), "clerk": ("U0CLERK01", "Layla")}
BETWEEN = timedelta(minutes=30)
"""From one attempt to the next."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """What stops a document: type, key of the cause, whole reason, the customer if it is one."""

    error_type: str
    key: str
    reason: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Booked:
    """A document in the destination: its id and number there, and the path of its page."""

    id: str
    number: str
    path: str


def row_of(
    document: Row,
    outcomes: Sequence[str],
    began: datetime,
    stops: Sequence[Stop] = (),
    booked: Booked | None = None,
) -> Row:
    """Return the past of `document` (what a log says of it): one attempt for each outcome.

    The last outcome is how it stands; `processing` is an attempt whose end nobody wrote down.
    """
    last = outcomes[-1]
    tries = [_attempt(turn, outcome, began, stops) for turn, outcome in enumerate(outcomes, 1)]
    standing = stops if last in {FAILED, POSTPONED} else ()
    return {
        **document,
        "status": PENDING if last == POSTPONED else last,
        "cause_key": standing[0].key if standing else None,
        "blockers": [asdict(one) for one in standing] if last == FAILED else [],
        "waiting_for": "prerequisite" if last == POSTPONED else None,
        "retries": len(outcomes) - 1,
        "discovered_at": tries[0]["started_at"],
        "attempts": tries,
        "destination_id": booked.id if booked and last != PROCESSING else None,
        "destination_number": booked.number if booked and last != PROCESSING else None,
        "destination_path": booked.path if booked and last != PROCESSING else None,
    }


def _attempt(number: int, outcome: str, began: datetime, stops: Sequence[Stop]) -> Row:
    """Return one attempt: the first by the sweep, the others by people."""
    started = began + (number - 1) * BETWEEN
    who = PEOPLE["clerk" if number % 2 else "oncall"]
    ended = started + timedelta(seconds=2 + number)
    why = None if outcome in {SUCCESS, PROCESSING} or not stops else stops[0]
    return {
        "number": number,
        "trigger": "sweep" if number == 1 else "person",
        "actor": ["engine", ""] if number == 1 else list(who),
        "started_at": started.isoformat(),
        "finished_at": None if outcome == PROCESSING else ended.isoformat(),
        "outcome": None if outcome == PROCESSING else outcome,
        "error_type": why.error_type if why else None,
        "reason": why.reason if why else None,
    }
