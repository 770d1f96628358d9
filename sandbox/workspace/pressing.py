"""What a person presses or chooses in blocks, told as Slack tells it in `actions`."""

import time
from collections.abc import Iterator

from sandbox.workspace.state import Json

PRESSABLE = frozenset(
    {
        "button",
        "overflow",
        "static_select",
        "external_select",
        "checkboxes",
        "radio_buttons",
        "datepicker",
    }
)
FREE = frozenset({"external_select", "datepicker", "checkboxes"})
"""Whose value is not one of the options that the block itself carries, or is several of them."""


class Unclear(Exception):
    """What was asked of the driver cannot be done; the text says why."""


def pressed(blocks: list[Json], given: Json) -> tuple[Json, Json]:
    """Return the block and the element that a press means. Raises Unclear."""
    for block in blocks:
        if given.get("block_id") not in {None, block["block_id"]}:
            continue
        for element in elements(block):
            if element.get("action_id") == given.get("action_id") and _has(element, given):
                return block, element
    raise Unclear(f"there is no {given.get('action_id')!r} to press there")


def _has(element: Json, given: Json) -> bool:
    """Tell whether the element offers the value, where one is given."""
    if given.get("value") is None or element["type"] in FREE:
        return True
    offered = [option["value"] for option in options(element)]
    return given["value"] in [element.get("value"), *offered]


def elements(block: Json) -> Iterator[Json]:
    """Yield what can be pressed in a block, and a search in an input, which asks as one types."""
    entry = block.get("element") or {}
    found = [entry] if entry.get("type") == "external_select" else []
    accessory = block.get("accessory")
    for part in [*block.get("elements", []), *([accessory] if accessory else []), *found]:
        if isinstance(part, dict) and part.get("type") in PRESSABLE:
            yield part


def options(element: Json) -> list[Json]:
    """Return the options of an element, those in groups too."""
    grouped = [one for group in element.get("option_groups", []) for one in group["options"]]
    return [*element.get("options", []), *grouped]


def action(block: Json, element: Json, given: Json) -> Json:
    """Return the entry of `actions` for a press."""
    value, kind = given.get("value"), element["type"]
    told = {
        "type": kind,
        "action_id": element.get("action_id", ""),
        "block_id": block["block_id"],
        "action_ts": f"{time.time():.6f}",
    }
    if kind == "button":
        return {**told, "text": element["text"], "value": element.get("value", "")}
    if kind == "datepicker":
        return {**told, "selected_date": value}
    if kind == "checkboxes":
        ticked = value if isinstance(value, list) else [value]
        return {**told, "selected_options": [o for o in options(element) if o["value"] in ticked]}
    if kind == "external_select":
        text = {"type": "plain_text", "text": str(given.get("label") or value)}
        return {**told, "selected_option": {"text": text, "value": value} if value else None}
    chosen = [one for one in options(element) if one["value"] == value]
    return {**told, "selected_option": chosen[0] if chosen else None}
