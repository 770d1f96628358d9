"""Customers whom Daftra cannot invoice: said by customer, so that a fix goes there."""

from dataclasses import replace

import pytest

from sync.documents import Document
from sync.errors import ErrorType, FixData
from sync.outcomes import Rejected
from tests.builders import document
from tests.connectors.conftest import Ends
from tests.connectors.test_daftra import KEY, created, soon


def mailed(email: str | None) -> Document:
    """Return a document whose customer has this e-mail."""
    one = document()
    return replace(one, customer=replace(one.customer, email=email))


def test_a_missing_email_names_the_sources_customer(ends: Ends) -> None:
    """The fix goes to the customer in the store."""
    (stop,) = ends.destination.blockers(mailed(None))
    assert (stop.error_type, stop.key) == (ErrorType.CUSTOMER_EMAIL_MISSING, "Sara Ali (c1)")
    assert stop.subject == "c1"


@pytest.mark.parametrize("email", ["sara", "sara@", "@example.sa", "sara@example", "s a@b.sa", "@"])
def test_what_is_no_email_is_an_invalid_customer(ends: Ends, email: str) -> None:
    """An address that cannot be one is told before anything is sent."""
    (stop,) = ends.destination.blockers(mailed(email))
    assert (stop.error_type, stop.key) == (ErrorType.CUSTOMER_INVALID, email)
    assert stop.subject == "c1"
    assert not ends.ledger()


def test_daftra_foresees_what_its_blockers_look_at(ends: Ends) -> None:
    """Periods, currencies and taken numbers are learnt by a refused create only."""
    assert ends.destination.foresees == {
        ErrorType.CUSTOMER_EMAIL_MISSING,
        ErrorType.SKU_NOT_FOUND,
        ErrorType.ITEM_INACTIVE,
    }


def test_a_client_that_is_gone_is_told_by_customer_and_found_anew(ends: Ends) -> None:
    """The refused create names the customer; what was remembered is forgotten."""
    one = document()
    ends.mappings.put("client", "sara@example.sa", "999")
    ends.destination.blockers(one)
    outcome = ends.destination.create(ends.destination.plan(KEY, one, None), sent_by=soon())
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.key) == (ErrorType.CUSTOMER_INVALID, "Sara Ali (c1)")
    assert failure.subject == "c1"
    created(ends, one)


def test_a_new_client_that_daftra_refuses_is_an_invalid_customer(ends: Ends) -> None:
    """By its e-mail where that is refused; the claim is given back."""
    one = mailed("blocked@example.sa")
    ends.seed.site.refused_email = "blocked@example.sa"
    ends.destination.blockers(one)
    for _ in range(2):
        with pytest.raises(FixData) as error:
            ends.destination.plan(KEY, one, None)
        failure = error.value.failure
        assert failure.error_type is ErrorType.CUSTOMER_INVALID
        assert (failure.key, failure.subject) == ("blocked@example.sa", "c1")
        assert "Please enter a valid email" in failure.reason


def test_a_product_that_vanished_before_the_create_is_told_by_its_sku(ends: Ends) -> None:
    """Daftra names a field of a line; the cause is the SKU."""
    one = document()
    ends.destination.blockers(one)
    plan = ends.destination.plan(KEY, one, None)
    product = ends.seed.site.product_by_code("WIDGET-001")
    assert product is not None
    del ends.seed.site.products[product.id]
    outcome = ends.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.key) == (ErrorType.SKU_NOT_FOUND, "WIDGET-001")
    assert ends.mappings.get("product", "WIDGET-001") is None
