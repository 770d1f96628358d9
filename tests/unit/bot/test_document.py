import html
import unicodedata
from dataclasses import replace

import pytest

from bot.samples import BARE, FAILED, NOW, PENDING, SUCCESS, story
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import ENGINE, Attempt, Blocker, Sync, Trigger
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
