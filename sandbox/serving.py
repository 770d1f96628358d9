"""Runs one ASGI app as a real server on loopback, in a thread of its own."""

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HOST = "127.0.0.1"
BACKLOG = 256
START_SECONDS = 20.0


class DroppingProtocol(H11Protocol):
    """HTTP whose apps may drop the connection: `drop(scope)` closes it without an answer."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["sandbox.transport"] = self.transport
            await inner(scope, receive, send)

        self.app = app


class DroppingSocket(WebSocketsSansIOProtocol):
    """Sockets whose apps may cut the connection: its transport stands in the scope."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["sandbox.transport"] = self.transport
            await inner(scope, receive, send)

        self.app = app


async def drop(scope: Scope) -> None:
    """Close the request's connection at once, without an answer."""
    scope["sandbox.transport"].abort()
    await asyncio.sleep(0.01)  # lets the server notice, so that it does not answer 500


class Server:
    """Serves `app` on 127.0.0.1:`port` (0: a free port) from `start` to `stop`."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        self._socket = socket.socket(
            socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,  # else answers on kept connections wait 40 ms for an ack
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"
        self._up = threading.Event()
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            backlog=BACKLOG,
            http=DroppingProtocol,
            ws=DroppingSocket,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = _Signalling(config, self._up)
        self._thread = threading.Thread(target=self._run, name=f"serve-{self.port}", daemon=True)

    def start(self) -> "Server":
        """Begin to serve; returns when the port answers."""
        self._thread.start()
        if not self._up.wait(START_SECONDS):
            raise RuntimeError(f"the server on port {self.port} did not start")
        return self

    def stop(self) -> None:
        """End, and give the port back."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


class _Signalling(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, up: threading.Event) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    def install_signal_handlers(self) -> None:
        """Leave signals to the process: this server is one of several in it."""
