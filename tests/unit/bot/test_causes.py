"""The list of causes: its order, its pages, and what its buttons carry."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.actions import LONGEST_VALUE, BadValue, page_of
from bot.cause import cause_line, cause_view
from bot.causes import PAGE, Wanted, causes_of, causes_value, causes_view, largest
from bot.causes_samples import causes_samples
from bot.samples import FAILED, NOW
from sync.causes import Cause
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor, Filters
from sync.states import Status
from tests.builders import NOON
from tests.unit.bot.drawn import a_show, read_aloud


def cause(number: int, *amounts: Money, count: int = 1) -> Cause:
    """Return an open cause with these amounts."""
    return Cause(
        id=number,
        lane="books",
        system="daftra",
        error_type=ErrorType.SKU_NOT_FOUND,
        key=f"SKU-{number}",
        subject="",
        count=count,
        amounts=amounts,
        releases=count,
        released=amounts,
        retrying=0,
        oldest=NOON,
        first_seen=NOON,
        opened_at=NOON,
        closed_at=None,
        openings=1,
        checked=None,
        owner=None,
        snoozed_until=None,
        snoozed_at=0,
    )


def ids(causes: Sequence[Cause]) -> list[int]:
    """Return the numbers of causes."""
    return [one.id for one in causes]


def test_the_largest_amount_comes_first() -> None:
    """Within a currency the amount decides; what stops nothing that needs somebody comes last."""
    small, large = cause(1, Money.of("10", "SAR")), cause(2, Money.of("90", "SAR"))
    waiting = cause(3, count=0)
    assert ids(largest([waiting, small, large])) == [2, 1, 3]


def test_currencies_are_never_summed() -> None:
    """A dollar cause is not small because its number is: it is most of what dollars stop."""
    riyals = [cause(one, Money.of("1000", "SAR")) for one in (1, 2, 3)]
    dollars = cause(4, Money.of("20", "USD"))
    assert ids(largest([*riyals, dollars])) == [4, 1, 2, 3]


def test_pages_follow_one_another() -> None:
    """Ten a page, each cause on one page, and the buttons lead from page to page and back."""
    causes = [cause(one, Money.of(str(100 - one), "SAR")) for one in range(1, 26)]
    start, seen = 0, []
    while True:
        view = causes_view(causes, Wanted(), start, NOON)
        seen += [int(row.value) for row in view.rows]
        assert len(view.rows) <= PAGE
        if view.next is None:
            break
        start = causes_of(view.next)[1]
    assert seen == list(range(1, 26))
    assert view.previous
    assert causes_of(view.previous) == (Wanted(), 10)


def test_a_page_that_is_gone_becomes_the_last_one() -> None:
    """A button of an old message leads to what is there now."""
    view = causes_view([cause(1)], Wanted(), 30, NOON)
    assert (view.first, view.last, view.previous) == (1, 1, None)
    assert causes_view([], Wanted(), 30, NOON).rows == []


def test_the_list_is_narrowed() -> None:
    """A number, a key, a connection and an owner narrow the list."""
    mine = replace(cause(1), owner=Actor("U0SARA", "Sara"))
    other = replace(cause(2), lane="ledger")
    for wanted, found in (
        (Wanted(key="1"), [1]),
        (Wanted(key="SKU-2"), [2]),
        (Wanted(destination="ledger"), [2]),
        (Wanted(owner="U0SARA"), [1]),
        (Wanted(owner="nobody"), [2]),
        (Wanted(ErrorType.CONFLICT), []),
    ):
        assert [int(row.value) for row in causes_view([mine, other], wanted, 0, NOON).rows] == found


def test_a_button_carries_its_filters() -> None:
    """What a button carries is read back exactly, and fits, however long the key is."""
    wanted = Wanted(ErrorType.SKU_NOT_FOUND, "ش" * 200, "books", "U0SARA")
    value = causes_value(wanted, 20)
    assert len(value) <= LONGEST_VALUE
    assert causes_of(value) == (wanted, 20)


@pytest.mark.parametrize("value", [None, "", "7", "[]", "{}", '{"from":"x"}', '{"from":1,"x":2}'])
def test_a_foreign_value_is_refused(value: str | None) -> None:
    """What is not ours is told as an old button."""
    with pytest.raises(BadValue):
        causes_of(value)


def test_samples_draw_every_type() -> None:
    """The samples hold a page for each error type."""
    views = [model["view"] for model in causes_samples(NOW)["causes"]]
    assert {row.error_type for view in views for row in view.rows} == set(ErrorType)


def test_a_cause_leads_to_its_own_documents() -> None:
    """The button to its documents names its lane too: the same key may be missing elsewhere."""
    line = cause_line(cause(1, count=3), NOON)
    filters, _ = page_of(line.show_all)
    assert filters == Filters(
        statuses=(Status.FAILED,),
        error_type=ErrorType.SKU_NOT_FOUND,
        cause_key="SKU-1",
        destination="books",
    )


def test_the_page_of_a_second_cause_does_not_give_the_reason_of_the_first() -> None:
    """A document that something else stops first says so; the page is called by its own reason."""
    mine = replace(
        FAILED, error_type=ErrorType.UNKNOWN, cause_key="f00d", reason="The moon is full"
    )
    other = replace(FAILED, reason="SKU HONEY-500 not found")
    page = cause_view(
        replace(cause(1), error_type=ErrorType.UNKNOWN, key="f00d"), (), [other, mine], NOON
    )
    assert [behind.first for behind in page.documents] == [False, True]
    assert page.line.called == "The moon is full"
    shown = read_aloud(a_show().cause(replace(cause(1), key="widget-001"), (), [other]))
    assert "Stopped first by: SKU HONEY-500 not found" in shown


@pytest.mark.parametrize("key", ["x" * 300, "\U0001f36f" * 115])
def test_a_page_too_long_for_its_rows_is_not_carried(key: str) -> None:
    """A list with a long filter is drawn all the same; its rows do not know where they stand."""
    view = causes_view([replace(cause(1), key=key)], Wanted(key=key), 0, NOON)
    assert (len(view.rows), view.place) == (1, "")
    short = causes_view([cause(1)], Wanted(key="SKU-1"), 0, NOON)
    assert causes_of(short.place) == (Wanted(key="SKU-1"), 0)
