"""A cause: what stops many syncs at once, and what is known of it (product, section 3)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sync.errors import ErrorType, Remedy, remedy_of
from sync.money import Money
from sync.records import Actor


class Verdict(StrEnum):
    """What a look whether a cause is gone has told."""

    GONE = "gone"
    STILL = "still"
    UNSURE = "unsure"
    """It cannot be told without trying, or the system did not answer in time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The last look: what it told, in which words, and when (UTC)."""

    verdict: Verdict
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """What stops syncs of a lane now: an error type and its key, with its figures.

    `count` and `amounts` are of the failed documents that it stops and that need somebody;
    `releases` and `released` of those that nothing else stops. `retrying` are tried again by
    themselves. `subject` is the source's id of the customer whom it is about, or empty.
    """

    id: int
    lane: str
    system: str
    error_type: ErrorType
    key: str
    subject: str
    count: int
    amounts: Sequence[Money]
    releases: int
    released: Sequence[Money]
    retrying: int
    oldest: datetime
    first_seen: datetime
    opened_at: datetime
    closed_at: datetime | None
    openings: int
    checked: Checked | None
    owner: Actor | None
    snoozed_until: datetime | None
    snoozed_at: int
    fixed_at: datetime | None = None
    """When it was gone last, where it came again."""

    near: str = ""
    """A code of the destination that the eye takes for the key: the last that anybody saw."""

    @property
    def remedy(self) -> Remedy:
        """Who must do what before it is gone."""
        return remedy_of(self.error_type)

    @property
    def open(self) -> bool:
        """Whether it stops anything."""
        return self.closed_at is None

    def sleeps(self, now: datetime) -> bool:
        """Return whether somebody snoozed it and it has not grown since."""
        until = self.snoozed_until
        return until is not None and now < until and self.count <= self.snoozed_at


class Age(StrEnum):
    """How long documents have not been in the books (product, section 3)."""

    DAY = "0-1"
    WEEK = "2-7"
    MONTH = "8-30"
    OLDER = "30+"


def age_of_day(day: date, today: date) -> Age:
    """Return the age of what was discovered on `day` (UTC)."""
    days = (today - day).days
    for age, last in ((Age.DAY, 1), (Age.WEEK, 7), (Age.MONTH, 30)):
        if days <= last:
            return age
    return Age.OLDER


@dataclass(frozen=True, slots=True)
class Ageing:
    """All failed documents that need somebody, each counted once."""

    count: int
    amounts: Sequence[Money]
    by_age: Mapping[Age, Sequence[Money]]


@dataclass(frozen=True, slots=True)
class Shared:
    """The documents that several of some causes stop, each once: so much counts more than once."""

    count: int = 0
    amounts: Sequence[Money] = ()


NOTHING_SHARED = Shared()


class DeedKind(StrEnum):
    """What people do about causes and documents."""

    EMAIL = "email"
    """Gave a customer an e-mail, in the source."""

    EMAIL_HERE = "email_here"
    """Gave a customer an e-mail for one destination only."""

    MAP_PRODUCT = "map_product"
    CREATE_PRODUCT = "create_product"
    MAP_TAX = "map_tax"
    MAP_ACCOUNT = "map_account"
    LINK = "link"
    SKIP = "skip"
    REOPEN = "reopen"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    RECONNECT = "reconnect"
    RETRY = "retry"
    """Asked for a bulk retry."""

    APPROVE = "approve"


FIXES = frozenset(
    {
        DeedKind.EMAIL,
        DeedKind.EMAIL_HERE,
        DeedKind.MAP_PRODUCT,
        DeedKind.CREATE_PRODUCT,
        DeedKind.MAP_TAX,
        DeedKind.MAP_ACCOUNT,
        DeedKind.LINK,
    }
)
"""Deeds that change what stops a document."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person did: to which cause or document, with what came of its retry.

    `tried` and `synced` are the documents of the bulk retry that followed, where one did.
    """

    id: int
    at: datetime
    kind: DeedKind
    by: Actor
    cause_id: int | None
    sync_id: int | None
    detail: Mapping[str, Any]
    bulk_id: int | None = None
    tried: int = 0
    synced: int = 0


def identity_of(error_type: ErrorType, key: str) -> str:
    """Return what a cause is known by within its lane: a hash, for keys of any length."""
    return hashlib.sha256(f"{error_type.value}\n{key}".encode()).hexdigest()
