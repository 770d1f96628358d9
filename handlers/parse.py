"""What was typed after `/invsync` (or in a terminal) as a command, or a Problem that names why not.

Verb first; forgiving as product section 6 asks. An empty list never means *all* for an action.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from unicodedata import category

from bot.problems import Problem, Wrong
from bot.verbs import ROUTE, SHARE, STOP, DigestWord, FilterName, Verb
from handlers import parse_causes, parse_decisions, parse_precheck
from handlers.filters import FilterReader
from handlers.parse_causes import Causes
from handlers.parse_decisions import Assign, Fix, Link, Reopen, RetryCause, Skip, Snooze
from handlers.parse_precheck import Precheck, StopPrecheck
from handlers.words import Word, digits, nearest, number, unique, words
from sync.records import CONNECTION_NAME, Filters
from sync.systems import TITLES

MOST_NUMBERS = 100
"""Product, section 2, rule 8."""

LONGEST_CONNECT = 2
"""A system and a name."""

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
    """Fetch and sync these numbers, up to 100, without repeats; none asks for the form."""

    numbers: tuple[str, ...]
    route: str | None = None


@dataclass(frozen=True, slots=True)
class Backfill:
    """Put history in, from `first` to `last`, both included; what is missing asks for the form."""

    route: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class StopBackfill:
    """Stop the backfill of a route, or the only one."""

    route: str | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """Post today's digest now, or show the caller what it would say."""

    word: DigestWord = DigestWord.PREVIEW


@dataclass(frozen=True, slots=True)
class Connect:
    """Lead an admin to a consent page; `name` is the connection's, None the usual one."""

    system: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Let nothing go through a connection until it is resumed; no name: which, is asked."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Let what waits behind a paused connection go again."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """What a verb does, or all of them."""

    verb: Verb | None = None


Command = (
    Status
    | Log
    | Causes
    | Show
    | Retry
    | RetryCause
    | Fix
    | Skip
    | Reopen
    | Link
    | Assign
    | Snooze
    | Sync
    | Backfill
    | StopBackfill
    | Precheck
    | StopPrecheck
    | Digest
    | Connect
    | Pause
    | Resume
    | Help
)


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
    readers: Mapping[Verb, Callable[[Sequence[Word]], Command | Problem]] = {
        Verb.STATUS: _status,
        Verb.CAUSES: parse_causes.causes,
        Verb.SHOW: _show,
        Verb.SYNC: _sync,
        Verb.FIX: parse_decisions.fix,
        Verb.SKIP: parse_decisions.skip,
        Verb.REOPEN: parse_decisions.reopen,
        Verb.LINK: parse_decisions.link,
        Verb.ASSIGN: parse_decisions.assign,
        Verb.BACKFILL: _backfill,
        Verb.PRECHECK: parse_precheck.precheck,
        Verb.DIGEST: _digest,
        Verb.CONNECT: _connect,
        Verb.PAUSE: partial(_pause, verb),
        Verb.RESUME: partial(_pause, verb),
        Verb.HELP: _help,
    }
    match verb:
        case Verb.SNOOZE:
            return parse_decisions.snooze(rest, reader.now, reader.zone)
        case Verb.LOG | Verb.FAILED:
            filters = reader.read([word for word in rest if not _is_share(word)])
            return filters if isinstance(filters, Problem) else Log(filters, _shared(rest))
        case Verb.RETRY:
            named = parse_decisions.retry_cause(rest)
            if named:
                return named
            wanted = numbers(rest, verb)
            return wanted if isinstance(wanted, Problem) else Retry(wanted)
        case _:
            return readers[verb](rest)


def numbers(
    given: Sequence[Word], verb: Verb, limit: int = MOST_NUMBERS
) -> tuple[str, ...] | Problem:
    """Return the numbers that `given` are, without repeats, or the first thing wrong with them."""
    found: list[str] = []
    for word in given:
        wanted = None if word.key else number(word.text)
        if wanted is None:
            return Problem(Wrong.NOT_A_NUMBER, _typed(word), verb=verb)
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


def _sync(rest: Sequence[Word]) -> Sync | Problem:
    named = [word for word in rest if word.key == ROUTE]
    given = [word for word in rest if word.key != ROUTE]
    if len(named) > 1:
        return Problem(Wrong.UNKNOWN_WORD, _typed(named[1]), verb=Verb.SYNC)
    route = named[0].text if named else None
    if not given:
        return Sync((), route)
    wanted = numbers(given, Verb.SYNC)
    return wanted if isinstance(wanted, Problem) else Sync(wanted, route)


def _backfill(rest: Sequence[Word]) -> Backfill | StopBackfill | Problem:
    stop = bool(rest) and rest[0].key is None and rest[0].text.casefold() == STOP
    wanted = Backfill()
    for word in rest[stop:]:
        read = _narrowed(wanted, word)
        if isinstance(read, Problem):
            return read
        wanted = read
    if not stop:
        return wanted
    if wanted.first or wanted.last:
        return Problem(Wrong.UNKNOWN_WORD, _typed(rest[-1]), verb=Verb.BACKFILL)
    return StopBackfill(wanted.route)


def _narrowed(wanted: Backfill, word: Word) -> Backfill | Problem:
    if word.key in {FilterName.FROM, FilterName.TO}:
        name = FilterName(word.key)
        day = day_of(word.text)
        if day is None:
            return Problem(Wrong.WRONG_VALUE, word.text, Verb.BACKFILL, name)
        first = name is FilterName.FROM
        return replace(wanted, first=day) if first else replace(wanted, last=day)
    if wanted.route is not None:
        return Problem(Wrong.UNKNOWN_WORD, _typed(word), verb=Verb.BACKFILL)
    return replace(wanted, route=word.text if word.key == ROUTE else _typed(word))


def day_of(text: str) -> date | None:
    """Return the day written 2026-10-09, in the digits and hyphens of any script, or None."""
    meant = "".join("-" if category(char) == "Pd" else char for char in digits(text))
    try:
        return date.fromisoformat(meant)
    except ValueError:
        return None


def _typed(word: Word) -> str:
    return f"{word.key}:{word.text}" if word.key else word.text


def _connect(rest: Sequence[Word]) -> Connect | Problem:
    known = tuple(TITLES)
    system = rest[0].text.casefold() if rest and rest[0].key is None else ""
    if system not in TITLES:
        near = nearest(system, known) if system else ()
        return Problem(Wrong.UNKNOWN_SYSTEM, system, verb=Verb.CONNECT, near=near, valid=known)
    if len(rest) == 1:
        return Connect(system)
    name = rest[1]
    if len(rest) > LONGEST_CONNECT or name.key or not CONNECTION_NAME.fullmatch(name.text):
        return Problem(Wrong.UNKNOWN_WORD, rest[-1].text, verb=Verb.CONNECT)
    return Connect(system, name.text)


def _pause(verb: Verb, rest: Sequence[Word]) -> Pause | Resume | Problem:
    if len(rest) > 1 or (rest and (rest[0].key or not CONNECTION_NAME.fullmatch(rest[0].text))):
        return Problem(Wrong.UNKNOWN_WORD, rest[-1].text, verb=verb)
    name = rest[0].text if rest else ""
    return Pause(name) if verb is Verb.PAUSE else Resume(name)


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
