"""What happens when someone types `/invsync ...`: parse, ask the gate, call, show.

The answer travels in the acknowledgement, for the caller alone unless `share` was typed in a
channel that no outsider reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, BoltResponse

from bot.channels import Channels
from bot.errands import bring
from bot.outbox import Outbox
from bot.permissions import Action
from bot.problems import Problem, Wrong
from bot.show import Show
from bot.subscriptions import Digests
from bot.verbs import DigestWord
from bot.watching import Follows, Person
from handlers import parse
from handlers.actions import UNDER_WAY
from handlers.gate import Gate
from handlers.incoming import Payload, Typed, typed
from sync.engine import Engine
from sync.records import Actor, Answer, Retried, Sync
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
    zone: ZoneInfo

    def __call__(self, ack: Ack, body: Payload) -> BoltResponse:
        """Answer what was typed."""
        call = typed(body)
        command = parse.parse(call.text, self.engine.clock.now(), self.zone)
        person = self.gate.passed(call.user, call.team, needed(command))
        if not isinstance(person, Actor):
            return ack(**person, response_type="ephemeral")
        message = self.answer(command, call, person)
        shared = getattr(command, "share", False) and self.channels.closed(call.channel)
        return ack(**message, response_type="in_channel" if shared else "ephemeral")

    def answer(self, command: parse.Command | Problem, call: Typed, person: Actor) -> Message:
        """Return what to say to a command, after doing what it asks."""
        verbs: Mapping[type, Callable[[Any, Typed, Actor], Message]] = {
            Problem: self.wrong,
            parse.Status: self.status,
            parse.Log: self.log,
            parse.Show: self.document,
            parse.Retry: self.retry,
            parse.Sync: self.sync,
            parse.Digest: self.digest,
            parse.Help: self.help,
        }
        return verbs[type(command)](command, call, person)

    def wrong(self, problem: Problem, _call: Typed, _person: Actor) -> Message:
        """Name what is wrong and the next step."""
        return self.show.wrong(problem)

    def status(self, _command: parse.Status, _call: Typed, _person: Actor) -> Message:
        """Show the status card."""
        return self.show.status(self.engine.figures())

    def log(self, command: parse.Log, _call: Typed, _person: Actor) -> Message:
        """Show the first page of the log."""
        return self.show.log(self.engine.log(command.filters), command.filters, None)

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

    def sync(self, command: parse.Sync, call: Typed, person: Actor) -> Message:
        """Promise to fetch orders; the answer follows when the source has answered."""
        errand = bring(command.numbers, person, call.channel, call.url, call.receipt)
        self.outbox.put_once(errand)
        return self.show.fetching(command.numbers)

    def digest(self, command: parse.Digest, call: Typed, _person: Actor) -> Message:
        """Post today's digest now, or show what it would say."""
        if command.word is DigestWord.PREVIEW:
            return self.digests.preview(call.channel)
        digest = self.digests.now()
        if digest is None:
            return self.show.wrong(Problem(Wrong.NO_CHANNEL))
        return self.show.digest_sent(digest)

    def help(self, command: parse.Help, _call: Typed, _person: Actor) -> Message:
        """Say what a verb does, or what there is."""
        return self.show.help(command.verb)

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
        case parse.Digest(DigestWord.NOW):
            return Action.DIGEST
        case _:
            return Action.LOOK


def _to_retry(found: list[Sync]) -> list[Sync]:
    """Return what a retry of one number means: what is not synced yet, else what is."""
    return [sync for sync in found if sync.status is not Status.SUCCESS] or found


def _under_way(retried: Retried) -> bool:
    return retried.answer in UNDER_WAY
