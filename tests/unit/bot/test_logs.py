"""Logs: lines for people or machines, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot import logs

CANARIES = [
    "xoxb-1234-canary",
    "xapp-1-A0-canary",
    "Bearer canary.token",
    "eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOjF9.c2ln",
    "https://hooks.slack.com/actions/T0/1/canary",
    "wss://x.example/link?ticket=canary",
]


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Return where the logs go; afterwards they go where they went before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "INFO", stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_one_json_object_a_line(out: io.StringIO) -> None:
    """Our lines and a library's are JSON objects with time, level and event."""
    structlog.get_logger("ours").info("post.sent", channel="C1")
    logging.getLogger("library").warning("slow: %s s", 3)
    ours, theirs = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (ours["event"], ours["level"], ours["channel"]) == ("post.sent", "info", "C1")
    assert (theirs["event"], theirs["level"]) == ("slow: 3 s", "warning")
    assert ours["timestamp"].endswith("Z")


@pytest.mark.parametrize("text", CANARIES)
def test_secrets_by_pattern(out: io.StringIO, text: str) -> None:
    """What looks like a token never reaches a log, in whatever field, list or traceback."""
    log = structlog.get_logger("ours")
    log.info(text, url=text, deep={"list": [text]})
    logging.getLogger("library").error("failed: %s", text)
    log.error("bug", exc_info=ValueError(text))
    assert "canary" not in out.getvalue()
    assert "eyJhbGci" not in out.getvalue()


@pytest.mark.parametrize("name", ["token", "api_key", "Authorization", "signing_secret", "Cookie"])
def test_secrets_by_name(out: io.StringIO, name: str) -> None:
    """A field whose name speaks of a secret shows stars, however its value looks."""
    structlog.get_logger("ours").info("connect", **{name: "plain"}, nested={name: "plain"})
    assert "plain" not in out.getvalue()
    assert logs.STARS in out.getvalue()


def test_quiet_below_its_level(out: io.StringIO) -> None:
    """Debug lines stay away at level INFO."""
    structlog.get_logger("ours").debug("detail")
    assert out.getvalue() == ""
