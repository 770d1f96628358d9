"""Bulk retries as people meet them: one press, one living message, Stop, a second person."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.listed import Place, anew
from sync.bulk import Bulk, BulkState, Limits
from sync.causes import Cause, Checked, Verdict
from tests.builders import NOON, document, order
from tests.slack.desk import ADMIN, LISTED, OPERATOR, SECOND, VIEWER, Desk, actions, words
from tests.slack.scripted import CHANNEL

SKU = "HONEY-500"


class Office(Desk):
    """A desk where documents fail for want of a product; its bulk retries run when a test says."""

    def fail(self, count: int) -> Cause:
        """Let so many documents fail; returns their cause."""
        for number in range(1, count + 1):
            self.failed(
                document(str(number), number=f"INV-{number}", of=order(str(number)), sku=SKU)
            )
        (cause,) = self.store.causes.open()
        return cause

    def mend(self, cause: Cause) -> None:
        """Let the books have the product, as a look would tell."""
        self.books.missing.clear()
        self.look(cause, Verdict.GONE, "no objection")

    def look(self, cause: Cause, verdict: Verdict, reason: str) -> None:
        """Let a look that is taken at the next press tell this."""
        checked = Checked(verdict, reason, self.engine.clock.now() + timedelta(seconds=20))
        self.store.causes.judge(cause.id, checked)

    def bulks(self) -> list[Bulk]:
        """Return all bulk retries, oldest first."""
        return self.store.bulks.since(NOON - timedelta(days=3650))

    def bulk(self) -> Bulk:
        """Return the newest bulk retry."""
        return self.bulks()[-1]

    def told(self, part: str) -> Mapping[str, Any]:
        """Wait until the living message says `part`; returns it."""
        return self._until(part, "chat.postMessage", "chat.update")

    def answered(self, part: str) -> Mapping[str, Any]:
        """Wait until an answer to a press says `part`; returns it."""
        return self._until(part, "response_url")

    def _until(self, part: str, *methods: str) -> Mapping[str, Any]:
        deadline = self.engine.clock.now().timestamp() + 12
        while True:
            said = [call.body for method in methods for call in self.slack.of(method)]
            if said and part in words(said[-1]):
                return said[-1]
            assert self.engine.clock.now().timestamp() < deadline, [words(one) for one in said]
            self.work()
            self.engine.clock.sleep(0.05)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface."""
    made = Office(tmp_path)
    yield made
    made.close()


def test_a_bulk_retry_from_its_press_to_its_summary(office: Office) -> None:
    """One press, one message in the channel: progress, a summary, and what failed one press on."""
    cause = office.fail(3)
    office.mend(cause)
    office.press("check", str(cause.id))
    posted = office.told("Checking and retrying 3 documents")
    assert posted["channel"] == CHANNEL
    assert "0 done, 0 failed, 3 left" in words(posted)
    assert ("bulk_stop", str(office.bulk().id)) in actions(posted)
    office.books.script.append("rejected")
    office.engine.bulks.start()
    final = office.told("The retry is done")
    assert "2 done, 1 failed, 0 left" in words(final)
    assert "Synced: SAR 230.00" in words(final)
    assert final["ts"] == office.slack.messages[0]["ts"]
    assert len(office.slack.of("chat.postMessage")) == 1
    assert [name for name, _ in actions(final)] == ["bulk_failed"]
    office.press("bulk_failed", str(office.bulk().id), VIEWER)
    log = words(office.answered("INV-"))
    assert log.count("date is wrong") == 1


def test_what_is_still_there_is_told_and_nothing_is_sent(office: Office) -> None:
    """The message says what the look told; only an approver may send anyway."""
    cause = office.fail(2)
    office.look(cause, Verdict.STILL, "Daftra has no product HONEY-500")
    office.engine.bulks.start()
    office.press("check", str(cause.id))
    still = office.told("Not retried: the cause is still there")
    assert "Daftra has no product HONEY-500" in words(still)
    assert [name for name, _ in actions(still)] == ["check", "check_anyway"]
    assert {office.row(one).retries for one in (1, 2)} == {0}
    office.press("check_anyway", str(cause.id), OPERATOR)
    office.answered("This needs an approver")
    office.press("check_anyway", str(cause.id), ADMIN)
    office.told("0 done, 2 failed, 0 left")
    assert {office.row(one).retries for one in (1, 2)} == {1}


def test_a_second_press_says_who_was_first(office: Office) -> None:
    """Two presses are one bulk retry; a redelivered one is not answered at all."""
    cause = office.fail(2)
    payload = office.payload("check", str(cause.id))
    for _ in range(2):
        office.deliver(payload)
    office.press("check", str(cause.id), SECOND)
    said = words(office.answered("asked for it before"))
    assert f"<@{OPERATOR}>" in said
    assert len(office.slack.of("response_url")) == 1
    assert office.bulk().id == 1


def test_who_may_press(office: Office) -> None:
    """A viewer may not retry in bulk; a button of long ago does nothing."""
    cause = office.fail(1)
    office.press("check", str(cause.id), VIEWER)
    office.answered("You can look, not retry")
    office.press("check", "999")
    office.answered("older")
    office.press("bulk_stop", "999")
    office.press("check", "banana")
    assert office.bulks() == []


def test_a_large_one_needs_another_person_with_the_right(office: Office) -> None:
    """It waits in the channel; who asked cannot approve it, an operator neither, an admin can."""
    office.engine.bulks.limits = Limits(1)
    cause = office.fail(2)
    office.mend(cause)
    office.engine.bulks.start()
    office.press("check", str(cause.id), ADMIN)
    asked = office.told("waits for a second person")
    assert "2 documents, SAR 230.00" in words(asked)
    assert [name for name, _ in actions(asked)] == ["bulk_approve", "bulk_stop"]
    bulk_id = str(office.bulk().id)
    office.press("bulk_approve", bulk_id, ADMIN)
    office.answered("somebody else has to approve it")
    office.press("bulk_approve", bulk_id, OPERATOR)
    office.answered("This needs an approver")
    assert office.bulk().state is BulkState.ASKED
    office.press("bulk_stop", bulk_id, OPERATOR)
    office.answered("Withdrawn: nothing was sent")
    office.press("check", str(cause.id), OPERATOR)
    office.press("bulk_approve", str(office.bulk().id), ADMIN)
    done = words(office.told("2 done, 0 failed, 0 left"))
    assert f"Approved by <@{ADMIN}>" in done


def test_pressed_where_nobody_else_sees_it_it_is_told_directly(office: Office) -> None:
    """From a message that only one person sees, the progress comes as a direct message."""
    cause = office.fail(1)
    office.mend(cause)
    office.engine.bulks.start()
    hidden = {"container": {"type": "message", "is_ephemeral": True}}
    office.press("check", str(cause.id), OPERATOR, **hidden)
    office.answered("A direct message shows the progress")
    posted = office.slack.wait_for("chat.postMessage")[0].body
    assert posted["channel"] != CHANNEL
    office.told("1 done, 0 failed, 0 left")


def test_a_retry_from_a_private_list_ends_in_that_list(office: Office) -> None:
    """Its progress is a direct message; the list itself is drawn anew once it is over."""
    cause = office.fail(2)
    office.failed(document("9", number="INV-9", of=order("9"), sku="TEA-1"))
    office.mend(cause)
    listed = office.type(f"causes sku:{SKU}").body
    block = next(one["block_id"] for one in listed["blocks"] if one["type"] == "actions")
    check = {"action_id": "check.1", "value": str(cause.id), "action_ts": "1", "block_id": block}
    office.press("check", "", actions=[check], container=LISTED)
    office.answered("A direct message shows the progress")
    office.engine.bulks.start(alone=True)
    shown = office.answered("No cause fits")
    assert shown["replace_original"] is True


def test_a_page_that_was_turned_meanwhile_stays(office: Office) -> None:
    """The end of a retry draws the page that its list shows by then, not the one of its press."""
    cause = office.fail(2)
    for number in range(11, 22):
        sku = f"TEA-{number}"
        office.failed(document(str(number), number=f"INV-{number}", of=order(str(number)), sku=sku))
    office.mend(cause)
    office.look(cause, Verdict.GONE, "no objection")
    check = {
        "action_id": "check.1",
        "value": str(cause.id),
        "action_ts": "1",
        "block_id": '1 {"from":0}',
    }
    office.press("check", "", actions=[check], container=LISTED)
    office.answered("A direct message shows the progress")
    office.press("causes_page.1", '{"from":10}', container=LISTED)
    office.answered("11 to 12 of 12")
    office.engine.bulks.start(alone=True)
    shown = office.answered("11 to 11 of 11")
    assert shown["replace_original"] is True


def test_nothing_is_drawn_where_slack_takes_no_answer_any_more(office: Office) -> None:
    """A list whose press is older than 25 minutes is left as it is; nobody is told of an error."""
    office.fail(1)
    now, url = office.engine.clock.now(), office.slack.response_url("old")
    young, old = (
        Place(url, '{"from":0}', "C1/1.1", now - timedelta(minutes=minutes)) for minutes in (24, 26)
    )
    assert len(anew(office.engine, office.show, young, "r1")) == 1
    assert anew(office.engine, office.show, old, "r1") == []
