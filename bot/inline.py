"""Text with tags inside (`<b>`, `<code>`, `<a>`, `<date>`...) as Slack's mrkdwn, and table cells.

A leaf is flattened to runs, its blanks collapse as in HTML, and only then are marks and escapes
written, so that cutting never splits an entity, a link or a format. Whatever stands in a run reads
as it is written: see `bot.text.inert` for how. In `<code>` every character stays as it is, a
backtick excepted; what people copy belongs there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from bot.tags import INLINE, MARKS, Tag
from bot.text import (
    ELLIPSIS,
    FSI,
    PDI,
    clean_around,
    graphemes,
    inert,
    inert_code,
    units,
    web_address,
    without_isolates,
)

WHEN_FORMAT: Final = "{date_short_pretty}, {time}"
APART: Final = "\u200b"
"""A zero-width space: Slack reads a mark only where something other than a letter is beside it."""

_BLANKS = re.compile(r"[ \t\r\n\f]+")
_USER = re.compile(r"[UW][A-Z0-9]+")
_CHANNEL = re.compile(r"[CG][A-Z0-9]+")
_STYLES = {"*": "bold", "_": "italic", "~": "strike"}


class Kind(StrEnum):
    """What a run is."""

    TEXT = "text"
    CODE = "code"
    LINK = "link"
    DATE = "date"
    MENTION = "mention"
    CHANNEL = "channel"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one format; `marks` are the formats around it, outermost first.

    `target` is a link's address, the id of a mentioned user or channel, or a date as `unix^format`.
    """

    kind: Kind
    text: str = ""
    marks: tuple[str, ...] = ()
    target: str = ""


_BREAK = Run(Kind.BREAK)


def mrkdwn(tag: Tag, most: int) -> str:
    """Return what stands in `tag` as mrkdwn of at most `most` UTF-16 units, cut with "…"."""
    runs = _tidy(_runs(tag, ()))
    whole = _written(runs)
    if units(whole) <= most:
        return whole
    parts = [(run, _parts(run)) for run in runs]
    low, high = 0, sum(len(part) for _, part in parts)
    while high - low > 1:
        middle = (low + high) // 2
        fits = units(_written(_first(parts, middle))) <= most
        low, high = (middle, high) if fits else (low, middle)
    return _written(_first(parts, low))


def cell(tag: Tag) -> tuple[dict[str, Any], int]:
    """Return a table's cell and how many characters it counts for."""
    runs = _tidy(_runs(tag, ()))
    length = sum(units(run.text) for run in runs)
    if all(run.kind is Kind.TEXT and not run.marks for run in runs):
        return {"type": "raw_text", "text": "".join(run.text for run in runs) or "–"}, length
    elements = [_element(run) for run in runs]
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "elements": [section]}, length


def _runs(tag: Tag, marks: tuple[str, ...]) -> Iterator[Run]:
    for child in tag.children:
        if isinstance(child, str):
            yield Run(Kind.TEXT, clean_around(_BLANKS.sub(" ", child)), marks)
        elif child.name in INLINE:
            yield from _tagged(child, marks)


def _tagged(tag: Tag, marks: tuple[str, ...]) -> Iterator[Run]:
    match tag.name:
        case "br":
            yield _BREAK
        case "code":
            yield from _code(tag, marks)
        case "a":
            yield _link(tag, marks)
        case "date":
            yield _date(tag, marks)
        case "mention":
            yield _mention(tag, marks)
        case "channel":
            yield _channel(tag, marks)
        case "ul":
            for item in tag.tags("li"):
                yield from (_BREAK, Run(Kind.TEXT, "• ", marks), *_runs(item, marks))
            yield _BREAK
        case _:
            mark = MARKS[tag.name]
            yield from _runs(tag, marks if mark in marks else (*marks, mark))


def _code(tag: Tag, marks: tuple[str, ...]) -> Iterator[Run]:
    """Isolates move around the code, so that copying it takes the bare text."""
    text = clean_around(_words(tag))
    bare = Run(Kind.CODE, without_isolates(text), marks)
    if text == bare.text:
        yield bare
    else:
        yield from (Run(Kind.TEXT, FSI, marks), bare, Run(Kind.TEXT, PDI, marks))


def _words(tag: Tag) -> str:
    """Return the text inside, that of formats too: code and links are all of one format."""
    return "".join(child if isinstance(child, str) else _words(child) for child in tag.children)


def _link(tag: Tag, marks: tuple[str, ...]) -> Run:
    label = clean_around(_BLANKS.sub(" ", _words(tag)))
    address = web_address(tag.get("href"))
    if address is None or not label.strip():
        return Run(Kind.TEXT, label, marks)
    return Run(Kind.LINK, label.strip(), marks, address)


def _date(tag: Tag, marks: tuple[str, ...]) -> Run:
    unix = tag.number("unix")
    if unix is None:
        raise tag.error("it needs unix, in seconds")
    shape = re.sub(r"[<>|^]", "", tag.get("format", WHEN_FORMAT))
    fallback = re.sub(r"[|^]", " ", _BLANKS.sub(" ", clean_around(_words(tag))).strip())
    return Run(Kind.DATE, fallback or str(unix), marks, f"{unix}^{shape}")


def _mention(tag: Tag, marks: tuple[str, ...]) -> Run:
    user, name = tag.get("user"), clean_around(_words(tag))
    if not _USER.fullmatch(user):
        return Run(Kind.TEXT, name or without_isolates(clean_around(user)), marks)
    return Run(Kind.MENTION, name or user, marks, user)


def _channel(tag: Tag, marks: tuple[str, ...]) -> Run:
    channel = without_isolates(clean_around(tag.get("id")))
    kind = Kind.CHANNEL if _CHANNEL.fullmatch(channel) else Kind.TEXT
    return Run(kind, channel, marks, channel)


def _tidy(runs: Iterator[Run]) -> list[Run]:
    """Collapse blanks, drop what is empty, and let no format begin or end with a blank."""
    kept: list[Run] = []
    for run in (piece for whole in runs for piece in _pieces(whole)):
        last = kept[-1] if kept else _BREAK
        if run.kind is Kind.BREAK:
            if _is_blank(last):
                kept.pop()
            if not kept or kept[-2:] == [_BREAK, _BREAK]:
                continue
        elif _is_blank(run) and (_is_blank(last) or last.kind is Kind.BREAK):
            continue
        kept.append(run)
    while kept and (_is_blank(kept[-1]) or kept[-1].kind is Kind.BREAK):
        kept.pop()
    return [_between(kept, place) for place in range(len(kept))]


def _pieces(run: Run) -> Iterator[Run]:
    if run.kind is not Kind.TEXT:
        if run.text or run.kind is Kind.BREAK:
            yield run
        return
    core = run.text.strip(" ")
    if run.text.startswith(" "):
        yield replace(run, text=" ")
    if core:
        yield replace(run, text=core)
        if run.text.endswith(" "):
            yield replace(run, text=" ")


def _is_blank(run: Run) -> bool:
    return run.kind is Kind.TEXT and run.text == " "


def _between(runs: Sequence[Run], place: int) -> Run:
    """Give a blank only the formats that both its neighbours have."""
    run = runs[place]
    if not _is_blank(run):
        return run
    before, after = runs[place - 1].marks, runs[place + 1].marks
    return replace(run, marks=before[: _shared(before, after)])


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _parts(run: Run) -> list[str]:
    """Return what of a run may stand alone: its characters, or a date or mention whole."""
    return list(graphemes(run.text)) if run.kind in _DIVISIBLE else [run.text]


_DIVISIBLE = frozenset({Kind.TEXT, Kind.CODE, Kind.LINK})


def _first(runs: Sequence[tuple[Run, list[str]]], most: int) -> list[Run]:
    """Return the first `most` characters of `runs`, "…", and the end of an isolate left open."""
    kept: list[Run] = []
    is_open = False
    for run, parts in runs:
        shown = run if len(parts) <= most else replace(run, text="".join(parts[:most]))
        if most:
            kept.append(shown)
            is_open = _left_open(is_open, shown.text)
        most -= min(most, len(parts))
    return [*kept, Run(Kind.TEXT, ELLIPSIS + PDI * is_open)]


def _left_open(is_open: bool, text: str) -> bool:  # noqa: FBT001 - carried along, never chosen
    return text.rfind(FSI) > text.rfind(PDI) or (is_open and PDI not in text)


def _written(runs: Sequence[Run]) -> str:
    line = _Line()
    for run in runs:
        line.add(run)
    return line.end()


class _Line:
    """Mrkdwn as it is written: which formats are open, and what stands last."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []
        self._apart = False

    def add(self, run: Run) -> None:
        shared = _shared(self._open, run.marks)
        self._close(shared)
        for mark in run.marks[shared:]:
            self._mark(mark)
            self._open.append(mark)
        match run.kind:
            case Kind.BREAK:
                self._put("\n")
            case Kind.CODE:
                self._mark("`")
                self._parts += [inert_code(run.text), "`"]
                self._apart = True
            case _:
                self._put(_token(run, at_start=self._last() in {"", "\n"}))

    def end(self) -> str:
        self._close(0)
        return "".join(self._parts)

    def _close(self, kept: int) -> None:
        while len(self._open) > kept:
            self._parts.append(self._open.pop())
            self._apart = True

    def _mark(self, mark: str) -> None:
        if self._apart or _is_letter(self._last()):
            self._parts.append(APART)
        self._parts.append(mark)
        self._apart = False

    def _put(self, text: str) -> None:
        if self._apart and _is_letter(text[:1]):
            self._parts.append(APART)
        self._parts.append(text)
        self._apart = False

    def _last(self) -> str:
        return self._parts[-1][-1:] if self._parts else ""


def _is_letter(character: str) -> bool:
    return character.isalnum() or character in {FSI, PDI, "<"} or character > "\u02ff"


def _token(run: Run, *, at_start: bool) -> str:
    match run.kind:
        case Kind.LINK:
            label = inert(run.text).replace("|", "\u2223")  # a bar would end the address
            return f"<{run.target.replace('&', '&amp;')}|{label}>"
        case Kind.DATE:
            return f"<!date^{run.target}|{inert(run.text)}>"
        case Kind.MENTION:
            return f"<@{run.target}>"
        case Kind.CHANNEL:
            return f"<#{run.target}>"
        case _:
            text = inert(run.text)
            return text if at_start else text.removeprefix("\u2060")


def _element(run: Run) -> dict[str, Any]:
    style = {_STYLES[mark]: True for mark in run.marks}
    match run.kind:
        case Kind.LINK:
            found = {"type": "link", "url": run.target, "text": run.text}
        case Kind.MENTION:
            found = {"type": "user", "user_id": run.target}
        case Kind.CHANNEL:
            found = {"type": "channel", "channel_id": run.target}
        case Kind.BREAK:
            found = {"type": "text", "text": "\n"}
        case Kind.CODE:
            found, style = {"type": "text", "text": run.text}, {**style, "code": True}
        case _:
            found = {"type": "text", "text": run.text}
    return {**found, "style": style} if style else found
