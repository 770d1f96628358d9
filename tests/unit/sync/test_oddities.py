"""What is odd in a document's own data is pointed out by a code."""

import pytest

from sync.oddities import oddities


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("HONEY-500", []),
        ("", []),
        ("قهوة عربية", []),
        ("Crème brûlée", []),
        ("HONEY-500 ", ["blank_at_the_end"]),
        (" HONEY-500", ["blank_at_the_end"]),
        ("HONEY\u200b-500", ["invisible_character"]),
        ("HONEY\u202e-500", ["invisible_character"]),
        ("HONEY\n500", ["invisible_character"]),
        ("HONEY\u00a0500", ["special_blank_or_hyphen"]),
        ("HONEY\u2011500", ["special_blank_or_hyphen"]),
        ("НONEY-500", ["look_alike_letter"]),  # the first letter is Cyrillic
        ("HONEΥ-500", ["look_alike_letter"]),  # the last letter is Greek
        ("Чай", []),
        ("HONEY-٥٠٠", ["other_digits"]),
        ("H" * 60, []),
        ("H" * 61, ["very_long"]),
        ("\u00a0HONEY", ["blank_at_the_end", "special_blank_or_hyphen"]),
    ],
)
def test_what_looks_right_and_is_not(text: str, codes: list[str]) -> None:
    """Each trap has its code, the worst first; honest text in any script has none."""
    assert oddities(text) == codes
