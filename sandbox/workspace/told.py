"""A call that is refused, with Slack's own error code, and messages as the API tells them."""

from typing import Any

from sandbox.workspace.cast import BOT_USER
from sandbox.workspace.state import Json, Message


class Refused(Exception):
    """An answer with `ok: false`."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body = {"ok": False, "error": error, **more}


def told(message: Message, *, whole: bool = True) -> Json:
    """Return a message as the API tells it; its metadata only where it is told `whole`."""
    shown: Json = {
        "type": "message",
        "ts": message.ts,
        "user": message.user,
        "bot_id": "B0INVSYNC",
        "app_id": "A0INVSYNC",
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.metadata and whole:
        shown["metadata"] = message.metadata
    if message.edited:
        shown["edited"] = {"user": BOT_USER, "ts": message.ts}
    return shown
