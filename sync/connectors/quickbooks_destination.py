"""QuickBooks Online as a destination: every create carries a request id, and is looked up first.

The look-up is by the DocNumber, which is always the same for a document. The whole key stands in
the private note, so that a foreign transaction with the same number is never taken for ours.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from sync.clock import Clock
from sync.connectors.base import Mappings, Matches, Parent, Plan
from sync.connectors.fields import Fields
from sync.connectors.quickbooks import QuickBooksAccount
from sync.connectors.quickbooks_api import quoted
from sync.connectors.quickbooks_bodies import (
    body_of,
    discount_of,
    entity_of,
    number_for,
    request_id_of,
    sum_of,
)
from sync.connectors.quickbooks_facts import Facts
from sync.connectors.quickbooks_masters import SHIPPING, Masters, charge_key
from sync.connectors.quickbooks_reading import CREDIT, REFUND, SALE, key_in, money_of
from sync.connectors.transport import Answer, Transport
from sync.documents import Booked, Document, Kind
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money
from sync.outcomes import Created, NotSent, Outcome, Rejected

CENT = Decimal("0.01")


class QuickBooksDestination(QuickBooksAccount):
    """One company as a destination."""

    def __init__(
        self,
        name: str,
        prefix: str,
        web_url: str,
        transport: Transport,
        clock: Clock,
        mappings: Mappings,
        account: str,
    ) -> None:
        super().__init__(name, prefix, web_url, transport, clock, mappings, account)
        self._masters = Masters(self._api, mappings)

    def set_up(self) -> None:
        """Nothing to make: request ids, numbers and notes are there already."""

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return what carries the document's number: ours by the key in its note, or foreign."""
        del parent
        entity = entity_of(document)
        number = number_for(key, document)
        foreign = None
        for row in self._api.query(entity, f"DocNumber = {quoted(number)}"):
            if row.maybe("DocNumber") != number:
                continue
            booked = self._booked(entity, row)
            if booked.key == key:
                return Matches(ours=booked)
            foreign = foreign or booked
        return Matches(foreign=foreign)

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return everything that stops `document` now, without writing anything."""
        facts = self._known.facts()
        found = list(self._company_blockers(document, facts))
        home = facts.currency or document.total.currency
        customer = self._masters.customer_blocker(document.customer, document.total.currency, home)
        found += [customer] if customer else []
        found += self._masters.item_blockers(document.lines)
        return list({(one.error_type, one.key): one for one in found}.values())

    def _company_blockers(self, document: Document, facts: Facts) -> Iterator[Failure]:
        if facts.closed_until and document.issued <= facts.closed_until:
            day = facts.closed_until.isoformat()
            reason = f"The books are closed until {day}, the document is of {document.issued}"
            yield Failure(ErrorType.PERIOD_CLOSED, day, reason)
        if discount_of(document) and not facts.allows_discount:
            reason = "Discounts are off in QuickBooks: switch them on under Sales settings"
            yield Failure(ErrorType.FIELD_INVALID, "discount", reason)
        percents = {line.tax_percent for line in document.lines}
        percents |= {charge.tax_percent for charge in document.charges}
        for percent in sorted(percents):
            if facts.code_for(percent) is None:
                shown = f"{percent.normalize():f}"
                reason = f"No active tax code of {shown} % in QuickBooks"
                yield Failure(ErrorType.TAX_NOT_MAPPED, shown, reason)
        for charge in document.charges:
            if not facts.allows_shipping and self._masters.shipping(charge.name) is None:
                reason = f"No item named {charge.name} in QuickBooks, and shipping is off there"
                yield Failure(ErrorType.SKU_NOT_FOUND, charge.name, reason)
        if document.refunded and self._masters.bank_account() is None:
            reason = "There is not exactly one bank account that refunds could be paid from"
            yield Failure(ErrorType.ACCOUNT_NOT_MAPPED, "DepositToAccountRef", reason)

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Make the create ready; a new customer is made here, first of its kind."""
        facts = self._known.facts()
        expected = sum_of(document, facts)
        if abs(expected.amount - document.total.amount) > self.tolerance(document).amount:
            reason = f"QuickBooks would make {expected} of it, the source says {document.total}"
            raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))
        customer = self._masters.customer(document.customer, document.total.currency)
        items = {line.sku: self._masters.item(line.sku) for line in document.lines}
        charges = {one.name: self._charge_item(one.name, facts) for one in document.charges}
        deposit_to = self._masters.bank_account() if document.refunded else None
        body = body_of(
            key,
            document,
            parent,
            customer,
            items,
            facts,
            charges=charges,
            deposit_to=deposit_to,
        )
        payload = {
            "entity": entity_of(document),
            "requestid": request_id_of(key, body),
            "body": body,
            "skus": [*items, *(charge_key(name) for name in charges)],
        }
        return Plan(document.kind, payload, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Send the create, once, under its request id; its slot was paid before the mark."""
        if self._clock.now() > sent_by:
            late = "The create would have left later than one time-out after its mark"
            return NotSent(Failure(ErrorType.STALE, self._name, late))
        entity, body = plan.payload["entity"], plan.payload["body"]
        event = self._api.create(entity, body, plan.payload["requestid"], paced=False)
        outcome = self._api.outcome(entity, event)
        if isinstance(outcome, Created) and isinstance(event, Answer):
            return Created(outcome.destination_id, self._answered(entity, event))
        if isinstance(outcome, Rejected):
            email = body["BillEmail"]["Address"]
            customer = f"{body['CurrencyRef']['value']}:{email}"
            self._masters.forget(outcome.failure, plan.payload["skus"], customer)
        return outcome

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return the transaction with QuickBooks' id. Raises FixData(not_found)."""
        if kind is Kind.INVOICE:
            return self._booked(SALE, self._api.one(SALE, destination_id))
        try:
            return self._booked(CREDIT, self._api.one(CREDIT, destination_id))
        except FixData as error:
            if error.failure.error_type is not ErrorType.NOT_FOUND:
                raise
            return self._booked(REFUND, self._api.one(REFUND, destination_id))

    def tolerance(self, document: Document) -> Money:
        """Return a cent a line: QuickBooks rounds taxes once a rate, a source line by line."""
        taxed = any(line.tax_percent for line in document.lines)
        taxed = taxed or any(charge.tax_percent for charge in document.charges)
        count = len(document.lines) + len(document.charges) if taxed else 0
        return Money.of(CENT * count, document.total.currency)

    def _charge_item(self, name: str, facts: Facts) -> str:
        """Return the item of a charge: the preference's own, else the one of that name."""
        found = None if facts.allows_shipping else self._masters.shipping(name)
        return found or SHIPPING

    def _answered(self, entity: str, answer: Answer) -> Booked | None:
        """Return what a create's answer tells of it; None where only a read can tell."""
        try:
            return self._booked(entity, Fields("QuickBooks' answer", answer.data()).inner(entity))
        except FixData:
            return None

    def _booked(self, entity: str, row: Fields) -> Booked:
        return Booked(
            id=row.text("Id"),
            number=row.maybe("DocNumber"),
            kind=Kind.INVOICE if entity == SALE else Kind.RETURN,
            key=key_in(row),
            order_number=row.maybe("DocNumber"),
            total=money_of(row),
            url=self._url(entity, row),
        )
