"""Attempts as View shows them: who asked, how long each step took, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.rows import Who, led, who_of
from sync.records import Attempt, Exchange, Trigger
from sync.stories import Story

WRONG = 400
"""HTTP statuses from here on are errors."""

LONGEST_URL = 600
LONGEST_BODY = 600


class Step(StrEnum):
    """What an attempt spends its time on."""

    WAIT = "wait"
    """From the moment it was due until it began."""

    READ = "read"
    """Asking the source."""

    LOOK_UP = "look_up"
    """Asking the destination before anything is written there."""

    CREATE = "create"
    """From the first to the last write, with what is asked in between."""

    READ_BACK = "read_back"
    """Asking the destination afterwards."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How long a step took, in seconds."""

    step: Step
    seconds: float


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt; `seconds` is how long it took, None while it runs."""

    number: int
    trigger: Trigger
    who: Who
    started_at: datetime
    seconds: float | None
    outcome: str | None
    reason: str | None
    steps: Sequence[Spent] = ()


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """A request and its answer, shortened; `request_id` is what the system calls it, or empty."""

    at: datetime
    system: str
    method: str
    url: str
    status: int | None
    request: str
    response: str
    milliseconds: int
    request_id: str


def attempt_views(story: Story, newest: Sequence[Attempt]) -> list[AttemptView]:
    """Return these attempts of a story, which are the newest ones, newest first."""
    ends = {one.number: one.finished_at for one in story.attempts}
    return [_attempt(one, story, ends.get(one.number - 1)) for one in newest]


def _attempt(attempt: Attempt, story: Story, before: datetime | None) -> AttemptView:
    ended = attempt.finished_at
    return AttemptView(
        number=attempt.number,
        trigger=attempt.trigger,
        who=who_of(attempt.actor),
        started_at=attempt.started_at,
        seconds=(ended - attempt.started_at).total_seconds() if ended else None,
        outcome=attempt.outcome,
        reason=led(attempt.reason, story.sync.customer) if attempt.reason else None,
        steps=_steps(attempt, story.sync.source_system, before),
    )


def telling_exchange(newest: Sequence[Attempt]) -> ExchangeView | None:
    """Return the exchange to show of the newest attempt that made any.

    That is the last one that went wrong where the attempt did not succeed, else the last.
    """
    exchanges = next((one.exchanges for one in newest if one.exchanges), ())
    if not exchanges:
        return None
    attempt = next(one for one in newest if one.exchanges)
    wrong = [one for one in exchanges if one.status is None or one.status >= WRONG]
    return _exchange(wrong[-1] if wrong and attempt.outcome != "success" else exchanges[-1])


def _exchange(exchange: Exchange) -> ExchangeView:
    return ExchangeView(
        exchange.at,
        exchange.system,
        exchange.method,
        exchange.url[:LONGEST_URL],
        exchange.status,
        exchange.request[:LONGEST_BODY],
        exchange.response[:LONGEST_BODY],
        exchange.milliseconds,
        exchange.request_id,
    )


def _steps(attempt: Attempt, source: str, before: datetime | None) -> list[Spent]:
    """Return the steps that took place, in their order; `before` is when the last one ended."""
    there = [one for one in attempt.exchanges if one.system != source]
    writes = [place for place, one in enumerate(there) if _writes(one)]
    first, last = (writes[0], writes[-1] + 1) if writes else (len(there), len(there))
    read = [one for one in attempt.exchanges if one.system == source]
    asked = [
        (Step.READ, read),
        (Step.LOOK_UP, there[:first]),
        (Step.CREATE, there[first:last]),
        (Step.READ_BACK, there[last:]),
    ]
    spent = [Spent(step, _seconds(exchanges)) for step, exchanges in asked if exchanges]
    due = max(attempt.due, before) if attempt.due and before else attempt.due
    waited = attempt.started_at - due if due else timedelta(-1)
    if waited >= timedelta():
        spent.insert(0, Spent(Step.WAIT, waited.total_seconds()))
    return spent


def _writes(exchange: Exchange) -> bool:
    """Return whether a request changes something; searches are sent as POST by some systems."""
    path = exchange.url.partition("?")[0]
    asks = path.endswith(("/search", "/query", "/batch/read"))
    return exchange.method != "GET" and not asks


def _seconds(exchanges: Sequence[Exchange]) -> float:
    return sum(one.milliseconds for one in exchanges) / 1000
