"""What a person may choose in a destination: searched there, near matches first, never chosen."""

import re
from collections.abc import Iterator, Sequence

from sync.connectors.base import Choice, Destination, Kept
from sync.connectors.transport import within
from sync.errors import ReadError
from sync.nearness import Near, Nearness, named_like, nearness, plain, rank

SECONDS = 2.0
LONGEST_TERM = 100
MOST = 60
PIECES = 2
"""How many parts of a code are searched for: a look-alike letter spoils one of them at most."""

_PIECE = re.compile(r"[^\W_]{2,}")

Suggestion = tuple[Choice, Nearness | None]


def suggestions(
    destination: Destination, kept: Kept, wanted: str, term: str
) -> Sequence[Suggestion]:
    """Return active records that fit `term`, nearest to `wanted` first; at most 60, within 2 s.

    Without a term those are meant that `wanted` itself would find. What is not answered in time is
    left out.
    """
    found: dict[str, Choice] = {}
    try:
        with within(SECONDS):
            for one in _terms(kept, wanted, term.strip()[:LONGEST_TERM]):
                found |= {choice.id: choice for choice in destination.choices(kept, one)}
    except ReadError:
        pass  # what was found until then is worth showing
    near = [(choice, _near(kept, wanted, choice)) for choice in found.values() if choice.active]
    return sorted(near, key=lambda one: (*rank(one[1]), one[0].name))[:MOST]


def _terms(kept: Kept, wanted: str, term: str) -> Iterator[str]:
    """Yield what to search for: what was typed, else parts of the code, and at last anything."""
    if term:
        yield term
        return
    if kept is Kept.PRODUCT:
        pieces = dict.fromkeys(_PIECE.findall(plain(wanted[:LONGEST_TERM])))
        yield from sorted(pieces, key=len, reverse=True)[:PIECES]
    yield ""


def _near(kept: Kept, wanted: str, choice: Choice) -> Nearness | None:
    by_code = nearness(wanted, choice.code) if choice.code else None
    if kept is not Kept.PRODUCT:
        return by_code if by_code and by_code.near is not Near.SIMILAR else None
    return by_code or named_like(wanted, choice.name)
