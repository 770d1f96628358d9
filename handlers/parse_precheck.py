"""What was typed after `precheck`: a route, or that its precheck ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.problems import Problem, Wrong
from bot.verbs import ROUTE, STOP, Verb
from handlers.words import Word


@dataclass(frozen=True, slots=True)
class Precheck:
    """Look for the goods of a route's source in its destination; no route: the only one."""

    route: str | None = None


@dataclass(frozen=True, slots=True)
class StopPrecheck:
    """Let the precheck of a route end, or that of the only one."""

    route: str | None = None


def precheck(rest: Sequence[Word]) -> Precheck | StopPrecheck | Problem:
    """Return which route is meant, and whether its precheck is to end."""
    stop = bool(rest) and rest[0].key is None and rest[0].text.casefold() == STOP
    named = rest[stop:]
    if len(named) > 1:
        return Problem(Wrong.UNKNOWN_WORD, _typed(named[1]), verb=Verb.PRECHECK)
    route = None
    if named:  # shop:books reads like a filter
        route = named[0].text if named[0].key == ROUTE else _typed(named[0])
    return StopPrecheck(route) if stop else Precheck(route)


def _typed(word: Word) -> str:
    return f"{word.key}:{word.text}" if word.key else word.text
