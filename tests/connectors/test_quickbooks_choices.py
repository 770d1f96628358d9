"""What people choose in QuickBooks stands; what blocks is read anew and has one key."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.quickbooks.company import SALES
from sync.connectors.base import Kept
from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.documents import Customer, Document, Kind
from sync.errors import ErrorType, FixData
from sync.outcomes import Rejected
from tests.connectors.company import EMAIL, Books, books, charge, end, line, sale
from tests.fakes import TurnedClock

STRANGE = ["'", "\\", "100%", "_", "🍯", "x' or Sku like '", "é" * 500, "\n", '"', "*", "a:b"]


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company of the US."""
    with books() as opened:
        yield opened


@pytest.fixture
def abroad() -> Iterator[Books]:
    """Start a company outside the US, with a tax of 15 %."""
    with books(country="SA", currency="SAR") as opened:
        opened.tax(15)
        yield opened


UNNAMED = (
    '{"Fault": {"Error": [{"Message": "Object Not Found", "Detail": "Something you are '
    'trying to use has been made inactive: accounts, customers, items", "code": "610"}]}}'
)
"""Tells that something is gone, not what."""


def abroad_sale(percent: str) -> Document:
    """Return a sale of 200 SAR with a tax of 15, said to be at `percent`."""
    return sale(line(percent=percent), tax="15", total="215", currency="SAR")


def test_a_chosen_item_stands_for_its_sku(company: Books) -> None:
    """Nothing is looked up, and the line names the chosen item."""
    chosen = company.item("OTHER")
    company.mappings.choices["product", "NOPE"] = chosen
    one = sale(line("NOPE"))
    assert company.stops(one) == []
    assert not company.destination.stops(["NOPE"])
    row = company.row("Invoice", company.create(one).destination_id)
    assert row["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == chosen
    company.company.rows["Item"][chosen]["Active"] = False
    outcome = company.send(replace(one, source_id="502", number="2"))
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.error_type, outcome.failure.key) == (ErrorType.ITEM_INACTIVE, "NOPE")
    assert "that was chosen for NOPE is switched off in QuickBooks" in outcome.failure.reason
    assert list(company.destination.stops(["NOPE"])) == [outcome.failure], "a look notices it"
    assert company.mappings.choices, "a refusal forgets no choice"
    company.company.rows["Item"][chosen]["Active"] = True
    assert not company.destination.stops(["NOPE"])
    company.mappings.choices["product", "NOPE"] = "987"
    (stop,) = company.destination.stops(["NOPE"])
    assert (stop.error_type, stop.key) == (ErrorType.SKU_NOT_FOUND, "NOPE")


def test_a_refusal_that_names_nothing_finds_the_choice(company: Books) -> None:
    """QuickBooks tells that something is inactive, not what: the chosen items are read anew."""
    chosen = company.item("OTHER")
    company.mappings.choices["product", "NOPE"] = chosen
    one = sale(line("NOPE"))
    assert company.stops(one) == []
    company.company.rows["Item"][chosen]["Active"] = False
    company.odd(UNNAMED, status=400)
    outcome = company.send(one)
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.error_type, outcome.failure.key) == (ErrorType.ITEM_INACTIVE, "NOPE")


def test_an_account_that_a_document_does_not_name_is_not_blamed(company: Books) -> None:
    """A refusal that names nothing: the account of refunds is off, and the sale does not use it."""
    account = company.company.add("Account", Name="Old", AccountType="Bank", Active=False)["Id"]
    company.mappings.choices["account", "DepositToAccountRef"] = account
    one = sale()
    company.stops(one)
    company.odd(UNNAMED, status=400)
    outcome = company.send(one)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.STALE


def test_a_chosen_item_stands_for_a_charge(company: Books) -> None:
    """A fee without an item of its name goes to the chosen one."""
    company.company.allows_shipping = False
    one = sale(charges=[charge()], total="215")
    assert company.stops(one) == [(ErrorType.SKU_NOT_FOUND, "Shipping")]
    chosen = company.item("FREIGHT")
    company.mappings.choices["product", "Shipping"] = chosen
    row = company.row("Invoice", company.create(one).destination_id)
    assert row["Line"][1]["SalesItemLineDetail"]["ItemRef"]["value"] == chosen


def test_a_chosen_tax_code_stands_for_its_percent(abroad: Books) -> None:
    """The line carries it; the cause's key is the choice's key."""
    abroad.customer(CurrencyRef={"value": "SAR"})
    one = abroad_sale("7.50")
    assert abroad.stops(one) == [(ErrorType.TAX_NOT_MAPPED, "7.5")]
    code = abroad.tax(7.5, Hidden=True)
    abroad.mappings.choices["tax", "7.5"] = code
    row = abroad.row("Invoice", abroad.create(one).destination_id)
    assert row["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"]["value"] == code
    assert row["TotalAmt"] == 215


def test_a_chosen_tax_code_of_another_percent_books_nothing(abroad: Books) -> None:
    """The total that QuickBooks would make of it is told before anything is sent."""
    abroad.customer(CurrencyRef={"value": "SAR"})
    abroad.mappings.choices["tax", "7.5"] = next(iter(abroad.company.rows["TaxCode"]))
    one = abroad_sale("7.5")
    assert abroad.stops(one) == []
    with pytest.raises(FixData) as error:
        abroad.send(one)
    assert error.value.failure.error_type is ErrorType.AMOUNT_MISMATCH
    assert not abroad.booked()


def test_a_chosen_tax_code_that_was_switched_off_is_named(abroad: Books) -> None:
    """The refused create is told by its percent alone; from then on nothing is sent."""
    abroad.customer(CurrencyRef={"value": "SAR"})
    code = abroad.tax(15, Name="VAT of services")
    abroad.mappings.choices["tax", "15"] = code
    one = sale(
        line(percent="15"),
        line(percent="0", price="0"),
        tax="30",
        total="230",
        currency="SAR",
    )
    abroad.tax(0)
    assert abroad.stops(one) == []
    abroad.company.rows["TaxCode"][code]["Active"] = False
    outcome = abroad.send(one)
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.key) == (ErrorType.TAX_NOT_MAPPED, "15")
    assert "that was chosen for 15 % is switched off in QuickBooks" in failure.reason
    assert list(abroad.destination.blockers(one)) == [failure]
    assert not abroad.booked()


def test_a_chosen_account_that_was_switched_off_is_named(company: Books) -> None:
    """It is noticed before anything is sent, and another choice mends it."""
    accounts = [
        company.company.add("Account", Name=name, AccountType="Bank", Active=True)["Id"]
        for name in ("Checking", "Savings")
    ]
    one = sale(kind=Kind.RETURN, number="R-1", refunded=True)
    company.mappings.choices["account", "DepositToAccountRef"] = accounts[1]
    assert company.stops(one) == []
    company.company.rows["Account"][accounts[1]]["Active"] = False
    outcome = company.send(one)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.key == "DepositToAccountRef"
    assert "The account Savings (Bank) that was chosen for refunds" in outcome.failure.reason
    assert list(company.destination.blockers(one)) == [outcome.failure]
    company.mappings.choices["account", "DepositToAccountRef"] = accounts[0]
    company.create(one)


def test_a_chosen_account_pays_refunds(company: Books) -> None:
    """Of several bank accounts the chosen one is taken."""
    accounts = [
        company.company.add("Account", Name=name, AccountType="Bank", Active=True)["Id"]
        for name in ("Checking", "Savings")
    ]
    one = sale(kind=Kind.RETURN, number="R-1", refunded=True)
    assert company.stops(one) == [(ErrorType.ACCOUNT_NOT_MAPPED, "DepositToAccountRef")]
    company.mappings.choices["account", "DepositToAccountRef"] = accounts[1]
    row = company.row("RefundReceipt", company.create(one).destination_id)
    assert row["DepositToAccountRef"]["value"] == accounts[1]


def test_customers_are_told_with_their_source_id(company: Books) -> None:
    """A fix knows where to go; blanks are no e-mail, and a text that is none is invalid."""
    for email, kind in (
        (None, ErrorType.CUSTOMER_EMAIL_MISSING),
        ("  ", ErrorType.CUSTOMER_EMAIL_MISSING),
        ("ada at example", ErrorType.CUSTOMER_INVALID),
    ):
        one = sale(customer=Customer("77", "Ada", "Byron", email))
        (stop,) = company.destination.blockers(one)
        assert (stop.error_type, stop.subject) == (kind, "77")
    company.customer(Active=False)
    (stop,) = company.destination.blockers(sale())
    assert (stop.error_type, stop.subject) == (ErrorType.CUSTOMER_INACTIVE, "77")


def test_a_refused_customer_is_told_by_email(company: Books) -> None:
    """Two customers that are gone are two causes, each with its source id."""
    company.mappings.put("customer", f"USD:{EMAIL}", "987")
    company.destination.blockers(sale())
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.key, outcome.failure.subject) == (EMAIL, "77")


def test_an_email_that_quickbooks_refuses_is_the_customers(company: Books) -> None:
    """The shape passes ours and not theirs: nothing is booked, and a retry may try again."""
    refused = '{"Fault": {"Error": [{"Message": "Invalid email", "code": "2210", '
    refused += '"element": "PrimaryEmailAddr"}], "type": "ValidationFault"}}'
    company.odd(refused, path="/customer", status=400)
    company.destination.blockers(sale())
    with pytest.raises(FixData) as error:
        company.send(sale())
    failure = error.value.failure
    assert (failure.error_type, failure.subject) == (ErrorType.CUSTOMER_INVALID, "77")
    company.create(sale())


def test_opened_books_are_seen_within_seconds(company: Books) -> None:
    """What the settings forbid is read anew before it is told, also when they were just kept."""
    clock, url = TurnedClock(), str(company.staff.base_url)
    other = end(QuickBooksDestination, url, company.mappings, clock=clock)
    company.company.closed_before = "2026-12-31"
    assert [one.key for one in other.blockers(sale())] == ["2026-12-31"]
    company.company.closed_before = ""
    clock.turn(11)
    assert not other.blockers(sale())
    company.calls()
    clock.turn(60)
    assert not other.blockers(sale())
    other.close()
    assert not any("preferences" in one for one in company.calls()), "kept for minutes"


def test_books_closed_meanwhile_are_told_by_their_day(company: Books) -> None:
    """The refusal has the key that the next look ahead gives, which reads the settings anew."""
    company.destination.blockers(sale())
    company.company.closed_before = "2026-11-30"
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.key == "2026-11-30"
    assert company.stops(sale()) == [(ErrorType.PERIOD_CLOSED, "2026-11-30")]


def test_items_are_searched_by_name_and_sku(company: Books) -> None:
    """Each once, letter case aside, active ones first; folders and bundles are none."""
    company.item("HONEY-500", Name="Sidr honey")
    company.item("X", Name="Old honey-500", Active=False)
    company.item("honey-500-box", Name="Boxes", Type="Group")
    found = company.destination.choices(Kept.PRODUCT, "Honey-500")
    assert [(one.code, one.active) for one in found] == [("HONEY-500", True), ("X", False)]
    assert len(company.destination.choices(Kept.PRODUCT, "")) == 3
    assert company.destination.choice(Kept.PRODUCT, found[0].id) == found[0]
    assert company.destination.choice(Kept.PRODUCT, "999999") is None
    assert company.destination.choice(Kept.PRODUCT, "../customer/1") is None


@pytest.mark.parametrize("term", STRANGE)
def test_no_term_breaks_a_search(company: Books, term: str) -> None:
    """Quotes, wildcards, emoji and very long terms find what holds them, and nothing else."""
    odd = company.item("ODD", Name=f"My {term.strip()[:60]} thing".replace(":", ";"))
    company.company.rows["Item"][odd]["Name"] = f"My {term} thing"
    for kind in Kept:
        company.destination.choices(kind, term)
    found = company.destination.choices(Kept.PRODUCT, term)
    assert odd in {one.id for one in found}
    if term.strip():
        assert len(found) == 1


def test_taxes_and_accounts_are_choices(abroad: Books) -> None:
    """Codes carry their percent, accounts their kind; what is not for this is left out."""
    abroad.tax(5, Hidden=True)
    abroad.company.add("Account", Name="Rent", AccountType="Expense", Active=True)
    bank = abroad.company.add("Account", Name="Bank", AccountType="Bank", AcctNum="1010")["Id"]
    (tax,) = abroad.destination.choices(Kept.TAX, "15")
    assert (tax.name, tax.code) == ("15 %", "15")
    assert abroad.destination.choice(Kept.TAX, tax.id) == tax
    found = {one.id: one for one in abroad.destination.choices(Kept.ACCOUNT, "")}
    assert set(found) == {bank}
    assert (found[bank].name, found[bank].code) == ("Bank (Bank)", "1010")
    assert abroad.destination.choice(Kept.ACCOUNT, bank) == found[bank]
    assert [one.id for one in abroad.destination.choices(Kept.INCOME, "sales")] == [SALES]
    assert abroad.destination.choice(Kept.INCOME, SALES)
    assert abroad.destination.choice(Kept.INCOME, bank) is None


def test_a_us_company_has_two_tax_codes(company: Books) -> None:
    """Lines take only TAX and NON there."""
    assert [one.id for one in company.destination.choices(Kept.TAX, "")] == ["TAX", "NON"]


def test_a_near_code_in_the_answer_is_told(company: Books) -> None:
    """Another case of the SKU comes with the answer, and is named; an inactive one is not."""
    company.item("old-1", Active=False)
    near = {stop.key: stop.near for stop in company.destination.stops(["abc-1", "OLD-1", "NOPE"])}
    assert near == {"abc-1": "ABC-1", "OLD-1": "", "NOPE": ""}
    (stop,) = company.destination.blockers(sale(line("abc-1")))
    assert stop.near == "ABC-1"


def test_skus_are_checked_in_one_look(company: Books) -> None:
    """Unknown, inactive and ambiguous ones are told in the order asked, and nothing is kept."""
    company.item("OLD", Active=False)
    company.item("TWO", Name="One")
    company.item("TWO", Name="Other")
    company.mappings.put("product", "GONE", "987")
    company.calls()
    found = company.destination.stops(["NOPE", "OLD", "TWO", "ABC-1", "GONE", "NOPE", "x" * 150])
    assert sum(company.calls().values()) == 1
    assert [(one.error_type, one.key) for one in found] == [
        (ErrorType.SKU_NOT_FOUND, "NOPE"),
        (ErrorType.ITEM_INACTIVE, "OLD"),
        (ErrorType.CONFLICT, "TWO"),
        (ErrorType.SKU_NOT_FOUND, "GONE"),
        (ErrorType.SKU_NOT_FOUND, "x" * 150),
    ]
    assert set(company.mappings.kept) == {("product", "GONE")}
