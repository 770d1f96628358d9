"""Reopening what was skipped: by button and by command, by two people, and delivered twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.causes import DeedKind
from sync.records import Sync
from sync.states import Status
from tests.slack.desk import ADMIN, OPERATOR, VIEWER, actions, words
from tests.slack.test_decisions import told
from tests.slack.test_fixing import ADMINS, Office

MODAL = {"id": "V7", "title": {"type": "plain_text", "text": "Invoice"}, "private_metadata": ""}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface whose operators approve as well."""
    made = Office(tmp_path, approvers="S0OPERATORS")
    yield made
    made.close()


def skipped(office: Office) -> Sync:
    """Let a document fail and be skipped."""
    office.fail()
    (row,) = office.engine.find("INV-1")
    office.engine.fixing.skip(row.id, "booked by hand", ADMINS, None)
    return office.row(row.id)


def test_view_offers_it_with_the_reason_and_a_question(office: Office) -> None:
    """A skipped document's View has the button; it asks first, and says why it was skipped."""
    row = skipped(office)
    shown = office.type("show INV-1").body
    assert ("reopen", str(row.id)) in actions(shown)
    said = words(shown)
    assert "Reopen INV-1?" in said
    assert "booked by hand" in said
    office.type("reopen INV-1", ADMIN)
    assert "reopen" not in dict(actions(office.type("show INV-1").body))


def test_a_press_sends_it_back_once(office: Office) -> None:
    """The document is pending again; the same payload again says the same and does nothing."""
    row = skipped(office)
    payload = office.payload("reopen", str(row.id), ADMIN)
    for _ in range(2):
        office.deliver(payload)
    assert office.row(row.id).status is Status.PENDING
    answers = [words(one.body) for one in office.slack.wait_for("response_url")]
    assert "is reopened: it is pending and will be sent" in answers[0]
    deeds = office.store.deeds.of_sync(row.id, 9)
    assert [deed.kind for deed in deeds] == [DeedKind.REOPEN, DeedKind.SKIP]
    assert deeds[0].by.id == ADMIN


def test_who_reopened_it_is_told_how_it_ends(office: Office) -> None:
    """The command promises the end and keeps it."""
    skipped(office)
    office.books.missing.clear()
    said = office.type("reopen #INV-1", ADMIN).text
    assert "INV-1 is reopened" in said
    assert "I will tell you when it ends" in said
    office.work()
    assert "Invoice synced successfully" in told(office, "INV-1")


def test_in_a_modal_the_modal_shows_it(office: Office) -> None:
    """A press in View draws View anew, pending."""
    row = skipped(office)
    office.press("reopen", str(row.id), ADMIN, channel=None, response_url=None, view=MODAL)
    update = office.slack.wait_for("views.update")[0].body
    assert update["view_id"] == "V7"
    assert "Waits its turn" in words(update["view"])


def test_the_second_person_is_told_who_was_first(office: Office) -> None:
    """A second press moves nothing, names the first person and says how it stands now."""
    row = skipped(office)
    office.books.missing.clear()
    office.type("reopen INV-1", ADMIN)
    office.work()
    said = office.type("reopen INV-1", OPERATOR).text
    assert f"{ADMIN.title()} reopened INV-1" in said
    assert "synced" in said.casefold()
    assert len(office.store.deeds.of_sync(row.id, 9)) == 2


def test_what_is_not_skipped_is_left_alone(office: Office) -> None:
    """A failed document is not reopened: the answer names the retry."""
    office.fail()
    said = words(office.type("reopen INV-1", ADMIN).body)
    assert "is not skipped" in said
    assert "/invsync retry INV-1" in said
    assert "record not found in the log" in office.type("reopen INV-9", ADMIN).text
    (row,) = office.engine.find("INV-1")
    assert row.status is Status.FAILED


def test_it_needs_an_approver(office: Office) -> None:
    """Whoever may not skip may not reopen, by button or by command."""
    row = skipped(office)
    assert "needs an approver" in office.type("reopen INV-1", VIEWER).text
    office.press("reopen", str(row.id), VIEWER)
    assert "needs an approver" in words(office.slack.wait_for("response_url")[-1].body)
    assert office.row(row.id).status is Status.SKIPPED
