"""The workspace: Slack's own rules, held by slack_sdk and Bolt over real sockets."""

import time
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox import workspace
from sandbox.serving import Server
from sandbox.workspace.blockkit import problems
from tests.sandbox.refusals import refused

TEXT = {"type": "mrkdwn", "text": "hello"}
WORDS = {"type": "plain_text", "text": "Go"}
BUTTON = {"type": "button", "action_id": "go", "text": WORDS}
SECTION = {"type": "section", "text": TEXT}


def test_tokens_are_asked_for(slack: Server) -> None:
    """No token, a wrong token and a bot's token for a socket each get Slack's own error."""
    for token, error in (("", "not_authed"), ("xoxb-wrong", "invalid_auth")):
        stranger = WebClient(token, base_url=f"{slack.url}/api/", retry_handlers=[])
        assert refused(stranger.auth_test) == error
    bot = WebClient(workspace.BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
    asked = {"app_token": workspace.BOT_TOKEN}
    assert refused(bot.apps_connections_open, **asked) == "not_allowed_token_type"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0GENERAL", "text": "x"}, "not_in_channel"),
        ({"channel": "C0ARCHIVE", "text": "x"}, "is_archived"),
        ({"channel": "C0FINANCE", "text": "x", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        (
            {
                "channel": "C0FINANCE",
                "text": "x",
                "blocks": [{"type": "section", "text": {**TEXT, "text": "x" * 3000}}] * 5,
            },
            "msg_blocks_too_long",
        ),
    ],
)
def test_posts_that_slack_refuses(client: WebClient, given: dict[str, Any], error: str) -> None:
    """A post to the wrong place or of the wrong shape gets Slack's own error code."""
    assert refused(client.chat_postMessage, **given) == error


def test_a_message_needs_words(slack: Server) -> None:
    """A post without text and blocks is refused; the SDK would only warn."""
    headers = {"Authorization": f"Bearer {workspace.BOT_TOKEN}"}
    url = f"{slack.url}/api/chat.postMessage"
    answer = httpx.post(url, json={"channel": "C0FINANCE"}, headers=headers)
    assert answer.json() == {"ok": False, "error": "no_text"}


def test_a_message_is_edited_in_place(client: WebClient, slack: Server) -> None:
    """An edit changes the message that people see, and marks it as edited."""
    posted = client.chat_postMessage(channel="C0FINANCE", text="one")
    client.chat_update(channel="C0FINANCE", ts=posted["ts"], text="two")
    url = f"{slack.url}/driver/channels/C0FINANCE/messages?user=U0CLERK01"
    shown = [one for one in httpx.get(url).json()["messages"] if one["ts"] == posted["ts"]]
    assert [(one["text"], one["edited"]) for one in shown] == [("two", True)]
    assert (
        refused(client.chat_update, channel="C0FINANCE", ts="1.1", text="x") == "message_not_found"
    )


def test_a_whisper_is_seen_by_one_person(client: WebClient, slack: Server) -> None:
    """An ephemeral message is there for the person it was sent to, and for nobody else."""
    client.chat_postEphemeral(channel="C0FINANCE", user="U0CLERK01", text="only for Layla")
    seen = []
    for user in ("U0CLERK01", "U0ONCALL1"):
        url = f"{slack.url}/driver/channels/C0FINANCE/messages?user={user}"
        texts = [one["text"] for one in httpx.get(url).json()["messages"]]
        seen.append("only for Layla" in texts)
    assert seen == [True, False]


def test_a_trigger_opens_one_modal_and_is_used_up(client: WebClient) -> None:
    """An invented trigger opens nothing."""
    view = {"type": "modal", "title": WORDS, "blocks": [SECTION]}
    assert refused(client.views_open, trigger_id="1.2", view=view) == "invalid_trigger_id"


def test_a_rate_limit_comes_with_its_wait(client: WebClient, slack: Server) -> None:
    """The knob lets the next call answer 429 with Retry-After, and the one after it pass."""
    limit = {"method": "chat.postMessage", "retry_after": 7}
    httpx.post(f"{slack.url}/driver/knobs", json={"rate_limit_next": limit})
    with pytest.raises(SlackApiError) as error:
        client.chat_postMessage(channel="C0FINANCE", text="x")
    assert error.value.response.headers["Retry-After"] == "7"
    client.chat_postMessage(channel="C0FINANCE", text="x")


def test_without_an_app_a_command_times_out(slack: Server) -> None:
    """Where no app is connected the person reads Slack's own words."""
    given = {"user": "U0CLERK01", "channel": "C0FINANCE", "text": "/invsync"}
    began = time.monotonic()
    answer = httpx.post(f"{slack.url}/driver/command", json=given).json()
    assert (answer["ok"], answer["error"]) == (False, "operation_timeout")
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "given",
    [
        {"user": "U0NOBODY1", "channel": "C0FINANCE", "text": "/invsync"},
        {"user": "U0CLERK01", "channel": "C0NOWHERE", "text": "/invsync"},
        {"user": "U0CLERK01", "channel": "C0FINANCE", "text": "/other"},
        {"user": "U0CLERK01", "channel": "C0FINANCE", "text": "/invsync", "thread_ts": "1.1"},
    ],
)
def test_a_command_that_cannot_be_typed(slack: Server, given: dict[str, str]) -> None:
    """An unknown person, channel or command, and a command in a thread, are refused in words."""
    answer = httpx.post(f"{slack.url}/driver/command", json=given)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


def _text(length: int, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": "x" * length}


WRONG = [
    [{"type": "section"}],
    [{"type": "section", "text": _text(0)}],
    [{"type": "section", "text": _text(3001)}],
    [{"type": "section", "fields": []}],
    [{"type": "section", "fields": [_text(2001)]}],
    [{"type": "section", "fields": [TEXT] * 11}],
    [{"type": "header", "text": TEXT}],
    [{"type": "header", "text": _text(151, "plain_text")}],
    [{"type": "context", "elements": []}],
    [{"type": "context", "elements": [TEXT] * 11}],
    [{"type": "actions", "elements": []}],
    [{"type": "actions", "elements": [BUTTON, BUTTON]}],
    [{"type": "actions", "elements": [{**BUTTON, "action_id": str(n)} for n in range(26)]}],
    [{"type": "actions", "elements": [{**BUTTON, "text": TEXT}]}],
    [{"type": "actions", "elements": [{**BUTTON, "text": _text(76, "plain_text")}]}],
    [{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}],
    [{"type": "actions", "elements": [{**BUTTON, "url": "x" * 3001}]}],
    [{"type": "actions", "elements": [{**BUTTON, "style": "blue"}]}],
    [{"type": "actions", "elements": [{"type": "overflow", "action_id": "o", "options": []}]}],
    [{**SECTION, "accessory": {"type": "overflow", "options": [{"text": WORDS}]}}],
    [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}],
    [{**SECTION, "block_id": "x" * 256}],
    [{"type": "image", "image_url": "http://x"}],
    [{"type": "table", "rows": []}],
    [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}],
    [{"type": "alert", "text": TEXT}],
    [{"type": "unheard_of"}],
    [SECTION] * 51,
    ["no object"],
]


@pytest.mark.parametrize("blocks", WRONG)
def test_wrong_blocks_are_found(blocks: list[Any]) -> None:
    """Each block that Slack would refuse is named with a pointer to what is wrong."""
    found = problems(blocks, "message")
    assert found
    assert all("json-pointer:" in one for one in found)


def test_good_blocks_pass() -> None:
    """What Slack takes has no problems, in a message and in a modal."""
    blocks = [SECTION, {"type": "actions", "elements": [BUTTON]}, {"type": "divider"}]
    assert problems(blocks, "message") == []
    view = {"type": "modal", "title": WORDS, "blocks": blocks}
    assert problems(view, "modal") == []
    assert problems({**view, "title": _text(25, "plain_text")}, "modal")
