"""What can stop a sync, sorted by what to do about it.

Failure                 a value: error type, cause key, reason in the system's own words
ReadError               raised by reads; carries a Failure
|- Reconnect            the connection was refused: nothing works until a person reconnects it
|- FixData              the document or its data stands in the way: a person mends it
`- TryLater             a passing trouble: the engine tries again by itself
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import assert_never


class ErrorType(StrEnum):
    """The kinds of causes, as people, the log and the digest name them (product, section 3)."""

    SKU_NOT_FOUND = "sku_not_found"
    ITEM_INACTIVE = "item_inactive"
    CUSTOMER_EMAIL_MISSING = "customer_email_missing"
    CUSTOMER_INVALID = "customer_invalid"
    CUSTOMER_INACTIVE = "customer_inactive"
    NAME_CONFLICT = "name_conflict"
    TAX_NOT_MAPPED = "tax_not_mapped"
    ACCOUNT_NOT_MAPPED = "account_not_mapped"
    CURRENCY_UNSUPPORTED = "currency_unsupported"
    AMOUNT_MISMATCH = "amount_mismatch"
    FIELD_INVALID = "field_invalid"
    CONFLICT = "conflict"
    ALREADY_SYNCED = "already_synced"
    PERIOD_CLOSED = "period_closed"
    PREREQUISITE_PENDING = "prerequisite_pending"
    UNAUTHORIZED = "unauthorized"
    PERMISSION_DENIED = "permission_denied"
    ACCOUNT_SUSPENDED = "account_suspended"
    RATE_LIMITED = "rate_limited"
    DESTINATION_DOWN = "destination_down"
    STALE = "stale"
    OUTCOME_UNKNOWN = "outcome_unknown"
    NOT_FOUND = "not_found"
    NOT_READY = "not_ready"
    COMPLIANCE_REJECTED = "compliance_rejected"
    UNKNOWN = "unknown"


class Remedy(StrEnum):
    """What finance reads above an error type: who must do what (product, section 3)."""

    NEEDS_DATA = "needs_data"
    NEEDS_MAPPING = "needs_mapping"
    NEEDS_RECONNECT = "needs_reconnect"
    NEEDS_DECISION = "needs_decision"
    RETRYING = "retrying"
    WAITING = "waiting"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


def remedy_of(error_type: ErrorType) -> Remedy:
    """Return what must happen before a sync stopped by `error_type` can succeed."""
    e = ErrorType
    match error_type:
        case (
            e.SKU_NOT_FOUND
            | e.ITEM_INACTIVE
            | e.CUSTOMER_EMAIL_MISSING
            | e.CUSTOMER_INVALID
            | e.CUSTOMER_INACTIVE
            | e.FIELD_INVALID
            | e.COMPLIANCE_REJECTED
        ):
            return Remedy.NEEDS_DATA
        case e.TAX_NOT_MAPPED | e.ACCOUNT_NOT_MAPPED | e.CURRENCY_UNSUPPORTED:
            return Remedy.NEEDS_MAPPING
        case e.UNAUTHORIZED | e.PERMISSION_DENIED:
            return Remedy.NEEDS_RECONNECT
        case (
            e.NAME_CONFLICT | e.AMOUNT_MISMATCH | e.CONFLICT | e.PERIOD_CLOSED | e.ACCOUNT_SUSPENDED
        ):
            return Remedy.NEEDS_DECISION
        case e.RATE_LIMITED | e.DESTINATION_DOWN | e.STALE | e.OUTCOME_UNKNOWN:
            return Remedy.RETRYING
        case e.PREREQUISITE_PENDING | e.NOT_READY:
            return Remedy.WAITING
        case e.ALREADY_SYNCED | e.NOT_FOUND:
            return Remedy.NOTHING
        case e.UNKNOWN:
            return Remedy.UNKNOWN
        case _:
            assert_never(error_type)


HOLDING = frozenset(
    {ErrorType.UNAUTHORIZED, ErrorType.PERMISSION_DENIED, ErrorType.ACCOUNT_SUSPENDED}
)
"""Errors of the connection itself: they hold its lane instead of failing sync after sync."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sync stopped: `key` is the cause's (an exact SKU, a field), `reason` is whole.

    `subject` is the source's id of the customer whom it is about, where it is about one: a fix
    goes there. `near` is a code of the destination that the eye takes for the key, where the answer
    that told of the failure held one.
    """

    error_type: ErrorType
    key: str
    reason: str
    subject: str = ""
    near: str = ""


def told_apart(failure: Failure) -> Failure:
    """Return an unknown refusal under a key of its text, where it has only an HTTP status for one.

    Numbers, ids and traces in the text are left out: the same refusal of two documents is one.
    """
    if failure.error_type is not ErrorType.UNKNOWN or not failure.key.isdigit():
        return failure
    text = " ".join(_VARYING.sub("#", failure.reason.casefold()).split())
    return replace(failure, key=hashlib.sha256(text.encode()).hexdigest()[:12])


_VARYING = re.compile(r"\(\w*tid [^)]*\)|\b[0-9a-f-]*\d[0-9a-f-]*\b")


class ReadError(Exception):
    """A read did not bring what was asked for."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Reconnect(ReadError):
    """The system refused our credentials or rights; `connection` is ours, by name."""

    def __init__(self, failure: Failure, connection: str) -> None:
        super().__init__(failure)
        self.connection = connection


class FixData(ReadError):
    """The system answered, and its answer or the document's data cannot be used as it is."""


class TryLater(ReadError):
    """A passing trouble; `wait` is what the system asked for, if it did."""

    def __init__(self, failure: Failure, wait: timedelta | None = None) -> None:
        super().__init__(failure)
        self.wait = wait
