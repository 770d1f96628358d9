"""What was typed to mend, skip, reopen, link, give away or let rest: one cause or one document.

What a name stands for now is looked up when the command is answered: a cause has a number and a
key, a document its own number and that of its order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from bot.problems import Problem, Wrong
from bot.verbs import Verb
from handlers.parse_causes import ME, owner_of
from handlers.words import Word, digits, number

CAUSE = "cause"
MORNING = time(9)
LONGEST_REST = timedelta(days=90)
LONGEST_NAME = 400
_SPAN = re.compile(r"(\d{1,3})\s?(h|d|w)[a-z]*")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Target:
    """What was named; `is_cause` where it was written `cause:7`."""

    text: str
    is_cause: bool = False


@dataclass(frozen=True, slots=True)
class RetryCause:
    """Look whether a cause is gone, then retry all that it stops."""

    target: Target


@dataclass(frozen=True, slots=True)
class Fix:
    """Open the form that mends a cause."""

    target: Target


@dataclass(frozen=True, slots=True)
class Skip:
    """Never sync a failed document, for a reason."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reopen:
    """Send a skipped document to its lane after all."""

    number: str


@dataclass(frozen=True, slots=True)
class Link:
    """Let a document that is in the books be this failed one; `named` is its id or number."""

    number: str
    named: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a cause, or what stops a document, to somebody: a Slack user id, `me` or `nobody`."""

    target: Target
    owner: str


@dataclass(frozen=True, slots=True)
class Snooze:
    """Let a cause rest until then (UTC); None wakes it."""

    target: Target
    until: datetime | None


def retry_cause(rest: Sequence[Word]) -> RetryCause | Problem | None:
    """Return the cause whose documents are meant, or None where numbers are."""
    named = [word for word in rest if word.key == CAUSE]
    if not named:
        return None
    if len(rest) > 1:
        return Problem(Wrong.UNKNOWN_WORD, _typed(rest[-1]), verb=Verb.RETRY)
    if not named[0].text or len(named[0].text) > LONGEST_NAME:
        return Problem(Wrong.NO_CAUSE, verb=Verb.RETRY)
    return RetryCause(Target(named[0].text, is_cause=True))


def fix(rest: Sequence[Word]) -> Fix | Problem:
    """Return the cause whose form is meant."""
    target = _target(rest[:1], Verb.FIX)
    if isinstance(target, Problem):
        return target
    if len(rest) > 1:
        return Problem(Wrong.UNKNOWN_WORD, _typed(rest[1]), verb=Verb.FIX)
    return Fix(target)


def skip(rest: Sequence[Word]) -> Skip | Problem:
    """Return which document is skipped and why; what follows `reason:` belongs to it."""
    place = next((at for at, word in enumerate(rest) if word.key == "reason"), len(rest))
    wanted = _number(rest[:place], Verb.SKIP)
    if isinstance(wanted, Problem):
        return wanted
    said = [word.text if word.key == "reason" else _typed(word) for word in rest[place:]]
    reason = " ".join(said).strip()
    return Skip(wanted, reason) if reason else Problem(Wrong.NO_REASON, verb=Verb.SKIP)


def reopen(rest: Sequence[Word]) -> Reopen | Problem:
    """Return which skipped document is meant."""
    wanted = _number(rest, Verb.REOPEN)
    return wanted if isinstance(wanted, Problem) else Reopen(wanted)


def link(rest: Sequence[Word]) -> Link | Problem:
    """Return which document is linked to which one of the destination."""
    named = [word for word in rest if word.key == "id"]
    wanted = _number([word for word in rest if word.key != "id"], Verb.LINK)
    if isinstance(wanted, Problem):
        return wanted
    if len(named) != 1 or not named[0].text or len(named[0].text) > LONGEST_NAME:
        return Problem(Wrong.NO_RECORD, verb=Verb.LINK)
    return Link(wanted, named[0].text)


def assign(rest: Sequence[Word]) -> Assign | Problem:
    """Return what is given to whom, in either order."""
    owners = [word for word in rest if word.key in {None, "owner"} and owner_of(word.text)]
    others = [word for word in rest if word not in owners]
    target = _target(others[:1], Verb.ASSIGN)
    if isinstance(target, Problem):
        return target
    if len(others) > 1 or len(owners) > 1:
        extra = (others[1:] or owners[1:])[0]
        wrong = Wrong.UNKNOWN_WORD if owners else Wrong.NO_PERSON
        return Problem(wrong, _typed(extra), verb=Verb.ASSIGN)
    if not owners:
        return Problem(Wrong.NO_PERSON, verb=Verb.ASSIGN)
    return Assign(target, owner_of(owners[0].text) or ME)


def snooze(rest: Sequence[Word], now: datetime, zone: tzinfo) -> Snooze | Problem:
    """Return what rests until when: `4h`, `3d`, `tomorrow`, `close` or a day; `off` wakes it."""
    target = _target(rest[:1], Verb.SNOOZE)
    if isinstance(target, Problem):
        return target
    given = " ".join(_typed(word) for word in rest[1:])
    meant = digits(given).casefold().removeprefix("until").strip(" :")
    if meant in {"off", "wake"}:
        return Snooze(target, None)
    until = _until(meant, now, zone)
    if until is None or not now < until <= now + LONGEST_REST:
        return Problem(Wrong.NO_END, given, verb=Verb.SNOOZE)
    return Snooze(target, until)


def _until(meant: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment (UTC); days end at nine in the morning, `close` with the month."""
    span = _SPAN.fullmatch(meant)
    if span:
        return now + int(span[1]) * _UNITS[span[2]]
    today = now.astimezone(zone).date()
    if meant == "tomorrow":
        return _morning(today + timedelta(days=1), now, zone)
    if meant == "close":
        return _morning((today.replace(day=1) + timedelta(days=32)).replace(day=1), now, zone)
    try:
        return _morning(date.fromisoformat(meant), now, zone)
    except ValueError:
        return None


def _morning(day: date, now: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(day, MORNING, zone).astimezone(now.tzinfo)


def _target(given: Sequence[Word], verb: Verb) -> Target | Problem:
    word = given[0] if given else Word("")
    if word.key not in {None, CAUSE} or not word.text or len(word.text) > LONGEST_NAME:
        return Problem(Wrong.NO_CAUSE, _typed(word), verb=verb)
    return Target(word.text, is_cause=word.key == CAUSE)


def _number(given: Sequence[Word], verb: Verb) -> str | Problem:
    if not given:
        return Problem(Wrong.NO_NUMBER, verb=verb)
    wanted = None if given[0].key else number(given[0].text)
    if wanted is None:
        return Problem(Wrong.NOT_A_NUMBER, _typed(given[0]), verb=verb)
    if len(given) > 1:
        return Problem(Wrong.TOO_MANY, verb=verb, limit=1)
    return wanted


def _typed(word: Word) -> str:
    return f"{word.key}:{word.text}" if word.key else word.text
