"""What is typed about causes, in every form that people type it in."""

import pytest

from bot.causes import Wanted
from bot.problems import Problem, Wrong
from handlers import parse
from handlers.parse_causes import Causes
from sync.errors import ErrorType


def problem_of(typed: str) -> Problem:
    """Return what is wrong with `typed`."""
    problem = parse.parse(typed)
    assert isinstance(problem, Problem), problem
    return problem


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("causes", Wanted()),
        ("CAUSES cause:٧", Wanted(key="7")),
        ("causes #7", Wanted(key="7")),
        ("causes cause:“HONEY-500 ”", Wanted(key="HONEY-500 ")),
        ("causes sku:500", Wanted(key="500")),
        ("causes sku-not-found", Wanted(ErrorType.SKU_NOT_FOUND)),
        ("causes error:sku_not_found dest:books", Wanted(ErrorType.SKU_NOT_FOUND, None, "books")),
        ("causes owner:me", Wanted(owner="me")),
        ("causes owner:<@U0SARA|sara>", Wanted(owner="U0SARA")),
        ("causes <@U0SARA|sara>", Wanted(owner="U0SARA")),
        ("causes owner:Nobody", Wanted(owner="nobody")),
    ],
)
def test_the_list_is_narrowed_as_people_type_it(typed: str, wanted: Wanted) -> None:
    """Numbers, keys, error types, connections and people narrow the list of causes."""
    assert parse.parse(typed) == Causes(wanted)


def test_the_list_can_be_shared() -> None:
    """The word `share` is no key of a cause."""
    assert parse.parse("causes dest:books share") == Causes(Wanted(destination="books"), share=True)


@pytest.mark.parametrize(
    ("typed", "wrong", "given"),
    [
        ("causes since:7d", Wrong.UNKNOWN_FILTER, "since"),
        ("causes error:banana", Wrong.UNKNOWN_WORD, "error:banana"),
        ("causes owner:sara", Wrong.NO_PERSON, "sara"),
        ("causes sku:", Wrong.UNKNOWN_WORD, "sku:"),
        ("causes sku:" + "9" * 300, Wrong.UNKNOWN_WORD, "sku:" + "9" * 300),
    ],
)
def test_what_narrows_nothing_is_named(typed: str, wrong: Wrong, given: str) -> None:
    """A filter that the list does not have, or a value that it does not take, is named."""
    problem = problem_of(typed)
    assert (problem.wrong, problem.given) == (wrong, given)


def test_a_person_is_known_by_their_id() -> None:
    """Slack's mention gives the person, not the name that anybody may take."""
    assert problem_of("retry <@U0SARA|1042>").given == "@U0SARA"
