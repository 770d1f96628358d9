"""What Slack sends, as values: who, where, what, and where to answer.

`receipt` is the same when Slack delivers a payload again. Anything of a wrong type raises
BadPayload; the guard has let through only objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Payload = Mapping[str, Any]


class BadPayload(ValueError):
    """A payload without a part that every such payload has."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody typed `/invsync text` in a channel."""

    user: str
    team: str | None
    channel: str
    text: str
    url: str
    """The command's response_url."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Modal:
    """The modal that a button stands in."""

    id: str
    title: Mapping[str, Any]
    private: str
    """The private metadata: where the modal was opened from."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button, in a message or in a modal."""

    user: str
    team: str | None
    channel: str | None
    action: str
    value: str | None
    url: str | None
    """The message's response_url; None in a modal."""

    trigger: str
    modal: Modal | None
    receipt: str
    alone: bool = False
    """Only this person sees the message that it stands in."""

    block: str = ""
    """The id of the block that it stands in."""

    message: str = ""
    """Which message it stands in, also where only this person sees that; nothing in a modal."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """Somebody submitted a form; `values` by the name of the field, empty ones left out."""

    user: str
    team: str | None
    callback: str
    values: Mapping[str, str]
    private: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Searched:
    """Somebody types `term` into a search of a modal; `private` is the modal's metadata."""

    user: str
    team: str | None
    action: str
    term: str
    private: str


def typed(body: Payload) -> Typed:
    """Return what a slash command's payload says."""
    return Typed(
        user=_text(body, "user_id"),
        team=body.get("team_id"),
        channel=_text(body, "channel_id"),
        text=str(body.get("text") or ""),
        url=str(body.get("response_url") or ""),
        receipt=str(body.get("trigger_id") or ""),
    )


def pressed(body: Payload) -> Pressed:
    """Return what the payload of a pressed button says."""
    person, action = _part(body, "user"), _first(body)
    trigger = str(body.get("trigger_id") or "")
    return Pressed(
        user=_text(person, "id"),
        team=person.get("team_id") or _part(body, "team").get("id"),
        channel=_part(body, "channel").get("id"),
        action=_text(action, "action_id"),
        value=action.get("value") or _part(action, "selected_option").get("value"),
        url=body.get("response_url") or None,
        trigger=trigger,
        modal=_modal(body),
        receipt=f"{trigger}:{action.get('action_ts', '')}",
        alone=_part(body, "container").get("is_ephemeral") is True,
        block=str(action.get("block_id") or ""),
        message=_message(body),
    )


def submitted(body: Payload) -> Submitted:
    """Return what the payload of a submitted form says."""
    person, view = _part(body, "user"), _part(body, "view")
    fields = _part(_part(view, "state"), "values")
    entries = {name: _part(_part(fields, name), name) for name in fields}
    values = {name: _entered(entry) for name, entry in entries.items()}
    return Submitted(
        user=_text(person, "id"),
        team=person.get("team_id") or _part(body, "team").get("id"),
        callback=str(view.get("callback_id") or ""),
        values={name: value for name, value in values.items() if value},
        private=str(view.get("private_metadata") or ""),
        receipt=f"view:{_text(view, 'id')}",
    )


def searched(body: Payload) -> Searched:
    """Return what the payload of a search says."""
    person = _part(body, "user")
    return Searched(
        user=_text(person, "id"),
        team=person.get("team_id") or _part(body, "team").get("id"),
        action=_text(body, "action_id"),
        term=str(body.get("value") or ""),
        private=str(_part(body, "view").get("private_metadata") or ""),
    )


def _entered(entry: Payload) -> str:
    """Return what was typed or chosen in one field; ticked boxes apart by blanks."""
    chosen = _part(entry, "selected_option").get("value")
    ticked = entry.get("selected_options")
    boxes = ticked if isinstance(ticked, list) else []
    several = " ".join(str(box.get("value") or "") for box in boxes if isinstance(box, dict))
    return str(entry.get("value") or entry.get("selected_date") or chosen or several)


def _message(body: Payload) -> str:
    """Return the name of the message: its channel and its stamp, which is unique there."""
    container = _part(body, "container")
    stamp = container.get("message_ts")
    return f"{container.get('channel_id') or ''}/{stamp}" if stamp else ""


def _modal(body: Payload) -> Modal | None:
    view = _part(body, "view")
    if not view.get("id"):
        return None
    return Modal(_text(view, "id"), _part(view, "title"), str(view.get("private_metadata") or ""))


def _first(body: Payload) -> Payload:
    actions = body.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise BadPayload("actions")
    first: Payload = actions[0]
    return first


def _part(body: Payload, name: str) -> Payload:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _text(body: Payload, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadPayload(name)
    return value
