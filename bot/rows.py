"""A sync as messages show it: the log, the digest and the answers use the same row."""

import re
from dataclasses import dataclass
from datetime import datetime

from bot.actions import ActionId, numbered, sync_value
from sync.documents import Kind
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor, Sync, WaitingFor
from sync.states import Status

RETRYABLE = frozenset({Status.FAILED, Status.PENDING})
"""Product, section 2, rule 2; a press is checked again by the engine."""

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
ALREADY_SYNCED = ErrorType.ALREADY_SYNCED.value


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
    return Row(
        sync_id=sync.id,
        value=sync_value(sync.id),
        retry_value=sync_value(sync.id, page),
        number=sync.number,
        url=sync.url,
        order_number=sync.order_number,
        kind=sync.kind,
        status=sync.status,
        source=sync.source_system,
        source_url=sync.source_url,
        destination=sync.destination_system,
        destination_number=sync.destination_number,
        destination_url=sync.destination_url,
        customer=sync.customer,
        amount=sync.amount,
        at=sync.attempted_at,
        finished_at=sync.finished_at,
        not_before=sync.not_before,
        waiting_for=sync.waiting_for if sync.status is not Status.SUCCESS else None,
        error_type=sync.error_type if sync.status is not Status.SUCCESS else None,
        cause_key=sync.cause_key,
        reason=sync.reason if sync.status is not Status.SUCCESS else None,
        retries=sync.retries,
        failures=sync.failures,
        attempts=sync.attempts,
        already_synced=sync.note == ALREADY_SYNCED,
        answer_lost=sync.note == ALREADY_SYNCED and sync.sent_at is not None,
        investigate=sync.needs_investigation,
        retrying=sync.retrying,
        may_retry=sync.status in RETRYABLE,
        retry_action=_action(ActionId.RETRY, place),
        view_action=_action(ActionId.VIEW, place),
    )


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
