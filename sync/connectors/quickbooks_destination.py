"""QuickBooks Online (Accounting API v3) as a destination: invoices, credit memos, refund receipts.

It is KEYED: every create carries a request id, and is still looked up by its DocNumber first. The
whole key stands in the private note, so that a foreign transaction with the same number is never
taken for ours. A create's answer is whole, so nothing is read back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sync.connectors.base import Choice, Good, Kept, Matches, Parent, Plan
from sync.connectors.fields import Fields
from sync.connectors.quickbooks import QuickBooksAccount
from sync.connectors.quickbooks_api import quoted
from sync.connectors.quickbooks_bodies import (
    body_of,
    discount_of,
    entity_of,
    number_for,
    percents_of,
    request_id_of,
    sum_of,
)
from sync.connectors.quickbooks_choices import Choices
from sync.connectors.quickbooks_chosen import PAID_FROM, Chosen
from sync.connectors.quickbooks_facts import KEPT, RECENT, Facts
from sync.connectors.quickbooks_masters import OF_ITEMS, Masters, Uses
from sync.connectors.quickbooks_products import Products
from sync.connectors.quickbooks_reading import (
    CREDIT,
    REFUND,
    SALE,
    SHIPPING,
    is_voided,
    key_in,
    money_of,
)
from sync.connectors.spec import Opened
from sync.connectors.transport import Answer
from sync.documents import Booked, Charge, Document, Kind, Unbooked
from sync.errors import ErrorType, Failure, FixData, ReadError
from sync.money import Money
from sync.outcomes import Created, NotSent, Outcome, Rejected

OF_COMPANY = frozenset(
    {
        ErrorType.PERIOD_CLOSED,
        ErrorType.TAX_NOT_MAPPED,
        ErrorType.CURRENCY_UNSUPPORTED,
        ErrorType.FIELD_INVALID,
    }
)
"""Refusals that the company's settings cause: those are read anew then."""


class QuickBooksDestination(QuickBooksAccount):
    """One company as a destination."""

    foresees = frozenset(
        {
            ErrorType.SKU_NOT_FOUND,
            ErrorType.ITEM_INACTIVE,
            ErrorType.CUSTOMER_EMAIL_MISSING,
            ErrorType.CUSTOMER_INACTIVE,
            ErrorType.TAX_NOT_MAPPED,
            ErrorType.ACCOUNT_NOT_MAPPED,
            ErrorType.CURRENCY_UNSUPPORTED,
            ErrorType.PERIOD_CLOSED,
        }
    )
    """An e-mail of good shape may still be refused, so customer_invalid is not among them."""

    keeps = frozenset(Kept)

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._choices = Choices(self._api, self._known)
        self._chosen = Chosen(self._api, self._mappings, self._choices)
        self._masters = Masters(self._api, self._mappings, self._chosen)
        self._products = Products(self._api, self._mappings, self._known, self._realm)

    def set_up(self) -> None:
        """Nothing to make: request ids, numbers and notes are there already."""

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return what carries the document's number: ours by the key in its note, or foreign."""
        del parent
        entity, number = entity_of(document), number_for(key, document)
        rows = self._api.query(entity, f"DocNumber = {quoted(number)}")
        found = [self._booked(entity, row) for row in rows if row.maybe("DocNumber") == number]
        ours = next((one for one in found if one.key == key), None)
        return Matches(ours, None if ours else next(iter(found), None))

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

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return everything that stops `document` now, without writing anything."""
        facts, currency = self._facts(document), document.total.currency
        found = self._settings_blockers(document, facts)
        if found and (newer := self._facts(document, RECENT)) != facts:
            facts, found = newer, self._settings_blockers(document, newer)
        customer = self._masters.customer_blocker(
            document.customer, currency, facts.currency or currency
        )
        found += [customer] if customer else []
        found += self._masters.item_blockers(document.lines)
        return list({(one.error_type, one.key): one for one in found}.values())

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Make the create ready; a new customer is made here, first of its kind."""
        facts, currency = self._facts(document), document.total.currency
        expected = sum_of(document, facts)
        if abs(expected.amount - document.total.amount) > self.tolerance(document).amount:
            reason = f"QuickBooks would make {expected} of it, the source says {document.total}"
            raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))
        customer = self._masters.customer(document.customer, currency)
        items = {line.sku or "": self._masters.item(line.sku) for line in document.lines}
        charged = {one.name: self._item_of(one, document, facts) for one in document.charges}
        deposit_to = self._masters.bank_account() if document.refunded else None
        body = body_of(
            key,
            document,
            parent,
            customer,
            items,
            facts,
            charges={name: item for name, item in charged.items() if item},
            deposit_to=deposit_to,
        )
        payload = {
            "entity": entity_of(document),
            "requestid": request_id_of(key, body),
            "body": body,
            "items": items,
            "charges": list(charged),
            "customer": document.customer.source_id,
            "percents": [_shown(one) for one in sorted(percents_of(document))],
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
            return Rejected(self._refused(outcome.failure, plan))
        return outcome

    def tolerance(self, document: Document) -> Money:
        """Return a minor unit a line: QuickBooks rounds taxes once a rate, others line by line."""
        count = len(document.lines) + len(document.charges) if any(percents_of(document)) else 0
        return Money.from_minor(count, document.total.currency)

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return at most 100 items, tax codes or accounts whose name or code contains `term`."""
        return self._choices.matching(kind, term)

    def choice(self, kind: Kept, record_id: str) -> Choice | None:
        """Return the record with this id, read anew, or None."""
        return self._choices.one(kind, record_id)

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return why nothing stands for these exact SKUs, read anew."""
        return self._masters.stops(skus)

    def create_product(self, good: Good) -> Choice:
        """Create the item with exactly this SKU, or return the one that is there (`Products`)."""
        return self._products.create(good)

    def _facts(self, document: Document, oldest: timedelta = KEPT) -> Facts:
        """Return the company's facts with the tax codes that people chose for this document."""
        facts = self._known.facts(oldest)
        chosen = {
            percent: code
            for percent in percents_of(document)
            if (code := self._mappings.chosen(Kept.TAX, _shown(percent)))
        }
        return facts.choosing(chosen) if chosen else facts

    def _refused(self, failure: Failure, plan: Plan) -> Failure:
        """Return a refusal under the key that `blockers` would give it; drops what it disproves."""
        body, payload = plan.payload["body"], plan.payload
        uses = Uses(
            skus=payload["items"],
            charges=payload["charges"],
            email=body["BillEmail"]["Address"],
            currency=body["CurrencyRef"]["value"],
            customer=payload["customer"],
        )
        if failure.error_type in OF_COMPANY:
            self._known.forget()
        if failure.error_type is ErrorType.PERIOD_CLOSED:
            return self._until(failure)
        told = self._masters.refused(failure, uses)  # drops what may be wrong, whoever is blamed
        pays = PAID_FROM in body
        blamed = self._blamed(failure.error_type, uses, payload["percents"], pays=pays)
        if blamed:
            return blamed
        if failure.error_type is ErrorType.TAX_NOT_MAPPED:
            return replace(failure, key=", ".join(payload["percents"]))
        if failure.error_type is ErrorType.ACCOUNT_NOT_MAPPED:
            return replace(failure, key=PAID_FROM)
        return told

    def _blamed(
        self, kind: ErrorType, uses: Uses, percents: Sequence[str], *, pays: bool
    ) -> Failure | None:
        """Return which choice of a person a refusal is about, read anew; None where none is.

        `pays`: the document names the account that a refund is paid from.
        """
        stops: list[Failure | None] = []
        try:
            if kind in OF_ITEMS or kind is ErrorType.NOT_FOUND:
                stops += self._chosen.item_stops([*uses.skus, *uses.charges]).values()
            if kind is ErrorType.TAX_NOT_MAPPED:
                facts = self._known.facts()
                stops += [self._chosen.tax_stop(one, facts) for one in percents]
            if pays and kind in {ErrorType.ACCOUNT_NOT_MAPPED, ErrorType.NOT_FOUND}:
                stops.append(self._chosen.account_stop())
        except ReadError:  # the refusal's own words are told then
            return None
        return next((stop for stop in stops if stop), None)

    def _until(self, failure: Failure) -> Failure:
        """Return a refused date by the day until which the books are closed, if it can be read."""
        try:
            closed = self._known.facts().closed_until
        except ReadError:
            return failure
        return replace(failure, key=closed.isoformat()) if closed else failure

    def _settings_blockers(self, document: Document, facts: Facts) -> list[Failure]:
        return [*self._company_blockers(document, facts), *self._charge_blockers(document, facts)]

    def _company_blockers(self, document: Document, facts: Facts) -> Iterator[Failure]:
        currency = document.total.currency
        if not facts.many_currencies and facts.currency not in {None, currency}:
            reason = f"QuickBooks holds {facts.currency} alone, this document is {currency}"
            yield Failure(ErrorType.CURRENCY_UNSUPPORTED, currency, reason)
        if facts.closed_until and document.issued <= facts.closed_until:
            day = facts.closed_until.isoformat()
            reason = f"The books are closed until {day}, the document is of {document.issued}"
            yield Failure(ErrorType.PERIOD_CLOSED, day, reason)
        if discount_of(document) and not facts.allows_discount:
            reason = "Discounts are off in QuickBooks: switch them on under Sales settings"
            yield Failure(ErrorType.FIELD_INVALID, "discount", reason)
        for percent in sorted(percents_of(document)):
            shown = _shown(percent)
            off = self._chosen.tax_stop(shown, facts)
            if off:
                yield off
            elif facts.code_for(percent) is None:
                reason = f"No active tax code of {shown} % in QuickBooks"
                yield Failure(ErrorType.TAX_NOT_MAPPED, shown, reason)
        if document.refunded:
            yield from self._account_blockers()

    def _account_blockers(self) -> Iterator[Failure]:
        off = self._chosen.account_stop()
        if off:
            yield off
        elif self._masters.bank_account() is None:
            reason = "There is not exactly one bank account that refunds could be paid from"
            yield Failure(ErrorType.ACCOUNT_NOT_MAPPED, PAID_FROM, reason)

    def _charge_blockers(self, document: Document, facts: Facts) -> Iterator[Failure]:
        for charge in document.charges:
            if self._item_of(charge, document, facts) is None:
                off = "" if facts.allows_shipping else ", and shipping is off there"
                reason = f"No item is named {charge.name} in QuickBooks{off}"
                yield Failure(ErrorType.SKU_NOT_FOUND, charge.name, reason)

    def _item_of(self, charge: Charge, document: Document, facts: Facts) -> str | None:
        """Return what stands for a charge: a transaction has one shipping amount, if it is on."""
        if facts.allows_shipping and charge is document.charges[0]:
            return SHIPPING
        return self._masters.charge(charge.name)

    def _answered(self, entity: str, answer: Answer) -> Booked | None:
        """Return what a create's answer tells of it; None where only a read can tell."""
        try:
            return self._booked(entity, Fields("QuickBooks' answer", answer.data()).inner(entity))
        except FixData:
            return None

    def _booked(self, entity: str, row: Fields) -> Booked:
        number = row.maybe("DocNumber")
        return Booked(
            id=row.text("Id"),
            number=number,
            kind=Kind.INVOICE if entity == SALE else Kind.RETURN,
            key=key_in(row),
            order_number=number,
            total=money_of(row, self._home()),
            url=self._url(entity, row),
            issued=row.maybe_day("TxnDate"),
            state=Unbooked.VOIDED if is_voided(row) else None,
        )


def _shown(percent: Decimal) -> str:
    """Return a percent as causes and choices name it: 15, 7.5."""
    return f"{percent.normalize():f}"
