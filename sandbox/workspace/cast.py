"""Who and what is in the workspace at the start: people with roles, zones and tongues, channels."""

from dataclasses import dataclass, field

TEAM = "T0ACME"
OTHER_TEAM = "T0OTHER"
BOT_USER = "U0INVSYNC"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be acted as."""

    id: str
    name: str
    title: str
    zone: str = "Asia/Riyadh"
    locale: str = "en-US"
    guest: bool = False
    deleted: bool = False
    team: str = TEAM
    colour: str = "#5b8def"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or a conversation with the app where `direct_with` names a person."""

    id: str
    name: str
    topic: str = ""
    bot_in: bool = False
    shared: bool = False
    archived: bool = False
    direct_with: str | None = None
    members: tuple[str, ...] = field(default=())


PEOPLE = (
    Person("U0CLERK01", "Layla Hassan", "Finance clerk", locale="ar-SA", colour="#c2578a"),
    Person("U0ONCALL1", "Omar Farouk", "On-call engineer", "Africa/Cairo", colour="#3b8686"),
    Person("U0MANAGER", "Huda Al-Rashid", "Finance manager", colour="#8457c2"),
    Person("U0ADMIN01", "Noura Saeed", "Administrator", colour="#c27a2c"),
    Person("U0MEMBER1", "Alex Stone", "Member without a role", "Europe/Berlin", colour="#7a8288"),
    Person("U0GUEST01", "Sam Guest", "Guest", "America/New_York", guest=True, colour="#a0522d"),
    Person("U0OTHER01", "Pat Other", "Another company", team=OTHER_TEAM, colour="#333333"),
)

GROUPS = {
    "S0VIEWERS": ("finance-readers", ("U0MANAGER",)),
    "S0OPERATORS": ("finance-ops", ("U0CLERK01", "U0ONCALL1")),
    "S0APPROVERS": ("finance-leads", ("U0MANAGER",)),
    "S0ADMINS": ("invsync-admins", ("U0ADMIN01",)),
}

CHANNELS = (
    Channel(
        "C0FINANCE", "finance-sync", "Invoices and returns on their way to the books", bot_in=True
    ),
    Channel("C0GENERAL", "general", "Everybody"),
    Channel("C0SHARED1", "with-auditors", "Shared with another company", bot_in=True, shared=True),
    Channel("C0ARCHIVE", "old-sync", "Archived", bot_in=True, archived=True),
)
