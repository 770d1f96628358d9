"""The links that lead an admin to connect a system in the browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.problems import Problem, Wrong
from bot.show import Show
from bot.verbs import Verb
from sync.consents import Consents, Stopped
from sync.engine import OtherAccount
from sync.records import Actor

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """Offers links, each for one person and good once."""

    consents: Consents
    show: Show

    def link(self, system: str, name: str | None, by: Actor, team: str | None) -> Message:
        """Return the message with the link, or why there is none."""
        named = self.consents.name_for(system, name)
        try:
            url = self.consents.offer(system, name, by, team)
        except OtherAccount as other:
            wrong = Problem(Wrong.OTHER_SYSTEM, named, Verb.CONNECT, near=(other.known.system,))
            return self.show.wrong(wrong)
        except Stopped:
            return self.show.wrong(Problem(Wrong.NOT_REGISTERED, system, Verb.CONNECT))
        return self.show.connect(system, named, url)
