"""Why one code looks like another: the near misses that a person's eye does not catch.

Pure: takes the code that was asked for and the codes that are there. A suggestion is never taken
for the thing itself; a person chooses (product, section 2, rule 5: a SKU matches exactly).
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz

LONGEST = 200
"""Characters of a code that are compared: what is longer is nobody's SKU."""

SIMILAR = 75.0
"""From this share of equal characters on, in percent, two codes are called similar."""

NAMED = 85.0
"""The same for names, which share more words by chance."""


class Near(StrEnum):
    """How a code differs from the one that was asked for, the least difference first."""

    SAME = "same"
    """It does not: the record stands under exactly this code."""

    CASE = "case"
    BLANK = "blank"
    """A blank in front, behind, doubled or of a special kind."""

    HIDDEN = "hidden"
    """A character that nobody sees."""

    DIGITS = "digits"
    """Digits of another script, such as Arabic ones."""

    HYPHEN = "hyphen"
    LOOK_ALIKE = "look_alike"
    """A letter of another script that looks the same."""

    SEVERAL = "several"
    """More than one of these at once."""

    SIMILAR = "similar"


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near a code is: why, and how much of it is equal, in percent."""

    near: Near
    share: float


_HYPHENS = "‐‑‒–—―−﹘﹣－"
_LOOK_ALIKES = {
    **dict(zip("АВЕКМНОРСТУХЅІЈԚԜ", "ABEKMHOPCTYXSIJQW", strict=True)),
    **dict(zip("асеорухѕіј", "aceopyxsij", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True)),
}


def _blanks(text: str) -> str:
    return " ".join(text.split())


def _seen(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in {"Cc", "Cf", "Mn"})


def _digits(text: str) -> str:
    return "".join(
        str(unicodedata.digit(char)) if unicodedata.category(char) == "Nd" else char
        for char in text
    )


def _hyphens(text: str) -> str:
    return "".join("-" if char in _HYPHENS else char for char in text)


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text)
    return "".join(_LOOK_ALIKES.get(char, char) for char in folded)


_STEPS: tuple[tuple[Near, Callable[[str], str]], ...] = (
    (Near.CASE, str.casefold),
    (Near.BLANK, _blanks),
    (Near.HIDDEN, _seen),
    (Near.DIGITS, _digits),
    (Near.HYPHEN, _hyphens),
    (Near.LOOK_ALIKE, _letters),
)


def nearness(wanted: str, there: str) -> Nearness | None:
    """Return how `there` comes near to `wanted`, or None where it does not."""
    wanted, there = wanted[:LONGEST], there[:LONGEST]
    if wanted == there:
        return Nearness(Near.SAME, 100.0)
    for near, step in _STEPS:
        if step(wanted) == step(there):
            return Nearness(near, 100.0)
    plain_wanted, plain_there = plain(wanted), plain(there)
    if not plain_wanted or not plain_there:
        return None
    if plain_wanted == plain_there:
        return Nearness(Near.SEVERAL, 100.0)
    share = fuzz.ratio(plain_wanted, plain_there)
    return Nearness(Near.SIMILAR, share) if share >= SIMILAR else None


def alike(wanted: str, there: str) -> Near | None:
    """Return by what the eye takes one code for the other, or None where it does not.

    The same code is none, and one that is only similar, such as the next of a series, is another.
    """
    found = nearness(wanted, there)
    return None if found is None or found.near in {Near.SAME, Near.SIMILAR} else found.near


def nearest(wanted: str, there: Iterable[str]) -> str:
    """Return the code that is taken for `wanted` most easily, or an empty text.

    What a database cannot keep, a NUL or half a character, is left out.
    """
    order = list(Near)
    kept = (code for code in there if not _is_broken(code))
    near = [(order.index(how), code) for code in kept if (how := alike(wanted, code))]
    return min(near)[1] if near else ""


def _is_broken(text: str) -> bool:
    return any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)


def named_like(wanted: str, there: str) -> Nearness | None:
    """Return how near a name comes to another one, whatever the order of its words."""
    a, b = plain(wanted[:LONGEST]), plain(there[:LONGEST])
    if not a or not b:
        return None
    share = fuzz.token_sort_ratio(a, b)
    return Nearness(Near.SIMILAR, share) if share >= NAMED else None


def plain(text: str) -> str:
    """Return `text` without everything by which only the eye is deceived."""
    for _, step in (*_STEPS, _STEPS[0]):
        text = step(text)
    return _blanks(text)


def rank(found: Nearness | None) -> tuple[int, float]:
    """Return the place of a nearness among others: the nearest sorts first."""
    order: Sequence[Near] = list(Near)
    return (len(order), 0.0) if found is None else (order.index(found.near), -found.share)
