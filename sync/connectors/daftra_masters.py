"""Clients and taxes in Daftra: found by exact comparison, chosen by a person, made once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sync.connectors import daftra_choices as choices
from sync.connectors.base import Kept, Mappings
from sync.connectors.daftra_products import Post, id_of
from sync.connectors.daftra_refusals import chosen_tax_gone
from sync.connectors.emails import known_as
from sync.documents import Customer
from sync.errors import ErrorType, Failure, FixData, TryLater

CLIENT, TAX = "client", Kept.TAX.value
ANOTHER_MAKES_IT = timedelta(seconds=2)
OF_FIELDS = {ErrorType.FIELD_INVALID, ErrorType.CUSTOMER_EMAIL_MISSING}
"""How a field of a new record is refused."""


class Masters:
    """The clients and taxes of one site."""

    def __init__(self, name: str, read: choices.ReadJson, post: Post, mappings: Mappings) -> None:
        self._name = name
        self._read = read
        self._post = post
        self._mappings = mappings

    def client(self, customer: Customer) -> str:
        """Return the id of the client with the customer's e-mail; makes one where there is none.

        Raises ReadError; FixData(customer_invalid) where Daftra refuses the new client.
        """
        email = customer.email or ""
        try:
            return self._known(
                CLIENT, email.casefold(), lambda: self._client(email), _client(customer)
            )
        except FixData as error:
            failure = error.failure
            if failure.error_type not in OF_FIELDS:
                raise
            is_email = failure.error_type is ErrorType.CUSTOMER_EMAIL_MISSING
            key = email if is_email else f"{known_as(customer)} {failure.key}"
            invalid = Failure(ErrorType.CUSTOMER_INVALID, key, failure.reason, customer.source_id)
            raise FixData(invalid) from error

    def tax(self, percent: Decimal) -> str:
        """Return the id of the tax that a person chose, else the exclusive one of `percent`.

        Creates it where there is none. Raises ReadError; FixData(tax_not_mapped) where Daftra
        refuses a new tax.
        """
        shown = choices.shown(percent)
        chosen = self._mappings.chosen(TAX, shown)
        if chosen:
            return chosen
        body = {"Tax": {"name": f"VAT {shown} %", "value": float(percent), "included": 0}}
        try:
            return self._known(TAX, shown, lambda: self._tax(percent), body)
        except FixData as error:
            if error.failure.error_type is not ErrorType.FIELD_INVALID:
                raise
            unmapped = replace(error.failure, error_type=ErrorType.TAX_NOT_MAPPED, key=shown)
            raise FixData(unmapped) from error

    def tax_blockers(self, percents: Sequence[Decimal]) -> Iterator[Failure]:
        """Yield which chosen taxes are gone or of another percentage: the totals would differ."""
        chosen = {
            percent: number
            for percent in percents
            if (number := self._mappings.chosen(TAX, choices.shown(percent)))
        }
        if not chosen:
            return
        found = {choices.tax_id(row): row.amount("value") for row in choices.taxes(self._read)}
        for percent, number in chosen.items():
            shown, value = choices.shown(percent), found.get(number)
            if value is None:
                yield chosen_tax_gone(shown)
            elif value != percent:
                reason = f"The tax that was chosen for {shown} % is one of {choices.shown(value)} %"
                yield Failure(ErrorType.TAX_NOT_MAPPED, shown, reason)

    def _known(
        self, kind: str, key: str, look: Callable[[], str | None], body: dict[str, Any]
    ) -> str:
        """Return the remembered id, else look, else create: ten threads do not create ten."""
        known = self._mappings.get(kind, key) or look()
        if known is None:
            if not self._mappings.claim(kind, key):
                reason = f"Another document is just making the {kind} {key}"
                raise TryLater(Failure(ErrorType.STALE, key, reason), ANOTHER_MAKES_IT)
            path = {CLIENT: "/clients.json", TAX: "/taxes.json"}[kind]
            outcome = self._post(path, body)
            known = id_of(outcome, self._name, lambda: self._mappings.release(kind, key))
        self._mappings.put(kind, key, known)
        return known

    def _client(self, email: str) -> str | None:
        for row in choices.entities(self._read, "client", {"filter[email]": email}):
            if (row.maybe("email") or "").casefold() == email.casefold():
                return row.text("id")
        return None

    def _tax(self, percent: Decimal) -> str | None:
        rows = choices.taxes(self._read)
        return next((choices.tax_id(row) for row in rows if row.amount("value") == percent), None)


def _client(customer: Customer) -> dict[str, Any]:
    return {
        "Client": {
            "type": 2,
            "business_name": customer.name[:100] or customer.email,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "email": customer.email,
            "phone1": customer.phone or "",
            "client_number": f"SALLA-{customer.source_id}",
        }
    }
