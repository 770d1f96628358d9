"""Reading what was drawn: the texts and buttons of a message or a view."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.render import Renderer
from bot.samples import NOW
from bot.show import Show
from tests.fakes import TurnedClock

RIYADH = ZoneInfo("Asia/Riyadh")
TEMPLATES = Path(__file__).parents[3] / "templates"


@cache
def a_show() -> Show:
    """Return what draws, at the moment of the samples, in Riyadh."""
    return Show(Renderer(TEMPLATES), TurnedClock(NOW), RIYADH)


def texts(blocks: Any) -> Iterator[str]:
    """Yield every text of some blocks, with its marks and addresses."""
    if isinstance(blocks, list):
        for block in blocks:
            yield from texts(block)
    elif isinstance(blocks, dict):
        for name, value in blocks.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)


def words(message: dict[str, Any]) -> str:
    """Return everything that a message or view says, one text a line, as it is sent."""
    return "\n".join(texts(message["blocks"]))


def sections(message: dict[str, Any]) -> list[str]:
    """Return the texts of the sections."""
    return [
        block["text"]["text"]
        for block in message["blocks"]
        if block["type"] == "section" and "text" in block
    ]


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all buttons, in their order."""
    return list(_buttons(message["blocks"]))


def pressed(message: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """Return the buttons whose action id is `action`, whatever its suffix."""
    return [one for one in buttons(message) if one["action_id"].partition(".")[0] == action]


def read_aloud(message: dict[str, Any]) -> str:
    """Return the words without links, marks and date tokens: what a person reads."""
    plain = re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", words(message))
    plain = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", plain)
    return re.sub(r"[*`\u2068\u2069]", "", plain).replace("\N{NO-BREAK SPACE}", " ")


def _buttons(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "button":
            yield part
        for value in part.values():
            yield from _buttons(value)
    elif isinstance(part, list):
        for value in part:
            yield from _buttons(value)
