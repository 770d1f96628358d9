"""Webhooks of a stand-in: signed, repeated until taken, and in every way a sender may go wrong."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

import pytest

from sandbox.webhooks import Deliveries
from tests.sandbox.letterbox import Letterbox, until


def prove(url: str, body: bytes) -> Mapping[str, str]:
    """Sign address and body."""
    digest = hmac.new(b"secret", url.encode() + body, hashlib.sha256).hexdigest()
    return {"X-Proof": digest}


@pytest.fixture
def deliveries(box: Letterbox) -> Iterator[Deliveries]:
    """Deliveries to the letterbox, repeated quickly."""
    sender = Deliveries(prove, delays=(0.01, 0.02))
    sender.url = box.url
    yield sender
    sender.stop()


def test_a_delivery_is_signed(box: Letterbox, deliveries: Deliveries) -> None:
    """The headers prove exactly the address and the bytes that arrive."""
    deliveries.send(b'{"a": 1}')
    until(lambda: len(deliveries.log) == 1)
    assert box.bodies == [b'{"a": 1}']
    assert box.headers[0]["x-proof"] == prove(box.url, b'{"a": 1}')["X-Proof"]


def test_nothing_is_sent_without_an_address(box: Letterbox, deliveries: Deliveries) -> None:
    """No address, no delivery, not even later."""
    deliveries.url = None
    deliveries.send(b"one")
    deliveries.url = box.url
    deliveries.send(b"two")
    until(lambda: deliveries.open == 0)
    assert box.bodies == [b"two"]


def test_what_is_not_taken_is_sent_again(box: Letterbox, deliveries: Deliveries) -> None:
    """Any answer but 2xx is followed by further tries, as many as there are delays."""
    box.statuses = [500, 404, 503, 500]
    deliveries.send(b"one")
    until(lambda: deliveries.open == 0)
    assert [(one.status, one.attempt) for one in deliveries.log] == [(500, 1), (404, 2), (503, 3)]
    deliveries.send(b"two")
    until(lambda: deliveries.open == 0)
    assert [one.status for one in deliveries.log[3:]] == [500, 200]


def test_nobody_at_the_address_is_a_failed_try(deliveries: Deliveries) -> None:
    """Without an answer the status is 0, and the delivery is repeated."""
    deliveries.url = "http://127.0.0.1:1/hooks"
    deliveries.send(b"one")
    until(lambda: deliveries.open == 0)
    assert [one.status for one in deliveries.log] == [0, 0, 0]


def test_a_delivery_may_come_twice(box: Letterbox, deliveries: Deliveries) -> None:
    """With `duplicate` the same bytes arrive two times."""
    deliveries.duplicate = True
    deliveries.send(b"one")
    until(lambda: deliveries.open == 0)
    assert box.bodies == [b"one", b"one"]


def test_a_forged_delivery_proves_something_else(box: Letterbox, deliveries: Deliveries) -> None:
    """With `forge` the signature is well formed and wrong."""
    deliveries.forge = True
    deliveries.send(b"one")
    until(lambda: deliveries.open == 0)
    assert len(box.headers[0]["x-proof"]) == 64
    assert box.headers[0]["x-proof"] != prove(box.url, b"one")["X-Proof"]


@pytest.mark.parametrize(("reverse", "order"), [(False, b"abc"), (True, b"cba")])
def test_held_deliveries_come_in_any_order(
    box: Letterbox, deliveries: Deliveries, *, reverse: bool, order: bytes
) -> None:
    """With `hold` nothing is sent until the release, which may turn the order round."""
    deliveries.hold = True
    for body in (b"a", b"b", b"c"):
        deliveries.send(body)
    assert (deliveries.open, deliveries.log) == (3, [])
    deliveries.release(reverse=reverse)
    until(lambda: deliveries.open == 0)
    assert b"".join(box.bodies) == order


def test_a_script_turns_the_switches(box: Letterbox, deliveries: Deliveries) -> None:
    """It names what changes and nothing else, and reads what happened as JSON."""
    deliveries.turn({"hold": True, "duplicate": True})
    deliveries.send(b"a")
    deliveries.turn({"release": "reverse"})
    until(lambda: deliveries.open == 0)
    state = deliveries.state()
    assert (state["url"], state["duplicate"], state["hold"]) == (box.url, True, False)
    assert [one["status"] for one in state["log"]] == [200, 200]
    deliveries.turn({"url": ""})
    assert deliveries.url is None
