"""What is odd in a document's own data is pointed out by a code."""

from dataclasses import replace

import pytest

from bot.samples import FAILED, NOW
from sync.errors import ErrorType
from sync.money import Money
from sync.oddities import odd_in, oddities
from sync.records import ENGINE, Attempt, Blocker, Exchange, Sync, Trigger
from sync.stories import Story


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


def _story(sync: Sync = FAILED, answered: str = "{}", usual: Money | None = None) -> Story:
    read = Exchange(NOW, "salla", "GET", "https://shop.example", 200, "", answered, 5)
    tried = Attempt(1, Trigger.SWEEP, ENGINE, NOW, NOW, "failed", None, None, [read])
    return Story(sync, [tried], (), usual=usual)


@pytest.mark.parametrize(
    ("story", "odd"),
    [
        (_story(), ()),
        (Story(FAILED, (), [Blocker(ErrorType.SKU_NOT_FOUND, "H ", "")]), ("blank_at_the_end:H ",)),
        (_story(replace(FAILED, order_number="٤٠٤٣")), ("other_digits:٤٠٤٣",)),
        (_story(answered='{"items": [{"sku": "H\u2011500"}]}'), ("special_blank_or_hyphen:H‑500",)),
        (_story(answered='{"data": {"email": "a@b.c "}}'), ("blank_at_the_end:a@b.c ",)),
        (_story(answered='{"name": "untold "}'), ()),
        (_story(answered=f'{{"address": "{"x" * 300}"}}'), (f"very_long:{'x' * 300}",)),
        (_story(replace(FAILED, amount=Money.of("-5", "SAR"))), ("negative_amount:SAR -5.00",)),
        (_story(replace(FAILED, amount=Money.of("0", "SAR"))), ("zero_amount:SAR 0.00",)),
        (_story(usual=Money.of("108.55", "SAR")), ()),
        (_story(usual=Money.of("108.54", "SAR")), ("unusual_amount:SAR 1085.50",)),
        (_story(answered='{"total": {"amount": 10.005}}'), ("too_many_decimals:SAR 10.005",)),
        (_story(answered='{"total": {"amount": "10.0000"}}'), ()),
        (_story(answered='{"total": {"amount": 10.005'), ()),
    ],
)
def test_what_is_odd_in_one_document(story: Story, odd: tuple[str, ...]) -> None:
    """Numbers, SKUs, e-mail addresses and amounts are looked at, wherever they are held."""
    assert odd_in(story) == odd


def test_what_a_reason_names_is_looked_at() -> None:
    """An e-mail address that only the reason holds is looked at too."""
    stop = Blocker(ErrorType.CUSTOMER_INVALID, "7", "'lаyla@acme.example' is no e-mail")
    assert odd_in(Story(FAILED, (), [stop])) == ("look_alike_letter:lаyla@acme.example",)
