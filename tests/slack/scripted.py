"""Slack's Web API by script, for what the sandbox's workspace cannot be made to answer.

Each method takes its next scripted answer, else the plain success of a small workspace.
"""

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from sandbox.serving import Server, drop

TEAM = "T0SANDBOX"
BOT = "U0BOT"
CHANNEL = "C0FINANCE"


@dataclass(frozen=True)
class Say:
    """One scripted answer; `lost`: the effect happens, the answer never arrives."""

    body: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


def refusal(code: str) -> Say:
    """Return Slack's way to say no."""
    return Say({"ok": False, "error": code})


RATE_LIMITED = Say({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "1"})
LOST = Say(lost=True)


@dataclass(frozen=True)
class Call:
    """One call that arrived."""

    method: str
    body: Mapping[str, Any]


class ScriptedSlack:
    """A running server; `calls` is what arrived, `messages` what stands in channels."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.messages: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.shared = False
        self.member = True
        self.sockets: list[tuple[asyncio.AbstractEventLoop, WebSocket]] = []
        self._script: dict[str, list[Say]] = defaultdict(list)
        self._arrived = threading.Condition()
        routes = [
            Route("/api/{method}", self._api, methods=["POST"]),
            Route("/respond/{place}", self._respond, methods=["POST"]),
            WebSocketRoute("/link", self._link),
        ]
        self.server = Server(Starlette(routes=routes)).start()

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL is to be."""
        return f"{self.server.url}/api/"

    def response_url(self, place: str = "1") -> str:
        """Return a response_url of this Slack."""
        return f"{self.server.url}/respond/{place}"

    def script(self, method: str, *answers: Say) -> None:
        """Let the next calls of a method be answered so."""
        self._script[method] += answers

    def of(self, method: str) -> list[Call]:
        """Return the calls of one method, oldest first."""
        return [call for call in self.calls if call.method == method]

    def wait_for(self, method: str, count: int = 1, seconds: float = 8.0) -> list[Call]:
        """Return the calls of a method once there are `count`; fails after `seconds`."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.of(method)) >= count, seconds)
        assert arrived, f"{method}: {len(self.of(method))} of {count} calls; {self.calls}"
        return self.of(method)

    def push(self, envelope: Mapping[str, Any]) -> None:
        """Send an envelope down the newest socket; its acknowledgement becomes a call `ack`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: bool(self.sockets), 8.0), "no socket"
        loop, socket = self.sockets[-1]
        asyncio.run_coroutine_threadsafe(socket.send_json(envelope), loop).result(5)

    def cut(self) -> None:
        """Close the newest socket without a word."""
        loop, socket = self.sockets.pop()
        asyncio.run_coroutine_threadsafe(socket.close(), loop).result(5)

    async def _link(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json({"type": "hello", "num_connections": 1})
        with self._arrived:
            self.sockets.append((asyncio.get_running_loop(), socket))
            self._arrived.notify_all()
        async for text in socket.iter_text():
            with self._arrived:
                self.calls.append(Call("ack", json.loads(text)))
                self._arrived.notify_all()

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        return await self._answer(request, method, _body(await request.body()))

    async def _respond(self, request: Request) -> Response:
        return await self._answer(request, "response_url", _body(await request.body()))

    async def _answer(self, request: Request, method: str, body: dict[str, Any]) -> Response:
        said = self._script[method].pop(0) if self._script[method] else Say()
        done = {} if said.body.get("ok") is False else self._effect(method, body)
        with self._arrived:
            self.calls.append(Call(method, body))
            self._arrived.notify_all()
        if said.lost:
            await drop(request.scope)
        if method == "response_url":
            return PlainTextResponse(str(said.body.get("error", "ok")), said.status)
        return JSONResponse({"ok": True, **done, **said.body}, said.status, dict(said.headers))

    def _effect(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "auth.test":
                return {"team_id": TEAM, "user_id": BOT, "bot_id": "B0BOT", "url": "http://x/"}
            case "apps.connections.open":
                return {"url": f"{self.server.url.replace('http', 'ws')}/link?ticket=1"}
            case "chat.postMessage":
                ts = f"1700000000.{len(self.messages):06}"
                self.messages.append({**body, "ts": ts})
                return {"channel": body["channel"], "ts": ts}
            case "conversations.info":
                told = {"is_ext_shared": self.shared, "is_member": self.member}
                return {"channel": {"id": body["channel"], **told}}
            case "conversations.history":
                return {"messages": self.messages}
            case "conversations.open":
                return {"channel": {"id": "D0DIRECT"}}
            case "users.info":
                return {"user": self.users[body["user"]]}
            case "usergroups.users.list":
                return {"users": self.groups.get(body["usergroup"], [])}
            case "usergroups.list":
                return {"usergroups": [{"id": one, "handle": one.lower()} for one in self.groups]}
            case _:
                return _opened(method, len(self.calls))


def _opened(method: str, place: int) -> dict[str, Any]:
    """Return the view that a call opened, or nothing."""
    return {"view": {"id": f"V0OPENED{place}"}} if method.startswith("views.") else {}


def _body(raw: bytes) -> dict[str, Any]:
    text = raw.decode()
    if text.startswith("{"):
        parsed: dict[str, Any] = json.loads(text)
        return parsed
    return {name: values[0] for name, values in parse_qs(text).items()}
