"""Money: an exact amount in major units with its ISO 4217 currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Self

# ISO 4217 minor units; every currency that is absent has two.
DECIMALS = {
    "BHD": 3,
    "IQD": 3,
    "JOD": 3,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "TND": 3,
    "VND": 0,
}


def decimals(currency: str) -> int:
    """Return how many decimals `currency` (ISO 4217) has: SAR 2, KWD 3, JPY 0."""
    return DECIMALS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` (major units) rounded half up to the minor unit of `currency`."""
    return amount.quantize(Decimal(1).scaleb(-decimals(currency)), rounding=ROUND_HALF_UP)


def decimal_of(value: Any) -> Decimal:
    """Return the exact number that a system wrote as a number or as text.

    Raises ValueError for anything that is not a finite number: an amount is never guessed.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"not an amount: {value!r}")  # noqa: TRY004 - one kind for callers
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"not an amount: {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"not an amount: {value!r}")
    return number


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in major units (Decimal, exact to the minor unit) and its currency."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Self:
        """Round `amount` (major units) half up to what `currency` can hold."""
        return cls(rounded(decimal_of(amount), currency), currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        """Return the money that `minor` minor units are: 4125 SAR is 41.25."""
        return cls(Decimal(minor).scaleb(-decimals(currency)), currency)

    @property
    def minor(self) -> int:
        """The amount as integer minor units, the form the tables hold."""
        return int(rounded(self.amount, self.currency).scaleb(decimals(self.currency)))

    def __str__(self) -> str:
        return f"{self.currency} {rounded(self.amount, self.currency)}"
