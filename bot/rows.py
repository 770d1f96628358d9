"""A sync as messages show it: the log, the digest and the answers use the same row."""

import re
from dataclasses import dataclass
from datetime import datetime

from bot.actions import ActionId, numbered, sync_value
from bot.text import runs_against
from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import (
    ALREADY_SYNCED,
    CHANGED,
    CREDIT_ON_INVOICE,
    LINKED,
    ROUNDED,
    Actor,
    Sync,
    WaitingFor,
)
from sync.states import Status

RETRYABLE = frozenset({Status.FAILED, Status.PENDING})
"""Product, section 2, rule 2; a press is checked again by the engine."""

LRM = "\u200e"

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
NOTABLE = frozenset({CHANGED, ROUNDED, CREDIT_ON_INVOICE, LINKED})
"""Notes that say more than that a document had been there already."""


@dataclass(frozen=True, slots=True)
class Row:
    """One sync for a template. Times are aware UTC; `url` is where View leads."""

    sync_id: int
    value: str
    """The value of its View button."""

    retry_value: str
    """The value of its Retry button: it knows the log page it stands in."""

    number: str
    url: str | None
    order_number: str
    kind: Kind
    status: Status
    source: str
    source_url: str | None
    destination: str
    destination_number: str | None
    destination_url: str | None
    customer: str | None
    amount: Money | None
    at: datetime | None
    """When its last attempt began."""

    finished_at: datetime | None
    not_before: datetime | None
    waiting_for: WaitingFor | None
    error_type: ErrorType | None
    cause_key: str | None
    reason: str | None
    retries: int
    failures: int
    attempts: int
    already_synced: bool
    answer_lost: bool
    """Already synced because we sent it ourselves and the answer never came."""

    note: str | None
    """What else is notable about a success, as a code; `remark` says it with the figures."""

    remark: str | None
    investigate: bool
    retrying: bool
    may_retry: bool
    retry_action: str = ActionId.RETRY.value
    view_action: str = ActionId.VIEW.value


def row_of(sync: Sync, place: int | None = None, page: str = "") -> Row:
    """Return the row of `sync`.

    `place` tells its buttons apart where a block holds several; `page` is the value of the log page
    it stands in.
    """
    done, note = sync.status is Status.SUCCESS, sync.note if sync.note in NOTABLE else None
    found_again = sync.note == ALREADY_SYNCED
    return Row(
        **{name: getattr(sync, name) for name in _SAME},
        sync_id=sync.id,
        value=sync_value(sync.id),
        retry_value=sync_value(sync.id, page),
        source=sync.source_system,
        destination=sync.destination_system,
        at=sync.attempted_at,
        waiting_for=None if done else sync.waiting_for,
        error_type=None if done else sync.error_type,
        reason=None if done or not sync.reason else led(sync.reason, sync.customer),
        already_synced=found_again,
        answer_lost=found_again and sync.sent_at is not None,
        note=note,
        remark=sync.reason if note else None,
        investigate=sync.needs_investigation,
        may_retry=sync.status in RETRYABLE,
        retry_action=_action(ActionId.RETRY, place),
        view_action=_action(ActionId.VIEW, place),
    )


_SAME = (
    *("number", "url", "order_number", "kind", "status", "source_url"),
    *("destination_number", "destination_url", "customer", "amount", "finished_at"),
    *("not_before", "cause_key", "retries", "failures", "attempts", "retrying"),
)
"""What a row shows just as the sync has it."""


def led(reason: str, customer: str | None) -> str:
    """Return a reason fit to be read from the left although it begins with a customer's name.

    Reasons are sentences in English; a name in Arabic at their beginning would turn them round.
    """
    turned = customer and reason.startswith(customer) and runs_against(customer, rtl=False)
    return LRM + reason if turned else reason


def _action(action: ActionId, place: int | None) -> str:
    return action.value if place is None else numbered(action, place)


@dataclass(frozen=True, slots=True)
class Who:
    """Who did something: `person` is a Slack user id, else `name` says who it was."""

    person: str | None
    name: str


def who_of(actor: Actor) -> Who:
    """Return how to name `actor`: people by mention, the engine and the terminal by word."""
    person = actor.id if _SLACK_USER.fullmatch(actor.id) else None
    return Who(person, actor.name or actor.id)
