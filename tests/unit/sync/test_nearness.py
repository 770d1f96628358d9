"""Which codes come near to another, and why."""

import pytest

from sync.nearness import Near, named_like, nearest, nearness, rank

CASES = [
    ("WIDGET-001", "widget-001", Near.CASE),
    ("HONEY-500", "HONEY-500 ", Near.BLANK),
    ("HONEY-500", "\u00a0HONEY-500", Near.BLANK),
    ("HONEY-500", "HONEY-500\u200b", Near.HIDDEN),
    ("HONEY-500", "HONEY-\u0665\u0660\u0660", Near.DIGITS),
    ("HONEY-500", "HONEY\u2011500", Near.HYPHEN),
    ("HONEY-500", "H\u041eNEY-500", Near.LOOK_ALIKE),
    ("HONEY-500", "\u041d\u041eNEY-500", Near.LOOK_ALIKE),
    ("HONEY-500", "H\uff2fNEY-500", Near.LOOK_ALIKE),
    ("HONEY-500", "h\u043eney\u2011\u0665\u0660\u0660 ", Near.SEVERAL),
    ("HONEY-500", "HONEY-50", Near.SIMILAR),
    ("HONEY-500", "HONEY-500", Near.SAME),
]


@pytest.mark.parametrize(("wanted", "there", "near"), CASES)
def test_a_near_miss_has_its_reason(wanted: str, there: str, near: Near) -> None:
    """Each way in which two codes only look the same is named, in both directions."""
    for found in (nearness(wanted, there), nearness(there, wanted)):
        assert found is not None
        assert found.near is near


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("HONEY-500", "WIDGET-001"),
        ("HONEY-500", ""),
        ("", "HONEY-500"),
        ("\U0001f36f", "\U0001f41d"),
        ("\u200b", "\u200c "),
        ("x" * 5_000, "HONEY-500"),
    ],
)
def test_what_is_not_near_is_not_suggested(wanted: str, there: str) -> None:
    """Other codes, empty ones, emoji and endless ones are near to nothing."""
    assert nearness(wanted, there) is None


def test_near_matches_come_first() -> None:
    """The least difference stands first, then what is similar, then the rest."""
    there = ["WIDGET-001", "HONEY-50", "HONEY-500 ", "honey-500"]
    ordered = sorted(there, key=lambda one: rank(nearness("HONEY-500", one)))
    assert ordered == ["honey-500", "HONEY-500 ", "HONEY-50", "WIDGET-001"]


def test_the_nearest_code_is_what_the_eye_takes_for_it() -> None:
    """Neither the code itself nor one that is only similar is taken for it."""
    there = ["HONEY-501", "HONEY-500", "HONEY-500 ", "honey-500", "WIDGET-001"]
    assert nearest("HONEY-500", there) == "honey-500"
    assert nearest("HONEY-500", there[:3]) == "HONEY-500 "
    assert nearest("HONEY-500", there[:2]) == ""
    assert nearest("HONEY-500", []) == ""
    assert nearest("HONEY-500", ["honey-500\x00", "honey-500\ud800"]) == ""


def test_names_are_near_whatever_the_order_of_words() -> None:
    """A product that is called alike is suggested although its code is another."""
    assert named_like("Sidr honey 500 g", "500 g Sidr Honey")
    assert named_like("Sidr honey 500 g", "Date syrup") is None
