"""The whole Slack side over real sockets: signed payloads in, calls of Slack's Web API out."""

import hashlib
import hmac
import http.client
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bot.render import Renderer
from bot.settings import Settings
from bot.show import Show
from bot.slack import open_workspace
from bot.web import WebServer, listening, port_of
from handlers.surface import Surface
from sync.clock import SystemClock
from sync.documents import Account, Document
from sync.engine import Engine
from sync.records import Route, Sync
from sync.store import Store
from sync.store.database import BUSY_SECONDS
from sync.times import Times
from sync.worker import Worker
from tests.builders import KEY, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock
from tests.slack.scripted import CHANNEL, TEAM, ScriptedSlack
from tests.sqlite import fresh_file

ROOT = Path(__file__).parents[2]
SECRET = "a-signing-secret"
NOBODY_LISTENS = "http://127.0.0.1:9"
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=1)
VIEWER, OPERATOR, SECOND = "U0VIEWER", "U0OPERATOR", "U0SECOND"
ADMIN = "U0ADMIN"
STRANGER, GUEST, ROBOT, GONE = "U0STRANGER", "U0GUEST", "U0ROBOT", "U0GONE"
PEOPLE: Mapping[str, Mapping[str, bool]] = {
    VIEWER: {},
    OPERATOR: {},
    SECOND: {},
    ADMIN: {},
    STRANGER: {},
    GUEST: {"is_restricted": True},
    ROBOT: {"is_bot": True},
    GONE: {"deleted": True},
}
LISTED: Mapping[str, Any] = {
    "type": "message",
    "channel_id": CHANNEL,
    "message_ts": "1770200000.000100",
    "is_ephemeral": True,
}
"""Where Slack says that a button in a message of one person stands."""

_ids = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What Slack gets back: the status and the acknowledgement's body."""

    status: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The plain text of a message in the acknowledgement."""
        return str(self.body.get("text", ""))


def honey(number: str = "1042") -> Document:
    """Return an invoice of a product that the books do not know."""
    return document(number, number=f"INV-{number}", of=order(number), sku="HONEY-500")


class Desk:
    """A running surface with a store of its own; `people` type and press through it."""

    def __init__(
        self,
        folder: Path,
        *,
        http: bool = True,
        busy_seconds: float = BUSY_SECONDS,
        **settings: str,
    ) -> None:
        self.slack = ScriptedSlack()
        self._invite()
        url = fresh_file(folder)
        self.store = Store(url, [KEY], busy_seconds=busy_seconds)
        self.route = self._route()
        self.engine = Engine(self.store, SystemClock(), TIMES)
        self.shop, self.books = Shop(), Books(TurnedClock())
        ends = Ends(self.shop, self.books)
        self._worker = Worker(self.store, ends, self.engine.clock, TIMES)
        self._listener = listening("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{port_of(self._listener)}"
        self.settings = self._settings({"INVSYNC_PUBLIC_URL": self.url, **settings})
        self.show = Show(Renderer(ROOT / "templates"), self.engine.clock, self.settings.timezone)
        workspace = open_workspace(self.settings)
        self.surface = Surface(self.settings, workspace, self.engine, self.show, http=http)
        self.server = WebServer(self.surface.site(), self._listener)
        self.server.start()
        self.surface.start(alone=True)

    def close(self) -> None:
        """End everything."""
        self.surface.stop()
        self.server.stop()
        self.engine.stop()
        self.store.close()
        self.slack.server.stop()

    # --- the engine's part ---------------------------------------------------------------------

    def failed(self, one: Document) -> Sync:
        """Let a document fail for its missing SKU."""
        self.books.missing.add(one.lines[0].sku or "")
        return self.worked(one)

    def worked(self, one: Document) -> Sync:
        """Let the engine discover a document and try it once."""
        self.shop.add(one)
        sync_id = discovered(self.store, self.route, one, self.engine.clock.now())
        self.work()
        return self.row(sync_id)

    def work(self) -> None:
        """Do what a lane does once: claim what is due and run it."""
        now = self.engine.clock.now()
        for sync in self.store.queue.claim("books", "w", 10, now, TIMES.leasing):
            self._worker.run(sync)
        self.surface.ring()

    def row(self, sync_id: int) -> Sync:
        """Return a row of the log."""
        row = self.engine.sync(sync_id)
        assert row is not None
        return row

    # --- people --------------------------------------------------------------------------------

    def type(self, text: str, user: str = OPERATOR, **changes: str) -> Answer:
        """Type `/invsync text` in the finance channel."""
        command = {
            "command": "/invsync",
            "text": text,
            "user_id": user,
            "team_id": TEAM,
            "channel_id": CHANNEL,
            "response_url": self.slack.response_url(f"c{next(_ids)}"),
            "trigger_id": f"t{next(_ids)}",
        }
        return self.send(urlencode({**command, **changes}).encode())

    def press(self, action: str, value: Any, user: str = OPERATOR, **changes: Any) -> Answer:
        """Press a button in a message of the finance channel."""
        return self.deliver(self.payload(action, value, user, **changes))

    def payload(
        self, action: str, value: Any, user: str = OPERATOR, **changes: Any
    ) -> dict[str, Any]:
        """Return what Slack sends when a button is pressed."""
        pressed = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "channel": {"id": CHANNEL},
            "trigger_id": f"t{next(_ids)}",
            "response_url": self.slack.response_url(f"b{next(_ids)}"),
            "actions": [{"action_id": action, "value": value, "action_ts": "1.1"}],
        }
        return {**pressed, **changes}

    def deliver(self, payload: Mapping[str, Any]) -> Answer:
        """Deliver an interaction's payload."""
        return self.send(urlencode({"payload": json.dumps(payload)}).encode())

    def send(self, body: bytes) -> Answer:
        """Send a signed body."""
        stamp = str(int(time.time()))
        signed = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        connection.request("POST", "/slack/events", body, headers)
        response = connection.getresponse()
        raw = response.read().decode()
        connection.close()
        return Answer(response.status, json.loads(raw) if raw.startswith("{") else {})

    # --- building ------------------------------------------------------------------------------

    def _invite(self) -> None:
        for user, traits in PEOPLE.items():
            person = {"id": user, "team_id": TEAM, "real_name": user.title(), **traits}
            self.slack.users[user] = person
        outsiders = [GUEST, ROBOT, GONE]
        self.slack.groups = {"S0VIEWERS": [VIEWER], "S0OPERATORS": [OPERATOR, SECOND, *outsiders]}
        self.slack.groups["S0ADMINS"] = [ADMIN]

    def _settings(self, changes: Mapping[str, str]) -> Settings:
        wanted = {
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_APP_TOKEN": "xapp-1",
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": self.slack.api_url,
            "INVSYNC_VIEWER_GROUPS": "S0VIEWERS",
            "INVSYNC_OPERATOR_GROUPS": "S0OPERATORS",
            "INVSYNC_ADMIN_GROUPS": "S0ADMINS",
            **changes,
        }
        return Settings.model_validate(wanted)

    def _route(self) -> Route:
        now = SystemClock().now()
        ends = [
            self.store.connections.save(
                system, name, NOBODY_LISTENS, {"token": "t"}, Account("77", name), now
            )
            for system, name in (("salla", "shop"), ("daftra", "books"))
        ]
        self.store.lanes.add("books")
        first_day = date(2026, 1, 1)
        return self.store.connections.add_route(ends[0], ends[1], first_day, ["completed"])


def words(message: Mapping[str, Any]) -> str:
    """Return everything that a message or modal says, as one text."""
    return json.dumps(message.get("blocks") or message, ensure_ascii=False)


def actions(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the buttons of a message: action id and value."""
    found: list[tuple[str, str]] = []

    def walk(part: Any) -> None:
        if isinstance(part, Mapping):
            if "action_id" in part:
                found.append((str(part["action_id"]), str(part.get("value", ""))))
            part = list(part.values())
        if isinstance(part, Sequence) and not isinstance(part, str):
            for inner in part:
                walk(inner)

    walk(message)
    return found
