"""Daftra as a destination, against the stand-in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sync.connectors.base import Parent
from sync.connectors.daftra_bodies import sum_of
from sync.documents import Charge, Document, Kind, Unbooked
from sync.errors import ErrorType, FixData, Reconnect, TryLater
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Rejected
from tests.builders import document, order
from tests.connectors.conftest import Ends

KEY = "v1:salla:1305146709:invoice:1"


def soon() -> datetime:
    """Return a moment by which a create may still leave."""
    return datetime.now(UTC) + timedelta(seconds=5)


def created(ends: Ends, one: Document, key: str = KEY, parent: Parent | None = None) -> str:
    """Create a document; returns its id."""
    assert not ends.destination.blockers(one)
    outcome = ends.destination.create(ends.destination.plan(key, one, parent), sent_by=soon())
    assert isinstance(outcome, Created), outcome
    return outcome.destination_id


def test_a_document_is_created_and_found_by_its_key(ends: Ends) -> None:
    """What was created is found by exactly our key, with an equal total, and nothing else is."""
    one = document()
    assert ends.destination.find(KEY, one, None).ours is None
    number = created(ends, one)
    booked = ends.destination.find(KEY, one, None).ours
    assert booked is not None
    assert (booked.id, booked.total, booked.order_number) == (number, one.total, "4043")
    assert booked.url == f"{ends.books_url}/owner/invoices/view/{number}"
    assert ends.destination.find(KEY + "0", one, None).ours is None


def test_a_credit_note_points_to_its_sale_and_is_found_without_a_filter(ends: Ends) -> None:
    """Credit notes know no filter: ours is found by paging and comparing the key."""
    sale = created(ends, document())
    back = document("2", kind=Kind.RETURN, total="57.50")
    key = KEY.replace("invoice", "return")
    number = created(ends, back, key, Parent(sale, None))
    booked = ends.destination.find(key, back, None).ours
    assert booked is not None
    assert booked.id == number
    assert ends.seed.site.documents[int(number)].subscription_id == sale
    with pytest.raises(FixData) as error:
        ends.destination.read(number, Kind.INVOICE)
    assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_discount_shipping_and_fees_make_the_same_total(ends: Ends) -> None:
    """A document's own discount, shipping and the fee for cash agree to the cent in the books."""
    line = replace(document().lines[0], unit_price=Decimal(200))
    charges = [Charge("Shipping", Decimal(25), Decimal(15))]
    charges.append(Charge("Cash on delivery", Decimal(10), Decimal(15)))
    one = replace(document(), lines=[line], charges=charges, discount=Decimal("12.50"))
    one = replace(one, total=Money.of(sum_of(one), "SAR"))
    number = created(ends, one)
    assert ends.destination.read(number, Kind.INVOICE).total == Money.of("255.88", "SAR")
    assert ends.destination.read(number, Kind.INVOICE).state is None
    ends.seed.site.documents[int(number)].draft = True
    assert ends.destination.read(number, Kind.INVOICE).state is Unbooked.DRAFT


@pytest.mark.parametrize(
    "sku", ["HONEY-500", "widget-001", "WIDGET-001 ", "HONEY-٥٠٠", "СОFFEE-250", "TEA\u2011200"]
)
def test_a_sku_matches_exactly_or_not_at_all(ends: Ends, sku: str) -> None:
    """Letter case, blanks, digits and look-alikes count: the nearest product is not the product."""
    (failure,) = ends.destination.blockers(document(sku=sku))
    assert (failure.error_type, failure.key) == (ErrorType.SKU_NOT_FOUND, sku)


def test_all_blockers_come_at_once(ends: Ends) -> None:
    """No e-mail, an unknown SKU, an inactive product and a line without SKU are four blockers."""
    product = ends.seed.site.product_by_code("TEA-200")
    assert product is not None
    product.status = 1
    one = document()
    lines = [replace(one.lines[0], sku=sku) for sku in ("NOPE", "TEA-200", None, "NOPE")]
    one = replace(one, lines=lines, customer=replace(one.customer, email=None))
    found = [failure.error_type for failure in ends.destination.blockers(one)]
    assert found == [
        ErrorType.CUSTOMER_EMAIL_MISSING,
        ErrorType.SKU_NOT_FOUND,
        ErrorType.ITEM_INACTIVE,
        ErrorType.SKU_NOT_FOUND,
    ]
    assert not ends.ledger()


def test_a_client_is_found_whatever_the_case_of_the_email(ends: Ends) -> None:
    """The same address in other letters is the same client: no second one is made."""
    before = len(ends.seed.site.clients)
    one = document()
    created(ends, replace(one, customer=replace(one.customer, email="SARA@Example.sa")))
    assert len(ends.seed.site.clients) == before


def test_a_new_client_is_made_once(ends: Ends) -> None:
    """The first document of a customer makes the client, the second finds it."""
    one = document()
    new = replace(one.customer, email="new@example.sa", source_id="77")
    created(ends, replace(one, customer=new))
    created(ends, replace(one, customer=new, source_id="2"), f"{KEY}2")
    assert [c.email for c in ends.seed.site.clients.values()].count("new@example.sa") == 1


def test_a_claimed_client_is_waited_for(ends: Ends) -> None:
    """While another thread makes the client, this document waits instead of making a second."""
    ends.mappings.claim("client", "new@example.sa")
    one = document()
    one = replace(one, customer=replace(one.customer, email="new@example.sa"))
    ends.destination.blockers(one)
    with pytest.raises(TryLater):
        ends.destination.plan(KEY, one, None)


def test_a_foreign_document_of_the_same_order_is_seen(ends: Ends) -> None:
    """A document that a clerk typed is a rival; one of ours is none."""
    foreign = order(str(ends.seed.names["foreign"]))
    rival = ends.destination.find(KEY, document(of=foreign), None).foreign
    assert rival is not None
    assert (rival.key, rival.total) == (None, Money.of("690.00", "SAR"))
    assert ends.destination.find(KEY, document(), None).foreign is None


@pytest.mark.parametrize(
    ("fault", "kind", "stored"),
    [
        ({"fault": "drop_after"}, Ambiguous, 1),
        ({"fault": "drop_before"}, Ambiguous, 0),
        ({"fault": "hang", "seconds": 3.2}, Ambiguous, None),
        ({"fault": "status", "status": 500}, Ambiguous, 0),
        ({"fault": "status_after", "status": 502}, Ambiguous, 1),
        ({"fault": "half_json"}, Ambiguous, 1),
        ({"fault": "missing_id"}, Ambiguous, 1),
        ({"fault": "html_200"}, Ambiguous, 0),
        ({"fault": "status", "status": 429, "retry_after": "3"}, NotSent, 0),
        ({"fault": "token_expired"}, Rejected, 0),
    ],
)
def test_a_lost_or_odd_answer_to_a_create(
    ends: Ends, fault: dict[str, object], kind: type, stored: int | None
) -> None:
    """No answer to a create is taken for success or failure that it does not prove."""
    one = document()
    ends.destination.blockers(one)
    plan = ends.destination.plan(KEY, one, None)
    ends.fault(ends.books_url, method="POST", path="/api2/invoices", **fault)
    assert type(ends.destination.create(plan, sent_by=soon())) is kind
    assert stored is None or len(ends.ledger()) == stored


def test_a_create_that_would_leave_too_late_is_not_sent(ends: Ends) -> None:
    """Past the moment that the mark allows nothing leaves."""
    one = document()
    ends.destination.blockers(one)
    late = datetime.now(UTC) - timedelta(seconds=1)
    outcome = ends.destination.create(ends.destination.plan(KEY, one, None), sent_by=late)
    assert isinstance(outcome, NotSent)
    assert not ends.ledger()


def test_a_sum_that_daftra_would_make_differently_is_not_sent(ends: Ends) -> None:
    """Half a cent that Daftra rounds otherwise is told before the create, not after."""
    one = document()
    ends.destination.blockers(one)
    with pytest.raises(FixData) as error:
        ends.destination.plan(KEY, replace(one, total=Money.of("115.01", "SAR")), None)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH


def test_a_wrong_key_asks_for_a_reconnect(ends: Ends) -> None:
    """A refused key is nobody's data: the connection must be renewed."""
    ends.seed.site.expired = True
    with pytest.raises(Reconnect) as error:
        ends.destination.check()
    assert (error.value.connection, error.value.failure.error_type) == (
        "books",
        ErrorType.UNAUTHORIZED,
    )


def test_daftras_own_salla_connector_is_warned_of(ends: Ends) -> None:
    """Documents that Daftra's own connector made mean that every sale would be booked twice."""
    assert not ends.destination.check().warnings
    next(iter(ends.seed.site.documents.values())).external_source = "salla"
    assert ends.destination.check().warnings
