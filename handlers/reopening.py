"""Reopening: a skipped document goes to its lane after all, once, by button or by command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.actions import ActionId, sync_of
from bot.outbox import Outbox
from bot.posts import uid_of, view
from bot.problems import Problem, Wrong
from bot.reopened import ReopenedView, Reopening, reopened_view
from bot.show import Message, Show
from bot.watching import Follows, Person
from handlers.following import follow
from handlers.incoming import Pressed, Typed
from handlers.telling import Teller
from sync.engine import Engine
from sync.mending import NotDone
from sync.records import Actor, Sync


@dataclass(frozen=True, slots=True)
class Reopens:
    """Takes skips back; who asked is told how the document ends."""

    engine: Engine
    outbox: Outbox
    show: Show
    teller: Teller

    def handlers(self) -> Mapping[ActionId | None, Callable[[Pressed, Actor], None]]:
        """Return who answers which button."""
        return {ActionId.REOPEN: self.pressed}

    def pressed(self, press: Pressed, person: Actor) -> None:
        """Reopen the document of the button; View itself shows it where it stands there."""
        sync_id = sync_of(press.value)
        sync = self.engine.sync(sync_id)
        if sync is None:
            self.teller(press, self.show.wrong(Problem(Wrong.NOT_FOUND, str(sync_id))))
            return
        came = self._reopened(sync, person, press.receipt)
        if came.came is not Reopening.NOT_SKIPPED and came.moving:
            follow(self.engine, press, sync_id)
        story = self.engine.story(sync_id) if press.modal else None
        if press.modal and story and came.came is Reopening.DONE:
            content = {**self.show.document(story), "private_metadata": press.modal.private}
            self.outbox.put_once(view(press.modal.id, content, uid_of(press.receipt, "modal")))
        else:
            self.teller(press, self.show.reopened(came))

    def typed(self, sync: Sync, call: Typed, person: Actor) -> Message:
        """Reopen the document that was named."""
        came = self._reopened(sync, person, call.receipt)
        if came.came is not Reopening.NOT_SKIPPED and came.moving:
            told = Person(call.channel, call.user, call.url)
            now, watches = self.engine.clock.now(), self.engine.store.watches
            watches.add([sync.id], Follows.PERSON, told.target(), now)
        return self.show.reopened(came)

    def _reopened(self, sync: Sync, person: Actor, receipt: str) -> ReopenedView:
        done = True
        try:
            self.engine.fixing.reopen(sync.id, person, receipt)
        except NotDone:
            done = False
        now = self.engine.sync(sync.id) or sync
        first = None if done else self.engine.store.deeds.reopening(sync.id)
        return reopened_view(now, person.id, first, done=done)
