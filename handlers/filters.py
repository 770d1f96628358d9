"""The filters of the log: `status:failed type:return since:7d "HONEY-500"`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.problems import Problem, Wrong
from bot.verbs import FilterName, Verb
from handlers.words import Word, digits, nearest, number, unique
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import Filters
from sync.states import Status

MOST_NUMBERS = 20
"""How many numbers one page of the log is filtered by."""

LONGEST_CAUSE = 200
_SPAN = re.compile(r"(\d{1,4})\s?([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class _WrongValueError(Exception):
    """The filter does not take this value; `valid` lists what it takes, where that is a list."""

    def __init__(self, *valid: str) -> None:
        super().__init__(valid)
        self.valid = valid


class FilterReader:
    """Reads filters for one verb, at one moment, in the zone whose days people mean."""

    def __init__(self, verb: Verb, now: datetime | None = None, zone: tzinfo = UTC) -> None:
        self._verb = verb
        self.now = now or datetime.now(UTC)
        self.zone = zone

    def read(self, words: Sequence[Word]) -> Filters | Problem:
        """Return the filters that `words` are, or what is wrong with the first that is not one."""
        filters = Filters(statuses=(Status.FAILED,) if self._verb is Verb.FAILED else ())
        for word in words:
            read = self._named(filters, word) if word.key else self._bare(filters, word)
            if isinstance(read, Problem):
                return read
            filters = read
        if len(filters.numbers) > MOST_NUMBERS:
            return Problem(Wrong.TOO_MANY, verb=self._verb, limit=MOST_NUMBERS)
        return filters

    def valid(self) -> tuple[FilterName, ...]:
        """Return the filters that the verb takes."""
        fixed = {FilterName.STATUS} if self._verb is Verb.FAILED else set()
        return tuple(name for name in FilterName if name not in fixed)

    def _bare(self, filters: Filters, word: Word) -> Filters | Problem:
        wanted = number(word.text)
        if wanted:
            return replace(filters, numbers=unique([*filters.numbers, wanted]))
        near = nearest(word.text, self.valid())
        return Problem(
            Wrong.UNKNOWN_WORD, word.text, verb=self._verb, near=near, valid=self.valid()
        )

    def _named(self, filters: Filters, word: Word) -> Filters | Problem:
        if word.key not in self.valid():
            key = word.key or ""
            near = nearest(key, self.valid())
            return Problem(
                Wrong.UNKNOWN_FILTER, key, verb=self._verb, near=near, valid=self.valid()
            )
        name = FilterName(word.key)
        if not word.text:
            return Problem(Wrong.WRONG_VALUE, verb=self._verb, filter=name)
        try:
            return self._narrowed(filters, name, word.text)
        except _WrongValueError as error:
            near = nearest(word.text, error.valid) if error.valid else ()
            return Problem(Wrong.WRONG_VALUE, word.text, self._verb, name, near, error.valid)

    def _narrowed(self, filters: Filters, name: FilterName, text: str) -> Filters:
        match name:
            case FilterName.STATUS:
                statuses = (*filters.statuses, *_statuses(text))
                return replace(filters, statuses=tuple(dict.fromkeys(statuses)))
            case FilterName.TYPE:
                return replace(filters, kind=_kind(text))
            case FilterName.ERROR:
                return replace(filters, error_type=_error_type(text))
            case FilterName.CAUSE:
                return _caused(filters, text)
            case FilterName.SOURCE:
                return replace(filters, source=text)
            case FilterName.DEST:
                return replace(filters, destination=text)
            case FilterName.SINCE:
                return replace(filters, since=self._since(text))
            case FilterName.FROM:
                return replace(filters, since=self._start_of(_day(text)))
            case FilterName.TO:
                return replace(filters, until=self._start_of(_day(text) + timedelta(days=1)))

    def _since(self, text: str) -> datetime:
        meant = digits(text).casefold()
        today = self.now.astimezone(self.zone).date()
        if meant == "today":
            return self._start_of(today)
        if meant == "yesterday":
            return self._start_of(today - timedelta(days=1))
        span = _SPAN.fullmatch(meant)
        if span:
            return self.now - int(span[1]) * _UNITS[span[2]]
        return self._start_of(_day(text))

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def _statuses(text: str) -> list[Status]:
    known = [status.value for status in Status]
    given = [part for part in re.split(r"[,،|]", text.casefold()) if part]
    if not given or not set(given) <= set(known):
        raise _WrongValueError(*known)
    return [Status(part) for part in given]


def _kind(text: str) -> Kind:
    try:
        return Kind(text.casefold().removesuffix("s"))
    except ValueError:
        raise _WrongValueError(*(kind.value for kind in Kind)) from None


def _error_type(text: str) -> ErrorType:
    try:
        return ErrorType(re.sub(r"[\s-]+", "_", text.strip().casefold()))
    except ValueError:
        raise _WrongValueError(*(one.value for one in ErrorType)) from None


def _caused(filters: Filters, text: str) -> Filters:
    """Narrow to an error type where `text` names one, else to exactly this cause key."""
    if not text or len(text) > LONGEST_CAUSE:
        raise _WrongValueError
    try:
        return replace(filters, error_type=_error_type(text))
    except _WrongValueError:
        return replace(filters, cause_key=text)


def _day(text: str) -> date:
    """Return the day written 2026-10-09. Days nobody can mean are wrong too."""
    try:
        day = date.fromisoformat(digits(text))
    except ValueError:
        raise _WrongValueError from None
    if not date(2000, 1, 1) <= day <= date(2999, 12, 30):
        raise _WrongValueError
    return day
