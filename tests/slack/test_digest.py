"""The living digest over real sockets: it follows causes, one process at a time, and opens them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time as clock_time
from datetime import timedelta
from typing import Any

import pytest

from bot.listing import kept_in, listed
from bot.posts import Method
from bot.schedule import WhenClear
from bot.subscriptions import SILENT, Digests, Subscription
from sync.causes import Cause, Checked, DeedKind, Verdict
from sync.outward import Digest, Post
from sync.records import Actor
from sync.states import Status
from tests.slack.desk import OPERATOR, Desk, actions, honey, words
from tests.slack.scripted import CHANNEL

PATIENCE = 12.0
SARA = Actor(OPERATOR, "Sara")


def _cause(desk: Desk) -> Cause:
    (cause,) = desk.store.causes.open()
    return cause


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _edited(desk: Desk, *said: str) -> Mapping[str, Any]:
    """Wait until an edit of the digest says all of this; return it."""

    def found() -> Mapping[str, Any] | None:
        edits = [edit.body for edit in desk.slack.of("chat.update")[-1:]]
        return next((one for one in edits if all(text in words(one) for text in said)), None)

    _until(lambda: found() is not None)
    edit = found()
    assert edit is not None
    return edit


def _latest(desk: Desk) -> Digest:
    digest = desk.store.digests.latest(CHANNEL)
    assert digest is not None
    return digest


def test_the_digest_follows_causes(desk: Desk) -> None:
    """A cause that comes up joins the digest in place, and is done there when it is closed."""
    first, second = desk.failed(honey()), desk.failed(honey("1043"))
    edit = _edited(desk, "SKU missing in Daftra", "2 documents")
    cause = _cause(desk)
    assert ("check.1", str(cause.id)) in actions(edit)
    desk.store.deeds.add(DeedKind.CREATE_PRODUCT, SARA, desk.engine.clock.now(), cause_id=cause.id)
    desk.books.missing.clear()
    for sync in (first, second):
        desk.engine.retry(sync.id, SARA)
        desk.work()
        assert desk.row(sync.id).status is Status.SUCCESS
    edit = _edited(desk, "*Done: `HONEY-500`*, 2 of 2 synced", f"by <@{OPERATOR}>")
    assert edit["ts"] == desk.slack.messages[0]["ts"]
    assert len(desk.slack.of("chat.postMessage")) == 1


def test_a_document_of_two_causes_is_told_once(desk: Desk) -> None:
    """The digest says which documents count in several lines, until a snoozed line is left out."""
    one = honey()
    desk.failed(honey("1043"))
    desk.failed(replace(one, customer=replace(one.customer, email=None)))
    _edited(desk, "2 documents", "1 document, SAR 115.00, is stopped by more than one cause")
    assert "1 document, SAR 115.00, is stopped by" in words(desk.show.status(desk.engine.figures()))
    (email,) = [one for one in desk.store.causes.open() if one.subject]
    now = desk.engine.clock.now()
    desk.store.causes.snooze(email.id, now + timedelta(days=1), email.count, now)
    assert "more than one cause" not in words(desk.show.status(desk.engine.figures()))
    fresh = listed(desk.store, desk.engine.figures(), (), now)
    assert fresh.shared.count == 0
    kept = listed(desk.store, desk.engine.figures(), _latest(desk).groups, now)
    assert kept.shared.count == 1


def test_changes_of_a_moment_are_one_edit(desk: Desk) -> None:
    """Twelve failures within three seconds lead to few edits, never two within three seconds."""
    for number in range(12):
        desk.failed(honey(str(2000 + number)))
    _edited(desk, "12 documents")
    assert len(desk.slack.of("chat.update")) <= 4


def test_a_cause_that_is_gone_is_shown(desk: Desk) -> None:
    """What a look found gone is told in the digest, and nothing is retried by itself."""
    sync = desk.failed(honey())
    found = Checked(Verdict.GONE, "Daftra has no objection any more", desk.engine.clock.now())
    desk.store.causes.judge(_cause(desk).id, found)
    edit = _edited(desk, "Gone since")
    assert "Retry 1" in words(edit)
    assert desk.row(sync.id).status is Status.FAILED
    desk.engine.retry(sync.id, SARA)
    desk.work()
    assert _cause(desk).checked is None


def test_view_opens_the_cause(quiet: Desk) -> None:
    """View of a cause opens a modal with its figures, history and documents."""
    quiet.failed(honey())
    cause = _cause(quiet)
    quiet.store.deeds.add(DeedKind.ASSIGN, SARA, quiet.engine.clock.now(), cause_id=cause.id)
    quiet.press("cause.1", str(cause.id))
    view = words(quiet.slack.wait_for("views.open")[0].body["view"])
    for said in ("HONEY-500", "Fixing it releases", "INV-1042", "Assigned by", "Owner"):
        assert said in view


@pytest.mark.parametrize("value", ["", "abc", "999999", None])
def test_a_cause_that_is_none(quiet: Desk, value: str | None) -> None:
    """A value that names no cause is answered with a sentence."""
    assert quiet.press("cause", value).status == 200
    assert quiet.slack.wait_for("response_url")[0].body["text"]


def test_two_processes_draw_it_once(quiet: Desk) -> None:
    """Of several processes that see a change one draws the digest; the others leave it."""
    subscription = Subscription(CHANNEL, clock_time(0), quiet.settings.timezone)
    put = quiet.surface.outbox.put
    several = [Digests(quiet.engine, put, quiet.show, subscription) for _ in range(3)]
    several[0].tick()
    _until(lambda: bool((_latest(quiet).message or {}).get("ts")))
    quiet.failed(honey())
    _until(lambda: any(one.redraw() for one in several))
    assert not any(one.redraw() for one in several)
    (line,) = kept_in(_latest(quiet).groups)
    assert line.causes == (_cause(quiet).id,)
    stale, now = _latest(quiet), quiet.engine.clock.now()
    assert quiet.store.digests.draw(stale, [], "a", _post(stale), now)
    assert not quiet.store.digests.draw(stale, [], "b", _post(stale), now)


def test_a_digest_of_an_older_version_is_over(desk: Desk) -> None:
    """What an older version listed breaks nothing: the digest lists causes from now on."""
    old = [{"error_type": "sku_not_found", "syncs": [1, 2]}]
    desk.store.digests.keep(_latest(desk).id, groups=old)
    desk.failed(honey())
    _edited(desk, "HONEY-500")


def test_silence_when_all_is_clear(quiet: Desk) -> None:
    """A channel that chose silence gets no all-clear, and no late one once something fails."""
    put: list[Post] = []
    at, zone = clock_time(0), quiet.settings.timezone
    digests = Digests(
        quiet.engine, put.append, quiet.show, Subscription(CHANNEL, at, zone, WhenClear.SILENCE)
    )
    digests.tick()
    assert _latest(quiet).message == SILENT
    quiet.failed(honey())
    digests.tick()
    digests.recover()
    assert not put
    assert digests.now()
    assert [post.method for post in put] == [Method.LIVING]


def test_an_old_digest_rests(desk: Desk) -> None:
    """A digest of more than a week ago is edited no more."""
    _until(lambda: bool((_latest(desk).message or {}).get("ts")))
    assert desk.store.digests.living(desk.engine.clock.now() - timedelta(days=7))
    assert not desk.store.digests.living(desk.engine.clock.now() + timedelta(days=1))


def _post(digest: Digest) -> Post:
    return Post(f"again-{digest.id}", Method.LIVING, f"digest:{digest.id}", {"digest": digest.id})
