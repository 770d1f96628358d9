"""Looking for a message of ours whose answer was lost: by the uid in its metadata."""

from datetime import datetime, timedelta
from typing import Any

from bot.throttle import Throttle

EVENT_TYPE = "invsync"

SKEW = timedelta(minutes=10)
"""How far our clock may be from Slack's, which stamps the messages."""

PAGE = 100
MOST_PAGES = 10


class TooMuch(OSError):
    """So many messages came since that we cannot say whether ours is among them."""


def metadata_of(uid: str) -> dict[str, Any]:
    """Return the metadata that a message with this uid carries."""
    return {"event_type": EVENT_TYPE, "event_payload": {"uid": uid}}


def find(api: Throttle, channel: str, uid: str, asked_at: datetime) -> str | None:
    """Return the ts of the message with `uid` that Slack was asked for at `asked_at`.

    None where it surely is not there. Raises what calls raise, and TooMuch.
    """
    asked = {
        "channel": channel,
        "oldest": str((asked_at - SKEW).timestamp()),
        "limit": PAGE,
        "include_all_metadata": True,
    }
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = api.call("conversations.history", **asked, cursor=cursor)
        for message in page.get("messages") or ():
            if _uid(message) == uid:
                return str(message["ts"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            if page.get("has_more"):
                raise TooMuch(channel)
            return None
    raise TooMuch(channel)


def _uid(message: dict[str, Any]) -> str | None:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    uid = payload.get("uid")
    return uid if isinstance(uid, str) else None
