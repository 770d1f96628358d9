"""The guard in front of `/slack/events`: only what Slack signed and can be read goes through.

Bolt answers 500 to garbage headers and to signed bodies that are no payload; here they end as 401
and 400. The payload is parsed once, from the very bytes that were verified.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sync.clock import Clock

BODY_CAP = 256 * 1024
"""The most bytes of a body that are read."""

SKEW_SECONDS = 300
"""How far a request's time may be from ours (Slack, "Verifying requests from Slack")."""

_SHAPES: dict[str, tuple[type, ...]] = {
    "user": (dict, str),
    "team": (dict, str, NoneType),
    "enterprise": (dict, str, NoneType),
    "channel": (dict, str, NoneType),
    "container": (dict,),
    "message": (dict,),
    "view": (dict,),
    "event": (dict,),
    "actions": (list,),
    "authorizations": (list, NoneType),
}
"""What the parts of a payload are, where they are there at all; Bolt takes it for granted."""

_OF_A_COMMAND = ("user_id", "channel_id")
_NAMED_BY = {
    "block_actions": ("actions", ("action_id",)),
    "view_submission": ("view", ("id", "type", "callback_id")),
}
"""What an interaction of each kind happens to, and what names that."""

_TIMESTAMP = b"x-slack-request-timestamp"
_SIGNATURE = b"x-slack-signature"
_LONGEST_TIMESTAMP = 12


class Guard:
    """ASGI: verifies, parses, and hands on `scope["slack_body"]` and `scope["slack_payload"]`."""

    def __init__(self, app: ASGIApp, signing_secret: str, clock: Clock) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 to what Slack did not sign, 400 to what is no payload, else pass it on."""
        body = await _read(receive)
        if body is None or not self._signed(scope["headers"], body):
            await PlainTextResponse("not signed by Slack", 401)(scope, receive, send)
            return
        payload = payload_of(body)
        if payload is None:
            await PlainTextResponse("not a payload of Slack", 400)(scope, receive, send)
            return
        passed = {**scope, "slack_body": body.decode(), "slack_payload": payload}
        await self._app(passed, receive, send)

    def _signed(self, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        stamp, signature = _only(headers, _TIMESTAMP), _only(headers, _SIGNATURE)
        if stamp is None or signature is None or not signature.isascii():
            return False
        if not stamp.isdigit() or len(stamp) > _LONGEST_TIMESTAMP:
            return False
        if abs(self._clock.now().timestamp() - int(stamp)) > SKEW_SECONDS:
            return False
        signed = hmac.new(self._secret, b"v0:" + stamp + b":" + body, hashlib.sha256)
        return hmac.compare_digest(b"v0=" + signed.hexdigest().encode(), signature)


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_CAP:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _only(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the value of a header that came exactly once."""
    values = [value for key, value in headers if key.lower() == name]
    return values[0] if len(values) == 1 else None


def payload_of(body: bytes) -> dict[str, Any] | None:
    """Return the payload in a body: an event, an interaction or a command; None for others."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if text.startswith("{"):
        return _object(text, "type")
    form = dict(parse_qsl(text, keep_blank_values=True))
    if "payload" in form:
        return _object(form["payload"], "type")
    is_command = form.get("command", "").startswith("/") and _all_there(form, *_OF_A_COMMAND)
    return form if is_command or "ssl_check" in form else None


def _object(text: str, needed: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get(needed), str):
        return None
    return value if _well_shaped(value) and _names_who(value) else None


def _well_shaped(payload: dict[str, Any]) -> bool:
    if not all(isinstance(payload[key], of) for key, of in _SHAPES.items() if key in payload):
        return False
    lists = [payload.get("actions"), payload.get("authorizations")]
    return all(isinstance(part, dict) for parts in lists for part in parts or ())


def _names_who(payload: dict[str, Any]) -> bool:
    """Return whether an interaction says who acted, and on what."""
    kind = payload["type"]
    if kind not in _NAMED_BY:
        return True
    name, needed = _NAMED_BY[kind]
    place = payload.get(name)
    acted_on = place[0] if isinstance(place, list) and place else place
    return _all_there(payload.get("user"), "id") and _all_there(acted_on, *needed)


def _all_there(part: Any, *names: str) -> bool:
    texts = [part.get(name) for name in names] if isinstance(part, dict) else [None]
    return all(isinstance(text, str) and text for text in texts)
