"""The seeded story: both systems and the past agree."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from sandbox.seeds import seed
from tests.sandbox.conftest import Far

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
STORY = seed(NOW)


def test_there_are_about_eighty_documents_and_several_new_ones() -> None:
    """The log begins with 80 documents; the sweep finds four more, two orders are not ready."""
    past = {row["source_id"] for row in STORY.shop.history}
    assert len(past) == 80
    new = [one for one in STORY.shop.invoices.values() if str(one.id) not in past]
    ready = [one for one in new if STORY.shop.orders[one.order_id].status == "completed"]
    assert (len(new), len(ready)) == (6, 4)


def test_what_succeeded_stands_in_the_books_to_the_cent() -> None:
    """Every success of the past is one document of the books, over the same amount, by its key."""
    for row in STORY.shop.history:
        if row["status"] == "success":
            booked = STORY.site.documents[int(row["destination_id"])]
            assert (booked.key, booked.total) == (row["key"], Decimal(row["amount"]))


def test_what_failed_is_not_in_the_books() -> None:
    """No failed document has been booked under our key, but the one whose amounts differ."""
    keys = {one.key for one in STORY.site.documents.values()}
    failed = [row for row in STORY.shop.history if row["status"] == "failed"]
    assert len(failed) == 23
    booked = [row for row in failed if row["key"] in keys]
    assert [row["attempts"][-1]["error_type"] for row in booked] == ["amount_mismatch"]


def test_all_four_error_types_of_the_seed_rules_are_there() -> None:
    """A clerk meets each error type that finance must recognise, and the odd names."""
    kinds = {row["attempts"][-1]["error_type"] for row in STORY.shop.history}
    assert {"sku_not_found", "customer_email_missing", "unauthorized", "already_synced"} <= kinds
    names = {row["customer"] for row in STORY.shop.history}
    assert {"مؤسسة النخيل التجارية", "<!channel> *bold* & <b>x</b>"} <= names


def test_reasons_of_40_41_and_4000_characters_are_there() -> None:
    """The lengths at which a reason is cut, or not, all occur."""
    reasons = [row["attempts"][-1]["reason"] or "" for row in STORY.shop.history]
    assert {40, 41, 4000} <= {len(reason) for reason in reasons}


def test_the_story_is_the_same_for_the_same_moment() -> None:
    """Two sandboxes started at one moment tell the same story."""
    assert seed(NOW).shop.history == STORY.shop.history


def cents(amount: Decimal) -> Decimal:
    """Return `amount` rounded half up."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def test_every_document_of_the_store_adds_up() -> None:
    """Lines, discount, shipping and fee make the tax and the total; the books' way agrees."""
    for one in STORY.shop.invoices.values():
        lines = [line.price * line.quantity - line.discount for line in one.items]
        net = sum(lines, Decimal(0)) - one.discount + one.shipping + one.cod
        assert one.tax == cents(net * one.percent / 100)
        assert one.total == cents(net + one.tax)
        if not one.discount:
            by_line = [*lines, one.shipping]
            booked = sum(cents(part) + cents(part * one.percent / 100) for part in by_line)
            assert booked == one.total


def test_a_return_in_the_books_points_to_its_sale() -> None:
    """Each credit note carries the id of the invoice of the same order."""
    notes = [one for one in STORY.site.documents.values() if one.type == 5]
    assert len(notes) == 2
    for note in notes:
        sale = STORY.site.documents[int(note.subscription_id or 0)]
        assert (sale.type, sale.po_number) == (0, note.po_number)


def typed(far: Far, row: dict[str, Any]) -> httpx.Response | str:
    """Book a failed document as a careful clerk would; returns a sentence if that cannot be."""
    books = far.seed.site
    sold = far.shop.get(f"/admin/v2/orders/invoices/{row['source_id']}").json()["data"]
    order = far.shop.get(f"/admin/v2/orders/{sold['order_id']}").json()["data"]
    email, po_number = order["customer"]["email"], f"SALLA-{order['reference_id']}"
    if not email:
        return "no email"
    for one in books.documents.values():
        if one.po_number == po_number:
            return f"holds {one.total}"
    skus = {line["id"]: line["sku"] for line in order["items"]}
    lines = []
    for line in sold["items"]:
        product = books.product_by_code(skus[line["item_id"]])
        if product is None:
            return f"SKU {skus[line['item_id']]} not found"
        price, quantity = line["price"]["amount"], line["quantity"]
        lines.append({**far.line(price), "product_id": product.id, "quantity": quantity})
    client = next((c.id for c in books.clients.values() if c.email == email), None)
    client = client or books.add_client("New", email).id
    return far.create(*lines, client_id=client, date=sold["date"], key=row["key"])


def failed(error_type: str) -> list[dict[str, Any]]:
    """Return the rows of the past that stand failed with this type."""
    rows = [row for row in STORY.shop.history if row["status"] == "failed"]
    return [row for row in rows if row["attempts"][-1]["error_type"] == error_type]


def test_what_failed_still_would_for_its_reason(far: Far) -> None:
    """While its cause stands, each failed document is refused as its past says."""
    for row in failed("sku_not_found"):
        assert f"{typed(far, row)} in Daftra" == row["attempts"][-1]["reason"]
    assert {typed(far, row) for row in failed("customer_email_missing")} == {"no email"}
    for kind in ("already_synced", "amount_mismatch"):
        (row,) = failed(kind)
        off = Decimal(0) if kind == "already_synced" else Decimal("0.01")
        assert typed(far, row) == f"holds {Decimal(row['amount']) - off}"
    for row in failed("unknown"):
        answer = typed(far, row)
        assert isinstance(answer, httpx.Response)
        assert f"Daftra: {answer.json()['message']}" == row["attempts"][-1]["reason"]
    (row,) = failed("period_closed")
    answer = typed(far, row)
    assert isinstance(answer, httpx.Response)
    assert list(answer.json()["validation_errors"]) == ["date"]


@pytest.mark.parametrize("kind", ["sku_not_found", "customer_email_missing", "unauthorized"])
def test_what_is_repaired_goes_through(far: Far, kind: str) -> None:
    """With the product made, the e-mail saved, the key renewed, each is booked to the cent."""
    for row in failed(kind):
        if kind == "sku_not_found":
            far.books.post("/owner/products", data={"code": row["cause_key"], "name": "Repaired"})
        number = far.seed.shop.orders[int(row["order_id"])].customer
        if kind == "customer_email_missing":
            far.shop.post(f"/customers/{number}", data={"email": f"c{number}@example.sa"})
        answer = typed(far, row)
        assert isinstance(answer, httpx.Response)
        assert far.read(answer)["summary_total"] == row["amount"]
