"""View: one document with everything known about it (product, section 2, rules 7 and 9)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.rows import Row, Who, row_of, who_of
from bot.text import inert, units
from sync.errors import ErrorType, Remedy, remedy_of
from sync.records import Attempt, Blocker, Exchange, Story, Trigger

LONGEST_PART = 2900
"""How much of a long text one section holds, escaped; Slack takes 3,000."""

LONGEST_WORD = 500
LONGEST_TEXT = 4000
LONGEST_BODY = 600
MOST_ATTEMPTS = 10
MOST_BLOCKERS = 10
MOST_ODDITIES = 6


@dataclass(frozen=True, slots=True)
class BlockerView:
    """What stops the document, with what to do about it."""

    error_type: ErrorType
    remedy: Remedy
    key: str
    reason: str


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


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """The last request and its answer, shortened."""

    at: datetime
    system: str
    method: str
    url: str
    status: int | None
    response: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something unusual in the document's own data: a code and the text it is in."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document for `templates/document.xml` and `templates/story.xml`."""

    row: Row
    blockers: Sequence[BlockerView]
    more_blockers: int
    reason_parts: Sequence[str]
    attempts: Sequence[AttemptView]
    """Newest first."""

    earlier_attempts: int
    exchange: ExchangeView | None
    oddities: Sequence[Oddity]


def document_view(story: Story) -> DocumentView:
    """Return everything about one sync."""
    row = row_of(story.sync)
    newest = sorted(story.attempts, key=lambda attempt: -attempt.number)
    blockers, odd = (story.blockers, story.oddities) if row.reason else ((), ())
    return DocumentView(
        row=row,
        blockers=[_blocker(one) for one in blockers[:MOST_BLOCKERS]],
        more_blockers=max(0, len(blockers) - MOST_BLOCKERS),
        reason_parts=_parts(row.reason or ""),
        attempts=[_attempt(one) for one in newest[:MOST_ATTEMPTS]],
        earlier_attempts=max(0, len(newest) - MOST_ATTEMPTS),
        exchange=_last_exchange(newest),
        oddities=[_oddity(code) for code in odd[:MOST_ODDITIES]],
    )


def _blocker(blocker: Blocker) -> BlockerView:
    return BlockerView(
        blocker.error_type, remedy_of(blocker.error_type), blocker.key, blocker.reason
    )


def _attempt(attempt: Attempt) -> AttemptView:
    ended = attempt.finished_at
    return AttemptView(
        number=attempt.number,
        trigger=attempt.trigger,
        who=who_of(attempt.actor),
        started_at=attempt.started_at,
        seconds=(ended - attempt.started_at).total_seconds() if ended else None,
        outcome=attempt.outcome,
        reason=attempt.reason,
    )


def _last_exchange(newest: Sequence[Attempt]) -> ExchangeView | None:
    exchanges = [exchange for attempt in newest[:1] for exchange in attempt.exchanges]
    return _exchange(exchanges[-1]) if exchanges else None


def _exchange(exchange: Exchange) -> ExchangeView:
    return ExchangeView(
        exchange.at,
        exchange.system,
        exchange.method,
        exchange.url[:LONGEST_BODY],
        exchange.status,
        exchange.response[:LONGEST_BODY],
        exchange.milliseconds,
    )


def _oddity(code: str) -> Oddity:
    name, _, text = code.partition(":")
    return Oddity(name, text)


def _parts(text: str) -> list[str]:
    """Return `text` in pieces that fit a section each, broken between words."""
    parts: list[str] = []
    room = 0
    for word in _pieces(text[:LONGEST_TEXT]):
        if _cost(word) > room:
            parts.append("")
            room = LONGEST_PART
        parts[-1] += word
        room -= _cost(word)
    return parts


def _pieces(text: str) -> list[str]:
    """Return words with the blank after them; none longer than a section surely holds."""
    words = re.findall(r"\S*\s?", text)
    return [
        word[at : at + LONGEST_WORD] for word in words for at in range(0, len(word), LONGEST_WORD)
    ]


def _cost(word: str) -> int:
    """Return how many characters `word` takes once it is written for Slack."""
    return units(inert(word))
