"""The store's webhooks, and the pages from which a clerk sets them off."""

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.salla import MERCHANT, SECRET
from sandbox.salla.hooks import EVENTS
from tests.sandbox.conftest import Far
from tests.sandbox.letterbox import Letterbox

HOOKS = "/admin/v2/webhooks"
ORDER = {"customer": "8821", "sku0": "TEA-200", "quantity0": "2", "sku1": "DATES-1KG"}


def listens(far: Far, box: Letterbox, **given: Any) -> None:
    """Let the letterbox hear of everything."""
    far.shop.post("/sandbox/webhooks", json={"url": box.url, **given}).raise_for_status()


def placed(far: Far, **more: str) -> httpx.Response:
    """Complete an order on the page."""
    return far.shop.post("/orders/new", data=ORDER | more, follow_redirects=True)


def signature(body: bytes, secret: str = SECRET) -> str:
    """Return what proves a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_new_order_is_told(far: Far, box: Letterbox) -> None:
    """The page sells two goods; order and invoice are told signed, in the guide's envelope."""
    assert "Sara Ali" in far.shop.get("/orders/new").text
    listens(far, box)
    page = placed(far, shipping="10")
    created, issued = box.read(2)
    assert (created["event"], issued["event"]) == ("order.created", "invoice.created")
    assert created["merchant"] == issued["merchant"] == int(MERCHANT)
    assert f"Order {created['data']['reference_id']}" in page.text
    read = far.shop.get(f"/admin/v2/orders/invoices/{issued['data']['id']}").json()["data"]
    assert read == issued["data"]
    assert (read["sub_total"]["amount"], read["total"]["amount"]) == ("100.00", 126.5)
    for body, headers in zip(box.bodies, box.headers, strict=True):
        assert headers["x-salla-security-strategy"] == "Signature"
        assert headers["x-salla-signature"] == signature(body)


def test_an_order_without_goods_is_not_placed(far: Far) -> None:
    """The form comes again, and nothing is stored."""
    before = len(far.seed.shop.orders)
    assert "New order" in placed(far, sku0="", sku1="none").text
    assert len(far.seed.shop.orders) == before


def test_the_token_strategy_sends_the_secret(far: Far, box: Letterbox) -> None:
    """`Authorization` is the secret itself, and something else in a forged delivery."""
    listens(far, box, strategy="Token", secret="s3")
    placed(far)
    box.read(2)
    assert {one["authorization"] for one in box.headers} == {"s3"}
    assert "x-salla-signature" not in box.headers[0]
    listens(far, box, forge=True)
    placed(far)
    box.read(4)
    assert "s3" not in {one["authorization"] for one in box.headers[2:]}
    assert far.shop.post("/sandbox/webhooks", json={"strategy": "magic"}).status_code == 400


def test_a_status_is_told_when_it_changes(far: Far, box: Letterbox) -> None:
    """An order in progress is completed on its page; saving the same again tells nothing."""
    number = far.seed.names["in_progress"]
    order = next(one for one in far.seed.shop.orders.values() if one.reference_id == number)
    listens(far, box)
    for status in ("completed", "completed", "under_review"):
        far.shop.post(f"/orders/order/{order.hash}/status", data={"status": status})
    told = box.read(2)
    assert [one["event"] for one in told] == ["order.status.updated"] * 2
    assert [one["data"]["status"]["slug"] for one in told] == ["completed", "under_review"]
    read = far.shop.get(f"/admin/v2/orders/{order.id}").json()["data"]
    assert read["updated_at"]["date"] > read["date"]["date"]
    assert far.shop.post("/orders/order/x/status", data={"status": "completed"}).status_code == 404


def test_a_return_is_told_and_never_exceeds_the_sale(far: Far, box: Letterbox) -> None:
    """A Credit Note takes back what is left, with its share of the discount: 187.50."""
    order = far.seed.shop.orders[2098764685]
    (item,) = order.items
    page = f"/orders/order/{order.hash}"
    assert "Take back" in far.shop.get(page).text
    listens(far, box)
    for _ in range(2):
        far.shop.post(f"{page}/back", data={f"back{item.id}": "5"})
    issued, refunded = box.read(2)
    assert (issued["event"], refunded["event"]) == ("invoice.created", "order.refunded")
    note = far.seed.shop.invoices[issued["data"]["id"]]
    assert (note.kind, note.total) == ("Credit Note", Decimal("215.63"))
    assert len(far.seed.shop.invoices_of(order.id)) == 2
    assert "Take back" not in far.shop.get(page).text


def test_a_program_subscribes_to_one_event(far: Far, box: Letterbox) -> None:
    """Only this event arrives, proven with the subscriber's own secret; then it unsubscribes."""
    assert [one["event"] for one in far.listed("/webhooks/events")] == list(EVENTS)
    given = {
        "name": "ours",
        "event": "invoice.created",
        "url": box.url,
        "secret": "mine",
        "security_strategy": "signature",
    }
    hook = far.shop.post(f"{HOOKS}/subscribe", json=given).json()["data"]
    assert far.listed("/webhooks") == [hook]
    placed(far)
    assert [one["event"] for one in box.read(1)] == ["invoice.created"]
    assert box.headers[0]["x-salla-signature"] == signature(box.bodies[0], "mine")
    changed = far.shop.put(f"{HOOKS}/{hook['id']}", json={"event": "order.created"}).json()["data"]
    assert (changed["event"], changed["url"]) == ("order.created", box.url)
    far.shop.delete(f"{HOOKS}/unsubscribe", params={"id": hook["id"]}).raise_for_status()
    assert far.listed("/webhooks") == []
    assert far.shop.delete(f"{HOOKS}/unsubscribe?id=1").status_code == 404


@pytest.mark.parametrize("field", ["event", "url", "security_strategy"])
def test_a_wrong_subscription_is_refused_by_field(far: Far, field: str) -> None:
    """An unknown event or strategy, or no address: 422 names the field."""
    given = {"event": "invoice.created", "url": "http://127.0.0.1:9/"} | {field: "nonsense"}
    answer = far.shop.post(f"{HOOKS}/subscribe", json=given)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [field])
