"""Looking at one cause: a modal, or a message where no modal can be opened."""

from dataclasses import dataclass

from bot.actions import id_of
from bot.cause import MOST_DEEDS, MOST_ROWS
from bot.problems import Problem, Wrong
from bot.show import Show
from handlers.incoming import Pressed
from handlers.telling import Teller
from sync.engine import Engine
from sync.records import Actor


@dataclass(frozen=True, slots=True)
class Causes:
    """Answers the button View of a cause; everybody who may look may press it."""

    engine: Engine
    show: Show
    teller: Teller

    def __call__(self, press: Pressed, _person: Actor) -> None:
        """Open the cause as it stands now, closed ones too. Raises BadValue."""
        cause_id, store = id_of(press.value), self.engine.store
        cause = store.causes.get(cause_id)
        if cause is None:
            self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE, (press.value or "")[:40])))
            return
        ids = store.causes.syncs(cause_id, MOST_ROWS)
        found = self.engine.syncs(ids)
        known = cause, store.deeds.of_cause(cause_id, MOST_DEEDS), [found[one] for one in ids]
        content = {**self.show.cause(*known), "private_metadata": press.channel or ""}
        if not self.teller.opens(press, content):
            self.teller(press, self.show.cause_told(*known))
