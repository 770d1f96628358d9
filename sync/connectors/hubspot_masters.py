"""Contacts and products in HubSpot: found by exact comparison; a contact is made once, if it must.

Products are never made here: `hs_sku` is not unique, so a wrong one would look right for ever. What
a person chose stands for its SKU without a look.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sync.connectors.base import Kept, Mappings
from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import Api
from sync.connectors.hubspot_shapes import properties
from sync.documents import Customer, Line
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.nearness import nearest
from sync.outcomes import Created, NotSent, Rejected

PRODUCT, CONTACT = Kept.PRODUCT.value, "contact"
ANOTHER_MAKES_IT = timedelta(seconds=2)
SKUS_AT_ONCE = 50
"""HubSpot takes 100 values in one IN; each SKU goes in as it is and in lower case."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
EMAILS = ("email", "hs_additional_emails")
_EXISTING = re.compile(r"Existing ID:\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look for SKUs saw: the ids of the products with exactly these, and every code."""

    ids: Mapping[str, list[str]]
    codes: Sequence[str] = ()


class Masters:
    """The master records of one account."""

    def __init__(self, api: Api, mappings: Mappings) -> None:
        self._api = api
        self._mappings = mappings

    def email_blocker(self, customer: Customer) -> Failure | None:
        """Return why there can be no contact for this customer."""
        name, email = customer.name or "The customer", customer.email or ""
        subject = customer.source_id
        if not email.strip():
            missing, key = ErrorType.CUSTOMER_EMAIL_MISSING, f"{name} ({subject})"
            return Failure(missing, key, f"{name} has no email", subject)
        if not EMAIL.fullmatch(email):
            reason = f"{email!r} of {name} is no e-mail address"
            return Failure(ErrorType.CUSTOMER_INVALID, email, reason, subject)
        return None

    def product_blockers(self, lines: Sequence[Line]) -> Iterator[Failure]:
        """Yield why lines have no product to stand for them; remembers those that have."""
        for line in lines:
            if not line.sku:
                reason = f"The line {line.name!r} has no SKU"
                yield Failure(ErrorType.SKU_NOT_FOUND, "", reason)
        skus = dict.fromkeys(line.sku for line in lines if line.sku)
        unknown = [sku for sku in skus if self._known(sku) is None]
        for start in range(0, len(unknown), SKUS_AT_ONCE):
            wanted = unknown[start : start + SKUS_AT_ONCE]
            found = self.looked(wanted)
            for sku in wanted:
                stop = stop_of(sku, found.ids[sku], found.codes)
                if stop:
                    yield stop
                else:
                    self._mappings.put(PRODUCT, sku, found.ids[sku][0])

    def products(self, lines: Sequence[Line]) -> dict[str, str]:
        """Return the ids of the products that `product_blockers` found, by SKU. Raises FixData."""
        return {line.sku: self._product(line.sku) for line in lines if line.sku}

    def contact(self, customer: Customer) -> str:
        """Return the id of the contact with the customer's e-mail; makes one if there is none.

        Raises ReadError.
        """
        email = customer.email or ""
        key = email.casefold()
        known = self._mappings.get(CONTACT, key) or self._found(email)
        if known is None:
            if not self._mappings.claim(CONTACT, key):
                reason = f"Another document is just making the contact {email}"
                raise TryLater(Failure(ErrorType.STALE, email, reason), ANOTHER_MAKES_IT)
            known = self._made(customer, email)
        self._mappings.put(CONTACT, key, known)
        return known

    def forget(self, kind: str, keys: Sequence[str]) -> None:
        """Drop what is remembered: HubSpot refused it."""
        for key in keys:
            self._mappings.forget(kind, key)

    def _product(self, sku: str) -> str:
        found = self._known(sku)
        if found is None:
            raise FixData(_unknown(sku))
        return found

    def _known(self, sku: str) -> str | None:
        return self._mappings.chosen(PRODUCT, sku) or self._mappings.get(PRODUCT, sku)

    def looked(self, skus: Sequence[str]) -> Looked:
        """Return the products with exactly these SKUs, letter case included, and near codes.

        HubSpot compares texts in lower case and may want them so.
        """
        values = list(dict.fromkeys([*skus, *(sku.lower() for sku in skus)]))
        wanted = {"propertyName": "hs_sku", "operator": "IN", "values": values}
        found, codes = Looked({sku: [] for sku in skus}), []
        for product in self._api.walk("products", [wanted], ["hs_sku"]):
            sku = str(properties(product).raw("hs_sku") or "")
            codes.append(sku)
            if sku in found.ids:
                found.ids[sku].append(product.text("id"))
        return replace(found, codes=codes)

    def _found(self, email: str) -> str | None:
        contact = self._api.one("contacts", email, EMAILS, idProperty="email")
        return contact.text("id") if contact else None

    def _made(self, customer: Customer, email: str) -> str:
        outcome = self._api.created("contacts", _contact(customer, email))
        if isinstance(outcome, Created):
            return outcome.destination_id
        if not isinstance(outcome, NotSent | Rejected):
            # it may exist: the claim stays until it is stale, the next look finds it
            raise TryLater(outcome.failure)
        self._mappings.release(CONTACT, email.casefold())
        if isinstance(outcome, NotSent):
            raise TryLater(outcome.failure, outcome.wait)
        if outcome.failure.error_type is ErrorType.CONFLICT:
            return self._existing(outcome.failure, email)
        if outcome.failure.error_type in HOLDING:
            raise Reconnect(outcome.failure, self._api.name)
        if outcome.failure.key == "email":
            invalid, subject = ErrorType.CUSTOMER_INVALID, customer.source_id
            raise FixData(Failure(invalid, email, outcome.failure.reason, subject))
        raise FixData(outcome.failure)

    def _existing(self, failure: Failure, email: str) -> str:
        """Return the contact that a 409 names, if it is truly the one with this e-mail."""
        named = _EXISTING.search(failure.reason)
        contact = self._api.one("contacts", named[1], EMAILS) if named else None
        if contact is None or email.casefold() not in _emails(contact):
            raise FixData(Failure(ErrorType.CONFLICT, email, failure.reason))
        return contact.text("id")


def stop_of(sku: str, ids: Sequence[str], codes: Sequence[str] = ()) -> Failure | None:
    """Return why the products with these ids cannot stand for an SKU; None for exactly one.

    `codes` are those that the same look saw.
    """
    if not ids:
        return _unknown(sku, nearest(sku, codes))
    if len(ids) > 1:
        reason = f"Several products in HubSpot have the SKU {sku}: {', '.join(ids)}"
        return Failure(ErrorType.CONFLICT, sku, reason)
    return None


def chosen_gone(sku: str) -> Failure:
    """Return that the product which a person chose for an SKU is gone."""
    reason = f"The product that was chosen for SKU {sku} is no longer in HubSpot"
    return Failure(ErrorType.SKU_NOT_FOUND, sku, f"{reason}: choose another one")


def _unknown(sku: str, near: str = "") -> Failure:
    reason = f"SKU {sku} not found in HubSpot"
    return Failure(ErrorType.SKU_NOT_FOUND, sku, reason, near=near)


def _emails(contact: Fields) -> set[str]:
    given = properties(contact)
    texts = ";".join(given.maybe(name) or "" for name in EMAILS)
    return {one.strip().casefold() for one in texts.split(";")}


def _contact(customer: Customer, email: str) -> dict[str, Any]:
    given = {
        "email": email,
        "firstname": customer.first_name,
        "lastname": customer.last_name,
        "phone": customer.phone,
        "company": customer.company,
    }
    return {name: value for name, value in given.items() if value}
