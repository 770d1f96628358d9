import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.actions import page_of, sync_of
from bot.ages import Age, Unit, age_of
from bot.samples import CALM, FAILED, NOW, SUCCESS, digest_of, figures, listed_in
from bot.show import MOST_BLOCKS, MOST_CHARACTERS
from sync.errors import ErrorType
from sync.figures import Figures, Group, Unread
from sync.money import Money
from sync.records import Hold, Sync
from sync.states import Status
from tests.unit.bot.drawn import a_show, buttons, pressed, read_aloud, sections, words

SKUS = figures((ErrorType.SKU_NOT_FOUND,))


def drawn(
    posted: Figures, now: Figures | None = None, rows: dict[int, Sync] | None = None
) -> dict[str, Any]:
    """Return the digest that was posted with some figures, as drawn with those of `now`."""
    listed = rows or listed_in(posted)
    return a_show().digest(now or posted, digest_of(posted), listed)


def test_the_header_says_how_many_need_somebody() -> None:
    """Header and plain text give day and count in one sentence."""
    message = drawn(SKUS)
    assert message["blocks"][0]["text"]["text"] == "Invoice sync, Fri 9 Oct: 28 need you"
    assert message["text"].startswith("Invoice sync, Fri 9 Oct: 28 need you (SAR 96,310.00")


def test_an_error_type_shows_remedy_count_amounts_and_causes() -> None:
    """A type says what to do, how much it blocks and its five largest causes; others roll up."""
    shown = read_aloud(drawn(SKUS))
    assert "Needs data: SKU not found · 28 documents · SAR 41,250.00" in shown
    assert "• SKU HONEY-503: 4 documents, SAR 41,250.00, oldest 3 days" in shown
    assert "• 2 smaller causes, 3 documents" in shown
    assert "HONEY-505" not in shown


def test_the_three_newest_have_retry_and_view() -> None:
    """Each listed document has both buttons, which name it and carry its id."""
    message = drawn(SKUS)
    assert [one["text"]["text"] for one in pressed(message, "retry")] == [
        "Retry 100",
        "Retry 101",
        "Retry 102",
    ]
    assert [sync_of(one["value"]) for one in pressed(message, "view")] == [100, 101, 102]
    ids = [one["action_id"] for one in buttons(message)]
    assert len([one for one in ids if one != "show_all"]) == len(
        {one for one in ids if one != "show_all"}
    )


def test_show_all_leads_to_the_failed_of_that_type() -> None:
    """Show all opens the log of this error type; View all, of everything that failed."""
    every, one_type = pressed(drawn(SKUS), "show_all")
    assert page_of(every["value"])[0].error_type is None
    filters = page_of(one_type["value"])[0]
    assert filters.error_type is ErrorType.SKU_NOT_FOUND
    assert filters.statuses == (Status.FAILED,)


def test_amounts_of_two_currencies_stay_apart() -> None:
    """Nothing is summed across currencies."""
    assert "SAR 96,310.00, USD 10.00 not in the books" in read_aloud(drawn(SKUS))


def test_what_retries_by_itself_stands_apart() -> None:
    """Documents that nobody must touch are counted apart from those that need somebody."""
    assert "Apart from these: 4 retrying by themselves, 2 waiting." in read_aloud(drawn(SKUS))


def test_nothing_failed_is_an_all_clear() -> None:
    """Without failures the digest says so instead of falling silent."""
    message = drawn(CALM)
    assert "nothing needs you" in message["text"]
    assert "All clear." in read_aloud(message)
    assert not buttons(message)


def test_a_listed_document_follows_its_sync() -> None:
    """A document that was synced says so at its line and loses Retry; the others stay."""
    rows = listed_in(SKUS)
    synced = replace(SUCCESS, id=101, document_number="101")
    message = drawn(SKUS, rows={**rows, 101: synced})
    assert "✓ 101 · order 4043" in read_aloud(message)
    assert "Success, 08:00" in read_aloud(message)
    assert [sync_of(one["value"]) for one in pressed(message, "retry")] == [100, 102]


def test_a_type_with_nothing_open_shrinks() -> None:
    """When nothing of a type is open, its three blocks become one that says Done."""
    rows = {key: replace(SUCCESS, id=key) for key in listed_in(SKUS)}
    message = drawn(SKUS, CALM, rows)
    assert "Done: SKU not found" in read_aloud(message)
    assert len(message["blocks"]) < len(drawn(SKUS)["blocks"])


def test_a_type_that_is_being_retried_is_not_done() -> None:
    """While a listed document is pending its type stays, and says that none failed now."""
    rows = {key: replace(FAILED, id=key, status=Status.PENDING) for key in listed_in(SKUS)}
    shown = read_aloud(drawn(SKUS, CALM, rows))
    assert "none failed now" in shown
    assert "Done" not in shown


def test_a_held_lane_is_one_line() -> None:
    """A connection that is down is said once, with what waits and that nothing is lost."""
    shown = read_aloud(drawn(SKUS))
    assert "Daftra (books) is disconnected. 12 documents waiting, SAR 120.00." in shown
    assert "Nothing is lost, nothing is retried." in shown


def test_a_held_lane_is_no_all_clear() -> None:
    """With a connection down the header says so, even when nothing failed."""
    held = replace(CALM, holds=[Hold("books", "books", "daftra", "401", NOW, 12, [])])
    message = drawn(held)
    assert "a connection is down" in message["text"]
    assert "books is disconnected, 12 waiting" in message["text"]
    assert "All clear" not in read_aloud(message)


def test_types_beyond_six_roll_up() -> None:
    """Six types are shown in full, the others in one line with their count."""
    kinds = tuple(ErrorType)[:8]
    shown = read_aloud(drawn(figures(kinds)))
    assert "And 56 documents of other kinds: Tax not mapped, Account not mapped." in shown


def test_a_full_digest_fits_one_post() -> None:
    """Every error type at once stays within 25 blocks and 10,000 characters."""
    message = drawn(figures())
    assert len(message["blocks"]) <= MOST_BLOCKS
    assert len(words(message)) <= MOST_CHARACTERS


def test_the_worst_digest_fits_one_post() -> None:
    """With the longest data fewer types are shown in full, and nothing breaks a limit."""
    found = figures()
    long = "https://shop.example/" + "orders/" * 40
    groups = [_swollen(group, long) for group in found.groups]
    message = drawn(replace(found, groups=groups))
    assert len(message["blocks"]) <= MOST_BLOCKS
    assert len(words(message)) <= MOST_CHARACTERS
    assert "of other kinds" in read_aloud(message)


def test_what_is_kept_is_json_with_ids() -> None:
    """What a digest lists is kept as plain JSON: error types and sync ids."""
    kept = a_show().digest_groups(SKUS)
    assert json.loads(json.dumps(kept)) == [
        {"error_type": "sku_not_found", "syncs": [100, 101, 102]}
    ]


def test_the_footer_says_what_was_resolved_and_what_comes() -> None:
    """The footer counts what was resolved and names the next digest."""
    message = a_show().digest(SKUS, digest_of(SKUS), listed_in(SKUS), NOW + timedelta(days=1))
    shown = read_aloud(message)
    assert "Resolved since the last digest: 26 documents." in shown
    assert "Next digest: 10 Oct 2026, 09:00 UTC+03." in shown


def test_a_vanished_document_is_left_out() -> None:
    """A listed sync that is gone from the log takes its line along and breaks nothing."""
    rows = {key: row for key, row in listed_in(SKUS).items() if key != 101}
    assert len(sections(drawn(SKUS, rows=rows))) == len(sections(drawn(SKUS)))


def test_ages_are_told_in_whole_units() -> None:
    """Ages are told in minutes, then hours, and from the second day on in days."""
    for passed, age in [
        (timedelta(seconds=59), Age(0, Unit.MINUTES)),
        (timedelta(minutes=59), Age(59, Unit.MINUTES)),
        (timedelta(hours=47), Age(47, Unit.HOURS)),
        (timedelta(days=2), Age(2, Unit.DAYS)),
        (timedelta(days=-2), Age(0, Unit.MINUTES)),
    ]:
        assert age_of(NOW - passed, NOW) == age


def _swollen(group: Group, url: str) -> Group:
    rows = [
        replace(
            row,
            source_url=url,
            customer="م" * 400,
            reason="&" * 4000,
            document_number="<" * 300,
            order_number="*" * 300,
        )
        for row in group.newest
    ]
    causes = [replace(one, key="&" * 300, count=1, amounts=_MANY) for one in group.causes]
    return replace(group, newest=rows, causes=causes, amounts=_MANY)


_MANY = [Money.of("99999999999.99", code) for code in ("AED", "EUR", "KWD", "SAR", "USD")]


def test_a_source_that_cannot_be_read_is_told() -> None:
    """While a source's list cannot be read the digest says so, and does not claim all clear."""
    unread = [Unread("shop", "salla", "Salla: The access token is expired", NOW)]
    shown = read_aloud(drawn(replace(CALM, unread=unread)))
    assert "Salla (shop) could not be read to its end." in shown
    assert "The access token is expired" in shown
    assert "All clear" not in shown
