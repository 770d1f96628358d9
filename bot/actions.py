"""Buttons and what they carry: ids are ours for good, values are opaque to whoever holds them.

A value says which row or which page, never what is allowed or how things stand: rights and state
are read again at each press. What cannot be read raises BadValue, which carries a Problem.
"""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.problems import Problem, Wrong
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import Filters
from sync.states import Status

LONGEST_VALUE = 2000
"""What Slack takes as a button's value, in characters."""

_SEPARATOR = "."
_LONGEST_ID = 18


class ActionId(StrEnum):
    """What a button asks for; in one block several of a kind are told apart by a suffix."""

    RETRY = "retry"
    """Value: the sync's id, in a log with the page that it stands in."""

    VIEW = "view"
    """Value: the sync's id."""

    LOG_NEWER = "log_newer"
    """Value: filters and cursor of the page to show instead."""

    LOG_OLDER = "log_older"
    """Value: filters and cursor of the page to show instead."""

    LOG_REFRESH = "log_refresh"
    """Value: filters and cursor of the page that is shown."""

    SHOW_ALL = "show_all"
    """Value: filters of the log to show."""

    RECONNECT = "reconnect"
    """Value: the name of the connection that was refused."""

    RESUME = "resume"
    """Value: the name of the connection that somebody paused."""

    STOP = "stop"
    """Value: the backfill's id."""

    FIX = "fix"
    """Value: the id of the cause whose fix is wanted, in a document with that of its sync."""

    CHECK = "check"
    """Value: the id of the cause whose documents are to be retried, once it is gone."""

    CHECK_ANYWAY = "check_anyway"
    """Value: the same, although the cause was still there."""

    LINK_ANYWAY = "link_anyway"
    """Value: cause, sync, the document of the books, and what of it was shown to differ."""

    REOPEN = "reopen"
    """Value: the id of the skipped sync that is to be sent after all."""

    BULK_STOP = "bulk_stop"
    """Value: the bulk retry's id."""

    BULK_APPROVE = "bulk_approve"
    """Value: the bulk retry's id, which a second person approves."""

    BULK_FAILED = "bulk_failed"
    """Value: the id of the bulk retry whose failed documents are to be shown."""

    CAUSE = "cause"
    """Value: the id of the cause to look at."""

    CAUSE_MENU = "cause_menu"
    """Value of the chosen option: what to do (assign, snooze, skip), a colon, the cause's id."""

    SUGGEST = "record"
    """Not pressed: the search for a record of the destination, in a form."""

    SUGGEST_ACCOUNT = "account"
    """Not pressed: the search for the income account of a new product, in a form."""

    SUGGEST_PERSON = "owner"
    """Not pressed: the search for a person, in a form."""

    CAUSES_PAGE = "causes_page"
    """Value: which page of the list of causes to show instead."""

    SHOW_CAUSES = "show_causes"
    """The same, shown beside the message to whoever pressed."""

    PRECHECK_PAGE = "precheck_page"
    """Value: the precheck's id and the first of its goods to show instead."""

    PRECHECK_SHOW = "precheck_show"
    """The same, shown beside the message to whoever pressed."""

    PRECHECK_STOP = "precheck_stop"
    """Value: the precheck's id."""

    PRECHECK_CREATE = "precheck_create"
    """Value: the id of the precheck whose missing goods are to be created."""

    OPEN_LINK = "open_link"
    """A button that opens an address: nothing to do but acknowledge."""


class CallbackId(StrEnum):
    """Which modal a submission comes from."""

    DOCUMENT = "document"
    SYNC = "sync"
    BACKFILL = "backfill"
    FIX_EMAIL = "fix_email"
    FIX_PRODUCT = "fix_product"
    FIX_RECORD = "fix_record"
    FIX_LINK = "fix_link"
    FIX_TOLD = "fix_told"
    SKIP = "skip"
    ASSIGN = "assign"
    SNOOZE = "snooze"


MENU = frozenset({CallbackId.ASSIGN, CallbackId.SNOOZE, CallbackId.SKIP})
"""What a cause's menu offers."""


class BadValue(ValueError):
    """A button's value that is not ours."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self.problem = Problem(Wrong.OLD_PAGE, given[:40])


def numbered(action: ActionId, place: int) -> str:
    """Return the action id of the button at `place` among several of a kind in one block."""
    return f"{action}{_SEPARATOR}{place}"


def action_of(action_id: str) -> ActionId | None:
    """Return what a pressed button asks for, or None where the id is not ours."""
    try:
        return ActionId(action_id.partition(_SEPARATOR)[0])
    except ValueError:
        return None


def sync_value(sync_id: int, page: str = "") -> str:
    """Return the value of a Retry or View button; `page` is that of the log it stands in.

    Slack does not say in which ephemeral message a button was pressed, so the button knows.
    """
    both = f"{sync_id} {page}"
    return both if page and len(both) <= LONGEST_VALUE else str(sync_id)


def page_in(value: str | None) -> str:
    """Return the page's value in a Retry or View button's, or nothing. Raises BadValue."""
    page = (value or "").partition(" ")[2]
    if page:
        page_of(page)
    return page


def sync_of(value: str | None) -> int:
    """Return the sync that a Retry or View button is about. Raises BadValue."""
    return id_of((value or "").partition(" ")[0])


def fix_value(cause_id: int, sync_id: int | None = None) -> str:
    """Return the value of a Fix button; `sync_id` is the document's that it stands in."""
    return str(cause_id) if sync_id is None else f"{cause_id} {sync_id}"


def cause_of(value: str | None) -> tuple[int, int | None]:
    """Return the cause that a Fix button is about and, in a document, its sync. Raises BadValue."""
    cause, *more = re.split(r"[ :]", value or "", maxsplit=1)
    return id_of(cause), id_of(more[0]) if more else None


def anyway_value(cause_id: int, sync_id: int, document: str, seen: str) -> str:
    """Return the value of the button that links two documents although they differ."""
    return json.dumps([cause_id, sync_id, document, seen])


def anyway_of(value: str | None) -> tuple[int, int, str, str]:
    """Return cause, sync, document and what was seen to differ. Raises BadValue."""
    try:
        cause_id, sync_id, document, seen = json.loads(value or "")
        return id_of(str(cause_id)), id_of(str(sync_id)), str(document), str(seen)
    except (ValueError, TypeError):
        raise BadValue(value or "") from None


def menu_of(value: str | None) -> tuple[CallbackId, int, int | None]:
    """Return what was chosen in a cause's menu (`assign:12`), its cause, perhaps its sync.

    Raises BadValue.
    """
    what, _, cause = (value or "").partition(":")
    if what not in MENU:
        raise BadValue(value or "")
    return CallbackId(what), *cause_of(cause)


def id_of(value: str | None) -> int:
    """Return the id that a value is. Raises BadValue."""
    text = value or ""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise BadValue(text)
    return int(text)


def page_value(filters: Filters, cursor: str | None = None) -> str:
    """Return the value of a button that leads to a page of the log, at most 2,000 characters."""
    kept: dict[str, Any] = {
        "s": [status.value for status in filters.statuses],
        "k": filters.kind,
        "e": filters.error_type,
        "c": filters.cause_key,
        "o": filters.source,
        "d": filters.destination,
        "f": filters.since.isoformat() if filters.since else None,
        "t": filters.until.isoformat() if filters.until else None,
        "n": list(filters.numbers),
        "b": filters.bulk,
        "p": cursor,
    }
    filled = {name: value for name, value in kept.items() if value}
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":"))


def page_of(value: str | None) -> tuple[Filters, str | None]:
    """Return filters and cursor of the page that a button leads to. Raises BadValue."""
    text = value or ""
    try:
        kept = json.loads(text)
        return _filters(kept), _text(kept, "p")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadValue(text) from None


def _filters(kept: dict[str, Any]) -> Filters:
    return Filters(
        statuses=tuple(Status(status) for status in kept.get("s", ())),
        kind=Kind(kept["k"]) if "k" in kept else None,
        error_type=ErrorType(kept["e"]) if "e" in kept else None,
        cause_key=_text(kept, "c"),
        source=_text(kept, "o"),
        destination=_text(kept, "d"),
        since=_instant(kept, "f"),
        until=_instant(kept, "t"),
        numbers=tuple(str(number) for number in kept.get("n", ())),
        bulk=id_of(str(kept["b"])) if "b" in kept else None,
    )


def _text(kept: dict[str, Any], name: str) -> str | None:
    value = kept.get(name)
    return None if value is None else str(value)


def _instant(kept: dict[str, Any], name: str) -> datetime | None:
    text = _text(kept, name)
    moment = datetime.fromisoformat(text) if text else None
    if moment and moment.tzinfo is None:
        raise ValueError(text)
    return moment
