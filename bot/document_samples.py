"""Sample values for View: causes in each of their states, and the documents of the same order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.answers import FinishedView, finished_view
from bot.reopened import ReopenedView, reopened_view
from sync.causes import Cause, Checked, Deed, DeedKind, Verdict
from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor, Exchange, Sync, WaitingFor
from sync.states import Status
from sync.stories import Story

_LAYLA = Actor("U0LAYLA", "Layla")


def full(story: Story, cause: Cause, now: datetime) -> Story:
    """Return the story with a cause for each blocker, its order's documents, and its evidence."""
    causes = {
        place: replace(_standing(cause, place, now), id=place, error_type=one.error_type)
        for place, one in enumerate(story.blockers, 1)
    }
    fixes = {place: _fix(one, place, now) for place, one in causes.items() if place % 2}
    blockers = [replace(one, cause_id=place) for place, one in enumerate(story.blockers, 1)]
    waiting = replace(
        story.sync,
        id=story.sync.id + 500,
        kind=Kind.RETURN,
        document_number="CN-7",
        status=Status.PENDING,
        waiting_for=WaitingFor.PREREQUISITE,
    )
    return replace(
        story,
        blockers=blockers,
        causes=causes,
        fixes=fixes,
        returns=[waiting, replace(waiting, id=waiting.id + 1, waiting_for=None)],
        payload_hash="3f9a1c2b4d5e" * 5,
        usual=Money.of("95", "SAR"),
    )


def asked(now: datetime) -> list[Exchange]:
    """Return the exchanges of an attempt that went through every step."""
    last = Exchange(
        at=now,
        system="daftra",
        method="GET",
        url="https://books.example/api2/products",
        status=404,
        request='{"sku":"HONEY-500"}',
        response='{"code":404}',
        milliseconds=231,
        request_id="req-7f3c",
    )
    read = replace(last, system="salla", status=200, url="https://shop.example/orders/31")
    found = replace(last, status=200)
    return [read, found, replace(found, method="POST"), last]


def odd_amounts() -> list[str]:
    """Return a code for each kind of odd amount."""
    kinds = ("negative_amount", "zero_amount", "unusual_amount", "too_many_decimals")
    return [f"{kind}:SAR 1085.50" for kind in kinds]


def chains(sale: Sync, now: datetime) -> list[Story]:
    """Return returns with and without their sale, sent and not."""
    waiting = replace(
        sale, kind=Kind.RETURN, status=Status.PENDING, waiting_for=WaitingFor.PREREQUISITE
    )
    sent = replace(sale, kind=Kind.RETURN, sent_at=now)
    stories = [
        Story(waiting, (), ()),
        Story(waiting, (), (), sale=sale),
        Story(sent, (), (), odd_amounts(), sale=replace(sale, reason=None), payload_hash="3f9a"),
        Story(replace(sent, status=Status.SUCCESS), (), (), odd_amounts()),
    ]
    return [*stories, replace(stories[2], sync=replace(sent, sent_at=None))]


def finished_samples(syncs: Sequence[Sync], cause: Cause) -> list[FinishedView]:
    """Return how each of these ended, with and without what stops it."""
    kinds = (ErrorType.SKU_NOT_FOUND, ErrorType.CUSTOMER_EMAIL_MISSING, ErrorType.UNKNOWN)
    stops = [replace(cause, id=place, error_type=kind) for place, kind in enumerate(kinds, 1)]
    views = [
        finished_view(sync, found)
        for sync in syncs
        for found in ((), stops[:1], stops, stops[1:], stops[2:])
    ]
    return [*views, *(finished_view(sync, stops[:1], retrying=True) for sync in syncs)]


def reopened_samples(sync: Sync, now: datetime) -> list[ReopenedView]:
    """Return every answer to a press on Reopen, with the document in each state."""
    first = Deed(1, now, DeedKind.REOPEN, _LAYLA, None, sync.id, {})
    rows = [replace(sync, status=status) for status in Status]
    rows.append(replace(sync, status=Status.PENDING, waiting_for=WaitingFor.CONNECTION))
    return [
        reopened_view(row, by, deed, done=done)
        for row in rows
        for by, deed, done in (
            ("U0SARA", None, True),
            ("U0SARA", None, False),
            ("U0SARA", first, False),
            (_LAYLA.id, first, False),
        )
    ]


def _standing(cause: Cause, place: int, now: datetime) -> Cause:
    verdict = list(Verdict)[place % 3]
    return replace(
        cause,
        checked=Checked(verdict, "Daftra has no product HONEY-500", now) if place % 4 else None,
        owner=_LAYLA if place % 2 else None,
        openings=1 + place % 2,
        snoozed_until=now + timedelta(days=1) if place % 5 == 0 else None,
        count=1 + place % 3,
    )


def _fix(cause: Cause, place: int, now: datetime) -> Deed:
    before = cause.opened_at - timedelta(days=30)
    at = now if place % 3 == 0 else before
    tried = 26 if place % 4 == 1 else 0
    return Deed(1, at, DeedKind.EMAIL, _LAYLA, cause.id, None, {}, tried=tried, synced=tried)
