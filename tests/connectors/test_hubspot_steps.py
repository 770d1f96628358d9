"""Odd answers to the steps of a create, from a server that says what a list tells it to say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.serving import Server
from sync.clock import SystemClock
from sync.connectors.base import Fixed
from sync.connectors.hubspot_destination import HubSpotDestination
from sync.connectors.spec import Opened
from sync.connectors.transport import Transport
from sync.errors import ErrorType
from sync.outcomes import Ambiguous, Created, NotSent, Outcome, Rejected
from tests.connectors.conftest import Remembered
from tests.connectors.sales import KEY, sale, soon

DRAFT = (200, {"results": [{"id": "7", "new": True}]})
LINES = (200, {"results": [{"id": "11"}, {"id": "12"}]})
LINKED = (200, {"status": "COMPLETE", "results": []})
OPENED = (200, {"id": "7", "properties": {"hs_invoice_status": "open"}})
TOLD = {
    "hs_number": "INV-1",
    "hs_amount_billed": "230",
    "hs_currency": "USD",
    "invsync_key": KEY,
}
Answers = list[tuple[int, Any]]


class Scripted:
    """ASGI: answers by the list, one after the other, and keeps what was asked."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the next answer."""
        request = Request(scope, receive)
        body = await request.body()
        self.asked.append((request.method, request.url.path, json.loads(body) if body else None))
        status, data = self.answers.pop(0)
        answer = Response(data, status) if isinstance(data, str) else JSONResponse(data, status)
        await answer(scope, receive, send)


@contextmanager
def scripted(*answers: tuple[int, Any]) -> Iterator[tuple[HubSpotDestination, Scripted]]:
    """Open a destination to the answers, with the masters known."""
    app, clock, mappings = Scripted(list(answers)), SystemClock(), Remembered()
    mappings.put("product", "ABC-1", "777")
    mappings.put("contact", "ada@example.com", "101")
    server = Server(app).start()
    transport = Transport(
        "hubspot", server.url, Fixed("t"), timeout=5.0, clock=clock, pace=lambda: None
    )
    opened = HubSpotDestination(
        Opened("crm", "2026-03", "http://web", transport, clock, mappings, "62515")
    )
    yield opened, app
    opened.close()
    server.stop()


def outcome_of(*answers: tuple[int, Any]) -> Outcome:
    """Return what becomes of a create that is answered so."""
    with scripted(*answers) as (opened, _app):
        return opened.create(opened.plan(KEY, sale(), None), sent_by=soon())


def partial(category: str, *results: Any, **more: Any) -> tuple[int, Any]:
    """Return a batch's answer in which one record failed."""
    error = {"status": "error", "category": category, "message": "no", **more}
    return 207, {"status": "COMPLETE", "results": list(results), "errors": [error]}


def test_the_steps_come_in_their_order() -> None:
    """Draft, lines, both links, open: each after the other, the opening last."""
    with scripted(DRAFT, LINES, LINKED, LINKED, OPENED) as (opened, app):
        assert opened.create(opened.plan(KEY, sale(), None), sent_by=soon()) == Created("7")
    base, links = "/crm/objects/2026-03", "/crm/associations/2026-03/invoices"
    assert [(method, path) for method, path, _ in app.asked] == [
        ("POST", f"{base}/invoices/batch/upsert"),
        ("POST", f"{base}/line_items/batch/upsert"),
        ("POST", f"{links}/line_items/batch/associate/default"),
        ("POST", f"{links}/contacts/batch/associate/default"),
        ("PATCH", f"{base}/invoices/7"),
    ]
    (draft,) = app.asked[0][2]["inputs"]
    assert (draft["idProperty"], draft["id"]) == ("invsync_key", KEY)
    assert draft["properties"] == {
        "invsync_key": KEY,
        "hs_currency": "USD",
        "hs_title": "1043",
        "hs_invoice_date": "2026-11-20",
        "hs_due_date": "2026-11-20",
    }
    assert app.asked[2][2]["inputs"][1] == {"from": {"id": "7"}, "to": {"id": "12"}}
    assert app.asked[4][2] == {"properties": {"hs_invoice_status": "open"}}


def test_an_opening_that_tells_all_needs_no_reading() -> None:
    """Number, amount, currency and our key in the last answer are the whole invoice."""
    outcome = outcome_of(DRAFT, LINES, LINKED, LINKED, (200, {"id": "7", "properties": TOLD}))
    assert isinstance(outcome, Created)
    assert outcome.booked is not None
    assert (outcome.booked.number, str(outcome.booked.total)) == ("INV-1", "USD 230.00")
    assert outcome.booked.url == "http://web/contacts/62515/record/0-53/7"


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([partial("VALIDATION_ERROR")], Rejected),
        ([partial("RATE_LIMITS")], NotSent),
        ([partial("INTERNAL_ERROR")], Ambiguous),
        ([(200, {"results": []})], Ambiguous),
        ([(200, {"results": [{"new": True}]})], Ambiguous),
        ([(200, {"results": ["odd"]})], Ambiguous),
        ([(200, {"results": "odd"})], Ambiguous),
        ([(200, ["odd"])], Ambiguous),
        ([(200, "<html>")], Ambiguous),
        ([DRAFT, partial("VALIDATION_ERROR", {"id": "11"})], Rejected),
        ([DRAFT, (200, {"results": [{"id": "11"}]})], Ambiguous),
        ([DRAFT, LINES, partial("INTERNAL_ERROR")], Ambiguous),
        ([DRAFT, LINES, LINKED, LINKED, (200, {})], Ambiguous),
        ([DRAFT, LINES, LINKED, LINKED, (400, {"message": "no"})], Rejected),
    ],
)
def test_an_odd_answer_to_a_step(answers: Answers, kind: type) -> None:
    """A record's error in a batch is its own; what names no id proves nothing."""
    assert type(outcome_of(*answers)) is kind


def test_a_product_that_is_gone_is_named_by_its_sku_and_forgotten() -> None:
    """The refusal names the product's id; people know it by its SKU."""
    gone = partial("VALIDATION_ERROR", context={"propertyName": ["hs_product_id"], "id": ["777"]})
    gone[1]["errors"][0]["message"] = "Product 777 does not exist"
    with scripted(DRAFT, gone) as (opened, _app):
        outcome = opened.create(opened.plan(KEY, sale(), None), sent_by=soon())
        assert isinstance(outcome, Rejected)
        failure = outcome.failure
        assert (failure.error_type, failure.key) == (ErrorType.SKU_NOT_FOUND, "ABC-1")
        assert opened._mappings.get("product", "ABC-1") is None


def test_a_chosen_product_that_is_gone_is_named_by_the_refusal() -> None:
    """The failure says that a person chose it, and to choose anew."""
    gone = partial("VALIDATION_ERROR", context={"propertyName": ["hs_product_id"], "id": ["888"]})
    gone[1]["errors"][0]["message"] = "Product 888 does not exist"
    with scripted(DRAFT, gone) as (opened, _app):
        cast("Remembered", opened._mappings).choices["product", "ABC-1"] = "888"
        outcome = opened.create(opened.plan(KEY, sale(), None), sent_by=soon())
        assert isinstance(outcome, Rejected)
        failure = outcome.failure
        assert (failure.error_type, failure.key) == (ErrorType.SKU_NOT_FOUND, "ABC-1")
        assert "that was chosen for SKU ABC-1 is no longer in HubSpot" in failure.reason


def test_an_upsert_that_does_not_say_new_is_looked_at() -> None:
    """What may be there already is read before anything is added to it."""
    open_one = {"id": "7", "properties": {**TOLD, "hs_invoice_status": "paid"}}
    outcome = outcome_of((200, {"results": [{"id": "7"}]}), (200, open_one))
    assert isinstance(outcome, Created)
    assert outcome.booked is not None
    gone = outcome_of((200, {"results": [{"id": "7", "new": False}]}), (404, {"category": "x"}))
    assert isinstance(gone, Ambiguous)
    busy = outcome_of((200, {"results": [{"id": "7", "new": False}]}), (429, {"message": "x"}))
    assert isinstance(busy, Ambiguous)
