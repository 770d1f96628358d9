"""Commands about causes and documents: mend, retry, skip, reopen, link, give away, let rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.actions import ActionId, CallbackId
from bot.causes import NOBODY, Wanted
from bot.fixes import told_view
from bot.limits import MESSAGE_BLOCKS
from bot.outbox import Outbox
from bot.permissions import Action, Allowed, may
from bot.problems import Problem, Wrong
from bot.repairs import Asked, mend
from bot.show import Show
from bot.verbs import Verb
from handlers.fixing import Fixes
from handlers.gate import Gate
from handlers.incoming import Pressed, Typed
from handlers.parse_causes import ME, cause_number
from handlers.parse_decisions import (
    Assign,
    Fix,
    Link,
    Reopen,
    RetryCause,
    Skip,
    Snooze,
    Target,
)
from handlers.reopening import Reopens
from sync.bulk import AlreadyRunning, BulkState, Nothing
from sync.causes import Cause, DeedKind
from sync.engine import Engine
from sync.mending import Done, NotDone
from sync.records import Actor, Sync
from sync.states import Status

Message = Mapping[str, Any]
MOST_NAMED = 5

NEEDS: Mapping[type, Action] = {
    RetryCause: Action.BULK,
    Fix: Action.FIX,
    Skip: Action.DECIDE,
    Reopen: Action.DECIDE,
    Link: Action.DECIDE,
    Assign: Action.ASSIGN,
    Snooze: Action.ASSIGN,
}
"""What the commands ask for."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """The commands that decide about causes and documents."""

    engine: Engine
    outbox: Outbox
    show: Show
    gate: Gate
    fixes: Fixes
    reopens: Reopens

    def commands(self) -> Mapping[type, Callable[[Any, Typed, Actor], Message | None]]:
        """Return who answers which command."""
        return {
            RetryCause: self.retry,
            Fix: self.fix,
            Skip: self.skip,
            Reopen: self.reopen,
            Link: self.link,
            Assign: self.assign,
            Snooze: self.snooze,
        }

    def retry(self, command: RetryCause, call: Typed, person: Actor) -> Message:
        """Retry all that a cause stops, once a look has told that it is gone."""
        cause = self._cause(command.target, Verb.RETRY)
        if isinstance(cause, Problem):
            return self.show.wrong(cause)
        bulks, told = self.engine.bulks, {"channel": call.channel}
        try:
            begun = bulks.begin(cause, person, call.receipt, message=told)
        except AlreadyRunning as running:
            return self.show.bulk_told(bulks.progress(running.bulk.id), "running")
        except Nothing:
            return self.show.bulk_told(None, "nothing")
        asked = "asked" if begun.state is BulkState.ASKED else "begun"
        return self.show.bulk_told(bulks.progress(begun.id), asked)

    def fix(self, command: Fix, call: Typed, person: Actor) -> Message | None:
        """Open the form that mends a cause, as its button does."""
        cause = self._cause(command.target, Verb.FIX)
        if isinstance(cause, Problem):
            return self.show.wrong(cause)
        press = Pressed(
            user=call.user,
            team=call.team,
            channel=call.channel,
            action=ActionId.FIX.value,
            value=str(cause.id),
            url=call.url,
            trigger=call.receipt,
            modal=None,
            receipt=call.receipt,
        )
        self.fixes.fix(press, person)
        return None

    def skip(self, command: Skip, call: Typed, person: Actor) -> Message:
        """Decide that a failed document is never synced."""
        sync = self._document(command.number, Verb.SKIP)
        if isinstance(sync, Problem):
            return self.show.wrong(sync)
        cause = next(iter(self.engine.store.causes.of(sync.id)), None)
        return self._told(
            DeedKind.SKIP,
            cause,
            lambda: self.engine.fixing.skip(sync.id, command.reason, person, call.receipt),
            sync,
        )

    def reopen(self, command: Reopen, call: Typed, person: Actor) -> Message:
        """Send a skipped document to its lane after all."""
        sync = self._document(command.number, Verb.REOPEN, Status.SKIPPED)
        if isinstance(sync, Problem):
            return self.show.wrong(sync)
        return self.reopens.typed(sync, call, person)

    def link(self, command: Link, call: Typed, person: Actor) -> Message:
        """Promise to compare both documents and to link them where they agree."""
        sync = self._document(command.number, Verb.LINK)
        if isinstance(sync, Problem):
            return self.show.wrong(sync)
        cause = next(iter(self.engine.store.causes.of(sync.id)), None)
        if cause is None:
            return self.show.wrong(Problem(Wrong.NO_CAUSE, command.number, verb=Verb.LINK))
        values = {"document": str(sync.id), "named": command.named}
        asked = Asked(
            CallbackId.FIX_LINK,
            cause.id,
            sync.id,
            values,
            person,
            call.receipt,
            view="",
            channel=call.channel,
            public=False,
        )
        self.outbox.put_once(mend(asked))
        return self.show.linking(sync, command.named)

    def assign(self, command: Assign, call: Typed, person: Actor) -> Message:
        """Give a cause, or each that stops a document, to somebody."""
        owner = self._owner(command.owner, call, person)
        causes = self._causes(command.target, Verb.ASSIGN)
        for wrong in (owner, causes):
            if isinstance(wrong, Problem):
                return self.show.wrong(wrong)
        chosen = owner if isinstance(owner, Actor) else None
        listed = causes if isinstance(causes, list) else []
        return _joined([self._assigned(cause, chosen, call, person) for cause in listed])

    def _assigned(self, cause: Cause, owner: Actor | None, call: Typed, person: Actor) -> Message:
        receipt, fixing = f"{call.receipt}:{cause.id}", self.engine.fixing
        return self._told(
            DeedKind.ASSIGN, cause, lambda: fixing.assign(cause.id, owner, person, receipt)
        )

    def snooze(self, command: Snooze, call: Typed, person: Actor) -> Message:
        """Let a cause rest until a stated end, or wake it."""
        cause = self._cause(command.target, Verb.SNOOZE)
        if isinstance(cause, Problem):
            return self.show.wrong(cause)
        return self._told(
            DeedKind.SNOOZE,
            cause,
            lambda: self.engine.fixing.snooze(cause.id, command.until, person, call.receipt),
        )

    # --- what is meant -------------------------------------------------------------------------

    def _causes(self, target: Target, verb: Verb) -> list[Cause] | Problem:
        """Return the open causes that a name stands for, by number or key, else a document's."""
        open_ = self.engine.store.causes.open()
        number = cause_number(target.text)
        exact = [one for one in open_ if one.id == number]
        same = exact or [one for one in open_ if Wanted(key=target.text).fits(one)]
        folded = target.text.casefold()
        found = same or [one for one in open_ if one.key.casefold() == folded]
        if found or target.is_cause:
            return found or Problem(Wrong.NO_CAUSE, target.text, verb=verb)
        syncs = [one for one in self.engine.find(target.text) if one.status is Status.FAILED]
        of = {one.id: one for sync in syncs for one in self.engine.store.causes.of(sync.id)}
        return list(of.values()) or Problem(Wrong.NO_CAUSE, target.text, verb=verb)

    def _cause(self, target: Target, verb: Verb) -> Cause | Problem:
        """Return the one open cause that a name stands for."""
        found = self._causes(target, verb)
        if isinstance(found, Problem):
            return found
        if len(found) > 1:
            names = tuple(str(one.id) for one in found[:MOST_NAMED])
            return Problem(Wrong.WHICH_CAUSE, target.text, verb=verb, valid=names)
        return found[0]

    def _document(self, number: str, verb: Verb, wanted: Status = Status.FAILED) -> Sync | Problem:
        """Return the one document that a number stands for, the `wanted` one where that is one."""
        found = self.engine.find(number)
        fitting = [one for one in found if one.status is wanted] or found
        if not fitting:
            return Problem(Wrong.NOT_FOUND, number)
        if len(fitting) > 1:
            numbers = dict.fromkeys(one.number for one in fitting)
            names = tuple(numbers)[:MOST_NAMED] if len(numbers) > 1 else ()
            return Problem(Wrong.WHICH_DOCUMENT, number, verb=verb, valid=names)
        return fitting[0]

    def _owner(self, named: str, call: Typed, person: Actor) -> Actor | Problem | None:
        if named == NOBODY:
            return None
        if named in {ME, person.id}:
            return person
        known = self.gate.people.person(named, call.team)
        if not isinstance(may(known, Action.FIX), Allowed):
            return Problem(Wrong.NO_PERSON, known.name, verb=Verb.ASSIGN)
        return Actor(known.id, known.name)

    def _told(
        self, kind: DeedKind, cause: Cause | None, do: Callable[[], Done], sync: Sync | None = None
    ) -> Message:
        try:
            came: Done | NotDone = do()
        except NotDone as not_done:
            came = not_done
        now = self.engine.store.causes.get(cause.id) if cause else None
        return self.show.fix_said(told_view(kind, came, now, sync=sync))


def _joined(messages: Sequence[Message]) -> Message:
    """Return several answers as one message."""
    blocks = [block for message in messages for block in message["blocks"]]
    text = " ".join(str(message["text"]) for message in messages)
    return {"text": text, "blocks": blocks[:MESSAGE_BLOCKS]}
