"""The door to Bolt: who we are in Slack, the app that listens, and what it listens on."""

import json
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import structlog
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.socket_mode.builtin.connection import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from bot.guard import Guard
from bot.settings import Problem, Settings, SettingsError
from bot.web_api import (
    POST_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    TROUBLE,
    error_code,
    web_client,
)
from sync.clock import Clock

LISTENERS = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SocketTimes:
    """How often a socket is asked whether it lives, and how long it may be silent."""

    ping_seconds: float = 3.0
    stale_seconds: float = 60.0
    """Without a pong for so long a socket is dead, whatever it says itself."""

    dead_seconds: float = 300.0
    """Without a socket for so long the process is of no use: its supervisor starts another."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that our token belongs to, with a client for each purpose."""

    team: str
    bot_user: str
    reads: WebClient
    """Short: a listener waits for it."""

    posts: WebClient


def open_workspace(settings: Settings) -> Workspace:
    """Ask Slack who we are. Raises SettingsError where Slack refuses or is not there."""
    secret = settings.slack_bot_token
    token = secret.get_secret_value() if secret else ""
    posts = web_client(token, settings.slack_api_url, POST_TIMEOUT_SECONDS)
    try:
        answer = posts.auth_test()
    except TROUBLE as error:
        code = error_code(error)
        name = "SLACK_BOT_TOKEN" if code else "SLACK_API_URL"
        what = f"Slack answers {code}" if code else f"Slack cannot be reached ({error})"
        example = "xoxb-..." if code else settings.slack_api_url
        raise SettingsError([Problem(name, what, example)]) from None
    reads = web_client(token, settings.slack_api_url, READ_TIMEOUT_SECONDS)
    return Workspace(answer["team_id"], answer["user_id"], reads, posts)


def bolt_app(workspace: Workspace, settings: Settings) -> App:
    """Return the app; listeners run before the answer, so their ack body is the answer."""
    secret = settings.slack_signing_secret
    logging.getLogger("slack_bolt").setLevel(logging.WARNING)
    return App(
        name="invsync",
        client=workspace.posts,
        signing_secret=secret.get_secret_value() if secret else "",
        process_before_response=True,
        listener_executor=ThreadPoolExecutor(LISTENERS, thread_name_prefix="listener"),
    )


class Socket:
    """Keeps one Socket Mode connection alive; `check` is called at each tick."""

    def __init__(
        self, app: App, app_token: str, client: WebClient, times: SocketTimes | None = None
    ) -> None:
        self._times = times or SocketTimes()
        self._app = app
        self._token = app_token
        self._client = client
        self._handler: SocketModeHandler | None = None
        self._well_at = time.monotonic()
        self._session: Connection | None = None
        self._session_at = time.time()

    def start(self) -> None:
        """Connect; where Slack does not answer, `check` tries again."""
        self._connect()

    def stop(self) -> None:
        """Take no more payloads."""
        self._close()

    def check(self) -> None:
        """Build the connection anew where it has gone silent."""
        if self.connected():
            self._well_at = time.monotonic()
        elif self._handler is None or self.silent_seconds() > self._times.stale_seconds:
            log.warning("socket.rebuilt", silent_seconds=round(self.silent_seconds()))
            self._close()
            self._connect()

    def connected(self) -> bool:
        """Return whether the socket is open and answered a ping lately."""
        session = self._handler.client.current_session if self._handler else None
        if session is None or not session.is_active():
            return False
        if session is not self._session:
            self._session, self._session_at = session, time.time()
        heard_at = session.last_ping_pong_time or self._session_at
        return time.time() - heard_at < self._times.stale_seconds

    def silent_seconds(self) -> float:
        """Return for how long the socket has not been well."""
        return time.monotonic() - self._well_at

    @property
    def dead(self) -> bool:
        """Whether to give up and let the supervisor start another process."""
        return self.silent_seconds() > self._times.dead_seconds

    def _connect(self) -> None:
        handler = SocketModeHandler(
            self._app,
            app_token=self._token,
            web_client=self._client,
            ping_interval=self._times.ping_seconds,
        )
        try:
            handler.client.connect()
        except TROUBLE as error:
            log.warning("socket.not_connected", error=error_code(error) or str(error))
            handler.client.close()
            return
        self._handler = handler
        self._well_at = time.monotonic()

    def _close(self) -> None:
        if self._handler:
            client = self._handler.client
            client.auto_reconnect_enabled = False
            client.current_session_state.terminated = True
            _wake(client.current_session)
            client.close()
            self._handler = None


def _wake(session: Connection | None) -> None:
    """End the read that a session waits in: its close would wait for the next ping."""
    if session and session.sock:
        with suppress(OSError):  # the other side was faster
            session.sock.shutdown(socket.SHUT_RDWR)


class Events:
    """ASGI: hands what the guard let through to Bolt, in a thread of its own."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what Bolt's listener acknowledged."""
        response = await run_in_threadpool(self._answer, scope)
        await response(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        try:
            request = BoltRequest(body=json.dumps(scope["slack_payload"]), headers=dict(headers))
        except (AttributeError, KeyError, TypeError, ValueError):  # Bolt reads ids while it builds
            return PlainTextResponse("not a payload of Slack", 400)
        request.raw_body = scope["slack_body"]  # the bytes that Bolt verifies once more
        answer = self._app.dispatch(request)
        return Response(answer.body, answer.status, answer.first_headers_without_set_cookie())


def guarded(app: App, signing_secret: str, clock: Clock) -> Guard:
    """Return Bolt behind the guard."""
    return Guard(Events(app), signing_secret, clock)
