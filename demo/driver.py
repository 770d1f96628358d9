"""Acts as a person in the sandbox's workspace, over its driver API (`docs/sandbox.md`)."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

PATIENCE = 20.0


class NotSeen(AssertionError):
    """What a person waited for did not show in time."""


class Driver:
    """One workspace; every call names the person who acts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=30.0)

    def close(self) -> None:
        """Give sockets back."""
        self._http.close()

    def people(self) -> dict[str, Any]:
        """Return who and what there is: people, user groups, channels."""
        return self._get("/driver/people")

    def command(self, user: str, channel: str, text: str) -> dict[str, Any]:
        """Type a slash command; returns what the workspace says of it once it was acked."""
        return self._post("/driver/command", user=user, channel=channel, text=text)

    def click(self, user: str, **where: Any) -> dict[str, Any]:
        """Press a button: channel and ts, or view_id; action_id; block_id and value if needed."""
        return self._post("/driver/click", user=user, **where)

    def submit(self, user: str, view_id: str, values: dict[str, Any]) -> dict[str, Any]:
        """Submit a modal."""
        return self._post("/driver/submit", user=user, view_id=view_id, values=values)

    def close_view(self, user: str, view_id: str) -> dict[str, Any]:
        """Close a modal."""
        return self._post("/driver/close", user=user, view_id=view_id)

    def messages(self, channel: str, user: str) -> list[dict[str, Any]]:
        """Return what this person sees in a channel, what is only for them included."""
        answer = self._get(f"/driver/channels/{channel}/messages", user=user)
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    def views(self, user: str) -> list[dict[str, Any]]:
        """Return this person's stack of modals, the topmost last."""
        views: list[dict[str, Any]] = self._get("/driver/views", user=user)["views"]
        return views

    def exchanges(self) -> list[dict[str, Any]]:
        """Return every request between the app and the workspace."""
        exchanges: list[dict[str, Any]] = self._get("/driver/exchanges")["exchanges"]
        return exchanges

    def knobs(self, **turned: Any) -> dict[str, Any]:
        """Turn the workspace's knobs."""
        return self._post("/driver/knobs", **turned)

    def wait_for(
        self,
        channel: str,
        user: str,
        seen: Callable[[dict[str, Any]], bool],
        what: str,
        seconds: float = PATIENCE,
    ) -> dict[str, Any]:
        """Return the newest message of which `seen` is true; raises NotSeen after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            messages: list[dict[str, Any]] = self.messages(channel, user)
            found = [message for message in messages if seen(message)]
            if found:
                return found[-1]
            if time.monotonic() > deadline:
                shown = "\n---\n".join(text_of(message) for message in messages[-4:])
                raise NotSeen(f"{user} did not see {what} in {channel}; last seen:\n{shown}")
            time.sleep(0.05)

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        return self._json(self._http.get(path, params=query))

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        return self._json(self._http.post(path, json=body))

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        data: dict[str, Any] = response.json()
        return data


def text_of(shown: Any) -> str:
    """Return every word that a message or a view shows, in reading order."""
    return "\n".join(_texts(shown.get("blocks", []))) or str(shown.get("text", ""))


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _texts(one)
    elif isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield str(part["text"])
        for key, value in part.items():
            if key != "confirm" and isinstance(value, dict | list):
                yield from _texts(value)


def buttons_of(shown: Any) -> list[dict[str, Any]]:
    """Return every button that a message or a view shows, with its block's id."""
    found = []
    for block in shown.get("blocks", []):
        parts = [*block.get("elements", []), block.get("accessory") or {}]
        found += [
            {**part, "block_id": block.get("block_id")}
            for part in parts
            if isinstance(part, dict) and part.get("type") == "button"
        ]
    return found
