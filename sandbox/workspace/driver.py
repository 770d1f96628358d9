"""Acting as a person, by script or by the page: type, press, submit, look (`docs/sandbox.md`)."""

import time
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.workspace.cast import Channel, Person
from sandbox.workspace.line import Ack, Line
from sandbox.workspace.state import Json, Message, State, View
from sandbox.workspace.web_api import Refused, checked, told

COMMAND = "/invsync"
TIMED_OUT = "`/invsync` failed with the error “operation_timeout”"
NO_ANSWER = "The app did not acknowledge within 3 seconds"
PRESSABLE = frozenset(
    {"button", "overflow", "static_select", "external_select", "checkboxes", "radio_buttons"}
)
BAD = 400


class Unclear(Exception):
    """What was asked of the driver cannot be done; the text says why."""


class Driver:
    """The driver's endpoints."""

    def __init__(self, state: State, line: Line) -> None:
        self._state = state
        self._line = line

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/driver/people", self.people),
            Route("/driver/command", self.command, methods=["POST"]),
            Route("/driver/click", self.click, methods=["POST"]),
            Route("/driver/submit", self.submit, methods=["POST"]),
            Route("/driver/close", self.close, methods=["POST"]),
            Route("/driver/channels/{id}/messages", self.messages),
            Route("/driver/views", self.views),
            Route("/driver/home", self.home),
            Route("/driver/exchanges", self.exchanges),
            Route("/driver/knobs", self.knobs, methods=["POST"]),
            Route("/driver/changes", self.changes),
        ]

    # --- looking -------------------------------------------------------------------------------

    async def people(self, request: Request) -> Response:
        del request
        people = [
            {
                "id": one.id,
                "name": one.name,
                "title": one.title,
                "tz": one.zone,
                "locale": one.locale,
                "team": one.team,
                "guest": one.guest,
                "colour": one.colour,
                "groups": [name for name, (_, us) in self._state.groups.items() if one.id in us],
            }
            for one in self._state.people.values()
        ]
        channels = [
            {
                "id": one.id,
                "name": one.name,
                "topic": one.topic,
                "direct_with": one.direct_with,
                "archived": one.archived,
                "shared": one.shared,
            }
            for one in self._state.channels.values()
        ]
        groups = {name: handle for name, (handle, _) in self._state.groups.items()}
        connected = bool(self._line.sockets or self._line.events_url)
        found = {"people": people, "channels": channels, "groups": groups}
        return JSONResponse({**found, "connected": connected, "team": self._state.team})

    async def messages(self, request: Request) -> Response:
        query = request.query_params
        if "after_version" in query:
            seconds = min(float(query.get("timeout", "20")), 25.0)
            await self._state.wait(int(query["after_version"]), seconds)
        user, channel = query.get("user", ""), request.path_params["id"]
        shown = [seen(one, user) for one in self._state.seen_by(user, channel)]
        return JSONResponse({"version": self._state.version, "messages": shown})

    async def views(self, request: Request) -> Response:
        stack = self._state.views[request.query_params.get("user", "")]
        shown = [{**self._state.view_json(view), "errors": view.errors} for view in stack]
        return JSONResponse({"version": self._state.version, "views": shown})

    async def home(self, request: Request) -> Response:
        return JSONResponse({"view": self._state.homes.get(request.query_params.get("user", ""))})

    async def exchanges(self, request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"exchanges": [e for e in self._state.exchanges if e["n"] > after]})

    async def changes(self, request: Request) -> Response:
        """Wait until something is new: `{"version": n}`."""
        after = int(request.query_params.get("after", "0"))
        return JSONResponse({"version": await self._state.wait(after, 20.0)})

    # --- acting --------------------------------------------------------------------------------

    async def command(self, request: Request) -> Response:
        given = await request.json()
        try:
            person, channel = self._place(given)
            return JSONResponse(await self._type(person, channel, str(given.get("text", ""))))
        except Unclear as unclear:
            return refused(unclear)

    async def _type(self, person: Person, channel: Channel, typed: str) -> Json:
        command, _, text = typed.strip().partition(" ")
        if not command.startswith("/"):
            command, text = COMMAND, typed.strip()
        if command != COMMAND:
            raise Unclear(f"{command} is not a command of this workspace; try {COMMAND}")
        url = self._state.response_url(channel.id, person.id)
        payload = {
            "token": "sandbox",
            "team_id": person.team,
            "team_domain": "acme",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": person.id,
            "user_name": person.name.split()[0].lower(),
            "command": command,
            "text": text,
            "api_app_id": "A0INVSYNC",
            "is_enterprise_install": "false",
            "response_url": self._absolute(url),
            "trigger_id": self._state.trigger(person.id),
        }
        ack = await self._line.deliver("slash_commands", payload)
        if not ack.taken:
            self._state.post(channel.id, TIMED_OUT, [], only_for=person.id)
            return outcome(ack, error="operation_timeout")
        self._answered(ack, person, channel, url)
        return outcome(ack)

    def _answered(self, ack: Ack, person: Person, channel: Channel, url: str) -> None:
        """Show what the acknowledgement itself carries."""
        answer = ack.payload
        if not isinstance(answer, dict) or not (answer.get("text") or answer.get("blocks")):
            return
        try:
            text, blocks = checked(answer)
        except Refused as wrong:
            text, blocks = f"invalid answer: {wrong.body}", []
        alone = answer.get("response_type", "ephemeral") != "in_channel"
        message = self._state.post(channel.id, text, blocks, only_for=person.id if alone else None)
        self._state.urls[url.rsplit("/", 1)[-1]].message_ts = message.ts

    async def click(self, request: Request) -> Response:
        given = await request.json()
        try:
            person = self._person(given)
            view = self._view(given) if given.get("view_id") else None
            message = None if view else self._message(given, person)
            blocks = view.body["blocks"] if view else message.blocks if message else []
            block, element = pressed(blocks, given)
            payload = self._interaction(person, view, message)
            payload["actions"] = [_action(block, element, given)]
            ack = await self._line.deliver("block_actions", payload)
        except Unclear as unclear:
            return refused(unclear)
        if message:
            mark = message.warned.discard if ack.taken else message.warned.add
            mark(f"{block['block_id']}:{element['action_id']}")
            self._state.changed()
        return JSONResponse(outcome(ack, error=None if ack.taken else NO_ANSWER))

    def _interaction(self, person: Person, view: View | None, message: Message | None) -> Json:
        payload: Json = {
            "type": "block_actions",
            "user": _user(person),
            "api_app_id": "A0INVSYNC",
            "token": "sandbox",
            "trigger_id": self._state.trigger(person.id),
            "team": {"id": self._state.team, "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if view:
            payload["container"] = {"type": "view", "view_id": view.id}
            payload["view"] = self._state.view_json(view)
            payload["state"] = {"values": view.values}
        elif message:
            channel = self._state.channels[message.channel]
            url = self._state.response_url(message.channel, person.id, message.ts)
            payload["container"] = {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": message.only_for is not None,
            }
            payload["channel"] = {"id": channel.id, "name": channel.name}
            payload["response_url"] = self._absolute(url)
            payload["state"] = {"values": {}}
            if message.only_for is None:
                payload["message"] = told(message)
        return payload

    async def submit(self, request: Request) -> Response:
        given = await request.json()
        try:
            person, view = self._person(given), self._view(given)
        except Unclear as unclear:
            return refused(unclear)
        view.values = given.get("values") or {}
        payload = self._of_view("view_submission", person, view)
        ack = await self._line.deliver("view_submission", payload)
        if ack.taken:
            self._react(view, ack.payload)
        return JSONResponse(outcome(ack, error=None if ack.taken else NO_ANSWER))

    def _react(self, view: View, answer: Any) -> None:
        action = answer.get("response_action") if isinstance(answer, dict) else None
        stack = self._state.views[view.user]
        match action:
            case "errors":
                view.errors = dict(answer.get("errors") or {})
            case "update":
                self._state.update_view(view, answer["view"])
            case "push":
                self._state.push_view(view.user, answer["view"])
            case "clear":
                stack.clear()
            case _:
                stack.remove(view)
        self._state.changed()

    async def close(self, request: Request) -> Response:
        given = await request.json()
        try:
            person, view = self._person(given), self._view(given)
        except Unclear as unclear:
            return refused(unclear)
        self._state.views[view.user].remove(view)
        self._state.changed()
        ack = Ack(taken=True)
        if view.body.get("notify_on_close"):
            payload = self._of_view("view_closed", person, view)
            ack = await self._line.deliver("view_closed", payload)
        return JSONResponse(outcome(ack))

    async def knobs(self, request: Request) -> Response:
        """Turn knobs (docs/sandbox.md), and act on those that act at once."""
        given, knobs = await request.json(), self._state.knobs
        knobs.late_ack_s = float(given.get("late_ack_s", knobs.late_ack_s))
        knobs.expire_triggers = int(given.get("expire_trigger", knobs.expire_triggers))
        knobs.lose_answers = int(given.get("lose_answer", knobs.lose_answers))
        limit = given.get("rate_limit_next")
        if limit:
            method, count = limit["method"], int(limit.get("count", 1))
            knobs.limited[method] = [count, int(limit.get("retry_after", 1))]
        if "events_url" in given:
            self._line.events_url = given["events_url"]
        answer: Json = {"ok": True}
        if given.get("drop_socket"):
            answer["dropped"] = await self._line.drop()
        if given.get("redeliver_last"):
            acks = [await self._line.redeliver() for _ in range(int(given["redeliver_last"]))]
            answer["acks"] = [outcome(ack) for ack in acks]
        return JSONResponse(answer)

    # --- parts ---------------------------------------------------------------------------------

    def _of_view(self, kind: str, person: Person, view: View) -> Json:
        return {
            "type": kind,
            "team": {"id": self._state.team, "domain": "acme"},
            "user": _user(person),
            "api_app_id": "A0INVSYNC",
            "token": "sandbox",
            "trigger_id": self._state.trigger(person.id),
            "view": self._state.view_json(view),
            "response_urls": [],
            "is_enterprise_install": False,
        }

    def _person(self, given: Json) -> Person:
        person = self._state.people.get(str(given.get("user", "")))
        if person is None:
            raise Unclear(f"there is no person {given.get('user')!r}")
        return person

    def _place(self, given: Json) -> tuple[Person, Channel]:
        channel = self._state.channels.get(str(given.get("channel", "")))
        if channel is None:
            raise Unclear(f"there is no channel {given.get('channel')!r}")
        if given.get("thread_ts"):
            raise Unclear(f"{COMMAND} is not supported in threads. Sorry!")
        return self._person(given), channel

    def _view(self, given: Json) -> View:
        view = self._state.view(str(given.get("view_id", "")))
        if view is None or view.user != given.get("user"):
            raise Unclear(f"{given.get('user')} has no open view {given.get('view_id')!r}")
        return view

    def _message(self, given: Json, person: Person) -> Message:
        _, channel = self._place(given)
        message = self._state.message(channel.id, str(given.get("ts", "")))
        if message is None or message.only_for not in {None, person.id}:
            raise Unclear(f"{person.id} sees no message {given.get('ts')!r} in {channel.id}")
        return message

    def _absolute(self, path: str) -> str:
        return f"{self.base_url}{path}"

    base_url = ""
    """Where this workspace is; set by who serves it."""


def pressed(blocks: list[Json], given: Json) -> tuple[Json, Json]:
    """Return the block and the element that a press means. Raises Unclear."""
    for block in blocks:
        if given.get("block_id") not in {None, block["block_id"]}:
            continue
        for element in elements(block):
            values = {element.get("value")} | {o["value"] for o in element.get("options", [])}
            if element.get("action_id") == given.get("action_id") and (
                given.get("value") in {None, *values}
            ):
                return block, element
    raise Unclear(f"there is no {given.get('action_id')!r} to press there")


def elements(block: Json) -> Iterator[Json]:
    """Yield what can be pressed in a block."""
    accessory = block.get("accessory")
    for part in [*block.get("elements", []), *([accessory] if accessory else [])]:
        if isinstance(part, dict) and part.get("type") in PRESSABLE:
            yield part


def seen(message: Message, user: str) -> Json:
    """Return a message as a person sees it."""
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "ephemeral": message.only_for == user,
        "edited": message.edited,
        "metadata": message.metadata,
        "warned": sorted(message.warned),
    }


def outcome(ack: Ack, error: str | None = None) -> Json:
    """Return what became of an action."""
    body: Json = {"ok": error is None and ack.taken, "ack_ms": round(ack.ms, 1)}
    if ack.payload is not None:
        body["response"] = ack.payload
    if error:
        body["error"] = error
    return body


def refused(unclear: Unclear) -> Response:
    """Return why something could not be done."""
    return JSONResponse({"ok": False, "error": str(unclear)}, BAD)


def _user(person: Person) -> Json:
    name = person.name.split()[0].lower()
    return {"id": person.id, "username": name, "name": name, "team_id": person.team}


def _action(block: Json, element: Json, given: Json) -> Json:
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": f"{time.time():.6f}",
    }
    if element["type"] == "button":
        return {**action, "text": element["text"], "value": element.get("value", "")}
    chosen = [o for o in element.get("options", []) if o["value"] == given.get("value")]
    return {**action, "selected_option": chosen[0] if chosen else None}
