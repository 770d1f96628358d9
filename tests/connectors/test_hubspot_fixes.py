"""What a fix asks of HubSpot: choices that stand, products made once, e-mails of contacts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sync.connectors.base import Good, Kept
from sync.errors import ErrorType, FixData, Reconnect, TryLater
from sync.money import Money
from sync.outcomes import Rejected
from tests.connectors.conftest import Remembered
from tests.connectors.crm import Crm, crm
from tests.connectors.sales import KEY, sale, soon

OBJECTS = "/crm/objects/2026-03"
PRODUCTS = f"{OBJECTS}/products"
NEW = Good("NEW-1", "Brand new", Money.of("12.50", "USD"))
STRANGE = ["'", "\\", "100%", "_", "🍯", '"}]}', "é" * 500, "\n", "*", "?[a]", "..."]


@pytest.fixture
def account() -> Iterator[Crm]:
    """Open an account."""
    with crm() as opened:
        yield opened


def products(account: Crm, sku: str) -> list[str]:
    """Return the ids of the products with exactly this SKU."""
    things = account.portal.objects["products"].values()
    return [one.id for one in things if one.properties.get("hs_sku") == sku]


def test_a_chosen_product_stands_for_its_sku(account: Crm) -> None:
    """No document looks it up, and the line item names the chosen product."""
    chosen = account.add("products", name="Other", hs_sku="OTHER")
    account.mappings.choices["product", "NOPE"] = chosen
    one = sale(sku="NOPE")
    account.calls()
    assert not account.destination.blockers(one)
    assert account.calls() == {}
    assert not account.destination.stops(["NOPE"])
    account.create(one)
    items = account.portal.objects["line_items"].values()
    assert chosen in {one.properties.get("hs_product_id") for one in items}


def test_a_refusal_forgets_no_choice(account: Crm) -> None:
    """What is remembered goes, what a person chose stays."""
    account.mappings.choices["product", "NOPE"] = "4711"
    one = sale(sku="NOPE")
    plan = account.destination.plan(KEY, one, None)
    account.fault(method="POST", path=f"{OBJECTS}/line_items", fault="status", status=400)
    assert isinstance(account.destination.create(plan, sent_by=soon()), Rejected)
    assert account.mappings.choices == {("product", "NOPE"): "4711"}


def test_a_chosen_product_that_is_gone_is_named(account: Crm) -> None:
    """A look reads it by its id and says which choice does not hold any more."""
    account.mappings.choices["product", "NOPE"] = "4711"
    (stop,) = account.destination.stops(["NOPE"])
    assert (stop.error_type, stop.key) == (ErrorType.SKU_NOT_FOUND, "NOPE")
    assert "that was chosen for SKU NOPE is no longer in HubSpot" in stop.reason


def test_customers_are_told_with_their_source_id(account: Crm) -> None:
    """A fix knows where to go; blanks are no e-mail, and a text that is none is invalid."""
    one = sale()
    for email, kind in (
        (None, ErrorType.CUSTOMER_EMAIL_MISSING),
        (" ", ErrorType.CUSTOMER_EMAIL_MISSING),
        ("ada at example", ErrorType.CUSTOMER_INVALID),
    ):
        bad = replace(one, customer=replace(one.customer, email=email))
        (stop,) = account.destination.blockers(bad)
        assert (stop.error_type, stop.subject) == (kind, "58")


def test_a_contact_that_is_gone_is_told_with_its_source_id(account: Crm) -> None:
    """The refusal of the remembered contact names the customer of the source."""
    one = sale()
    account.mappings.put("contact", "ada@example.com", "987")
    assert not account.destination.blockers(one)
    plan = account.destination.plan(KEY, one, None)
    outcome = account.destination.create(plan, sent_by=soon())
    assert isinstance(outcome, Rejected)
    failure = outcome.failure
    assert (failure.error_type, failure.subject) == (ErrorType.CUSTOMER_INVALID, "58")


def test_products_are_searched_by_name_and_sku(account: Crm) -> None:
    """Each once, letter case aside, parts of words too."""
    honey = account.add("products", name="Sidr", hs_sku="HONEY-500")
    other = account.add("products", name="Honey-500 in a box", hs_sku="BOX")
    found = account.destination.choices(Kept.PRODUCT, "oney-50")
    assert {one.id for one in found} == {honey, other}
    assert len(account.destination.choices(Kept.PRODUCT, "")) == 3
    known = next(one for one in found if one.id == honey)
    assert account.destination.choice(Kept.PRODUCT, honey) == known
    for nobody in ("987", "", "../contacts/1"):
        assert account.destination.choice(Kept.PRODUCT, nobody) is None


def test_only_products_are_kept(account: Crm) -> None:
    """Taxes and accounts are nothing that a person chooses here."""
    assert account.destination.keeps == {Kept.PRODUCT}
    for kind in (Kept.TAX, Kept.ACCOUNT):
        assert not account.destination.choices(kind, "")
        assert account.destination.choice(kind, "1") is None


@pytest.mark.parametrize("term", STRANGE)
def test_no_term_breaks_a_search(account: Crm, term: str) -> None:
    """Quotes, wildcards, emoji and very long terms find what holds them, and nothing else."""
    odd = account.add("products", name=f"My {term} thing", hs_sku="ODD")
    found = account.destination.choices(Kept.PRODUCT, term)
    assert odd in {one.id for one in found}
    if term.strip():
        assert len(found) == 1


def test_skus_are_checked_in_one_look(account: Crm) -> None:
    """Unknown and ambiguous ones are told in the order asked, and nothing is kept."""
    for _ in range(2):
        account.add("products", name="Twin", hs_sku="TWO")
    account.mappings.put("product", "GONE", "987")
    found = account.destination.stops(["NOPE", "TWO", "ABC-1", "abc-1", "GONE", "NOPE", ""])
    assert [(one.error_type, one.key) for one in found] == [
        (ErrorType.SKU_NOT_FOUND, "NOPE"),
        (ErrorType.CONFLICT, "TWO"),
        (ErrorType.SKU_NOT_FOUND, "abc-1"),
        (ErrorType.SKU_NOT_FOUND, "GONE"),
        (ErrorType.SKU_NOT_FOUND, ""),
    ]
    assert set(account.mappings.kept) == {("product", "GONE")}


def test_a_near_code_in_the_answer_is_told(account: Crm) -> None:
    """HubSpot compares in lower case: another case of the SKU comes with the answer."""
    (stop,) = account.destination.stops(["abc-1"])
    assert (stop.error_type, stop.near) == (ErrorType.SKU_NOT_FOUND, "ABC-1")
    (stop,) = account.destination.blockers(sale(sku="abc-1"))
    assert stop.near == "ABC-1"


def test_a_product_is_made_once(account: Crm) -> None:
    """With its exact SKU and price; a repetition returns the same one."""
    made = account.destination.create_product(NEW)
    assert account.destination.create_product(NEW) == made
    account.mappings.kept.clear()
    account.mappings.claims.clear()
    assert account.destination.create_product(NEW) == made
    assert products(account, "NEW-1") == [made.id]
    row = account.portal.objects["products"][made.id].properties
    assert (row["name"], row["price"]) == ("Brand new", "12.50")


def test_a_price_of_another_currency_is_left_out(account: Crm) -> None:
    """HubSpot's products are priced in the account's own currency."""
    made = account.destination.create_product(replace(NEW, price=Money.of("5", "SAR"), name=" "))
    row = account.portal.objects["products"][made.id].properties
    assert (row["name"], row.get("price")) == ("NEW-1", None)


def test_what_the_index_does_not_show_yet_is_there(account: Crm) -> None:
    """The search lags behind what was just made: it is read by its id."""
    account.portal.lag = 3600
    made = account.destination.create_product(NEW)
    assert not account.destination.stops(["NEW-1"])
    assert not account.destination.blockers(sale(sku="NEW-1"))
    assert account.destination.create_product(NEW) == made
    assert products(account, "NEW-1") == [made.id]


def test_two_people_make_one_product(account: Crm) -> None:
    """The second waits while the first one makes it, and gets what is there by then."""
    account.mappings.claim("product", "NEW-1")
    with pytest.raises(TryLater) as error:
        account.destination.create_product(NEW)
    assert error.value.failure.error_type is ErrorType.STALE
    known = account.add("products", name="Brand new", hs_sku="NEW-1")
    assert account.destination.create_product(NEW).id == known


def test_a_lost_product_is_found_by_the_next_press(account: Crm) -> None:
    """It may have been made: nothing is made again before a look."""
    account.fault(method="POST", path=f"{PRODUCTS}$", fault="drop_after")
    with pytest.raises(TryLater):
        account.destination.create_product(NEW)
    found = account.destination.create_product(NEW)
    assert products(account, "NEW-1") == [found.id]


def test_a_lost_product_is_not_made_again_while_the_index_lags(account: Crm) -> None:
    """The claim stands until it is stale, longer than the index lags."""
    account.fault(method="POST", path=f"{PRODUCTS}$", fault="drop_after")
    account.portal.lag = 3600
    for _ in range(2):
        with pytest.raises(TryLater):
            account.destination.create_product(NEW)
    assert len(products(account, "NEW-1")) == 1


@pytest.mark.parametrize(
    ("status", "expected"), [(429, TryLater), (403, Reconnect), (400, FixData)]
)
def test_a_refused_product_gives_the_claim_back(
    account: Crm, status: int, expected: type[Exception]
) -> None:
    """The next press may make it."""
    account.fault(method="POST", path=f"{PRODUCTS}$", fault="status", status=status)
    with pytest.raises(expected):
        account.destination.create_product(NEW)
    assert account.destination.create_product(NEW).code == "NEW-1"


def test_a_look_that_fails_gives_the_claim_back(account: Crm) -> None:
    """Nothing was sent: the next press looks again."""
    account.fault(method="POST", path=f"{PRODUCTS}/search", fault="status", status=500)
    with pytest.raises(TryLater):
        account.destination.create_product(NEW)
    assert account.destination.create_product(NEW).code == "NEW-1"


def test_several_products_of_one_sku_are_a_conflict(account: Crm) -> None:
    """Nobody picks, and none is added; an SKU of blanks is none."""
    for _ in range(2):
        account.add("products", name="Twin", hs_sku="NEW-1")
    for good, kind in ((NEW, ErrorType.CONFLICT), (Good("  ", "x"), ErrorType.FIELD_INVALID)):
        with pytest.raises(FixData) as error:
            account.destination.create_product(good)
        assert error.value.failure.error_type is kind
    assert len(products(account, "NEW-1")) == 2


def test_a_product_that_is_gone_is_made_anew(account: Crm) -> None:
    """What is remembered is read before it is given; elsewhere it is found."""
    made = account.destination.create_product(NEW)
    account.portal.delete("products", made.id)
    account.mappings.claims.clear()
    again = account.destination.create_product(NEW)
    assert again.id != made.id
    other = account.another(Remembered())
    assert other.create_product(NEW) == again
    other.close()


def test_an_email_is_set(account: Crm) -> None:
    """The contact has it, and nothing else of it changes; it may be repeated."""
    contact = account.contact()
    for _ in range(2):
        account.source.set_email(contact, "new@example.com")
    given = account.portal.objects["contacts"][contact].properties
    assert (given["email"], given["firstname"]) == ("new@example.com", "Ada")


def test_a_refused_email_is_told_in_hubspots_words(account: Crm) -> None:
    """No address, or one that another contact has; an unknown contact is not found."""
    contact = account.contact()
    account.contact("grace@example.com")
    for email, said in (("none", "invalid"), ("grace@example.com", "already exists")):
        with pytest.raises(FixData) as error:
            account.source.set_email(contact, email)
        failure = error.value.failure
        assert (failure.error_type, failure.subject) == (ErrorType.CUSTOMER_INVALID, contact)
        assert said in failure.reason
    for nobody in ("987", "none-145", ""):
        with pytest.raises(FixData) as error:
            account.source.set_email(nobody, "new@example.com")
        assert error.value.failure.error_type is ErrorType.NOT_FOUND


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "drop_after"}, TryLater),
        ({"fault": "status", "status": 429}, TryLater),
        ({"fault": "status", "status": 403}, Reconnect),
    ],
)
def test_an_email_that_did_not_arrive_may_be_repeated(
    account: Crm, fault: dict[str, object], expected: type[Exception]
) -> None:
    """The second press finds it done, or does it."""
    contact = account.contact()
    account.fault(method="PATCH", path=f"{OBJECTS}/contacts", **fault)
    with pytest.raises(expected):
        account.source.set_email(contact, "new@example.com")
    account.source.set_email(contact, "new@example.com")
    assert account.portal.objects["contacts"][contact].properties["email"] == "new@example.com"


def test_goods_are_what_has_an_sku(account: Crm) -> None:
    """Prices are of the account's currency; a product without a price has none."""
    account.add("products", name="No SKU")
    account.add("products", name="Tea", hs_sku="T ")
    found = {one.sku: one for one in account.source.goods()}
    assert found == {
        "ABC-1": Good("ABC-1", "Widget", Money.of("100", "USD")),
        "T ": Good("T ", "Tea", None),
    }
