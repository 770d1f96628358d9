"""The guard in front of `/slack/events`, over a real socket: 401, 400, or through; never 500."""

import hashlib
import hmac
import http.client
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import Ack, App, BoltResponse
from slack_bolt.authorization import AuthorizeResult

from bot.slack import guarded
from bot.web import Health, Part, WebServer, listening, site
from sync.clock import SystemClock

SECRET = "a-signing-secret"
FORM = "application/x-www-form-urlencoded"
TYPED = {"command": "/invsync", "text": "show payload", "team_id": "T1"}
WHO = {"user_id": "U1", "channel_id": "C1"}
COMMAND = urlencode({**TYPED, **WHO}).encode()
PRESS = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "retry"}]}
FORM_VIEW = {"id": "V1", "type": "modal", "callback_id": "sync"}
SUBMISSION = {"type": "view_submission", "user": {"id": "U1"}, "view": FORM_VIEW}
Headers = list[tuple[str, str]]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Bolt behind the guard on a free port; each command is answered with its text."""
    bolt = App(signing_secret=SECRET, process_before_response=True, authorize=_authorized)
    bolt.command("/invsync")(_echo)
    bolt.action(re.compile(""))(_done)
    bolt.event(re.compile(""))(_done)
    bolt.view(re.compile(""))(_done)
    bolt.error(_told)
    server = WebServer(
        site(Health({}), guarded(bolt, SECRET, SystemClock())), listening("127.0.0.1", 0)
    )
    server.start()
    yield server.port
    server.stop()


def _authorized() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1")


def _echo(ack: Ack, command: dict[str, Any]) -> BoltResponse:
    return ack(command["text"])


def _done(ack: Ack) -> BoltResponse:
    return ack()


def _told(error: Exception) -> BoltResponse:
    return BoltResponse(status=200, body=type(error).__name__)


def _post(port: int, body: bytes, headers: Headers) -> int:
    return _answered(port, body, headers)[0]


def _answered(port: int, body: bytes, headers: Headers) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("POST", "/slack/events")
    for name, value in [("Content-Type", FORM), ("Content-Length", str(len(body))), *headers]:
        connection.putheader(name, value.encode("utf-8"))
    connection.endheaders(body)
    response = connection.getresponse()
    answered = response.status, response.read().decode()
    connection.close()
    return answered


def _stamp(age: float = 0) -> str:
    return str(int(time.time() - age))


def _signature(body: bytes, stamp: str, secret: str = SECRET) -> str:
    signed = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return "v0=" + signed.hexdigest()


def _signed(body: bytes, stamp: str | None = None) -> Headers:
    stamp = stamp or _stamp()
    return [
        ("X-Slack-Request-Timestamp", stamp),
        ("X-Slack-Signature", _signature(body, stamp)),
    ]


def test_a_command_passes(port: int) -> None:
    """A signed command reaches Bolt whole, also with the word `payload` in its text."""
    assert _answered(port, COMMAND, _signed(COMMAND)) == (200, "show payload")


@pytest.mark.parametrize(
    "body",
    [
        urlencode({"payload": json.dumps(PRESS)}).encode(),
        urlencode({"payload": json.dumps(SUBMISSION)}).encode(),
        json.dumps({"type": "url_verification", "challenge": "c"}).encode(),
        b"ssl_check=1&token=t",
    ],
)
def test_other_payloads_pass(port: int, body: bytes) -> None:
    """Interactions, events and certificate checks of Slack are taken."""
    assert _post(port, body, _signed(body)) == 200


@pytest.mark.parametrize("age", [301, -310, 86_400])
def test_stale_is_refused(port: int, age: int) -> None:
    """A request from more than five minutes ago, or ahead, is refused though its sign is right."""
    assert _post(port, COMMAND, _signed(COMMAND, _stamp(age))) == 401


def test_forged_is_refused(port: int) -> None:
    """Another secret, another body or another time than was signed: 401."""
    stamp = _stamp()
    forged = _signature(COMMAND, stamp, "another-secret")
    time_header = ("X-Slack-Request-Timestamp", stamp)
    assert _post(port, COMMAND, [time_header, ("X-Slack-Signature", forged)]) == 401
    assert _post(port, COMMAND.replace(b"show", b"sync"), _signed(COMMAND)) == 401
    other = ("X-Slack-Request-Timestamp", _stamp(2))
    assert _post(port, COMMAND, [other, _signed(COMMAND, stamp)[1]]) == 401


@pytest.mark.parametrize(
    "stamp",
    ["", "inf", "nan", "1e9", "0x5f", "-1", "1.5", " 12", "٢٠٢٦", "²", "9" * 40, "null"],
)
def test_garbage_timestamps_are_refused(port: int, stamp: str) -> None:
    """A timestamp that is not plain digits is refused, never a crash."""
    signed = _signature(COMMAND, stamp)
    headers = [("X-Slack-Request-Timestamp", stamp), ("X-Slack-Signature", signed)]
    assert _post(port, COMMAND, headers) == 401


@pytest.mark.parametrize("signature", ["", "v0=", "v0=é", "v1=" + "0" * 64, "٣" * 64, "{}"])
def test_garbage_signatures_are_refused(port: int, signature: str) -> None:
    """A signature that is no signature is refused, never a crash."""
    headers = [("X-Slack-Request-Timestamp", _stamp()), ("X-Slack-Signature", signature)]
    assert _post(port, COMMAND, headers) == 401


@pytest.mark.parametrize("missing", ["X-Slack-Request-Timestamp", "X-Slack-Signature"])
def test_missing_and_doubled_headers_are_refused(port: int, missing: str) -> None:
    """Each of the two headers must come exactly once."""
    signed = _signed(COMMAND)
    assert _post(port, COMMAND, [one for one in signed if one[0] != missing]) == 401
    assert _post(port, COMMAND, [*signed, next(one for one in signed if one[0] == missing)]) == 401


def test_a_huge_body_is_refused(port: int) -> None:
    """A body above the cap is not read to its end."""
    body = COMMAND + b"&filler=" + b"x" * 300_000
    assert _post(port, body, _signed(body)) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{",
        b"{}",
        b'{"type": 7}',
        b"payload=",
        b"payload=%5B%5D",
        b"payload=null",
        b"payload=7",
        b"payload=%FF",
        b"payload=" + b"%5B" * 30_000,
        b"command=",
        b"command=invsync",
        urlencode(TYPED).encode(),
        urlencode({**TYPED, **WHO, "user_id": ""}).encode(),
        urlencode({**TYPED, "user_id": "U1"}).encode(),
        json.dumps({**PRESS, "user": {}}).encode(),
        json.dumps({**PRESS, "user": {"id": 7}}).encode(),
        json.dumps({**PRESS, "actions": []}).encode(),
        json.dumps({**PRESS, "actions": [{}]}).encode(),
        json.dumps({**SUBMISSION, "view": {}}).encode(),
        json.dumps({**SUBMISSION, "user": "U1"}).encode(),
        json.dumps({**SUBMISSION, "view": {"id": "V1", "callback_id": "sync"}}).encode(),
        json.dumps({**SUBMISSION, "view": {**FORM_VIEW, "type": 7}}).encode(),
        json.dumps({**SUBMISSION, "view": {**FORM_VIEW, "callback_id": 7}}).encode(),
    ],
)
def test_signed_but_no_payload(port: int, body: bytes) -> None:
    """A signed body that is no payload, or that names nobody who acted, is answered with 400."""
    assert _post(port, body, _signed(body)) == 400


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions"},
        {"type": "block_actions", "team": 7, "user": [], "actions": "x"},
        {"type": "block_actions", "team": [], "actions": [None]},
        {"type": "view_submission", "view": None},
        {"type": "event_callback", "event": 7},
        {"type": "event_callback", "authorizations": [7]},
        {"type": "no_such_type"},
    ],
)
def test_odd_payloads_are_never_a_server_error(port: int, payload: dict[str, Any]) -> None:
    """A signed payload with parts of wrong types is answered with 400 or taken."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert _post(port, body, _signed(body)) < 500


def test_only_post(port: int) -> None:
    """The address takes nothing but POST."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/slack/events")
    assert connection.getresponse().status == 405
    connection.close()


def test_no_events_in_socket_mode() -> None:
    """Where payloads come by socket, `/slack/events` does not exist."""
    server = WebServer(site(Health({})), listening("127.0.0.1", 0))
    server.start()
    assert _post(server.port, COMMAND, _signed(COMMAND)) == 404
    server.stop()


def test_health_names_the_sick_part() -> None:
    """Only a vital part makes the process unfit to live; any part makes it unready."""
    parts = {"ticks": Part(lambda: None, vital=True), "socket": Part(lambda: "silent for 61 s")}
    server = WebServer(site(Health(parts)), listening("127.0.0.1", 0))
    server.start()
    answers = {}
    for path in ("/healthz", "/readyz"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", path)
        response = connection.getresponse()
        answers[path] = response.status, json.loads(response.read())
        connection.close()
    server.stop()
    told = {"ticks": "ok", "socket": "silent for 61 s"}
    assert answers["/healthz"] == (200, {"status": "ok", "parts": told})
    assert answers["/readyz"] == (503, {"status": "failing", "parts": told})
