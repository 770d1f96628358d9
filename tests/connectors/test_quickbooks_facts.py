"""What settings, taxes and master records decide, and what a refusal makes us forget."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.documents import Charge
from sync.errors import ErrorType
from sync.outcomes import Created, Rejected
from tests.connectors.company import EMAIL, Books, books, end, line, sale

GONE = (
    '{"Fault": {"Error": [{"Message": "Object Not Found", "Detail": "Something that you use was '
    'made inactive: accounts, customers, items or vendors", "code": "610", "element": null}], '
    '"type": "ValidationFault"}}'
)


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US."""
    with books() as opened:
        yield opened


@pytest.fixture
def british() -> Iterator[Books]:
    """Start a company that taxes by codes; it has none yet."""
    with books(country="GB", currency="GBP") as opened:
        yield opened


def test_a_code_of_purchases_is_no_code_of_nothing(british: Books) -> None:
    """One without rates for sales does not stand for 0 %, nor one whose rates undo each other."""
    british.company.add("TaxCode", Name="Purchases")
    up, down = (british.company.add("TaxRate", RateValue=one)["Id"] for one in (20, -20))
    rates = [{"TaxRateRef": {"value": one}} for one in (up, down)]
    british.company.add("TaxCode", Name="Reverse", SalesTaxRateList={"TaxRateDetail": rates})
    stops = british.stops(sale(currency="GBP"))
    assert stops == [(ErrorType.TAX_NOT_MAPPED, "0")]


def test_the_oldest_code_of_a_percent_is_taken(british: Books) -> None:
    """Always the same one, in whatever order the company tells them."""
    first = british.tax(20)
    british.tax(20)
    twenty = sale(line(percent="20"), tax="40", total="240", currency="GBP")
    row = british.row("Invoice", british.create(twenty).destination_id)
    assert row["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"]["value"] == first


def test_a_foreign_currency_needs_the_setting(company: Books) -> None:
    """Preferences are asked: a company of one currency books no other."""
    stops = company.stops(sale(currency="EUR"))
    assert not stops
    one_currency = {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}}
    odd = json.dumps({"Preferences": {"CurrencyPrefs": one_currency}})
    company.odd(odd, "GET", "/preferences")
    other = end(QuickBooksDestination, str(company.staff.base_url), company.mappings)
    found = other.blockers(sale(currency="EUR"))
    other.close()
    assert [one.error_type for one in found] == [ErrorType.CURRENCY_UNSUPPORTED]


def test_the_customer_of_the_documents_currency_is_taken(company: Books) -> None:
    """QuickBooks keeps one customer a currency, so an e-mail may well stand on two."""
    company.customer(name="Engines EUR", CurrencyRef={"value": "EUR"})
    dollars = company.customer(name="Engines USD")
    row = company.row("Invoice", company.create(sale()).destination_id)
    assert row["CustomerRef"]["value"] == dollars


def test_a_second_charge_needs_an_item_of_its_own(company: Books) -> None:
    """A transaction has one shipping amount; a fee goes by its name or SKU."""
    charges = [Charge(name, Decimal(5), Decimal(0)) for name in ("Shipping", "Fee")]
    one = sale(charges=charges, total="210")
    assert company.stops(one) == [(ErrorType.SKU_NOT_FOUND, "Fee")]
    fee = company.item("Fee", Name="Cash on delivery")
    row = company.row("Invoice", company.create(one).destination_id)
    refs = [
        each["SalesItemLineDetail"]["ItemRef"]["value"]
        for each in row["Line"]
        if "SalesItemLineDetail" in each
    ]
    assert refs[1:] == ["SHIPPING_ITEM_ID", fee]


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_refused_item_is_told_by_its_sku(company: Books, *, is_gone: bool) -> None:
    """QuickBooks names its own id; people know the SKU."""
    second = company.item("ABC-2")
    one = sale(line(), line("ABC-2"), total="400")
    assert not company.stops(one)
    if is_gone:
        del company.company.rows["Item"][second]
    else:
        company.company.rows["Item"][second]["Active"] = False
    outcome = company.send(one)
    assert isinstance(outcome, Rejected)
    kind = ErrorType.SKU_NOT_FOUND if is_gone else ErrorType.ITEM_INACTIVE
    assert (outcome.failure.error_type, outcome.failure.key) == (kind, "ABC-2")
    assert company.stops(one) == [(kind, "ABC-2")]


def test_a_refusal_that_names_nothing_looks_everything_up_anew(company: Books) -> None:
    """The engine tries again by itself, and the next look tells what is gone, if it still is."""
    assert not company.stops(sale())
    customer = company.send(sale(number="1", source_id="1"))
    assert isinstance(customer, Created)
    company.odd(GONE, status=400)
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.STALE
    assert not company.mappings.kept
    company.create(sale())


def test_a_customer_is_made_of_what_is_known(company: Books) -> None:
    """Signs that a name may not have become blanks; what is unknown is not sent as nothing."""
    one = sale()
    buyer = replace(one.customer, first_name="", company="Engines: north\tand\nsouth")
    company.create(replace(one, customer=buyer))
    (made,) = company.company.rows["Customer"].values()
    assert made["DisplayName"] == "Engines north and south"
    assert made["PrimaryEmailAddr"] == {"Address": EMAIL}
    assert "GivenName" not in made
