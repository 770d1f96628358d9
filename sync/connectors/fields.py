"""The border: a foreign object's fields, read strictly; what is missing or wrong is named."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from sync.errors import ErrorType, Failure, FixData
from sync.money import decimal_of


class Fields:
    """A JSON object and what it is ("Salla's invoice 1042"). Raises FixData, never KeyError."""

    def __init__(self, what: str, data: Any) -> None:
        self.what = what
        if not isinstance(data, dict):
            raise self._wrong("is no object")
        self._data: dict[str, Any] = data

    def text(self, name: str) -> str:
        """Return a text or a number as text; empty counts as missing."""
        value = self.maybe(name)
        if value is None:
            raise self._wrong(f"has no {name}")
        return value

    def maybe(self, name: str) -> str | None:
        """Return a text or a number as text, None where it is absent, null or blank."""
        value = self._data.get(name)
        if value is None or value is False or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(f"has a {name} that is no text")
        return str(value)

    def raw(self, name: str) -> Any:
        """Return the value as it came, None where it is absent."""
        return self._data.get(name)

    def amount(self, name: str) -> Decimal:
        """Return a number, or the `amount` of an object that pairs it with a currency."""
        value = self._data.get(name)
        if isinstance(value, dict):
            value = value.get("amount")
        try:
            return decimal_of(value)
        except ValueError:
            raise self._wrong(f"has a {name} that is no amount: {value!r}") from None

    def amount_or_zero(self, name: str) -> Decimal:
        """Return a number, zero where it is absent or null."""
        value = self._data.get(name)
        missing = value is None or (isinstance(value, dict) and value.get("amount") is None)
        return Decimal(0) if missing else self.amount(name)

    def maybe_day(self, name: str) -> date | None:
        """Return the day of a field, or None where there is none that can be read."""
        try:
            return date.fromisoformat((self.maybe(name) or "")[:10])
        except ValueError:
            return None

    def day(self, name: str) -> date:
        """Return the day at the start of a text such as `2026-11-20 10:42:53`."""
        value = self.text(name)
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            raise self._wrong(f"has a {name} that is no day: {value!r}") from None

    def inner(self, name: str) -> "Fields":
        """Return the object under `name`."""
        return Fields(f"{self.what}: {name}", self._data.get(name))

    def inner_or_empty(self, name: str) -> "Fields":
        """Return the object under `name`, an empty one where it is absent, null or a list."""
        value = self._data.get(name)
        return Fields(f"{self.what}: {name}", value if isinstance(value, dict) else {})

    def each(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of the list under `name`; an absent or null list is empty."""
        value = self._data.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self._wrong(f"has {name} that are no list")
        for position, one in enumerate(value, start=1):
            yield Fields(f"{self.what}: {name} {position}", one)

    def _wrong(self, what: str) -> FixData:
        return FixData(Failure(ErrorType.UNKNOWN, "shape", f"{self.what} {what}"))
