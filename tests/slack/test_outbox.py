"""The outbox against a Slack that limits, refuses, loses answers and is not there."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.channels import Channels
from bot.outbox import Outbox
from bot.posts import (
    Message,
    answer,
    direct,
    edit,
    errand,
    living,
    replacement,
    uid_of,
    view,
    whisper,
)
from bot.sender import Outcome, Sender, Sent, Waits
from bot.web_api import web_client
from sync.clock import SystemClock
from sync.outward import Post, PostState
from sync.store import Store, Trouble, Unavailable
from tests.builders import KEY
from tests.slack.scripted import CHANNEL, LOST, RATE_LIMITED, Say, ScriptedSlack, refusal
from tests.sqlite import fresh_file

HELLO: Message = {"text": "71 invoice syncs failed", "blocks": [{"type": "divider"}]}
OTHER: Message = {"text": "70 invoice syncs failed", "blocks": [{"type": "divider"}]}
USER = "U0CLERK01"
WAITS = Waits(edit_gap=timedelta(seconds=0.5), look_after=timedelta(seconds=0.2))


class House:
    """An outbox, its store and its Slack."""

    def __init__(self, store: Store, slack: ScriptedSlack) -> None:
        self.store = store
        self.slack = slack
        self.clock = SystemClock()
        self.ran: list[str] = []
        self.told: list[str] = []
        self.trouble = 0
        client = web_client("xoxb-1", slack.api_url, 2)
        self.sender = Sender(client, store, Channels(client, self.clock), self.clock, WAITS)
        self.outbox = Outbox(store, self.sender, self.clock, {"run": self._run}, self._tell)

    def _run(self, post: Post) -> Outcome:
        self.ran.append(post.body["what"])
        return Sent()

    def _tell(self, _post: Post, error: str) -> None:
        if self.trouble:
            self.trouble -= 1
            raise Unavailable(Trouble.BUSY, "invsync.db")
        self.told.append(error)

    def put(self, post: Post) -> Post:
        """Put a post and return it."""
        self.outbox.put(post)
        return post

    def digest(self) -> int:
        """Claim a digest; returns its id."""
        now = self.clock.now()
        digest = self.store.digests.claim(CHANNEL, now.date(), now - timedelta(days=1), now)
        assert digest is not None
        return digest.id

    def state(self, post: Post) -> PostState:
        """Return where a post stands."""
        return self.row(post).state

    def row(self, post: Post) -> Post:
        """Return the post as it is kept."""
        row = self.store.posts.get(post.uid)
        assert row is not None
        return row

    def stands(self, number: int) -> dict[str, Any] | None:
        """Return where a digest stands."""
        digest = self.store.digests.get(number)
        assert digest is not None
        return digest.message

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true, at most eight seconds."""
        deadline = self.clock.now() + timedelta(seconds=8)
        while not true():
            assert self.clock.now() < deadline, self.slack.calls
            self.clock.sleep(0.01)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give an outbox that sends."""
    store = Store(fresh_file(tmp_path), [KEY])
    made = House(store, ScriptedSlack())
    made.outbox.start(alone=True)
    yield made
    made.outbox.stop()
    store.close()
    made.slack.server.stop()


def test_a_digest_is_posted_and_then_edited(house: House) -> None:
    """A digest appears once; what comes later edits the same message, not too soon after."""
    number = house.digest()
    house.put(living(number, CHANNEL, HELLO))
    posted = house.slack.wait_for("chat.postMessage")[0]
    assert posted.body["metadata"]["event_payload"] == {"uid": f"digest-{number}"}
    assert posted.body["unfurl_links"] is False
    house.put(living(number, CHANNEL, HELLO))
    began = house.clock.now()
    house.until(lambda: bool(house.stands(number)))
    house.put(living(number, CHANNEL, OTHER))
    edited = house.slack.wait_for("chat.update")[0]
    assert house.clock.now() - began > timedelta(seconds=0.3)
    assert edited.body["ts"] == house.slack.messages[0]["ts"]
    assert edited.body["text"] == OTHER["text"]
    assert len(house.slack.of("chat.postMessage")) == 1


def test_edits_overtake_each_other(house: House) -> None:
    """Of many edits that wait, only the newest is sent."""
    number = house.digest()
    house.put(living(number, CHANNEL, HELLO))
    house.slack.wait_for("chat.postMessage")
    for count in range(20):
        house.put(living(number, CHANNEL, {**HELLO, "text": str(count)}))
    last = house.slack.wait_for("chat.update")[-1]
    assert last.body["text"] == "19"
    assert len(house.slack.of("chat.update")) == 1


def test_a_lost_answer_is_looked_for(house: House) -> None:
    """A digest whose answer was lost is found by its metadata and not posted again."""
    number = house.digest()
    house.slack.script("chat.postMessage", LOST)
    house.put(living(number, CHANNEL, HELLO))
    house.until(lambda: house.stands(number) is not None)
    house.slack.wait_for("conversations.history")
    house.until(lambda: "ts" in (house.stands(number) or {}))
    assert len(house.slack.of("chat.postMessage")) == 1


def test_in_the_dark_it_waits(house: House) -> None:
    """Where history may not be read, a message that may stand is not posted again for now."""
    number = house.digest()
    house.slack.script("chat.postMessage", LOST)
    house.slack.script("conversations.history", refusal("missing_scope"))
    post = house.put(living(number, CHANNEL, HELLO))
    house.slack.wait_for("conversations.history")
    house.until(lambda: house.state(post) is PostState.WAITING)
    assert len(house.slack.of("chat.postMessage")) == 1


def test_rate_limits_are_kept(house: House) -> None:
    """After a 429 the post waits as long as Slack asked, and then arrives once."""
    house.slack.script("chat.postMessage", RATE_LIMITED)
    began = house.clock.now()
    post = house.put(direct(USER, HELLO))
    house.slack.wait_for("chat.postMessage", 2)
    assert house.clock.now() - began >= timedelta(seconds=1)
    house.until(lambda: house.state(post) is PostState.SENT)


@pytest.mark.parametrize("code", ["not_in_channel", "is_archived", "token_revoked"])
def test_a_permanent_refusal_ends_it(house: House, code: str) -> None:
    """What Slack will never take is given up; the digest can be posted when asked for again."""
    number = house.digest()
    house.slack.script("chat.postMessage", refusal(code))
    post = house.put(living(number, CHANNEL, HELLO))
    house.until(lambda: house.state(post) is PostState.FAILED)
    assert house.stands(number) == {}


def test_refused_blocks_become_text(house: House) -> None:
    """Where Slack refuses the blocks, the same text is posted without them."""
    house.slack.script("chat.postMessage", refusal("invalid_blocks"))
    house.put(direct(USER, HELLO))
    second = house.slack.wait_for("chat.postMessage", 2)[1]
    assert second.body["text"] == HELLO["text"]
    assert not second.body.get("blocks")


def test_nothing_is_posted_where_outsiders_read(house: House) -> None:
    """A channel shared with another organisation gets no digest."""
    house.slack.shared = True
    post = house.put(living(house.digest(), CHANNEL, HELLO))
    house.until(lambda: house.state(post) is PostState.FAILED)
    assert not house.slack.of("chat.postMessage")


def test_a_whisper_finds_the_person(house: House) -> None:
    """Where the bot is no member it answers by response_url, and after that directly."""
    house.slack.script("chat.postEphemeral", *[refusal("not_in_channel")] * 2)
    house.put(whisper("C0GENERAL", USER, HELLO, house.slack.response_url()))
    house.slack.wait_for("response_url")
    house.slack.script("response_url", Say({"error": "expired_url"}, 404))
    house.put(whisper("C0OTHER", USER, HELLO, house.slack.response_url("2")))
    assert house.slack.wait_for("chat.postMessage")[0].body["channel"] == "D0DIRECT"


def test_answers_and_replacements(house: House) -> None:
    """An answer stands beside the pressed message, a replacement takes its place."""
    house.put(answer(house.slack.response_url("a"), HELLO))
    house.put(replacement(house.slack.response_url("b"), HELLO))
    bodies = [call.body for call in house.slack.wait_for("response_url", 2)]
    assert sorted(body["replace_original"] for body in bodies) == [False, True]
    assert {body.get("response_type") for body in bodies} == {"ephemeral", None}


def test_no_answer_to_strangers(house: House) -> None:
    """A response_url of another host is not called."""
    post = house.put(answer("https://example.com/respond/1", HELLO))
    house.until(lambda: house.state(post) is PostState.FAILED)


def test_a_view_is_updated(house: House) -> None:
    """An open modal is drawn again by its id."""
    house.put(view("V1", {"type": "modal", "title": {}, "blocks": []}))
    assert house.slack.wait_for("views.update")[0].body["view_id"] == "V1"


def test_put_once(house: House) -> None:
    """The same payload delivered again puts nothing new."""
    for _ in range(3):
        house.outbox.put_once(direct(USER, HELLO, uid_of("trigger", "told")))
    house.slack.wait_for("chat.postMessage")
    house.clock.sleep(0.1)
    assert len(house.slack.of("chat.postMessage")) == 1


def test_a_crash_while_sending(house: House) -> None:
    """What a dead process was sending is looked for before it is sent again."""
    post = direct(USER, HELLO)
    house.outbox.stop()
    now = house.clock.now()
    house.store.posts.put([post], now)
    house.store.posts.claim(now, timedelta(0))
    metadata = {"event_type": "invsync", "event_payload": {"uid": post.uid}}
    house.slack.messages.append({"ts": "1.1", "metadata": metadata})
    again = House(house.store, house.slack)
    again.outbox.start(alone=True)
    house.until(lambda: house.state(post) is PostState.SENT)
    again.outbox.stop()
    assert not house.slack.of("chat.postMessage")


def test_errands_run_beside(house: House) -> None:
    """Work that was promised runs in a thread of its own and is noted as done."""
    post = house.put(errand("run", uid_of("x"), {"what": "orders"}))
    house.until(lambda: house.state(post) is PostState.SENT)
    assert house.ran == ["orders"]


def test_slack_is_away(house: House) -> None:
    """While nobody listens, the post waits; it arrives when Slack is back."""
    house.slack.server.stop()
    post = house.put(direct(USER, HELLO))
    house.until(lambda: house.row(post).tries > 0)
    assert house.state(post) in {PostState.WAITING, PostState.SENDING}


def test_a_posted_message_is_edited_where_it_went(house: House) -> None:
    """An edit names the post that brought the message; without such a message it is refused."""
    first = house.put(direct(USER, HELLO, "first"))
    house.slack.wait_for("chat.postMessage")
    house.until(lambda: house.state(first) is PostState.SENT)
    house.put(edit("first", first.channel, OTHER))
    edited = house.slack.wait_for("chat.update")[0].body
    assert (edited["channel"], edited["ts"]) == ("D0DIRECT", house.slack.messages[0]["ts"])
    assert edited["text"] == OTHER["text"]
    lost = house.put(edit("nothing", first.channel, OTHER))
    house.until(lambda: house.state(lost) is PostState.FAILED)


def test_who_is_told_of_a_lost_message_is_told_when_the_database_is_back(house: House) -> None:
    """A post is given up only once that was told, however often the telling met a locked file."""
    house.trouble = 2
    house.slack.script("chat.postMessage", refusal("is_archived"))
    given_up = house.put(direct(USER, HELLO))
    house.until(lambda: house.state(given_up) is PostState.FAILED)
    assert house.told == ["is_archived"]
