"""Money is exact to the minor unit of its currency, and never guessed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.money import Money, decimal_of, decimals, rounded

CURRENCIES = st.sampled_from(["SAR", "USD", "KWD", "BHD", "JPY"])
STEADY = settings(derandomize=True, database=None, deadline=None)


@STEADY
@given(minor=st.integers(-(10**15), 10**15), currency=CURRENCIES)
def test_minor_units_come_back_as_they_were(minor: int, currency: str) -> None:
    """What the tables hold becomes money and again the same number of minor units."""
    assert Money.from_minor(minor, currency).minor == minor


@STEADY
@given(
    amount=st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6),
    currency=CURRENCIES,
)
def test_rounding_is_never_off_by_more_than_half_a_unit(amount: Decimal, currency: str) -> None:
    """A rounded amount is the nearest one, and rounding it again changes nothing."""
    money = Money.of(amount, currency)
    unit = Decimal(1).scaleb(-decimals(currency))
    assert abs(money.amount - amount) <= unit / 2
    assert Money.of(money.amount, currency) == money


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "shown"),
    [
        ("41.25", "SAR", 4125, "SAR 41.25"),
        ("41.245", "SAR", 4125, "SAR 41.25"),
        ("-41.245", "SAR", -4125, "SAR -41.25"),
        ("1.2345", "KWD", 1235, "KWD 1.235"),
        ("0.5", "JPY", 1, "JPY 1"),
        ("7", "JPY", 7, "JPY 7"),
        (0, "SAR", 0, "SAR 0.00"),
    ],
)
def test_each_currency_has_its_decimals(amount: Any, currency: str, minor: int, shown: str) -> None:
    """SAR has two decimals, KWD three, JPY none; a half is rounded away from zero."""
    money = Money.of(amount, currency)
    assert (money.minor, str(money)) == (minor, shown)


def test_money_of_two_currencies_is_never_equal() -> None:
    """The same number in another currency is another amount."""
    assert Money.of(1, "SAR") != Money.of(1, "USD")
    assert Money.of("1.0", "SAR") == Money.of("1.00", "SAR")


@pytest.mark.parametrize("value", ["0.1", 0.1, Decimal("0.1"), " 0.1 "])
def test_a_number_is_read_as_it_was_written(value: Any) -> None:
    """Whether a system writes 0.1 as a number or as text, it is exactly a tenth."""
    assert decimal_of(value) == Decimal("0.1")


@pytest.mark.parametrize(
    "value", [None, "", "free", True, [], {}, "NaN", "Infinity", float("nan"), "1,50", "1.2.3"]
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    """Nothing is taken for an amount that is not one: ValueError names it."""
    with pytest.raises(ValueError, match="not an amount"):
        decimal_of(value)


def test_rounded_keeps_large_amounts_whole() -> None:
    """Fifteen digits before the point lose nothing."""
    assert rounded(Decimal("123456789012345.675"), "SAR") == Decimal("123456789012345.68")
