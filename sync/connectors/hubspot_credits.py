"""A return in HubSpot: there are no credit notes, so it is written onto the invoice of its sale.

`invsync_credit_refs` has a line for each return (key, number, amount, currency) and
`invsync_credited_total` their sum, which is always made anew from the lines. Two returns of one
invoice would overwrite each other, so the reading and the writing of these properties are one
worker's alone, by a claim on the invoice that `plan` takes and the create gives back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sync.clock import Clock
from sync.connectors.base import Mappings, Parent, Plan
from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import Api
from sync.connectors.hubspot_bodies import pairs_of
from sync.connectors.hubspot_shapes import (
    CREDITED,
    CREDITS,
    INVOICE,
    KEY,
    OPEN,
    VOIDED,
    Credit,
    booked_credit,
    credits_of,
    is_paid_in_part,
    parse_credits,
    properties,
    status_of,
    total_of,
    url_of,
)
from sync.documents import Booked, Document, Kind
from sync.errors import ErrorType, Failure, FixData, ReadError, TryLater
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Outcome

CREDIT = "credit"
ANOTHER_WRITES = timedelta(seconds=2)
CLAIMED_FOR = timedelta(minutes=4)
"""How long a claim is acted on: the store takes it for abandoned after five minutes."""


class Credits:
    """The returns on one account's invoices."""

    def __init__(
        self, api: Api, clock: Clock, mappings: Mappings, web_url: str, account: str
    ) -> None:
        self._api = api
        self._clock = clock
        self._mappings = mappings
        self._web_url = web_url
        self._account = account

    def find(self, key: str, parent: Parent) -> Booked | None:
        """Return the return with exactly our key on its sale's invoice. Raises ReadError."""
        return self._booked(self._invoice(parent.id), [key])

    def read(self, destination_id: str) -> Booked:
        """Return the return with an id such as `48512345/creditmemo-12`. Raises ReadError."""
        invoice_id, _, named = destination_id.partition("/")
        invoice = self._invoice(invoice_id)
        keys = [one.key for one in credits_of(invoice) if one.key.endswith(f":{named}")]
        found = self._booked(invoice, keys)
        if found is None:
            reason = f"HubSpot's invoice {invoice_id} carries no credit {named}"
            raise FixData(Failure(ErrorType.NOT_FOUND, "credit", reason))
        return found

    def plan(self, key: str, document: Document, parent: Parent) -> Plan:
        """Claim the invoice and make its new properties ready. Raises ReadError, claim given back.

        The last credit of an unpaid invoice of ours voids it, in the same request.
        """
        if not self._mappings.claim(CREDIT, parent.id):
            reason = "Another return of the same invoice is just being written"
            raise TryLater(Failure(ErrorType.STALE, parent.id, reason), ANOTHER_WRITES)
        try:
            invoice = self._invoice(parent.id)
            written = _written(invoice, Credit(key, document.called, document.total))
        except ReadError:
            self._mappings.release(CREDIT, parent.id)
            raise
        payload = {
            "invoice": parent.id,
            "claimed_at": self._clock.now().isoformat(),
            "properties": written,
            "url": self._url(invoice),
            "credit": str(Credit(key, document.called, document.total)),
        }
        return Plan(Kind.RETURN, payload, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Write the invoice's properties, once, then a note for people.

        Without an answer the claim stays until it is stale: the write may still arrive, and the
        next return must be read after it.
        """
        invoice_id = str(plan.payload["invoice"])
        outcome = self._write(invoice_id, plan, sent_by)
        if not isinstance(outcome, Ambiguous):
            self._mappings.release(CREDIT, invoice_id)
        if isinstance(outcome, Created):
            self._note(invoice_id, str(plan.payload["credit"]))
        return outcome

    def _write(self, invoice_id: str, plan: Plan, sent_by: datetime) -> Outcome:
        claimed_at = datetime.fromisoformat(str(plan.payload["claimed_at"]))
        if self._clock.now() > min(sent_by, claimed_at + CLAIMED_FOR):
            late = "The credit would have left later than one time-out after its mark"
            return NotSent(Failure(ErrorType.STALE, self._api.name, late))
        body = {"properties": plan.payload["properties"]}
        path = self._api.objects("invoices", invoice_id)
        try:
            answer = self._api.write("PATCH", path, body, paced=False)
        except ReadError:
            self._mappings.release(CREDIT, invoice_id)
            raise
        if not isinstance(answer, dict):
            return answer
        if str(answer.get("id")) != invoice_id:
            reason = f"HubSpot answered the credit of invoice {invoice_id} without its id"
            return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, self._api.name, reason))
        credit = _credit(str(plan.payload["credit"]))
        booked = booked_credit(invoice_id, credit, str(plan.payload["url"]))
        return Created(booked.id, booked)

    def _note(self, invoice_id: str, credit: str) -> None:
        """Put a note beside the invoice; the credit stands whether or not this works."""
        one = _credit(credit)
        text = f"Credit {one.number} over {one.total} was booked on this invoice ({one.key})."
        given = {
            "hs_note_body": text,
            "hs_timestamp": str(int(self._clock.now().timestamp() * 1000)),
        }
        try:
            note = self._api.created("notes", given)
            if isinstance(note, Created):
                path = self._api.associating("notes", "invoices")
                self._api.write("POST", path, pairs_of(note.destination_id, [invoice_id]))
        except ReadError:
            return

    def _invoice(self, invoice_id: str) -> Fields:
        found = self._api.one("invoices", invoice_id, INVOICE)
        if found is None:
            reason = f"The invoice {invoice_id} of the sale is no longer in HubSpot"
            raise FixData(Failure(ErrorType.NOT_FOUND, "invoice", reason))
        return found

    def _booked(self, invoice: Fields, keys: Sequence[str]) -> Booked | None:
        found = (one for one in credits_of(invoice) if one.key in keys)
        credit = next(found, None)
        return booked_credit(invoice.text("id"), credit, self._url(invoice)) if credit else None

    def _url(self, invoice: Fields) -> str:
        return url_of(invoice, self._web_url, self._account, "0-53")


def _written(invoice: Fields, credit: Credit) -> dict[str, Any]:
    """Return the invoice's properties with one more credit. Raises FixData if it cannot be."""
    billed = total_of(invoice)
    if credit.total.currency != billed.currency:
        reason = f"The credit is in {credit.total.currency}, its invoice in {billed.currency}"
        raise FixData(Failure(ErrorType.CURRENCY_UNSUPPORTED, credit.total.currency, reason))
    found = [one for one in credits_of(invoice) if one.key != credit.key] + [credit]
    whole = sum((one.total.amount for one in found), Decimal(0))
    if whole > billed.amount:
        called = properties(invoice).maybe("hs_number") or invoice.text("id")
        reason = f"Credits of {Money.of(whole, billed.currency)} are more than {billed} of {called}"
        raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, credit.number, reason))
    written = {CREDITED: str(whole), CREDITS: "\n".join(map(str, found))}
    is_ours = properties(invoice).maybe(KEY) is not None
    is_open = status_of(invoice) == OPEN and not is_paid_in_part(invoice)
    if is_ours and is_open and whole == billed.amount:
        written["hs_invoice_status"] = VOIDED
    return written


def _credit(line: str) -> Credit:
    return next(iter(parse_credits([line])))
