"""Checks messages and views as Slack does: types, required fields, lengths, counts, surfaces.

The limits are Slack's (docs "Blocks" and the block pages; the SDK's models; slackblocks' registry).
Lengths count Unicode code points.
"""

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

BLOCKS = {"message": 50, "modal": 100, "home": 100}
ONLY_MESSAGE = frozenset({"table", "markdown"})
ONLY_MODAL = frozenset({"alert"})
TEXT, FIELD, HEADER, CELLS = 3000, 2000, 150, 10_000
TITLE, BUTTON, VALUE, URL, ID = 24, 75, 2000, 3000, 255
OPTION, OPTION_VALUE, OPTIONS, OVERFLOW = 75, 150, 100, 5
ROWS, COLUMNS = 100, 20
PLAIN, EITHER = frozenset({"plain_text"}), frozenset({"plain_text", "mrkdwn"})


def problems(given: Any, surface: str) -> list[str]:
    """Return what is wrong with blocks or a view, each with its json-pointer; [] where nothing is.

    `surface` is message, modal or home.
    """
    view = given if isinstance(given, dict) else None
    blocks = view.get("blocks") if view else given
    if not isinstance(blocks, list):
        return ["blocks must be a list [json-pointer:/blocks]"]
    found = list(_of_view(view, blocks)) if view and surface == "modal" else []
    if len(blocks) > BLOCKS[surface]:
        found.append(f"no more than {BLOCKS[surface]} items allowed [json-pointer:/blocks]")
    ids: set[str] = set()
    for place, block in enumerate(blocks):
        at = f"/blocks/{place}"
        found += _block(block, at, surface)
        name = block.get("block_id") if isinstance(block, dict) else None
        if name in ids:
            found.append(f"block_id {name!r} must be unique [json-pointer:{at}/block_id]")
        ids |= {name} if name else set()
    return found


def characters(given: Any) -> int:
    """Return how many characters the texts of some blocks have together."""
    if isinstance(given, list):
        return sum(characters(one) for one in given)
    if isinstance(given, dict):
        own = len(given["text"]) if isinstance(given.get("text"), str) else 0
        return own + sum(characters(one) for one in given.values())
    return 0


def _of_view(view: Json, blocks: list[Any]) -> Iterator[str]:
    yield from _text(view.get("title"), "/title", TITLE, PLAIN)
    for name in ("submit", "close"):
        if name in view:
            yield from _text(view[name], f"/{name}", TITLE, PLAIN)
    has_input = any(isinstance(one, dict) and one.get("type") == "input" for one in blocks)
    if has_input and "submit" not in view:
        yield "a view with an input needs submit [json-pointer:/submit]"
    yield from _length(view.get("callback_id"), "/callback_id", ID)
    yield from _length(view.get("private_metadata"), "/private_metadata", TEXT)


def _block(block: Any, at: str, surface: str) -> list[str]:
    if not isinstance(block, dict):
        return [f"must be an object [json-pointer:{at}]"]
    kind = block.get("type")
    check = CHECKS.get(str(kind))
    if check is None:
        return [f"unsupported type: {kind} [json-pointer:{at}/type]"]
    if (kind in ONLY_MESSAGE and surface != "message") or (
        kind in ONLY_MODAL and surface != "modal"
    ):
        return [f"{kind} is not supported in a {surface} [json-pointer:{at}/type]"]
    return [*_length(block.get("block_id"), f"{at}/block_id", ID), *check(block, at)]


def _header(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", HEADER, PLAIN)


def _section(block: Json, at: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"text or fields is required [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", TEXT, EITHER)
    fields = block.get("fields", [])
    yield from _count(fields, f"{at}/fields", 1 if "fields" in block else 0, 10)
    for place, field in enumerate(fields):
        yield from _text(field, f"{at}/fields/{place}", FIELD, EITHER)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _context(block: Json, at: str) -> Iterator[str]:
    parts = block.get("elements")
    yield from _count(parts, f"{at}/elements", 1, 10)
    for place, part in enumerate(parts if isinstance(parts, list) else []):
        where = f"{at}/elements/{place}"
        if isinstance(part, dict) and part.get("type") == "image":
            yield from _image(part, where)
        else:
            yield from _text(part, where, TEXT, EITHER)


def _actions(block: Json, at: str) -> Iterator[str]:
    parts = block.get("elements")
    yield from _count(parts, f"{at}/elements", 1, 25)
    ids: set[str] = set()
    for place, part in enumerate(parts if isinstance(parts, list) else []):
        yield from _element(part, f"{at}/elements/{place}")
        name = part.get("action_id") if isinstance(part, dict) else None
        if name in ids:
            yield f"action_id {name!r} must be unique [json-pointer:{at}/elements/{place}]"
        ids |= {name} if name else set()


def _input(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("label"), f"{at}/label", FIELD, PLAIN)
    yield from _element(block.get("element"), f"{at}/element", among_inputs=True)


def _image(block: Json, at: str) -> Iterator[str]:
    yield from _required(block, at, "image_url", URL)
    yield from _required(block, at, "alt_text", FIELD)


def _table(block: Json, at: str) -> Iterator[str]:
    rows = block.get("rows")
    yield from _count(rows, f"{at}/rows", 1, ROWS)
    for place, row in enumerate(rows if isinstance(rows, list) else []):
        yield from _count(row, f"{at}/rows/{place}", 1, COLUMNS)
    if characters(rows) > CELLS:
        yield f"cells must be less than {CELLS + 1} characters in all [json-pointer:{at}/rows]"


def _alert(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", 200, EITHER)


def _nothing(block: Json, at: str) -> Iterator[str]:
    del block, at
    yield from ()


def _element(element: Any, at: str, *, among_inputs: bool = False) -> Iterator[str]:
    if not isinstance(element, dict):
        yield f"must be an object [json-pointer:{at}]"
        return
    kind = str(element.get("type"))
    yield from _length(element.get("action_id"), f"{at}/action_id", ID)
    if kind == "button" and not among_inputs:
        yield from _button(element, at)
    elif kind == "overflow" and not among_inputs:
        yield from _options(element, at, OVERFLOW)
    elif kind in {"static_select", "checkboxes", "radio_buttons"}:
        yield from _options(element, at, OPTIONS if kind == "static_select" else 10)
    elif kind not in {"external_select", "plain_text_input", "datepicker", "image"}:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"


def _button(element: Json, at: str) -> Iterator[str]:
    yield from _text(element.get("text"), f"{at}/text", BUTTON, PLAIN)
    yield from _length(element.get("value"), f"{at}/value", VALUE)
    yield from _length(element.get("url"), f"{at}/url", URL)
    yield from _length(element.get("accessibility_label"), f"{at}/accessibility_label", BUTTON)
    if element.get("style") not in {None, "primary", "danger"}:
        yield f"unsupported style [json-pointer:{at}/style]"
    confirm = element.get("confirm")
    if confirm is not None:
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            kinds = EITHER if name == "text" else PLAIN
            yield from _text(confirm.get(name), f"{at}/confirm/{name}", most, kinds)


def _options(element: Json, at: str, most: int) -> Iterator[str]:
    options = element.get("options")
    yield from _count(options, f"{at}/options", 1, most)
    for place, option in enumerate(options if isinstance(options, list) else []):
        where = f"{at}/options/{place}"
        yield from _text(option.get("text"), f"{where}/text", OPTION, EITHER)
        yield from _required(option, where, "value", OPTION_VALUE)


def _text(text: Any, at: str, most: int, kinds: frozenset[str]) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"must be a text object of type {' or '.join(sorted(kinds))} [json-pointer:{at}]"
        return
    shown = text.get("text")
    if not isinstance(shown, str) or not shown:
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    elif len(shown) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}/text]"
    extra = set(text) - {"type", "text", "emoji", "verbatim"}
    if extra:
        yield f"unknown key {min(extra)!r} [json-pointer:{at}]"


def _required(given: Json, at: str, name: str, most: int) -> Iterator[str]:
    if not isinstance(given.get(name), str) or not given[name]:
        yield f"{name} is required [json-pointer:{at}/{name}]"
    yield from _length(given.get(name), f"{at}/{name}", most)


def _length(value: Any, at: str, most: int) -> Iterator[str]:
    if value is not None and not isinstance(value, str):
        yield f"must be a string [json-pointer:{at}]"
    elif value is not None and len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"


def _count(given: Any, at: str, least: int, most: int) -> Iterator[str]:
    if not isinstance(given, list):
        yield f"must be a list [json-pointer:{at}]"
    elif len(given) < least:
        yield f"must have at least {least} items [json-pointer:{at}]"
    elif len(given) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}]"


CHECKS: dict[str, Callable[[Json, str], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "table": _table,
    "alert": _alert,
    "divider": _nothing,
    "rich_text": _nothing,
    "markdown": _nothing,
}
