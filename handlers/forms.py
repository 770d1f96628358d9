"""The forms of `sync` and `backfill`: opened for what a command lacks, read when submitted.

A submission is checked like a command, rights included; what is wrong stands at its field. The
view's private metadata says where the command was typed.
"""

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from slack_bolt import Ack, BoltResponse

from bot.actions import CallbackId
from bot.backfill import FormView
from bot.errands import bring
from bot.modals import Modals
from bot.outbox import Outbox
from bot.permissions import Action
from bot.posts import answer, uid_of, whisper
from bot.problems import Problem, Wrong
from bot.show import Show
from bot.verbs import Verb
from handlers import parse
from handlers.backfilling import Period, begun, unknown
from handlers.gate import Gate
from handlers.incoming import BadPayload, Payload, Submitted, Typed, submitted
from handlers.words import words
from sync.backfill import Backfills
from sync.engine import Engine
from sync.outward import Post
from sync.records import Actor, Route

URL_LIFE = timedelta(minutes=25)
"""A response_url works for 30 minutes; what is fetched meanwhile is told by it too."""

ALL_ROUTES = "all"

FIELDS = {Wrong.FUTURE: "last", Wrong.RUNNING: "route"}
"""At which field a wrong period is told; at the first day where none is named."""

Message = Mapping[str, Any]


class WrongField(Exception):
    """What is wrong with a submission, and at which field it is told."""

    def __init__(self, field: str, message: Message) -> None:
        super().__init__(field)
        self.errors = {field: html.unescape(str(message["text"]))}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the command was typed whose form this is; `url` is its response_url while it works."""

    channel: str
    url: str


@dataclass(frozen=True, slots=True)
class Forms:
    """Opens the forms and does what a submission asks for."""

    engine: Engine
    backfills: Backfills
    outbox: Outbox
    show: Show
    gate: Gate
    modals: Modals
    others: Mapping[str, Callable[[Submitted], Message]] = field(default_factory=dict)
    """The forms that other modules answer, each with the view that takes its place."""

    def open_sync(self, call: Typed, chosen: int | None) -> bool:
        """Open the form for numbers; False where Slack would not."""
        form = FormView(self.engine.routes(), chosen)
        return self._open(call, self.show.sync_form(form))

    def open_backfill(self, call: Typed, form: FormView) -> bool:
        """Open the form for a route and a period; False where Slack would not."""
        return self._open(call, self.show.backfill_form(form))

    def __call__(self, ack: Ack, body: Payload) -> BoltResponse:
        """Do what a submitted form asks for, or name what is wrong at its field."""
        sent = submitted(body)
        acts = {CallbackId.SYNC: self.sync, CallbackId.BACKFILL: self.backfill}
        act = next((act for name, act in acts.items() if name == sent.callback), None)
        try:
            if act:
                act(sent)
            elif sent.callback in self.others:
                return ack(response_action="update", view=dict(self.others[sent.callback](sent)))
        except WrongField as wrong:
            return ack(response_action="errors", errors=wrong.errors)
        return ack()

    def sync(self, sent: Submitted) -> None:
        """Promise to fetch the numbers, as the command does. Raises WrongField."""
        person = self._person(sent, Action.SYNC, "numbers")
        found = parse.numbers(words(sent.values.get("numbers", "")), Verb.SYNC)
        if isinstance(found, Problem):
            raise WrongField("numbers", self.show.field(found))
        route = None
        if sent.values.get("route", ALL_ROUTES) != ALL_ROUTES:
            route = self._route(sent).name
        origin = self._origin(sent)
        errand = bring(found, person, origin.channel, origin.url, sent.receipt, route)
        told = _told(sent, origin, self.show.fetching(found))
        self.outbox.put_once(told, errand)  # together: nothing is promised that is not kept

    def backfill(self, sent: Submitted) -> None:
        """Begin a backfill. Raises WrongField."""
        person = self._person(sent, Action.BACKFILL, "route")
        route = self._route(sent)
        period = Period(self._day(sent, "first"), self._day(sent, "last"))
        origin = self._origin(sent)
        batch = begun(self.backfills, route, period, person, sent.receipt, origin.channel)
        if isinstance(batch, Problem):
            raise WrongField(FIELDS.get(batch.wrong, "first"), self.show.field(batch))
        self.outbox.put_once(_told(sent, origin, self.show.backfill_told(batch, "begun")))

    def _person(self, sent: Submitted, action: Action, field: str) -> Actor:
        person = self.gate.passed(sent.user, sent.team, action)
        if not isinstance(person, Actor):
            raise WrongField(field, person)
        return person

    def _route(self, sent: Submitted) -> Route:
        chosen = sent.values.get("route")
        routes = self.engine.routes()
        found = next((route for route in routes if str(route.id) == chosen), None)
        if found is None:
            raise WrongField("route", self.show.field(unknown("", routes, Verb.BACKFILL)))
        return found

    def _day(self, sent: Submitted, field: str) -> date:
        day = parse.day_of(sent.values.get(field, ""))
        if day is None:
            raise WrongField(field, self.show.field(Problem(Wrong.NO_PERIOD, verb=Verb.BACKFILL)))
        return day

    def _open(self, call: Typed, content: Message) -> bool:
        at = self.engine.clock.now().isoformat()
        private = json.dumps({"channel": call.channel, "url": call.url, "at": at})
        return self.modals.open(call.receipt, {**content, "private_metadata": private})

    def _origin(self, sent: Submitted) -> Origin:
        try:
            kept = json.loads(sent.private)
            fresh = self.engine.clock.now() < datetime.fromisoformat(kept["at"]) + URL_LIFE
            return Origin(kept["channel"], kept["url"] if fresh else "")
        except (ValueError, KeyError, TypeError):
            raise BadPayload("private_metadata") from None


def _told(sent: Submitted, origin: Origin, message: Message) -> Post:
    """Return an answer to who submitted a form, where they opened it."""
    uid = uid_of(sent.receipt, "told")
    if origin.url:
        return answer(origin.url, message, uid)
    return whisper(origin.channel, sent.user, message, uid=uid)
