"""Turns the tags that a template writes into Block Kit: a message, a modal or a Home.

The compiler knows at each leaf what the text is (plain text, mrkdwn, a label, an address, a value)
and treats it for that, so no data can format, mention, link or break anything. What is too long is
cut at Slack's limit with "…", and what is empty is left out. Tags: `docs/templates.md`.
"""

from collections.abc import Iterator
from typing import Any, Final

from bot import limits
from bot.elements import (
    EMPTY,
    Element,
    block_id,
    elements,
    entry,
    identifier,
    image,
    label,
    plain,
    prose,
    words,
)
from bot.inline import cell, mrkdwn
from bot.tags import Tag, TemplateError, read
from bot.text import ELLIPSIS, inert_within, units, without_isolates

__all__ = ["TemplateError", "characters", "compiled"]

_CUT_OFF: Final = {
    "type": "context",
    "elements": [{"type": "mrkdwn", "text": ELLIPSIS, "verbatim": True}],
}


def compiled(text: str, template: str) -> dict[str, Any]:
    """Return what the tags in `text` say: `{"text", "blocks"}` or a view.

    `template` names their origin in the TemplateError that wrong tags raise.
    """
    root = read(text, template)
    return _SURFACES[root.name](root)


def characters(blocks: Any) -> int:
    """Return how many characters all texts of `blocks` have, with their marks and addresses."""
    if isinstance(blocks, list):
        return sum(map(characters, blocks))
    if isinstance(blocks, dict):
        return sum(
            units(value) if name == "text" and isinstance(value, str) else characters(value)
            for name, value in blocks.items()
        )
    return 0


def _message(root: Tag) -> dict[str, Any]:
    blocks = _blocks(root)
    fallback = inert_within(words(root.get("fallback"), limits.FALLBACK), limits.FALLBACK)
    return {
        "text": fallback or EMPTY,
        "blocks": _fitting(blocks, limits.MESSAGE_BLOCKS, limits.MESSAGE_CHARACTERS),
    }


def _modal(root: Tag) -> dict[str, Any]:
    view = _view(root)
    for name in ("title", "submit", "close"):
        if name in root.attributes:
            view[name] = plain(root.get(name), limits.TITLE)
    if "submit" not in view and any(root.tags("input")):
        raise root.error("a modal with an input needs submit")
    return view


def _view(root: Tag) -> dict[str, Any]:
    view: dict[str, Any] = {
        "type": root.name,
        "blocks": _fitting(_blocks(root), limits.VIEW_BLOCKS),
    }
    private = without_isolates(root.get("private"))
    if units(private) > limits.PRIVATE:
        raise root.error(f"private has at most {limits.PRIVATE} characters")
    if private:
        view["private_metadata"] = private
    if "callback" in root.attributes:
        view["callback_id"] = identifier(root, "callback")
    return view


_SURFACES = {"message": _message, "modal": _modal, "home": _view}


def _blocks(root: Tag) -> list[Element]:
    drawn = [block for tag in root.tags() for block in _DRAW[tag.name](tag)]
    ids = [block["block_id"] for block in drawn if "block_id" in block]
    if len(set(ids)) < len(ids):
        raise root.error("two blocks have the same id")
    return drawn


def _fitting(blocks: list[Element], most: int, longest: int | None = None) -> list[Element]:
    """Leave out blocks before the last row of buttons until the rest fits, and mark the place."""

    def fit(some: list[Element]) -> bool:
        return len(some) <= most and (longest is None or characters(some) <= longest)

    if fit(blocks):
        return blocks
    end = blocks[-1:] if blocks[-1]["type"] == "actions" else []
    kept = blocks[: len(blocks) - len(end)][:most]
    while kept and not fit([*kept, _CUT_OFF, *end]):
        kept.pop()
    return [*kept, _CUT_OFF, *end]


def _header(tag: Tag) -> Iterator[Element]:
    yield {"type": "header", "text": label(tag, limits.HEADER), **block_id(tag)}


def _section(tag: Tag) -> Iterator[Element]:
    """Draw a section; fields past the tenth go into sections that follow."""
    text = mrkdwn(tag, limits.SECTION)
    fields = [prose(one, limits.FIELD) for group in tag.tags("fields") for one in group.tags()]
    beside = elements(tag)
    if len(beside) > 1:
        raise tag.error("it has room for one button, menu or picture")
    if not (text or fields or beside):
        return
    drawn: Element = {"type": "section", **block_id(tag)}
    if text or not fields:
        drawn["text"] = {"type": "mrkdwn", "text": text or EMPTY, "verbatim": True}
    if fields:
        drawn["fields"] = fields[: limits.FIELDS]
    if beside:
        drawn["accessory"] = beside[0]
    yield drawn
    for place in range(limits.FIELDS, len(fields), limits.FIELDS):
        yield {"type": "section", "fields": fields[place : place + limits.FIELDS]}


def _context(tag: Tag) -> Iterator[Element]:
    if text := mrkdwn(tag, limits.CONTEXT):
        part = {"type": "mrkdwn", "text": text, "verbatim": True}
        yield {"type": "context", "elements": [part], **block_id(tag)}


def _actions(tag: Tag) -> Iterator[Element]:
    """Draw buttons and menus; those past the twenty-fifth go into a block that follows."""
    drawn, ids = elements(tag), block_id(tag)
    for place in range(0, len(drawn), limits.ACTIONS):
        row = drawn[place : place + limits.ACTIONS]
        yield {"type": "actions", "elements": row, **(ids if place == 0 else {})}


def _divider(_tag: Tag) -> Iterator[Element]:
    yield {"type": "divider"}


def _image(tag: Tag) -> Iterator[Element]:
    if drawn := image(tag):
        title = tag.get("title")
        more = {"title": plain(title, limits.IMAGE_WORDS)} if title else {}
        yield {**drawn, **more, **block_id(tag)}


def _alert(tag: Tag) -> Iterator[Element]:
    level = tag.choice("level", "default", "info", "warning", "error", "success") or "default"
    yield {"type": "alert", "text": prose(tag, limits.ALERT), "level": level, **block_id(tag)}


def _input(tag: Tag) -> Iterator[Element]:
    """Draw an input; its block has the entry's name, so that its value can be found and refused."""
    if (element := entry(tag)) is None:
        return
    drawn: Element = {
        "type": "input",
        "block_id": identifier(tag, "block" if "block" in tag.attributes else "name"),
        "label": plain(tag.get("label"), limits.INPUT_WORDS),
        "element": element,
        "optional": tag.yes("optional"),
    }
    if hint := tag.get("hint"):
        drawn["hint"] = plain(hint, limits.INPUT_WORDS)
    yield drawn


def _table(tag: Tag) -> Iterator[Element]:
    """Draw a table; rows are cut where Slack's limits for rows or characters are reached."""
    rows: list[list[Element]] = []
    left = limits.TABLE_CHARACTERS
    for row in list(tag.tags("row"))[: limits.TABLE_ROWS]:
        cells = [cell(one) for one in row.tags()]
        if len(cells) > limits.TABLE_COLUMNS or (rows and len(cells) != len(rows[0])):
            raise row.error(
                f"each row has as many cells as the first, {limits.TABLE_COLUMNS} at most"
            )
        left -= sum(length for _, length in cells)
        if left < 0:
            break
        rows.append([drawn for drawn, _ in cells])
    if rows:
        columns = [_column(column) for column in tag.tags("column")]
        more = {"column_settings": columns} if columns else {}
        yield {"type": "table", "rows": rows, **more, **block_id(tag)}


def _column(tag: Tag) -> Element:
    return {
        "align": tag.choice("align", "left", "center", "right") or "left",
        "is_wrapped": tag.yes("wrap"),
    }


_DRAW = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
    "alert": _alert,
    "input": _input,
    "table": _table,
}
