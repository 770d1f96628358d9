"""The sums that the stand-ins make: Decimal, two decimals, half up."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Return `amount` rounded half up to two decimals."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def taxed(net: Decimal, percent: Decimal) -> Decimal:
    """Return the tax on `net`, rounded half up."""
    return cents(net * percent / 100)
