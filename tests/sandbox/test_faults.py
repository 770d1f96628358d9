"""Fault scripts: what a request meets, and whether its document was stored."""

import httpx
import pytest

from tests.sandbox.conftest import Far


@pytest.mark.parametrize(("fault", "stored"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_has_no_answer(far: Far, fault: str, stored: int) -> None:
    """The connection closes without a byte; only `drop_after` has stored the document."""
    far.fault(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        far.create()
    assert far.booked() == stored
    assert far.create().status_code == 202


def test_a_slow_answer_comes_late_and_is_whole(far: Far) -> None:
    """A request that hangs outlasts a client's patience, and is stored all the same."""
    far.fault("hang", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        far.books.post("/api2/invoices.json", json={}, timeout=0.1)
    far.fault("hang", seconds=0.05)
    assert far.create().status_code == 202


@pytest.mark.parametrize("wait", ["7", "0", "Fri, 20 Nov 2026 06:01:00 GMT", None])
def test_a_429_says_when_to_come_back_in_every_form(far: Far, wait: str | None) -> None:
    """Retry-After is seconds, a date, nought, or missing; nothing is stored."""
    far.fault("status", status=429, retry_after=wait)
    answer = far.create()
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, wait)
    assert far.booked() == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_comes_before_or_after_storing(far: Far, status: int) -> None:
    """The same status tells nothing of what was stored."""
    far.fault("status", status=status)
    assert (far.create().status_code, far.booked()) == (status, 0)
    far.fault("status_after", status=status)
    assert (far.create().status_code, far.booked()) == (status, 1)


@pytest.mark.parametrize(
    ("fault", "status", "body", "stored"),
    [
        ("html_200", 200, "<html>", 0),
        ("html_502", 502, "<html>", 0),
        ("empty_204", 204, "", 0),
        ("wrong_type", 200, "[", 0),
        ("token_expired", 401, '{"result":"failed"', 0),
        ("half_json", 200, '{"code":202', 1),
        ("missing_id", 202, '{"code":202,"result":"successful"}', 1),
    ],
)
def test_an_answer_can_be_spoilt(far: Far, fault: str, status: int, body: str, stored: int) -> None:
    """Each spoilt answer looks as named, and is given once."""
    far.fault(fault)
    answer = far.create()
    assert answer.status_code == status
    assert answer.text.startswith(body)
    assert far.booked() == stored
    assert far.create().json()["id"]


def test_a_script_counts_its_requests(far: Far) -> None:
    """`skip` lets requests pass first, `times` says how many are meant; others are left alone."""
    far.fault("status", skip=1, times=2)
    assert far.books.get("/api2/invoices.json").status_code == 200
    assert [far.create().status_code for _ in range(4)] == [202, 500, 500, 202]


def test_faults_are_forgotten_on_request(far: Far) -> None:
    """After DELETE nothing waits."""
    far.fault("status", times=9)
    assert far.books.delete("/sandbox/faults").json() == {"ok": True, "waiting": 0}
    assert far.create().status_code == 202


@pytest.mark.parametrize(
    "script",
    [
        {"method": "POST", "path": "/", "fault": "flood"},
        {"method": "POST", "path": "([", "fault": "drop_after"},
        {"path": "/", "fault": "drop_after"},
    ],
)
def test_a_script_that_nobody_understands_is_refused(far: Far, script: dict[str, str]) -> None:
    """An unknown fault, a broken pattern, a missing field: 400 with a sentence."""
    answer = far.books.post("/sandbox/faults", json=[script])
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_store_takes_the_same_scripts(far: Far) -> None:
    """Salla loses its answers as Daftra does."""
    script = {"method": "GET", "path": "/admin/v2/orders", "fault": "token_expired"}
    far.shop.post("/sandbox/faults", json=[script])
    assert far.shop.get("/admin/v2/orders").status_code == 401
    assert far.shop.get("/admin/v2/orders").status_code == 200


def test_a_knob_on_the_page_is_one_shot(far: Far) -> None:
    """The page's button loses the next create's answer, and no other's."""
    far.books.post("/owner/knobs", data={"knob": "lose the answer of the next create"})
    with pytest.raises(httpx.RemoteProtocolError):
        far.create()
    assert far.create().status_code == 202
