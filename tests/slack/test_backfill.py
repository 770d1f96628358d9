"""Backfills and forms as people meet them: commands, modals, one living message, Stop."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errands import Shown
from sync.backfill import Backfills
from sync.batches import Batch, BatchState
from sync.documents import Account
from sync.records import Priority
from sync.sweep import Sweeper
from sync.times import Times
from tests.builders import NOON, document, order
from tests.engine.test_sweep import Only
from tests.slack.desk import ADMIN, OPERATOR, VIEWER, Answer, Desk, actions, words
from tests.slack.scripted import CHANNEL, TEAM, refusal

PERIOD = "from:2026-01-01 to:2026-03-31"
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=1, tick=0.05)


class Office(Desk):
    """A desk with somebody who walks the backfills over the shop's shelf."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        only, clock = Only(self.shop), self.engine.clock
        sweeper = Sweeper(self.store, only, clock, TIMES, found=lambda: None, owner="w")
        self.backfills = Backfills(self.store, only, sweeper, clock, TIMES)

    def close(self) -> None:
        """End the walks first."""
        self.backfills.end()
        self.backfills.join(5)
        super().close()

    def fill(self, count: int, sku: str = "WIDGET-001") -> None:
        """Put documents of February on the shelf."""
        for number in range(1, count + 1):
            one = document(str(number), number=f"INV-{number}", of=order(str(number)), sku=sku)
            self.shop.add(replace(one, issued=date(2026, 2, 1)))

    def batch(self) -> Batch:
        """Return the newest backfill."""
        long_ago = NOON - timedelta(days=3650)
        return self.backfills.rows.since(long_ago)[-1]

    def until(self, *states: BatchState) -> Batch:
        """Let the lane work until the backfill is in one of these states."""
        deadline = self.engine.clock.now() + timedelta(seconds=8)
        while (batch := self.batch()).state not in states:
            assert self.engine.clock.now() < deadline, batch
            self.work()
            self.engine.clock.sleep(0.02)
        return batch

    def told(self, part: str) -> str:
        """Wait until the living message says `part`; returns all of its words."""
        deadline = self.engine.clock.now() + timedelta(seconds=10)
        while True:
            calls = [*self.slack.of("chat.postMessage"), *self.slack.of("chat.update")]
            said = [words(call.body) for call in calls]
            if said and part in said[-1]:
                return said[-1]
            assert self.engine.clock.now() < deadline, said
            self.engine.clock.sleep(0.05)

    def opened(self) -> dict[str, Any]:
        """Return the newest modal that was opened."""
        view = self.slack.wait_for("views.open")[-1].body["view"]
        shown: dict[str, Any] = json.loads(view) if isinstance(view, str) else view
        return shown

    def submit(
        self, values: Mapping[str, str], user: str = ADMIN, view_id: str = "V1", **changes: Any
    ) -> Answer:
        """Submit the newest modal with what was entered."""
        view = {**self.opened(), "id": view_id, "state": {"values": _entered(values)}, **changes}
        person = {"id": user, "team_id": TEAM}
        payload = {"type": "view_submission", "team": {"id": TEAM}, "user": person, "view": view}
        return self.deliver({**payload, "trigger_id": "t0"})


def _entered(values: Mapping[str, str]) -> dict[str, Any]:
    types = {"route": "selected_option", "first": "selected_date", "last": "selected_date"}
    return {
        name: {name: {types.get(name, "value"): {"value": one} if name == "route" else one}}
        for name, one in values.items()
    }


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface whose backfills a test walks."""
    made = Office(tmp_path)
    yield made
    made.close()


def test_a_backfill_from_its_command_to_its_summary(office: Office) -> None:
    """The command answers at once; one message shows the progress and ends with a summary."""
    office.fill(3)
    office.books.missing.add("HONEY-500")
    one = document("9", number="INV-9", of=order("9"), sku="HONEY-500")
    office.shop.add(replace(one, issued=date(2026, 3, 31)))
    answer = office.type(f"backfill shop:books {PERIOD}", ADMIN)
    assert answer.body["response_type"] == "ephemeral"
    assert "has begun" in answer.text
    posted = office.slack.wait_for("chat.postMessage")[0].body
    assert posted["channel"] == CHANNEL
    assert "2026-01-01 to 2026-03-31" in words(posted)
    assert ("stop", str(office.batch().id)) in actions(posted)
    office.backfills.start()
    office.until(BatchState.DONE)
    said = office.told("is done")
    assert "3 synced, 1 failed, 0 pending" in said
    assert "Synced: SAR 345.00" in said
    assert "Failed: SAR 115.00" in said
    final = office.slack.of("chat.update")[-1].body
    assert final["ts"] == office.slack.messages[0]["ts"]
    (failed,) = [value for name, value in actions(final) if name == "show_all"]
    assert not [name for name, _ in actions(final) if name == "stop"]
    office.press("show_all", failed)
    shown = office.slack.wait_for("response_url")[0].body
    assert "INV-9" in words(shown)
    assert len(office.slack.of("chat.postMessage")) == 1


def test_a_redelivered_command_begins_nothing_new(office: Office) -> None:
    """The same payload begins once; another one is told that a backfill runs already."""
    for _ in range(2):
        assert "has begun" in office.type(f"backfill {PERIOD}", ADMIN, trigger_id="t0").text
    again = office.type(f"backfill {PERIOD}", ADMIN)
    assert "is running already" in again.text
    assert len(office.backfills.active()) == 1


def test_who_may_begin_and_who_may_stop(office: Office) -> None:
    """Beginning needs an approver; stopping an operator; a viewer may neither."""
    assert "needs an approver" in office.type(f"backfill {PERIOD}", OPERATOR).text
    assert "needs an approver" in office.type("backfill", VIEWER).text
    assert "No backfill is running" in office.type("backfill stop", OPERATOR).text
    office.type(f"backfill {PERIOD}", ADMIN)
    assert "not stop a backfill" in office.type("backfill stop", VIEWER).text
    office.press("stop", str(office.batch().id), VIEWER)
    office.slack.wait_for("response_url")
    assert office.batch().state is BatchState.QUEUED
    assert "is stopping" in office.type("backfill stop", OPERATOR).text
    assert office.batch().state is BatchState.STOPPING


def test_stop_finishes_what_is_queued(office: Office) -> None:
    """The button stops the expansion; what is queued is synced, and the message says so."""
    office.fill(2)
    office.type(f"backfill {PERIOD}", ADMIN)
    office.backfills.start()
    office.slack.wait_for("chat.postMessage")
    office.press("stop", str(office.batch().id), OPERATOR)
    told = office.slack.wait_for("response_url")[0].body
    assert "is stopping" in told["text"]
    ended = office.until(BatchState.STOPPED, BatchState.DONE)
    assert office.backfills.rows.counts(ended.id).pending == 0
    office.told("was stopped" if ended.state is BatchState.STOPPED else "is done")
    office.press("stop", str(ended.id), OPERATOR)
    assert "had ended already" in office.slack.wait_for("response_url", 2)[1].body["text"]
    office.press("stop", "nonsense", OPERATOR)
    assert "older message" in office.slack.wait_for("response_url", 3)[2].body["text"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("backfill from:2026-03-02 to:2026-03-01", "first day is after the last"),
        ("backfill from:2026-03-02 to:2999-03-01", "lies in the future"),
        ("backfill from:2015-01-01 to:2026-01-01", "five years"),
        (f"backfill shop:ledger {PERIOD}", "no route shop:ledger"),
        ("sync 1042 route:shop:ledger", "no route shop:ledger"),
        ("backfill from:soon", "does not take soon"),
    ],
)
def test_what_cannot_be_done_is_named(office: Office, typed: str, said: str) -> None:
    """Wrong periods and unknown routes are named, and nothing is begun."""
    answer = office.type(typed, ADMIN)
    assert said in answer.text.replace("\u200b", "")
    assert not office.backfills.active()


def test_the_form_begins_a_backfill(office: Office) -> None:
    """Without its days a form opens; what is wrong stands at its field; it begins once."""
    assert office.type("backfill from:2026-01-01", ADMIN).body == {}
    form = office.opened()
    assert (form["callback_id"], form["type"]) == ("backfill", "modal")
    assert "2026-01-01" in words(form)
    route = str(office.route.id)
    right = {"route": route, "first": "2026-01-01", "last": "2026-03-31"}
    wrong = [
        ({**right, "first": "2026-04-01"}, "first"),
        ({**right, "last": "2999-01-01"}, "last"),
        ({**right, "last": ""}, "last"),
        ({**right, "route": "999"}, "route"),
    ]
    for values, field in wrong:
        answer = office.submit(values)
        assert answer.body["response_action"] == "errors"
        assert list(answer.body["errors"]) == [field]
    refused = office.submit(right, OPERATOR)
    assert "needs an approver" in refused.body["errors"]["route"]
    assert not office.backfills.active()
    for _ in range(2):
        assert office.submit(right).body == {}
    assert "is running already" in office.submit(right, view_id="V2").body["errors"]["route"]
    assert "has begun" in office.slack.wait_for("response_url")[0].body["text"]
    assert (office.batch().first, office.batch().last) == (date(2026, 1, 1), date(2026, 3, 31))
    assert len(office.slack.wait_for("chat.postMessage")) == 1


def test_a_channel_that_does_not_take_the_message(office: Office) -> None:
    """Where the bot may not write, the message goes to the person, and is edited there."""
    office.slack.script("chat.postMessage", refusal("not_in_channel"))
    office.type(f"backfill {PERIOD}", ADMIN)
    posted = office.slack.wait_for("chat.postMessage", 2)[1].body
    assert posted["channel"] == "D0DIRECT"
    office.backfills.start()
    office.until(BatchState.DONE)
    office.told("is done")
    assert office.slack.of("chat.update")[-1].body["channel"] == "D0DIRECT"


def test_a_form_that_slack_does_not_open(office: Office) -> None:
    """Where the trigger has expired, the answer says how to type it instead."""
    expired = refusal("expired_trigger_id")
    office.slack.script("views.open", expired, expired)
    assert "/invsync backfill shop:books from:" in words(office.type("backfill", ADMIN).body)
    assert "needs a number" in office.type("sync").text


def test_the_form_for_numbers(office: Office) -> None:
    """`sync` without numbers opens a form; its numbers are read as the command reads them."""
    assert office.type("sync").body == {}
    form = office.opened()
    assert form["callback_id"] == "sync"
    assert [block["block_id"] for block in form["blocks"]] == ["numbers"]
    many = "\n".join(str(number) for number in range(1000, 1101))
    for text, said in [("banana", "not an order"), (many, "up to 100 numbers"), ("", "a number")]:
        answer = office.submit({"numbers": text}, OPERATOR)
        assert said in answer.body["errors"]["numbers"].replace("\u200b", "")
    assert "not sync" in office.submit({"numbers": "1042"}, VIEWER).body["errors"]["numbers"]
    pasted = " #1042\n١٠٤٣\n\n1042 "
    for _ in range(2):
        assert office.submit({"numbers": pasted}, OPERATOR).body == {}
    fetching, brought = office.slack.wait_for("response_url", 2)[:2]
    assert "Fetching 2 numbers" in fetching.body["text"]
    assert "1042" in brought.body["text"]
    assert "1043" in brought.body["text"]
    office.engine.clock.sleep(0.2)
    assert len(office.slack.of("response_url")) == 2


def test_the_route_of_a_sync(office: Office) -> None:
    """With several routes the form offers them, all first; a route that is gone is named."""
    now = office.engine.clock.now()
    other = office.store.connections.save(
        "salla", "shop2", "http://127.0.0.1:9", {"token": "t"}, Account("78", "shop2"), now
    )
    books = office.store.connections.get("books")
    assert books
    second = office.store.connections.add_route(other, books, date(2026, 1, 1), ["completed"])
    office.type("sync route:shop2:books")
    options = office.opened()["blocks"][1]["element"]["options"]
    assert [one["value"] for one in options] == ["all", str(second.id), str(office.route.id)]
    assert office.opened()["blocks"][1]["element"]["initial_option"]["value"] == str(second.id)
    assert office.submit({"numbers": "1042", "route": str(second.id)}, OPERATOR).body == {}
    answer = office.submit({"numbers": "1042", "route": "77"}, OPERATOR)
    assert list(answer.body["errors"]) == ["route"]
    several = office.type("backfill stop", OPERATOR)
    assert "No backfill is running" in several.text
    assert office.type(f"backfill {PERIOD}", ADMIN).body == {}
    assert office.opened()["callback_id"] == "backfill"


def test_an_old_form_answers_in_the_channel(office: Office) -> None:
    """When the command's response_url has run out, the answers come as ephemeral messages."""
    office.type("sync")
    old = (office.engine.clock.now() - timedelta(minutes=26)).isoformat()
    private = json.dumps({"channel": CHANNEL, "url": office.slack.response_url(), "at": old})
    office.submit({"numbers": "1042"}, OPERATOR, private_metadata=private)
    calls = office.slack.wait_for("chat.postEphemeral", 2)
    assert "1042" in calls[1].body["text"]
    assert not office.slack.of("response_url")


def test_a_form_that_is_not_ours(office: Office) -> None:
    """A submission without what our forms carry keeps the form open with a reference."""
    office.type("sync")
    answer = office.submit({"numbers": "1042"}, OPERATOR, private_metadata="?")
    assert "Reference" in answer.body["errors"]["numbers"]


def test_progress_is_shown_at_each_quarter_and_seldom() -> None:
    """Of a long fetch three edits are shown at most, three seconds apart."""
    began = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    shown, at = Shown(began), began
    told = []
    for done in range(100):
        if shown.is_time(done / 100, at):
            told.append(done)
        at += timedelta(seconds=1)
    assert told == [25, 50, 75]
    quick = Shown(began)
    assert not any(quick.is_time(done / 4, began) for done in range(4))
    slow_start = Shown(began)
    assert slow_start.is_time(0.8, began + timedelta(seconds=9))
    assert not slow_start.is_time(0.9, began + timedelta(seconds=20))


def test_backfilled_documents_go_last(office: Office) -> None:
    """What a backfill puts in has the lowest place in line."""
    office.fill(1)
    office.type(f"backfill {PERIOD}", ADMIN)
    office.backfills.start()
    office.told("1 pending")
    with office.store.database.read() as connection:
        priorities = connection.exec_driver_sql("SELECT priority FROM syncs").scalars().all()
    assert priorities == [Priority.BACKFILL]
