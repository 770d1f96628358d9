"""HTTP mode: Slack calls the app, and only what Slack signed goes through; never 500."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest

from sandbox.workspace import SIGNING_SECRET
from tests.e2e.house import House, lived_in, read

STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
FORM = "application/x-www-form-urlencoded"
WHO = {"team_id": "T0ACME", "user_id": "U0CLERK01", "channel_id": "C0FINANCE"}
COMMAND = urlencode({"command": "/invsync", "text": "help", **WHO}).encode()
OK, BAD, UNSIGNED = 200, 400, 401
STALE = -310


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run a house whose workspace calls the app by HTTP."""
    with lived_in(tmp_path_factory.mktemp("http"), http=True) as house:
        yield house


def _signed(body: bytes, late: int = 0, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Return the headers that Slack would send with `body` in `late` seconds from now."""
    stamp = str(int(time.time()) + late)
    base = b"v0:" + stamp.encode() + b":" + body
    signature = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {STAMP: stamp, SIGNATURE: f"v0={signature}"}


def _status(house: House, body: bytes, headers: dict[str, str]) -> int:
    url = house.env["EVENTS_URL"]
    return httpx.post(url, content=body, headers={"Content-Type": FORM, **headers}).status_code


def test_a_visit_by_http(called: House) -> None:
    """The digest, View, a Retry that fails, the repair and a Retry that succeeds, all by HTTP."""
    called.clerk.sees("need you", "SKU missing in Daftra")
    order = called.sale("HTTP-1").reference_id
    called.clerk.types(f"/invsync sync {order}", f"INV-{order}: ✗ Failed to sync invoice")
    row = called.clerk.types(f"/invsync log {order}", "Failed")
    assert "SKU not found" in read(called.clerk.opens(row, "View"))
    called.create_product("HTTP-1")
    called.clerk.presses(row, "Retry", f"INV-{order}: ✓ Invoice synced successfully")
    assert len(called.booked(order)) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        {STAMP: None, SIGNATURE: None},
        {STAMP: None},
        {SIGNATURE: None},
        {SIGNATURE: "v0=" + "0" * 64},
        {SIGNATURE: "garbage"},
        {STAMP: "soon"},
        {STAMP: "9" * 30},
    ],
)
def test_spoilt_headers_are_refused(called: House, spoilt: dict[str, str | None]) -> None:
    """Headers that are missing or garbage are answered 401."""
    headers = {**_signed(COMMAND), **spoilt}
    kept = {name: value for name, value in headers.items() if value is not None}
    assert _status(called, COMMAND, kept) == UNSIGNED


def test_forged_requests_are_refused(called: House) -> None:
    """A signature made with another secret is answered 401."""
    assert _status(called, COMMAND, _signed(COMMAND, secret="another")) == UNSIGNED


@pytest.mark.parametrize("late", [STALE, -STALE])
def test_stale_requests_are_refused(called: House, late: int) -> None:
    """A good signature from more than five minutes away is answered 401."""
    assert _status(called, COMMAND, _signed(COMMAND, late)) == UNSIGNED


def test_a_changed_body_is_refused(called: House) -> None:
    """A signature of another body is answered 401."""
    assert _status(called, COMMAND + b"&text=retry", _signed(COMMAND)) == UNSIGNED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"payload=",
        b"payload=%7Bhalf",
        b"\xff\xfe",
        b"[]",
        b"{}",
        urlencode({"payload": json.dumps({"type": "block_actions", "actions": "x"})}).encode(),
    ],
)
def test_signed_garbage_is_no_payload(called: House, body: bytes) -> None:
    """A signed body that is no payload is answered 400."""
    assert _status(called, body, _signed(body)) == BAD


def test_a_signed_command_is_taken(called: House) -> None:
    """The signature of Slack over this very body goes through."""
    assert _status(called, COMMAND, _signed(COMMAND)) == OK
