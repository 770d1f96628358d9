"""The steps of creating an invoice in HubSpot: draft, lines, their and the contact's links, open.

Every step may be repeated, so the next create completes whatever this one leaves. Each leaves in
time, or the outcome is unknown; of the first alone it can be said that nothing was sent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync.clock import Clock
from sync.connectors.fields import Fields
from sync.connectors.hubspot_answers import unbatched
from sync.connectors.hubspot_api import PER_BATCH, Api
from sync.connectors.hubspot_bodies import pairs_of, upserts_of
from sync.connectors.hubspot_reading import associated
from sync.connectors.hubspot_shapes import DRAFT, INVOICE, KEY, LINE_KEY, OPEN, status_of
from sync.errors import ErrorType, Failure, ReadError
from sync.outcomes import Ambiguous, NotSent, Outcome, Rejected


@dataclass(frozen=True, slots=True)
class Before:
    """What an earlier try put on a draft: ids of line items and of contacts."""

    lines: Sequence[str]
    contacts: Sequence[str]


class _Broken(Exception):
    """A step did not come to its end; `outcome` says what became of the create."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Steps:
    """Creates invoices in one account."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    def run(self, payload: Mapping[str, Any], sent_by: datetime) -> Fields | Outcome:
        """Return the opened invoice, or what became of the create instead.

        Raises ReadError only before anything was sent.
        """
        if self._clock.now() > sent_by:
            late = "The create would have left later than one time-out after its mark"
            return NotSent(Failure(ErrorType.STALE, self._api.name, late))
        path = self._api.objects("invoices", "batch", "upsert")
        body = upserts_of([payload["invoice"]], KEY)
        first = self._api.write("POST", path, body, paced=False)
        try:
            (draft,) = self._records(first, "invoice", 1)
            return self._complete(draft, payload, sent_by)
        except _Broken as broken:
            return broken.outcome
        except ReadError as error:
            return self._unknown(error.failure.reason).outcome

    def _complete(
        self, draft: Fields, payload: Mapping[str, Any], sent_by: datetime
    ) -> Fields | Outcome:
        """Take a draft to its end; what is opened already is returned as it is."""
        invoice_id, before = draft.text("id"), Before((), ())
        if draft.raw("new") is not True:
            found = self._look(invoice_id)
            if status_of(found) != DRAFT:
                return found
            before = Before(associated(found, "line_items"), associated(found, "contacts"))
        contact = str(payload["contact"])
        lines = self._lines(payload["items"], sent_by)
        self._clear(invoice_id, before, [*lines, contact], sent_by)
        self._link(invoice_id, "line_items", lines, sent_by)
        try:
            self._link(invoice_id, "contacts", [contact], sent_by)
        except _Broken as broken:
            return _about_contact(broken.outcome, str(payload["email"]))
        path = self._api.objects("invoices", invoice_id)
        body = {"properties": {"hs_invoice_status": OPEN}}
        opened = self._sent("PATCH", path, body, sent_by)
        return self._named(Fields(f"HubSpot's invoice {invoice_id}", opened), "invoice")

    def _lines(self, items: Sequence[Mapping[str, str]], sent_by: datetime) -> list[str]:
        """Make the line items, or find those of an earlier try; returns their ids."""
        path, made = self._api.objects("line_items", "batch", "upsert"), []
        for start in range(0, len(items), PER_BATCH):
            batch = items[start : start + PER_BATCH]
            try:
                answer = self._sent("POST", path, upserts_of(batch, LINE_KEY), sent_by)
            except _Broken as broken:
                raise _Broken(_about_product(broken.outcome, batch)) from broken
            made += self._records(answer, "line item", len(batch))
        return [one.text("id") for one in made]

    def _clear(
        self, invoice_id: str, before: Before, wanted: Sequence[str], sent_by: datetime
    ) -> None:
        """Take off a draft what an earlier try put on it and the document no longer has."""
        for item in before.lines:
            if item not in wanted:
                self._removed(self._api.objects("line_items", item), sent_by)
        for contact in before.contacts:
            if contact not in wanted:
                self._removed(self._api.association(invoice_id, contact), sent_by)

    def _link(self, invoice_id: str, kind: str, ids: Sequence[str], sent_by: datetime) -> None:
        path = self._api.associating("invoices", kind)
        for start in range(0, len(ids), PER_BATCH):
            body = pairs_of(invoice_id, ids[start : start + PER_BATCH])
            self._sent("POST", path, body, sent_by)

    def _removed(self, path: str, sent_by: datetime) -> None:
        self._in_time(sent_by)
        broken = self._api.delete(path)
        if broken:
            raise _Broken(broken)

    def _look(self, invoice_id: str) -> Fields:
        """Read what an earlier try left."""
        both = "contacts,line_items"
        found = self._api.one("invoices", invoice_id, INVOICE, associations=both)
        if found is None:
            raise self._unknown(f"The draft {invoice_id} is gone")
        return found

    def _sent(self, method: str, path: str, body: Any, sent_by: datetime) -> dict[str, Any]:
        """Send a step after the first."""
        self._in_time(sent_by)
        return self._whole(self._api.write(method, path, body))

    def _in_time(self, sent_by: datetime) -> None:
        # the pace may still hold a step back a little: every step may be repeated
        if self._clock.now() > sent_by:
            raise self._unknown("A step of the create would have left too late")

    def _whole(self, answer: dict[str, Any] | Outcome) -> dict[str, Any]:
        """Return an answer without a single record's error."""
        if not isinstance(answer, dict):
            raise _Broken(answer)
        for one in unbatched(answer):
            raise _Broken(self._api.outcome(one))
        return answer

    def _records(self, answer: dict[str, Any] | Outcome, what: str, count: int) -> list[Fields]:
        found = [
            self._named(one, what)
            for one in Fields(f"HubSpot's {what}", self._whole(answer)).each("results")
        ]
        if len(found) != count:
            raise self._unknown(f"HubSpot answered with {len(found)} of {count} {what}s")
        return found

    def _named(self, one: Fields, what: str) -> Fields:
        if one.maybe("id") is None:
            raise self._unknown(f"HubSpot answered with an {what} without an id")
        return one

    def _unknown(self, reason: str) -> _Broken:
        return _Broken(Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, self._api.name, reason)))


def _about_contact(outcome: Outcome, email: str) -> Outcome:
    """Return a refusal of the contact by its e-mail: it was merged or deleted since."""
    missing = {ErrorType.NOT_FOUND, ErrorType.FIELD_INVALID}
    if isinstance(outcome, Rejected) and outcome.failure.error_type in missing:
        return Rejected(Failure(ErrorType.CUSTOMER_INVALID, email, outcome.failure.reason))
    return outcome


def _about_product(outcome: Outcome, items: Sequence[Mapping[str, str]]) -> Outcome:
    """Return a refusal of a product by its SKU, where the refusal names the product."""
    if not isinstance(outcome, Rejected):
        return outcome
    reason = outcome.failure.reason
    for item in items:
        product = item.get("hs_product_id")
        if product and re.search(rf"\b{re.escape(product)}\b", reason):
            return Rejected(Failure(ErrorType.SKU_NOT_FOUND, item["hs_sku"], reason))
    return outcome
