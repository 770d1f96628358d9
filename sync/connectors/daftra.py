"""Daftra as a destination (api2): invoices and credit notes with our key, found again by it.

Daftra has no idempotency key, so it is SEARCH_ONLY: the key stands in a custom field and in a line
of the notes. A filter that a server does not know is ignored and brings the first page of
everything, so every row of every look-up is compared exactly here. Payments are not sent: Salla's
invoices say how an order was paid, not that the money arrived in an account of the books.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sync.connectors import daftra_choices as choices
from sync.connectors.base import Choice, Good, Kept, Matches, Parent, Plan
from sync.connectors.daftra_answers import classify, key_in, rows_of
from sync.connectors.daftra_bodies import body_of, order_reference, percents_of, sum_of
from sync.connectors.daftra_masters import Masters
from sync.connectors.daftra_products import Products
from sync.connectors.daftra_refusals import settled
from sync.connectors.emails import email_blocker, known_as
from sync.connectors.fields import Fields
from sync.connectors.outcome import outcome_of, read_json
from sync.connectors.spec import Opened
from sync.connectors.transport import Answer, Unanswered, Unsent
from sync.documents import Account, Booked, Document, Kind, Unbooked
from sync.errors import ErrorType, Failure, FixData
from sync.money import Money
from sync.outcomes import NotSent, Outcome, Rejected

PREFIX = "/api2"
ENTITIES = "/v2/api/entity"
PER_PAGE = 100
MOST_PAGES = 200
FIELD = "invsync_key"
PATHS = {Kind.INVOICE: "/invoices", Kind.RETURN: "/credit_notes"}
MODELS = {Kind.INVOICE: "Invoice", Kind.RETURN: "CreditNote"}
PAGES = {Kind.INVOICE: "/owner/invoices/view/", Kind.RETURN: "/owner/invoices/view_creditnote/"}

_DRAFTS = {"1", "True"}
"""How a draft is marked: as a number, a text or a truth."""


class Daftra:
    """One site."""

    system = "daftra"
    foresees = frozenset(
        {
            ErrorType.CUSTOMER_EMAIL_MISSING,
            ErrorType.SKU_NOT_FOUND,
            ErrorType.ITEM_INACTIVE,
        }
    )
    keeps = frozenset({Kept.PRODUCT, Kept.TAX})

    def __init__(self, opened: Opened) -> None:
        self._name = opened.name
        self._prefix = opened.prefix
        self._web_url = opened.web_url
        self._transport = opened.transport
        self._clock = opened.clock
        self._mappings = opened.mappings
        self._masters = Masters(opened.name, self.read_json, self._post, opened.mappings)
        self._products = Products(opened.name, self.read_json, self._post, opened.mappings)

    def close(self) -> None:
        """Give sockets back."""
        self._transport.close()

    def check(self) -> Account:
        """Ask whose site this is; warns where Daftra's own Salla connector has been at work."""
        info = self._site()
        taken = self.read_json("/invoices.json", {"external_source": "salla", "limit": 20})
        native = [
            one for one in rows_of(taken, "Invoice") if one.maybe("external_source") == "salla"
        ]
        warning = (
            "Daftra's own Salla connector has created invoices here: "
            "switch it off, or every sale is booked twice."
        )
        name = info.maybe("business_name") or info.maybe("subdomain") or info.text("id")
        warnings = [warning] if native else []
        return Account(info.text("id"), name, info.maybe("currency_code"), warnings)

    def set_up(self) -> None:
        """Nothing to make: Daftra keeps a custom field as it comes, and the notes hold the key."""

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return the document with exactly our key, drafts included, else a foreign invoice."""
        del parent
        ours = self._ours(key, document)
        return Matches(ours, None if ours else self._foreign(document))

    def _ours(self, key: str, document: Document) -> Booked | None:
        if document.kind is Kind.INVOICE:
            params = {"custom_field": key, "custom_field_label": FIELD, "recursive": 1}
        else:
            params = {}  # credit notes know no filter: they are paged through
        reference = order_reference(document)
        for row in self._pages(document.kind, params):
            if key_in(row) == key:
                return self._booked(row, document.kind)
            if key_in(row) is None and row.maybe("po_number") == reference:
                whole = self._whole(row.text("id"), document.kind)
                if key_in(whole) == key:
                    return self._booked(whole, document.kind)
        return None

    def _foreign(self, document: Document) -> Booked | None:
        """Return an invoice of the same order that does not carry a key of ours, or None."""
        if document.kind is Kind.RETURN:
            return None
        reference = order_reference(document)
        found = None
        for row in self._pages(Kind.INVOICE, {"po_number": reference, "recursive": 1}):
            if row.maybe("po_number") in {reference, document.order.number} and not key_in(row):
                foreign = self._booked(row, Kind.INVOICE)
                found = foreign if foreign.total == document.total else found or foreign
        return found

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return the document with Daftra's id. Raises FixData(not_found)."""
        return self._booked(self._whole(destination_id, kind), kind)

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return everything that stops `document` now, without writing anything."""
        email = email_blocker(document.customer)
        return [
            *([email] if email else []),
            *self._products.blockers(document.lines),
            *self._masters.tax_blockers(percents_of(document)),
        ]

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Make the create ready; a new client or tax is created here, first of its kind."""
        expected = Money.of(sum_of(document), document.total.currency)
        if expected != document.total:
            reason = f"Daftra would make {expected} of it, Salla says {document.total}"
            raise FixData(Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason))
        customer = document.customer
        client = self._masters.client(customer)
        products = {line.sku: self._products.of(line) for line in document.lines}
        taxes = {percent: self._masters.tax(percent) for percent in percents_of(document)}
        body = body_of(MODELS[document.kind], key, document, parent, client, products, taxes)
        payload = {
            "body": body,
            "customer": {
                "id": customer.source_id,
                "known_as": known_as(customer),
                "email": customer.email or "",
            },
            "taxes": {choices.shown(percent): number for percent, number in taxes.items()},
        }
        return Plan(document.kind, payload, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Send the create, once; its slot was paid before the mark."""
        if self._clock.now() > sent_by:
            late = "The create would have left later than one time-out after its mark"
            return NotSent(Failure(ErrorType.STALE, self._name, late))
        event: Answer | Unsent | Unanswered
        try:
            path = f"{self._prefix}{PATHS[plan.kind]}.json"
            event = self._transport.post(path, plan.payload["body"], paced=False)
        except (Unsent, Unanswered) as trouble:
            event = trouble
        outcome = outcome_of(
            event,
            system=self.system,
            connection=self._name,
            classify=classify,
            now=self._clock.now(),
        )
        if isinstance(outcome, Rejected):
            return Rejected(settled(outcome.failure, plan.payload, self._mappings))
        return outcome

    def tolerance(self, document: Document) -> Money:
        """Nothing: Daftra taxes line by line as we sum, so every minor unit must agree."""
        return Money.of(0, document.total.currency)

    def choices(self, kind: Kept, term: str) -> Sequence[Choice]:
        """Return at most 100 products or taxes whose name or code contains `term`."""
        match kind:
            case Kept.PRODUCT:
                return choices.products_with(self.read_json, term)
            case Kept.TAX:
                return choices.taxes_with(self.read_json, term)
            case Kept.ACCOUNT | Kept.INCOME:
                return ()

    def choice(self, kind: Kept, record_id: str) -> Choice | None:
        """Return the product or tax with this id, read anew, or None."""
        match kind:
            case Kept.PRODUCT:
                return choices.product(self.read_json, record_id)
            case Kept.TAX:
                return choices.tax(self.read_json, record_id)
            case Kept.ACCOUNT | Kept.INCOME:
                return None

    def stops(self, skus: Sequence[str]) -> Sequence[Failure]:
        """Return why nothing stands for these exact SKUs."""
        return self._products.stops(skus)

    def create_product(self, good: Good) -> Choice:
        """Create the product with exactly this SKU, or return the one that is there.

        Its price is left out where the site keeps its books in another currency.
        """
        currency = self._site().maybe("currency_code") if good.price else None
        return self._products.create(good, currency)

    def read_json(
        self, path: str, params: dict[str, Any] | None = None, prefix: str | None = None
    ) -> dict[str, Any]:
        """Return the JSON object at `path` below the API's prefix. Raises ReadError."""
        return read_json(
            self._transport,
            f"{self._prefix if prefix is None else prefix}{path}",
            params,
            connection=self._name,
            classify=classify,
            now=self._clock.now(),
        )

    def _post(self, path: str, body: dict[str, Any]) -> Outcome:
        """Create a master record (client, tax), in the connection's pace."""
        event: Answer | Unsent | Unanswered
        try:
            event = self._transport.post(f"{self._prefix}{path}", body)
        except (Unsent, Unanswered) as trouble:
            event = trouble
        return outcome_of(
            event,
            system=self.system,
            connection=self._name,
            classify=classify,
            now=self._clock.now(),
        )

    def _site(self) -> Fields:
        site = Fields("Daftra's site info", self.read_json("/site_info.json").get("data"))
        return site.inner("Site")

    def _pages(self, kind: Kind, params: dict[str, Any]) -> Iterator[Fields]:
        for page in range(1, MOST_PAGES):
            asked = {**params, "page": page, "limit": PER_PAGE}
            data = self.read_json(f"{PATHS[kind]}.json", asked)
            yield from rows_of(data, MODELS[kind])
            pagination = data.get("pagination")
            if not isinstance(pagination, dict) or not pagination.get("next"):
                return

    def _whole(self, destination_id: str, kind: Kind) -> Fields:
        data = self.read_json(f"{PATHS[kind]}/{destination_id}.json")
        what = f"Daftra's {MODELS[kind]} {destination_id}"
        body = Fields(what, data.get("data"))
        model = MODELS[kind] if body.raw(MODELS[kind]) is not None else "Invoice"
        return Fields(what, body.raw(model))

    def _booked(self, row: Fields, kind: Kind) -> Booked:
        reference = row.maybe("po_number")
        page = f"{self._web_url}{PAGES[kind]}{row.text('id')}"
        return Booked(
            id=row.text("id"),
            number=row.maybe("no"),
            kind=kind,
            key=key_in(row),
            order_number=reference.removeprefix("SALLA-") if reference else None,
            total=Money.of(row.amount("summary_total"), row.text("currency_code")),
            url=page,
            issued=row.maybe_day("date"),
            state=Unbooked.DRAFT if str(row.raw("draft")) in _DRAFTS else None,
        )
