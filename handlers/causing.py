"""What happens when someone presses a button of the list of causes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.actions import ActionId
from bot.causes import causes_of
from bot.listed import Place, causes_page, turned
from bot.outbox import Outbox
from bot.show import Show
from handlers.actions import Handler
from handlers.incoming import Pressed
from handlers.telling import Teller
from sync.engine import Engine
from sync.records import Actor


@dataclass(frozen=True, slots=True)
class CauseButtons:
    """Shows the list, and turns its pages."""

    engine: Engine
    outbox: Outbox
    show: Show
    teller: Teller

    def handlers(self) -> Mapping[ActionId | None, Handler]:
        """Return who answers which button."""
        return {ActionId.CAUSES_PAGE: self.turn, ActionId.SHOW_CAUSES: self.tell}

    def tell(self, press: Pressed, _person: Actor) -> None:
        """Show the causes behind a line of the digest, each with its fix, to this person alone."""
        wanted, start = causes_of(press.value)
        self.teller(press, causes_page(self.engine, self.show, wanted, start))

    def turn(self, press: Pressed, _person: Actor) -> None:
        """Put another page of the list in the place of this one. Raises BadValue."""
        if press.url:
            now = self.engine.clock.now()
            place = Place(press.url, press.value or "", press.message or press.url, now)
            self.outbox.put_once(turned(self.engine, self.show, place, press.receipt))
