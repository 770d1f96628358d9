"""HubSpot as a destination, against the stand-in."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sync.connectors.fields import Fields
from sync.connectors.hubspot_shapes import booked_invoice
from sync.documents import Charge, Kind, Unbooked
from sync.errors import ErrorType, FixData, TryLater
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Rejected
from tests.connectors.crm import Crm, crm
from tests.connectors.sales import KEY, sale, soon

OBJECTS = "/crm/objects/2026-03"
LINKS = "/crm/associations/2026-03"
UPSERT = {"method": "POST", "path": f"{OBJECTS}/invoices/batch/upsert"}
LINES = {"method": "POST", "path": f"{OBJECTS}/line_items/batch/upsert"}
LINK_LINES = {"method": "POST", "path": f"{LINKS}/invoices/line_items"}
LINK_CONTACT = {"method": "POST", "path": f"{LINKS}/invoices/contacts"}
PATCH = {"method": "PATCH", "path": f"{OBJECTS}/invoices"}
STEPS = {
    "draft": UPSERT,
    "lines": LINES,
    "link lines": LINK_LINES,
    "link contact": LINK_CONTACT,
    "open": PATCH,
}


@pytest.fixture
def account() -> Iterator[Crm]:
    """Open an account."""
    with crm() as opened:
        yield opened


def the_one(account: Crm) -> tuple[str, str, int, int]:
    """Return status, amount, lines and contacts of the only invoice with our key."""
    (one,) = account.ours()
    given, linked = one["properties"], one["associations"]
    lines = linked.get("line items") or linked.get("line_items") or {"results": []}
    contacts = linked.get("contacts") or {"results": []}
    counts = [len({each["id"] for each in some["results"]}) for some in (lines, contacts)]
    return given["hs_invoice_status"], given["hs_amount_billed"], counts[0], counts[1]


def test_an_invoice_is_created_open_and_found_by_its_key(account: Crm) -> None:
    """What was created is found by exactly our key, with its number, total and page."""
    assert account.destination.find(KEY, sale(), None).ours is None
    invoice = account.create(sale())
    found = account.destination.find(KEY, sale(), None).ours
    assert found is not None
    assert (found.id, found.key, found.order_number) == (invoice, KEY, "1043")
    assert (found.total, found.kind) == (Money.of("230", "USD"), Kind.INVOICE)
    assert found.number
    assert invoice in found.url
    assert account.destination.read(invoice, Kind.INVOICE) == found
    assert account.destination.find(KEY + "0", sale(), None).ours is None
    assert the_one(account) == ("open", "230.00", 2, 1)


def test_both_prefixes_take_creates() -> None:
    """Under the old paths the same steps make the same invoice."""
    with crm("v3") as account:
        account.create(sale())
        assert the_one(account) == ("open", "230.00", 2, 1)


def test_the_steps_are_few(account: Crm) -> None:
    """Cold: product, contact and five steps; warm: the five steps alone; the look-up is one."""
    account.calls()
    account.create(sale())
    assert sum(account.calls().values()) <= 5 + 3, "product, contact looked for, contact made"
    account.create(replace(sale(), source_id="146"), f"{KEY}6")
    assert sum(account.calls().values()) == 5
    assert account.destination.find(KEY, sale(), None).ours
    assert sum(account.calls().values()) == 1


def test_a_known_contact_is_found_whatever_the_case_of_the_email(account: Crm) -> None:
    """Cold with a contact that is there: seven requests, and no second contact."""
    account.contact("ada@example.com")
    account.calls()
    one = sale()
    account.create(replace(one, customer=replace(one.customer, email="ADA@Example.com")))
    assert sum(account.calls().values()) <= 7
    listed = account.staff.get("/crm/v3/objects/contacts").json()["results"]
    assert len(listed) == 1


def test_a_sale_with_everything_bills_its_total(account: Crm) -> None:
    """Discounts of line and document, shipping and tax agree to the cent."""
    one = sale()
    line = replace(one.lines[0], quantity=Decimal(3), discount=Decimal(10))
    charges = [Charge("Shipping", Decimal("7.5"), Decimal(15))]
    one = replace(one, lines=[line], charges=charges, discount=Decimal("12.50"))
    one = replace(one, tax=Money.of("42.75", "USD"), total=Money.of("327.75", "USD"))
    account.create(one)
    assert the_one(account)[:2] == ("open", "327.75")
    assert account.destination.tolerance(one) == Money.of("0", "USD")


def test_a_sum_that_does_not_agree_is_not_sent(account: Crm) -> None:
    """A difference is told before anything is written."""
    one = sale("231.00")
    account.destination.blockers(one)
    with pytest.raises(FixData) as error:
        account.destination.plan(KEY, one, None)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH
    assert not account.ours()


@pytest.mark.parametrize("sku", ["abc-1", "ABC-1 ", " ABC-1", "АBC-1", "ABC‑1", "ABC-2"])
def test_a_sku_matches_exactly_or_not_at_all(account: Crm, sku: str) -> None:
    """Letter case, blanks and look-alikes count: the nearest product is not the product."""
    (failure,) = account.destination.blockers(sale(sku=sku))
    assert (failure.error_type, failure.key) == (ErrorType.SKU_NOT_FOUND, sku)


def test_all_blockers_come_at_once_in_one_request(account: Crm) -> None:
    """No e-mail, no SKU, an unknown and a doubled one are told together; nothing is written."""
    twins = [account.add("products", name="Twin", hs_sku="TWIN", price="1") for _ in range(2)]
    one = sale()
    lines = [replace(one.lines[0], sku=sku) for sku in ("NOPE", "TWIN", None, "NOPE", "ABC-1")]
    one = replace(one, lines=lines, customer=replace(one.customer, email=None))
    account.calls()
    found = account.destination.blockers(one)
    assert sum(account.calls().values()) == 1
    assert [failure.error_type for failure in found] == [
        ErrorType.CUSTOMER_EMAIL_MISSING,
        ErrorType.SKU_NOT_FOUND,
        ErrorType.SKU_NOT_FOUND,
        ErrorType.CONFLICT,
    ]
    assert [failure.key for failure in found[1:]] == ["", "NOPE", "TWIN"]
    assert all(twin in found[3].reason for twin in twins)
    assert not account.ours()


@pytest.mark.parametrize("email", ["ada", "ada@", "a b@example.com", "ada@example"])
def test_an_email_of_no_such_shape_stops_the_sale(account: Crm, email: str) -> None:
    """What cannot be an address is told by itself, before HubSpot refuses it."""
    one = sale()
    (failure,) = account.destination.blockers(
        replace(one, customer=replace(one.customer, email=email))
    )
    assert (failure.error_type, failure.key) == (ErrorType.CUSTOMER_INVALID, email)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "half_json"])
def test_a_lost_answer_is_completed_by_the_next_create(account: Crm, step: str, fault: str) -> None:
    """Whichever step's answer is lost: one invoice, open, with its two lines and its contact."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    account.fault(**STEPS[step], fault=fault)
    assert isinstance(account.destination.create(plan, sent_by=soon()), Ambiguous)
    found = account.destination.find(KEY, sale(), None).ours
    if step == "open" and fault != "drop_before":
        assert found is not None
    else:
        assert found is None, "a draft is not found: the create is repeated"
        account.create(sale())
    assert the_one(account) == ("open", "230.00", 2, 1)


def test_a_create_of_what_is_open_already_changes_nothing(account: Crm) -> None:
    """A repetition that no look-up held back is answered with the invoice that is there."""
    invoice = account.create(sale())
    assert account.create(sale()) == invoice
    assert the_one(account) == ("open", "230.00", 2, 1)


@pytest.mark.parametrize(
    ("status", "state"),
    [("open", None), ("paid", None), ("draft", Unbooked.DRAFT), ("voided", Unbooked.VOIDED)],
)
def test_what_does_not_stand_in_the_books_says_so(status: str, state: Unbooked | None) -> None:
    """A draft and a voided invoice are no booked documents, whatever they bill."""
    given = {"hs_invoice_status": status, "hs_amount_billed": "230", "hs_currency": "USD"}
    invoice = Fields("an invoice", {"id": "7", "properties": given})
    assert booked_invoice(invoice, "https://crm.example/7").state is state


def test_a_changed_document_completes_its_draft_without_the_old_lines(account: Crm) -> None:
    """Line and contact of an interrupted create that the document no longer has are taken off."""
    one = sale()
    longer = replace(
        one, lines=[*one.lines, *one.lines], tax=Money.of("60", "USD"), total=Money.of(460, "USD")
    )
    account.destination.blockers(longer)
    plan = account.destination.plan(KEY, longer, None)
    account.fault(**PATCH, fault="drop_before")
    assert isinstance(account.destination.create(plan, sent_by=soon()), Ambiguous)
    account.create(replace(one, customer=replace(one.customer, email="new@example.com")))
    assert the_one(account) == ("open", "230.00", 2, 1)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_told_to_wait_is_repeated_later(account: Crm, step: str) -> None:
    """A limit and a refused connection prove that a step did nothing; the draft stays."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    account.fault(**STEPS[step], fault="status", status=429, retry_after="3")
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, NotSent)
    assert outcome.wait == timedelta(seconds=3)
    account.create(sale())
    assert the_one(account) == ("open", "230.00", 2, 1)


@pytest.mark.parametrize("status", [423, 477, 500, 502, 521])
def test_a_passing_trouble_leaves_the_outcome_unknown(account: Crm, status: int) -> None:
    """HubSpot may have stored what it did not answer."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    account.fault(**UPSERT, fault="status", status=status)
    assert isinstance(account.destination.create(plan, sent_by=soon()), Ambiguous)


def test_a_refused_token_is_rejected(account: Crm) -> None:
    """Nothing was created, and the lane can be held."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    account.fault(**UPSERT, fault="token_expired")
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.UNAUTHORIZED


def test_a_create_that_would_leave_too_late_is_not_sent(account: Crm) -> None:
    """Past the moment that the mark allows nothing leaves."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    late = datetime.now(UTC) - timedelta(seconds=1)
    assert isinstance(account.destination.create(plan, sent_by=late), NotSent)
    assert not account.ours()


def test_steps_after_the_first_that_are_late_leave_the_outcome_unknown(account: Crm) -> None:
    """When the draft alone took all the time, the rest waits for the next create."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    account.fault(**UPSERT, fault="hang", seconds=0.4)
    at_once = datetime.now(UTC) + timedelta(seconds=0.2)
    assert isinstance(account.destination.create(plan, sent_by=at_once), Ambiguous)


def test_a_property_that_is_missing_is_told(account: Crm) -> None:
    """Someone deleted our property: the reason says how to get it back."""
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    path = "/crm/v3/properties/line_items/invsync_line_key"
    account.staff.delete(path).raise_for_status()
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.FIELD_INVALID
    assert "invsync_line_key" in outcome.failure.reason
    account.destination.set_up()
    account.create(sale())
    assert the_one(account) == ("open", "230.00", 2, 1)


def test_setting_up_twice_makes_each_property_once(account: Crm) -> None:
    """The second time nothing is written."""
    account.calls()
    account.destination.set_up()
    assert not [name for name in account.calls() if name.startswith("POST")]
    listed = account.staff.get("/crm/v3/properties/invoices/invsync_key").json()
    assert listed["hasUniqueValue"] is True


def test_a_new_contact_is_made_once(account: Crm) -> None:
    """The first document of a customer makes the contact, the second remembers it."""
    account.create(sale())
    account.mappings.kept.clear()
    account.create(replace(sale(), source_id="146"), f"{KEY}6")
    listed = account.staff.get("/crm/v3/objects/contacts").json()["results"]
    assert len(listed) == 1


def test_a_claimed_contact_is_waited_for(account: Crm) -> None:
    """While another thread makes the contact, this document waits instead of making a second."""
    account.mappings.claim("contact", "ada@example.com")
    account.destination.blockers(sale())
    with pytest.raises(TryLater) as error:
        account.destination.plan(KEY, sale(), None)
    assert error.value.failure.error_type is ErrorType.STALE


def test_a_contact_that_comes_between_is_verified_and_used(account: Crm) -> None:
    """A 409 names the contact; a read proves that it has this e-mail."""
    contact = account.contact("ada@example.com")
    account.fault(method="GET", path=f"{OBJECTS}/contacts", fault="status", status=404)
    account.destination.blockers(sale())
    assert account.destination.plan(KEY, sale(), None).payload["contact"] == contact


def test_a_lost_contact_is_found_by_the_next_try(account: Crm) -> None:
    """The contact may have been made: nothing is made again before a look."""
    account.fault(method="POST", path=f"{OBJECTS}/contacts", fault="drop_after")
    account.destination.blockers(sale())
    with pytest.raises(TryLater):
        account.destination.plan(KEY, sale(), None)
    account.create(sale())
    listed = account.staff.get("/crm/v3/objects/contacts").json()["results"]
    assert len(listed) == 1


def test_a_contact_that_is_gone_is_forgotten(account: Crm) -> None:
    """A refusal that names what we remembered makes the next retry look again."""
    account.mappings.put("contact", "ada@example.com", "987654321")
    account.destination.blockers(sale())
    plan = account.destination.plan(KEY, sale(), None)
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.CUSTOMER_INVALID
    assert outcome.failure.key == "ada@example.com"
    account.create(sale())
    assert the_one(account) == ("open", "230.00", 2, 1)


def test_a_currency_that_is_not_enabled_is_told(account: Crm) -> None:
    """HubSpot's refusal of the draft says which."""
    one = sale()
    one = replace(one, tax=Money.of("30", "XTS"), total=Money.of("230", "XTS"))
    account.destination.blockers(one)
    outcome = account.destination.create(account.destination.plan(KEY, one, None), sent_by=soon())
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.key) == (ErrorType.CURRENCY_UNSUPPORTED, "XTS")


def test_the_look_up_does_not_depend_on_the_index(account: Crm) -> None:
    """What was written a moment ago is found by its key, whatever search shows."""
    account.destination.blockers(sale())
    account.portal.lag = 60.0
    account.create(sale())
    assert account.destination.find(KEY, sale(), None).ours


def test_the_opening_tells_the_total_or_it_is_read(account: Crm) -> None:
    """Created names the invoice; the whole of it where the last answer told it."""
    account.destination.blockers(sale())
    outcome = account.destination.create(
        account.destination.plan(KEY, sale(), None), sent_by=soon()
    )
    assert isinstance(outcome, Created)
    booked = account.destination.read(outcome.destination_id, Kind.INVOICE)
    assert outcome.booked in {None, booked}
