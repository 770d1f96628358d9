"""Commands about causes and documents: typed over real sockets, with what people get wrong."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.documents import Booked, Kind
from sync.money import Money
from sync.states import Status
from tests.builders import NOON, document, order
from tests.fakes import Entry
from tests.slack.desk import ADMIN, GUEST, LISTED, OPERATOR, SECOND, VIEWER, actions, words
from tests.slack.scripted import refusal
from tests.slack.test_fixing import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface whose fixes reach the test's systems."""
    made = Office(tmp_path)
    yield made
    made.close()


def told(office: Office, part: str) -> str:
    """Wait until a message says `part` to one person; returns all of its words."""
    clock = office.engine.clock
    deadline = clock.now() + timedelta(seconds=8)
    while True:
        said = [words(call.body) for call in office.slack.of("chat.postEphemeral")]
        found = [one for one in said if part in one]
        if found:
            return found[-1]
        assert clock.now() < deadline, said
        clock.sleep(0.05)


def test_the_list_of_causes(office: Office) -> None:
    """What stops documents is listed with its number, its figures and its buttons."""
    cause = office.fail()
    answer = office.type("causes", VIEWER)
    assert answer.body["response_type"] == "ephemeral"
    said = words(answer.body)
    assert f"{cause.id} · SKU missing in Daftra" in said
    assert "Fixing it releases 1." in said
    assert ("fix.1", str(cause.id)) in actions(answer.body)
    assert ("cause.1", str(cause.id)) in actions(answer.body)


def test_the_list_is_narrowed_and_says_so(office: Office) -> None:
    """A filter that fits nothing names itself and the way back; `owner:me` is whoever typed."""
    cause = office.fail()
    assert "No cause fits" in words(office.type("causes sku:TEA-1").body)
    office.type(f"assign {cause.id} me", OPERATOR)
    assert f"{cause.id} · " in words(office.type("causes owner:me", OPERATOR).body)
    assert "No cause fits" in words(office.type("causes owner:me", SECOND).body)


def test_the_pages_of_the_list_turn_in_place(office: Office) -> None:
    """Ten causes a page; the button puts the next page in the place of this one."""
    for number in range(12):
        office.failed(document(str(number), number=f"INV-{number}", sku=f"SKU-{number}"))
    first = office.type("causes")
    (value,) = [value for action, value in actions(first.body) if action == "causes_page.2"]
    office.press("causes_page.2", value)
    shown = words(office.slack.wait_for("response_url")[-1].body)
    assert "Causes 11 to 12 of 12" in shown


def test_the_log_takes_the_number_of_a_cause(office: Office) -> None:
    """`cause:7` narrows the log to what that cause stops."""
    cause = office.fail()
    office.failed(document("2", number="INV-2", sku="TEA-1"))
    said = words(office.type(f"log cause:{cause.id}").body)
    assert "INV-1" in said
    assert "INV-2" not in said


def test_a_form_opens_by_command(office: Office) -> None:
    """`fix` opens the form that the button opens, by number and by key; nothing else is said."""
    cause = office.fail()
    for place, named in enumerate((str(cause.id), "HONEY-500", "honey-500", "INV-1"), start=1):
        assert office.type(f"fix {named}").body == {}
        form = office.slack.wait_for("views.open", place)[-1].body["view"]
        assert "HONEY-500" in words({"blocks": form})


def test_what_no_cause_is_called(office: Office) -> None:
    """A name without a cause is told with the way to the list; several are named."""
    office.fail()
    office.books.missing.add("TEA-1")
    office.fail("2", email=None, sku="TEA-1")
    assert "No open cause is called" in office.type("fix WIDGET-9").text
    several = office.type("fix INV-2").text
    assert "stands for several causes" in several
    assert "Say which one" in several


def test_all_of_a_cause_is_retried_by_command(office: Office) -> None:
    """`retry cause:7` begins what its button begins; a second one is told of the first."""
    cause = office.fail()
    assert office.type(f"retry cause:{cause.id}").text
    (bulk,) = office.store.bulks.since(NOON - timedelta(days=3650))
    assert (bulk.cause_id, bulk.by.id) == (cause.id, OPERATOR)
    again = office.type("retry cause:HONEY-500", SECOND)
    assert again.text
    assert len(office.store.bulks.since(NOON - timedelta(days=3650))) == 1


def test_a_document_is_skipped_with_its_reason(office: Office) -> None:
    """An approver skips; the reason stands in the log, and a second one is told."""
    office.fail()
    answer = office.type('skip INV-1 reason:"booked by hand"', ADMIN)
    assert "Skipped: 1 document" in answer.text
    (row,) = office.engine.find("INV-1")
    assert row.status is Status.SKIPPED
    assert "✗" in words(office.type("skip INV-1 reason:again", ADMIN).body)


def test_a_number_of_several_documents_is_asked_back(office: Office) -> None:
    """An order's number that stands for two failed documents decides about neither."""
    office.fail("1")
    two = document("2", number="INV-2", of=order("1"), sku="HONEY-500")
    office.worked(two)
    answer = office.type("skip 1 reason:x", ADMIN).text
    assert "stands for several documents" in answer
    assert "Say which one: INV-2 or INV-1" in answer
    assert all(one.status is Status.FAILED for one in office.engine.find("1"))


def test_documents_of_one_number_are_told_apart_in_their_view(office: Office) -> None:
    """Where the number itself tells nothing, the answer names the way to each document's button."""
    office.fail("1")
    office.worked(document("2", number="INV-1", of=order("2"), sku="HONEY-500"))
    answer = office.type("skip INV-1 reason:x", ADMIN).text
    assert "They have the same number" in answer
    assert "/invsync show INV-1 lists them" in answer
    assert "Say which one" not in answer
    shown = [name for name, _ in actions(office.type("show INV-1", ADMIN).body)]
    assert sum(name.startswith("view") for name in shown) == 2


def test_a_document_is_linked_after_both_were_compared(office: Office) -> None:
    """The command promises; what came of the comparison is told to the person."""
    office.fail()
    (row,) = office.engine.find("INV-1")
    assert row.amount
    booked = Booked("9071", "B-1", Kind.INVOICE, None, "1", row.amount, "http://b")
    issued = office.shop.documents[row.source_id].issued
    booked = replace(booked, issued=issued)
    office.books.ledger.append(Entry(booked, NOON))
    assert "is compared with 9071" in office.type("link INV-1 id:9071", ADMIN).text
    assert "Linked to" in told(office, "Linked to")
    assert office.row(row.id).status is Status.SUCCESS


def test_another_order_is_confirmed_by_its_button(office: Office) -> None:
    """The command tells both sides; the button in its answer links, and says so there."""
    office.fail()
    (row,) = office.engine.find("INV-1")
    assert row.amount
    hand = Booked("9071", "B-1", Kind.INVOICE, None, None, row.amount, "http://b")
    office.books.ledger.append(Entry(hand, NOON))
    office.type("link INV-1 id:9071", ADMIN)
    said = told(office, "Compare both, then decide")
    assert "*Order: –* (differs)" in said
    message = office.slack.of("chat.postEphemeral")[-1].body
    office.press("link_anyway", dict(actions(message))["link_anyway"], ADMIN)
    assert "Linked to B-1" in told(office, "Linked to")
    assert office.row(row.id).status is Status.SUCCESS


def test_what_differs_is_not_linked(office: Office) -> None:
    """Another amount is told, and the document stays failed."""
    office.fail()
    (row,) = office.engine.find("INV-1")
    other = Booked("9071", "B-1", Kind.INVOICE, None, "1", Money.of("1", "SAR"), "http://b")
    office.books.ledger.append(Entry(other, NOON))
    office.type("link INV-1 id:9071", ADMIN)
    said = told(office, "✗")
    assert "/invsync link INV-1 id:…" in said
    message = office.slack.of("chat.postEphemeral")[-1].body
    assert "fix" not in dict(actions(message))  # its cause is a product, whose form links nothing
    assert office.row(row.id).status is Status.FAILED


def test_a_cause_is_given_to_somebody(office: Office) -> None:
    """A mention, a document's number, nobody; who may not mend it cannot own it."""
    cause = office.fail()
    assert f"Assigned to {SECOND.title()}" in words(office.type(f"assign 1 <@{SECOND}|x>").body)
    kept = office.store.causes.get(cause.id)
    assert kept
    assert kept.owner
    assert kept.owner.id == SECOND
    for nobody in (VIEWER, GUEST, "U0NOTTHERE"):
        assert "is nobody who may" in office.type(f"assign {cause.id} <@{nobody}>").text
    assert "Assigned to nobody" in words(office.type(f"assign {cause.id} nobody").body)


def test_a_cause_rests_until_a_stated_end(office: Office) -> None:
    """It rests, the list says until when, and it can be woken."""
    cause = office.fail()
    assert "Rests until" in office.type(f"snooze {cause.id} 4h").text
    assert "rests until" in words(office.type("causes").body)
    assert "Rests no longer" in office.type(f"snooze {cause.id} off").text


@pytest.mark.parametrize(
    "typed",
    ["fix 1", "retry cause:1", "assign 1 me", "snooze 1 4h", "precheck", "precheck stop"],
)
def test_who_may_only_look_decides_nothing(office: Office, typed: str) -> None:
    """A viewer is refused with whom to ask."""
    office.fail()
    assert "You can look" in office.type(typed, VIEWER).text


@pytest.mark.parametrize("typed", ["skip INV-1 reason:x", "link INV-1 id:1"])
def test_an_operator_does_not_skip_or_link(office: Office, typed: str) -> None:
    """Skips and links need an approver."""
    office.fail()
    office.type(typed, OPERATOR)
    (row,) = office.engine.find("INV-1")
    assert row.status is Status.FAILED


def test_a_fix_from_the_list_draws_the_list_anew(office: Office) -> None:
    """What is done from a list stands in it afterwards, in its place, with its own filters."""
    cause = office.fail()
    office.failed(document("2", number="INV-2", sku="TEA-1"))
    listed = office.type("causes sku:HONEY-500").body
    block = next(one["block_id"] for one in listed["blocks"] if one["type"] == "actions")
    pressed = {"action_id": "cause_menu.1", "action_ts": "1.1", "block_id": block}
    chosen = {"selected_option": {"value": f"assign:{cause.id}"}}
    where: dict[str, Any] = {
        "actions": [{**pressed, **chosen}],
        "container": LISTED,
    }
    form = office.form("", action="cause_menu", **where)
    office.submit(form, to="me")
    shown = office.slack.wait_for("response_url")[-1].body
    assert shown["replace_original"] is True
    said = words(shown)
    assert "HONEY-500" in said
    assert "TEA-1" not in said
    assert f"Owner: <@{OPERATOR}>" in said


def test_a_mended_cause_is_told_in_the_list(office: Office) -> None:
    """The form's outcome stands in the form and in the list; beside the list where it is closed."""
    office.fail()
    listed = office.type("causes").body
    block = next(one["block_id"] for one in listed["blocks"] if one["type"] == "actions")
    cause = office.store.causes.open()[0]
    fix = {"action_id": "fix.1", "value": str(cause.id), "action_ts": "1.1", "block_id": block}
    where: dict[str, Any] = {"actions": [fix], "container": LISTED}
    form = office.form("", action="fix", **where)
    office.slack.script("views.update", refusal("not_found"))
    office.submit(form, how="create", name="Honey")
    assert "In Daftra now: Honey (HONEY-500)." in told(office, "In Daftra now")
    assert "Gone since" in words(office.slack.wait_for("response_url")[-1].body)
