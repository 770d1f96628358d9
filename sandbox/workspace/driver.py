"""Acting as a person, by script or by the page: type, press, submit, look (`docs/sandbox.md`)."""

import asyncio
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.workspace.cast import Channel, Person
from sandbox.workspace.knobs import changed
from sandbox.workspace.line import Ack, Line
from sandbox.workspace.pressing import Unclear, action, pressed
from sandbox.workspace.state import Json, Message, State, View
from sandbox.workspace.told import Refused, told
from sandbox.workspace.visits import find, home_opened, react
from sandbox.workspace.web_api import checked

COMMAND = "/invsync"
TIMED_OUT = "`/invsync` failed with the error “operation_timeout”"
NO_ANSWER = "The app did not acknowledge within 3 seconds"
BAD = 400


class Driver:
    """The driver's endpoints; `switches` end the tokens of a system, by its name."""

    def __init__(
        self, state: State, line: Line, switches: Mapping[str, Callable[[], None]]
    ) -> None:
        self._state = state
        self._line = line
        self._switches = switches

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
            Route("/driver/home", self.open_home, methods=["POST"]),
            Route("/driver/suggest", self.suggest, methods=["POST"]),
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
            seconds = min(number(request, "timeout", 20.0), 25.0)
            await self._state.wait(int(number(request, "after_version", 0)), seconds)
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
        after = int(number(request, "after", 0))
        return JSONResponse({"exchanges": [e for e in self._state.exchanges if e["n"] > after]})

    async def changes(self, request: Request) -> Response:
        """Wait until something is new: `{"version": n}`."""
        after = int(number(request, "after", 0))
        return JSONResponse({"version": await self._state.wait(after, 20.0)})

    # --- acting --------------------------------------------------------------------------------

    async def command(self, request: Request) -> Response:
        given = await asked(request)
        person, channel = self._place(given)
        return JSONResponse(await self._type(person, channel, str(given.get("text", ""))))

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

    async def open_home(self, request: Request) -> Response:
        """Tell the app that somebody looks at its Home."""
        person = self._person(await asked(request))
        channel = self._state.direct_channel(person.id)
        event = home_opened(self._state, person, channel)
        return JSONResponse(outcome(await self._line.deliver("events_api", event)))

    async def suggest(self, request: Request) -> Response:
        """Type into an external select: the app's options that fit."""
        given = await asked(request)
        payload, *_ = self._press({**given, "value": None})
        ack, found = await find(self._line, payload, str(given.get("value") or ""))
        return JSONResponse({**outcome(ack, None if ack.taken else NO_ANSWER), "options": found})

    async def click(self, request: Request) -> Response:
        payload, message, pressed_id = self._press(await asked(request))
        ack = await self._line.deliver("block_actions", payload)
        if message:
            mark = message.warned.discard if ack.taken else message.warned.add
            mark(pressed_id)
            self._state.changed()
        return JSONResponse(outcome(ack, error=None if ack.taken else NO_ANSWER))

    def _press(self, given: Json) -> tuple[Json, Message | None, str]:
        """Return what a press tells the app, the message it is in, and the name of what it hits."""
        person = self._person(given)
        home = self._state.home_view(person.id, str(given.get("view_id")))
        view = home or (self._view(given) if given.get("view_id") else None)
        message = None if view else self._message(given, person)
        blocks = view.body["blocks"] if view else message.blocks if message else []
        block, element = pressed(blocks, given)
        if view and isinstance(given.get("values"), dict):
            view.values = given["values"]
        payload = self._interaction(person, view, message)
        payload["actions"] = [action(block, element, given)]
        if message:
            payload["state"] = {"values": chosen(block, payload["actions"][0])}
        return payload, message, f"{block['block_id']}:{element.get('action_id')}"

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
            if message.only_for is None:
                payload["message"] = told(message)
        return payload

    async def submit(self, request: Request) -> Response:
        given = await asked(request)
        person, view = self._person(given), self._view(given)
        view.values = given.get("values") or {}
        payload = self._of_view("view_submission", person, view)
        ack = await self._line.deliver("view_submission", payload)
        error = react(self._state, view, ack.payload) if ack.taken else NO_ANSWER
        return JSONResponse(outcome(ack, error))

    async def close(self, request: Request) -> Response:
        given = await asked(request)
        person, view = self._person(given), self._view(given)
        self._state.views[view.user].remove(view)
        self._state.changed()
        ack = Ack(taken=True)
        if view.body.get("notify_on_close"):
            payload = self._of_view("view_closed", person, view)
            ack = await self._line.deliver("view_closed", payload)
        return JSONResponse(outcome(ack))

    async def knobs(self, request: Request) -> Response:
        """Turn knobs (docs/sandbox.md), and act on those that act at once."""
        given = await asked(request)
        try:
            self._state.knobs.turn(given)
            again = int(given.get("redeliver_last", 0))
            for one in given.get("channels", ()):
                self._state.channels[one["id"]] = changed(self._state.channels[one["id"]], one)
        except (AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise Unclear(f"a knob cannot be turned so: {wrong!r}") from None
        if "events_url" in given:
            self._line.events_url = given["events_url"]
        answer: Json = {"ok": True}
        if "expire_token" in given:
            await self._expire(str(given["expire_token"]))
        if given.get("drop_socket"):
            answer["dropped"] = await self._line.drop(str(given["drop_socket"]))
        if again:
            acks = [await self._line.redeliver(number) for number in range(1, again + 1)]
            answer["acks"] = [outcome(ack) for ack in acks]
        return JSONResponse(answer)

    async def _expire(self, system: str) -> None:
        switch = self._switches.get(system)
        if switch is None:
            raise Unclear(f"no token of {system} can be ended here")
        await asyncio.to_thread(switch)

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


def chosen(block: Json, told: Json) -> Json:
    """Return `state.values` after a choice; a button or an overflow menu leaves none."""
    if told["type"] in {"button", "overflow"}:
        return {}
    kept = {name: told[name] for name in told if name == "type" or name.startswith("selected_")}
    return {block["block_id"]: {told["action_id"]: kept}}


async def refused(request: Request, unclear: Exception) -> Response:
    """Return why something could not be done."""
    del request
    return JSONResponse({"ok": False, "error": str(unclear)}, BAD)


def _user(person: Person) -> Json:
    name = person.name.split()[0].lower()
    return {"id": person.id, "username": name, "name": name, "team_id": person.team}


async def asked(request: Request) -> Json:
    """Return the body of a request. Raises Unclear where it is no JSON object."""
    try:
        given = await request.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Unclear("the body must be a JSON object")
    return given


def number(request: Request, name: str, default: float) -> float:
    """Return a number of the query. Raises Unclear."""
    try:
        return float(request.query_params.get(name, default))
    except ValueError:
        raise Unclear(f"{name} must be a number") from None
