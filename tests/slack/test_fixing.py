"""Fixes as people press for them: forms over real sockets, from button to outcome."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from sync.causes import Cause, DeedKind
from sync.connectors.base import Choice
from sync.documents import Booked, Kind
from sync.errors import ErrorType, Failure, FixData
from sync.fixing import Fixing
from sync.money import Money
from sync.opener import Opener
from sync.probing import Probing
from sync.records import Actor
from sync.states import Status
from tests.builders import NOON, document, order
from tests.fakes import Ends, Entry
from tests.slack.desk import ADMIN, OPERATOR, SECOND, TIMES, VIEWER, Answer, Desk, actions, words
from tests.slack.scripted import TEAM, refusal

ADMINS = Actor(ADMIN, "Admin")
TYPES = {
    "where": "selected_option",
    "how": "selected_option",
    "record": "selected_option",
    "account": "selected_option",
    "document": "selected_option",
    "to": "selected_option",
    "owner": "selected_option",
    "until": "selected_option",
    "then": "selected_options",
}


class Office(Desk):
    """A desk whose fixes reach the shop and the books of the test."""

    def __init__(self, folder: Path, approvers: str = "") -> None:
        super().__init__(folder, INVSYNC_APPROVER_GROUPS=approvers)
        ends, clock = Ends(self.shop, self.books), self.engine.clock
        probing = Probing(self.store, cast("Opener", ends), clock)
        self.engine.fixing = Fixing(self.store, ends, probing, clock, TIMES, self.surface.ring)

    def fail(
        self, number: str = "1", *, email: str | None = "s@a.sa", sku: str = "HONEY-500"
    ) -> Cause:
        """Let a document fail; return what stops it."""
        self.books.missing.add("HONEY-500")
        one = document(number, number=f"INV-{number}", of=order(number), sku=sku)
        self.worked(replace(one, customer=replace(one.customer, email=email)))
        return self.store.causes.open()[0]

    def form(
        self, value: Any, user: str = OPERATOR, action: str = "fix", **changes: Any
    ) -> dict[str, Any]:
        """Press Fix, or choose from the menu; return the form that opened."""
        before = len(self.slack.of("views.open"))
        self.press(action, str(value), user, **changes)
        return _view(self.slack.wait_for("views.open", before + 1)[-1].body)

    def submit(
        self, form: Mapping[str, Any], user: str = OPERATOR, view_id: str = "V1", **values: str
    ) -> Answer:
        """Submit a form with what was entered."""
        state = {name: {name: _entry(name, one)} for name, one in values.items()}
        view = {**form, "id": view_id, "state": {"values": state}}
        person = {"id": user, "team_id": TEAM}
        payload = {"type": "view_submission", "team": {"id": TEAM}, "user": person, "view": view}
        return self.deliver({**payload, "trigger_id": "t0"})

    def outcome(self, count: int = 1) -> str:
        """Return what the form says once it is done."""
        return words(_view(self.slack.wait_for("views.update", count)[-1].body))

    def outcome_with(self, part: str) -> str:
        """Return what the form says as soon as it has this part."""
        deadline = time.monotonic() + 10
        while part not in (said := self.outcome()):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return said

    def search(self, form: Mapping[str, Any], term: str, user: str = OPERATOR, **more: str) -> Any:
        """Type into a search of a form; return the acknowledgement."""
        payload = {
            "type": "block_suggestion",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "view": {**form, "id": "V1"},
            "action_id": "record",
            "block_id": "record",
            "value": term,
        }
        return self.deliver({**payload, **more}).body


def _entry(name: str, value: str) -> dict[str, Any]:
    kind = TYPES.get(name)
    if kind == "selected_option":
        return {kind: {"value": value}}
    if kind == "selected_options":
        return {kind: [{"value": value}] if value else []}
    return {"value": value}


def _view(body: Mapping[str, Any]) -> dict[str, Any]:
    view = body["view"]
    shown: dict[str, Any] = json.loads(view) if isinstance(view, str) else view
    return shown


def _field(answer: Answer, name: str) -> str:
    """Return what stands at a field of a form that was sent back."""
    assert answer.body["response_action"] == "errors", answer.body
    return str(answer.body["errors"][name])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface."""
    made = Office(tmp_path)
    yield made
    made.close()


def test_an_email_from_its_button_to_the_retry(office: Office) -> None:
    """The form shows what it releases; submitted it works at once, then says what came of it."""
    cause = office.fail(email=None, sku="WIDGET-001")
    form = office.form(cause.id)
    assert form["callback_id"] == "fix_email"
    assert "Fixing it releases this document." in words(form)
    answer = office.submit(form, email="sara@example.sa", where="source", then="retry")
    assert answer.body["response_action"] == "update"
    assert "Working" in words(answer.body["view"])
    told = office.outcome()
    assert "Saved in Salla: sara@example.sa." in told
    assert "The retry has begun" in told
    assert office.shop.documents["1"].customer.email == "sara@example.sa"
    deeds = office.store.deeds.of_cause(cause.id, 9)
    (deed,) = [one for one in deeds if one.kind is DeedKind.EMAIL]
    assert deed.by.id == OPERATOR


def test_an_email_that_is_none_stands_at_its_field(office: Office) -> None:
    """What cannot be an address is refused at once, where it was typed; the form stays."""
    cause = office.fail(email=None, sku="WIDGET-001")
    form = office.form(cause.id)
    for text in ("sara", "<!channel>", "\U0001f36f", "x" * 500):
        answer = office.submit(form, email=text, where="source")
        assert "name@example.com" in _field(answer, "email")
    assert office.shop.documents["1"].customer.email is None


def test_an_email_that_the_source_refuses(office: Office) -> None:
    """Its words stand in the form with another try; nothing is kept and nothing retried."""
    cause = office.fail(email=None, sku="WIDGET-001")
    form = office.form(cause.id)
    failure = Failure(ErrorType.CUSTOMER_INVALID, "c1", "email: has already been taken", "c1")
    office.shop.refuses.append(FixData(failure))
    office.submit(form, email="sara@example.sa", where="source", then="retry")
    told = office.outcome()
    assert "The system refused it." in told
    assert "has already been taken" in told
    assert "Try again" in told
    assert office.store.deeds.of_cause(cause.id, 9) == []


def test_a_product_is_chosen_after_a_search(office: Office) -> None:
    """Near matches stand first with their reason; the one a person chooses stands for the SKU."""
    cause = office.fail()
    office.books.products = {
        "7": Choice("7", "Honey", "honey-500"),
        "8": Choice("8", "Widget", "WIDGET-001"),
    }
    form = office.form(cause.id)
    groups = office.search(form, "")["option_groups"]
    assert [group["label"]["text"] for group in groups] == ["Near matches", "Others"]
    near = groups[0]["options"][0]
    assert (near["value"], near["description"]["text"]) == ("7", "Differs by case")
    office.submit(form, how="map", record="7", then="")
    told = office.outcome()
    assert "stands for Honey (honey-500) from now on" in told
    assert "Check and retry 1" in told
    assert office.store.choices.get("books", "product", "HONEY-500") == "7"


@pytest.mark.parametrize("term", ["\U0001f36f\U0001f41d", "x" * 500, "<!channel>", "%' OR 1=1 --"])
def test_any_search_term_has_an_answer(office: Office, term: str) -> None:
    """Emoji, 500 characters and what looks like code find nothing, quickly."""
    cause = office.fail()
    form = office.form(cause.id)
    assert office.search(form, term) == {"options": []}


def test_a_search_is_for_those_who_may(office: Office) -> None:
    """A viewer finds nothing, nor does a search of another field or form."""
    cause = office.fail()
    office.books.products["7"] = Choice("7", "Honey", "honey-500")
    form = office.form(cause.id)
    assert office.search(form, "honey", VIEWER) == {"options": []}
    assert office.search(form, "honey", action_id="other") == {"options": []}
    assert office.search({**form, "private_metadata": "[]"}, "honey") == {"options": []}


def test_a_product_is_created_once(office: Office) -> None:
    """Two people submit the same form: one product, and both read that it is there."""
    cause = office.fail()
    form = office.form(cause.id)
    for view_id, user in (("V1", OPERATOR), ("V2", SECOND), ("V1", OPERATOR)):
        office.submit(form, user, view_id, how="create", name="Honey", price="10.50", then="")
    office.slack.wait_for("views.update", 2)
    assert [one.code for one in office.books.products.values()] == ["HONEY-500"]
    assert "In Daftra now: Honey (HONEY-500)." in office.outcome(2)
    assert len(office.store.deeds.of_cause(cause.id, 9)) == 2


def test_an_sku_that_two_products_share(office: Office) -> None:
    """A create that finds several says so: one of them is to be chosen."""
    cause = office.fail()
    form = office.form(cause.id)
    failure = Failure(ErrorType.CONFLICT, "HONEY-500", "Several products have the SKU: 7, 8")
    office.books.refuses.append(FixData(failure))
    office.submit(form, how="create", name="Honey")
    assert "Several products have this SKU. Choose one of them instead." in office.outcome()


def test_what_is_wrong_in_the_product_form(office: Office) -> None:
    """No choice and no price stand at their fields."""
    cause = office.fail()
    form = office.form(cause.id)
    assert "Nothing was chosen" in _field(office.submit(form, how="map"), "record")
    for price in ("cheap", "-1", "1e30", "NaN"):
        answer = office.submit(form, how="create", price=price)
        assert "This is no price" in _field(answer, "price")
    assert office.books.products == {}


def test_a_form_that_comes_too_late(office: Office) -> None:
    """The cause was closed meanwhile: nothing is done, and the form says so."""
    cause = office.fail()
    form = office.form(cause.id)
    office.books.missing.clear()
    sync = office.store.log.find("1")[0]
    office.engine.retry(sync.id, ADMINS)
    office.work()
    assert office.row(sync.id).status is Status.SUCCESS
    answer = office.submit(form, how="create", name="Honey")
    assert "This cause is closed" in _field(answer, "how")
    assert office.books.products == {}
    office.press("fix", str(cause.id))
    assert "This cause is closed" in office.slack.wait_for("response_url")[-1].body["text"]


def test_a_right_that_was_withdrawn(office: Office) -> None:
    """Who may not any more when they submit is refused at the form, and nothing is done."""
    cause = office.fail()
    form = office.form(cause.id)
    assert "@s0operators" in _field(office.submit(form, VIEWER, how="create"), "how")
    office.press("fix", str(cause.id), VIEWER)
    assert "@s0operators" in office.slack.wait_for("response_url")[-1].body["text"]
    assert office.books.products == {}


def test_a_button_of_last_month(office: Office) -> None:
    """A cause that is not known, and a value that is not ours, are answered."""
    for value in ("999", "", "x", "12 x", "999999999999999999999"):
        count = len(office.slack.of("response_url"))
        office.press("fix", value)
        told = office.slack.wait_for("response_url", count + 1)[-1].body
        assert "older message" in told["text"]
    office.press("cause_menu", "delete:1")
    assert not office.slack.of("views.open")


def test_a_link_compares_first(office: Office) -> None:
    """What differs is refused with both amounts; what agrees becomes a success. Approvers only."""
    money = Money.of("115.00", "SAR")
    booked = Booked("900", "B900", Kind.INVOICE, None, "1", money, "http://b/900")
    other = replace(booked, id="901", number="B901", total=Money.of("115.01", "SAR"))
    office.books.ledger += [Entry(one, NOON) for one in (booked, other)]
    cause = office.fail(sku="WIDGET-001")
    assert cause.error_type is ErrorType.ALREADY_SYNCED
    office.press("fix", str(cause.id))
    assert "Ask" in office.slack.wait_for("response_url")[-1].body["text"]
    form = office.form(cause.id, ADMIN)
    sync = office.store.log.find("1")[0]
    office.submit(form, ADMIN, document=str(sync.id), named="901")
    told = office.outcome()
    assert "SAR 115.01 there, SAR 115.00 here" in told
    again = dict(actions(_view(office.slack.wait_for("views.update")[-1].body)))
    assert again["fix"] == f"{cause.id} {sync.id}"  # the form opens with the same document chosen
    assert "Unknown" not in told
    office.submit(form, ADMIN, "V2", document=str(sync.id))
    assert "Linked to B900 in Daftra" in office.outcome(2)
    assert office.row(sync.id).status is Status.SUCCESS


def test_what_differs_is_compared_and_confirmed_in_the_form(office: Office) -> None:
    """Another order: both stand side by side, the button links them; the View keeps the difference.

    An operator may not press it, and a second press changes nothing.
    """
    money = Money.of("115.00", "SAR")
    booked = Booked("900", "B900", Kind.INVOICE, None, "1", money, "http://b/900")
    hand = replace(booked, id="901", number="B901", order_number="Typed by hand")
    office.books.ledger += [Entry(one, NOON) for one in (booked, hand)]
    form = office.form(office.fail(sku="WIDGET-001").id, ADMIN)
    (sync,) = office.store.log.find("1")
    office.submit(form, ADMIN, document=str(sync.id), named="901")
    told = _view(office.slack.wait_for("views.update")[-1].body)
    assert told["title"]["text"] == "Compare both"
    said = words(told)
    for part in ("Amount: SAR 115.00", "Order: 1", "*Order: Typed by hand* (differs)"):
        assert part in said
    value = dict(actions(told))["link_anyway"]
    modal = {"id": "V1", "title": told["title"], "private_metadata": told["private_metadata"]}
    where: dict[str, Any] = {"channel": None, "response_url": None, "view": modal}
    office.press("link_anyway", value, OPERATOR, **where)
    assert office.row(sync.id).status is Status.FAILED
    office.press("link_anyway", value, ADMIN, **where)
    assert "Linked to B901 in Daftra" in office.outcome_with("Linked")
    office.press("link_anyway", value, ADMIN, **where)
    row = office.row(sync.id)
    assert (row.status, row.destination_id) == (Status.SUCCESS, "901")
    shown = words(office.type("show INV-1").body)
    assert "Confirmed although they differ: order Typed by hand there, 1 here." in shown


def test_a_skip_needs_a_reason_and_an_approver(office: Office) -> None:
    """An operator may not; without a reason it stands at the field; then all of it is skipped."""
    cause = office.fail("1")
    office.fail("2")
    office.press("cause_menu", f"skip:{cause.id}")
    assert "Ask" in office.slack.wait_for("response_url")[-1].body["text"]
    form = office.form(f"skip:{cause.id}", ADMIN, "cause_menu")
    assert form["callback_id"] == "skip"
    assert "Say why" in _field(office.submit(form, ADMIN, reason=" \n"), "reason")
    assert "Ask" in _field(office.submit(form, OPERATOR, reason="Old"), "reason")
    office.submit(form, ADMIN, reason="Discontinued")
    assert "Skipped: 2 documents." in office.outcome()
    found = [office.store.log.find(number)[0] for number in ("1", "2")]
    assert {(one.status, one.reason) for one in found} == {(Status.SKIPPED, "Discontinued")}


def test_owner_and_rest_are_told_at_once(office: Office) -> None:
    """Both take the form's place with what was decided; the search names people who may."""
    cause = office.fail()
    form = office.form(f"assign:{cause.id}", action="cause_menu")
    found = office.search(form, "", action_id="owner", block_id="owner")
    named = [one["value"] for one in found["option_groups"][0]["options"]]
    assert named == [ADMIN, OPERATOR, SECOND]
    found = office.search(form, "second", action_id="owner", block_id="owner")
    (person,) = found["option_groups"][0]["options"]
    assert person["value"] == SECOND
    assert "Choose a person" in _field(office.submit(form, to="other"), "owner")
    assert "Choose a person" in _field(office.submit(form, to="other", owner="U0VIEWER"), "owner")
    told = office.submit(form, to="other", owner=SECOND).body["view"]
    assert "Assigned to" in words(told)
    form = office.form(f"snooze:{cause.id}", action="cause_menu")
    told = office.submit(form, view_id="V2", until="4h").body["view"]
    assert "Rests until" in words(told)
    now = office.store.causes.get(cause.id)
    assert now
    assert now.owner
    assert now.owner.id == SECOND
    assert now.sleeps(office.engine.clock.now() + timedelta(hours=3))


def test_a_closed_form_is_no_lost_outcome(office: Office) -> None:
    """Where the form is closed before its end, the person is told in the channel."""
    cause = office.fail()
    form = office.form(cause.id)
    office.slack.script("views.update", refusal("not_found"))
    office.submit(form, how="create", name="Honey", then="")
    told = office.slack.wait_for("chat.postEphemeral")[-1].body
    assert "In Daftra now: Honey" in told["text"]
    assert told["user"] == OPERATOR


def test_slack_does_not_open_the_form(office: Office) -> None:
    """The person is told to press again."""
    cause = office.fail()
    office.slack.script("views.open", refusal("expired_trigger_id"))
    office.press("fix", str(cause.id))
    assert "Press again" in office.slack.wait_for("response_url")[-1].body["text"]


def test_a_fourth_window_says_to_close_the_others(office: Office) -> None:
    """The one that was pressed in says so, and has no button that would fail again."""
    cause = office.fail()
    office.slack.script("views.push", refusal("push_limit_reached"))
    title = {"type": "plain_text", "text": "Nothing was done"}
    modal = {"id": "V3", "title": title, "private_metadata": "C1"}
    office.press("fix", str(cause.id), response_url=None, view=modal)
    update = office.slack.wait_for("views.update")[-1].body
    assert update["view_id"] == "V3"
    assert "Close them first" in words(_view(update))
    assert _view(update)["private_metadata"] == "C1"
    assert actions(_view(update)) == []


def test_what_no_form_mends_says_what_to_do(office: Office) -> None:
    """The form names where to do what, and has the check for afterwards."""
    cause = office.fail()
    office.books.keeps = frozenset()
    form = office.form(cause.id)
    assert "submit" not in form
    assert ("check", str(cause.id)) in actions(form)
