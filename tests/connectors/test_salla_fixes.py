"""What a fix asks of a Salla store: an e-mail for a customer, and what it sells."""

from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from sandbox.salla import Item
from sync.connectors.base import Good
from sync.connectors.fields import Fields
from sync.connectors.salla_goods import goods_of
from sync.errors import ErrorType, FixData, ReadError, Reconnect, TryLater
from sync.money import Money
from tests.connectors.conftest import Ends

KHALID = "8808"
NEW = "khalid@example.sa"


def test_a_customer_gets_an_email_in_the_store(ends: Ends) -> None:
    """The document that is read next has it; name and mobile stay, and twice is harmless."""
    before = replace(ends.seed.shop.customers[int(KHALID)])
    for _ in range(2):
        ends.source.set_email(KHALID, NEW)
    assert ends.seed.shop.customers[int(KHALID)] == replace(before, email=NEW)
    order = ends.source.order_by_number(str(ends.seed.names["email"]))
    assert order is not None
    document = ends.source.read(ends.source.headers_of(order)[0].source_id)
    assert (document.customer.source_id, document.customer.email) == (KHALID, NEW)
    page = httpx.get(f"{ends.shop_url}/customers/{KHALID}").text
    assert NEW in page


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("nobody", "must be a valid email address"),
        ("sara@example.sa", "has already been taken"),
        (" ", "no e-mail to save"),
    ],
)
def test_an_email_that_salla_refuses_is_said_in_its_words(
    ends: Ends, email: str, words: str
) -> None:
    """No e-mail, or one that another customer has: the customer stays as it was."""
    with pytest.raises(FixData, match=words) as error:
        ends.source.set_email(KHALID, email)
    failure = error.value.failure
    assert (failure.error_type, failure.subject) == (ErrorType.CUSTOMER_INVALID, KHALID)
    assert ends.seed.shop.customers[int(KHALID)].email is None


def test_a_change_that_salla_answers_and_does_not_make_is_told(ends: Ends) -> None:
    """What came back is compared: nobody is told of an e-mail that was not saved."""
    ends.seed.shop.keeps_emails = True
    with pytest.raises(FixData, match="did not keep the e-mail") as error:
        ends.source.set_email(KHALID, NEW)
    assert error.value.failure.error_type is ErrorType.CUSTOMER_INVALID


@pytest.mark.parametrize("customer_id", ["1", "guest-2098764685", "", "8808/../1", "٨٨٠٨"])
def test_a_customer_who_is_not_there_is_not_found(ends: Ends, customer_id: str) -> None:
    """Unknown, gone, or a guest whom the store never kept."""
    with pytest.raises(FixData) as error:
        ends.source.set_email(customer_id, NEW)
    assert error.value.failure.error_type is ErrorType.NOT_FOUND


def test_a_token_that_may_only_read_names_the_scope_it_lacks(ends: Ends) -> None:
    """Stores that were connected before fixes existed must consent once more."""
    shop = ends.seed.shop
    shop.scopes = shop.scopes.replace("customers.read_write", "customers.read")
    with pytest.raises(Reconnect, match=r"customers\.read_write") as error:
        ends.source.set_email(KHALID, NEW)
    assert error.value.failure.error_type is ErrorType.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"fault": "drop_after"}, TryLater),
        ({"fault": "drop_before"}, TryLater),
        ({"fault": "status", "status": 500}, TryLater),
        ({"fault": "status", "status": 429}, TryLater),
        ({"fault": "status_after", "status": 502}, TryLater),
        ({"fault": "half_json"}, FixData),
        ({"fault": "html_200"}, FixData),
        ({"fault": "token_expired"}, Reconnect),
    ],
)
def test_a_change_on_a_bad_day_may_be_repeated(
    ends: Ends, fault: dict[str, object], kind: type[ReadError]
) -> None:
    """Whatever becomes of the answer, the next press saves the e-mail."""
    ends.fault(ends.shop_url, method="PUT", path="/admin/v2/customers/", **fault)
    with pytest.raises(kind):
        ends.source.set_email(KHALID, NEW)
    ends.source.set_email(KHALID, NEW)
    assert ends.seed.shop.customers[int(KHALID)].email == NEW


def test_everything_that_is_sold_is_listed_once_with_its_net_price(ends: Ends) -> None:
    """Over all pages, also what nobody bought yet."""
    for number in range(130):
        sku = f"NEW-{number}"
        ends.seed.shop.shelf[sku] = Item(number, "Brand new", sku, 1, Decimal("19.90"))
    goods = list(ends.source.goods())
    skus = [one.sku for one in goods]
    assert len(skus) == len(set(skus)) == len(ends.seed.shop.goods())
    assert {"DATES-1KG", "DATES-1KG ", "NEW-129"} <= set(skus)
    assert Good("NEW-7", "Brand new", Money.of("19.90", "SAR")) in goods


def test_variants_count_and_what_is_not_sold_does_not() -> None:
    """A variant has its own SKU, and its product's price where it has none; hidden is not sold."""
    price = {"amount": 10, "currency": "SAR"}
    variants = [{"sku": "T-RED"}, {"sku": "T-BLUE", "pre_tax_price": {**price, "amount": 12}}]
    body = {"name": "Shirt", "sku": "", "pre_tax_price": price, "skus": [*variants, {"sku": None}]}
    assert list(goods_of(Fields("a product", body))) == [
        Good("T-RED", "Shirt", Money.of("10", "SAR")),
        Good("T-BLUE", "Shirt", Money.of("12", "SAR")),
    ]
    assert list(goods_of(Fields("a product", {**body, "status": "hidden"}))) == []
    bare = {"name": "Shirt", "sku": "T", "price": price}
    assert list(goods_of(Fields("a product", bare))) == [Good("T", "Shirt", None)]
