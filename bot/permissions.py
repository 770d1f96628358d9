"""Who may do what: four roles by Slack user group, one function, deny by default.

Presentation never decides: a hidden button is no right, so each command and click asks `may` again.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """What a person may do here; each includes those before it (product, section 7)."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3
    ADMIN = 4


class Action(StrEnum):
    """What can be asked for."""

    LOOK = "look"
    """The status card, the log, one document, a digest's preview, help."""

    RETRY = "retry"
    SYNC = "sync"
    DIGEST = "digest"
    """Post today's digest now."""

    BACKFILL = "backfill"
    """Put history in, many documents at once."""

    STOP = "stop"
    """Stop a backfill."""

    CONNECT = "connect"
    """Open an account, or open it again."""

    FIX = "fix"
    """Mend what stops documents: data, mappings, new products."""

    ASSIGN = "assign"
    """Give a cause to somebody, or let it rest."""

    BULK = "bulk"
    """Retry all documents of a cause."""

    DECIDE = "decide"
    """Skip, link, retry although a cause stands, approve a large bulk retry."""

    PAUSE = "pause"
    """Let nothing go through a connection, and let it go again."""


NEEDED = {
    Action.LOOK: Role.VIEWER,
    Action.RETRY: Role.OPERATOR,
    Action.SYNC: Role.OPERATOR,
    Action.DIGEST: Role.OPERATOR,
    Action.BACKFILL: Role.APPROVER,
    Action.STOP: Role.OPERATOR,
    Action.CONNECT: Role.ADMIN,
    Action.FIX: Role.OPERATOR,
    Action.ASSIGN: Role.OPERATOR,
    Action.BULK: Role.OPERATOR,
    Action.DECIDE: Role.APPROVER,
    Action.PAUSE: Role.ADMIN,
}


class Standing(StrEnum):
    """How a person stands to this workspace; only members have rights."""

    MEMBER = "member"
    GUEST = "guest"
    """Restricted to channels somebody invited them to: an outsider."""

    BOT = "bot"
    DEACTIVATED = "deactivated"
    ELSEWHERE = "elsewhere"
    """Of another workspace, in a channel shared with ours."""

    UNKNOWN = "unknown"
    """Slack could not say who this is."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who pressed or typed, as Slack described them at most five minutes ago."""

    id: str
    name: str
    standing: Standing
    role: Role


@dataclass(frozen=True, slots=True)
class Allowed:
    """The person may."""


class Why(StrEnum):
    """Why somebody may not."""

    ROLE = "role"
    """A member whose role is too small for this action."""

    STRANGER = "stranger"
    """No role at all."""

    OUTSIDER = "outsider"
    """A guest, a bot, a deactivated account or somebody of another workspace."""

    UNKNOWN = "unknown"
    """Slack did not answer who this is: nobody is let in on a guess."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The person may not; `needed` is the smallest role that may."""

    action: Action
    why: Why
    needed: Role


def may(person: Person, action: Action) -> Allowed | Refused:
    """Return whether `person` may do `action`: the one place where rights are decided."""
    needed = NEEDED.get(action, Role.ADMIN)
    if person.standing is Standing.UNKNOWN:
        return Refused(action, Why.UNKNOWN, needed)
    if person.standing is not Standing.MEMBER:
        return Refused(action, Why.OUTSIDER, needed)
    if person.role is Role.NOBODY:
        return Refused(action, Why.STRANGER, needed)
    return Allowed() if person.role >= needed else Refused(action, Why.ROLE, needed)
