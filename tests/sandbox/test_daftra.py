"""The books: api2 and the v2 lists as the Daftra guide describes them, and their pages."""

from typing import Any

import httpx
import pytest

from tests.sandbox.conftest import DISK, Far


@pytest.mark.parametrize(
    "headers", [{"apikey": "wrong"}, {"Authorization": "Bearer beside-the-key"}]
)
def test_a_wrong_key_or_two_at_once_are_refused(far: Far, headers: dict[str, str]) -> None:
    """The key alone opens; an Authorization header beside it spoils it."""
    assert far.books.get("/api2/site_info.json").json()["data"]["Site"]["subdomain"] == "acme"
    assert far.books.get("/api2/site_info.json", headers=headers).status_code == 401


def test_a_create_answers_202_with_a_text_for_id(far: Far) -> None:
    """Only the id comes back; the number and the total are learnt by reading, as texts."""
    answer = far.create(po_number="SALLA-1")
    assert answer.status_code == 202
    assert answer.json() == {"code": 202, "result": "successful", "id": answer.json()["id"]}
    assert isinstance(answer.json()["id"], str)
    read = far.read(answer)
    assert (read["summary_subtotal"], read["summary_total"]) == ("100.00", "115.00")
    assert read["InvoiceItem"][0]["summary_tax1"] == "15.00"
    assert read["InvoiceCustomField"] == [{"label": "invsync_key", "value": "k1"}]
    assert httpx.get(read["invoice_html_url"]).status_code == 200


def test_taxes_are_exclusive_or_included(far: Far) -> None:
    """The site makes the totals: on top of the price, or out of it; half a cent goes up."""
    tax = {"Tax": {"name": "VAT incl.", "value": "15", "included": 1}}
    included = far.books.post("/api2/taxes.json", json=tax).json()["id"]
    exclusive = far.read(far.create(far.line("0.10"), far.line("33.33")))
    assert exclusive["summary_total"] == "38.45"  # 0.10 + 0.02 and 33.33 + 5.00
    inclusive = far.read(far.create(far.line("115", tax1=included)))
    assert (inclusive["summary_subtotal"], inclusive["summary_total"]) == ("100.00", "115.00")


def test_discounts_by_line_and_of_the_whole(far: Far) -> None:
    """A percentage (1) or an amount (2) of a line, or of the document; shipping has its own tax."""
    by_percent = far.line("100", discount=10, discount_type=1)
    by_value = far.line("100", discount=12.5, discount_type=2)
    assert far.read(far.create(by_percent))["summary_total"] == "103.50"
    assert far.read(far.create(by_value))["summary_total"] == "100.63"
    assert far.read(far.create(discount=10))["summary_total"] == "103.50"
    assert far.read(far.create(discount_amount=20))["summary_total"] == "92.00"
    shipped = far.create(shipping_amount=25, shipping_tax_id=1)
    assert far.read(shipped)["summary_total"] == "143.75"
    both = far.create(discount=10, discount_amount=20).json()
    assert list(both["validation_errors"]) == ["discount"]


@pytest.mark.parametrize(
    ("items", "head", "field"),
    [
        ([], {"client_id": 9}, "client_id"),
        ([], {"date": "2026-01-01"}, "date"),
        ([{"product_id": 9, "unit_price": 1}], {}, "InvoiceItem.0.product_id"),
        ([{"unit_price": "dear"}], {}, "InvoiceItem.0.unit_price"),
    ],
)
def test_a_refusal_names_the_field(
    far: Far, items: list[dict[str, Any]], head: dict[str, Any], field: str
) -> None:
    """400 with `validation_errors`; nothing is stored."""
    answer = far.create(*items, **head)
    assert (answer.status_code, answer.json()["result"]) == (400, "failed")
    assert field in answer.json()["validation_errors"]
    assert far.booked() == 0


def test_messages_may_be_arabic(far: Far) -> None:
    """The message follows the site's language; the fields' names do not."""
    far.books.post("/sandbox/settings", json={"arabic": True})
    answer = far.create(client_id=9).json()
    assert answer["message"] == "بيانات غير صحيحة"
    assert answer["validation_errors"]["client_id"] == "اختر عميلا صحيحا"


def test_a_document_is_read_only_under_its_type(far: Far) -> None:
    """A credit note is 404 among invoices."""
    number = far.create(model="CreditNote").json()["id"]
    assert far.books.get(f"/api2/invoices/{number}.json").status_code == 404
    note = far.books.get(f"/api2/credit_notes/{number}.json").json()["data"]["CreditNote"]
    assert (note["type"], note["summary_total"]) == ("5", "115.00")
    assert httpx.get(note["invoice_html_url"]).status_code == 200


def _found(far: Far, plural: str = "invoices", **query: Any) -> list[Any]:
    rows: list[Any] = far.books.get(f"/api2/{plural}.json", params=query).json()["data"]
    return rows


def test_an_unknown_filter_is_ignored(far: Far) -> None:
    """The first page of everything comes back; so does a key without its label."""
    everything = _found(far)
    assert len(everything) == 20
    assert _found(far, colour="red") == everything
    assert _found(far, custom_field="k1") == everything


def test_filters_that_the_site_knows(far: Far) -> None:
    """A custom field matches exactly with its label; a number matches in part."""
    far.create(key="k-exact", po_number="SALLA-77")
    for query in (
        {"custom_field": "k-exact", "custom_field_label": "invsync_key"},
        {"po_number": "SALLA-77"},
    ):
        assert [row["Invoice"]["po_number"] for row in _found(far, **query)] == ["SALLA-77"]
    assert _found(far, custom_field="k-exac", custom_field_label="invsync_key") == []
    assert {row["Invoice"]["no"] for row in _found(far, no="01")} >= {"000010", "000012"}


def test_credit_notes_know_pages_only(far: Far) -> None:
    """A filter by our key is ignored there: a client pages and compares."""
    far.create(model="CreditNote", key="k-note")
    query = {"custom_field": "no-such", "custom_field_label": "invsync_key", "limit": 2}
    rows = _found(far, "credit_notes", **query)
    assert len(rows) == 2
    assert rows[0]["CreditNote"]["InvoiceCustomField"][0]["value"] == "k-note"
    assert "InvoiceCustomField" not in _found(far, "credit_notes", recursive=0)[0]["CreditNote"]


def test_pages_bring_each_document_once(far: Far) -> None:
    """`next` says that there is more; odd pages and limits are read as the first and the usual."""
    seen, number = [], 1
    while True:
        answer = far.books.get("/api2/invoices.json", params={"page": number, "limit": 13}).json()
        seen += [row["Invoice"]["id"] for row in answer["data"]]
        if not answer["pagination"]["next"]:
            break
        number += 1
    assert len(seen) == len(set(seen)) == answer["pagination"]["total_results"]
    assert _found(far, page="x", limit="0") == _found(far)


def test_lists_may_lag_behind(far: Far) -> None:
    """With an index lag a new document is read by its id, and not yet found by its key."""
    far.books.post("/sandbox/settings", json={"index_lag": 60})
    made = far.create(key="k-late")
    query = {"custom_field": "k-late", "custom_field_label": "invsync_key"}
    assert far.read(made)["summary_total"] == "115.00"
    assert _found(far, **query) == []
    far.books.post("/sandbox/settings", json={"index_lag": 0})
    assert len(_found(far, **query)) == 1


def test_totals_may_be_stored_a_cent_off(far: Far) -> None:
    """A knob for the day on which two systems do not round alike."""
    far.books.post("/sandbox/settings", json={"off_by": "-0.01"})
    assert far.read(far.create())["summary_total"] == "114.99"


def test_v2_lists_come_in_two_shapes(far: Far) -> None:
    """Clients with `meta` and `links`, products flat; rows are not wrapped in a model's name."""
    path = "/v2/api/entity"
    clients = far.books.get(
        f"{path}/client/list/1", params={"filter[email]": "SARA@example.sa"}
    ).json()
    assert [row["email"] for row in clients["data"]] == ["sara@example.sa"]
    assert clients["meta"]["total"] == 1
    products = far.books.get(f"{path}/product/list/1", params={"filter[product_code]": DISK}).json()
    assert [row["product_code"] for row in products["data"]] == [DISK]
    assert (products["total"], products["next_page_url"]) == (1, None)
    everyone = far.books.get(f"{path}/client/list/1", params={"filter[colour]": "red"}).json()
    assert len(everyone["data"]) == len(far.seed.site.clients)


def test_a_product_search_is_no_exact_match(far: Far) -> None:
    """Asked for HONEY-500 the list brings `honey-500`: a client must compare."""
    rows = _found(far, "products", product_code="HONEY-500")
    assert [row["Product"]["product_code"] for row in rows] == ["honey-500"]


def test_a_payment_counts_when_it_is_completed(far: Far) -> None:
    """Without `status` 1 a payment stays invisible; with it the invoice is paid."""
    made = far.create()
    payment = {"invoice_id": made.json()["id"], "amount": "115.00", "payment_method": "mada"}
    far.books.post("/api2/invoice_payments.json", json={"InvoicePayment": payment})
    assert far.read(made)["payment_status"] == "0"
    far.books.post("/api2/invoice_payments.json", json={"InvoicePayment": {**payment, "status": 1}})
    assert (far.read(made)["payment_status"], far.read(made)["summary_unpaid"]) == ("2", "0.00")


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '"x"', '{"Invoice": []}', '{"Invoice": {}, "InvoiceItem": "x"}']
)
def test_a_body_that_is_no_document_is_400(far: Far, body: str) -> None:
    """Whatever arrives, the site answers by its own rules."""
    answer = far.books.post("/api2/invoices.json", content=body)
    assert (answer.status_code, answer.json()["result"]) == (400, "failed")


def test_a_product_is_made_and_switched_off_on_the_page(far: Far) -> None:
    """The page makes exactly the code that was typed, once, and shows blanks at its end."""
    for _ in range(2):
        far.books.post("/owner/products", data={"code": "HONEY-500 ", "name": "Honey"})
    made = [one for one in far.seed.site.products.values() if one.code == "HONEY-500 "]
    assert len(made) == 1
    assert "<code>HONEY-500␣</code>" in far.books.get("/owner/products").text
    far.books.post(f"/owner/products/{made[0].id}/status")
    (row,) = [
        r for r in _found(far, "products", limit=99) if r["Product"]["product_code"] == "HONEY-500 "
    ]
    assert row["Product"]["status"] == "1"


def test_a_clients_email_is_changed_on_the_page(far: Far) -> None:
    """The page saves it, and the API tells it."""
    client = next(iter(far.seed.site.clients.values()))
    far.books.post(f"/owner/clients/{client.id}/email", data={"email": "new@example.sa"})
    rows = _found(far, "clients")
    assert rows[0]["Client"]["email"] == "new@example.sa"


def test_the_ledger_counts_creates_only(far: Far) -> None:
    """Seeded documents are in the books and not among the creates."""
    far.create(key="k9", po_number="SALLA-9")
    books = far.books.get("/sandbox/ledger").json()
    assert [one["key"] for one in books["creates"]] == ["k9"]
    assert len(books["documents"]) == len(far.seed.site.documents)


def _entities(far: Far, **filters: Any) -> list[str]:
    rows = far.books.get("/v2/api/entity/product/list/1", params=filters).json()["data"]
    return [row["product_code"] for row in rows]


def test_v2_filters_by_operators(far: Far) -> None:
    """Several values, a pattern in any letters, one of two fields; what is no field is ignored."""
    far.seed.site.add_product("Gift 100%", "GIFT-1")
    several = {"filter[product_code][in][]": ["TEA-200", "OUD-100", "NOPE"]}
    assert sorted(_entities(far, **several)) == ["OUD-100", "TEA-200"]
    assert _entities(far, **{"filter[product_code][like]": "gift%"}) == ["GIFT-1"]
    assert _entities(far, **{"filter[product_code][like]": "gift"}) == []
    either = {"filter[or][name][like]": "%100%", "filter[or][product_code][like]": "%tea-2__%"}
    assert {"GIFT-1", "TEA-200"} <= set(_entities(far, **either))
    everything = _entities(far)
    assert _entities(far, **{"filter[colour][like]": "red"}) == everything
    far.books.post("/sandbox/settings", json={"deaf": True})
    assert _entities(far, **several) == everything


def test_v2_lists_have_pages(far: Far) -> None:
    """Fifty rows each; the next page's address keeps the filters."""
    for number in range(60):
        far.seed.site.add_product("Gift", f"GIFT-{number}")
    following: str | None = "/v2/api/entity/product/list/1?filter%5Bname%5D%5Blike%5D=gift"
    counts = []
    while following:
        answer = far.books.get(following).json()
        counts.append((answer["current_page"], len(answer["data"])))
        following = answer["next_page_url"]
    assert counts == [(1, 50), (2, 10)]


def test_one_product_is_told_by_its_id(far: Far) -> None:
    """In the model's name; an unknown one is 404."""
    product = far.seed.site.product_by_code(DISK)
    assert product is not None
    answer = far.books.get(f"/api2/products/{product.id}.json").json()
    assert answer["data"]["Product"]["product_code"] == DISK
    assert far.books.get("/api2/products/999999.json").status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"product_code": "A"}, "name"),
        ({"name": "A", "product_code": "x" * 256}, "product_code"),
        ({"name": "A", "unit_price": "dear"}, "unit_price"),
    ],
)
def test_a_product_that_cannot_be_is_refused_by_field(
    far: Far, given: dict[str, Any], field: str
) -> None:
    """Nothing is stored."""
    before = len(far.seed.site.products)
    answer = far.books.post("/api2/products.json", json={"Product": given})
    assert (answer.status_code, list(answer.json()["validation_errors"])) == (400, [field])
    assert len(far.seed.site.products) == before


def test_inactive_products_and_unknown_taxes_are_not_booked(far: Far) -> None:
    """The refusal names the line's field; taxes have a page of their own."""
    far.books.post("/sandbox/settings", json={"fixed_taxes": True, "refused_email": "a@b.sa"})
    answer = far.create(far.line("1"), far.line("1", tax1=99)).json()
    assert list(answer["validation_errors"]) == ["InvoiceItem.1.tax1"]
    product = far.seed.site.product_by_code(DISK)
    assert product is not None
    product.status = 1
    answer = far.create().json()
    assert list(answer["validation_errors"]) == ["InvoiceItem.0.product_id"]
    tax, client = {"name": "VAT", "value": 5}, {"business_name": "A", "email": "a@b.sa"}
    assert far.books.post("/api2/taxes.json", json={"Tax": tax}).status_code == 400
    assert far.books.post("/api2/clients.json", json={"Client": client}).status_code == 400
    assert far.booked() == 0
    assert "VAT 15 %" in far.books.get("/owner/taxes").text
