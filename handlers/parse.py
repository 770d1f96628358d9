"""What was typed after `/invsync` (or in a terminal) as a command, or a Problem that names why not.

Verb first; forgiving as product section 6 asks. An empty list never means *all* for an action.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from bot.problems import Problem, Wrong
from bot.verbs import SHARE, DigestWord, Verb
from handlers.filters import FilterReader
from handlers.words import Word, digits, nearest, number, unique, words
from sync.records import Filters

MOST_NUMBERS = 100
"""Product, section 2, rule 8."""

_ALIASES = {"?": Verb.HELP, "-h": Verb.HELP, "--help": Verb.HELP}


@dataclass(frozen=True, slots=True)
class Status:
    """The status card."""

    share: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """The log, or with `failed` only what failed."""

    filters: Filters = field(default_factory=Filters)
    share: bool = False


@dataclass(frozen=True, slots=True)
class Show:
    """One document by its own or its order's number."""

    number: str
    share: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry these numbers, 1 to 100, without repeats."""

    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """Fetch and sync these numbers, 1 to 100, without repeats."""

    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """Post today's digest now, or show the caller what it would say."""

    word: DigestWord = DigestWord.PREVIEW


@dataclass(frozen=True, slots=True)
class Help:
    """What a verb does, or all of them."""

    verb: Verb | None = None


Command = Status | Log | Show | Retry | Sync | Digest | Help


def parse(typed: str, now: datetime | None = None, zone: tzinfo = UTC) -> Command | Problem:
    """Return the command that `typed` is; days in it are days of `zone`, seen from `now`."""
    found = words(typed)
    if not found:
        return Status()
    first, rest = found[0], found[1:]
    if first.key is None and first.text.casefold() == SHARE and not rest:
        return Status(share=True)
    if first.key is None and number(first.text):
        return _show(found)
    verb = _verb(first)
    if isinstance(verb, Problem):
        return verb
    return _command(verb, rest, FilterReader(verb, now, zone))


def _command(verb: Verb, rest: Sequence[Word], reader: FilterReader) -> Command | Problem:
    match verb:
        case Verb.STATUS:
            return _status(rest)
        case Verb.LOG | Verb.FAILED:
            filters = reader.read([word for word in rest if not _is_share(word)])
            return filters if isinstance(filters, Problem) else Log(filters, _shared(rest))
        case Verb.SHOW:
            return _show(rest)
        case Verb.RETRY | Verb.SYNC:
            wanted = numbers(rest, verb)
            if isinstance(wanted, Problem):
                return wanted
            return Retry(wanted) if verb is Verb.RETRY else Sync(wanted)
        case Verb.DIGEST:
            return _digest(rest)
        case Verb.HELP:
            return _help(rest)


def numbers(
    given: Sequence[Word], verb: Verb, limit: int = MOST_NUMBERS
) -> tuple[str, ...] | Problem:
    """Return the numbers that `given` are, without repeats, or the first thing wrong with them."""
    found: list[str] = []
    for word in given:
        wanted = None if word.key else number(word.text)
        if wanted is None:
            text = f"{word.key}:{word.text}" if word.key else word.text
            return Problem(Wrong.NOT_A_NUMBER, text, verb=verb)
        found.append(wanted)
    if not found:
        return Problem(Wrong.NO_NUMBER, verb=verb)
    if len(unique(found)) > limit:
        return Problem(Wrong.TOO_MANY, str(len(unique(found))), verb=verb, limit=limit)
    return unique(found)


def _show(given: Sequence[Word]) -> Show | Problem:
    wanted = numbers([word for word in given if not _is_share(word)], Verb.SHOW, limit=1)
    return wanted if isinstance(wanted, Problem) else Show(wanted[0], _shared(given))


def _status(rest: Sequence[Word]) -> Status | Problem:
    extra = [word for word in rest if not _is_share(word)]
    if extra:
        return Problem(Wrong.UNKNOWN_WORD, extra[0].text, verb=Verb.STATUS, near=(SHARE,))
    return Status(share=_shared(rest))


def _digest(rest: Sequence[Word]) -> Digest | Problem:
    if not rest:
        return Digest()
    valid = tuple(word.value for word in DigestWord)
    try:
        (only,) = rest
        return Digest(DigestWord(only.text.casefold()))
    except ValueError:
        given = rest[-1].text
        near = nearest(given, valid)
        return Problem(Wrong.UNKNOWN_WORD, given, verb=Verb.DIGEST, near=near, valid=valid)


def _help(rest: Sequence[Word]) -> Help | Problem:
    if not rest:
        return Help()
    verb = _verb(rest[0])
    return verb if isinstance(verb, Problem) else Help(verb)


def _verb(word: Word) -> Verb | Problem:
    given = word.text.casefold().lstrip("/")
    if word.key is None and given in _ALIASES:
        return _ALIASES[given]
    try:
        return Verb(given if word.key is None else "")
    except ValueError:
        known = tuple(verb.value for verb in Verb)
        shown = word.key or word.text
        return Problem(Wrong.UNKNOWN_VERB, shown, near=nearest(digits(shown), known), valid=known)


def _is_share(word: Word) -> bool:
    return word.key is None and word.text.casefold() == SHARE


def _shared(given: Sequence[Word]) -> bool:
    return any(_is_share(word) for word in given)
