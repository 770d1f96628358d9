"""Bulk retries as people press for them: begin, approve, stop, look at what failed.

How one goes stands in its own message; a press is answered only where that message cannot be seen,
or where something else was done than asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.actions import ActionId, id_of
from bot.listed import place_of, shown_at
from bot.problems import Problem, Wrong
from bot.show import Message, Show
from handlers.incoming import Pressed
from handlers.telling import Teller
from sync.bulk import AlreadyRunning, Approval, Bulk, BulkState, Nothing
from sync.engine import Engine
from sync.points import point
from sync.records import Actor, Filters
from sync.states import Status

_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Bulking:
    """The buttons of bulk retries."""

    engine: Engine
    show: Show
    teller: Teller

    def handlers(self) -> Mapping[ActionId | None, Callable[[Pressed, Actor], None]]:
        """Return what answers which button."""
        return {
            ActionId.CHECK: self.check,
            ActionId.CHECK_ANYWAY: self.check_anyway,
            ActionId.BULK_APPROVE: self.approve,
            ActionId.BULK_STOP: self.stop,
            ActionId.BULK_FAILED: self.failed,
        }

    def check(self, press: Pressed, person: Actor) -> None:
        """Retry the documents of a cause, once a look has told that it is gone."""
        self._begin(press, person, anyway=False)

    def check_anyway(self, press: Pressed, person: Actor) -> None:
        """Retry them although the cause may still be there."""
        self._begin(press, person, anyway=True)

    def approve(self, press: Pressed, person: Actor) -> None:
        """Let a large one go, as a second person."""
        approval, bulk = self.engine.bulks.approve(id_of(press.value), person)
        if bulk is None:
            self._old(press)
        elif approval is not Approval.APPROVED:  # its message says that
            self.teller(press, self._told(bulk, approval.value))

    def stop(self, press: Pressed, person: Actor) -> None:
        """Let nothing more be sent back."""
        was = self.engine.store.bulks.get(id_of(press.value))
        bulk = self.engine.bulks.stop(id_of(press.value), person)
        if bulk is None or was is None:
            self._old(press)
        elif not was.active:
            self.teller(press, self._told(bulk, "ended"))
        elif was.state is BulkState.ASKED:
            self.teller(press, self._told(bulk, "withdrawn"))
        else:
            self.teller(press, self._told(bulk, "stopping"))

    def failed(self, press: Pressed, _person: Actor) -> None:
        """Show what failed of it, to this person alone."""
        filters = Filters(statuses=(Status.FAILED,), bulk=id_of(press.value))
        self.teller(press, self.show.log(self.engine.log(filters), filters, None))

    def _begin(self, press: Pressed, person: Actor, *, anyway: bool) -> None:
        cause = self.engine.store.causes.get(id_of(press.value))
        if cause is None:
            self._old(press)
            return
        channel = _shared(press)
        place = place_of(press.url, press.block, press.message, self.engine.clock.now())
        told = shown_at(channel, place)
        try:
            bulk = self.engine.bulks.begin(
                cause, person, press.receipt, anyway=anyway, message=told
            )
        except AlreadyRunning as running:
            self.teller(press, self._told(running.bulk, "running"))
        except Nothing:
            self.teller(press, self.show.bulk_told(None, "nothing"))
        else:
            point("click.stored")
            if channel is None:
                asked = bulk.state is BulkState.ASKED
                self.teller(press, self._told(bulk, "asked" if asked else "begun"))

    def _told(self, bulk: Bulk, told: str) -> Message:
        return self.show.bulk_told(self.engine.bulks.progress(bulk.id), told)

    def _old(self, press: Pressed) -> None:
        self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE, (press.value or "")[:40])))


def _shared(press: Pressed) -> str | None:
    """Return the channel where others see what was pressed; None where only this person does."""
    channel = press.modal.private if press.modal else press.channel
    seen_by_all = channel and _CHANNEL.fullmatch(channel) and not press.alone
    return channel if seen_by_all else None
