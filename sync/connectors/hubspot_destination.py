"""HubSpot as a destination: invoices with our key in a unique property, made in small steps.

A draft is made or found again by its key (batch upsert), gets its lines by keys of their own, then
its contact, and is opened last. Every step may be repeated, so whatever an interrupted create left
is completed by the next one; that is why a draft of ours counts as not found. Returns are written
onto their invoice (`hubspot_credits`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sync.connectors.base import Choice, Good, Kept, Matches, Parent, Plan
from sync.connectors.fields import Fields
from sync.connectors.hubspot import HubSpotAccount
from sync.connectors.hubspot_bodies import invoice_properties, items_of
from sync.connectors.hubspot_credits import Credits
from sync.connectors.hubspot_masters import CONTACT, PRODUCT, Masters, chosen_gone
from sync.connectors.hubspot_products import Products
from sync.connectors.hubspot_setup import missing_properties
from sync.connectors.hubspot_shapes import DRAFT, INVOICE, KEY, booked_invoice, status_of
from sync.connectors.hubspot_steps import Steps
from sync.connectors.spec import Opened
from sync.documents import Booked, Document, Kind
from sync.errors import HOLDING, ErrorType, Failure, FixData, Reconnect, TryLater
from sync.money import Money
from sync.outcomes import Created, NotSent, Outcome, Rejected


class HubSpotDestination(HubSpotAccount):
    """One account as a destination."""

    foresees = frozenset({ErrorType.SKU_NOT_FOUND, ErrorType.CUSTOMER_EMAIL_MISSING})
    """HubSpot alone knows which e-mail addresses and currencies it refuses."""

    keeps = frozenset({Kept.PRODUCT})

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self._masters = Masters(self._api, self._mappings)
        self._products = Products(self._api, self._mappings, self._masters)
        self._steps = Steps(self._api, self._clock)
        self._credits = Credits(
            self._api, self._clock, self._mappings, self._web_url, self._account
        )

    def set_up(self) -> None:
        """Make our own properties where they are absent. Raises ReadError."""
        for kind, wanted in missing_properties(self._api):
            answer = self._api.write("POST", self._api.properties(kind), wanted)
            if isinstance(answer, dict):
                continue
            self._set_up_failed(answer)

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return the opened invoice, or the return on its invoice, with exactly our key."""
        if document.kind is Kind.RETURN:
            return Matches(self._credits.find(key, _sale(parent)))
        invoice = self._api.one("invoices", key, INVOICE, idProperty=KEY)
        if invoice is None or status_of(invoice) == DRAFT:
            return Matches()
        booked = booked_invoice(invoice, self._url(invoice))
        return Matches(booked if booked.key == key else None)

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return an invoice by its id, or a return by `invoice/return`. Raises FixData."""
        if kind is Kind.RETURN:
            return self._credits.read(destination_id)
        invoice = self._invoice(destination_id)
        return booked_invoice(invoice, self._url(invoice))

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return everything that stops `document` now; a return needs nothing but its invoice."""
        if document.kind is Kind.RETURN:
            return ()
        email = self._masters.email_blocker(document.customer)
        found = [email] if email else []
        found += self._masters.product_blockers(document.lines)
        return list({(one.error_type, one.key): one for one in reversed(found)}.values())[::-1]

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Make the create ready; a new contact is created here, first of its kind."""
        if document.kind is Kind.RETURN:
            return self._credits.plan(key, document, _sale(parent))
        products = self._masters.products(document.lines)
        items = items_of(key, document, products)
        payload = {
            "invoice": invoice_properties(key, document),
            "items": items,
            "email": (document.customer.email or "").casefold(),
            "contact": self._masters.contact(document.customer),
            "customer": document.customer.source_id,
        }
        return Plan(document.kind, payload, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Send the steps of the create, each once; what was remembered and refused is forgotten."""
        if plan.kind is Kind.RETURN:
            return self._credits.create(plan, sent_by=sent_by)
        outcome = self._steps.run(plan.payload, sent_by)
        if isinstance(outcome, Fields):
            return self._created(outcome)
        if isinstance(outcome, Rejected):
            self._forget(outcome.failure, plan.payload)
            key = outcome.failure.key
            is_product = outcome.failure.error_type is ErrorType.SKU_NOT_FOUND
            if is_product and self._mappings.chosen(PRODUCT, key):
                return Rejected(chosen_gone(key))
            if outcome.failure.error_type is ErrorType.CUSTOMER_INVALID:
                return Rejected(replace(outcome.failure, subject=plan.payload["customer"]))
            if outcome.failure.error_type is ErrorType.CURRENCY_UNSUPPORTED:
                return Rejected(replace(outcome.failure, key=plan.expected.currency))
        return outcome

    def tolerance(self, document: Document) -> Money:
        """Nothing: the line item for the tax makes totals agree to the minor unit."""
        return Money.of(0, document.total.currency)

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return at most 100 products whose name or SKU contains `term`."""
        return self._products.matching(term) if kind in self.keeps else ()

    def choice(self, kind: Kept, record_id: str) -> Choice | None:
        """Return the product with this id, read anew, or None."""
        return self._products.one(record_id) if kind in self.keeps else None

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return why nothing stands for these exact SKUs, read anew."""
        return self._products.stops(skus)

    def create_product(self, good: Good) -> Choice:
        """Create the product with exactly this SKU, or return the one that is there."""
        return self._products.create(good)

    def _created(self, invoice: Fields) -> Created:
        """Return the opened invoice, whole where the answer to its opening told all of it."""
        given = Fields(invoice.what, invoice.raw("properties"))
        told = all(given.maybe(name) for name in ("hs_amount_billed", "hs_currency", "hs_number"))
        if not told or given.maybe(KEY) is None:
            return Created(invoice.text("id"))
        return Created(invoice.text("id"), booked_invoice(invoice, self._url(invoice)))

    def _forget(self, failure: Failure, payload: Mapping[str, Any]) -> None:
        if failure.error_type is ErrorType.SKU_NOT_FOUND:
            skus = [one["hs_sku"] for one in payload["items"] if one.get("hs_sku")]
            self._masters.forget(PRODUCT, skus)
        if failure.error_type is ErrorType.CUSTOMER_INVALID:
            self._masters.forget(CONTACT, [payload["email"]])

    def _set_up_failed(self, outcome: Outcome) -> None:
        """Raise what a refused property means; one that is there already is no trouble."""
        if isinstance(outcome, Created):
            return
        failure = outcome.failure
        if failure.error_type is ErrorType.CONFLICT:
            return
        if isinstance(outcome, Rejected):
            if failure.error_type in HOLDING:
                raise Reconnect(failure, self._name)
            raise FixData(failure)
        raise TryLater(failure, outcome.wait if isinstance(outcome, NotSent) else None)


def _sale(parent: Parent | None) -> Parent:
    """Return the sale of a return. Raises FixData where there is none."""
    if parent is None:
        reason = "A return in HubSpot stands on the invoice of its sale, and there is none"
        raise FixData(Failure(ErrorType.PREREQUISITE_PENDING, "invoice", reason))
    return parent
