"""Keeps everything a stand-in is asked and answers, so that it can be held against schemas."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; a body is the decoded JSON, None where there was none."""

    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    answer: Any

    @property
    def name(self) -> str:
        """Return what to call it in a failure."""
        return f"{self.method} {self.path} -> {self.status}"


@dataclass
class Recorder:
    """An ASGI app that passes everything on to `inner` and keeps each exchange."""

    inner: ASGIApp
    kept: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what staff do through `/sandbox/` is not part of the contract."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self.inner(scope, receive, send)
            return
        asked, told, status = bytearray(), bytearray(), 0

        async def hear() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def tell(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            told.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.kept.append(_exchange(scope, bytes(asked), status, bytes(told)))
            await send(message)

        await self.inner(scope, hear, tell)


def _exchange(scope: Scope, asked: bytes, status: int, told: bytes) -> Exchange:
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    return Exchange(scope["method"], scope["path"], query, _decoded(asked), status, _decoded(told))


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()
