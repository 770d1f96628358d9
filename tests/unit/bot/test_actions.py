from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions import (
    ActionId,
    BadValue,
    action_of,
    numbered,
    page_in,
    page_of,
    page_value,
    sync_of,
    sync_value,
)
from bot.problems import Wrong
from sync.records import Filters


def test_a_suffix_tells_buttons_apart_and_nothing_else() -> None:
    """An action id with a suffix still names its action; a foreign one names none."""
    assert action_of(numbered(ActionId.RETRY, 3)) is ActionId.RETRY
    assert action_of("retry") is ActionId.RETRY
    assert action_of("delete_everything") is None


def test_a_sync_value_comes_back() -> None:
    """A row's value is its id, with or without a page."""
    assert sync_of(sync_value(7)) == 7
    assert sync_of(sync_value(7, "{}")) == 7
    assert page_in(sync_value(7, "{}")) == "{}"
    assert page_in(sync_value(7)) == ""


def test_a_page_too_long_for_a_button_is_left_out() -> None:
    """The row matters more than redrawing its page."""
    assert sync_value(7, "x" * 2000) == "7"


@pytest.mark.parametrize("value", [None, "", "x", "-1", "1.5", "٧", "9" * 19, "1;drop"])
def test_a_foreign_sync_value_is_a_problem(value: str | None) -> None:
    """What is no id of ours raises BadValue with a problem to show."""
    with pytest.raises(BadValue) as caught:
        sync_of(value)
    assert caught.value.problem.wrong is Wrong.OLD_PAGE


@pytest.mark.parametrize(
    "value", [None, "", "[]", "7", "{", '{"s":["gone"]}', '{"f":"never"}', '{"f":"2026-10-09"}']
)
def test_a_foreign_page_value_is_a_problem(value: str | None) -> None:
    """What is no page of ours raises BadValue."""
    with pytest.raises(BadValue):
        page_of(value)


def test_a_page_of_a_bulk_retry_comes_back() -> None:
    """A page says which bulk retry its rows are of; what is no id of one is refused."""
    assert page_of(page_value(Filters(bulk=7)))[0].bulk == 7
    with pytest.raises(BadValue):
        page_of('{"b":"seven"}')


@given(st.text(max_size=100))
def test_no_value_breaks_the_reader(value: str) -> None:
    """Whatever a value holds, it is read or refused."""
    for read in (sync_of, page_of, page_in):
        with suppress(BadValue):
            read(value)
