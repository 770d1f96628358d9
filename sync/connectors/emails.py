"""A customer's e-mail, checked in the same way for every destination."""

import re

from sync.documents import Customer
from sync.errors import ErrorType, Failure

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def known_as(customer: Customer) -> str:
    """Return the key of what is wrong with a customer: the name and the source's id."""
    return f"{_name(customer)} ({customer.source_id})"


def email_blocker(customer: Customer) -> Failure | None:
    """Return what is wrong with a customer's e-mail: it is missing, or is none."""
    name, subject = _name(customer), customer.source_id
    if customer.email is None:
        missing, reason = ErrorType.CUSTOMER_EMAIL_MISSING, f"{name} has no email"
        return Failure(missing, known_as(customer), reason, subject)
    if not EMAIL.fullmatch(customer.email):
        reason = f"{customer.email!r} of {name} is no e-mail address"
        return Failure(ErrorType.CUSTOMER_INVALID, customer.email, reason, subject)
    return None


def _name(customer: Customer) -> str:
    return customer.name or "The customer"
