"""What is odd in a document's own data: pointed out where a retry keeps failing (rule 9).

An oddity is a code and the text it is in, joined by a colon: `blank_at_the_end:HONEY-500 `. Texts
are everything we hold of the document: its numbers, its customer, what stops it, and the SKUs,
e-mail addresses and amounts that its source answered.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sync.money import Money, decimals
from sync.records import Attempt, Exchange, Sync
from sync.stories import Story

LONG = 60
LATIN_LOOKALIKES = ("CYRILLIC", "GREEK")
LONGEST_FIELD = 255
MOST_TEXTS = 200
"""How many texts of one document are looked at."""

UNUSUAL = 10
"""An amount of so many times the usual one is pointed out."""

_TEXT_FIELDS = frozenset({"sku", "hs_sku", "email", "hs_email", "product_code"})
_AMOUNT_FIELDS = frozenset({"amount", "total", "subtotal", "price", "totalamt", "unitprice"})
_LONG_FIELDS = ("address", "street", "line", "name", "city")
_SAID = re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+|(?<=SKU )\S+")


def oddities(text: str) -> list[str]:
    """Return codes of what may make `text` differ from what it looks like, worst first."""
    found = []
    if text != text.strip():
        found.append("blank_at_the_end")
    if any(unicodedata.category(char) in {"Cc", "Cf"} for char in text):
        found.append("invisible_character")
    if any(char in "\u00a0\u2007\u202f\u2010\u2011\u2012\u2013\u2014" for char in text):
        found.append("special_blank_or_hyphen")
    if _mixed_scripts(text):
        found.append("look_alike_letter")
    if any(unicodedata.category(char) == "Nd" and not char.isascii() for char in text):
        found.append("other_digits")
    if len(text) > LONG:
        found.append("very_long")
    return found


def odd_in(story: Story) -> tuple[str, ...]:
    """Return every oddity of a document, those of what stops it first, each once."""
    texts = [f"{code}:{text}" for text in _texts(story) for code in oddities(text)]
    return tuple(dict.fromkeys([*texts, *_odd_amounts(story)]))


def _texts(story: Story) -> list[str]:
    sync = story.sync
    said = [text for one in story.blockers for text in _SAID.findall(one.reason)]
    held = [one.key for one in story.blockers] + said
    held += [sync.customer or "", sync.number, sync.order_number]
    held += [text for name, text in _answered(story) if name in _TEXT_FIELDS and _is_text(text)]
    held += [text for name, text in _answered(story) if _is_text(text) and _is_long(name, text)]
    return list(dict.fromkeys(text for text in held if text))[:MOST_TEXTS]


def _odd_amounts(story: Story) -> Iterator[str]:
    amount, usual = story.sync.amount, story.usual
    if amount is None:
        return
    if amount.amount < 0:
        yield f"negative_amount:{amount}"
    if amount.amount == 0:
        yield f"zero_amount:{amount}"
    if usual and usual.amount and abs(amount.amount) > UNUSUAL * usual.amount:
        yield f"unusual_amount:{amount}"
    yield from _too_fine(story, amount)


def _too_fine(story: Story, amount: Money) -> Iterator[str]:
    """Yield the first amount of the source with more decimals than its currency has."""
    for name, value in _answered(story):
        if name not in _AMOUNT_FIELDS:
            continue
        number = _number(value)
        if number is not None and _places(number) > decimals(amount.currency):
            yield f"too_many_decimals:{amount.currency} {number}"
            return


def _answered(story: Story) -> Iterator[tuple[str, Any]]:
    """Yield the named values that the source answered in the last attempt that read it."""
    for attempt in sorted(story.attempts, key=lambda one: -one.number):
        read = _source_reads(attempt, story.sync)
        if read:
            for exchange in read:
                yield from _named(_parsed(exchange.response))
            return


def _source_reads(attempt: Attempt, sync: Sync) -> Sequence[Exchange]:
    return [
        one
        for one in attempt.exchanges
        if one.system == sync.source_system and one.response.startswith(("{", "["))
    ]


def _parsed(text: str) -> Any:
    """Return what a kept body says; nothing where it was cut."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the plain values of a body, with their names in lower case."""
    waiting = [value]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            for name, kept in one.items():
                if isinstance(kept, dict | list):
                    waiting.append(kept)
                else:
                    yield name.lower(), kept


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_long(name: str, text: str) -> bool:
    """Return whether an address or a name is longer than systems commonly take."""
    return len(text) > LONGEST_FIELD and any(part in name for part in _LONG_FIELDS)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _mixed_scripts(text: str) -> bool:
    names = [unicodedata.name(char, "") for char in text if char.isalpha()]
    latin = any(name.startswith("LATIN") for name in names)
    return latin and any(name.startswith(LATIN_LOOKALIKES) for name in names)
