"""What a fix asks of QuickBooks: items made once, e-mails set, goods told."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from sandbox.quickbooks.company import SALES
from sync.connectors.base import NEW_PRODUCTS, Good, Kept
from sync.errors import ErrorType, FixData, Reconnect, TryLater
from sync.money import Money
from tests.connectors.company import INVOICES, Books, books, line, sale

ITEMS = INVOICES.replace("invoice", "item")
NEW = Good("NEW-1", "Brand new", Money.of("12.50", "USD"))


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US."""
    with books() as opened:
        yield opened


def test_an_item_is_made_once(company: Books) -> None:
    """With its exact SKU, price and the income account; a repetition returns the same one."""
    made = company.destination.create_product(NEW)
    assert company.destination.create_product(NEW) == made
    company.mappings.kept.clear()
    company.mappings.claims.clear()
    assert company.destination.create_product(NEW) == made
    row = company.row("Item", made.id)
    assert (row["Sku"], row["Name"], row["Type"]) == ("NEW-1", "Brand new", "NonInventory")
    assert (row["UnitPrice"], row["IncomeAccountRef"]["value"]) == (12.5, SALES)
    assert company.stops(sale(line("NEW-1"))) == []


def test_two_people_make_one_item(company: Books) -> None:
    """The second waits while the first one makes it, and gets what is there by then."""
    company.mappings.claim("product", "NEW-1")
    with pytest.raises(TryLater) as error:
        company.destination.create_product(NEW)
    assert error.value.failure.error_type is ErrorType.STALE
    known = company.item("NEW-1")
    assert company.destination.create_product(NEW).id == known


def test_a_lost_item_is_found_by_the_next_press(company: Books) -> None:
    """It may have been made: nothing is made again before a look."""
    company.fault(method="POST", path=ITEMS, fault="drop_after")
    with pytest.raises(TryLater):
        company.destination.create_product(NEW)
    found = company.destination.create_product(NEW)
    assert [one["Id"] for one in company.company.rows["Item"].values()][1:] == [found.id]


def test_an_item_that_never_arrived_is_made_by_the_next_press(company: Books) -> None:
    """A refusal or a closed door gives the claim back."""
    company.fault(method="POST", path=ITEMS, fault="status", status=429)
    with pytest.raises(TryLater):
        company.destination.create_product(NEW)
    company.company.suspended = True
    with pytest.raises(Reconnect):
        company.destination.create_product(NEW)
    company.company.suspended = False
    assert company.destination.create_product(NEW).code == "NEW-1"


def test_a_look_that_fails_gives_the_claim_back(company: Books) -> None:
    """Nothing was sent: the next press looks again."""
    company.fault(method="GET", path=ITEMS.replace("item", "query"), fault="status", status=500)
    with pytest.raises(TryLater):
        company.destination.create_product(NEW)
    assert company.destination.create_product(NEW).code == "NEW-1"


def test_a_taken_name_gets_the_sku_behind_it(company: Books) -> None:
    """Near misses often share a name; signs that a name may not have become blanks."""
    company.item("new-1", Name="Brand new")
    made = company.destination.create_product(NEW)
    assert (made.name, made.code) == ("Brand new (NEW-1)", "NEW-1")
    long = company.destination.create_product(Good("L:1", "Two:\nnames" * 30))
    assert company.row("Item", long.id)["Sku"] == "L:1"
    company.mappings.kept.clear()
    named = Good("NEW-2", "Brand new")
    company.item("other", Name="Brand new (NEW-2)")
    with pytest.raises(FixData) as error:
        company.destination.create_product(named)
    assert error.value.failure.error_type is ErrorType.NAME_CONFLICT


def test_what_cannot_be_made_is_told(company: Books) -> None:
    """Several with the SKU, an inactive one, an SKU too long, no income account."""
    company.item("TWO", Name="One")
    company.item("TWO", Name="Other")
    company.item("OLD", Active=False)
    for sku, kind in (
        ("TWO", ErrorType.CONFLICT),
        ("OLD", ErrorType.ITEM_INACTIVE),
        ("x" * 101, ErrorType.FIELD_INVALID),
        (" ", ErrorType.FIELD_INVALID),
    ):
        with pytest.raises(FixData) as error:
            company.destination.create_product(Good(sku, "Some"))
        assert error.value.failure.error_type is kind
    del company.company.rows["Account"][SALES]
    with pytest.raises(FixData) as error:
        company.destination.create_product(NEW)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.ACCOUNT_NOT_MAPPED, "income")


def test_the_chosen_income_account_is_taken(company: Books) -> None:
    """Else the one that most items are booked on."""
    accounts = [
        company.company.add("Account", Name=name, AccountType="Income", Active=True)["Id"]
        for name in ("Services", "Goods")
    ]
    company.item("A", IncomeAccountRef={"value": accounts[1]})
    made = company.destination.create_product(NEW)
    assert company.row("Item", made.id)["IncomeAccountRef"]["value"] == accounts[1]
    company.mappings.choices[Kept.INCOME, NEW_PRODUCTS] = accounts[0]
    made = company.destination.create_product(replace(NEW, sku="NEW-2", name="Two"))
    assert company.row("Item", made.id)["IncomeAccountRef"]["value"] == accounts[0]


def test_an_income_account_is_never_guessed(company: Books) -> None:
    """Of several that no item uses, nobody picks: the refusal asks for a choice."""
    company.company.add("Account", Name="Services", AccountType="Income", Active=True)
    company.item("A", IncomeAccountRef={"value": "999"})
    with pytest.raises(FixData) as error:
        company.destination.create_product(NEW)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.ACCOUNT_NOT_MAPPED, "income")
    assert "choose" in failure.reason
    company.mappings.choices[Kept.INCOME, NEW_PRODUCTS] = SALES
    made = company.destination.create_product(NEW)
    assert company.row("Item", made.id)["IncomeAccountRef"]["value"] == SALES


def test_two_income_accounts_used_equally_often_ask_for_a_choice(company: Books) -> None:
    """One item on each of two: nobody picks; one item more on either settles it."""
    other = company.company.add("Account", Name="Goods", AccountType="Income", Active=True)["Id"]
    company.item("A", IncomeAccountRef={"value": SALES})
    company.item("B", IncomeAccountRef={"value": other})
    with pytest.raises(FixData) as error:
        company.destination.create_product(NEW)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.ACCOUNT_NOT_MAPPED, "income")
    assert "do not tell which one: choose" in failure.reason
    company.item("C", IncomeAccountRef={"value": other})
    made = company.destination.create_product(NEW)
    assert company.row("Item", made.id)["IncomeAccountRef"]["value"] == other


def test_a_chosen_income_account_that_was_switched_off_is_named(company: Books) -> None:
    """The refusal says which choice does not hold any more; another choice mends it."""
    other = company.company.add("Account", Name="Goods", AccountType="Income", Active=False)["Id"]
    company.mappings.choices[Kept.INCOME, NEW_PRODUCTS] = other
    with pytest.raises(FixData) as error:
        company.destination.create_product(NEW)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.ACCOUNT_NOT_MAPPED, "income")
    assert "The chosen account Goods" in failure.reason
    assert "is switched off in QuickBooks" in failure.reason
    company.mappings.choices[Kept.INCOME, NEW_PRODUCTS] = SALES
    assert company.destination.create_product(NEW).code == "NEW-1"


def test_an_item_changed_since_an_old_answer_is_told(company: Books) -> None:
    """QuickBooks replays its first answer for a known request id: the item is read anew."""
    made = company.destination.create_product(NEW)
    company.company.rows["Item"][made.id]["Sku"] = "RENAMED"
    company.mappings.claims.clear()
    with pytest.raises(FixData) as error:
        company.destination.create_product(NEW)
    assert error.value.failure.error_type is ErrorType.CONFLICT
    assert ("product", "NEW-1") not in company.mappings.kept


def test_an_email_is_set_and_nothing_else(company: Books) -> None:
    """A sparse update; repeated, it writes nothing."""
    buyer = company.customer("old@example.com", GivenName="Ada")
    company.source.set_email(buyer, "new@example.com")
    row = company.row("Customer", buyer)
    assert row["PrimaryEmailAddr"] == {"Address": "new@example.com"}
    assert (row["DisplayName"], row["GivenName"]) == ("Engines", "Ada")
    company.calls()
    company.source.set_email(buyer, "new@example.com")
    assert sum(company.calls().values()) == 1


def test_a_customer_changed_meanwhile_is_read_again_once(company: Books) -> None:
    """5010: the update is repeated with the new token; when it is stale again, somebody waits."""
    stale = '{"Fault": {"Error": [{"Message": "Stale Object Error", "code": "5010"}]}}'
    buyer = company.customer()
    company.odd(stale, path="/customer", status=400)
    company.source.set_email(buyer, "new@example.com")
    assert company.row("Customer", buyer)["PrimaryEmailAddr"]["Address"] == "new@example.com"
    company.odd(stale, path="/customer", status=400, times=2)
    with pytest.raises(TryLater):
        company.source.set_email(buyer, "newer@example.com")


def test_a_refused_email_is_told_in_quickbooks_words(company: Books) -> None:
    """And an unknown customer is not found."""
    buyer = company.customer()
    with pytest.raises(FixData) as error:
        company.source.set_email(buyer, "no address")
    failure = error.value.failure
    assert (failure.error_type, failure.subject) == (ErrorType.CUSTOMER_INVALID, buyer)
    assert "RFC 822" in failure.reason
    for nobody in ("987", "", "../item/1"):
        with pytest.raises(FixData) as error:
            company.source.set_email(nobody, "new@example.com")
        assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_a_lost_answer_to_an_email_may_be_repeated(company: Books) -> None:
    """The second press finds it done."""
    buyer = company.customer()
    path = INVOICES.replace("invoice", "customer")
    company.fault(method="POST", path=path, fault="drop_after")
    with pytest.raises(TryLater):
        company.source.set_email(buyer, "new@example.com")
    company.source.set_email(buyer, "new@example.com")
    assert company.row("Customer", buyer)["PrimaryEmailAddr"]["Address"] == "new@example.com"


def test_a_mended_email_reaches_the_document(company: Books) -> None:
    """A bill whose own address is none takes the customer's."""
    buyer = company.customer("old@example.com")
    bill = company.bill(CustomerRef={"value": buyer}, BillEmail={"Address": "ada at example"})
    company.source.set_email(buyer, "new@example.com")
    assert company.source.read(bill).customer.email == "new@example.com"


def test_goods_are_what_is_sold_with_an_sku(company: Books) -> None:
    """Active ones; a price that holds its tax is left out."""
    company.item("B", Name="Tea", UnitPrice=4.5)
    company.item("C", Name="Gross", UnitPrice=5, SalesTaxIncluded=True)
    company.item("", Name="No SKU")
    company.item("D", Active=False)
    company.item("E", Name="Box", Type="Group")
    found = {one.sku: one for one in company.source.goods()}
    assert set(found) == {"ABC-1", "B", "C"}
    assert found["B"] == Good("B", "Tea", Money(Decimal("4.50"), "USD"))
    assert found["C"].price is None
