"""What happens when someone types `/invsync ...`: parse, ask the gate, call, show.

The answer travels in the acknowledgement, for the caller alone unless `share` was typed in a
channel where invsync was invited and that no outsider reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, BoltResponse

from bot.backfill import FormView
from bot.channels import Audience, Channels
from bot.errands import bring
from bot.listed import causes_page
from bot.outbox import Outbox
from bot.permissions import Action
from bot.problems import Problem, Wrong
from bot.show import Show
from bot.subscriptions import Digests
from bot.verbs import DigestWord, Verb
from bot.watching import Follows, Person
from handlers import parse, parse_causes, parse_precheck, pausing
from handlers.actions import UNDER_WAY
from handlers.backfilling import Period, begun, named, to_stop
from handlers.deciding import NEEDS as DECISIONS
from handlers.deciding import Deciding
from handlers.forms import Forms
from handlers.gate import Gate
from handlers.incoming import Payload, Typed, typed
from handlers.links import Links
from handlers.prechecking import NEEDS, Prechecking
from sync.backfill import Backfills
from sync.engine import Engine
from sync.records import Actor, Answer, Filters, Retried, Route, Sync
from sync.states import Status

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Commands:
    """The verbs of `/invsync`; days that people type are days of `zone`."""

    engine: Engine
    outbox: Outbox
    show: Show
    gate: Gate
    digests: Digests
    channels: Channels
    links: Links
    zone: ZoneInfo
    backfills: Backfills
    forms: Forms
    prechecking: Prechecking
    deciding: Deciding

    def __call__(self, ack: Ack, body: Payload) -> BoltResponse:
        """Answer what was typed."""
        call = typed(body)
        command = parse.parse(call.text, self.engine.clock.now(), self.zone)
        person = self.gate.passed(call.user, call.team, needed(command))
        if not isinstance(person, Actor):
            return ack(**person, response_type="ephemeral")
        message = self.answer(command, call, person)
        if message is None:
            return ack()
        if not getattr(command, "share", False):
            return ack(**message, response_type="ephemeral")
        audience = self.channels.audience(call.channel)
        if audience is Audience.OURS:
            return ack(**message, response_type="in_channel")
        return ack(**self.show.unshared(message, audience), response_type="ephemeral")

    def answer(
        self, command: parse.Command | Problem, call: Typed, person: Actor
    ) -> Message | None:
        """Return what to say to a command, after doing what it asks; None where a form opened."""
        verbs: Mapping[type, Callable[[Any, Typed, Actor], Message | None]] = {
            Problem: self.wrong,
            parse.Status: self.status,
            parse.Log: self.log,
            parse_causes.Causes: self.causes,
            parse.Show: self.document,
            parse.Retry: self.retry,
            parse.Sync: self.sync,
            parse.Backfill: self.backfill,
            parse.StopBackfill: self.stop_backfill,
            parse_precheck.Precheck: self.prechecking.begin,
            parse_precheck.StopPrecheck: self.prechecking.end,
            **self.deciding.commands(),
            parse.Digest: self.digest,
            parse.Connect: self.connect,
            parse.Pause: self.pause,
            parse.Resume: self.resume,
            parse.Help: self.help,
        }
        return verbs[type(command)](command, call, person)

    def wrong(self, problem: Problem, _call: Typed, _person: Actor) -> Message:
        """Name what is wrong and the next step."""
        return self.show.wrong(problem)

    def status(self, _command: parse.Status, _call: Typed, person: Actor) -> Message:
        """Show the status card, with what is theirs."""
        return self.show.status(self.engine.figures(), person.id)

    def log(self, command: parse.Log, _call: Typed, _person: Actor) -> Message:
        """Show the first page of the log."""
        filters = self._numbered(command.filters)
        return self.show.log(self.engine.log(filters), filters, None)

    def causes(self, command: parse_causes.Causes, call: Typed, _person: Actor) -> Message:
        """Show the first page of the list of causes."""
        wanted = command.wanted
        if wanted.owner == parse_causes.ME:
            wanted = replace(wanted, owner=call.user)
        return causes_page(self.engine, self.show, wanted)

    def document(self, command: parse.Show, _call: Typed, _person: Actor) -> Message:
        """Show one document, or the list where the number means several."""
        found = self.engine.find(command.number)
        if not found:
            return self.show.wrong(Problem(Wrong.NOT_FOUND, command.number))
        story = self.engine.story(found[0].id) if len(found) == 1 else None
        return self.show.story(story) if story else self.show.documents(found)

    def retry(self, command: parse.Retry, call: Typed, person: Actor) -> Message:
        """Send each number's documents back to their lanes; who asked is told how each ends."""
        answers = [one for number in command.numbers for one in self._retried(number, call, person)]
        going = [retried.sync.id for _, retried in answers if _under_way(retried) and retried.sync]
        told = Person(call.channel, call.user, call.url)
        now = self.engine.clock.now()
        self.engine.store.watches.add(going, Follows.PERSON, told.target(), now)
        return self.show.retried(answers)

    def sync(self, command: parse.Sync, call: Typed, person: Actor) -> Message | None:
        """Promise to fetch orders, or open the form; the answer follows when the source answers."""
        route: Route | None = None
        if command.route is not None:
            found = named(self.engine.routes(), command.route, Verb.SYNC)
            if isinstance(found, Problem):
                return self.show.wrong(found)
            route = found
        if not command.numbers:
            opened = self.forms.open_sync(call, route.id if route else None)
            return None if opened else self.show.wrong(Problem(Wrong.NO_NUMBER, verb=Verb.SYNC))
        name = route.name if route else None
        errand = bring(command.numbers, person, call.channel, call.url, call.receipt, name)
        self.outbox.put_once(errand)
        return self.show.fetching(command.numbers)

    def backfill(self, command: parse.Backfill, call: Typed, person: Actor) -> Message | None:
        """Begin a backfill, or open the form for what is missing."""
        routes = self.engine.routes()
        route = named(routes, command.route, Verb.BACKFILL)
        if isinstance(route, Problem) and (command.route or not routes):
            return self.show.wrong(route)
        if isinstance(route, Route) and command.first and command.last:
            period = Period(command.first, command.last)
            batch = begun(self.backfills, route, period, person, call.receipt, call.channel)
            if isinstance(batch, Problem):
                return self.show.wrong(batch)
            return self.show.backfill_told(batch, "begun")
        chosen = route.id if isinstance(route, Route) else None
        form = FormView(routes, chosen, command.first, command.last)
        if self.forms.open_backfill(call, form):
            return None
        return self.show.wrong(Problem(Wrong.NO_PERIOD, verb=Verb.BACKFILL))

    def stop_backfill(self, command: parse.StopBackfill, _call: Typed, person: Actor) -> Message:
        """Let a backfill put nothing more in."""
        batch = to_stop(self.backfills, command.route)
        if isinstance(batch, Problem):
            return self.show.wrong(batch)
        stopped = self.backfills.stop(batch.id, person) or batch
        return self.show.backfill_told(stopped, "stopping" if stopped.active else "ended")

    def digest(self, command: parse.Digest, call: Typed, _person: Actor) -> Message:
        """Post today's digest now, or show what it would say."""
        if command.word is DigestWord.PREVIEW:
            return self.digests.preview(call.channel)
        digest = self.digests.now()
        if digest is None:
            return self.show.wrong(Problem(Wrong.NO_CHANNEL))
        return self.show.digest_sent(digest)

    def connect(self, command: parse.Connect, call: Typed, person: Actor) -> Message:
        """Give an admin the link that begins a connection in the browser."""
        return self.links.link(command.system, command.name, person, call.team)

    def pause(self, command: parse.Pause, _call: Typed, person: Actor) -> Message:
        """Let nothing go through a connection until somebody resumes it."""
        return pausing.paused(self.engine, self.show, command.name, person)

    def resume(self, command: parse.Resume, _call: Typed, _person: Actor) -> Message:
        """Let what waits behind a paused connection go again."""
        return pausing.resumed(self.engine, self.show, command.name)

    def help(self, command: parse.Help, _call: Typed, _person: Actor) -> Message:
        """Say what a verb does, or what there is."""
        return self.show.help(command.verb)

    def _numbered(self, filters: Filters) -> Filters:
        """Return the filters with lane, type and key of a cause that was named by its number."""
        number = parse_causes.cause_number(filters.cause_key or "")
        named = None if number is None else self.engine.store.causes.get(number)
        if named is None:
            return filters
        key, lane = named.key or None, filters.destination or named.lane
        return replace(filters, error_type=named.error_type, cause_key=key, destination=lane)

    def _retried(self, number: str, call: Typed, person: Actor) -> list[tuple[str, Retried]]:
        found = _to_retry(self.engine.find(number))
        if not found:
            return [(number, Retried(Answer.NOT_FOUND, None))]
        receipts = {sync.id: f"{call.receipt}:{sync.id}" for sync in found}
        return [
            (sync.number, self.engine.retry(sync.id, person, receipts[sync.id])) for sync in found
        ]


def needed(command: parse.Command | Problem) -> Action:
    """Return the action that a command is."""
    match command:
        case parse.Retry():
            return Action.RETRY
        case parse.Sync():
            return Action.SYNC
        case parse.Backfill():
            return Action.BACKFILL
        case parse.StopBackfill():
            return Action.STOP
        case parse.Digest(DigestWord.NOW):
            return Action.DIGEST
        case _ if type(command) in DECISIONS:
            return DECISIONS[type(command)]
        case parse_precheck.Precheck() | parse_precheck.StopPrecheck():
            return NEEDS[type(command)]
        case parse.Connect():
            return Action.CONNECT
        case parse.Pause() | parse.Resume():
            return Action.PAUSE
        case _:
            return Action.LOOK


def _to_retry(found: list[Sync]) -> list[Sync]:
    """Return what a retry of one number means: what is not synced yet, else what is."""
    return [sync for sync in found if sync.status is not Status.SUCCESS] or found


def _under_way(retried: Retried) -> bool:
    return retried.answer in UNDER_WAY
