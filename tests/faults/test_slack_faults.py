"""Slack's own faults against the sandbox's workspace: nothing is lost, nothing is said twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from bot.posts import direct, edit, living, whisper
from sandbox.serving import Server
from sync.outward import Post, PostState
from tests.slack.mailroom import (
    CHANNEL,
    CLERK,
    CLERKS_DIRECT,
    OTHER,
    OWNER,
    OWNERS_DIRECT,
    LeapingClock,
    Mailroom,
    in_channel,
    said,
    workspace_running,
)

Put = Callable[[Mailroom], Post]


@pytest.fixture
def slack() -> Iterator[Server]:
    """Give a workspace."""
    with workspace_running() as server:
        yield server


@pytest.fixture
def room(slack: Server, tmp_path: Path) -> Iterator[Mailroom]:
    """Give an outbox that sends."""
    made = Mailroom(f"sqlite:///{tmp_path}/invsync.db", slack, LeapingClock()).start()
    yield made
    made.close()


def _message(_room: Mailroom) -> Post:
    return in_channel("71 failed")


def _digest(room: Mailroom) -> Post:
    return living(room.digest(), CHANNEL, said("71 failed"))


BOTH = pytest.mark.parametrize("made", [_message, _digest], ids=["message", "digest"])


# --- answers that are lost ---------------------------------------------------------------------


@BOTH
def test_a_lost_answer_is_found(room: Mailroom, made: Put) -> None:
    """A post that stands, though its answer was lost, is found by its mark and not repeated."""
    room.driver.knobs(lose_answer=1)
    post = room.put(made(room))
    room.sent(post)
    assert room.shown() == ["71 failed"]
    assert len(room.calls("chat.postMessage")) == 1


@BOTH
def test_a_lost_call_is_repeated(room: Mailroom, made: Put) -> None:
    """A post that never reached the channel is looked for, missed, and posted once."""
    room.driver.knobs(lose_call=1)
    post = room.put(made(room))
    room.sent(post)
    assert room.shown() == ["71 failed"]
    assert room.calls("conversations.history")


@BOTH
def test_in_the_dark_ten_minutes_pass(room: Mailroom, made: Put) -> None:
    """Where history may not be read, what may stand is posted again after ten minutes only."""
    unread = {"method": "conversations.history", "error": "missing_scope", "count": 99}
    room.driver.knobs(lose_answer=1, refuse_next=unread)
    post = room.put(made(room))
    room.until(lambda: bool(room.calls("conversations.history")), "a look")
    room.tried(post, 2)
    room.leap(minutes=9)
    room.until(lambda: len(room.shown()) == 1, "nothing")
    room.leap(minutes=1, seconds=5)
    room.sent(post)
    assert room.shown() == ["71 failed"] * 2


def test_a_found_message_is_edited_where_it_stands(room: Mailroom) -> None:
    """A living message whose first answer was lost is edited, not posted anew."""
    room.driver.knobs(lose_answer=1)
    post = room.put(in_channel("1 of 38 done", uid="living"))
    room.sent(post)
    change = room.put(edit("living", post.channel, said("38 of 38 done")))
    room.sent(change)
    assert room.shown() == ["38 of 38 done"]


def test_a_message_far_back_is_found(room: Mailroom) -> None:
    """In a busy channel the look goes on to further pages of the history."""
    room.driver.knobs(
        refuse_next={"method": "conversations.history", "error": "internal_error"}, lose_answer=1
    )
    post = room.put(in_channel("71 failed"))
    room.tried(post, 2)
    for number in range(130):
        room.client.chat_postMessage(channel=CHANNEL, text=f"of somebody else {number}")
    room.leap(minutes=2)
    room.sent(post)
    assert len([text for text in room.shown() if text == "71 failed"]) == 1


@BOTH
@pytest.mark.parametrize("alone", [True, False], ids=["restarted", "another"])
def test_a_process_that_died_after_posting(
    room: Mailroom, slack: Server, made: Put, *, alone: bool
) -> None:
    """Killed between posting and noting it: the next process, or another, finds the message."""
    room.outbox.stop()
    post = made(room)
    room.store.posts.put([post], room.clock.now())
    claimed = room.store.posts.claim(room.clock.now(), timedelta(0))
    assert claimed is not None
    room.sender.send(claimed)  # and here the process ends: nobody notes what came of it
    if post.method == "living":
        room.store.digests.keep(
            post.body["digest"], message={"asked_at": room.clock.now().isoformat()}
        )
    other = Mailroom(room.store.database.url.render_as_string(), slack, room.clock)
    other.start(alone=alone)
    if not alone:
        assert other.state(post) is PostState.SENDING
        room.clock.leap(timedelta(minutes=3, seconds=1))
        other.outbox.rescue()
        other.outbox.ring()
    other.sent(post)
    assert other.shown() == ["71 failed"]
    other.close()


# --- Slack asks for patience -------------------------------------------------------------------


def _in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize(
    ("given", "wait"),
    [("1", 1), ("0", 1), (None, 5), ("soon", 5), (_in_two_seconds, 1), ("3600", 3600)],
    ids=["seconds", "zero", "no header", "words", "date", "an hour"],
)
def test_a_rate_limit_keeps_the_order(room: Mailroom, given: Any, wait: int) -> None:
    """After a 429 nothing leaves before its time, nothing is lost, and the order stays."""
    told = given() if callable(given) else given
    limit = {"method": "chat.postMessage", "retry_after": told}
    room.driver.knobs(rate_limit_next=limit)
    began = room.clock.now()
    first = room.put(in_channel("one"))
    room.tried(first)
    last = room.put(in_channel("two"), in_channel("three"))
    room.leap(seconds=wait - 0.9)
    room.clock.sleep(0.05)
    assert room.shown() == []
    room.leap(seconds=2)
    room.sent(first)
    room.leap(seconds=2)
    room.until(lambda: len(room.shown()) == 2, "the second")
    room.leap(seconds=2)
    room.sent(last)
    assert room.clock.now() - began >= timedelta(seconds=wait)
    assert room.shown() == ["one", "two", "three"]


def test_a_limited_method_keeps_no_other_up(room: Mailroom) -> None:
    """While posting is limited for an hour, edits and whispers go on, and no call is wasted."""
    digest = _digest(room)
    room.sent(room.put(digest))
    room.driver.knobs(rate_limit_next={"method": "chat.postMessage", "retry_after": 3600})
    held, also = in_channel("held"), direct(OWNER, said("also held"))
    room.tried(room.put(held))
    room.tried(room.put(also))
    room.sent(room.put(whisper(CHANNEL, CLERK, said("only you"))))
    room.leap(seconds=4)
    room.sent(room.put(living(digest.body["digest"], CHANNEL, said("70 failed"))))
    assert room.shown() == ["70 failed", "only you"]
    assert len(room.calls("chat.postMessage")) == 2
    room.leap(hours=1)
    room.sent(held)
    room.sent(also)


def test_a_limited_look_does_not_hold_posts(room: Mailroom) -> None:
    """Where Slack limits the question whether outsiders read, only what needs it waits."""
    room.driver.knobs(rate_limit_next={"method": "conversations.info", "retry_after": 60})
    held = room.put(in_channel("held"))
    room.tried(held)
    room.sent(room.put(direct(CLERK, said("only you"))))
    assert room.state(held) is PostState.WAITING
    assert len(room.calls("conversations.info")) == 1
    room.leap(seconds=61)
    room.sent(held)


# --- blocks that Slack will not draw -----------------------------------------------------------


@BOTH
@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"])
def test_refused_blocks_become_words(
    room: Mailroom, made: Put, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Slack will not draw goes out as text that says the same; log and owner learn it."""
    room.driver.knobs(refuse_next={"method": "chat.postMessage", "error": code})
    post = made(room)
    post.body["message"] = {
        "text": "71 failed",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "71 <need> you"}},
            *said("*SKU missing*: HONEY-500", button=True)["blocks"],
        ],
    }
    room.sent(room.put(post))
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    assert room.shown() == ["71 &lt;need&gt; you\n*SKU missing*: HONEY-500"]
    (notice,) = room.shown(OWNERS_DIRECT, OWNER)
    assert code in notice
    assert "could not draw" in notice
    assert CHANNEL in notice
    reference = notice.rsplit("`", 2)[1]
    logged = [line for line in capsys.readouterr().out.splitlines() if "blocks_refused" in line]
    assert [reference in line for line in logged] == [True]


def test_blocks_that_are_too_long_for_slack(room: Mailroom) -> None:
    """A message above Slack's own limit arrives as text, cut between lines where it must be."""
    line = {"type": "mrkdwn", "text": "x" * 1000}
    blocks = [{"type": "section", "text": line}] * 14
    post = in_channel("71 failed")
    post.body["message"] = {"text": "71 failed", "blocks": blocks}
    room.sent(room.put(post))
    (shown,) = room.shown()
    assert shown == "\n".join(["x" * 1000] * 3 + ["…"])


def test_the_owner_is_told_once_a_day(room: Mailroom) -> None:
    """However many edits of a digest cannot be drawn, the owner reads of it once a day."""
    digest = _digest(room)
    room.sent(room.put(digest))
    for number in range(3):
        room.driver.knobs(refuse_next={"method": "chat.update", "error": "invalid_blocks"})
        room.leap(seconds=4)
        change = living(digest.body["digest"], CHANNEL, said(f"{number} failed"))
        room.sent(room.put(change))
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    assert room.shown() == ["2 failed"]
    assert len(room.shown(OWNERS_DIRECT, OWNER)) == 1


# --- channels that take nothing ----------------------------------------------------------------

CLOSED = [
    ({"archived": True}, "it is archived. Next: unarchive it"),
    ({"member": False}, "invsync is no member of it. Next: invite invsync"),
    ({"shared": True}, "people of another organisation read it. Next: name"),
]


@BOTH
@pytest.mark.parametrize(("switch", "reason"), CLOSED, ids=["archived", "not a member", "shared"])
def test_the_owner_gets_what_a_channel_cannot(
    room: Mailroom, made: Put, switch: dict[str, bool], reason: str
) -> None:
    """What the channel cannot get goes to the owner, with the reason and the next step."""
    room.driver.knobs(channels=[{"id": CHANNEL, **switch}])
    post = room.put(made(room))
    room.failed(post)
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    (notice,) = room.shown(OWNERS_DIRECT, OWNER)
    assert reason in notice.replace("*", "")
    assert "71 failed" in notice
    assert room.shown() == []


def test_a_channel_that_is_gone(room: Mailroom) -> None:
    """A digest for a channel that Slack does not find goes to the owner."""
    room.failed(room.put(living(room.digest("C0GONE"), "C0GONE", said("71 failed"))))
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    (notice,) = room.shown(OWNERS_DIRECT, OWNER)
    assert "Slack does not find it" in notice
    assert "71 failed" in notice


def test_a_channel_that_flips_to_shared(room: Mailroom) -> None:
    """Each message asks first: a channel that outsiders joined a moment ago gets no further one."""
    room.sent(room.put(in_channel("one")))
    room.driver.knobs(channels=[{"id": CHANNEL, "shared": True}])
    room.failed(room.put(in_channel("two")))
    assert room.shown() == ["one"]
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")


def test_a_digest_in_a_channel_that_flips_is_edited_no_more(room: Mailroom) -> None:
    """Once outsiders read the channel its digest shows them nothing new; the owner sees it."""
    digest = _digest(room)
    room.sent(room.put(digest))
    room.driver.knobs(channels=[{"id": CHANNEL, "shared": True}])
    room.leap(minutes=2)
    number = digest.body["digest"]
    room.failed(room.put(living(number, CHANNEL, said("70 failed"))))
    room.leap(seconds=4)
    room.failed(room.put(living(number, CHANNEL, said("69 failed"))))
    assert room.shown() == ["71 failed"]
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    (notice,) = room.shown(OWNERS_DIRECT, OWNER)
    assert "70 failed" in notice
    room.leap(days=1)
    room.failed(room.put(living(number, CHANNEL, said("68 failed"))))
    room.until(lambda: len(room.shown(OWNERS_DIRECT, OWNER)) == 2, "the next day's message")


def test_a_digest_in_a_channel_that_is_archived_later(room: Mailroom) -> None:
    """What the digest would show now goes to the owner once its channel takes no more edits."""
    digest = _digest(room)
    room.sent(room.put(digest))
    room.driver.knobs(channels=[{"id": CHANNEL, "archived": True}])
    room.leap(seconds=4)
    room.failed(room.put(living(digest.body["digest"], CHANNEL, said("70 failed"))))
    room.until(lambda: bool(room.shown(OWNERS_DIRECT, OWNER)), "the owner's message")
    (notice,) = room.shown(OWNERS_DIRECT, OWNER)
    assert "it is archived" in notice
    assert "70 failed" in notice


def test_a_digest_that_somebody_removed_is_nobodys_trouble(room: Mailroom) -> None:
    """An edit of a message that a person took away ends there: they chose to."""
    digest = _digest(room)
    room.sent(room.put(digest))
    stands = room.store.digests.get(digest.body["digest"])
    assert stands is not None
    assert stands.message is not None
    room.client.chat_delete(channel=CHANNEL, ts=stands.message["ts"])
    room.leap(seconds=4)
    room.failed(room.put(living(digest.body["digest"], CHANNEL, said("70 failed"))))
    assert room.shown(OWNERS_DIRECT, OWNER) == []


def test_a_message_that_has_a_person_goes_there(room: Mailroom) -> None:
    """What names somebody to go to instead is not the owner's to read."""
    post = in_channel("38 documents", OTHER)
    post.body["user"] = CLERK
    room.failed(room.put(post))
    room.sent(room.put(direct(CLERK, said("38 documents"))))
    assert room.shown(CLERKS_DIRECT) == ["38 documents"]
    assert room.shown(OWNERS_DIRECT, OWNER) == []


def test_the_owner_who_cannot_be_reached_is_no_loop(room: Mailroom) -> None:
    """Where the owner's message is refused too, that is the end of it."""
    everywhere = {"method": "chat.postMessage", "error": "restricted_action", "count": 99}
    room.driver.knobs(refuse_next=everywhere)
    room.failed(room.put(in_channel("one")))
    room.leap(seconds=5)
    room.clock.sleep(0.1)
    room.until(lambda: len(room.calls("chat.postMessage")) == 2, "the owner's copy")
    room.leap(seconds=5)
    room.clock.sleep(0.1)
    assert len(room.calls("chat.postMessage")) == 2
