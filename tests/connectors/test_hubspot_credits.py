"""Returns in HubSpot: written onto the invoice of their sale, against the stand-in."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync.clock import SystemClock
from sync.connectors.base import Parent
from sync.documents import Kind
from sync.errors import ErrorType, FixData, TryLater
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Outcome
from sync.store import Store
from tests.connectors.crm import Crm, crm
from tests.connectors.sales import KEY, credit, credit_key, sale, soon
from tests.sqlite import fresh_file

MARKS = ("invsync_credited_total", "invsync_credit_refs", "hs_invoice_status")


@pytest.fixture
def account() -> Iterator[Crm]:
    """Open an account."""
    with crm() as opened:
        yield opened


@pytest.fixture
def parent(account: Crm) -> Parent:
    """Book a sale over 230 dollars."""
    return Parent(account.create(sale()), "INV", Money.of("230", "USD"))


def marks(account: Crm, parent: Parent) -> list[str | None]:
    """Return what stands on the invoice: total, references, status."""
    found = account.get("invoices", parent.id, *MARKS)["properties"]
    return [found.get(name) for name in MARKS]


def booked(account: Crm, number: str, total: str, parent: Parent) -> str:
    """Book a credit; returns its id."""
    return account.create(credit(number, total), credit_key(number), parent)


def test_a_return_stands_on_its_invoice(account: Crm, parent: Parent) -> None:
    """Its reference and amount are on the invoice, and it is found and read again."""
    one = booked(account, "12", "57.50", parent)
    total, written, status = marks(account, parent)
    assert (total, status) == ("57.50", "open")
    assert written == f"{credit_key('12')}|12|57.50|USD"
    found = account.destination.find(credit_key("12"), credit("12", "57.50"), parent).ours
    assert found is not None
    assert found.id == one == f"{parent.id}/creditmemo-12"
    assert (found.total, found.number) == (Money.of("57.50", "USD"), "12")
    assert (found.note, found.kind) == ("credit_on_invoice", Kind.RETURN)
    assert account.destination.read(one, Kind.RETURN) == found
    assert account.destination.find(credit_key("1"), credit("1", "57.50"), parent).ours is None
    assert account.destination.read(parent.id, Kind.INVOICE).total == Money.of("230", "USD")


def test_a_return_that_is_not_there_is_not_found(account: Crm, parent: Parent) -> None:
    """Its invoice alone does not make it."""
    with pytest.raises(FixData) as error:
        account.destination.read(f"{parent.id}/creditmemo-12", Kind.RETURN)
    assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_the_answer_tells_all(account: Crm, parent: Parent) -> None:
    """A return is booked without being read back, in one read and one write, and its note."""
    plan = account.destination.plan(credit_key("12"), credit("12", "57.50"), parent)
    account.calls()
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Created)
    assert outcome.booked is not None
    assert outcome.booked.total == Money.of("57.50", "USD")
    assert sum(account.calls().values()) == 3


def test_a_note_for_people_stands_beside_the_invoice(account: Crm, parent: Parent) -> None:
    """It says which credit over how much, and which document it is."""
    booked(account, "12", "57.50", parent)
    notes = account.staff.get("/crm/v3/objects/notes", params={"properties": "hs_note_body"})
    (note,) = notes.json()["results"]
    assert credit_key("12") in note["properties"]["hs_note_body"]
    assert "USD 57.50" in note["properties"]["hs_note_body"]


@pytest.mark.parametrize("fault", [{"fault": "status", "status": 500}, {"fault": "drop_before"}])
def test_a_note_that_fails_does_not_fail_the_credit(
    account: Crm, parent: Parent, fault: dict[str, object]
) -> None:
    """The credit is booked whatever becomes of the words about it."""
    account.fault(method="POST", path=".*/notes", times=2, **fault)
    booked(account, "12", "57.50", parent)
    assert marks(account, parent)[0] == "57.50"


def test_credits_add_up_and_the_last_voids_an_unpaid_invoice(account: Crm, parent: Parent) -> None:
    """Two returns of one invoice stand side by side; only all of it voids the invoice."""
    booked(account, "12", "100", parent)
    assert marks(account, parent)[2] == "open"
    booked(account, "13", "130", parent)
    total, written, status = marks(account, parent)
    assert (total, status) == ("230.00", "voided")
    assert len((written or "").splitlines()) == 2


def test_a_paid_invoice_is_not_voided(account: Crm, parent: Parent) -> None:
    """Money that came in is not undone by a credit."""
    account.force(parent.id, "hs_amount_paid", "10")
    booked(account, "12", "230", parent)
    assert marks(account, parent)[2] == "open"


def test_the_invoice_of_a_person_is_not_voided(account: Crm) -> None:
    """A sale that was linked by hand keeps its status: it may be the source of another route."""
    invoice = account.invoice()
    booked(account, "12", "100", Parent(invoice, None))
    assert marks(account, Parent(invoice, None))[2] == "open"


def test_more_than_the_invoice_is_not_credited(account: Crm, parent: Parent) -> None:
    """Credits beyond the invoice, or in another currency, are a person's to decide."""
    booked(account, "12", "200", parent)
    with pytest.raises(FixData) as error:
        account.destination.plan(credit_key("13"), credit("13", "30.01"), parent)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH
    euros = replace(credit("14", "1"), total=Money.of("1", "EUR"))
    with pytest.raises(FixData) as error:
        account.destination.plan(credit_key("14"), euros, parent)
    assert error.value.failure.error_type is ErrorType.CURRENCY_UNSUPPORTED
    booked(account, "15", "30", parent)


def test_two_returns_at_once_do_not_overwrite_each_other(account: Crm, parent: Parent) -> None:
    """While one is between its reading and its writing, the other waits."""
    first = account.destination.plan(credit_key("12"), credit("12", "100"), parent)
    with pytest.raises(TryLater) as error:
        account.destination.plan(credit_key("13"), credit("13", "50"), parent)
    assert error.value.failure.error_type is ErrorType.STALE
    assert error.value.wait == timedelta(seconds=2)
    assert isinstance(account.destination.create(first, sent_by=soon()), Created)
    booked(account, "13", "50", parent)
    assert marks(account, parent)[0] == "150.00"


def test_four_returns_from_four_threads_all_stand(
    account: Crm, parent: Parent, tmp_path: Path
) -> None:
    """With the claims of the database, no return is lost to another one's writing."""
    store = Store(fresh_file(tmp_path))
    mappings = store.mappings("crm", SystemClock())
    ends = [account.another(mappings) for _ in range(4)]
    deadline = time.monotonic() + 10

    def book(number: int) -> Outcome:
        one, key = credit(str(number), f"{number}.00"), credit_key(str(number))
        while True:
            try:
                plan = ends[number].plan(key, one, parent)
            except TryLater:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            else:
                return ends[number].create(plan, sent_by=soon())

    with ThreadPoolExecutor() as threads:
        outcomes = list(threads.map(book, range(4)))
    assert [type(one) for one in outcomes] == [Created] * 4
    total, written, _status = marks(account, parent)
    assert total == "6.00"
    assert len((written or "").splitlines()) == 4
    for end in ends:
        end.close()
    store.close()


def test_a_credit_that_is_written_again_stands_once(account: Crm, parent: Parent) -> None:
    """Planned twice from the same invoice, it is one reference and one amount."""
    booked(account, "12", "100", parent)
    booked(account, "12", "100", parent)
    assert marks(account, parent)[:2] == ["100.00", f"{credit_key('12')}|12|100.00|USD"]


def test_a_lost_answer_keeps_others_waiting(account: Crm, parent: Parent) -> None:
    """The write may still arrive, so nobody else reads before it; our own is then found."""
    plan = account.destination.plan(credit_key("12"), credit("12", "100"), parent)
    account.fault(method="PATCH", path="/crm", fault="drop_after")
    assert isinstance(account.destination.create(plan, sent_by=soon()), Ambiguous)
    with pytest.raises(TryLater):
        account.destination.plan(credit_key("13"), credit("13", "50"), parent)
    assert account.destination.find(credit_key("12"), credit("12", "100"), parent).ours


def test_a_credit_that_would_leave_too_late_is_not_sent(account: Crm, parent: Parent) -> None:
    """Past its moment nothing is written, and the next one need not wait."""
    plan = account.destination.plan(credit_key("12"), credit("12", "100"), parent)
    late = datetime.now(UTC) - timedelta(seconds=1)
    assert isinstance(account.destination.create(plan, sent_by=late), NotSent)
    assert marks(account, parent)[0] is None
    booked(account, "13", "50", parent)


def test_a_claim_that_has_grown_old_is_not_acted_on(account: Crm, parent: Parent) -> None:
    """Another worker may hold the invoice by then."""
    plan = account.destination.plan(credit_key("12"), credit("12", "100"), parent)
    plan.payload["claimed_at"] = (datetime.now(UTC) - timedelta(minutes=4, seconds=1)).isoformat()
    assert isinstance(account.destination.create(plan, sent_by=soon()), NotSent)


def test_a_return_without_its_invoice_waits(account: Crm) -> None:
    """No sale, no place to write it; an invoice that is gone is told."""
    with pytest.raises(FixData) as error:
        account.destination.find(credit_key("12"), credit("12", "1"), None)
    assert error.value.failure.error_type is ErrorType.PREREQUISITE_PENDING
    gone = Parent("999999999", None)
    with pytest.raises(FixData) as error:
        account.destination.plan(credit_key("12"), credit("12", "1"), gone)
    assert error.value.failure.error_type is ErrorType.NOT_FOUND
    assert not account.mappings.claims


def test_a_voided_sale_is_credited_whole(account: Crm, parent: Parent) -> None:
    """The return of a voided sale has no lines; its amount is the sale's as it was booked."""
    whole = replace(
        credit("12", "230"), source_id="void-145", number=None, lines=(), reverses_sale=True
    )
    key = KEY.replace(":invoice:", ":return:void-")
    one = account.create(whole, key, parent)
    assert one == f"{parent.id}/void-145"
    assert marks(account, parent)[2] == "voided"
