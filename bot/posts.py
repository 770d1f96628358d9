"""What goes out to Slack, as rows: each function returns a `Post` for the outbox.

`Post.channel` is only the row's place in line: posts with the same place leave one after the other,
a second apart. Where a post goes is in its body.
"""

import hashlib
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sync.outward import Post


class Method(StrEnum):
    """How a post reaches people."""

    POST = "chat.postMessage"
    WHISPER = "chat.postEphemeral"
    """Only one person sees it; where the bot may not, by response_url, else as a direct message."""

    ANSWER = "response_url"
    VIEW = "views.update"
    LIVING = "living"
    """A digest: posted the first time, edited in place afterwards."""

    EDIT = "chat.update"
    """Another content of a message that another post has brought there."""


Message = Mapping[str, Any]
"""`text` and `blocks`, as templates render them."""


def uid_of(*parts: object) -> str:
    """Return a uid that is the same for the same payload, or a fresh one without parts."""
    if not parts:
        return uuid.uuid4().hex
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:40]


def whisper(
    channel: str, user: str, message: Message, response_url: str | None = None, uid: str = ""
) -> Post:
    """Return a message in a channel that only `user` sees."""
    body = {"channel": channel, "user": user, "url": response_url, "message": dict(message)}
    return Post(uid or uid_of(), Method.WHISPER, f"{channel}/{user}", body)


def direct(user: str, message: Message, uid: str = "") -> Post:
    """Return a direct message."""
    body = {"channel": None, "user": user, "message": dict(message)}
    return Post(uid or uid_of(), Method.POST, user, body)


def answer(response_url: str, message: Message, uid: str = "") -> Post:
    """Return a new message beside the one that was pressed; only the presser sees it."""
    shown = {**message, "response_type": "ephemeral", "replace_original": False}
    return Post(uid or uid_of(), Method.ANSWER, place_at(response_url), _to(response_url, shown))


def replacement(response_url: str, message: Message, uid: str = "") -> Post:
    """Return what the pressed message is to show from now on; a later one overtakes it."""
    shown = {**message, "replace_original": True}
    place = place_at(response_url)
    return Post(uid or uid_of(), Method.ANSWER, place, _to(response_url, shown), key=place)


def paged(response_url: str, message: Message, uid: str, place: str, page: str) -> Post:
    """Return the page that a list is to show from now on; a later one overtakes it.

    `place` is the list's own, whatever the response_url; `page` is kept for who draws it next.
    """
    shown = {**message, "replace_original": True}
    body = {**_to(response_url, shown), "page": page}
    return Post(uid, Method.ANSWER, place, body, key=place)


def view(view_id: str, content: Mapping[str, Any], uid: str = "") -> Post:
    """Return what an open modal is to show from now on; a later one overtakes it."""
    place = place_in(view_id)
    body = {"view_id": view_id, "view": dict(content)}
    return Post(uid or uid_of(), Method.VIEW, place, body, key=place)


def place_in(view_id: str) -> str:
    """Return a modal's place in line, which is the key of its posts too."""
    return f"view:{view_id}"


def place_of(digest_id: int) -> str:
    """Return a digest's place in line, which is the key of its posts too."""
    return f"digest:{digest_id}"


def living(digest_id: int, channel: str, message: Message) -> Post:
    """Return a digest as it stands now; one that waits is overtaken."""
    place = place_of(digest_id)
    body = {"digest": digest_id, "channel": channel, "message": dict(message)}
    return Post(uid_of(), Method.LIVING, place, body, key=place)


def edit(uid_of_post: str, place: str, message: Message) -> Post:
    """Return what a message that was posted is to show from now on; a later one overtakes it.

    `place` is the post's own, so that the edit leaves after it.
    """
    body = {"of": uid_of_post, "message": dict(message)}
    return Post(uid_of(), Method.EDIT, place, body, key=f"edit:{uid_of_post}")


def errand(name: str, uid: str, body: Mapping[str, Any]) -> Post:
    """Return work that was promised to a person: it survives a crash like every post."""
    return Post(uid, name, f"errand:{uid}", dict(body))


def _to(response_url: str, shown: Message) -> dict[str, Any]:
    return {"url": response_url, "message": dict(shown)}


def place_at(response_url: str) -> str:
    """Return the place in line of what goes to a response_url: the key of replacements there."""
    return f"url:{uid_of(response_url)}"
