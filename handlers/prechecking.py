"""Prechecks as people ask for them: begin, stop, create what is missing, turn the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.actions import ActionId, id_of
from bot.outbox import Outbox
from bot.permissions import Action
from bot.posts import replacement, uid_of
from bot.precheck import page_in
from bot.problems import Problem, Wrong
from bot.show import Show
from bot.verbs import Verb
from handlers.actions import Handler
from handlers.backfilling import named
from handlers.incoming import Pressed, Typed
from handlers.parse_precheck import Precheck, StopPrecheck
from handlers.telling import Teller
from sync.engine import Engine
from sync.precheck import NothingToCreate, RunningAlready
from sync.records import Actor

Message = Mapping[str, Any]
NEEDS = {Precheck: Action.FIX, StopPrecheck: Action.STOP}
"""What the commands ask for."""


@dataclass(frozen=True, slots=True)
class Prechecking:
    """The command and the buttons of prechecks."""

    engine: Engine
    outbox: Outbox
    show: Show
    teller: Teller

    def handlers(self) -> Mapping[ActionId | None, Handler]:
        """Return who answers which button."""
        return {
            ActionId.PRECHECK_STOP: self.stop,
            ActionId.PRECHECK_CREATE: self.create,
            ActionId.PRECHECK_SHOW: self.look,
            ActionId.PRECHECK_PAGE: self.turn,
        }

    def begin(self, command: Precheck, call: Typed, person: Actor) -> Message:
        """Begin a precheck whose message stands where it was typed."""
        route = named(self.engine.routes(), command.route, Verb.PRECHECK)
        if isinstance(route, Problem):
            return self.show.wrong(route)
        told = {"channel": call.channel}
        try:
            begun = self.engine.prechecks.begin(route, person, call.receipt, told)
        except RunningAlready as running:
            return self.show.precheck_told(running.running, "running")
        return self.show.precheck_told(begun, "begun")

    def end(self, command: StopPrecheck, _call: Typed, _person: Actor) -> Message:
        """Let the precheck of a route end."""
        route = named(self.engine.routes(), command.route, Verb.PRECHECK)
        if isinstance(route, Problem):
            return self.show.wrong(route)
        now = self.engine.clock.now()
        running = [one for one in self.engine.store.prechecks.since(now) if one.active]
        mine = next((one for one in running if one.route_id == route.id), None)
        if mine is None:
            return self.show.wrong(Problem(Wrong.NOT_RUNNING, verb=Verb.PRECHECK))
        self.engine.prechecks.stop(mine.id)
        return self.show.precheck_told(mine, "stopping")

    def stop(self, press: Pressed, _person: Actor) -> None:
        """Let it end at its next step; its message says so itself."""
        stopping = self.engine.prechecks.stop(id_of(press.value))
        if stopping is None:
            self._old(press)
            return
        told = "stopping" if stopping.active else "ended"
        self.teller(press, self.show.precheck_told(stopping, told))

    def create(self, press: Pressed, person: Actor) -> None:
        """Create what nothing looks like; its message shows how it goes."""
        prechecks, precheck_id = self.engine.prechecks, id_of(press.value)
        try:
            creating = prechecks.create(precheck_id, person, press.receipt)
        except RunningAlready as running:
            self.teller(press, self.show.precheck_told(running.running, "running"))
            return
        except NothingToCreate:
            found = prechecks.rows.get(precheck_id)
            if found:
                self.teller(press, self.show.precheck_told(found, "nothing"))
            return
        if creating is None:
            self._old(press)
            return
        self.teller(press, self.show.precheck_told(creating, "creating"))

    def look(self, press: Pressed, _person: Actor) -> None:
        """Show a page of what it found beside the message, to this person alone."""
        message = self._page(press)
        if message:
            self.teller(press, message)

    def turn(self, press: Pressed, _person: Actor) -> None:
        """Put another page in the place of this one."""
        message = self._page(press)
        if message and press.url:
            self.outbox.put_once(replacement(press.url, message, uid_of(press.receipt, "page")))

    def _page(self, press: Pressed) -> Message | None:
        precheck_id, start = page_in(press.value)
        found = self.engine.store.prechecks.get(precheck_id)
        if found is None:
            self._old(press)
            return None
        return self.show.precheck_page(found, start)

    def _old(self, press: Pressed) -> None:
        self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE, (press.value or "")[:40])))
