"""What people have been shown follows what happens afterwards, wherever that came from."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.news import OPEN
from bot.posts import place_in
from bot.watching import Follows
from sync.causes import Checked, Verdict
from sync.documents import Document
from sync.errors import ErrorType, Failure, FixData
from sync.records import Actor
from tests.builders import document, order
from tests.slack.desk import OPERATOR, SECOND, Desk, actions, words
from tests.slack.scripted import refusal


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a running surface without a digest."""
    made = Desk(tmp_path)
    yield made
    made.close()


def _honey(number: str = "1042") -> Document:
    return document(number, number=f"INV-{number}", of=order(number), sku="HONEY-500")


def test_an_open_view_follows_the_look_at_its_cause(desk: Desk) -> None:
    """Who looks at a document sees what a look at its cause has told, without a press."""
    sync = desk.failed(_honey())
    desk.press("view", str(sync.id))
    cause = desk.store.causes.of(sync.id)[0]
    opened = desk.slack.wait_for("views.open")[0].body["view"]
    assert ("fix", f"{cause.id} {sync.id}") in actions(opened)
    now = desk.engine.clock.now()
    desk.store.causes.judge(cause.id, Checked(Verdict.STILL, "no product HONEY-500", now))
    drawn = desk.slack.wait_for("views.update")[0].body
    assert drawn["view_id"].startswith("V0OPENED")
    assert "Still missing, checked" in words(drawn["view"])


def test_an_open_view_follows_its_document_until_it_is_synced(desk: Desk) -> None:
    """A retry that somebody else asks for is seen in every open View of the document."""
    sync = desk.failed(_honey())
    desk.press("view", str(sync.id))
    desk.slack.wait_for("views.open")
    desk.books.missing.clear()
    desk.engine.retry(sync.id, Actor(SECOND, "Second"))
    desk.slack.wait_for("views.update")
    desk.work()
    last = desk.slack.wait_for("views.update", 2)[-1].body
    assert "Success" in words(last["view"])
    assert desk.store.watches.of(sync.id) == []


def test_views_that_nobody_closed_are_forgotten(desk: Desk) -> None:
    """After half an hour nothing is drawn for a View any more, and nothing is kept of it."""
    sync = desk.failed(_honey())
    desk.press("view", str(sync.id))
    desk.slack.wait_for("views.open")
    now = desk.engine.clock.now()
    desk.store.watches.sweep([Follows.MODAL], now - OPEN)
    assert len(desk.store.watches.of(sync.id)) == 1
    desk.store.watches.sweep([Follows.MODAL], now + OPEN)
    assert desk.store.watches.of(sync.id) == []


def test_view_in_a_modal_lies_on_top_of_it(desk: Desk) -> None:
    """The invoice that a return waits for opens over the return's own View."""
    sync = desk.failed(_honey())
    modal = {"id": "V1", "title": {"type": "plain_text", "text": "x"}, "private_metadata": "C1"}
    payload = desk.payload("view", str(sync.id), view=modal)
    del payload["response_url"], payload["channel"]
    desk.deliver(payload)
    pushed = desk.slack.wait_for("views.push")[0].body["view"]
    assert pushed["private_metadata"] == "C1"
    assert not desk.slack.of("views.open")


def test_who_was_promised_the_end_is_told_it_once(desk: Desk) -> None:
    """A failure that is tried again by itself is told once, and so is the success after it."""
    sync = desk.failed(_honey())
    desk.books.missing.clear()
    strange = FixData(Failure(ErrorType.UNKNOWN, "x", "Salla said something new"))
    desk.shop.fails = [strange, strange]
    desk.press("retry", str(sync.id), OPERATOR)
    desk.slack.wait_for("response_url")
    desk.work()
    told = desk.slack.wait_for("chat.postEphemeral")[0]
    assert "I will tell you when it ends." in words(told.body)
    for fails in (True, False):
        desk.engine.retry(sync.id, Actor(SECOND, "Second"))
        desk.work()
        assert desk.row(sync.id).retrying == fails
    ended = desk.slack.wait_for("chat.postEphemeral", 2)
    assert "Invoice synced successfully" in words(ended[1].body)
    assert desk.store.watches.of(sync.id) == []


def test_a_view_that_was_closed_is_not_drawn_again(desk: Desk) -> None:
    """Once Slack does not know a modal any more, it costs no further call."""
    sync = desk.failed(_honey())
    desk.press("view", str(sync.id))
    desk.slack.wait_for("views.open")
    desk.slack.script("views.update", refusal("not_found"))
    cause, now = desk.store.causes.of(sync.id)[0], desk.engine.clock.now()
    desk.store.causes.judge(cause.id, Checked(Verdict.STILL, "", now))
    desk.slack.wait_for("views.update")
    place = place_in(_modal(desk, sync.id))
    until(lambda: desk.store.posts.refused(place))
    desk.store.causes.judge(cause.id, Checked(Verdict.GONE, "", now))
    until(lambda: not desk.store.watches.of(sync.id))
    assert len(desk.slack.of("views.update")) == 1


def until(true: Callable[[], object], seconds: float = 8) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def _modal(desk: Desk, sync_id: int) -> str:
    return str(desk.store.watches.of(sync_id)[0].target["place"])
