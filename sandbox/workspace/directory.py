"""The Web API's methods about people, groups and channels, with Slack's own error codes."""

import dataclasses
from collections.abc import Callable

from sandbox.workspace.cast import BOT_USER, Channel, Person
from sandbox.workspace.state import Json, State
from sandbox.workspace.told import Refused, told

MOST_LISTED = 100


class Directory:
    """Answers who and what there is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Return the methods by name."""
        return {
            "users.info": self._user,
            "users.list": self._users,
            "users.conversations": self._joined,
            "usergroups.list": self._groups,
            "usergroups.users.list": self._group_users,
            "conversations.info": self._channel_info,
            "conversations.list": self._channels,
            "conversations.members": self._members,
            "conversations.join": self._join,
            "conversations.open": self._open_direct,
            "conversations.history": self._history,
        }

    def _user(self, given: Json) -> Json:
        person = self._state.people.get(str(given.get("user", "")))
        if person is None:
            raise Refused("user_not_found")
        return {"user": user_json(person)}

    def _users(self, given: Json) -> Json:
        del given
        members = [user_json(person) for person in self._state.people.values()]
        return {"members": members, "response_metadata": {"next_cursor": ""}}

    def _groups(self, given: Json) -> Json:
        del given
        groups = [
            {"id": name, "handle": handle, "name": handle, "users": list(users)}
            for name, (handle, users) in self._state.groups.items()
        ]
        return {"usergroups": groups}

    def _group_users(self, given: Json) -> Json:
        group = self._state.groups.get(str(given.get("usergroup", "")))
        if group is None:
            raise Refused("no_such_subteam")
        return {"users": list(group[1])}

    def _channel_info(self, given: Json) -> Json:
        channel = self._state.channels.get(str(given.get("channel", "")))
        if channel is None:
            raise Refused("channel_not_found")
        return {"channel": channel_json(channel)}

    def _channels(self, given: Json) -> Json:
        del given
        channels = [channel_json(one) for one in self._state.channels.values()]
        return {"channels": channels, "response_metadata": {"next_cursor": ""}}

    def _open_direct(self, given: Json) -> Json:
        user = str(given.get("users", "")).split(",")[0].strip('[]" ')
        if user not in self._state.people:
            raise Refused("user_not_found")
        return {"channel": {"id": self._state.direct_channel(user).id}}

    def _members(self, given: Json) -> Json:
        channel = self._channel(given)
        everybody = [one.id for one in self._state.people.values() if one.team == self._state.team]
        there = [channel.direct_with] if channel.direct_with else everybody
        bot = [BOT_USER] if channel.bot_in else []
        return {"members": [*there, *bot], "response_metadata": {"next_cursor": ""}}

    def _join(self, given: Json) -> Json:
        channel = self._channel(given)
        if channel.archived:
            raise Refused("is_archived")
        if channel.direct_with:
            raise Refused("method_not_supported_for_channel_type")
        self._state.channels[channel.id] = dataclasses.replace(channel, bot_in=True)
        self._state.changed()
        return {"channel": channel_json(self._state.channels[channel.id])}

    def _joined(self, given: Json) -> Json:
        del given
        found = [channel_json(one) for one in self._state.channels.values() if one.bot_in]
        return {"channels": found, "response_metadata": {"next_cursor": ""}}

    def _history(self, given: Json) -> Json:
        """Return a channel's messages but no replies, newest first; metadata only if asked for.

        What does not fit a page is behind its cursor.
        """
        channel = self._channel(given)
        if not channel.bot_in:
            raise Refused("not_in_channel")
        oldest, limit = _number(given, "oldest", 0), int(_number(given, "limit", MOST_LISTED))
        whole = str(given.get("include_all_metadata", "")).lower() in {"1", "true"}
        found = [
            told(one, whole=whole)
            for one in reversed(self._state.messages[channel.id])
            if not one.only_for and one.thread_ts in {None, one.ts} and float(one.ts) >= oldest
        ]
        start = int(_number(given, "cursor", 0))
        end = start + limit
        more = {"response_metadata": {"next_cursor": str(end)}} if len(found) > end else {}
        return {"messages": found[start:end], "has_more": bool(more), **more}

    def _channel(self, given: Json) -> Channel:
        channel = self._state.channels.get(str(given.get("channel", "")))
        if channel is None:
            raise Refused("channel_not_found")
        return channel


def _number(given: Json, name: str, default: float) -> float:
    try:
        return float(given.get(name) or default)
    except ValueError:
        raise Refused("invalid_arguments") from None


def user_json(person: Person) -> Json:
    """Return a person as the API tells them."""
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name.split()[0].lower(),
        "real_name": person.name,
        "deleted": person.deleted,
        "is_bot": False,
        "is_restricted": person.guest,
        "is_ultra_restricted": False,
        "tz": person.zone,
        "locale": person.locale,
        "profile": {"real_name": person.name, "display_name": person.name.split()[0]},
    }


def channel_json(channel: Channel) -> Json:
    """Return a channel as the API tells it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.direct_with is None,
        "is_im": channel.direct_with is not None,
        "is_archived": channel.archived,
        "is_member": channel.bot_in,
        "is_private": False,
        "is_ext_shared": channel.shared,
        "is_pending_ext_shared": False,
    }
