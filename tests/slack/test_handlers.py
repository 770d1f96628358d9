"""What people type and press, from the signed payload to what they read."""

from datetime import time, timedelta

import pytest

from bot.news import REDRAWS
from bot.permissions import Role
from bot.posts import place_at, replacement
from bot.subscriptions import Digests, Subscription
from handlers.surface import groups
from sync.states import Status
from tests.slack.desk import (
    GONE,
    GUEST,
    OPERATOR,
    ROBOT,
    SECOND,
    STRANGER,
    VIEWER,
    Desk,
    actions,
    honey,
    words,
)
from tests.slack.scripted import CHANNEL, refusal


def test_commands_answer_in_the_acknowledgement(quiet: Desk) -> None:
    """The card, help and the log are for the caller alone, and no call to Slack is needed."""
    for text in ("", "help", "help retry", "log", "failed", "digest preview"):
        answer = quiet.type(text)
        assert (answer.status, answer.body["response_type"]) == (200, "ephemeral")
        assert answer.text
        assert answer.body["blocks"]
    assert not quiet.slack.of("response_url")


def test_the_unknown_is_named(quiet: Desk) -> None:
    """An unknown verb, filter or number is named in the answer."""
    for text, named in [("rety 7", "rety"), ("log colour:red", "colour"), ("show 999", "999")]:
        assert named in words(quiet.type(text).body)


def test_share(quiet: Desk) -> None:
    """`share` shows an answer to the channel; where it may not, the caller reads why."""
    shared = quiet.type("log share").body
    assert (shared["response_type"], "Not shared" in words(shared)) == ("in_channel", False)
    quiet.slack.shared = True
    told = quiet.type("log share", channel_id="C0SHARED").body
    assert told["response_type"] == "ephemeral"
    assert "Not shared: people of another organisation read this channel." in words(told)
    quiet.slack.shared, quiet.slack.member = False, False
    told = quiet.type("status share", channel_id="C0GENERAL").body
    assert told["response_type"] == "ephemeral"
    assert "Not shared: invsync is no member of this channel." in words(told)
    quiet.slack.script("conversations.info", refusal("channel_not_found"))
    told = quiet.type("log share", channel_id="D0OTHERS").body
    assert told["response_type"] == "ephemeral"
    assert "Not shared: Slack does not say who reads this channel." in words(told)


@pytest.mark.parametrize("user", [STRANGER, GUEST, ROBOT, GONE, "U0UNKNOWN"])
def test_outsiders_are_refused(quiet: Desk, user: str) -> None:
    """Strangers, guests, bots, closed accounts and unknown people get a refusal only they see."""
    sync = quiet.failed(honey())
    for text in ("log", "retry 1042", "help", "sync 1042"):
        answer = quiet.type(text, user)
        assert answer.body["response_type"] == "ephemeral"
        assert "INV-1042" not in words(answer.body)
    assert quiet.press("retry", str(sync.id), user).status == 200
    told = quiet.slack.wait_for("response_url")[0].body
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    assert quiet.row(sync.id).status is Status.FAILED


def test_another_workspace_is_refused(quiet: Desk) -> None:
    """Somebody of another workspace in a shared channel may do nothing, whatever their id."""
    sync = quiet.failed(honey())
    foreign = {"id": OPERATOR, "team_id": "T0OTHER"}
    quiet.deliver({**quiet.payload("retry", str(sync.id)), "user": foreign})
    quiet.slack.wait_for("response_url")
    assert quiet.row(sync.id).status is Status.FAILED
    assert "INV-1042" not in words(quiet.type("log", team_id="T0OTHER").body)


def test_a_viewer_looks_and_does_not_retry(quiet: Desk) -> None:
    """A viewer reads the log; a retry is refused with whom to ask, on click and on command."""
    sync = quiet.failed(honey())
    assert "INV-1042" in words(quiet.type("log", VIEWER).body)
    assert "You can look, not retry. Ask @s0operators." in quiet.type("retry 1042", VIEWER).text
    quiet.press("retry", str(sync.id), VIEWER)
    told = quiet.slack.wait_for("response_url")[0].body
    assert "You can look, not retry." in told["text"]
    assert quiet.row(sync.id).status is Status.FAILED


def test_slack_does_not_say_who(quiet: Desk) -> None:
    """Where Slack cannot answer who somebody is, nothing is done and they are told why."""
    sync = quiet.failed(honey())
    quiet.slack.script("users.info", refusal("internal_error"), refusal("internal_error"))
    answer = quiet.type("retry 1042", SECOND)
    assert "Slack did not say who you are" in answer.text
    assert quiet.row(sync.id).status is Status.FAILED


def test_retry_to_the_good_end(desk: Desk) -> None:
    """A press queues the sync and answers; when it succeeded, the person is told so, once."""
    sync = desk.failed(honey())
    desk.press("retry", str(sync.id))
    assert "INV-1042" in desk.slack.wait_for("response_url")[0].body["text"]
    assert desk.row(sync.id).status is Status.PENDING
    desk.books.missing.clear()
    desk.work()
    told = desk.slack.wait_for("chat.postEphemeral")[0].body
    assert "Invoice synced successfully" in told["text"]
    assert (told["channel"], told["user"]) == (CHANNEL, OPERATOR)
    desk.engine.clock.sleep(0.2)
    assert len(desk.slack.of("chat.postEphemeral")) == 1


def test_retry_that_fails_again(quiet: Desk) -> None:
    """While the product is still missing, the person reads that it failed, and why."""
    quiet.failed(honey())
    answer = quiet.type("retry INV-1042")
    assert "INV-1042" in answer.text
    quiet.work()
    told = quiet.slack.wait_for("chat.postEphemeral")[0].body
    assert "Failed to sync invoice" in told["text"]
    assert "HONEY-500" in words(told)


def test_a_success_is_left_alone(quiet: Desk) -> None:
    """A retry of what was synced sends nothing and says so."""
    sync = quiet.worked(honey())
    assert sync.status is Status.SUCCESS
    assert "already synced" in quiet.type("retry 1042").text
    quiet.press("retry", str(sync.id))
    assert "already synced" in quiet.slack.wait_for("response_url")[0].body["text"]
    quiet.work()
    assert quiet.books.creates == 1


def test_two_people_in_the_same_second(quiet: Desk) -> None:
    """Two presses lead to one attempt; the second reads who was first; both learn the end."""
    sync = quiet.failed(honey())
    quiet.press("retry", str(sync.id), OPERATOR)
    quiet.press("retry", str(sync.id), SECOND)
    second = quiet.slack.wait_for("response_url", 2)[1].body
    assert OPERATOR in words(second)
    quiet.books.missing.clear()
    quiet.work()
    told = quiet.slack.wait_for("chat.postEphemeral", 2)
    assert {call.body["user"] for call in told} == {OPERATOR, SECOND}
    assert quiet.row(sync.id).attempts == 2
    assert quiet.row(sync.id).retries == 1


def test_a_double_click_names_nobody_else(quiet: Desk) -> None:
    """Who presses twice reads that they asked already, reads the end once, and one try is made."""
    sync = quiet.failed(honey())
    quiet.press("retry", str(sync.id))
    quiet.press("retry", str(sync.id))
    second = quiet.slack.wait_for("response_url", 2)[1].body
    assert "You asked for it already; I will tell you when it ends." in words(second)
    assert "You asked for it already" in second["text"]
    assert "was first" not in words(second)
    quiet.books.missing.clear()
    quiet.work()
    assert len(quiet.slack.wait_for("chat.postEphemeral")) == 1
    assert (quiet.row(sync.id).attempts, quiet.row(sync.id).retries) == (2, 1)


def test_a_redelivery_has_one_effect(quiet: Desk) -> None:
    """The same signed click delivered five times is one retry and one answer."""
    sync = quiet.failed(honey())
    payload = quiet.payload("retry", str(sync.id))
    for _ in range(5):
        assert quiet.deliver(payload).status == 200
    quiet.work()
    for _ in range(5):
        assert quiet.deliver(payload).status == 200
    assert quiet.row(sync.id).retries == 1
    quiet.slack.wait_for("chat.postEphemeral")
    assert len(quiet.slack.of("response_url")) == 1
    assert quiet.row(sync.id).status is Status.FAILED


def test_view_opens_a_modal(quiet: Desk) -> None:
    """View is one call, with the payload's trigger; its modal knows where it came from."""
    sync = quiet.failed(honey())
    payload = quiet.payload("view", str(sync.id), VIEWER)
    quiet.deliver(payload)
    opened = quiet.slack.of("views.open")[0].body
    assert opened["trigger_id"] == payload["trigger_id"]
    assert "INV-1042" in words(opened["view"])
    assert opened["view"]["private_metadata"] == CHANNEL


def test_a_dead_trigger(quiet: Desk) -> None:
    """Where the modal cannot open any more, the same is told as a message."""
    sync = quiet.failed(honey())
    quiet.slack.script("views.open", refusal("expired_trigger_id"))
    quiet.press("view", str(sync.id))
    assert "INV-1042" in words(quiet.slack.wait_for("response_url")[0].body)


def test_retry_in_a_modal(quiet: Desk) -> None:
    """The modal shows at once that the sync is queued, and later how it ended."""
    sync = quiet.failed(honey())
    view = {"id": "V1", "title": {"type": "plain_text", "text": "x"}, "private_metadata": CHANNEL}
    payload = quiet.payload("retry", str(sync.id), view=view)
    del payload["response_url"], payload["channel"]
    quiet.deliver(payload)
    first = quiet.slack.wait_for("views.update")[0].body
    assert first["view_id"] == "V1"
    assert ("retry", str(sync.id)) not in actions(first["view"]) or "Pending" in words(
        first["view"]
    )
    quiet.books.missing.clear()
    quiet.work()
    last = quiet.slack.wait_for("views.update", 2)[-1].body
    assert "Success" in words(last["view"])
    assert quiet.slack.wait_for("chat.postEphemeral")[0].body["channel"] == CHANNEL


def test_a_refusal_in_a_modal(quiet: Desk) -> None:
    """A viewer who presses Retry in a modal reads the refusal on top of it."""
    sync = quiet.failed(honey())
    view = {"id": "V1", "title": {"type": "plain_text", "text": "x"}}
    payload = quiet.payload("retry", str(sync.id), VIEWER, view=view)
    del payload["response_url"], payload["channel"]
    quiet.deliver(payload)
    assert "You can look, not retry." in words(quiet.slack.of("views.push")[0].body["view"])


def test_pages_turn_in_place(quiet: Desk) -> None:
    """Older replaces the page with the next twenty by exactly one call."""
    for count in range(25):
        quiet.failed(honey(str(2000 + count)))
    first = quiet.type("log").body
    older = next(value for action, value in actions(first) if action == "log_older")
    quiet.press("log_older", older)
    turned = quiet.slack.wait_for("response_url")[0].body
    assert turned["replace_original"] is True
    assert len({value for action, value in actions(turned) if action == "view"}) == 5
    assert len(quiet.slack.of("response_url")) == 1


def test_a_page_follows_its_rows(quiet: Desk) -> None:
    """Retry pressed in a page of the log redraws that page at the press and at the end."""
    sync = quiet.failed(honey())
    page = quiet.type("failed").body
    value = next(value for action, value in actions(page) if action == "retry")
    quiet.press("retry", value)
    quiet.books.missing.clear()
    quiet.work()
    assert quiet.row(sync.id).status is Status.SUCCESS
    calls = [call.body for call in quiet.slack.wait_for("response_url", 2)]
    while "INV-1042" in words(calls[-1]):
        calls = [call.body for call in quiet.slack.wait_for("response_url", len(calls) + 1)]
    assert calls[-1]["replace_original"] is True


def test_a_page_is_redrawn_so_often_whoever_draws(quiet: Desk) -> None:
    """A response_url takes five answers: what another process drew there counts too."""
    quiet.failed(honey())
    page = quiet.type("failed").body
    value = next(value for action, value in actions(page) if action == "retry")
    pressed = quiet.payload("retry", value)
    posts, now = quiet.store.posts, quiet.engine.clock.now()
    for _ in range(REDRAWS):
        drawn = replacement(pressed["response_url"], {"text": "a page", "blocks": []})
        posts.put([drawn], now)
        posts.claim(now, timedelta(0))
        posts.sent(drawn.uid, {}, now)
    quiet.deliver(pressed)
    quiet.books.missing.clear()
    quiet.work()
    quiet.slack.wait_for("chat.postEphemeral")
    assert posts.count(place_at(pressed["response_url"])) == REDRAWS


def test_show_all(quiet: Desk) -> None:
    """Show all lists the rows behind a line of the digest to whoever pressed, alone."""
    quiet.failed(honey())
    quiet.press("show_all", '{"s":["failed"],"e":"sku_not_found"}')
    told = quiet.slack.wait_for("response_url")[0].body
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    assert "INV-1042" in words(told)


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("retry", "abc"),
        ("retry", "-1"),
        ("retry", "999999"),
        ("view", ""),
        ("view", "1; DROP TABLE syncs"),
        ("log_older", "{}x"),
        ("log_older", '{"p":"no-cursor"}'),
        ("show_all", '{"e":"no_such_type"}'),
        ("log_newer", None),
    ],
)
def test_forged_values(quiet: Desk, action: str, value: str | None) -> None:
    """A button's value that is not ours is answered with a sentence, never with a crash."""
    assert quiet.press(action, value).status == 200
    assert quiet.slack.wait_for("response_url")[0].body["text"]


def test_links_are_acknowledged(quiet: Desk) -> None:
    """A button that opens an address, and one we do not know, are acknowledged and no more."""
    assert quiet.press("open_link", None).status == 200
    assert quiet.press("no_such_button", "1").status == 200
    assert not quiet.slack.of("response_url")


def test_a_bug_is_told_with_a_reference(quiet: Desk) -> None:
    """When our own code fails, Slack is acknowledged and the person gets a reference."""
    assert quiet.press("retry", {"not": "a text"}).status == 200
    assert "Reference" in quiet.slack.wait_for("response_url")[0].body["text"]


def test_sync_by_number(quiet: Desk) -> None:
    """Fetching is promised at once and answered number by number when the source has answered."""
    quiet.failed(honey())
    answer = quiet.type("sync 1042\n9999")
    assert "Fetching 2 numbers" in answer.text
    told = words(quiet.slack.wait_for("response_url")[0].body)
    assert "1042" in told
    assert "9999" in told


def test_one_digest_however_many_ask(quiet: Desk) -> None:
    """Several processes whose clocks strike nine together post one digest."""
    subscription = Subscription(CHANNEL, time(0), quiet.settings.timezone)
    outbox = quiet.surface.outbox
    desks = [Digests(quiet.engine, outbox.put, quiet.show, subscription) for _ in range(3)]
    for one in desks:
        one.tick()
        one.tick()
    quiet.slack.wait_for("chat.postMessage")
    quiet.engine.clock.sleep(0.3)
    assert len(quiet.slack.of("chat.postMessage")) == 1


def test_a_digest_without_a_channel(quiet: Desk) -> None:
    """`digest now` says what is missing while no channel is set."""
    assert "INVSYNC_DIGEST_CHANNEL" in words(quiet.type("digest now").body)


def test_roles_come_from_settings(quiet: Desk) -> None:
    """Each role's groups are those that its setting names."""
    assert groups(quiet.settings)[Role.VIEWER] == ("S0VIEWERS",)
    assert groups(quiet.settings)[Role.ADMIN] == ("S0ADMINS",)
