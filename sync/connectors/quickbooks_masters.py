"""Customers, items and accounts in QuickBooks: compared exactly, made once where we may.

Only customers are made. QuickBooks does not enforce one item a SKU: where two share it, nobody
picks (guide, section 3). What was found once is remembered until a refusal names it; what a person
chose stands for its SKU without a look, until a refusal.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sync.connectors.base import Kept, Mappings
from sync.connectors.fields import Fields
from sync.connectors.quickbooks_api import Api, quoted
from sync.connectors.quickbooks_bodies import LONGEST_NAME, request_id_of
from sync.connectors.quickbooks_chosen import ANY, PAID_FROM, Chosen
from sync.connectors.quickbooks_reading import EMAIL
from sync.documents import Customer, Line
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.nearness import nearest
from sync.outcomes import Created, NotSent, Rejected

ITEM, CHARGE, CUSTOMER = Kept.PRODUCT.value, "charge", "customer"
OF_ITEMS = frozenset({ErrorType.SKU_NOT_FOUND, ErrorType.ITEM_INACTIVE})
OF_CUSTOMERS = frozenset(
    {ErrorType.CUSTOMER_INVALID, ErrorType.CUSTOMER_INACTIVE, ErrorType.CURRENCY_UNSUPPORTED}
)
ANOTHER_MAKES_IT = timedelta(seconds=2)
LONGEST_SKU = 100
_FORBIDDEN = re.compile(r"[:\t\n\r]+ *")


@dataclass(frozen=True, slots=True)
class Uses:
    """What a create refers to: items by SKU, charges by name, its customer (the source's id)."""

    skus: Mapping[str, str]
    charges: Sequence[str]
    email: str
    currency: str
    customer: str

    def named(self, failure: Failure) -> str:
        """Return the SKU of the item that a refusal names by its id; else all of them."""
        said = failure.reason.partition("(intuit_tid")[0]
        ids = set(re.findall(r"\d+", said))
        named = [sku for sku, item in self.skus.items() if item in ids]
        return ", ".join(named or self.skus) or failure.key


class Masters:
    """The master records of one company."""

    def __init__(self, api: Api, mappings: Mappings, chosen: Chosen) -> None:
        self._api = api
        self._mappings = mappings
        self._chosen = chosen

    def item_blockers(self, lines: Sequence[Line]) -> list[Failure]:
        """Return why lines have no item to stand for them; remembers those they have."""
        found = [
            Failure(ErrorType.SKU_NOT_FOUND, line.name, f"The line {line.name!r} has no SKU")
            for line in lines
            if line.sku is None
        ]
        skus = list(dict.fromkeys(line.sku for line in lines if line.sku is not None))
        unknown = [sku for sku in skus if self._known_item(sku) is None]
        rows = self._items(unknown)
        return found + [stop for sku in unknown if (stop := self._item_blocker(sku, rows))]

    def stops(self, skus: Sequence[str]) -> list[Failure]:
        """Return why no item stands for these exact SKUs; reads anew and remembers nothing."""
        wanted = list(dict.fromkeys(skus))
        unchosen = [sku for sku in wanted if self._mappings.chosen(ITEM, sku) is None]
        rows, chosen = self._items(unchosen), self._chosen.item_stops(wanted)
        found = [settled(sku, rows) if sku in unchosen else chosen.get(sku) for sku in wanted]
        return [one for one in found if isinstance(one, Failure)]

    def charge(self, name: str) -> str | None:
        """Return the one item whose name or SKU is exactly the charge's name, or None."""
        known = self._mappings.chosen(ITEM, name) or self._mappings.get(CHARGE, name)
        if known:
            return known
        for field in ("Name", "Sku"):
            rows = self._api.query("Item", f"{field} = {quoted(name)}")
            same = [row for row in rows if row.maybe(field) == name]
            if len(same) == 1:
                self._mappings.put(CHARGE, name, same[0].text("Id"))
                return same[0].text("Id")
        return None

    def item(self, sku: str | None) -> str:
        """Return the id of the item that `item_blockers` found. Raises FixData."""
        known = self._known_item(sku or "")
        if known is None:
            reason = f"SKU {sku} not found in QuickBooks"
            raise FixData(Failure(ErrorType.SKU_NOT_FOUND, sku or "", reason))
        return known

    def customer_blocker(self, customer: Customer, currency: str, home: str) -> Failure | None:
        """Return why the customer cannot be billed; remembers the one that can be."""
        name, subject = customer.name or "The customer", customer.source_id
        email = customer.email or ""
        if not email.strip():
            missing = ErrorType.CUSTOMER_EMAIL_MISSING
            return Failure(missing, _cause(customer), f"{name} has no email", subject)
        if not EMAIL.fullmatch(email):
            reason = f"{email!r} is no email of {name}"
            return Failure(ErrorType.CUSTOMER_INVALID, _cause(customer), reason, subject)
        if self._mappings.get(CUSTOMER, _key(email, currency)):
            return None
        found = self._by_email(email)
        active = [row for row in found if row.raw("Active") is not False]
        billed = [row for row in active if _currency_of(row, home) == currency]
        if len(billed) > 1:
            both = ", ".join(row.maybe("DisplayName") or row.text("Id") for row in billed[:3])
            reason = f"Several customers have {email}: {both}"
            return Failure(ErrorType.CONFLICT, email, reason, subject)
        if billed:
            self._mappings.put(CUSTOMER, _key(email, currency), billed[0].text("Id"))
            return None
        if active:
            theirs = _currency_of(active[0], home)
            reason = f"{name} is billed in {theirs} in QuickBooks, this document is {currency}"
            return Failure(ErrorType.CURRENCY_UNSUPPORTED, currency, reason)
        if found:
            reason = f"The customer {found[0].maybe('DisplayName')} is inactive in QuickBooks"
            return Failure(ErrorType.CUSTOMER_INACTIVE, email, reason, subject)
        return None

    def customer(self, customer: Customer, currency: str) -> str:
        """Return the customer's id; makes one where there is none. Raises ReadError."""
        key = _key(customer.email or "", currency)
        known = self._mappings.get(CUSTOMER, key)
        if known:
            return known
        if not self._mappings.claim(CUSTOMER, key):
            reason = f"Another document is just making the customer {customer.email}"
            raise TryLater(Failure(ErrorType.STALE, key, reason), ANOTHER_MAKES_IT)
        made = self._made(customer, currency, key)
        self._mappings.put(CUSTOMER, key, made)
        return made

    def bank_account(self) -> str | None:
        """Return what refunds are paid from: the chosen account, else the one active bank."""
        chosen = self._mappings.chosen(Kept.ACCOUNT, PAID_FROM)
        if chosen:
            return chosen
        rows = self._api.query("Account", "AccountType = 'Bank'")
        return rows[0].text("Id") if len(rows) == 1 else None

    def refused(self, failure: Failure, uses: Uses) -> Failure:
        """Drop what a refused create proves wrong; returns the failure, named by the exact SKU.

        Where QuickBooks does not tell which of the things it refers to is gone, everything is
        looked up anew: the next attempt names it.
        """
        kind = failure.error_type
        unnamed = kind is ErrorType.NOT_FOUND
        if unnamed or kind in OF_ITEMS:
            for sku in uses.skus:
                self._mappings.forget(ITEM, sku)
            for name in uses.charges:
                self._mappings.forget(CHARGE, name)
        if unnamed or kind in OF_CUSTOMERS:
            self._mappings.forget(CUSTOMER, _key(uses.email, uses.currency))
        if unnamed:
            return replace(failure, error_type=ErrorType.STALE)
        if kind in OF_ITEMS:
            return replace(failure, key=uses.named(failure))
        if kind is ErrorType.CURRENCY_UNSUPPORTED:
            return replace(failure, key=uses.currency)
        if kind in OF_CUSTOMERS:
            return replace(failure, key=uses.email, subject=uses.customer)
        return failure

    def _known_item(self, sku: str) -> str | None:
        return self._mappings.chosen(ITEM, sku) or self._mappings.get(ITEM, sku)

    def _items(self, skus: Sequence[str]) -> list[Fields]:
        """Return the items that may have these SKUs; QuickBooks holds no longer ones."""
        asked = [sku for sku in skus if sku.strip() and len(sku) <= LONGEST_SKU]
        return self._api.among("Item", "Sku", asked, ANY) if asked else []

    def _item_blocker(self, sku: str, rows: Sequence[Fields]) -> Failure | None:
        found = settled(sku, rows)
        if isinstance(found, Failure):
            return found
        self._mappings.put(ITEM, sku, found.text("Id"))
        return None

    def _by_email(self, email: str) -> list[Fields]:
        rows = self._api.query("Customer", f"PrimaryEmailAddr = {quoted(email)}{ANY}")
        return [
            row
            for row in rows
            if (row.inner_or_empty("PrimaryEmailAddr").maybe("Address") or "").casefold()
            == email.casefold()
        ]

    def _made(self, customer: Customer, currency: str, key: str) -> str:
        body = _body(customer, currency)
        event = self._api.create("Customer", body, request_id_of(key, body), paced=True)
        outcome = self._api.outcome("Customer", event)
        if isinstance(outcome, Created):
            return outcome.destination_id
        if not isinstance(outcome, NotSent | Rejected):
            # it may exist: the claim stays until it is stale, the next look finds it
            raise TryLater(outcome.failure)
        if isinstance(outcome, Rejected) and outcome.failure.error_type is ErrorType.NAME_CONFLICT:
            return self._named(customer, body["DisplayName"], key)
        self._mappings.release(CUSTOMER, key)
        if isinstance(outcome, NotSent):
            raise TryLater(outcome.failure, outcome.wait)
        if outcome.failure.error_type in HOLDING:
            raise Reconnect(outcome.failure, self._api.name)
        raise FixData(_of_customer(outcome.failure, customer))

    def _named(self, customer: Customer, name: str, key: str) -> str:
        """Reuse the customer that has the name already, if it is the same one; else say so."""
        self._mappings.release(CUSTOMER, key)
        for row in self._api.query("Customer", f"DisplayName = {quoted(name)}{ANY}"):
            email = row.inner_or_empty("PrimaryEmailAddr").maybe("Address") or ""
            is_same = email.casefold() == (customer.email or "").casefold()
            if is_same and row.raw("Active") is not False:
                return row.text("Id")
        reason = (
            f"The name {name} is taken in QuickBooks: by a customer with another e-mail, "
            "by a vendor or by somebody inactive"
        )
        raise FixData(Failure(ErrorType.NAME_CONFLICT, name, reason, customer.source_id))


def settled(sku: str, rows: Sequence[Fields]) -> Fields | Failure:
    """Return the one active item among `rows` with exactly this SKU, or why there is none."""
    same = [row for row in rows if row.raw("Sku") is not None and str(row.raw("Sku")) == sku]
    active = [row for row in same if row.raw("Active") is not False]
    if len(active) > 1:
        both = ", ".join(f"{row.maybe('Name')} ({row.text('Id')})" for row in active[:3])
        reason = f"Several items in QuickBooks have the SKU {sku}: {both}"
        return Failure(ErrorType.CONFLICT, sku, reason)
    if active:
        return active[0]
    if same:
        return Failure(ErrorType.ITEM_INACTIVE, sku, f"SKU {sku} is inactive in QuickBooks")
    others = (str(row.raw("Sku") or "") for row in rows if row.raw("Active") is not False)
    reason, near = f"SKU {sku} not found in QuickBooks", nearest(sku, others)
    return Failure(ErrorType.SKU_NOT_FOUND, sku, reason, near=near)


def _cause(customer: Customer) -> str:
    return f"{customer.name or 'The customer'} ({customer.source_id})"


def _of_customer(failure: Failure, customer: Customer) -> Failure:
    """Return a refusal of a new customer; one of its e-mail by the customer it is about."""
    if "Email" not in failure.key:
        return replace(failure, subject=customer.source_id)
    invalid = ErrorType.CUSTOMER_INVALID
    return Failure(invalid, _cause(customer), failure.reason, customer.source_id)


def _currency_of(row: Fields, home: str) -> str:
    return row.inner_or_empty("CurrencyRef").maybe("value") or home


def _key(email: str, currency: str) -> str:
    return f"{currency}:{email.casefold()}"


def _body(customer: Customer, currency: str) -> dict[str, Any]:
    shown = _FORBIDDEN.sub(" ", customer.name).strip() or customer.email or ""
    names = {
        "GivenName": customer.first_name,
        "FamilyName": customer.last_name,
        "CompanyName": customer.company,
    }
    return {
        "DisplayName": shown[:LONGEST_NAME],
        "PrimaryEmailAddr": {"Address": customer.email},
        "CurrencyRef": {"value": currency},
        **{name: text[:LONGEST_NAME] for name, text in names.items() if text},
    }
