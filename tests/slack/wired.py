"""The running surface before the sandbox's workspace, with an engine that a test works by hand."""

from pathlib import Path
from typing import Any

from bot.render import Renderer
from bot.settings import Settings
from bot.show import Show
from bot.slack import SocketTimes, open_workspace
from bot.web import WebServer, listening, port_of
from demo.driver import Driver, buttons_of, text_of
from handlers.surface import Surface
from sandbox import workspace
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.engine import Engine
from sync.records import Sync
from sync.store import Store
from sync.worker import Worker
from tests.builders import KEY, a_route, discovered, document, order
from tests.fakes import Books, Ends, Shop, TurnedClock
from tests.slack.desk import ROOT, TIMES
from tests.sqlite import fresh_file

CHANNEL = "C0FINANCE"


class Wired:
    """A surface, its workspace and its engine; `people` act through the driver."""

    def __init__(
        self,
        folder: Path,
        slack: Server,
        *,
        http: bool = False,
        socket_times: SocketTimes | None = None,
        **settings: str,
    ) -> None:
        self.driver = Driver(slack.url)
        self.store = Store(fresh_file(folder), [KEY])
        self.route = a_route(self.store)
        self.engine = Engine(self.store, SystemClock(), TIMES)
        self.shop, self.books = Shop(), Books(TurnedClock())
        self._worker = Worker(self.store, Ends(self.shop, self.books), self.engine.clock, TIMES)
        listener = listening("127.0.0.1", 0)
        url = f"http://127.0.0.1:{port_of(listener)}"
        given = _settings(slack.url, {"INVSYNC_PUBLIC_URL": url, **settings})
        show = Show(Renderer(ROOT / "templates"), self.engine.clock, given.timezone)
        self.surface = Surface(
            given,
            open_workspace(given),
            self.engine,
            show,
            http=http,
            socket_times=socket_times,
        )
        self._server = WebServer(self.surface.site(), listener)
        self._server.start()
        self.surface.start(alone=True)
        if http:
            self.driver.knobs(events_url=f"{url}/slack/events")

    def close(self) -> None:
        """End everything but the workspace."""
        self.surface.stop()
        self._server.stop()
        self.engine.stop()
        self.store.close()
        self.driver.close()

    def failed(self, number: str = "1042") -> Sync:
        """Let a document fail for its missing SKU."""
        one = document(number, number=f"INV-{number}", of=order(number), sku="HONEY-500")
        self.books.missing.add("HONEY-500")
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

    def type(self, user: str, text: str) -> dict[str, Any]:
        """Type a command in the finance channel; return what the workspace says of it."""
        return self.driver.command(user, CHANNEL, f"/invsync {text}")

    def click(self, user: str, message: dict[str, Any], label: str) -> dict[str, Any]:
        """Press a button of a message; return what the workspace says of it."""
        button = next(one for one in buttons_of(message) if one["text"]["text"] == label)
        where = {name: button.get(name) for name in ("action_id", "block_id", "value")}
        return self.driver.click(user, channel=CHANNEL, ts=message["ts"], **where)

    def sees(self, user: str, *words: str, channel: str = CHANNEL) -> dict[str, Any]:
        """Return the newest message with all of `words` that this person sees."""

        def seen(message: dict[str, Any]) -> bool:
            return all(word in text_of(message) for word in words)

        return self.driver.wait_for(channel, user, seen, f"{words}", 8.0)

    def count(self, user: str, words: str) -> int:
        """Return how many messages with `words` this person sees."""
        messages = self.driver.messages(CHANNEL, user)
        return sum(words in text_of(message) for message in messages)


def _settings(url: str, changes: dict[str, str]) -> Settings:
    wanted = {
        "SLACK_BOT_TOKEN": workspace.BOT_TOKEN,
        "SLACK_APP_TOKEN": workspace.APP_TOKEN,
        "SLACK_SIGNING_SECRET": workspace.SIGNING_SECRET,
        "SLACK_API_URL": f"{url}/api/",
        "INVSYNC_OPERATOR_GROUPS": "S0OPERATORS",
        "INVSYNC_ADMIN_GROUPS": "S0ADMINS",
        **changes,
    }
    return Settings.model_validate(wanted)
