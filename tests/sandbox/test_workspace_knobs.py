"""The workspace's bad days: each knob does what the sandbox's page says of it."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox import workspace
from sandbox.serving import Server
from sandbox.workspace.knobs import Knobs

CHANNEL = "C0FINANCE"
RENAMED = {
    "expire_triggers": "expire_trigger",
    "lose_answers": "lose_answer",
    "lose_calls": "lose_call",
    "limited": "rate_limit_next",
    "refused": "refuse_next",
}
AT_ONCE = ("drop_socket", "redeliver_last", "channels", "events_url")
PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


@pytest.fixture
def slack() -> Iterator[Server]:
    """Start a workspace."""
    server = Server(workspace.create()).start()
    yield server
    server.stop()


def turn(slack: Server, **given: Any) -> httpx.Response:
    """Turn knobs."""
    return httpx.post(f"{slack.url}/driver/knobs", json=given)


def texts(slack: Server) -> list[str]:
    """Return what stands in the channel."""
    url = f"{slack.url}/driver/channels/{CHANNEL}/messages?user=U0CLERK01"
    return [one["text"] for one in httpx.get(url).json()["messages"]]


@pytest.mark.parametrize("told", ["0", "Fri, 09 Oct 2026 06:00:20 GMT", None])
def test_a_limit_says_what_it_is_told_to(
    client: WebClient, slack: Server, told: str | None
) -> None:
    """Retry-After is a number, a date, or not there at all."""
    turn(slack, rate_limit_next={"method": "chat.postMessage", "retry_after": told})
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert error.value.response.headers.get("Retry-After") == told
    client.chat_postMessage(channel=CHANNEL, text="x")


def test_a_method_is_refused_so_often(client: WebClient, slack: Server) -> None:
    """A refusal has Slack's words, happens as often as asked, and has no effect."""
    refuse = {"method": "chat.postMessage", "error": "restricted_action", "count": 2}
    turn(slack, refuse_next=refuse)
    for _ in range(2):
        with pytest.raises(SlackApiError, match="restricted_action"):
            client.chat_postMessage(channel=CHANNEL, text="x")
    client.chat_postMessage(channel=CHANNEL, text="y")
    assert texts(slack) == ["y"]


@pytest.mark.parametrize(("knob", "stands"), [("lose_call", []), ("lose_answer", ["x"])])
def test_a_post_is_lost_on_one_way(
    client: WebClient, slack: Server, knob: str, stands: list[str]
) -> None:
    """A lost call stores nothing, a lost answer does; either way the connection ends."""
    turn(slack, **{knob: 1})
    with pytest.raises(OSError, match="closed"):
        client.chat_postMessage(channel=CHANNEL, text="x")
    assert texts(slack) == stands


def test_a_channel_changes(client: WebClient, slack: Server) -> None:
    """A channel is shared and archived by a knob, and the API tells so."""
    turn(slack, channels=[{"id": CHANNEL, "shared": True, "archived": True}])
    described = client.conversations_info(channel=CHANNEL)["channel"]
    assert (described["is_ext_shared"], described["is_archived"]) == (True, True)
    assert turn(slack, channels=[{"id": "C0NOWHERE"}]).status_code == 400


def test_history_has_pages(client: WebClient) -> None:
    """What does not fit a page of the history is behind its cursor, nothing twice."""
    for number in range(5):
        client.chat_postMessage(channel=CHANNEL, text=str(number))
    seen: list[str] = []
    cursor = None
    while True:
        page = client.conversations_history(channel=CHANNEL, limit=2, cursor=cursor)
        seen += [one["text"] for one in page["messages"]]
        if not page["has_more"]:
            break
        cursor = page["response_metadata"]["next_cursor"]
    assert seen == ["4", "3", "2", "1", "0"]


def test_every_knob_is_documented() -> None:
    """Each knob that the workspace reads stands in the sandbox's page."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    assert {field.name for field in fields(Knobs)} == {"late_ack_s", *RENAMED}
    assert {"late_ack_s", *RENAMED.values(), *AT_ONCE} <= named
