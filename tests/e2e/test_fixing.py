"""A cause from its button to its last document, in the workspace and with the real connectors."""

from typing import Any

from demo.driver import buttons_of
from tests.e2e.house import House, read, until

CREATE = {"text": {"type": "plain_text", "text": "Create it"}, "value": "create"}
THEN = {"text": {"type": "plain_text", "text": "Check and retry"}, "value": "retry"}


def test_a_missing_product_is_created_and_its_document_goes_through(house: House) -> None:
    """Fix, one form: the product is made once, and the document is in the books."""
    order = house.sale("NUT-750", name="Mixed nuts")
    clerk = house.clerk
    failed = clerk.types(f"/invsync sync {order.reference_id}", "Failed", "NUT-750")
    labels = [one.get("accessibility_label") or one["text"]["text"] for one in buttons_of(failed)]
    label = next(one for one in labels if one.startswith("Fix"))
    assert clerk.click(failed, label)["ok"]
    form = until(lambda: house.driver.views(clerk.id), "the form")[-1]
    assert "Fixing it releases this document." in read(form)
    values: dict[str, Any] = {
        "how": {"how": {"type": "radio_buttons", "selected_option": CREATE}},
        "name": {"name": {"type": "plain_text_input", "value": "Mixed nuts 750 g"}},
        "then": {"then": {"type": "checkboxes", "selected_options": [THEN]}},
    }
    assert house.driver.submit(clerk.id, form["id"], values)["ok"]
    told = until(lambda: _told(house, clerk.id), "the outcome")
    assert "In Daftra now: Mixed nuts 750 g (NUT-750)." in told
    assert "The retry has begun" in told
    until(lambda: house.booked(order.reference_id), "the document in the books")


def _told(house: House, user: str) -> str:
    views = house.driver.views(user)
    text = read(views[-1]) if views else ""
    return text if "Working" not in text and "now" in text else ""
