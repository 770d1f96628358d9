"""What a message says, as text alone: for when Slack refuses its blocks.

Texts that Slack would read as they are become inert; marks, links and times of mrkdwn stay. Of the
buttons only those remain that open an address.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.text import ELLIPSIS, inert, units, web_address

LONGEST = 3_900
"""Slack refuses the text of an edit past 4,000 and splits a longer post into several messages."""

Part = Mapping[str, Any]


def wording(message: Part) -> str:
    """Return what the blocks say, a line each, cut between lines; else the message's own text."""
    lines = [line for block in message.get("blocks") or () for line in _block(block) if line]
    return _within(lines) or str(message.get("text") or "")


def _within(lines: Sequence[str]) -> str:
    kept: list[str] = []
    left = LONGEST - units(ELLIPSIS)
    for line in lines:
        left -= units(line) + 1
        if left < 0:
            return "\n".join([*kept, ELLIPSIS]) if kept else ""
        kept.append(line)
    return "\n".join(kept)


def _block(block: Part) -> Iterator[str]:
    match block.get("type"):
        case "table":
            yield from (" | ".join(_words(cell) for cell in row) for row in block.get("rows", ()))
        case "rich_text":
            yield _words(block)
        case _:
            yield _words(block.get("text") or {})
            parts = [*block.get("fields", ()), *block.get("elements", ())]
            yield from map(_words, [*parts, block.get("accessory") or {}])


def _words(part: Part) -> str:
    match part.get("type"):
        case "mrkdwn":
            return str(part["text"])
        case "button":
            return _link(part.get("url"), part["text"]["text"])
        case "link":
            return _link(part.get("url"), part.get("text") or part.get("url") or "")
        case "user":
            return f"<@{part['user_id']}>"
        case "image":
            return inert(str(part.get("alt_text", "")))
        case "plain_text" | "raw_text" | "raw_number" | "text":
            return inert(str(part.get("text", part.get("value", ""))))
        case _:
            return "".join(map(_words, part.get("elements", ())))


def _link(url: Any, text: str) -> str:
    address = web_address(str(url)) if url else None
    if address is None:
        return ""
    label = inert(text).replace("|", "\u2223")  # a bar would end the address
    return f"<{address.replace('&', '&amp;')}|{label}>"
