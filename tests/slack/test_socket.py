"""Socket Mode: payloads come down a socket, acknowledgements go back up, and cuts heal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import document
from tests.slack.desk import OPERATOR, Desk, words
from tests.slack.scripted import CHANNEL, TEAM


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a surface that listens on a socket."""
    made = Desk(tmp_path, http=False)
    yield made
    made.close()


def _command(desk: Desk, text: str, envelope: str) -> dict[str, object]:
    payload = {
        "command": "/invsync",
        "text": text,
        "user_id": OPERATOR,
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "response_url": desk.slack.response_url(),
        "trigger_id": envelope,
    }
    return {"envelope_id": envelope, "type": "slash_commands", "payload": payload}


def test_a_command_down_the_socket(desk: Desk) -> None:
    """The acknowledgement of a command carries its answer."""
    desk.failed(document(number="INV-1042"))
    desk.slack.push(_command(desk, "log", "e1"))
    ack = desk.slack.wait_for("ack")[0].body
    assert ack["envelope_id"] == "e1"
    assert ack["payload"]["response_type"] == "ephemeral"
    assert "INV-1042" in words(ack["payload"])


def test_a_bug_is_acknowledged(desk: Desk) -> None:
    """A payload that breaks our code is acknowledged all the same: no warning mark in Slack."""
    payload = desk.payload("retry", {"not": "a text"})
    desk.slack.push({"envelope_id": "e2", "type": "interactive", "payload": payload})
    assert desk.slack.wait_for("ack")[0].body["envelope_id"] == "e2"
    assert "Reference" in desk.slack.wait_for("response_url")[0].body["text"]


def test_a_cut_socket_is_replaced(desk: Desk) -> None:
    """After the connection was cut another is opened, and commands are answered again."""
    desk.slack.push(_command(desk, "help", "e3"))
    desk.slack.wait_for("ack")
    desk.slack.cut()
    desk.slack.push(_command(desk, "help", "e4"))
    assert desk.slack.wait_for("ack", 2)[1].body["envelope_id"] == "e4"


def test_no_http_payloads_beside_a_socket(desk: Desk) -> None:
    """With a socket, a signed payload by HTTP is not taken: the address does not exist."""
    assert desk.type("help").status == 404


def test_health_knows_the_socket(desk: Desk) -> None:
    """The parts that `/healthz` asks are well while everything ticks."""
    desk.slack.push(_command(desk, "help", "e5"))
    desk.slack.wait_for("ack")
    found = {name: part.check() for name, part in desk.surface.parts().items()}
    assert set(found) == {"database", "schedule", "outbox", "news", "socket"}
    assert set(found.values()) == {None}
