"""What no rule knows is told apart by its words, not by its HTTP status."""

import pytest

from sync.errors import ErrorType, Failure, told_apart

KIND = ErrorType.UNKNOWN


def key_of(reason: str, key: str = "400") -> str:
    """Return the cause's key of an unknown refusal."""
    return told_apart(Failure(KIND, key, reason)).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Daftra: item 17 is odd", "Daftra:  Item 4092 is odd"),
        ("QuickBooks: no (intuit_tid 1-6a-ff)", "QuickBooks: no (intuit_tid 1-77-b0)"),
        ("HubSpot: see 5f0c-11aa-93", "HubSpot: see 77aa-22bb-01"),
    ],
)
def test_the_same_words_are_one_cause(one: str, other: str) -> None:
    """Numbers, ids and traces do not make two causes of one."""
    assert key_of(one) == key_of(other)


def test_other_words_are_another_cause() -> None:
    """Two refusals with the same status and different words are two causes."""
    assert key_of("Daftra: item is odd") != key_of("Daftra: client is odd")


@pytest.mark.parametrize("key", ["bug", "unreadable", "shape"])
def test_a_key_that_says_something_stays(key: str) -> None:
    """Only a bare status is replaced."""
    assert key_of("Daftra: item is odd", key) == key


def test_what_is_known_keeps_its_key() -> None:
    """An SKU of digits is no status."""
    sku = Failure(ErrorType.SKU_NOT_FOUND, "400", "SKU 400 not found in Daftra")
    assert told_apart(sku) == sku
