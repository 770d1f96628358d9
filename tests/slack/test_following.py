"""What people have been shown follows what happens afterwards, wherever that came from."""

import time
from collections.abc import Callable

from bot.news import OPEN
from bot.posts import place_in
from bot.watching import Follows
from sync.causes import Checked, Verdict
from sync.errors import ErrorType, Failure, FixData
from sync.records import Actor
from tests.slack.desk import OPERATOR, SECOND, Desk, actions, honey, words
from tests.slack.scripted import refusal


def test_an_open_view_follows_the_look_at_its_cause(quiet: Desk) -> None:
    """Who looks at a document sees what a look at its cause has told, without a press."""
    sync = quiet.failed(honey())
    quiet.press("view", str(sync.id))
    cause = quiet.store.causes.of(sync.id)[0]
    opened = quiet.slack.wait_for("views.open")[0].body["view"]
    assert ("fix", f"{cause.id} {sync.id}") in actions(opened)
    now = quiet.engine.clock.now()
    quiet.store.causes.judge(cause.id, Checked(Verdict.STILL, "no product HONEY-500", now))
    drawn = quiet.slack.wait_for("views.update")[0].body
    assert drawn["view_id"].startswith("V0OPENED")
    assert "Still missing, checked" in words(drawn["view"])


def test_an_open_view_follows_its_document_until_it_is_synced(quiet: Desk) -> None:
    """A retry that somebody else asks for is seen in every open View of the document."""
    sync = quiet.failed(honey())
    quiet.press("view", str(sync.id))
    quiet.slack.wait_for("views.open")
    quiet.books.missing.clear()
    quiet.engine.retry(sync.id, Actor(SECOND, "Second"))
    quiet.slack.wait_for("views.update")
    quiet.work()
    last = quiet.slack.wait_for("views.update", 2)[-1].body
    assert "Success" in words(last["view"])
    assert quiet.store.watches.of(sync.id) == []


def test_views_that_nobody_closed_are_forgotten(quiet: Desk) -> None:
    """After half an hour nothing is drawn for a View any more, and nothing is kept of it."""
    sync = quiet.failed(honey())
    quiet.press("view", str(sync.id))
    quiet.slack.wait_for("views.open")
    now = quiet.engine.clock.now()
    quiet.store.watches.sweep([Follows.MODAL], now - OPEN)
    assert len(quiet.store.watches.of(sync.id)) == 1
    quiet.store.watches.sweep([Follows.MODAL], now + OPEN)
    assert quiet.store.watches.of(sync.id) == []


def test_view_in_a_modal_lies_on_top_of_it(quiet: Desk) -> None:
    """The invoice that a return waits for opens over the return's own View."""
    sync = quiet.failed(honey())
    modal = {"id": "V1", "title": {"type": "plain_text", "text": "x"}, "private_metadata": "C1"}
    payload = quiet.payload("view", str(sync.id), view=modal)
    del payload["response_url"], payload["channel"]
    quiet.deliver(payload)
    pushed = quiet.slack.wait_for("views.push")[0].body["view"]
    assert pushed["private_metadata"] == "C1"
    assert not quiet.slack.of("views.open")


def test_who_was_promised_the_end_is_told_it_once(quiet: Desk) -> None:
    """A failure that is tried again by itself is told once, and so is the success after it."""
    sync = quiet.failed(honey())
    quiet.books.missing.clear()
    strange = FixData(Failure(ErrorType.UNKNOWN, "x", "Salla said something new"))
    quiet.shop.fails = [strange, strange]
    quiet.press("retry", str(sync.id), OPERATOR)
    quiet.slack.wait_for("response_url")
    quiet.work()
    told = quiet.slack.wait_for("chat.postEphemeral")[0]
    assert "I will tell you when it ends." in words(told.body)
    for fails in (True, False):
        quiet.engine.retry(sync.id, Actor(SECOND, "Second"))
        quiet.work()
        assert quiet.row(sync.id).retrying == fails
    ended = quiet.slack.wait_for("chat.postEphemeral", 2)
    assert "Invoice synced successfully" in words(ended[1].body)
    assert quiet.store.watches.of(sync.id) == []


def test_a_view_that_was_closed_is_not_drawn_again(quiet: Desk) -> None:
    """Once Slack does not know a modal any more, it costs no further call."""
    sync = quiet.failed(honey())
    quiet.press("view", str(sync.id))
    quiet.slack.wait_for("views.open")
    quiet.slack.script("views.update", refusal("not_found"))
    cause, now = quiet.store.causes.of(sync.id)[0], quiet.engine.clock.now()
    quiet.store.causes.judge(cause.id, Checked(Verdict.STILL, "", now))
    quiet.slack.wait_for("views.update")
    place = place_in(_modal(quiet, sync.id))
    until(lambda: quiet.store.posts.refused(place))
    quiet.store.causes.judge(cause.id, Checked(Verdict.GONE, "", now))
    until(lambda: not quiet.store.watches.of(sync.id))
    assert len(quiet.slack.of("views.update")) == 1


def until(true: Callable[[], object], seconds: float = 8) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def _modal(quiet: Desk, sync_id: int) -> str:
    return str(quiet.store.watches.of(sync_id)[0].target["place"])
