"""The store: its API as the Salla guide describes it, and its pages."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.salla import MERCHANT, Item
from tests.sandbox.conftest import Far

ORDERS = "/admin/v2/orders"


def test_who_am_i_has_no_envelope(far: Far) -> None:
    """The merchant's id stands on top level."""
    assert str(far.shop.get("/oauth2/user/info").json()["merchant"]["id"]) == MERCHANT


@pytest.mark.parametrize(
    ("header", "shop", "words"),
    [
        ("", {}, "missing"),
        ("Bearer wrong", {}, "invalid"),
        (None, {"expired": True}, "expired"),
        (None, {"active": False}, "inactive or deleted"),
        (None, {"scopes": "customers.read"}, "should have access to one of those scopes"),
    ],
)
def test_five_ways_to_be_refused(
    far: Far, header: str | None, shop: dict[str, Any], words: str
) -> None:
    """A token may be missing, wrong, expired, of a deleted user, or without the scope: all 401."""
    for name, value in shop.items():
        setattr(far.seed.shop, name, value)
    answer = far.shop.get(ORDERS, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["success"]) == (401, False)
    assert words in answer.json()["error"]["message"]


def test_too_many_requests_leak_away(far: Far) -> None:
    """Past the plan's requests a minute comes 429 with Retry-After; every answer counts down."""
    far.seed.shop.per_minute = 2
    answers = [far.shop.get(f"{ORDERS}/statuses") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["X-RateLimit-Remaining"] for one in answers] == ["1", "0", "0"]
    assert answers[2].headers["Retry-After"] == "1"


def test_pages_follow_each_other_to_the_end(far: Far) -> None:
    """`next` keeps the filters and leads over all pages; the last page's links are a list."""
    seen, following = 0, f"{ORDERS}/invoices?per_page=7&from_date=2026-11-18"
    while following:
        answer = far.shop.get(following).json()
        seen += answer["pagination"]["count"]
        links = answer["pagination"]["links"]
        following = links["next"] if links else ""
    assert links == []
    assert seen == answer["pagination"]["total"] > 7


def test_a_page_holds_fifteen_and_sixty_at_most(far: Far) -> None:
    """`per_page` is 15 unless asked for, and never over 60."""
    assert len(far.listed("/orders")) == 15
    assert len(far.listed("/orders", per_page=500)) == 60


def test_lists_are_light(far: Far) -> None:
    """Rows of orders lack items, rows of invoices too; one order or invoice has them."""
    order, invoice = far.listed("/orders")[0], far.listed("/orders/invoices")[0]
    assert not {"items"} & (order.keys() | invoice.keys())
    assert far.shop.get(f"{ORDERS}/{order['id']}").json()["data"]["items"]
    assert far.shop.get(f"{ORDERS}/invoices/{invoice['id']}").json()["data"]["items"]
    light = far.shop.get(f"{ORDERS}/{order['id']}?format=light").json()["data"]
    assert "items" not in light


def test_orders_are_filtered(far: Far) -> None:
    """By the merchant's number, the customer, the day, and the status by its id, not its slug."""
    (one,) = far.listed("/orders", reference_id=40436266)
    assert one["id"] == 2098764685
    assert {row["customer"]["id"] for row in far.listed("/orders", customer_id=8808)} == {8808}
    in_progress = far.listed("/orders", **{"status[]": 1939592358})
    assert [row["status"]["slug"] for row in in_progress] == ["in_progress"]
    assert far.listed("/orders", **{"status[]": "in_progress"}) == []
    days = {row["date"]["date"][:10] for row in far.listed("/orders", to_date="2026-11-15")}
    assert days
    assert max(days) <= "2026-11-15"


def test_a_day_that_is_none_is_refused_by_field(far: Far) -> None:
    """422 names the field."""
    answer = far.shop.get(f"{ORDERS}/invoices?from_date=yesterday")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["from_date"])


def test_texts_are_arabic_unless_asked(far: Far) -> None:
    """A status' name follows Accept-Language; its slug does not."""
    query = {"reference_id": 40436266}
    arabic = far.shop.get(ORDERS, params=query).json()["data"][0]
    english = far.shop.get(ORDERS, params=query, headers={"Accept-Language": "en"}).json()["data"][
        0
    ]
    assert (arabic["status"]["name"], english["status"]["name"]) == ("تم التنفيذ", "Completed")
    assert arabic["status"]["slug"] == english["status"]["slug"] == "completed"


def test_money_is_text_here_and_number_there(far: Far) -> None:
    """The documented credit note: texts in the parts, a number in the total, 15.08 of tax."""
    note = far.shop.get(f"{ORDERS}/invoices/1479538730").json()["data"]
    assert note["type"] == "Credit Note"
    assert note["sub_total"] == {"amount": "90.50", "currency": "ر.س"}
    assert (note["tax"]["amount"]["amount"], note["total"]["amount"]) == ("15.08", 115.58)
    line = note["items"][0]
    assert (line["tax"]["amount"]["amount"], line["total"]["amount"]) == ("13.58", 104.08)
    assert "sku" not in line


def test_a_line_of_an_order_is_without_tax_in_its_total(far: Far) -> None:
    """The line has its SKU, and the tax stands beside the total."""
    (line,) = far.listed("/orders/items", order_id=2098764685)
    assert line["sku"] == "sam-ssd-256g"
    assert (line["amounts"]["total"]["amount"], line["amounts"]["tax"]["amount"]["amount"]) == (
        200,
        30,
    )


@pytest.mark.parametrize(
    "path",
    [
        "/orders/1",
        "/orders/invoices/1",
        "/orders/items?order_id=1",
        "/products/sku/HONEY",
        "/customers/1",
    ],
)
def test_what_is_not_there_is_404(far: Far, path: str) -> None:
    """In the API's own envelope."""
    answer = far.shop.get(f"/admin/v2{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_sku_is_taken_letter_by_letter(far: Far) -> None:
    """A SKU with a blank at its end is another product than one without."""
    path = "/admin/v2/products/sku"
    assert far.shop.get(f"{path}/DATES-1KG%20").json()["data"]["sku"] == "DATES-1KG "
    assert far.shop.get(f"{path}/dates-1kg").status_code == 404


def test_a_customer_gets_an_email_over_the_api(far: Far) -> None:
    """A null e-mail is saved with PUT, together with the name and the mobile."""
    path = "/admin/v2/customers/8808"
    before = far.shop.get(path).json()["data"]
    assert before["email"] is None
    saved = far.shop.put(path, json={**before, "email": "khalid@example.sa"}).json()["data"]
    assert saved == {**before, "email": "khalid@example.sa"}
    assert far.listed("/customers", keyword="khalid@example.sa")[0]["id"] == 8808


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.sa"}, "email"),
        ({"email": "SARA@example.sa"}, "email"),
        ({"email": "khalid@example.sa", "first_name": ""}, "first_name"),
        ({"email": "khalid@example.sa", "mobile": None}, "mobile"),
    ],
)
def test_a_customer_that_cannot_be_is_refused_by_field(
    far: Far, given: dict[str, Any], field: str
) -> None:
    """What is no e-mail, what another customer has, and what lacks a part: 422, nothing saved."""
    path = "/admin/v2/customers/8808"
    before = far.shop.get(path).json()["data"]
    answer = far.shop.put(path, json={**before, **given})
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [field])
    assert far.shop.get(path).json()["data"] == before
    assert far.shop.put(path, content="{").status_code == 422


def test_products_are_listed_by_page_and_keyword(far: Far) -> None:
    """Each SKU once, with a price that holds tax and one that does not; also on a page."""
    far.seed.shop.shelf["NEW-1"] = Item(1, "Brand new", "NEW-1", 1, Decimal(10))
    rows = far.listed("/products", per_page=60)
    skus = [row["sku"] for row in rows]
    assert len(skus) == len(set(skus)) == len(far.seed.shop.goods())
    (row,) = far.listed("/products", keyword="new-1")
    assert (row["price"]["amount"], row["pre_tax_price"]["amount"]) == (11.5, 10.0)
    assert "<code>DATES-1KG␣</code>" in far.shop.get("/products").text


def test_an_email_is_saved_on_the_page_that_the_api_names(far: Far) -> None:
    """`urls.admin` leads to the order's page here, whose form repairs the customer."""
    number = far.seed.names["email"]
    (order,) = far.listed("/orders", reference_id=number)
    page = far.shop.get(order["urls"]["admin"])
    assert 'id="customer-email"' in page.text
    customer = order["customer"]["id"]
    far.shop.post(f"/customers/{customer}", data={"email": "khalid@example.sa"})
    (order,) = far.listed("/orders", reference_id=number)
    assert order["customer"]["email"] == "khalid@example.sa"


def test_pages_escape_what_customers_are_called(far: Far) -> None:
    """A name with tags is shown, never run."""
    assert "&lt;!channel&gt; *bold* &amp; &lt;b&gt;x&lt;/b&gt;" in far.shop.get("/").text


def test_the_past_links_to_this_store(far: Far) -> None:
    """Each row of the past carries the address of its order's page, and it opens."""
    rows = far.shop.get("/sandbox/history").json()["rows"]
    assert httpx.get(rows[0]["source_url"]).status_code == 200
    assert httpx.get(f"{far.shop.base_url}/orders/order/none").status_code == 404
