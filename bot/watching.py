"""Who follows a sync, and what they are told when it moves: the targets kept in `store.watches`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sync.outward import SHOWS_CAUSES


class Follows(StrEnum):
    """Kinds of watches."""

    PERSON = "person"
    """Is told once how it ended."""

    PAGE = "page"
    """A page of the log, drawn again in its place."""

    MODAL = SHOWS_CAUSES
    """An open View, drawn again while it may be looked at."""

    DIGEST = "digest"
    """A digest of an older version, which followed each sync: it follows causes now."""


@dataclass(frozen=True, slots=True)
class Person:
    """Where to tell whom; `url` is the click's response_url, for where the bot is no member.

    `promised`: they were told of a failure that is tried again by itself, and that the end follows.
    """

    channel: str | None
    user: str
    url: str | None
    promised: bool = False

    def target(self) -> dict[str, Any]:
        """Return what is kept."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Something to draw again: a page (`place` is its response_url) or a modal (its view id).

    `value` is what draws it: the page's opaque button value, or the modal's private metadata.
    """

    place: str
    value: str
    at: datetime

    def target(self) -> dict[str, Any]:
        """Return what is kept."""
        return {"place": self.place, "value": self.value, "at": self.at.isoformat()}


def drawn(target: dict[str, Any]) -> Drawn:
    """Return a kept page or modal."""
    return Drawn(target["place"], target["value"], datetime.fromisoformat(target["at"]))
