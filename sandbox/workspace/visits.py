"""What reaches the app without a press: a look at its Home, and a search in a select."""

import time
import uuid
from typing import Any

from sandbox.workspace.blockkit import problems
from sandbox.workspace.cast import Channel, Person
from sandbox.workspace.line import Ack, Line
from sandbox.workspace.state import Json, State, View


def home_opened(state: State, person: Person, channel: Channel) -> Json:
    """Return the event that tells the app of somebody who looks at its Home."""
    event: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": "home",
        "event_ts": f"{time.time():.6f}",
    }
    if person.id in state.homes:
        event["view"] = state.homes[person.id]
    return {
        "type": "event_callback",
        "token": "sandbox",
        "team_id": state.team,
        "api_app_id": "A0INVSYNC",
        "event": event,
        "event_id": f"Ev{uuid.uuid4().hex[:10].upper()}",
        "event_time": int(time.time()),
        "authorizations": [{"team_id": state.team, "user_id": "U0INVSYNC", "is_bot": True}],
    }


def offered(answer: Any) -> list[Json]:
    """Return the options that an app answered a search with."""
    if not isinstance(answer, dict):
        return []
    groups = answer.get("option_groups") or []
    return [*(answer.get("options") or []), *(one for g in groups for one in g["options"])]


def react(state: State, view: View, answer: Any) -> str | None:
    """Do to the modals what the app answered a submission with; returns what is wrong with it."""
    action = answer.get("response_action") if isinstance(answer, dict) else None
    stack = state.views[view.user]
    new: Json = (answer.get("view") or {}) if action else {}
    wrong = problems(new, "modal") if action in {"update", "push"} else []
    if wrong:
        return f"invalid view: {wrong[0]}"
    match action:
        case "errors":
            view.errors = dict(answer.get("errors") or {})
        case "update":
            state.update_view(view, new)
        case "push":
            state.push_view(view.user, new)
        case "clear":
            stack.clear()
        case _:
            stack.remove(view)
    state.changed()
    return None


async def find(line: Line, payload: Json, text: str) -> tuple[Ack, list[Json]]:
    """Ask the app for the options that fit a text."""
    (searched,) = payload.pop("actions")
    names = {name: searched[name] for name in ("action_id", "block_id")}
    ack = await line.deliver(
        "block_suggestion", {**payload, **names, "type": "block_suggestion", "value": text}
    )
    return ack, offered(ack.payload)
