"""The workspace with a real Bolt app in Socket Mode: what people do arrives, answers come back."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox import workspace
from sandbox.serving import Server

Json = dict[str, Any]
WHERE = {"user": "U0CLERK01", "channel": "C0FINANCE"}
WAIT_SECONDS = 8.0


def words(text: str) -> Json:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def button(action: str, value: str) -> Json:
    """Return a button."""
    return {"type": "button", "action_id": action, "value": value, "text": words(action)}


def actions(*elements: Json) -> list[Json]:
    """Return one block of buttons."""
    return [{"type": "actions", "block_id": "row", "elements": list(elements)}]


NAME = {
    "type": "input",
    "block_id": "name",
    "label": words("Name"),
    "element": {"type": "plain_text_input", "action_id": "typed"},
}
MODAL = {
    "type": "modal",
    "callback_id": "ask",
    "private_metadata": "kept",
    "title": words("Ask"),
    "submit": words("Save"),
    "blocks": [NAME, *actions(button("inside", "7"))],
}


@dataclass
class House:
    """A workspace with an app in it; `heard` is what the app was told, by name."""

    server: Server
    client: WebClient
    heard: dict[str, Any] = field(default_factory=dict)

    def act(self, action: str, **given: Any) -> Json:
        """Act as a person."""
        answer = httpx.post(f"{self.server.url}/driver/{action}", json=given, timeout=20)
        body: Json = answer.json()
        return body

    def look(self, path: str) -> Json:
        """Return what the driver shows."""
        body: Json = httpx.get(f"{self.server.url}/driver/{path}", timeout=20).json()
        return body

    def messages(self, user: str = "U0CLERK01") -> list[Json]:
        """Return what a person sees in the channel."""
        found: list[Json] = self.look(f"channels/C0FINANCE/messages?user={user}")["messages"]
        return found

    def until(self, seen: Callable[[], Any]) -> Any:
        """Return what `seen` finds as soon as it finds something."""
        end = time.monotonic() + WAIT_SECONDS
        news = "channels/C0FINANCE/messages?user=U0CLERK01&timeout=0.1&after_version="
        version = 0
        while time.monotonic() < end:
            found = seen()
            if found:
                return found
            version = self.look(f"{news}{version}")["version"]
        raise AssertionError("it was never seen")

    def post(self, *elements: Json) -> str:
        """Let the app post buttons; returns the ts."""
        answer = self.client.chat_postMessage(
            channel="C0FINANCE", text="buttons", blocks=actions(*elements)
        )
        return str(answer["ts"])


def bolt(house: House) -> App:
    """Return an app that does one of everything."""
    app = App(client=house.client, token_verification_enabled=False)
    for listen in (answer, open_modals, take_modals, offer):
        listen(app, house)
    for name in ("inside", "find", "choose"):
        hear(app, house, name)
    return app


def hear(app: App, house: House, name: str) -> None:
    """Let the app take one action and keep it."""

    @app.action(name)
    def taken(ack: Any, body: Json) -> None:
        house.heard[name] = body
        ack()


def answer(app: App, house: House) -> None:
    """Let the app answer a command, and a press on that answer."""

    @app.command("/invsync")
    def command(ack: Any, body: Json, respond: Any) -> None:
        house.heard["command"] = body
        ack()
        respond(text="first", blocks=actions(button("again", "1")))

    @app.action("again")
    def again(ack: Any, body: Json, respond: Any) -> None:
        house.heard["again"] = body
        ack()
        respond(text="second", replace_original=True)


def open_modals(app: App, house: House) -> None:
    """Let the app open a modal, and try it twice with one trigger."""

    @app.action("open")
    def opened(ack: Any, body: Json, client: WebClient) -> None:
        ack()
        try:
            client.views_open(trigger_id=body["trigger_id"], view=MODAL)
            client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        except SlackApiError as error:
            house.heard["refused"] = error.response["error"]


def take_modals(app: App, house: House) -> None:
    """Let the app refuse `wrong` in its modal and take everything else."""

    @app.view("ask")
    def asked(ack: Any, body: Json) -> None:
        house.heard["asked"] = body
        typed = body["view"]["state"]["values"]["name"]["typed"]["value"]
        if typed == "wrong":
            ack(response_action="errors", errors={"name": "Not this one"})
        else:
            ack()


def offer(app: App, house: House) -> None:
    """Let the app find options, and see who looks at its Home."""

    @app.options("find")
    def options(ack: Any, body: Json) -> None:
        ack(options=[{"text": words(f"{body['value']}-1"), "value": "1"}])

    @app.event("app_home_opened")
    def visited(event: Json) -> None:
        house.heard["visited"] = event


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Start a workspace and an app that is connected to it."""
    server = Server(workspace.create()).start()
    client = WebClient(workspace.BOT_TOKEN, base_url=f"{server.url}/api/", retry_handlers=[])
    made = House(server, client)
    handler = SocketModeHandler(bolt(made), workspace.APP_TOKEN, web_client=client)
    handler.connect()  # type: ignore[no-untyped-call]  # because Bolt leaves it untyped
    made.until(lambda: made.look("people")["connected"])
    yield made
    handler.close()  # type: ignore[no-untyped-call]  # because Bolt leaves it untyped
    server.stop()


def test_a_command_arrives_and_is_answered_to_one_person(house: House) -> None:
    """A typed command reaches the app whole, and its response_url answer is seen by that person."""
    answer = house.act("command", **WHERE, text="/invsync show INV-1")
    assert answer["ok"]
    assert answer["ack_ms"] < 3000
    heard = house.heard["command"]
    assert (heard["command"], heard["text"], heard["user_id"]) == (
        "/invsync",
        "show INV-1",
        "U0CLERK01",
    )
    house.until(lambda: any(one["text"] == "first" for one in house.messages()))
    assert not any(one["text"] == "first" for one in house.messages("U0MANAGER"))


def test_an_answer_replaces_the_message_that_was_pressed(house: House) -> None:
    """A press on an ephemeral message can be answered by another content of that message."""
    house.act("command", **WHERE, text="/invsync")
    mine = house.until(lambda: [m for m in house.messages() if m["text"] == "first"])[-1]
    before = len(house.messages())
    assert house.act("click", **WHERE, ts=mine["ts"], action_id="again")["ok"]
    assert house.heard["again"]["container"]["is_ephemeral"]
    assert "message" not in house.heard["again"]
    changed = house.until(
        lambda: [m for m in house.messages() if (m["ts"], m["text"]) == (mine["ts"], "second")]
    )
    assert changed[0]["edited"]
    assert len(house.messages()) == before


def test_a_trigger_opens_one_modal(house: House) -> None:
    """A press opens a modal for the person who pressed; the same trigger opens no second one."""
    ts = house.post(button("open", "1"), button("open2", "2"))
    house.heard.pop("refused", None)  # another test's
    assert house.act("click", **WHERE, ts=ts, action_id="open", value="1")["ok"]
    house.until(lambda: house.heard.get("refused"))
    assert house.heard["refused"] == "exchanged_trigger_id"
    (view,) = house.look("views?user=U0CLERK01")["views"]
    assert (view["callback_id"], view["private_metadata"]) == ("ask", "kept")
    assert house.look("views?user=U0MANAGER")["views"] == []


def test_a_modal_shows_errors_and_goes_when_all_is_well(house: House) -> None:
    """What was typed arrives; refused, the modal stays with the error; taken, it goes."""
    ts = house.post(button("open", "1"))
    house.act("click", **WHERE, ts=ts, action_id="open")
    (view,) = house.until(lambda: house.look("views?user=U0CLERK01")["views"])
    asked = {"user": "U0CLERK01", "view_id": view["id"]}
    assert house.act("click", **asked, action_id="inside")["ok"]
    assert house.heard["inside"]["actions"][0]["value"] == "7"
    for typed, errors in (("wrong", [{"name": "Not this one"}]), ("right", [])):
        values = {"name": {"typed": {"type": "plain_text_input", "value": typed}}}
        assert house.act("submit", **asked, values=values)["ok"]
        shown = house.look("views?user=U0CLERK01")["views"]
        assert [one["errors"] for one in shown] == errors


def test_a_press_that_nobody_takes_leaves_a_mark(house: House) -> None:
    """A button whose press the app does not acknowledge carries a warning."""
    ts = house.post(button("nobody", "1"))
    answer = house.act("click", **WHERE, ts=ts, action_id="nobody")
    assert (answer["ok"], "acknowledge" in answer["error"]) == (False, True)
    (message,) = [one for one in house.messages() if one["ts"] == ts]
    assert message["warned"] == ["row:nobody"]


def test_an_acknowledgement_comes_too_late(house: House) -> None:
    """From three seconds on a person reads that nothing came, though the app has acted."""
    ts = house.post(button("inside", "8"))
    house.act("knobs", late_ack_s=4)
    answer = house.act("click", **WHERE, ts=ts, action_id="inside")
    assert (answer["ok"], house.heard["inside"]["actions"][0]["value"]) == (False, "8")
    assert house.act("click", **WHERE, ts=ts, action_id="inside")["ok"]


def test_a_late_trigger_opens_nothing(house: House) -> None:
    """A trigger older than three seconds is refused with Slack's own word."""
    house.heard.pop("refused", None)
    house.act("knobs", expire_trigger=1)
    house.act("click", **WHERE, ts=house.post(button("open", "1")), action_id="open")
    assert house.until(lambda: house.heard.get("refused")) == "expired_trigger_id"


def test_somebody_of_another_workspace_arrives_as_such(house: House) -> None:
    """A press carries the presser's own team, so that the app can refuse it."""
    ts = house.post(button("again", "1"))
    house.act("click", **{**WHERE, "user": "U0OTHER01"}, ts=ts, action_id="again")
    assert house.heard["again"]["user"]["team_id"] == "T0OTHER"
    assert house.heard["again"]["team"]["id"] != "T0OTHER"


def test_a_choice_arrives_with_its_state(house: House) -> None:
    """A choice in a select or a day tells the app what was chosen, in `actions` and in `state`."""
    option = {"text": words("One"), "value": "1"}
    chosen = {"type": "static_select", "action_id": "choose", "options": [option]}
    ts = house.post(chosen)
    assert house.act("click", **WHERE, ts=ts, action_id="choose", value="1")["ok"]
    told = {"type": "static_select", "selected_option": option}
    heard = house.heard["choose"]
    assert heard["actions"][0]["selected_option"] == option
    assert heard["state"]["values"] == {"row": {"choose": told}}
    ts = house.post({"type": "datepicker", "action_id": "choose"})
    house.act("click", **WHERE, ts=ts, action_id="choose", value="2026-01-31")
    assert house.heard["choose"]["actions"][0]["selected_date"] == "2026-01-31"


def test_an_external_select_finds_its_options(house: House) -> None:
    """What is typed into an external select reaches the app, and its options come back."""
    ts = house.post({"type": "external_select", "action_id": "find"})
    found = house.act("suggest", **WHERE, ts=ts, action_id="find", value="INV")
    assert [one["text"]["text"] for one in found["options"]] == ["INV-1"]
    house.act("click", **WHERE, ts=ts, action_id="find", value="1", label="INV-1")
    option = house.heard["find"]["actions"][0]["selected_option"]
    assert (option["value"], option["text"]["text"]) == ("1", "INV-1")


def test_a_look_at_home_is_told_and_its_buttons_work(house: House) -> None:
    """Who opens the App Home is told to the app; a button there is pressed by the view's id."""
    house.client.views_publish(
        user_id="U0CLERK01", view={"type": "home", "blocks": actions(button("inside", "9"))}
    )
    assert house.act("home", user="U0CLERK01")["ok"]
    assert house.until(lambda: house.heard.get("visited"))["user"] == "U0CLERK01"
    view = house.look("home?user=U0CLERK01")["view"]
    assert house.act("click", user="U0CLERK01", view_id=view["id"], action_id="inside")["ok"]
    assert house.heard["inside"]["view"]["type"] == "home"


def test_what_is_not_there_cannot_be_pressed(house: House) -> None:
    """A button that the message does not have is refused in words, without asking the app."""
    ts = house.post(button("again", "1"))
    for given in ({"action_id": "other"}, {"action_id": "again", "value": "2"}):
        answer = httpx.post(f"{house.server.url}/driver/click", json={**WHERE, "ts": ts, **given})
        assert (answer.status_code, answer.json()["ok"]) == (400, False)


def test_a_dropped_socket_comes_back(house: House) -> None:
    """After the workspace ends the socket the app opens another, and commands go on."""
    house.act("knobs", drop_socket=True)
    assert house.until(lambda: house.act("command", **WHERE, text="/invsync")["ok"])
