"""What was typed about causes: which ones to list, and what to do about one of them.

A cause is named by its number or by its key, a document by its number. What a name stands for now
is looked up when the command is answered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.causes import NOBODY, Wanted
from bot.problems import Problem, Wrong
from bot.verbs import SHARE, CauseFilter, Verb
from handlers.words import Word, digits, nearest
from sync.errors import ErrorType

ME = "me"
LONGEST_KEY, LONGEST_ID = 200, 18
_USER = re.compile(r"@([UW][A-Z0-9]{2,20})")


@dataclass(frozen=True, slots=True)
class Causes:
    """The list of causes; an owner `me` is whoever typed it."""

    wanted: Wanted = field(default_factory=Wanted)
    share: bool = False


def causes(rest: Sequence[Word]) -> Causes | Problem:
    """Return the list that is asked for, or what is wrong with the first filter that is none."""
    asked = Causes()
    for word in rest:
        if word.key is None and word.text.casefold() == SHARE:
            asked = replace(asked, share=True)
            continue
        wanted = _narrowed(asked.wanted, word)
        if isinstance(wanted, Problem):
            return wanted
        asked = replace(asked, wanted=wanted)
    return asked


def _narrowed(wanted: Wanted, word: Word) -> Wanted | Problem:
    valid = tuple(one.value for one in CauseFilter)
    if word.key is None:
        owner = owner_of(word.text)
        return replace(wanted, owner=owner) if owner else _caused(wanted, word.text)
    if word.key not in valid:
        near = nearest(word.key, valid)
        return Problem(Wrong.UNKNOWN_FILTER, word.key, verb=Verb.CAUSES, near=near, valid=valid)
    wrong = Problem(Wrong.UNKNOWN_WORD, f"{word.key}:{word.text}", verb=Verb.CAUSES)
    if not word.text or len(word.text) > LONGEST_KEY:
        return wrong
    match CauseFilter(word.key):
        case CauseFilter.CAUSE:
            return _caused(wanted, word.text)
        case CauseFilter.SKU:
            return replace(wanted, key=word.text)
        case CauseFilter.DEST:
            return replace(wanted, destination=word.text)
        case CauseFilter.OWNER:
            owner = owner_of(word.text)
            nobody = Problem(Wrong.NO_PERSON, word.text, verb=Verb.CAUSES)
            return replace(wanted, owner=owner) if owner else nobody
        case CauseFilter.ERROR:
            named = _error_type(word.text)
            return replace(wanted, error_type=named) if named else wrong


def _caused(wanted: Wanted, text: str) -> Wanted:
    """Narrow to the error type that `text` names, else to the key or number of a cause."""
    named = _error_type(text)
    if named:
        return replace(wanted, error_type=named)
    number = cause_number(text)
    return replace(wanted, key=text if number is None else str(number))


def _error_type(text: str) -> ErrorType | None:
    code = re.sub(r"[\s-]+", "_", text.strip().casefold())
    return ErrorType(code) if code in set(ErrorType) else None


def cause_number(text: str) -> int | None:
    """Return the number of a cause (`#7`, in the digits of any script), or None."""
    meant = digits(text).strip().lstrip("#")
    return int(meant) if meant.isascii() and meant.isdigit() and len(meant) <= LONGEST_ID else None


def owner_of(text: str) -> str | None:
    """Return the Slack user id of a mention, `me` or `nobody`, or None where it is neither."""
    mention = _USER.fullmatch(text)
    if mention:
        return mention[1]
    word = text.casefold().lstrip("@")
    return word if word in {ME, NOBODY} else None
