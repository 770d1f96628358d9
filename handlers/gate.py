"""The gate that each command and click passes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.people import People
from bot.permissions import Action, Refused, Role, Why, may
from bot.show import Show
from sync.records import Actor

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gate:
    """Asks `may` about the person behind a payload, each time."""

    people: People
    show: Show

    def passed(self, user: str, team: str | None, action: Action) -> Actor | Message:
        """Return the person as the engine's actor, or the refusal that only they see."""
        person = self.people.person(user, team)
        allowed = may(person, action)
        if isinstance(allowed, Refused):
            whom = allowed.needed if allowed.why is Why.ROLE else Role.ADMIN
            return self.show.refused(allowed, self.people.ask(whom))
        return Actor(person.id, person.name)
