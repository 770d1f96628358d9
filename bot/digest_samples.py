"""Sample values for what shows causes: the digest, the status card, the page of one cause."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.cause import cause_view
from bot.digest import digest_view
from bot.listing import Kept, Listed, as_json, chosen
from bot.status import status_view
from sync.causes import Age, Ageing, Cause, Checked, Deed, DeedKind, Shared, Verdict
from sync.errors import ErrorType
from sync.figures import Figures, Unread, Way
from sync.money import Money
from sync.outward import Digest
from sync.records import Actor, Hold, HoldKind, Sync
from sync.states import Status

NOW = datetime(2026, 10, 9, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SARA = Actor("U0SARA", "Sara")
SKU, MAIL = ErrorType.SKU_NOT_FOUND, ErrorType.CUSTOMER_EMAIL_MISSING


def a_cause(
    number: int = 1,
    error_type: ErrorType = SKU,
    key: str = "HONEY-500",
    count: int = 38,
    amount: str = "41250",
    **changes: Any,
) -> Cause:
    """Return an open cause that stops `count` documents over `amount` SAR."""
    sums = [Money.of(amount, "SAR")]
    known = Cause(
        id=number,
        lane="books",
        system="daftra",
        error_type=error_type,
        key=key,
        subject="",
        count=count,
        amounts=sums,
        releases=count,
        released=sums,
        retrying=0,
        oldest=NOW - 3 * DAY,
        first_seen=NOW - 4 * DAY,
        opened_at=NOW - 4 * DAY,
        closed_at=None,
        openings=1,
        checked=None,
        owner=None,
        snoozed_until=None,
        snoozed_at=0,
    )
    return replace(known, **changes)


def figures(causes: Sequence[Cause], **changes: Any) -> Figures:
    """Return figures with these causes."""
    at_risk = [Money.of("96310", "SAR"), Money.of("10", "USD")]
    buckets = {Age.DAY: "18200", Age.WEEK: "71900.5", Age.MONTH: "6000", Age.OLDER: "209.5"}
    ages = {age: [Money.of(amount, "SAR")] for age, amount in buckets.items()}
    ages[Age.DAY] = [*ages[Age.DAY], Money.of("10", "USD")]
    known = Figures(
        by_status=dict.fromkeys(Status, 12),
        retrying=4,
        waiting=2,
        synced_since=38,
        ageing=Ageing(sum(cause.count for cause in causes), at_risk, ages),
        causes=causes,
        oldest=NOW - 3 * DAY,
        resolved_since=26,
        routes=["shop:books"],
        ways=[Way("salla", "daftra", "Acme KSA")],
        new={cause.id: place for place, cause in enumerate(causes)},
    )
    return replace(known, **changes)


CALM = Figures({}, 0, 0, 0, Ageing(0, (), {}), ())
"""Nothing has failed, and nothing was ever synced."""

UNREAD = replace(
    CALM, unread=[Unread("shop", "salla", "Salla: The access token is expired", NOW - DAY)]
)
"""A source cannot be read."""

UNATTENDED = replace(CALM, unattended=True)
"""Lanes are handed out, and no worker runs."""

HELD = Hold("books", "books", "daftra", "401", NOW - DAY, 12, [Money.of("120", "SAR")])


def digest_of(lines: Sequence[Kept] = ()) -> Digest:
    """Return a digest that lists `lines`."""
    return Digest(1, "C1", date(2026, 10, 9), NOW - DAY, NOW, None, as_json(lines))


def listed_of(
    found: Figures,
    before: Sequence[Kept] = (),
    closed: Sequence[Cause] = (),
    standing: Mapping[int, Status] | None = None,
    menders: Mapping[int, Actor] | None = None,
) -> Listed:
    """Return what a digest that listed `before` lists of `found`; `closed` were causes once."""
    lines = chosen(found.causes, before, NOW)
    causes = {cause.id: cause for cause in (*found.causes, *closed)}
    return Listed(lines, causes, standing or {}, menders or {}, found.shared)


def digest_samples(rows: Sequence[Sync]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return samples by template; `rows` are documents of every kind."""
    pages = [{"view": cause_view(one, _deeds(), rows, NOW)} for one in _causes()]
    pages.append({"view": cause_view(a_cause(count=0), (), (), NOW)})
    cards = [(found, SARA.id) for found in _cases()] + [(_cases()[0], "")]
    return {
        "digest": _digests(),
        "status": [{"view": status_view(found, NOW, person)} for found, person in cards],
        "cause": pages,
        "cause_told": pages,
    }


_NEAR = (
    *(
        "honey-500",
        "HONEY-500 ",
        "HONEY-500\N{ZERO WIDTH SPACE}",
        "HONEY\N{NON-BREAKING HYPHEN}500",
    ),
    *("HONEY-٥٠٠", "H\N{CYRILLIC CAPITAL LETTER O}NEY-500", "honey-500 "),
)
"""A code for each way to come near to HONEY-500."""


def _causes() -> list[Cause]:
    """Return a cause of each type, and one in each of its states."""
    still = Checked(Verdict.STILL, "Daftra has no product HONEY-500", NOW)
    gone = Checked(Verdict.GONE, "Daftra has no objection any more", NOW)
    kinds = [a_cause(place, kind) for place, kind in enumerate(ErrorType, start=1)]
    return [
        *kinds,
        a_cause(101, openings=2, fixed_at=NOW - 9 * DAY, owner=SARA, checked=still, retrying=3),
        a_cause(102, ErrorType.TAX_NOT_MAPPED, "VAT:15", openings=2, checked=gone),
        a_cause(103, snoozed_until=NOW + DAY, snoozed_at=38, releases=0, released=()),
        a_cause(104, MAIL, "8807", 1, "0", amounts=(), releases=1, oldest=NOW),
        *(a_cause(110 + place, near=code) for place, code in enumerate(_NEAR)),
        a_cause(105, closed_at=NOW, count=0, amounts=()),
    ]


def _deeds() -> list[Deed]:
    kinds = [
        Deed(place, NOW - DAY, kind, SARA, 1, None, {}, 1, 26, 26)
        for place, kind in enumerate(DeedKind)
    ]
    return [replace(kinds[0], tried=0, synced=0), *kinds[8:12]]


def _cases() -> list[Figures]:
    every = _causes()
    small = [a_cause(200 + one, MAIL, f"c{one}", 1, "100") for one in range(11)]
    held = [replace(HELD, kind=kind) for kind in HoldKind]
    return [
        figures(every[-5:], holds=held, shared=Shared(7, HELD.amounts)),
        figures([*every[:2], *small], holds=[HELD], closed=every[:1], menders={1: SARA}),
        figures(every[:4], shared=Shared(1)),
        *(figures(every[place : place + 5]) for place in range(0, len(every), 5)),
        CALM,
        UNREAD,
        UNATTENDED,
        figures([], holds=[HELD], ways=[Way("hubspot", "quickbooks", "")] * 5),
    ]


def _digests() -> list[Mapping[str, Any]]:
    drawn = [_drawn(found, listed_of(found), NOW + DAY) for found in _cases()]
    kinds = _causes()[:5]
    ids = tuple(range(1, 39))
    before = [Kept((one.id,), ids, "Al-Noor & Sons") for one in kinds] + [Kept((7, 8), ids)]
    closed = [replace(one, closed_at=NOW, count=0) for one in (*kinds[:3], _causes()[6])]
    standing = {**dict.fromkeys(ids, Status.SUCCESS), **dict.fromkeys(ids[30:], Status.PENDING)}
    moving = [replace(one, count=0, amounts=()) for one in kinds[3:]]
    solved = listed_of(figures(moving), before, [*closed, _causes()[7]], standing, {1: SARA})
    return [*drawn, _drawn(figures(moving), solved, None)]


def _drawn(found: Figures, listed: Listed, next_at: datetime | None) -> Mapping[str, Any]:
    return {"view": digest_view(found, digest_of(), listed, now=NOW, next_at=next_at)}
