"""An outbox before the sandbox's workspace, over real sockets; its clock can leap ahead."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.channels import Channels
from bot.notices import Notices
from bot.outbox import Outbox
from bot.posts import Message
from bot.sender import Sender, Waits
from bot.web_api import web_client
from demo.driver import Driver, text_of
from sandbox import workspace
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.outward import Post, PostState
from sync.store import Store
from tests.builders import KEY
from tests.unit.bot.drawn import a_show

CHANNEL, OTHER = "C0FINANCE", "C0SHARED1"
OWNER, OWNERS_DIRECT = "U0ADMIN01", "D0ADMIN01"
CLERK, CLERKS_DIRECT = "U0CLERK01", "D0CLERK01"
PATIENCE = 8.0
WAITS = Waits(edit_gap=timedelta(seconds=0.1), look_after=timedelta(seconds=0.1))


class LeapingClock:
    """The real time, plus every leap."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the present instant."""
        return self._real.now() + self._ahead

    def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        self._real.sleep(seconds)

    def leap(self, ahead: timedelta) -> None:
        """Let time have passed."""
        self._ahead += ahead


class Mailroom:
    """One process' outbox; several share a database and a workspace."""

    def __init__(self, url: str, slack: Server, clock: LeapingClock) -> None:
        self.store = Store(url, [KEY])
        self.store.migrate()
        self.clock = clock
        self.driver = Driver(slack.url)
        client = web_client(workspace.BOT_TOKEN, f"{slack.url}/api/", 2)
        show = a_show()
        notices = Notices(self.store, clock, show, lambda: OWNER, ZoneInfo("Asia/Riyadh"))
        channels = Channels(client, clock)
        self.client = client
        self.sender = Sender(client, self.store, channels, clock, WAITS, notices.undrawn)
        self.outbox = Outbox(self.store, self.sender, clock, {}, notices.undelivered)

    def start(self, *, alone: bool = True) -> "Mailroom":
        """Begin to send."""
        self.outbox.start(alone=alone)
        return self

    def close(self) -> None:
        """End everything of this process."""
        self.outbox.stop()
        self.store.close()
        self.driver.close()

    def put(self, *posts: Post) -> Post:
        """Put posts; return the last."""
        self.outbox.put(*posts)
        return posts[-1]

    def digest(self, channel: str = CHANNEL) -> int:
        """Claim today's digest of a channel; return its id."""
        now = self.clock.now()
        digest = self.store.digests.claim(channel, now.date(), now - timedelta(days=1), now)
        assert digest is not None
        return digest.id

    def leap(self, **ahead: float) -> None:
        """Let time pass and look at once."""
        self.clock.leap(timedelta(**ahead))
        self.outbox.ring()

    # --- looking -------------------------------------------------------------------------------

    def state(self, post: Post) -> PostState | None:
        """Return where a post stands; None where it was never kept."""
        row = self.store.posts.get(post.uid)
        return row.state if row else None

    def sent(self, post: Post) -> None:
        """Wait until a post was sent."""
        self.until(lambda: self.state(post) is PostState.SENT, f"{post.uid} to be sent")

    def failed(self, post: Post) -> None:
        """Wait until a post was given up."""
        self.until(lambda: self.state(post) is PostState.FAILED, f"{post.uid} to be given up")

    def tried(self, post: Post, times: int = 1) -> None:
        """Wait until a post that did not arrive waits again."""

        def waits_again() -> bool:
            row = self.store.posts.get(post.uid)
            return bool(row and row.tries >= times and row.state is PostState.WAITING)

        self.until(waits_again, f"{post.uid} to wait")

    def shown(self, channel: str = CHANNEL, user: str = CLERK) -> list[str]:
        """Return the words of what a person sees in a channel, oldest first."""
        return [text_of(message) for message in self.driver.messages(channel, user)]

    def calls(self, method: str) -> list[Mapping[str, Any]]:
        """Return what was given to a method of Slack, call by call."""
        found = self.driver.exchanges()
        return [one["sent"] for one in found if one["title"] == method]

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true; fails after some seconds."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.01)


@contextmanager
def workspace_running() -> Iterator[Server]:
    """Serve a workspace of its own."""
    server = Server(workspace.create()).start()
    try:
        yield server
    finally:
        server.stop()


def said(text: str, *, button: bool = False) -> Message:
    """Return a message of one section."""
    words = {"type": "mrkdwn", "text": text}
    blocks: list[dict[str, Any]] = [{"type": "section", "text": words}]
    if button:
        label = {"type": "plain_text", "text": "View all"}
        pressed = {"type": "button", "action_id": "show_all", "value": "v", "text": label}
        blocks.append({"type": "actions", "elements": [pressed]})
    return {"text": text, "blocks": blocks}


def in_channel(text: str, channel: str = CHANNEL, uid: str | None = None) -> Post:
    """Return a message for everybody in a channel."""
    body = {"channel": channel, "user": None, "message": dict(said(text))}
    return Post(uid or f"uid-{text}", "chat.postMessage", channel, body)
