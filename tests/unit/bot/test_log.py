from dataclasses import replace

import pytest

from bot.actions import page_in, page_of, page_value, sync_of
from bot.samples import BARE, FAILED, NOW, PENDING, SUCCESS
from bot.show import MOST_CHARACTERS
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import Filters, Page, Sync, WaitingFor
from sync.states import Status
from tests.unit.bot.drawn import a_show, buttons, pressed, read_aloud, sections, words

ALL = Filters()


def drawn(*rows: Sync, older: str | None = None, newer: str | None = None) -> dict[str, object]:
    """Return the log page of these rows."""
    return a_show().log(Page(rows, older, newer), ALL, None)


def test_a_row_shows_every_column() -> None:
    """A row names status, number, order, type, time, amount and reason, with both links."""
    (row,) = sections(drawn(FAILED))
    shown = read_aloud(drawn(FAILED))
    for part in (
        "Failed",
        "INV-1042",
        "Invoice",
        "order 4043",
        "SAR 1,085.50",
        "9 Oct 2026, 08:00",
    ):
        assert part in shown
    assert "<https://shop.example/orders/4043|INV-1042>" in row
    assert "<https://shop.example/orders/4043|4043>" in row


def test_the_number_opens_the_destination_once_there_is_a_document() -> None:
    """A synced document's number leads to the destination, its order to the source."""
    (row,) = sections(drawn(SUCCESS))
    assert "<https://books.example/invoices/45|INV-1042>" in row
    assert "<https://shop.example/orders/4043|4043>" in row


def test_a_reason_of_40_is_whole_and_of_41_is_cut() -> None:
    """Reasons are cut at 40 characters, the ellipsis counted; 40 stay as they are."""
    assert f"`{'x' * 40}`" in words(drawn(replace(FAILED, reason="x" * 40)))
    assert f"`{'x' * 39}…`" in words(drawn(replace(FAILED, reason="x" * 41)))


@pytest.mark.parametrize(
    ("status", "retries"),
    [
        (Status.FAILED, 1),
        (Status.PENDING, 1),
        (Status.PROCESSING, 0),
        (Status.SUCCESS, 0),
        (Status.SKIPPED, 0),
    ],
)
def test_only_failed_and_pending_can_be_retried(status: Status, retries: int) -> None:
    """Retry stands on failed and pending rows alone; View on every row."""
    message = drawn(replace(FAILED, status=status))
    assert len(pressed(message, "retry")) == retries
    assert len(pressed(message, "view")) == 1
    assert status.value.capitalize() in read_aloud(message)


def test_buttons_name_their_row() -> None:
    """Each repeated button says for a screen reader which document it is about."""
    labels = [one["accessibility_label"] for one in buttons(drawn(FAILED, SUCCESS))]
    assert labels == ["Retry INV-1042", "View INV-1042", "View INV-1042"]


def test_retry_knows_its_row_and_its_page() -> None:
    """The value of Retry names the sync and the page to draw again."""
    (button,) = pressed(drawn(FAILED), "retry")
    assert sync_of(button["value"]) == FAILED.id
    assert page_of(page_in(button["value"])) == (ALL, None)


def test_the_page_is_said_in_its_plain_text() -> None:
    """The fallback names each document and its status."""
    assert "INV-1042 Failed, INV-1042 Success." in str(drawn(FAILED, SUCCESS)["text"])


def test_older_and_newer_stand_where_there_is_such_a_page() -> None:
    """The pager has a button only for a page that exists, and it leads to its cursor."""
    assert not pressed(drawn(FAILED), "log_older")
    message = drawn(FAILED, older="c2", newer="c1")
    (older,), (newer,) = pressed(message, "log_older"), pressed(message, "log_newer")
    assert page_of(older["value"]) == (ALL, "c2")
    assert page_of(newer["value"]) == (ALL, "c1")


def test_the_worst_page_fits_a_message() -> None:
    """Twenty failed rows with the longest data stay below 50 blocks and 10,000 characters."""
    long = "https://shop.example/" + "orders/" * 30
    worst = replace(
        FAILED,
        document_number="I" * 60,
        order_number="O" * 60,
        source_url=long,
        reason="x" * 4000,
        not_before=NOW,
    )
    message = drawn(*[worst] * 20, older="c" * 90, newer="c" * 90)
    assert len(message["blocks"]) < 50  # type: ignore[arg-type] # because blocks are a list
    assert len(words(message)) <= MOST_CHARACTERS


def test_an_empty_log_says_what_to_do_next() -> None:
    """Nothing yet: the state says so, and which command brings the first document."""
    shown = read_aloud(drawn())
    assert "Nothing has been synced yet." in shown
    assert "/invsync sync 1042" in shown


def test_no_match_names_the_filters() -> None:
    """Filters that match nothing are repeated, with the way to everything."""
    filters = Filters(statuses=(Status.FAILED,), kind=Kind.RETURN)
    shown = read_aloud(a_show().log(Page((), None, None), filters, None))
    assert "Nothing matches status:failed type:return." in shown
    assert "/invsync log" in shown


def test_an_emptied_page_leads_back() -> None:
    """A page whose rows have moved on still has its way back."""
    message = drawn(newer="c1")
    assert "empty now" in read_aloud(message)
    assert pressed(message, "log_newer")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (PENDING, "Waits its turn."),
        (replace(PENDING, waiting_for=WaitingFor.PREREQUISITE), "Waits for its invoice."),
        (replace(PENDING, waiting_for=WaitingFor.CONNECTION), "Waits for the connection."),
        (
            replace(PENDING, waiting_for=WaitingFor.ANSWER, not_before=NOW),
            "Daftra did not answer; checking at 09:00 UTC+03 whether it arrived.",
        ),
        (replace(FAILED, not_before=NOW), "Tries again by itself at 09:00 UTC+03."),
        (replace(BARE, status=Status.PROCESSING), "Being worked on now."),
    ],
)
def test_a_row_says_what_it_waits_for(row: Sync, sentence: str) -> None:
    """What stands still says why, and when it goes on."""
    assert sentence in read_aloud(drawn(row))


def test_the_third_failure_is_marked() -> None:
    """From the third failed outcome on a row needs investigation, not before."""
    assert "needs investigation" in read_aloud(drawn(FAILED))
    assert "needs investigation" not in read_aloud(drawn(replace(FAILED, failures=2)))


def test_a_success_found_by_the_look_up_says_so() -> None:
    """What was found instead of created says that nothing was sent again."""
    row = replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value)
    assert "Already synced" in read_aloud(drawn(row))


def test_a_page_value_comes_back_whole() -> None:
    """Filters and cursor survive the way through a button."""
    filters = Filters(
        statuses=(Status.FAILED,),
        kind=Kind.INVOICE,
        error_type=ErrorType.UNKNOWN,
        cause_key='a "b" ٥',
        source="shop",
        destination="books",
        since=NOW,
        until=NOW,
        numbers=("1", "2"),
    )
    assert page_of(page_value(filters, "c")) == (filters, "c")


def test_a_row_that_shows_another_reason_is_explained() -> None:
    """Narrowed to what stops a document second, the log says why its row gives another reason."""
    said = "its row shows the first; View shows each."
    for filters in (Filters(cause_key="widget-001"), Filters(error_type=ErrorType.CONFLICT)):
        assert said in read_aloud(a_show().log(Page([FAILED], None, None), filters, None))
    for filters in (Filters(cause_key=FAILED.cause_key), Filters()):
        assert said not in read_aloud(a_show().log(Page([FAILED], None, None), filters, None))
