import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.actions import id_of
from bot.ages import Age, Unit, age_of
from bot.causes import Wanted, causes_of
from bot.check import HOSTILE
from bot.digest_samples import (
    CALM,
    DAY,
    HELD,
    MAIL,
    NOW,
    SARA,
    UNREAD,
    a_cause,
    digest_of,
    listed_of,
)
from bot.digest_samples import figures as figures_of
from bot.listing import Kept, as_json, chosen, kept_in, rolled
from bot.show import MOST_BLOCKS, MOST_CHARACTERS
from sync.causes import Cause, Checked, Shared, Verdict
from sync.errors import ErrorType
from sync.figures import Figures
from sync.money import Money
from sync.records import Actor, HoldKind
from sync.states import Status
from tests.unit.bot.drawn import a_show, buttons, pressed, read_aloud, words

HONEY = a_cause(releases=31, released=[Money.of("30000", "SAR")])
"""38 documents, of which seven have a second blocker."""

MAILS = [a_cause(10 + one, MAIL, f"c{one}", 2 if one < 3 else 1, "100") for one in range(11)]
FOUND_GONE = Checked(Verdict.GONE, "", NOW)
TAX = a_cause(30, ErrorType.TAX_NOT_MAPPED, "VAT:15", 6, "900")
SMALL = [
    a_cause(40, ErrorType.PERIOD_CLOSED, "2026-09", 5, "800"),
    a_cause(41, ErrorType.CONFLICT, "1045", 3, "700"),
    a_cause(42, ErrorType.FIELD_INVALID, "BillAddr", 2, "500"),
    a_cause(43, ErrorType.UNKNOWN, "f00d", 2, "400"),
    a_cause(44, ErrorType.AMOUNT_MISMATCH, "INV-7", 1, "120"),
]


def drawn(
    found: Figures,
    before: list[Kept] | None = None,
    closed: list[Cause] | None = None,
    standing: dict[int, Status] | None = None,
    menders: dict[int, Actor] | None = None,
) -> dict[str, Any]:
    """Return the digest of `found`; `before` is what it listed when it was posted."""
    listed = listed_of(found, before or [], closed or [], standing, menders)
    return a_show().digest(found, digest_of(before or []), listed, NOW + DAY)


def figures(*causes: Cause, **changes: Any) -> Figures:
    """Return figures with these causes."""
    return figures_of(list(causes), **changes)


def blocks(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the blocks of a kind."""
    return [block for block in message["blocks"] if block["type"] == kind]


def test_the_header_says_how_many_need_somebody() -> None:
    """Header and plain text give day and count in one sentence."""
    message = drawn(figures(HONEY))
    assert message["blocks"][0]["text"]["text"] == "Invoice sync, Fri 9 Oct: 38 need you"
    assert message["text"] == (
        "Invoice sync, Fri 9 Oct: 38 need you, SAR 96,310.00, USD 10.00 not in the books: "
        "SKU missing in Daftra: HONEY-500 (38); "
        "38 synced, 4 retrying by themselves, 2 waiting."
    )


def test_the_line_of_a_cause() -> None:
    """A line says what is wrong with what, how much it stops, how old, and what fixing releases."""
    shown = read_aloud(drawn(figures(HONEY)))
    assert "1. SKU missing in Daftra: HONEY-500" in shown
    assert "38 documents, SAR 41,250.00, oldest 3 d. Fixing it releases 31." in shown
    assert "First seen 5 Oct 2026, 09:00 UTC+03. Owner: nobody" in shown


def test_the_context_says_what_is_apart() -> None:
    """What was synced, is retried by itself and waits is told apart, with the route and account."""
    shown = read_aloud(drawn(figures(HONEY)))
    assert ": 38 synced, 4 retrying by themselves, 2 waiting. Salla -&gt; Daftra, Acme KSA" in shown


def test_ageing_stands_per_currency() -> None:
    """The amounts stand by age in each currency, and nothing is summed across them."""
    shown = read_aloud(drawn(figures(HONEY)))
    assert "SAR 96,310.00, USD 10.00 not in the books" in shown
    assert "SAR 0-1 d 18,200 | 2-7 d 71,900.50 | 8+ d 6,209.50" in shown
    assert "USD 0-1 d 10" in shown


def test_the_buttons_of_a_line() -> None:
    """Fix, check and retry, view and a menu carry the cause; the check asks with its amount."""
    message = drawn(figures(HONEY))
    for action in ("fix", "check", "cause"):
        (button,) = pressed(message, action)
        assert id_of(button["value"]) == HONEY.id
        assert "HONEY-500" in button["accessibility_label"]
    (check,) = pressed(message, "check")
    assert check["text"]["text"] == "Check and retry 38"
    assert "38 documents, SAR 41,250.00." in check["confirm"]["text"]["text"]
    (row,) = blocks(message, "actions")
    menu = [one["value"] for one in row["elements"][-1]["options"]]
    assert menu == ["assign:1", "snooze:1", "skip:1"]


def test_what_nobody_can_fix_has_no_fix() -> None:
    """A cause that no form can mend has no Fix."""
    message = drawn(figures(a_cause(1, ErrorType.UNKNOWN, "f00d")))
    assert not pressed(message, "fix")
    assert pressed(message, "cause")


def test_small_causes_of_a_type_roll_up() -> None:
    """Many small causes of one type are one line with their count; Show leads to their fixes."""
    message = drawn(figures(HONEY, *MAILS))
    shown = read_aloud(message)
    assert "2. 14 documents, 11 customers without e-mail" in shown
    (show,) = pressed(message, "show_causes")
    assert causes_of(show["value"]) == (Wanted(MAIL, destination=MAILS[0].lane), 0)


def test_what_stands_in_several_lines_is_told() -> None:
    """Lines that add up to more than the headline say by which documents; else nothing is said."""
    found = figures(HONEY, TAX)
    seven = Shared(7, [Money.of("8120", "SAR")])
    one = Shared(1, [Money.of("5", "SAR"), Money.of("7", "USD")])
    for shared, told in [
        (seven, "7 documents, SAR 8,120.00, are stopped by more than one cause and counted under"),
        (one, "1 document, SAR 5.00, USD 7.00, is stopped by more than one cause and counted"),
        (Shared(2), "2 documents are stopped by more than one cause and counted under each."),
    ]:
        assert told in read_aloud(drawn(replace(found, shared=shared)))
        assert told in read_aloud(a_show().status(replace(found, shared=shared)))
    assert "more than one cause" not in read_aloud(drawn(found))


def test_five_lines_and_the_smaller_ones() -> None:
    """The five largest by released amount have a line; the others are counted with their sum."""
    shown = read_aloud(drawn(figures(HONEY, *MAILS, TAX, *SMALL)))
    numbers = re.findall(r"^(\d)\. ", shown, re.MULTILINE)
    assert numbers == ["1", "2", "3", "4", "5"]
    assert "3 smaller lines, SAR 1,020.00" in shown


def test_currencies_are_weighed_and_never_summed() -> None:
    """One small document in a rare currency does not come before many in the usual one."""
    rare = a_cause(2, TAX.error_type, "VAT:5", 1, "1")
    rare = replace(rare, amounts=[Money.of("5", "USD")], released=[Money.of("5", "USD")])
    assert [line[0].id for line in rolled([rare, HONEY])] == [1, 2]


def test_a_cause_that_returns_keeps_its_history() -> None:
    """A cause that came again says so, and when it was fixed last."""
    again = replace(HONEY, openings=2, fixed_at=NOW - DAY)
    assert "missing AGAIN (fixed 8 Oct 2026)" in read_aloud(drawn(figures(again)))


def test_new_failures_are_marked_once() -> None:
    """Documents that had never failed before the last digest are marked as new."""
    found = figures(HONEY, new={HONEY.id: 5})
    assert "38 documents (5 new), SAR" in read_aloud(drawn(found))
    assert "new)" not in read_aloud(drawn(replace(found, new={})))


def test_a_cause_that_is_gone_is_told() -> None:
    """A cause found gone says since when, and its button retries its documents."""
    gone = replace(HONEY, checked=Checked(Verdict.GONE, "", NOW))
    message = drawn(figures(gone))
    assert "Gone since 09:00" in read_aloud(message)
    assert pressed(message, "check")[0]["text"]["text"] == "Retry 38"


def test_a_near_match_stands_on_the_line() -> None:
    """What the eye takes for the missing code is named with its difference, while it helps."""
    near = replace(HONEY, near="honey-500")
    told = "First seen 5 Oct 2026, 09:00 UTC+03. Near match: honey-500 (differs by case). Owner"
    assert told in read_aloud(drawn(figures(near)))
    assert "Near match: honey-500 (differs by case)." in read_aloud(a_show().cause(near, (), ()))
    for other in (HONEY, replace(near, near="HONEY-501"), replace(near, checked=FOUND_GONE)):
        assert "Near match" not in read_aloud(drawn(figures(other)))


@pytest.mark.parametrize(
    ("there", "words_of"),
    [
        ("HONEY-500 ", "differs by a blank"),
        ("HONEY-500\u200b", "differs by a character that nobody sees"),
        ("HONEY-\u0665\u0660\u0660", "has digits of another script"),
        ("HONEY\u2011500", "has another hyphen"),
        ("H\u041eNEY-500", "has a letter that only looks the same"),
        ("h\u041eney-500 ", "differs in several ways that the eye misses"),
    ],
)
def test_how_a_near_match_differs(there: str, words_of: str) -> None:
    """Each way to look the same has its words."""
    assert f"({words_of})" in read_aloud(drawn(figures(replace(HONEY, near=there))))


def test_a_closed_cause_shrinks() -> None:
    """A cause that was closed becomes one line: how many were synced, by whom, when."""
    before = [Kept((1,), (1, 2, 3)), Kept((30,), (4,))]
    closed = replace(HONEY, count=0, closed_at=NOW)
    standing = dict.fromkeys((1, 2, 3), Status.SUCCESS)
    message = drawn(figures(TAX), before, [closed], standing, {1: SARA})
    shown = words(message)
    assert "*Done: `HONEY-500`*, 3 of 3 synced, by <@U0SARA>, " in shown
    assert "2. Tax not mapped" in shown
    assert len(blocks(message, "actions")) == 1


def test_a_cause_that_is_being_retried_is_not_done() -> None:
    """While its documents are on their way a line says so and offers nothing."""
    before = [Kept((1,), (1, 2, 3))]
    moving = replace(HONEY, count=0, amounts=())
    standing = {1: Status.SUCCESS, 2: Status.PENDING, 3: Status.PROCESSING}
    message = drawn(figures(moving), before, standing=standing)
    shown = read_aloud(message)
    assert "none failed now, 1 of 3 synced, 2 on their way." in shown
    assert "Done" not in shown
    assert not pressed(message, "check")


def test_a_snoozed_cause_rests() -> None:
    """A snoozed cause shrinks to when it returns; one that grew is back."""
    asleep = replace(HONEY, snoozed_until=NOW + DAY, snoozed_at=38)
    before = [Kept((1,))]
    assert "Snoozed: HONEY-500, until 10 Oct" in read_aloud(drawn(figures(asleep), before))
    assert "HONEY-500" not in read_aloud(drawn(figures(asleep)))
    assert "1 cause snoozed." in read_aloud(drawn(figures(asleep)))
    assert "Snoozed" not in read_aloud(drawn(figures(replace(asleep, count=39)), before))


def test_later_causes_take_the_room_that_is_left() -> None:
    """What is listed keeps its place; a cause that came later follows it."""
    lines = chosen([HONEY, TAX], [Kept((30,), (1,))], NOW)
    assert [line.causes for line in lines] == [(30,), (1,)]


def test_rolled_lines_take_their_like() -> None:
    """A small cause of the same type joins the line that rolls them up."""
    before = [Kept(tuple(one.id for one in MAILS[:5]))]
    lines = chosen(MAILS, before, NOW)
    assert [set(line.causes) for line in lines] == [{one.id for one in MAILS}]


def test_what_is_kept_is_json() -> None:
    """What a digest lists is kept as plain JSON and read again; an older version's is over."""
    lines = [Kept((1, 2), (3,), "Al-Noor & Sons")]
    assert kept_in(json.loads(json.dumps(as_json(lines)))) == lines
    assert kept_in([{"error_type": "sku_not_found", "syncs": [100]}]) == []


def test_nothing_failed_is_an_all_clear() -> None:
    """Without failures the digest says so."""
    message = drawn(CALM)
    assert "nothing needs you" in message["text"]
    assert "All clear." in read_aloud(message)
    assert not buttons(message)


@pytest.mark.parametrize("kind", HoldKind)
def test_a_held_lane_is_no_all_clear(kind: HoldKind) -> None:
    """A connection that is down is said once, with what waits and that nothing is lost."""
    message = drawn(replace(CALM, holds=[replace(HELD, kind=kind)]))
    assert "a connection is down" in message["text"]
    assert "12 documents waiting, SAR 120.00." in read_aloud(message)
    assert "Nothing is lost" in read_aloud(message)
    assert "All clear" not in read_aloud(message)


def test_a_source_that_cannot_be_read_is_told() -> None:
    """While a source's list cannot be read the digest says so, and does not claim all clear."""
    shown = read_aloud(drawn(UNREAD))
    assert "Salla (shop) could not be read to its end." in shown
    assert "The access token is expired" in shown
    assert "All clear" not in shown


def test_312_failures_of_5_causes_fit_one_post() -> None:
    """312 failures of five causes are five lines in 25 blocks and 10,000 characters."""
    counts = (150, 80, 50, 20, 12)
    causes = [a_cause(place, key=f"SKU-{place}", count=one) for place, one in enumerate(counts, 1)]
    message = drawn(figures(*causes))
    assert "312 need you" in message["text"]
    assert len(pressed(message, "check")) == len(counts)
    assert len(message["blocks"]) <= MOST_BLOCKS
    assert len(words(message)) <= MOST_CHARACTERS


@pytest.mark.parametrize("key", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_keys_fit_one_post(key: str) -> None:
    """Whatever keys and names hold, with every hold and currency, the digest keeps its limits."""
    many = [Money.of("99999999999.99", code) for code in ("AED", "EUR", "KWD", "SAR", "USD")]
    causes = [
        a_cause(place, kind, key, 62, amounts=many, released=many)
        for place, kind in enumerate(ErrorType, start=1)
    ]
    holds = [replace(HELD, connection=key, reason=key, amounts=many)] * 5
    message = drawn(figures(*causes, holds=holds, unread=list(UNREAD.unread) * 5))
    assert len(message["blocks"]) <= MOST_BLOCKS
    assert len(words(message)) <= MOST_CHARACTERS
    assert "smaller lines" in read_aloud(message)


def test_the_footer_says_what_was_resolved_and_what_comes() -> None:
    """The footer counts what was resolved, by whom, and names the next digest."""
    closed = [replace(HONEY, id=9, closed_at=NOW), replace(HONEY, id=8, closed_at=NOW)]
    message = drawn(figures(HONEY, closed=closed, menders={9: SARA}))
    footer = blocks(message, "context")[-1]["elements"][0]["text"]
    assert "Resolved since the last digest: 26 documents, 2 causes (by <@U0SARA>)." in footer
    assert "Next digest 10 Oct 2026, 09:00 UTC+03." in read_aloud(message)


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
