"""Texts from elsewhere made fit for people: cleaned, isolated, cut, measured and escaped."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import Final
from urllib.parse import quote, urlsplit

FSI, PDI = "\u2068", "\u2069"
ELLIPSIS: Final = "…"

_BREAKS = re.compile(r"\r\n|[\t\n\v\f\r\x85\u2028\u2029]")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u202a-\u202e\u2066-\u2069\ufeff]")
_UNSEEN_BUT_OURS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b\u202a-\u202e\u2066\u2067\ufeff]"
)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ISOLATES = re.compile(f"[{FSI}{PDI}]")
_SAFE_IN_URL = ":/?#[]@!$&'()*+,;=%-._~"


def clean(text: str) -> str:
    """Return `text` on one line, without control, zero-width and direction characters.

    The joiners that Persian, Indic scripts and emoji need (U+200C, U+200D) stay.
    """
    return _UNSEEN.sub("", _BREAKS.sub(" ", text))


def clean_around(text: str) -> str:
    """Do as `clean`, but keep isolates (FSI…PDI), each of them closed and none in another."""
    return _balanced(_UNSEEN_BUT_OURS.sub("", _BREAKS.sub(" ", text)))


def without_isolates(text: str) -> str:
    """Return `text` as it was before `isolate`: for what is sent and copied, not read."""
    return _ISOLATES.sub("", text)


def xml_safe(text: str) -> str:
    """Return `text` without the characters that XML 1.0 forbids even when escaped."""
    return _NOT_XML.sub("", text)


def isolate(text: str) -> str:
    """Return `text` in FSI…PDI, so that its direction does not reorder what stands around it."""
    return f"{FSI}{without_isolates(text)}{PDI}" if text else ""


def runs_against(text: str, *, rtl: bool) -> bool:
    """Tell whether `text` has letters or digits that run against the direction of a page."""
    if text.isascii() and not rtl:
        return False
    against = {"L"} if rtl else {"R", "AL", "AN"}
    return any(unicodedata.bidirectional(character) in against for character in text)


def cut(text: str, most: int) -> str:
    """Return `text` if it has at most `most` characters, else its first `most - 1` and "…".

    A character is what people see as one: an accent or the parts of an emoji are not split off.
    """
    if len(text) <= most:
        return text
    if text.isascii():
        return text[: most - 1] + ELLIPSIS
    seen = list(graphemes(text))
    return text if len(seen) <= most else "".join(seen[: most - 1]) + ELLIPSIS


def capped(text: str, most: int) -> str:
    """Return `text` cut to at most `most` UTF-16 code units, "…" and open isolates included."""
    if units(text) <= most:
        return text
    seen = list(graphemes(text[: most + _LONGEST_GRAPHEME]))  # what lies behind fits in no case
    room = most - 1 - (FSI in text)
    fitting = sum(1 for length in accumulate(map(units, seen)) if length <= room)
    return _balanced("".join(seen[:fitting]) + ELLIPSIS)


def units(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as Slack's clients count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


_ZWJ = "\u200d"
_LONGEST_GRAPHEME = 24  # code points: a stack of accents is cut here, an emoji family is not


def graphemes(text: str) -> Iterator[str]:
    """Yield the characters of `text` as people see them.

    Accents, vowel signs, variation selectors, skin tones, flags and joined emoji stay together.
    """
    if text.isascii():
        yield from text
        return
    seen = ""
    for character in text:
        if seen and len(seen) < _LONGEST_GRAPHEME and _joins(seen, character):
            seen += character
            continue
        if seen:
            yield seen
        seen = character
    if seen:
        yield seen


def _joins(seen: str, character: str) -> bool:
    if _is_flag_letter(character):
        return len(seen) == 1 and _is_flag_letter(seen)
    if seen[-1] == _ZWJ:
        return unicodedata.category(character) == "So"
    return (
        character in "\u200c\u200d"
        or unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _balanced(text: str) -> str:
    if not _ISOLATES.search(text):
        return text
    kept, is_open = [], False
    for character in text:
        if character in {FSI, PDI}:
            if (character == FSI) == is_open:
                continue
            is_open = not is_open
        kept.append(character)
    return "".join(kept) + (PDI if is_open else "")


_LOOK_ALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
# Between two letters or digits a mark stands for itself; a backtick never does.
_MARKS = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|`")
_EMOJI = re.compile(r":(?=(?!\d+:(?<!100:)(?<!1234:))[^\s:]+:)")
WORD_JOINER: Final = "\u2060"


def escaped(text: str) -> str:
    """Return `text` with `&`, `<` and `>` as entities, the only escapes that mrkdwn has."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inert(text: str) -> str:
    """Return `text` as mrkdwn that reads as written: no mention, link, format, emoji or quote.

    Slack has no escape for `*`, `_`, `~` and the backtick: where they would format, a look-alike
    takes their place. A word joiner keeps `:name:` from being an emoji, a first `>` from quoting.
    """
    shown = escaped(_EMOJI.sub(f":{WORD_JOINER}", _MARKS.sub(_look_alike, text)))
    return WORD_JOINER + shown if shown.startswith("&gt;") else shown


def inert_within(text: str, most: int) -> str:
    """Do as `inert`, with `text` cut so that the result has at most `most` UTF-16 units."""
    room = most
    while units(shown := inert(capped(text, room))) > most:
        room = room * 3 // 4
    return shown


def inert_code(text: str) -> str:
    """Return `text` for between backticks: byte for byte but for a backtick, which would end it."""
    return escaped(text.replace("`", _LOOK_ALIKES["`"]))


def _look_alike(found: re.Match[str]) -> str:
    return _LOOK_ALIKES[found[0]]


def web_address(text: str) -> str | None:
    """Return `text` as an http or https address safe in a link, or None where it is not one."""
    address = quote(without_isolates(text).strip(), safe=_SAFE_IN_URL)
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    plain_host = "@" not in parts.netloc and "%" not in parts.netloc
    return address if parts.scheme in {"http", "https"} and named and plain_host else None
