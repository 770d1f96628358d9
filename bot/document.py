"""View: one document with everything known about it (product, section 2, rules 7 and 9)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.attempts import AttemptView, ExchangeView, attempt_views, telling_exchange
from bot.blockers import BlockerView, blocker_view
from bot.rows import Row, row_of
from bot.text import inert, units
from sync.money import Money
from sync.records import WaitingFor
from sync.states import Status
from sync.stories import Story

LONGEST_PART = 2900
"""How much of a long text one section holds, escaped; Slack takes 3,000."""

LONGEST_WORD = 500
LONGEST_TEXT = 4000
LONGEST_HASH = 12
ATTEMPTS_IN_A_SECTION = 5
MOST_LISTED = 10
MOST_ODDITIES = 6


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something unusual in the document's own data: a code and the text it is in."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves how often it was sent: our key, when the create left, what it carried.

    `sent_at` is empty where nothing was sent, or where an answer proved that nothing came of it;
    `content` begins the SHA-256 of what was sent last.
    """

    key: str
    sent_at: datetime | None
    content: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The documents that it hangs together with: the sale of a return, the returns of a sale."""

    sale: Row | None
    waits: bool
    """Whether it waits for the sale."""

    returns: Sequence[Row]
    waiting: Sequence[str]
    """The numbers of the returns that wait for it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in full, in parts that fit a section each; `of` is the blocker that gives it.

    Without one it is the document's own, and the only one.
    """

    of: BlockerView | None
    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document for `templates/document.xml` and `templates/story.xml`."""

    row: Row
    blockers: Sequence[BlockerView]
    more_blockers: int
    reasons: Sequence[Reason]
    attempts: Sequence[Sequence[AttemptView]]
    """Newest first, in parts that fit a section each."""

    earlier_attempts: int
    exchange: ExchangeView | None
    oddities: Sequence[Oddity]
    evidence: Evidence
    chain: Chain
    usual: Money | None


def document_view(story: Story, most: int = MOST_LISTED) -> DocumentView:
    """Return everything about one sync, with at most `most` of its blockers and attempts each."""
    row = row_of(story.sync)
    newest = sorted(story.attempts, key=lambda attempt: -attempt.number)
    blockers, odd = (story.blockers, story.oddities) if row.reason else ((), ())
    shown, size = attempt_views(story, newest[:most]), ATTEMPTS_IN_A_SECTION
    stops = [blocker_view(one, story.sync, story.causes, story.fixes) for one in blockers[:most]]
    return DocumentView(
        row=row,
        blockers=stops,
        more_blockers=max(0, len(blockers) - most),
        reasons=_reasons(row, stops),
        attempts=[shown[at : at + size] for at in range(0, len(shown), size)],
        earlier_attempts=max(0, len(newest) - most),
        exchange=telling_exchange(newest),
        oddities=[_oddity(code) for code in odd[:MOST_ODDITIES]],
        evidence=_evidence(story),
        chain=_chain(story),
        usual=story.usual,
    )


def _reasons(row: Row, stops: Sequence[BlockerView]) -> list[Reason]:
    """Return why the document failed; what is on its way again gives a reason of its own."""
    if row.status is Status.FAILED and len(stops) > 1:
        return [Reason(one, _parts(one.reason)) for one in stops]
    return [Reason(None, _parts(row.reason))] if row.reason else []


def _evidence(story: Story) -> Evidence:
    return Evidence(story.sync.source_key, story.sync.sent_at, story.payload_hash[:LONGEST_HASH])


def _chain(story: Story) -> Chain:
    waiting = [one.number for one in story.returns if one.waiting_for is WaitingFor.PREREQUISITE]
    waits = story.sync.waiting_for is WaitingFor.PREREQUISITE
    done = story.sync.status is Status.SUCCESS
    return Chain(
        sale=row_of(story.sale) if story.sale else None,
        waits=waits and not done,
        returns=[row_of(one) for one in story.returns],
        waiting=waiting,
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
