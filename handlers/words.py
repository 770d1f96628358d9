"""Reading what people type: forgiving with form, exact with what identifies.

Slack escapes what is typed (`&amp;`), turns addresses into `<https://shop/1042|1042>`, and phones
put in curly quotes, long hyphens and no-break spaces; all of that is undone here. Quotes keep
blanks, since a SKU may end in one; hyphens and digits stay as typed where they are no number's.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

QUOTES = '"“”„‟«»'
_DASHES = "‐‑‒–—−"
_BLANKS = "\u00a0\u2007\u202f"
_PLAIN = str.maketrans(
    {**dict.fromkeys(_DASHES, "-"), "＃": "#", "：": ":", "‘": "'", "’": "'"},
)
_TOKEN = re.compile(
    rf"""
    (?P<link><[^<>]*>)
    | (?P<key>\w+)\s?[:：]\s?[{QUOTES}](?P<quoted>[^{QUOTES}]*)[{QUOTES}]?
    | [{QUOTES}](?P<quote>[^{QUOTES}]*)[{QUOTES}]?
    | (?P<to>\w+)[:：][ ]?<(?P<mention>@[^<>]*)>
    | (?P<name>\w+)[:：](?!//)[ ]?(?P<value>[^\s{QUOTES}]*)
    | (?P<word>[^\s,،;؛<>{QUOTES}]+)
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,49}")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was meant; `key` where it was written `key:text`."""

    text: str
    key: str | None = None


def words(typed: str) -> list[Word]:
    """Return the words of what was typed; blanks, commas and line breaks part them."""
    found = (_word(match) for match in _TOKEN.finditer(_unslacked(typed)))
    return [word for word in found if word.text or word.key]


def number(text: str) -> str | None:
    """Return the number that `text` means (`#١٠٤٢` is 1042), or None where it is none."""
    meant = digits(text).translate(_PLAIN).strip().strip("'`()[]").lstrip("#")
    has_digit = any(char.isdigit() for char in meant)
    return meant if has_digit and _NUMBER.fullmatch(meant) else None


def digits(text: str) -> str:
    """Return `text` with the digits of every script as 0-9."""
    return "".join(str(unicodedata.decimal(char, char)) for char in text)


def nearest(given: str, known: Iterable[str], most: int = 2) -> tuple[str, ...]:
    """Return the `most` known words that look most like `given`, nearest first."""
    return tuple(sorted(known, key=lambda word: (-_likeness(given.casefold(), word), word))[:most])


def unique(texts: Sequence[str]) -> tuple[str, ...]:
    """Return `texts` without repeats, in their order."""
    return tuple(dict.fromkeys(texts))


def _likeness(given: str, word: str) -> float:
    return SequenceMatcher(None, given, word).ratio() + 0.2 * word.startswith(given[:1])


def _unslacked(typed: str) -> str:
    shown = "".join(char for char in typed if unicodedata.category(char) != "Cf")
    return shown.translate(dict.fromkeys(map(ord, _BLANKS), " "))


def _word(match: re.Match[str]) -> Word:
    found = match.groupdict()
    if found["link"] is not None:
        return Word(_linked(found["link"][1:-1]))
    if found["key"] is not None:
        return Word(html.unescape(found["quoted"]), found["key"].casefold())
    if found["to"] is not None:
        return Word(_linked(found["mention"]), found["to"].casefold())
    if found["name"] is not None:
        return Word(html.unescape(found["value"]).strip(",،;؛"), found["name"].casefold())
    return Word(html.unescape(found["quote"] or _last_part(found["word"] or "")))


def _linked(link: str) -> str:
    """Return what a link stands for: a person is `@` and their id, since names are not unique."""
    return link.partition("|")[0] if link.startswith("@") else _label(link)


def _label(link: str) -> str:
    """Return the words of Slack's `address|words`, or the last part of a bare address."""
    address, _, label = link.partition("|")
    return _last_part(html.unescape(label or address))


def _last_part(text: str) -> str:
    if "://" not in text:
        return text
    return re.split(r"[?#]", text)[0].rstrip("/").rpartition("/")[2]
