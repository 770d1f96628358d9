import html
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.actions import cause_of
from bot.digest_samples import a_cause
from bot.samples import BARE, FAILED, NOW, PENDING, SUCCESS, story
from sync.causes import Checked, Deed, DeedKind, Verdict
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import ENGINE, Actor, Attempt, Blocker, Exchange, Sync, Trigger, WaitingFor
from sync.states import Status
from sync.stories import Story
from tests.unit.bot.drawn import a_show, buttons, pressed, read_aloud, sections, words


def seen(sync: Sync, *blockers: Blocker, odd: tuple[str, ...] = ()) -> str:
    """Return what View says of a sync."""
    return read_aloud(a_show().document(Story(sync, (), blockers, odd)))


@pytest.mark.parametrize(
    ("sync", "label", "url"),
    [
        (FAILED, "Open order in Salla", "https://shop.example/orders/4043"),
        (SUCCESS, "Open invoice in Daftra", "https://books.example/invoices/45"),
        (
            replace(SUCCESS, kind=Kind.RETURN),
            "Open credit note in Daftra",
            "https://books.example/invoices/45",
        ),
    ],
)
def test_view_begins_with_the_link(sync: Sync, label: str, url: str) -> None:
    """The first element of View opens the document, before there is one the source order."""
    first = a_show().document(story(sync))["blocks"][0]["elements"][0]
    assert (first["text"]["text"], first["url"]) == (label, url)


def test_view_is_a_modal_that_names_its_document() -> None:
    """View is a modal with a title of at most 24 characters."""
    view = a_show().document(story(replace(FAILED, document_number="INV-" + "7" * 40)))
    assert view["type"] == "modal"
    assert view["callback_id"] == "document"
    assert len(view["title"]["text"]) <= 24
    assert view["title"]["text"].startswith("Invoice INV-7")


@pytest.mark.parametrize(
    ("status", "retries"),
    [(Status.FAILED, 1), (Status.PENDING, 1), (Status.PROCESSING, 0), (Status.SUCCESS, 0)],
)
def test_view_offers_retry_where_it_may(status: Status, retries: int) -> None:
    """Retry stands in View for failed and pending documents alone."""
    view = a_show().document(Story(replace(FAILED, status=status), (), ()))
    assert len(pressed(view, "retry")) == retries


@pytest.mark.parametrize(
    ("kind", "name", "meaning", "action"),
    [
        (
            ErrorType.SKU_NOT_FOUND,
            "SKU not found",
            "The product does not exist in Daftra.",
            "Create it in Daftra with the exact SKU",
        ),
        (
            ErrorType.CUSTOMER_EMAIL_MISSING,
            "Customer email missing",
            "The customer has no email.",
            "Add an email to the contact",
        ),
        (
            ErrorType.UNAUTHORIZED,
            "Unauthorized",
            "The system refused our access.",
            "Reconnect the system",
        ),
        (
            ErrorType.ALREADY_SYNCED,
            "Already synced",
            "It exists in Daftra.",
            "Check there, a retry may not be needed.",
        ),
    ],
)
def test_the_four_error_types_have_meaning_and_action(
    kind: ErrorType, name: str, meaning: str, action: str
) -> None:
    """The error types that everybody must recognise say what they mean and what to do."""
    shown = seen(replace(FAILED, error_type=kind), Blocker(kind, "key", "why"))
    for part in (name, meaning, action):
        assert part in shown


def test_every_error_type_has_words() -> None:
    """No error type reaches a person as its code."""
    for kind in ErrorType:
        shown = seen(replace(FAILED, error_type=kind, reason="x"), Blocker(kind, "", "x"))
        assert kind.value not in shown
        assert "Do:" in shown


def test_all_blockers_are_shown_at_once() -> None:
    """Fixing one thing never uncovers the next: all of them are listed."""
    shown = seen(
        FAILED,
        Blocker(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found"),
        Blocker(ErrorType.CUSTOMER_EMAIL_MISSING, "7", "No email"),
    )
    assert "SKU not found" in shown
    assert "Customer email missing" in shown


@pytest.mark.parametrize(
    "text", ["Line 2 was refused. ", "&<> ", "*bold* _it_ :tada: ", "x", "سطر ", "`` "]
)
def test_the_whole_reason_is_shown(text: str) -> None:
    """A reason of 4,000 characters is all there, in sections that Slack takes, nothing cut."""
    reason = (text * 4000)[:4000]
    view = a_show().document(Story(replace(FAILED, reason=reason, failures=1), (), ()))
    parts = sections(view)[1:]
    assert all(len(part) <= 3000 for part in parts)
    shown = html.unescape("".join(parts)).removeprefix("*Reason, in full*\n")
    assert _visible(shown) == _visible(reason)


def test_the_reason_of_each_blocker_is_whole() -> None:
    """Where a document has several blockers, each one's reason is there in full, by its name."""
    long = "Line 2 was refused. " * 190
    stops = [
        Blocker(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra"),
        Blocker(ErrorType.FIELD_INVALID, "BillAddr", long),
        Blocker(ErrorType.CUSTOMER_EMAIL_MISSING, "Sara (7)", "مؤسسة النخيل has no email"),
    ]
    sync = replace(FAILED, reason=stops[0].reason, customer="مؤسسة النخيل")
    shown = seen(sync, *stops)
    assert "Reason, in full: SKU HONEY-500\nSKU HONEY-500 not found in Daftra" in shown
    assert "Reason, in full: Customer Sara (7)\n\u200eمؤسسة النخيل has no email" in shown
    assert "Reason, in full: BillAddr" in shown
    assert shown.count("Line 2 was refused.") == 190
    for stop in (stops[0], stops[2]):
        assert shown.count(stop.reason) == 1


def test_what_is_on_its_way_gives_its_own_reason() -> None:
    """A document that waits says what for, not what stopped it before it was sent back."""
    stops = [Blocker(ErrorType.SKU_NOT_FOUND, one, f"SKU {one} not found") for one in "AB"]
    waiting = replace(FAILED, status=Status.PENDING, reason="Daftra answered 502")
    shown = seen(waiting, *stops)
    assert "Reason, in full\nDaftra answered 502" in shown
    assert "SKU A not found" not in shown


def test_attempts_are_listed_newest_first() -> None:
    """Each attempt says when, why, by whom, how long and how it ended."""
    shown = read_aloud(a_show().document(story(FAILED)))
    assert "4. 9 Oct 2026, 09:00 UTC+03, asked for by <@U0SARA>: running" in shown
    assert "found by the sweep, 86400.0 s: Failed SKU HONEY-500 not found" in shown
    assert shown.index("4. 9 Oct") < shown.index("1. 8 Oct")


def test_many_attempts_are_counted() -> None:
    """Ten attempts are listed, the earlier ones counted."""
    tried = [
        Attempt(number, Trigger.SWEEP, ENGINE, NOW, NOW, "failed", None, "why")
        for number in range(1, 14)
    ]
    shown = read_aloud(a_show().document(Story(FAILED, tried, ())))
    assert "3 earlier attempts are not shown." in shown


def test_the_last_exchange_is_shown() -> None:
    """What was asked and answered last is there for support."""
    shown = read_aloud(a_show().document(story(FAILED)))
    assert "GET https://books.example/api2/products" in shown
    assert "Daftra answered 404 in 231 ms:" in shown


def test_the_third_failure_brings_the_advice() -> None:
    """From the third failed outcome on View says where to look, and what is odd in this data."""
    shown = seen(FAILED, odd=("blank_at_the_end:HONEY-500 ",))
    assert "Needs investigation: it failed 3 times." in shown
    assert "Check that the fix was really applied." in shown
    assert "HONEY-500  begins or ends with a blank." in shown
    assert "Needs investigation" not in seen(replace(FAILED, failures=2))


def test_advice_without_oddities_says_so() -> None:
    """Where nothing is odd, the advice says that it was looked for."""
    assert "saw nothing odd" in seen(FAILED)


def _caused(**changes: object) -> Story:
    """Return a story with one missing SKU, its cause changed."""
    cause = replace(a_cause(), id=12, **changes)  # type: ignore[arg-type]  # because any field may be changed
    stop = Blocker(ErrorType.SKU_NOT_FOUND, "HONEY-500", "gone", 12)
    return Story(FAILED, (), [stop], causes={12: cause})


def test_each_blocker_has_its_fix() -> None:
    """The fix of a cause is one press away, and knows cause and document."""
    fix = pressed(a_show().document(_caused()), "fix")
    assert [one["value"] for one in fix] == ["12 7"]
    assert cause_of(fix[0]["value"]) == (12, 7)


def test_a_refused_connection_is_reconnected() -> None:
    """What only a new consent mends has the button for it instead of a form."""
    refused = Story(FAILED, (), [Blocker(ErrorType.UNAUTHORIZED, "books", "401")])
    view = a_show().document(refused)
    assert not pressed(view, "fix")
    assert [one["value"] for one in pressed(view, "reconnect")] == ["books"]


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.STILL, "Still missing, checked 09:00 UTC+03."),
        (Verdict.GONE, "Gone, checked 09:00 UTC+03: a retry can succeed."),
        (Verdict.UNSURE, "Only a retry can tell, looked 09:00 UTC+03."),
    ],
)
def test_the_last_look_is_told(verdict: Verdict, words: str) -> None:
    """Each blocker says what the last look told, and when that was."""
    shown = read_aloud(a_show().document(_caused(checked=Checked(verdict, "", NOW))))
    assert words in shown


def test_a_cause_tells_its_past_and_its_owner() -> None:
    """What came back says who mended it last time, and with what success."""
    layla = Actor("U0LAYLA", "Layla")
    story = _caused(openings=2, owner=layla, count=38)
    past = story.causes[12].opened_at - timedelta(days=30)
    fix = Deed(1, past, DeedKind.CREATE_PRODUCT, layla, 12, None, {}, tried=26, synced=26)
    shown = read_aloud(a_show().document(replace(story, fixes={12: fix})))
    assert "Missing again (fixed 5 Sep 2026 by <@U0LAYLA>, 26 of 26 succeeded)." in shown
    assert "It stops 37 other documents too." in shown
    assert "Owner: <@U0LAYLA>." in shown


def test_an_attempt_tells_where_its_time_went() -> None:
    """Queue, source, look-up, create and reading back each have their seconds."""
    called = Exchange(NOW, "daftra", "GET", "http://books/api2/invoices", 200, "", "", 300)
    source = replace(called, system="salla", milliseconds=1200)
    create = replace(called, method="POST", milliseconds=900)
    find = replace(create, url="http://books/crm/search", milliseconds=200)
    tried = Attempt(
        number=1,
        trigger=Trigger.SWEEP,
        actor=ENGINE,
        started_at=NOW,
        finished_at=NOW,
        outcome="success",
        error_type=None,
        reason=None,
        exchanges=[source, called, find, create, called],
        due=NOW - timedelta(seconds=4),
    )
    shown = read_aloud(a_show().document(Story(SUCCESS, [tried], ())))
    assert "queue 4.0 s · read 1.2 s · look-up 0.5 s · create 0.9 s · read back 0.3 s" in shown


def test_the_request_id_is_there_for_support() -> None:
    """What the system calls the exchange is shown beside its answer."""
    assert "Request id for Daftra's support: req-7f3c" in read_aloud(a_show().document(story()))


def test_a_return_shows_what_it_waits_for() -> None:
    """A return that waits names its invoice and how that stands, and leads there."""
    waiting = replace(PENDING, id=20, kind=Kind.RETURN, waiting_for=WaitingFor.PREREQUISITE)
    view = a_show().document(Story(waiting, (), (), sale=FAILED))
    assert "Waits for invoice INV-1042: ✗ Failed" in read_aloud(view)
    assert [one["value"] for one in pressed(view, "view")] == ["7"]
    back = a_show().document(Story(FAILED, (), (), returns=[waiting]))
    assert "Return INV-1042 waits for this invoice: ○ Pending" in read_aloud(back)


def test_the_evidence_says_how_often_it_was_sent() -> None:
    """Our key, the moment of the create and what it carried prove that nothing went twice."""
    adopted = replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value, sent_at=NOW)
    shown = read_aloud(a_show().document(Story(adopted, (), (), payload_hash="3f9a1c2b4d5e6677")))
    assert "found in Daftra as 1045 before a retry, adopted." in shown
    assert "Key v1:salla:77:invoice:31. Content 3f9a1c2b4d5e." in shown
    assert "nothing was sent yet." in seen(FAILED)
    refused = read_aloud(a_show().document(Story(FAILED, (), (), payload_hash="3f9a")))
    assert "it was sent and refused; nothing came of it." in refused


def test_a_success_shows_its_evidence() -> None:
    """A synced document says how it came to be, and no old failure."""
    shown = seen(replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value), odd=("very_long:x",))
    assert "Already synced. Found in Daftra as 1045" in shown
    assert "very long" not in shown
    lost = seen(replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value, sent_at=NOW))
    assert "Sent once; the answer was lost. Found in Daftra as 1045" in lost
    assert "Synced. Created in Daftra as 1045" in seen(SUCCESS)


def test_a_bare_document_can_be_viewed() -> None:
    """A document that was only discovered has a View without empty parts."""
    view = a_show().document(Story(BARE, (), ()))
    assert "not tried yet" in read_aloud(view)
    assert [one["action_id"] for one in buttons(view)] == ["retry"]


def test_the_story_is_the_view_as_a_message() -> None:
    """`show` says in a message what View says in a modal."""
    message = a_show().story(story(FAILED))
    view = a_show().document(story(FAILED))
    assert message["blocks"][1:] == view["blocks"]
    assert message["text"] == f"Invoice INV-1042: Failed. {FAILED.reason}"


def test_several_documents_are_listed_with_their_buttons() -> None:
    """An order's invoice and return are two rows, each with what may be done."""
    rows = [FAILED, replace(SUCCESS, id=12, kind=Kind.RETURN), PENDING]
    message = a_show().documents(rows)
    assert message["text"].startswith("3 documents: INV-1042 Failed")
    assert len(pressed(message, "view")) == 3
    assert len(pressed(message, "retry")) == 2


def test_forty_documents_of_one_number_fit() -> None:
    """However many documents a number means, the message stays within Slack's limits."""
    message = a_show().documents([FAILED] * 40)
    assert len(message["blocks"]) <= 50
    assert "40 documents" in words(message)


def _visible(text: str) -> int:
    """Count what people see: no blanks, no joiners, no isolates."""
    return sum(not (char.isspace() or unicodedata.category(char) == "Cf") for char in text)
