"""A customer of a Salla store gets an e-mail: read, written, and compared with the answer.

The update takes a whole customer (`PUT /customers/{id}`, published description): name and mobile
go back as they came.
"""

from collections.abc import Callable
from typing import Any

from sync.connectors.fields import Fields
from sync.errors import ErrorType, Failure, FixData

KEPT = ("first_name", "last_name", "mobile", "mobile_code")
GUEST = "guest-"
"""How the ids begin that we give to buyers whom the store does not keep."""

Ask = Callable[..., dict[str, Any]]
"""Sends method, path and body; returns the answer's JSON object. Raises ReadError."""


def set_email(ask: Ask, customer_id: str, email: str) -> None:
    """Give the customer this e-mail.

    Raises FixData: customer_invalid in Salla's words, not_found; Reconnect, TryLater.
    """
    if not customer_id.isascii() or not customer_id.isdecimal():
        what = "a guest, whom Salla does not keep" if customer_id.startswith(GUEST) else "unknown"
        reason = f"Salla has no such customer: the buyer is {what}"
        raise FixData(Failure(ErrorType.NOT_FOUND, customer_id, reason, customer_id))
    if not email.strip():
        raise FixData(_invalid(customer_id, email, "There is no e-mail to save"))
    path = f"/customers/{customer_id}"
    known = Fields(f"Salla's customer {customer_id}", ask("GET", path).get("data"))
    body = {name: given for name in KEPT if (given := known.maybe(name)) is not None}
    try:
        answer = ask("PUT", path, {**body, "email": email})
    except FixData as error:
        if error.failure.error_type is not ErrorType.FIELD_INVALID:
            raise
        raise FixData(_invalid(customer_id, email, error.failure.reason)) from error
    kept = Fields(known.what, answer.get("data")).maybe("email") or ""
    if kept.casefold() != email.casefold():
        reason = f"Salla did not keep the e-mail {email}: the customer has {kept or 'none'}"
        raise FixData(_invalid(customer_id, email, reason))


def _invalid(customer_id: str, email: str, reason: str) -> Failure:
    return Failure(ErrorType.CUSTOMER_INVALID, email, reason, customer_id)
