"""Payloads on their way to the app: over its newest socket, or signed over HTTP."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.workspace.state import Json, State

ACK_SECONDS = 3.0


@dataclass(slots=True)
class Ack:
    """Whether the app took a payload in time, what it answered, and after how many ms."""

    taken: bool
    payload: Any = None
    ms: float = 0.0


@dataclass
class Line:
    """The way to the app. `events_url` switches to HTTP mode."""

    state: State
    signing_secret: str
    events_url: str | None = None
    sockets: list[WebSocket] = field(default_factory=list)
    muted: list[WebSocket] = field(default_factory=list)
    tickets: set[str] = field(default_factory=set)
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    last: tuple[str, Json] | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def ticket(self) -> str:
        """Return a ticket that opens one socket."""
        name = uuid.uuid4().hex
        self.tickets.add(name)
        return name

    async def serve(self, socket: WebSocket) -> None:
        """Hold one socket of the app until it ends."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self.tickets:
            await socket.close(4001)
            return
        self.tickets.discard(ticket)
        await socket.accept()
        self.sockets.append(socket)
        self.arrived.set()
        self.state.changed()
        debug = {"host": "sandbox", "approximate_connection_time": 18060}
        hello = {"type": "hello", "num_connections": len(self.sockets), "debug_info": debug}
        await socket.send_json({**hello, "connection_info": {"app_id": "A0INVSYNC"}})
        try:
            while True:
                self._answered(_json(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.sockets.remove(socket)
            self.state.changed()

    def _answered(self, answer: Any) -> None:
        known = answer if isinstance(answer, dict) else {}
        waiter = self.waiting.pop(str(known.get("envelope_id")), None)
        if waiter and not waiter.done():
            waiter.set_result(answer.get("payload"))

    async def drop(self, how: str = "") -> int:
        """End every socket; returns how many.

        As Slack does now and then, with a word and a close frame; `abrupt`: without either;
        `mute`: it stays open, and nothing comes or goes any more.
        """
        sockets = [socket for socket in self.sockets if socket not in self.muted]
        for socket in sockets:
            if how == "abrupt":
                socket.scope["sandbox.transport"].abort()
            elif how == "mute":
                socket.scope["sandbox.transport"].pause_reading()
                self.muted.append(socket)
            else:
                await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
                await socket.close(1001)
        return len(sockets)

    async def deliver(self, kind: str, payload: Json, again: int = 0) -> Ack:
        """Bring a payload to the app and wait for its acknowledgement, three seconds at most.

        `again` counts redeliveries, as Slack tells them.
        """
        self.last = (kind, payload)
        began = time.monotonic()
        late, self.state.knobs.late_ack_s = self.state.knobs.late_ack_s, 0.0
        send = self._by_http if self.events_url else self._by_socket
        ack = await send(kind, payload, ACK_SECONDS, again)
        if ack.taken and late:
            ack = await _held_back(ack, late, began)
        ack.ms = (time.monotonic() - began) * 1000
        self.state.note("to app", kind, payload, ack.payload if ack.taken else "no ack", ack.ms)
        return ack

    async def redeliver(self, again: int = 1) -> Ack:
        """Bring the last payload again, as Slack does when it missed the acknowledgement."""
        if self.last is None:
            return Ack(taken=False)
        return await self.deliver(*self.last, again)

    async def _by_socket(self, kind: str, payload: Json, left: float, again: int) -> Ack:
        if not self.sockets:
            return Ack(taken=False)
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind if kind in {"slash_commands", "events_api"} else "interactive",
            "accepts_response_payload": True,
            "payload": payload,
        }
        if again:
            envelope |= {"retry_attempt": again, "retry_reason": "timeout"}
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting[str(envelope["envelope_id"])] = waiter
        try:
            if self.sockets[-1] not in self.muted:
                await self.sockets[-1].send_json(envelope)
            return Ack(taken=True, payload=await asyncio.wait_for(waiter, left))
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            return Ack(taken=False)

    async def _by_http(self, kind: str, payload: Json, left: float, again: int) -> Ack:
        body, content = _body(kind, payload)
        stamp = str(int(time.time()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": content,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        if again:
            headers |= {"X-Slack-Retry-Num": str(again), "X-Slack-Retry-Reason": "http_timeout"}
        try:
            async with httpx.AsyncClient(timeout=left, trust_env=False) as client:
                answer = await client.post(str(self.events_url), content=body, headers=headers)
        except httpx.HTTPError:
            return Ack(taken=False)
        if answer.status_code != httpx.codes.OK:
            return Ack(taken=False)
        return Ack(taken=True, payload=_json(answer.text))


async def _held_back(ack: Ack, late: float, began: float) -> Ack:
    """Let an acknowledgement arrive late, or too late: the app has acted on the payload anyway."""
    await asyncio.sleep(max(0.0, began + min(late, ACK_SECONDS) - time.monotonic()))
    return ack if late < ACK_SECONDS else Ack(taken=False)


def _body(kind: str, payload: Json) -> tuple[bytes, str]:
    """Return a payload as HTTP mode sends it, and its content type."""
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}
