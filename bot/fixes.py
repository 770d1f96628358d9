"""What the forms of fixes show, and what they tell when they are done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from bot.actions import MENU, CallbackId, anyway_value, fix_value
from bot.rows import Who, who_of
from sync.causes import Cause, Deed, DeedKind, Verdict
from sync.comparing import Pair
from sync.connectors.base import Choice
from sync.errors import ErrorType
from sync.mending import Done, NotDone
from sync.money import Money
from sync.nearness import Near, Nearness
from sync.records import Sync

MOST_DOCUMENTS = 20
MOST_AMOUNTS = 4
MORNING = time(9)

FORMS: Mapping[DeedKind, CallbackId] = {
    DeedKind.EMAIL: CallbackId.FIX_EMAIL,
    DeedKind.EMAIL_HERE: CallbackId.FIX_EMAIL,
    DeedKind.MAP_PRODUCT: CallbackId.FIX_PRODUCT,
    DeedKind.CREATE_PRODUCT: CallbackId.FIX_PRODUCT,
    DeedKind.MAP_TAX: CallbackId.FIX_RECORD,
    DeedKind.MAP_ACCOUNT: CallbackId.FIX_RECORD,
    DeedKind.LINK: CallbackId.FIX_LINK,
}
"""Which form a deed is asked for with."""


DRAWN: Mapping[str, str] = {
    **{form.value: form.value for form in FORMS.values()},
    **{one.value: f"fix_{one.value}" for one in MENU},
}
"""Which template a form is drawn with."""


class Bulked(StrEnum):
    """What came of the retry that was to follow a fix."""

    NOT_ASKED = "not_asked"
    BEGUN = "begun"
    ASKED = "asked"
    """It is so large that a second person approves it first."""

    RUNNING = "running"
    """Another one was begun before."""

    NOTHING = "nothing"
    STILL = "still"
    """Nothing was begun, for the cause is still there."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Another cause that stops `count` of the documents as well."""

    error_type: ErrorType
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class Before:
    """What was done about this cause last, and what came of it."""

    kind: DeedKind
    who: Who
    at: datetime
    tried: int
    synced: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document to choose from."""

    id: int
    number: str
    amount: Money | None


@dataclass(frozen=True, slots=True)
class FixView:
    """What a form shows about its cause; times are aware UTC."""

    cause_id: int
    error_type: ErrorType
    key: str
    system: str
    source: str
    count: int
    amounts: Sequence[Money]
    releases: int
    released: Sequence[Money]
    beside: Sequence[Beside]
    before: Before | None
    offers: Sequence[DeedKind]
    documents: Sequence[Document]
    chosen: int | None
    """The document that the form was opened for, where it was opened for one."""

    only: Document | None
    """That document, where the form decides about it alone."""

    currency: str
    before_chosen: str
    """What a person chose before to stand for the key, or nothing: it did not hold."""

    account: str | None
    """The income account that was chosen for new products; None where they have none there."""

    owner: Who | None
    snoozed_until: datetime | None
    ask: str | None
    """The handle of those who may."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Two documents side by side; `value` is what the button carries that links them anyway."""

    called: str
    customer: str
    named: str
    url: str
    pairs: Sequence[Pair]
    value: str | None


@dataclass(frozen=True, slots=True)
class ToldView:
    """What came of a form: done, or `why` not."""

    cause_id: int | None
    error_type: ErrorType | None
    key: str
    system: str
    source: str
    count: int
    """How many documents its cause stops now."""

    amounts: Sequence[Money]
    kind: DeedKind
    what: str
    decided: int
    """How many documents were decided about."""

    until: datetime | None
    why: str | None
    said: str
    verdict: Verdict | None
    verdict_reason: str
    bulked: Bulked
    can_fix: bool
    compare: Compare | None = None
    direct: bool = False
    """Whether the retry that follows is shown to who asked for it alone, in a direct message."""

    again: str | None = None
    """The value of the button to the form that asks for it again; None where there is none."""

    number: str = ""
    """The number of the one document that it was about, where it was about one."""

    @property
    def closed(self) -> bool:
        """Whether nothing is stopped by the cause any more."""
        return self.count == 0


def fix_view(
    cause: Cause,
    *,
    offers: Sequence[DeedKind],
    beside: Sequence[tuple[Cause, int]],
    before: Deed | None,
    stopped: Sequence[Sync],
    chosen: int | None,
    ask: str | None,
    account: str | None = None,
    before_chosen: str = "",
) -> FixView:
    """Return what a form about `cause` shows; `stopped` are the newest of its documents."""
    documents = [Document(one.id, one.number, one.amount) for one in stopped[:MOST_DOCUMENTS]]
    return FixView(
        cause_id=cause.id,
        error_type=cause.error_type,
        key=cause.key,
        system=cause.system,
        source=stopped[0].source_system if stopped else "",
        count=cause.count + cause.retrying,
        amounts=cause.amounts[:MOST_AMOUNTS],
        releases=cause.releases,
        released=cause.released[:MOST_AMOUNTS],
        beside=[Beside(one.error_type, one.key, count) for one, count in beside],
        before=_before(before),
        offers=offers,
        documents=documents,
        chosen=chosen,
        only=next((one for one in documents if one.id == chosen), None),
        currency=cause.amounts[0].currency if cause.amounts else "",
        before_chosen=before_chosen,
        account=account,
        owner=who_of(cause.owner) if cause.owner else None,
        snoozed_until=cause.snoozed_until,
        ask=ask,
    )


def told_view(
    kind: DeedKind,
    came: Done | NotDone | str,
    cause: Cause | None,
    source: str = "",
    bulked: Bulked = Bulked.NOT_ASKED,
    *,
    direct: bool = False,
    sync: Sync | None = None,
    offers: Sequence[DeedKind] = (),
) -> ToldView:
    """Return what is told of a deed; `came` may be a reason of the surface's own.

    `sync` is the one document that it was about, `offers` what would mend its cause.
    """
    done = came if isinstance(came, Done) else None
    checked = done.checked if done else None
    return ToldView(
        cause_id=cause.id if cause else None,
        error_type=cause.error_type if cause else None,
        key=cause.key if cause else "",
        system=cause.system if cause else "",
        source=source,
        count=cause.count + cause.retrying if cause and cause.open else 0,
        amounts=cause.amounts[:MOST_AMOUNTS] if cause else (),
        kind=kind,
        what=done.what if done else "",
        decided=done.count if done else 0,
        until=cause.snoozed_until if cause else None,
        why=_why(came),
        said=came.said if isinstance(came, NotDone) else "",
        verdict=checked.verdict if checked else None,
        verdict_reason=checked.reason if checked else "",
        bulked=bulked,
        can_fix=bool(cause and cause.open) and kind not in {DeedKind.ASSIGN, DeedKind.SNOOZE},
        compare=_compare(came, cause) if isinstance(came, NotDone) else None,
        direct=direct,
        again=_again(kind, cause, sync, offers),
        number=sync.number if sync else "",
    )


def form_of(offers: Sequence[DeedKind]) -> CallbackId | None:
    """Return the form that mends a cause for which this is offered, or None."""
    return next((FORMS[one] for one in offers if one in FORMS), None)


def _again(
    kind: DeedKind, cause: Cause | None, sync: Sync | None, offers: Sequence[DeedKind]
) -> str | None:
    """Any document can be linked by a command; the form of its cause may be about another deed."""
    links = form_of(offers) is CallbackId.FIX_LINK
    if cause is None or (kind is DeedKind.LINK and not links):
        return None
    return fix_value(cause.id, sync.id if sync else None)


def _why(came: Done | NotDone | str) -> str | None:
    if isinstance(came, NotDone):
        return came.why.value
    return came if isinstance(came, str) else None


def _compare(not_done: NotDone, cause: Cause | None) -> Compare | None:
    both = not_done.compared
    if both is None:
        return None
    booked, value = both.booked, None
    if cause and not both.refused:
        value = anyway_value(cause.id, both.sync_id, booked.id, both.seen)
    named = booked.number or booked.id
    return Compare(both.called, both.customer, named, booked.url, both.pairs, value)


def suggested(
    found: Sequence[tuple[Choice, Nearness | None]],
) -> tuple[Sequence[tuple[Choice, Near]], Sequence[Choice]]:
    """Return the near matches with their reason, and the rest."""
    near = [(one, why.near) for one, why in found if why]
    return near, [one for one, why in found if not why]


def groups_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a search's answer: each select of a drawn message is a group, headed by its hint."""
    menus = [menu for block in message["blocks"] for menu in block.get("elements", ())]
    return [
        {"label": menu["placeholder"], "options": menu["options"]}
        for menu in menus
        if menu.get("options")
    ]


def until_of(chosen: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return until when a rest lasts (UTC); None for no rest. Raises KeyError."""
    if chosen == "wake":
        return None
    if chosen == "4h":
        return now + timedelta(hours=4)
    days = {"tomorrow": 1, "3d": 3, "7d": 7}[chosen]
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, MORNING, zone).astimezone(now.tzinfo)


def _before(deed: Deed | None) -> Before | None:
    if deed is None:
        return None
    return Before(deed.kind, who_of(deed.by), deed.at, deed.tried, deed.synced)
