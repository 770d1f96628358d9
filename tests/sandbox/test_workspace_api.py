"""The workspace's methods about places, metadata and Home, and what the driver refuses in words."""

from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from sandbox import workspace
from sandbox.serving import Server
from tests.sandbox.refusals import refused

MARK = {"event_type": "mark", "event_payload": {"uid": "1"}}
WORDS = {"type": "plain_text", "text": "Go"}
HOME = {
    "type": "home",
    "blocks": [
        {
            "type": "actions",
            "block_id": "row",
            "elements": [{"type": "button", "action_id": "go", "text": WORDS}],
        }
    ],
}


def test_metadata_is_told_where_it_is_asked_for(client: WebClient) -> None:
    """A channel's history carries metadata only with include_all_metadata."""
    ts = client.chat_postMessage(channel="C0FINANCE", text="marked", metadata=MARK)["ts"]
    found = []
    for whole in (True, False):
        rows = client.conversations_history(channel="C0FINANCE", include_all_metadata=whole)
        (row,) = [one for one in rows["messages"] if one["ts"] == ts]
        found.append(row.get("metadata"))
    assert found == [MARK, None]


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"event_type": "mark"}, "invalid_metadata_schema"),
        ({"event_type": "", "event_payload": {}}, "invalid_metadata_schema"),
        ({"event_type": "mark", "event_payload": {"x": "x" * 9000}}, "metadata_too_large"),
    ],
)
def test_metadata_that_slack_refuses(client: WebClient, metadata: Any, error: str) -> None:
    """Metadata without a type or payload, or too large, gets Slack's own error."""
    given = {"channel": "C0FINANCE", "text": "x", "metadata": metadata}
    assert refused(client.chat_postMessage, **given) == error


def test_the_bot_joins_a_channel() -> None:
    """After joining, the bot is a member and may post; an archived channel takes nobody."""
    server = Server(workspace.create()).start()
    client = WebClient(workspace.BOT_TOKEN, base_url=f"{server.url}/api/", retry_handlers=[])
    try:
        bot = client.auth_test()["user_id"]
        assert bot not in client.conversations_members(channel="C0GENERAL")["members"]
        client.conversations_join(channel="C0GENERAL")
        assert bot in client.conversations_members(channel="C0GENERAL")["members"]
        assert client.chat_postMessage(channel="C0GENERAL", text="here")["ok"]
        assert refused(client.conversations_join, channel="C0ARCHIVE") == "is_archived"
    finally:
        server.stop()


def test_a_home_is_published_and_guarded_by_its_hash(client: WebClient, slack: Server) -> None:
    """A person's Home is what the app published; an outdated hash is refused."""
    first = client.views_publish(user_id="U0CLERK01", view=HOME)["view"]
    second = client.views_publish(user_id="U0CLERK01", view=HOME, hash=first["hash"])["view"]
    stale = {"user_id": "U0CLERK01", "view": HOME, "hash": first["hash"]}
    assert refused(client.views_publish, **stale) == "hash_conflict"
    shown = httpx.get(f"{slack.url}/driver/home?user=U0CLERK01").json()["view"]
    assert (shown["hash"], shown["id"]) == (second["hash"], first["id"])


def test_a_view_has_a_size(client: WebClient) -> None:
    """A view of more than 250 KB is refused before anything else is looked at."""
    section = {"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}
    view = {"type": "modal", "title": WORDS, "blocks": [section] * 100}
    assert refused(client.views_open, trigger_id="1.2", view=view) == "view_too_large"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{half", "invalid_json"),
        (b'{"channel": "C0FINANCE", "text": "x", "blocks": "half["}', "invalid_blocks_format"),
        (b'{"channel": "C0FINANCE", "text": "x", "metadata": "half{"}', "invalid_arguments"),
    ],
)
def test_a_broken_body_is_answered(slack: Server, body: bytes, error: str) -> None:
    """A body that is no JSON, or carries none where it should, is refused and breaks nothing."""
    headers = {
        "Authorization": f"Bearer {workspace.BOT_TOKEN}",
        "Content-Type": "application/json",
    }
    answer = httpx.post(f"{slack.url}/api/chat.postMessage", content=body, headers=headers)
    assert answer.json() == {"ok": False, "error": error}


@pytest.mark.parametrize("path", ["command", "click", "submit", "close", "knobs", "home"])
@pytest.mark.parametrize("body", [b"", b"half{", b"[]"])
def test_the_driver_wants_an_object(slack: Server, path: str, body: bytes) -> None:
    """What is no JSON object is refused by every action of the driver, in words."""
    answer = httpx.post(f"{slack.url}/driver/{path}", content=body)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


@pytest.mark.parametrize(
    "given",
    [
        {"late_ack_s": "soon"},
        {"rate_limit_next": {"count": 1}},
        {"rate_limit_next": "all"},
        {"lose_answer": None},
        {"redeliver_last": "twice"},
    ],
)
def test_a_knob_turned_wrongly(slack: Server, given: Any) -> None:
    """A knob that is turned to nonsense is refused in words."""
    answer = httpx.post(f"{slack.url}/driver/knobs", json=given)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
