"""The words between a fix and whoever asks for it: what can be done, what was, and why not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sync.causes import Cause, Checked, DeedKind
from sync.comparing import Compared
from sync.connectors.base import Kept
from sync.errors import HOLDING, ErrorType, FixData, ReadError, Reconnect
from sync.money import Money

LONGEST_EMAIL = 254
LONGEST_KEY = 400
"""Characters of a code that a choice may stand for: what the table of choices takes."""

MAPS = {
    DeedKind.MAP_PRODUCT: Kept.PRODUCT,
    DeedKind.MAP_TAX: Kept.TAX,
    DeedKind.MAP_ACCOUNT: Kept.ACCOUNT,
}
"""What a person chooses a record of, by deed."""

_BY_TYPE: dict[ErrorType, tuple[DeedKind, ...]] = {
    ErrorType.CUSTOMER_EMAIL_MISSING: (DeedKind.EMAIL, DeedKind.EMAIL_HERE),
    ErrorType.SKU_NOT_FOUND: (DeedKind.MAP_PRODUCT, DeedKind.CREATE_PRODUCT),
    ErrorType.ITEM_INACTIVE: (DeedKind.MAP_PRODUCT,),
    ErrorType.TAX_NOT_MAPPED: (DeedKind.MAP_TAX,),
    ErrorType.ACCOUNT_NOT_MAPPED: (DeedKind.MAP_ACCOUNT,),
    ErrorType.ALREADY_SYNCED: (DeedKind.LINK,),
    ErrorType.CONFLICT: (DeedKind.LINK,),
    ErrorType.OUTCOME_UNKNOWN: (DeedKind.LINK,),
    **dict.fromkeys(HOLDING, (DeedKind.RECONNECT,)),
}


class Why(StrEnum):
    """Why nothing was done."""

    UNKNOWN = "unknown"
    """There is no such cause or document."""

    CLOSED = "closed"
    """The cause was closed meanwhile: nothing is stopped by it any more."""

    NOT_HERE = "not_here"
    """Nothing of the kind can be done about this cause."""

    NO_EMAIL = "no_email"
    NO_REASON = "no_reason"
    NO_RECORD = "no_record"
    """Nothing was chosen, or no document was named or found."""

    REFUSED = "refused"
    """The system refused it, in its own words."""

    NO_ACCOUNT = "no_account"
    """Nobody knows which account sales of a new product are booked on: it must be chosen."""

    SHARED = "shared"
    """Several products have this SKU: one of them must be chosen."""

    BUSY = "busy"
    """It is being done by somebody else right now, or the system asks to wait."""

    SILENT = "silent"
    """The system did not answer: nobody knows whether it was done; trying again is harmless."""

    RECONNECT = "reconnect"
    GONE = "gone"
    """The record is not there any more."""

    INACTIVE = "inactive"
    DIFFERS = "differs"
    """The two documents do not agree."""

    DOUBTFUL = "doubtful"
    """Their amounts agree, their order or day does not: somebody must compare and confirm it."""

    HELD = "held"
    """Another document of ours is linked to this one already."""

    OURS = "ours"
    """The document carries our key: a retry adopts it."""

    UNSETTLED = "unsettled"
    """A create was sent a moment ago and may still show."""

    NOT_FAILED = "not_failed"
    NOT_SKIPPED = "not_skipped"
    PAST = "past"
    """The moment lies in the past."""


class NotDone(Exception):
    """Nothing was done; `said` is what a system said, or what does not agree.

    `compared` are both documents side by side, where two were compared.
    """

    def __init__(self, why: Why, said: str = "", compared: Compared | None = None) -> None:
        super().__init__(f"{why}: {said}")
        self.why = why
        self.said = said
        self.compared = compared


@dataclass(frozen=True, slots=True)
class Done:
    """A deed that was done: the cause as it stands, and the look at it, where one was taken.

    `what` names what was chosen, created or linked; `again` where the same receipt came twice.
    """

    kind: DeedKind
    cause: Cause | None
    checked: Checked | None
    what: str = ""
    count: int = 1
    again: bool = False


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product that is to be created: its name and its net price, where they are given.

    `account` is the id of the income account that a person chose for new products, or empty.
    """

    name: str = ""
    price: Money | None = None
    account: str = ""


def offers_of(
    cause: Cause, keeps: frozenset[Kept], *, shared_sku: bool = False
) -> Sequence[DeedKind]:
    """Return what can be done to be rid of a cause, the likeliest first; perhaps nothing."""
    kinds = (DeedKind.MAP_PRODUCT,) if shared_sku else _BY_TYPE.get(cause.error_type, ())
    if cause.error_type is ErrorType.CUSTOMER_INVALID and "mail" in cause.key.casefold():
        kinds = (DeedKind.EMAIL, DeedKind.EMAIL_HERE)
    by_test: dict[DeedKind, Callable[[], bool]] = {
        DeedKind.EMAIL: lambda: bool(cause.subject),
        DeedKind.EMAIL_HERE: lambda: bool(cause.subject) and len(cause.subject) <= LONGEST_KEY,
        DeedKind.CREATE_PRODUCT: lambda: Kept.PRODUCT in keeps and bool(cause.key.strip()),
    }
    by_map = {
        kind: kept in keeps and 0 < len(cause.key) <= LONGEST_KEY for kind, kept in MAPS.items()
    }
    return [
        kind
        for kind in kinds
        if by_map.get(kind, True) and (kind not in by_test or by_test[kind]())
    ]


def email_of(text: str) -> str:
    """Return the address that was typed, without what stands around it. Raises NotDone."""
    email = text.strip().removeprefix("mailto:").strip("<>").strip()
    name, _, host = email.rpartition("@")
    fits = email.isprintable() and not any(char.isspace() for char in email)
    plain = all(email.count(char) == 0 for char in '<>(),;:"[]|')
    dotted = "." in host and all(host.split(".")) and ".." not in name
    if not (name and fits and plain and dotted and len(email) <= LONGEST_EMAIL and "@" not in name):
        raise NotDone(Why.NO_EMAIL, text.strip()[:80])
    return email


def reason_of(text: str) -> str:
    """Return why somebody decided so, on one line. Raises NotDone."""
    reason = " ".join(text.split())
    if not reason:
        raise NotDone(Why.NO_REASON)
    return reason[:2_000]


@contextmanager
def told() -> Iterator[None]:
    """Turn what a system answered into why nothing was done."""
    try:
        yield
    except Reconnect as error:
        raise NotDone(Why.RECONNECT, error.failure.reason) from error
    except FixData as error:
        raise NotDone(_why(error.failure.error_type), error.failure.reason) from error
    except ReadError as error:
        silent = error.failure.error_type is ErrorType.DESTINATION_DOWN
        raise NotDone(Why.SILENT if silent else Why.BUSY, error.failure.reason) from error


def _why(error_type: ErrorType) -> Why:
    if error_type is ErrorType.NOT_FOUND:
        return Why.GONE
    by_type = {
        ErrorType.CONFLICT: Why.SHARED,
        ErrorType.ACCOUNT_NOT_MAPPED: Why.NO_ACCOUNT,
    }
    return by_type.get(error_type, Why.REFUSED)
