"""Sample values for every template: `app.py check` and the tests draw each with them.

Each template has at least one full and one bare sample, so that every branch is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.answers import RetriedView, brought_view, retried_view
from bot.backfill_samples import backfill_samples
from bot.bulk_samples import bulk_samples
from bot.causes_samples import causes_samples
from bot.channels import Audience
from bot.digest_samples import NOW as THEN
from bot.digest_samples import a_cause, digest_samples
from bot.document import document_view
from bot.document_samples import asked, chains, finished_samples, full, reopened_samples
from bot.fix_samples import fix_samples
from bot.holding_samples import holding_samples
from bot.log import log_view
from bot.notices import Why as Undelivered
from bot.permissions import Action, Why
from bot.precheck_samples import precheck_samples
from bot.problems import Problem, Wrong
from bot.rows import row_of
from bot.verbs import FilterName, Verb
from sync.consents import Connected
from sync.documents import Account, Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import (
    CHANGED,
    CREDIT_ON_INVOICE,
    ENGINE,
    LINKED,
    ROUNDED,
    Actor,
    Answer,
    Attempt,
    Blocker,
    Connection,
    Filters,
    Found,
    Numbered,
    Page,
    Retried,
    Sync,
    Trigger,
    WaitingFor,
)
from sync.states import Status
from sync.store import Trouble
from sync.stories import Story

Samples = Mapping[str, Sequence[Mapping[str, Any]]]

NOW = THEN
_DAY = timedelta(days=1)
_SARA = Actor("U0SARA", "Sara")

FAILED = Sync(
    id=7,
    route="shop:books",
    route_id=1,
    source_key="v1:salla:77:invoice:31",
    source_id="31",
    kind=Kind.INVOICE,
    order_id="o4043",
    order_number="4043",
    document_number="INV-1042",
    source_system="salla",
    destination_system="daftra",
    source_url="https://shop.example/orders/4043",
    lane="books",
    status=Status.FAILED,
    attempts=3,
    retries=2,
    failures=3,
    fence=3,
    sent_at=None,
    not_before=None,
    waiting_for=None,
    error_type=ErrorType.SKU_NOT_FOUND,
    cause_key="HONEY-500",
    reason="SKU HONEY-500 not found in Daftra, line 2 of 3",
    note=None,
    amount=Money.of("1085.50", "SAR"),
    customer="مؤسسة النخيل التجارية",
    destination_id=None,
    destination_number=None,
    destination_url=None,
    discovered_at=NOW - 3 * _DAY,
    attempted_at=NOW - timedelta(hours=1),
    finished_at=NOW - timedelta(hours=1),
)
"""A failed invoice with everything that can be said of it."""

SUCCESS = replace(
    FAILED,
    id=8,
    status=Status.SUCCESS,
    error_type=None,
    cause_key=None,
    reason=None,
    destination_id="45",
    destination_number="1045",
    destination_url="https://books.example/invoices/45",
)
PENDING = replace(FAILED, id=9, status=Status.PENDING, error_type=None, reason=None)
BARE = replace(
    PENDING,
    id=10,
    document_number=None,
    source_url=None,
    amount=None,
    customer=None,
    attempts=0,
    retries=0,
    failures=0,
    attempted_at=None,
    finished_at=None,
)
"""A document that was only just discovered."""

_REMARK = "QuickBooks says USD 115.00, HubSpot holds USD 115.01"
KINDS_OF_ROWS = (
    FAILED,
    SUCCESS,
    BARE,
    replace(SUCCESS, id=11, note=ErrorType.ALREADY_SYNCED.value),
    replace(SUCCESS, id=30, note=ErrorType.ALREADY_SYNCED.value, sent_at=NOW),
    replace(SUCCESS, id=12, kind=Kind.RETURN),
    *(
        replace(SUCCESS, id=31 + place, note=note, reason=_REMARK, source_system="quickbooks")
        for place, note in enumerate((CHANGED, ROUNDED, CREDIT_ON_INVOICE, LINKED))
    ),
    replace(FAILED, id=13, not_before=NOW, error_type=ErrorType.DESTINATION_DOWN),
    replace(BARE, id=14, status=Status.PROCESSING, attempted_at=NOW),
    replace(BARE, id=15, status=Status.SKIPPED),
    replace(PENDING, id=16, waiting_for=WaitingFor.ANSWER, not_before=NOW),
    replace(PENDING, id=17, waiting_for=WaitingFor.ANSWER),
    replace(PENDING, id=18, waiting_for=WaitingFor.PREREQUISITE, kind=Kind.RETURN),
    replace(PENDING, id=19, waiting_for=WaitingFor.CONNECTION),
    replace(PENDING, id=20, waiting_for=WaitingFor.BACKOFF, not_before=NOW),
)


def story(sync: Sync = FAILED) -> Story:
    """Return a sync with attempts, two blockers and everything odd."""
    attempts = [
        Attempt(1, Trigger.SWEEP, ENGINE, NOW - _DAY, NOW, "failed", sync.error_type, sync.reason),
        Attempt(2, Trigger.ENGINE, ENGINE, NOW - _DAY, NOW, "pending", None, None),
        Attempt(3, Trigger.PARENT, ENGINE, NOW - _DAY, NOW, "failed", None, None),
        Attempt(4, Trigger.PERSON, _SARA, NOW, None, None, None, None, asked(NOW), NOW),
    ]
    blockers = [Blocker(kind, "HONEY-500 ", "It stands in the way") for kind in ErrorType]
    codes = "blank_at_the_end invisible_character special_blank_or_hyphen look_alike_letter"
    odd = [f"{code}:HONEY-500 " for code in [*codes.split(), "other_digits", "very_long"]]
    return full(Story(sync, attempts, blockers, odd), a_cause(), NOW)


def samples() -> Samples:
    """Return, by template, the values that it is drawn with."""
    return {
        "log": _logs(),
        **digest_samples(KINDS_OF_ROWS),
        "digest_sent": [{}],
        "document": [{"view": document_view(one)} for one in _stories()],
        "story": [{"view": document_view(one)} for one in _stories()],
        "documents": [
            {"rows": [row_of(one) for one in KINDS_OF_ROWS], "count": 14, "more": True},
            {"rows": [row_of(FAILED)], "count": 1, "more": False},
        ],
        "reopened": [{"view": one} for one in reopened_samples(FAILED, NOW)],
        "retried": [{"view": one} for one in _retried()],
        "linking": _linking(),
        "finished": [{"view": one} for one in finished_samples(KINDS_OF_ROWS, a_cause())],
        "fetching": [{"count": count, "done": done} for count in (1, 3) for done in (None, 1)],
        **backfill_samples(NOW),
        **causes_samples(NOW),
        **fix_samples(NOW),
        **holding_samples(NOW),
        **precheck_samples(NOW),
        **bulk_samples(NOW),
        "brought": [{"view": brought_view(one)} for one in ([_FOUND], _NUMBERED)],
        "connect": [{"system": "hubspot", "name": "crm", "url": "https://invsync.example/oauth"}],
        "connected": [{"done": one, "system": "hubspot"} for one in _connected()],
        "refused": [
            {"action": action.value, "why": why.value, "ask": ask}
            for action in Action
            for why in Why
            for ask in ("@finance-ops", None)
        ],
        "wrong": [{"problem": problem} for problem in _problems()],
        "field": [{"problem": problem} for problem in _problems()],
        "help": [{"verb": verb, "verbs": list(Verb)} for verb in (None, *Verb)],
        **_troubles(),
    }


def _troubles() -> Samples:
    return {
        "trouble": [{"reference": "1f3c9a0b"}],
        "undelivered": [
            {"channel": "C0FINANCE", "why": why, "code": "is_archived", "is_digest": is_digest}
            for why in Undelivered
            for is_digest in (True, False)
        ],
        "undrawn": [
            {"channel": channel, "code": "invalid_blocks", "reference": "1f3c9a0b", "is_digest": it}
            for channel, it in (("C0FINANCE", True), ("C0FINANCE", False), (None, False))
        ],
        "unshared": [{"audience": one.value} for one in Audience if one is not Audience.OURS],
        "unstored": [{"trouble": trouble.value} for trouble in Trouble],
    }


def _logs() -> list[Mapping[str, Any]]:
    every = Filters(
        statuses=(Status.FAILED, Status.PENDING),
        kind=Kind.INVOICE,
        error_type=ErrorType.SKU_NOT_FOUND,
        cause_key="HONEY-500 ",
        source="shop",
        destination="books",
        since=NOW - _DAY,
        until=NOW,
        numbers=("1042",),
    )
    pages = [
        (Page(KINDS_OF_ROWS, "older", "newer"), every),
        (Page([FAILED] * 20, "older", None), Filters()),
        (Page((), None, None), Filters()),
        (Page((), None, None), every),
        (Page((), None, "newer"), Filters()),
    ]
    drawn = [log_view(page, filters, None, may_act=True) for page, filters in pages]
    return [{"view": view} for view in (*drawn, replace(drawn[0], may_act=False))]


def _stories() -> list[Story]:
    stories = [story(one) for one in KINDS_OF_ROWS]
    long = replace(FAILED, reason="Line 2 was refused. " * 200)
    calm = [Story(one, (), ()) for one in (FAILED, BARE, long)]
    silent = replace(stories[0].attempts[3].exchanges[0], status=None, response="")
    ended = replace(stories[0].attempts[3], number=14, exchanges=[silent])
    many = [replace(stories[0].attempts[0], number=one) for one in range(1, 14)]
    calm += chains(FAILED, NOW)
    return [*stories, *calm, replace(stories[0], attempts=[*many, ended], oddities=())]


def _retried() -> list[RetriedView]:
    answers = [
        (FAILED.number, Retried(answer, sync, first, again))
        for answer in Answer
        for sync in (SUCCESS, replace(BARE, attempted_at=NOW))
        for first, again in ((_SARA, False), (_SARA, True), (None, False))
    ]
    lost = [("9999", Retried(Answer.NOT_FOUND, None))]
    alone = [retried_view([one], NOW + _DAY) for one in answers]
    return [retried_view([*answers, *lost], NOW), *alone]


def _connected() -> list[Connected]:
    crm = Connection(1, "hubspot", "crm", "https://api.hubapi.com", None, None, "62515", "Acme")
    native = Account("62515", "Acme", "USD", ("HubSpot's own QuickBooks sync seems to be on.",))
    return [Connected(crm, native, _SARA, 312), Connected(crm, Account("62515", "Acme"), _SARA, 0)]


_FOUND = Numbered("4043", Found.FOUND, KINDS_OF_ROWS)
_NUMBERED = [
    _FOUND,
    Numbered("4044", Found.NOT_FOUND),
    Numbered("4045", Found.NOT_READY, (), "in_progress"),
    Numbered("4046", Found.NOT_READY),
    Numbered("4049", Found.COPIED),
    Numbered("4047", Found.TROUBLE, (), "Salla answered 503"),
    Numbered("4048", Found.TROUBLE),
]


def _linking() -> list[Mapping[str, Any]]:
    return [
        {"row": row_of(one), "named": "1045", "sure": sure}
        for one in (FAILED, BARE)
        for sure in (False, True)
    ]


def _problems() -> list[Problem]:
    near = (Verb.RETRY, Verb.LOG)
    plain = [
        Problem(wrong, "1042", verb=verb, near=near, valid=tuple(FilterName), limit=limit)
        for place, wrong in enumerate(Wrong)
        for verb in (tuple(Verb) if place == 0 else tuple(Verb)[place % 3 :: 7])
        for limit in ((1, 100) if wrong is Wrong.TOO_MANY else (1,))
        if wrong is not Wrong.WRONG_VALUE
    ]
    valued = [
        Problem(Wrong.WRONG_VALUE, given, Verb.LOG, name, (), valid)
        for name in FilterName
        for given in ("banana", "")
        for valid in ((), ("invoice", "return"))
    ]
    return [*plain, *valued]
