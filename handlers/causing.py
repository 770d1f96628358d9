"""What happens when someone presses a button of the list of causes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.actions import ActionId
from bot.causes import causes_of
from bot.outbox import Outbox
from bot.posts import replacement, uid_of
from bot.show import Show
from handlers.actions import Handler
from handlers.incoming import Pressed
from sync.engine import Engine
from sync.records import Actor


@dataclass(frozen=True, slots=True)
class CauseButtons:
    """Turns the pages of the list."""

    engine: Engine
    outbox: Outbox
    show: Show

    def handlers(self) -> Mapping[ActionId | None, Handler]:
        """Return who answers which button."""
        return {ActionId.CAUSES_PAGE: self.turn}

    def turn(self, press: Pressed, _person: Actor) -> None:
        """Put another page of the list in the place of this one."""
        wanted, start = causes_of(press.value)
        message = self.show.causes(self.engine.store.causes.open(), wanted, start)
        if press.url:
            self.outbox.put_once(replacement(press.url, message, uid_of(press.receipt, "page")))
