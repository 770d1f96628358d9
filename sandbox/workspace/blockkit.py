"""Checks messages and views as Slack does: types, required fields, lengths, counts, surfaces.

The limits are Slack's (docs "Blocks" and the block pages; the SDK's models; slackblocks' registry).
Lengths count Unicode code points.
"""

import re
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
CONFIRM = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
PLACEHOLDER, MARKDOWN, ALERT = 150, 12_000, 200
PLAIN, EITHER = frozenset({"plain_text"}), frozenset({"plain_text", "mrkdwn"})
CHOICES = {"static_select": OPTIONS, "overflow": OVERFLOW, "checkboxes": 10, "radio_buttons": 10}
"""What has options, and how many at most."""

TYPED = frozenset({"plain_text_input"})
"""Elements that stand in an input only."""

PRESSED = frozenset({"button", "overflow"})
"""Elements that stand everywhere but in an input."""

ANYWHERE = frozenset({"static_select", "external_select", "datepicker", "checkboxes"}) | {
    "radio_buttons"
}
CELL_KINDS = frozenset({"raw_text", "raw_number", "rich_text"})
SCHEMES = ("http://", "https://", "mailto:", "slack://")
DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")

KEYS = {
    "header": "text",
    "section": "text fields accessory expand",
    "context": "elements",
    "actions": "elements",
    "input": "label element hint optional dispatch_action",
    "image": "image_url alt_text title slack_file image_bytes image_width image_height fallback",
    "table": "rows column_settings",
    "divider": "",
    "rich_text": "elements",
    "markdown": "text",
    "alert": "text level",
    "button": "text value url style confirm accessibility_label visible_to_user_ids",
    "overflow": "options confirm",
    "static_select": "options option_groups placeholder initial_option confirm focus_on_load",
    "external_select": "placeholder initial_option min_query_length confirm focus_on_load",
    "checkboxes": "options initial_options confirm focus_on_load",
    "radio_buttons": "options initial_option confirm focus_on_load",
    "datepicker": "initial_date placeholder confirm focus_on_load",
    "plain_text_input": "placeholder initial_value multiline min_length max_length focus_on_load"
    " dispatch_action_config",
}
"""What a block or an element may have besides its type and ids; Slack refuses everything else."""


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
        found += _unique(block, "block_id", f"{at}/block_id", ids)
    return [*found, *_together(blocks)]


def characters(given: Any) -> int:
    """Return how many characters the texts of some blocks have together."""
    if isinstance(given, list):
        return sum(characters(one) for one in given)
    if isinstance(given, dict):
        own = len(given["text"]) if isinstance(given.get("text"), str) else 0
        return own + sum(characters(one) for one in given.values())
    return 0


def _together(blocks: list[Any]) -> Iterator[str]:
    """Yield what is too much over all blocks, though each by itself may pass."""
    for kind, part, most in (("table", "rows", CELLS), ("markdown", "text", MARKDOWN)):
        own = [one for one in blocks if isinstance(one, dict) and one.get("type") == kind]
        if sum(characters({"text": one.get(part)}) for one in own) > most:
            yield f"{kind} blocks have more than {most} characters in all [json-pointer:/blocks]"


def _unique(given: Any, name: str, at: str, known: set[str]) -> Iterator[str]:
    """Yield a complaint where an id is in `known` already; adds it there."""
    value = given.get(name) if isinstance(given, dict) else None
    if not isinstance(value, str):
        return
    if value in known:
        yield f"{name} {value!r} must be unique [json-pointer:{at}]"
    known.add(value)


def _known_keys(given: Json, kind: str, at: str) -> Iterator[str]:
    for name in sorted(set(given) - {"type", "block_id", "action_id", *KEYS[kind].split()}):
        yield f"invalid additional property: {name} [json-pointer:{at}]"


def _of_view(view: Json, blocks: list[Any]) -> Iterator[str]:
    yield from _text(view.get("title"), "/title", TITLE, PLAIN)
    for name in ("submit", "close"):
        if name in view:
            yield from _text(view[name], f"/{name}", TITLE, PLAIN)
    has_input = any(isinstance(one, dict) and one.get("type") == "input" for one in blocks)
    if has_input and "submit" not in view:
        yield "a view with an input needs submit [json-pointer:/submit]"
    yield from _length(view.get("callback_id"), "/callback_id", ID)
    yield from _length(view.get("external_id"), "/external_id", ID)
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
    found = [*_length(block.get("block_id"), f"{at}/block_id", ID), *check(block, at)]
    return [*found, *_known_keys(block, str(kind), at)]


def _header(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", HEADER, PLAIN)


def _section(block: Json, at: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"text or fields is required [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", TEXT, EITHER)
    fields = block.get("fields", [])
    yield from _count(fields, f"{at}/fields", 1 if "fields" in block else 0, 10)
    for place, field in enumerate(fields if isinstance(fields, list) else []):
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
        yield from _unique(part, "action_id", f"{at}/elements/{place}", ids)


def _input(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("label"), f"{at}/label", FIELD, PLAIN)
    if "hint" in block:
        yield from _text(block["hint"], f"{at}/hint", FIELD, PLAIN)
    yield from _element(block.get("element"), f"{at}/element", among_inputs=True)


def _image(block: Json, at: str) -> Iterator[str]:
    yield from _required(block, at, "image_url", URL)
    yield from _required(block, at, "alt_text", FIELD)
    if "title" in block:
        yield from _text(block["title"], f"{at}/title", FIELD, PLAIN)


def _table(block: Json, at: str) -> Iterator[str]:
    rows = block.get("rows")
    yield from _count(rows, f"{at}/rows", 1, ROWS)
    widths = set()
    for place, row in enumerate(rows if isinstance(rows, list) else []):
        where = f"{at}/rows/{place}"
        yield from _count(row, where, 1, COLUMNS)
        cells = row if isinstance(row, list) else []
        widths.add(len(cells))
        for number, cell in enumerate(cells):
            yield from _cell(cell, f"{where}/{number}")
    if len(widths) > 1:
        yield f"all rows must have the same number of cells [json-pointer:{at}/rows]"
    yield from _count(block.get("column_settings", []), f"{at}/column_settings", 0, COLUMNS)


def _cell(cell: Any, at: str) -> Iterator[str]:
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind not in CELL_KINDS:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
    elif kind == "raw_text":
        yield from _required(cell, at, "text", CELLS)
    elif kind == "rich_text":
        yield from _rich_text(cell, at)


def _rich_text(block: Json, at: str) -> Iterator[str]:
    if not isinstance(block.get("elements"), list):
        yield f"elements is required [json-pointer:{at}/elements]"


def _markdown(block: Json, at: str) -> Iterator[str]:
    yield from _required(block, at, "text", MARKDOWN)


def _alert(block: Json, at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", ALERT, EITHER)


def _nothing(block: Json, at: str) -> Iterator[str]:
    del block, at
    yield from ()


def _element(element: Any, at: str, *, among_inputs: bool = False) -> Iterator[str]:
    if not isinstance(element, dict):
        yield f"must be an object [json-pointer:{at}]"
        return
    kind = str(element.get("type"))
    allowed = TYPED if among_inputs else PRESSED | {"image"}
    if kind not in allowed | ANYWHERE:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    yield from _length(element.get("action_id"), f"{at}/action_id", ID)
    yield from _known_keys(element, kind, at)
    if "placeholder" in element:
        yield from _text(element["placeholder"], f"{at}/placeholder", PLACEHOLDER, PLAIN)
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{at}/confirm")
    if kind in CHOICES:
        yield from _choices(element, at, CHOICES[kind])
    elif kind in OTHERS:
        yield from OTHERS[kind](element, at)


def _confirm(confirm: Any, at: str) -> Iterator[str]:
    if not isinstance(confirm, dict):
        yield f"must be an object [json-pointer:{at}]"
        return
    for name, most in CONFIRM:
        kinds = EITHER if name == "text" else PLAIN
        yield from _text(confirm.get(name), f"{at}/{name}", most, kinds)


def _typed(element: Json, at: str) -> Iterator[str]:
    yield from _length(element.get("initial_value"), f"{at}/initial_value", TEXT)


def _day(element: Json, at: str) -> Iterator[str]:
    day = element.get("initial_date")
    if day is not None and not DAY.fullmatch(str(day)):
        yield f"must be a date like 2026-01-31 [json-pointer:{at}/initial_date]"


def _button(element: Json, at: str) -> Iterator[str]:
    yield from _text(element.get("text"), f"{at}/text", BUTTON, PLAIN)
    yield from _length(element.get("value"), f"{at}/value", VALUE)
    yield from _length(element.get("url"), f"{at}/url", URL)
    yield from _length(element.get("accessibility_label"), f"{at}/accessibility_label", BUTTON)
    if element.get("style") not in {None, "primary", "danger"}:
        yield f"unsupported style [json-pointer:{at}/style]"
    url = element.get("url")
    if isinstance(url, str) and not url.startswith(SCHEMES):
        yield f"must be a valid URL [json-pointer:{at}/url]"


def _choices(element: Json, at: str, most: int) -> Iterator[str]:
    groups = element.get("option_groups")
    if groups is None:
        yield from _options(element, at, most)
        return
    yield from _count(groups, f"{at}/option_groups", 1, OPTIONS)
    for place, group in enumerate(groups if isinstance(groups, list) else []):
        where = f"{at}/option_groups/{place}"
        if not isinstance(group, dict):
            yield f"must be an object [json-pointer:{where}]"
            continue
        yield from _text(group.get("label"), f"{where}/label", BUTTON, PLAIN)
        yield from _options(group, where, most)


def _options(element: Json, at: str, most: int) -> Iterator[str]:
    options = element.get("options")
    yield from _count(options, f"{at}/options", 1, most)
    known = options if isinstance(options, list) else []
    for place, option in enumerate(known):
        where = f"{at}/options/{place}"
        if not isinstance(option, dict):
            yield f"must be an object [json-pointer:{where}]"
            continue
        yield from _text(option.get("text"), f"{where}/text", OPTION, EITHER)
        yield from _required(option, where, "value", OPTION_VALUE)
        if "description" in option:
            yield from _text(option["description"], f"{where}/description", OPTION, EITHER)
    first = element.get("initial_option")
    if first is not None and first not in known:
        yield f"initial_option must be one of the options [json-pointer:{at}/initial_option]"


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
    "rich_text": _rich_text,
    "markdown": _markdown,
}

OTHERS: dict[str, Callable[[Json, str], Iterator[str]]] = {
    "button": _button,
    "image": _image,
    "plain_text_input": _typed,
    "datepicker": _day,
}
