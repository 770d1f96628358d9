"""Who people are: role by user group, standing by `users.info`; both at most five minutes old."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.permissions import Person, Role, Standing
from bot.web_api import TROUBLE, Cache, error_code
from sync.clock import Clock

KEPT = timedelta(minutes=5)
MOST_NAMED = 60
"""How many people are looked up for a choice among them."""

WARM = timedelta(minutes=4)
_NO_SUCH_GROUP = frozenset({"no_such_subteam", "subteam_not_found"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    standing: Standing


class People:
    """Looks people up; `team` is the workspace's id as `auth.test` names it."""

    def __init__(
        self, client: WebClient, groups: Mapping[Role, Sequence[str]], team: str, clock: Clock
    ) -> None:
        self._client = client
        self._groups = groups
        self._team = team
        self._roles: Cache[str, dict[str, Role]] = Cache(clock, KEPT, self._load_roles)
        self._members: Cache[str, _Member] = Cache(clock, KEPT, self._load_member)
        self._handles: Cache[str, dict[str, str]] = Cache(clock, KEPT, self._load_handles)

    def person(self, user: str, team: str | None) -> Person:
        """Return who `user` is; `team` is the person's workspace as the payload names it."""
        if team != self._team:
            return Person(user, user, Standing.ELSEWHERE, Role.NOBODY)
        try:
            member = self._members.get(user)
            role = self._roles.get(self._team).get(user, Role.NOBODY)
        except TROUBLE as error:
            log.warning("people.unknown", user=user, error=error_code(error) or str(error))
            return Person(user, user, Standing.UNKNOWN, Role.NOBODY)
        return Person(user, member.name, member.standing, role)

    def ask(self, needed: Role) -> str | None:
        """Return the handle (`@finance-ops`) of a group with the role `needed` or a higher one."""
        ids = [one for role in Role if role >= needed for one in self._groups.get(role, ())]
        try:
            handles = self._handles.get(self._team)
        except TROUBLE:
            return None
        return next((handles[one] for one in ids if one in handles), None)

    def somebody(self, role: Role) -> str | None:
        """Return the id of one member who has `role`, or None where Slack names none."""
        try:
            roles = self._roles.get(self._team)
            having = [user for user, has in roles.items() if has is role]
            members = (user for user in having if self._is_member(user))
            return next(members, None)
        except TROUBLE as error:
            log.warning("people.unknown", role=role.name, error=error_code(error) or str(error))
            return None

    def having(self, role: Role) -> Sequence[Person]:
        """Return the members with `role` or a higher one, by name; none where Slack is silent."""
        try:
            roles = self._roles.get(self._team)
            ids = [user for user, has in roles.items() if has >= role][:MOST_NAMED]
            people = [self.person(user, self._team) for user in ids]
        except TROUBLE as error:
            log.warning("people.unknown", role=role.name, error=error_code(error) or str(error))
            return ()
        members = (one for one in people if one.standing is Standing.MEMBER)
        return sorted(members, key=lambda one: one.name.casefold())

    def _is_member(self, user: str) -> bool:
        return self._members.get(user).standing is Standing.MEMBER

    def warm(self) -> None:
        """Read anew what is about to grow old, so that listeners need not wait for Slack."""
        try:
            self._warm(self._roles, [self._team])
            self._warm(self._handles, [self._team])
            self._warm(self._members, ())
        except TROUBLE as error:
            log.info("people.not_warmed", error=error_code(error) or str(error))

    def _warm(self, cache: Cache[str, Any], wanted: Sequence[str]) -> None:
        for key in cache.older_than(WARM):
            cache.refresh(key)
        for key in wanted:
            cache.get(key)

    def _load_roles(self, _team: str) -> dict[str, Role]:
        roles: dict[str, Role] = {}
        for role in Role:
            for group in self._groups.get(role, ()):
                for user in self._members_of(group):
                    roles[user] = max(role, roles.get(user, Role.NOBODY))
        return roles

    def _members_of(self, group: str) -> Sequence[str]:
        try:
            answer = self._client.usergroups_users_list(usergroup=group)
        except SlackApiError as error:
            if error_code(error) not in _NO_SUCH_GROUP:
                raise
            log.warning("people.no_such_group", group=group)
            return ()
        users: Sequence[str] = answer.get("users") or ()
        return users

    def _load_member(self, user: str) -> _Member:
        described = self._client.users_info(user=user).get("user") or {}
        profile = described.get("profile") or {}
        name = profile.get("display_name") or described.get("real_name") or described.get("name")
        return _Member(str(name or user), _standing(described, self._team))

    def _load_handles(self, _team: str) -> dict[str, str]:
        groups: Sequence[dict[str, Any]] = self._client.usergroups_list().get("usergroups") or ()
        return {str(group["id"]): f"@{group['handle']}" for group in groups if group.get("handle")}


def _standing(described: Mapping[str, Any], team: str) -> Standing:
    if described.get("deleted"):
        return Standing.DEACTIVATED
    if described.get("is_bot"):
        return Standing.BOT
    if described.get("is_restricted") or described.get("is_ultra_restricted"):
        return Standing.GUEST
    if described.get("is_stranger") or described.get("team_id") != team:
        return Standing.ELSEWHERE
    return Standing.MEMBER if described.get("id") else Standing.UNKNOWN
