"""The books' hints: that a document was made or deleted, to an address that holds the secret."""

from tests.sandbox.conftest import Far
from tests.sandbox.letterbox import Letterbox, until

INVOICES = "/api2/invoices"


def test_a_document_is_hinted_at(far: Far, box: Letterbox) -> None:
    """Made over the API, deleted on the page: each is told with its id, unsigned."""
    given = {"url": f"{box.url}?key=s3"}
    far.books.post("/sandbox/webhooks", json=given).raise_for_status()
    number = far.create().json()["id"]
    far.books.post(f"/owner/invoices/delete/{number}")
    hints = box.read(2)
    assert [(one["model"], one["action"], one["id"]) for one in hints] == [
        ("Invoice", "created", number),
        ("Invoice", "deleted", number),
    ]
    assert "authorization" not in box.headers[0]
    until(lambda: far.books.get("/sandbox/webhooks").json()["open"] == 0)
    state = far.books.get("/sandbox/webhooks").json()
    assert [one["status"] for one in state["log"]] == [200, 200]


def test_a_deleted_document_is_gone(far: Far) -> None:
    """It is found no more, by its own type only, and its number is given to no other."""
    made = far.create()
    number, no = made.json()["id"], far.read(made)["no"]
    assert far.books.delete(f"/api2/credit_notes/{number}.json").status_code == 404
    assert far.books.delete(f"{INVOICES}/{number}.json").status_code == 200
    assert far.books.get(f"{INVOICES}/{number}.json").status_code == 404
    assert far.books.delete(f"{INVOICES}/{number}.json").status_code == 404
    assert far.read(far.create(key="k2"))["no"] > no


def test_requests_are_counted(far: Far) -> None:
    """By method and path, ids left out; a dropped request counts, too."""
    far.fault("status", method="GET", path="/api2/invoices/7", status=500)
    far.books.get(f"{INVOICES}/7.json")
    far.books.get("/api2/products.json", params={"product_code": "x"})
    far.books.get("/owner/products")
    counted = far.books.get("/sandbox/requests").json()
    assert counted == {"total": 2, "by": {"GET /invoices/{id}": 1, "GET /products": 1}}
