"""What the workspace holds: people, channels, messages, modals; and what can be done to them.

Everything runs in one event loop, so nothing is locked. `changed` wakes whoever watches.
"""

import asyncio
import itertools
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sandbox.workspace.cast import BOT_USER, CHANNELS, GROUPS, PEOPLE, Channel, Person
from sandbox.workspace.knobs import Knobs

TRIGGER_SECONDS = 3.0
URL_USES, URL_SECONDS = 5, 30 * 60.0
KEPT_EXCHANGES = 400

Json = dict[str, Any]


@dataclass(slots=True)
class Message:
    """A message of the app; `only_for` names the one person who sees it."""

    ts: str
    channel: str
    text: str
    blocks: list[Json]
    only_for: str | None = None
    thread_ts: str | None = None
    edited: bool = False
    metadata: Json | None = None
    typed: str | None = None
    """What a person typed; the app's messages have none."""

    user: str = BOT_USER
    warned: set[str] = field(default_factory=set)
    """Buttons whose press was not acknowledged."""


@dataclass(slots=True)
class View:
    """A modal that is open for somebody."""

    id: str
    user: str
    body: Json
    hash: str
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Trigger:
    """The right to open one modal, for three seconds."""

    user: str
    until: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where an answer to one interaction goes: five times, for half an hour."""

    channel: str
    user: str
    until: float
    message_ts: str | None = None
    uses: int = 0


class State:
    """One workspace."""

    def __init__(
        self,
        team: str,
        people: tuple[Person, ...] = PEOPLE,
        channels: tuple[Channel, ...] = CHANNELS,
    ) -> None:
        self.team = team
        self.people = {person.id: person for person in people}
        self.channels = {channel.id: channel for channel in channels}
        self.groups = GROUPS
        self.messages: dict[str, list[Message]] = defaultdict(list)
        self.views: dict[str, list[View]] = defaultdict(list)
        self.homes: dict[str, Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.urls: dict[str, ResponseUrl] = {}
        self.exchanges: list[Json] = []
        self.knobs = Knobs()
        self.version = 0
        self._waiters: set[asyncio.Event] = set()
        self._stamps = itertools.count(1)
        self._numbers = itertools.count(1)

    # --- watching ------------------------------------------------------------------------------

    def changed(self) -> None:
        """Tell whoever watches that something is new."""
        self.version += 1
        for waiter in self._waiters:
            waiter.set()

    async def wait(self, after: int, seconds: float) -> int:
        """Return the version as soon as it is above `after`, at most `seconds` later."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            if self.version <= after:
                async with asyncio.timeout(seconds):
                    await waiter.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)
        return self.version

    def note(self, kind: str, title: str, sent: Any, answer: Any, ms: float) -> None:
        """Keep an exchange between app and workspace for the drawer."""
        self.exchanges.append(
            {
                "n": next(self._numbers),
                "at": time.time(),
                "kind": kind,
                "title": title,
                "sent": sent,
                "answer": answer,
                "ms": round(ms, 1),
            }
        )
        del self.exchanges[:-KEPT_EXCHANGES]

    # --- ids -----------------------------------------------------------------------------------

    def stamp(self) -> str:
        """Return a message's ts: unique, and later than all before."""
        return f"{int(time.time())}.{next(self._stamps):06d}"

    def trigger(self, user: str) -> str:
        """Return a trigger_id for `user`."""
        name = f"{uuid.uuid4().int % 10**13}.{uuid.uuid4().hex}"
        life = TRIGGER_SECONDS
        if self.knobs.expire_triggers:
            self.knobs.expire_triggers -= 1
            life = -1.0
        self.triggers[name] = Trigger(user, time.monotonic() + life)
        return name

    def take_trigger(self, name: str) -> tuple[str | None, str]:
        """Use a trigger up; returns the user, or None and Slack's error."""
        trigger = self.triggers.get(name)
        if trigger is None:
            return None, "invalid_trigger_id"
        if trigger.used:
            return None, "exchanged_trigger_id"
        if trigger.until < time.monotonic():
            return None, "expired_trigger_id"
        trigger.used = True
        return trigger.user, ""

    def response_url(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """Return the path of a new response_url."""
        name = uuid.uuid4().hex
        self.urls[name] = ResponseUrl(channel, user, time.monotonic() + URL_SECONDS, message_ts)
        return f"/response/{name}"

    def take_url(self, name: str) -> ResponseUrl | None:
        """Use a response_url once; None where it is spent."""
        url = self.urls.get(name)
        if url is None or url.uses >= URL_USES or url.until < time.monotonic():
            return None
        url.uses += 1
        return url

    # --- messages ------------------------------------------------------------------------------

    def post(self, channel: str, text: str, blocks: list[Json], **more: Any) -> Message:
        """Put a message into a channel; blocks get the ids that they lack."""
        message = Message(self.stamp(), channel, text, with_ids(blocks), **more)
        self.messages[channel].append(message)
        self.changed()
        return message

    def message(self, channel: str, ts: str) -> Message | None:
        """Return one message, or None."""
        return next((one for one in self.messages[channel] if one.ts == ts), None)

    def edit(self, message: Message, text: str, blocks: list[Json]) -> None:
        """Let a message show something else."""
        message.text, message.blocks = text, with_ids(blocks)
        message.edited, message.warned = True, set()
        self.changed()

    def remove(self, message: Message) -> None:
        """Take a message away."""
        self.messages[message.channel].remove(message)
        self.changed()

    def seen_by(self, user: str, channel: str) -> list[Message]:
        """Return what `user` sees in a channel, oldest first."""
        return [one for one in self.messages[channel] if one.only_for in {None, user}]

    def direct_channel(self, user: str) -> Channel:
        """Return the channel between `user` and the app."""
        name = f"D{user[1:]}"
        if name not in self.channels:
            self.channels[name] = Channel(name, "invsync", bot_in=True, direct_with=user)
        return self.channels[name]

    # --- views ---------------------------------------------------------------------------------

    def push_view(self, user: str, body: Json) -> View:
        """Open a modal above those that are open."""
        name = f"V{uuid.uuid4().hex[:10].upper()}"
        view = View(name, user, shaped(body), uuid.uuid4().hex[:12])
        self.views[user].append(view)
        self.changed()
        return view

    def publish(self, user: str, body: Json) -> Json:
        """Let a person's App Home show something else; returns it as the API tells it."""
        name = self.homes.get(user, {}).get("id") or f"V{uuid.uuid4().hex[:10].upper()}"
        state = {"team_id": self.team, "state": {"values": {}}}
        self.homes[user] = {**shaped(body), **state, "id": name, "hash": uuid.uuid4().hex[:12]}
        self.changed()
        return self.homes[user]

    def home_view(self, user: str, view_id: str) -> View | None:
        """Return a person's App Home where it has that id, else None."""
        body = self.homes.get(user)
        return View(view_id, user, body, body["hash"]) if body and body["id"] == view_id else None

    def view(self, view_id: str) -> View | None:
        """Return an open modal, or None."""
        return next((v for stack in self.views.values() for v in stack if v.id == view_id), None)

    def update_view(self, view: View, body: Json) -> None:
        """Let an open modal show something else."""
        view.body, view.hash = shaped(body), uuid.uuid4().hex[:12]
        view.errors = {}
        self.changed()

    def view_json(self, view: View) -> Json:
        """Return a modal as the API tells it."""
        stack = self.views[view.user] if view in self.views[view.user] else [view]
        place = stack.index(view)
        return {
            **view.body,
            "id": view.id,
            "team_id": self.team,
            "hash": view.hash,
            "root_view_id": stack[0].id,
            "previous_view_id": stack[place - 1].id if place else None,
            "app_id": "A0INVSYNC",
            "bot_id": "B0INVSYNC",
            "private_metadata": view.body.get("private_metadata", ""),
            "callback_id": view.body.get("callback_id", ""),
            "state": {"values": view.values},
        }


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return blocks, each with a block_id."""
    return [{"block_id": uuid.uuid4().hex[:5], **block} for block in blocks]


def shaped(body: Json) -> Json:
    """Return a view with ids on its blocks."""
    return {**body, "blocks": with_ids(body.get("blocks", []))}
