"""Living messages where something of them breaks: what is not broken goes on."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.living import LivingMessages, Thing
from tests.slack.desk import Desk
from tests.slack.scripted import CHANNEL


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a running surface."""
    made = Desk(tmp_path)
    yield made
    made.close()


def thing(number: int) -> Thing:
    """Return something that goes on in the channel."""

    def keep(_kept: dict[str, Any]) -> None:
        """Forget where it stands: each look begins from what was posted."""

    def draw() -> Mapping[str, Any]:
        return {"text": f"thing {number}", "blocks": []}

    return Thing("thing", number, CHANNEL, None, {}, over=False, draw=draw, keep=keep)


def test_a_listing_that_breaks_silences_no_other_kind(desk: Desk) -> None:
    """What it yielded before and the kinds after it are drawn; it rests until it is asked again."""
    asked: list[str] = []

    def broken(_since: datetime) -> Iterator[Thing]:
        asked.append("broken")
        yield thing(1)
        raise KeyError("a column that is not there")

    def whole(_since: datetime) -> Iterator[Thing]:
        asked.append("whole")
        yield thing(2)

    clock = desk.engine.clock
    messages = LivingMessages((broken, whole), desk.store, desk.surface.outbox, clock)
    messages.start()
    try:
        posted = desk.slack.wait_for("chat.postMessage", 2)
        deadline = time.monotonic() + 5
        while asked.count("whole") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        messages.stop()
    assert sorted(one.body["text"] for one in posted) == ["thing 1", "thing 2"]
    assert asked[:3] == ["broken", "whole", "whole"]
