"""Where answers may go, and when two messages are the same."""

import pytest

from bot.sender import may_answer, sum_of
from bot.settings import SLACK_API

SANDBOX = "http://127.0.0.1:3000/api/"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.slack.com/actions/T1/2/3",
        "//hooks.slack.com/actions",
        "http://hooks.slack.com/actions",
        "https://hooks.slack.com.example.com/",
        "https://hooks.slack.com:8443/actions",
        "https://user@hooks.slack.com/actions",
        "https://hooks.slack.com@example.com/",
        "https://HOOKS.slack.com./actions",
        "https://example.com/?https://hooks.slack.com/",
        "https://example.com/#hooks.slack.com",
        "https://slack.com/api/chat.postMessage",
        "https://xn--hooks-slack-com.example/",
        "https://2130706433/",
        "https://[::1]/",
        "http://127.0.0.1:3000/respond/1",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "ftp://hooks.slack.com/",
        "javascript:alert(1)",
    ],
)
def test_nowhere_but_slack(url: str) -> None:
    """With the real Slack, a response_url anywhere else is refused."""
    assert not may_answer(url, SLACK_API)


def test_slack_itself() -> None:
    """Slack's own host of response_urls is taken."""
    assert may_answer("https://hooks.slack.com/actions/T1/2/3", SLACK_API)


def test_the_host_that_plays_slack() -> None:
    """Where another host plays Slack, its response_urls are taken, but no third host's."""
    assert may_answer("http://127.0.0.1:3000/respond/1", SANDBOX)
    assert not may_answer("http://127.0.0.1:3001/respond/1", SANDBOX)
    assert not may_answer("https://example.com/respond/1", SANDBOX)


def test_the_same_message_has_the_same_sum() -> None:
    """An edit that would change nothing is recognised; one that changes a word is not."""
    message = {"text": "a", "blocks": [{"type": "divider"}]}
    assert sum_of(message) == sum_of({"blocks": [{"type": "divider"}], "text": "a", "extra": 1})
    assert sum_of(message) != sum_of({**message, "text": "b"})
