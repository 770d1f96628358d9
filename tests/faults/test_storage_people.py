"""What people, watchers and senders of webhooks are told while the database is in trouble."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.loop import WITHOUT_DATABASE_SECONDS, Loop
from bot.schedule import Schedule
from bot.web import Health, Part, Pulse, WebServer, listening, site
from sync.clock import SystemClock
from sync.documents import Account, Document
from sync.states import Status
from sync.store import Trouble, Unavailable
from tests.builders import document, order
from tests.faults.storage import TROUBLES, file_of, gone, locked
from tests.slack.desk import NOBODY_LISTENS, OPERATOR, Desk, words
from tests.slack.scripted import CHANNEL, TEAM, refusal

SHORT = 0.3
"""Seconds that the store waits for a lock here, instead of fifteen."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a running surface whose database soon gives up waiting."""
    desk = Desk(tmp_path, busy_seconds=SHORT)
    yield desk
    desk.close()


def honey(number: str = "1042") -> Document:
    """Return a document whose product the books do not have."""
    return document(number, number=f"INV-{number}", of=order(number), sku="HONEY-500")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_press_that_is_not_stored_is_told_so_and_counts_when_pressed_again(
    desk: Desk, trouble: str
) -> None:
    """The presser reads that nothing was stored; afterwards the same press is queued, once."""
    sync = desk.failed(honey())
    with TROUBLES[trouble](desk.store):
        assert desk.press("retry", str(sync.id)).status == 200
        (told,) = desk.slack.wait_for("response_url")
        assert "Not stored" in words(told.body)
        assert "Try again in a minute" in words(told.body)
    assert desk.row(sync.id) == sync
    desk.press("retry", str(sync.id))
    assert desk.row(sync.id).retries == 1
    assert "pending again" in words(desk.slack.wait_for("response_url", 2)[-1].body)


def test_a_press_is_answered_in_slacks_time(tmp_path: Path) -> None:
    """However long writes may wait elsewhere, a presser learns in 3 s that nothing is stored."""
    desk = Desk(tmp_path)
    try:
        sync = desk.failed(honey())
        with locked(desk.store):
            for ask in (
                partial(desk.press, "retry", str(sync.id)),
                partial(desk.type, "retry 1042"),
            ):
                began = time.monotonic()
                assert ask().status == 200
                assert time.monotonic() - began < 3
            assert "Not stored" in words(desk.slack.wait_for("response_url")[0].body)
    finally:
        desk.close()


@pytest.mark.parametrize("trouble", ["gone", "locked"])
def test_a_command_that_is_not_stored_is_told_so(desk: Desk, trouble: str) -> None:
    """`retry` and `sync` answer that nothing was stored, instead of a promise."""
    desk.failed(honey())
    with TROUBLES[trouble](desk.store):
        for text in ("retry 1042", "sync 4044"):
            answer = desk.type(text)
            assert (answer.status, answer.body["response_type"]) == (200, "ephemeral")
            assert "Not stored" in answer.text
            assert "Traceback" not in words(answer.body)
    assert "pending again" in words(desk.type("retry 1042").body)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_press_in_a_modal_is_told_over_the_modal(desk: Desk, trouble: str) -> None:
    """Where there is no response_url, a layer over the open modal says that nothing was stored."""
    sync = desk.failed(honey())
    view = {"id": "V1", "title": {"type": "plain_text", "text": "INV-1042"}, "private_metadata": ""}
    with TROUBLES[trouble](desk.store):
        press = desk.payload("retry", str(sync.id), view=view)
        del press["response_url"], press["channel"]
        assert desk.deliver(press).status == 200
        (pushed,) = desk.slack.wait_for("views.push")
        assert "Not stored" in str(pushed.body["view"])
    assert desk.row(sync.id) == sync


def test_where_slack_takes_no_layer_a_direct_message_tells_it(desk: Desk) -> None:
    """A modal that was closed meanwhile: the presser gets a direct message."""
    sync = desk.failed(honey())
    desk.slack.script("views.push", refusal("expired_trigger_id"))
    view = {"id": "V1", "title": {"type": "plain_text", "text": "INV-1042"}, "private_metadata": ""}
    with gone(desk.store):
        press = desk.payload("retry", str(sync.id), view=view)
        del press["response_url"], press["channel"]
        assert desk.deliver(press).status == 200
        (told,) = desk.slack.wait_for("chat.postMessage")
        assert (told.body["channel"], told.body["text"][:10]) == (OPERATOR, "Not stored")


def test_a_form_that_is_not_stored_stays_open_and_says_so(desk: Desk) -> None:
    """A submitted form keeps what was typed, with the sentence at its first field."""
    submitted = {
        "type": "view_submission",
        "trigger_id": "t0",
        "team": {"id": TEAM},
        "user": {"id": OPERATOR, "team_id": TEAM},
        "view": {
            "id": "V2",
            "type": "modal",
            "callback_id": "sync",
            "private_metadata": json.dumps(
                {"channel": CHANNEL, "url": "", "at": desk.engine.clock.now().isoformat()}
            ),
            "state": {"values": {"numbers": {"numbers": {"value": "4044"}}}},
            "blocks": [{"type": "input", "block_id": "numbers"}],
        },
    }
    with locked(desk.store):
        answer = desk.deliver(submitted)
    assert answer.status == 200
    assert answer.body["response_action"] == "errors"
    assert "Not stored" in answer.body["errors"]["numbers"]
    assert not desk.slack.of("chat.postEphemeral")
    assert desk.deliver(submitted).body == {}
    desk.slack.wait_for("chat.postEphemeral", 2)


def test_an_errand_that_met_a_trouble_is_run_again(desk: Desk) -> None:
    """An order that was promised is fetched and answered after the database is back."""
    assert desk.type("sync 4044").status == 200
    with gone(desk.store):
        time.sleep(0.5)
    (told,) = desk.slack.wait_for("response_url", seconds=20)
    assert "4044" in words(told.body)


# --- over HTTP ---------------------------------------------------------------------------------

EVENT = {"event": "invoice.created", "merchant": 77, "data": {"id": 512}}


@pytest.fixture
def http(desk: Desk) -> Iterator[httpx.Client]:
    """Give a client of the running surface; its shop may send webhooks."""
    secret = {"token": "t", "webhook_secret": "a-webhook-token"}
    now = desk.engine.clock.now()
    account = Account("77", "shop")
    desk.store.connections.save("salla", "shop", NOBODY_LISTENS, secret, account, now)
    with httpx.Client(base_url=desk.url, trust_env=False, timeout=30) as client:
        yield client


def hook(http: httpx.Client) -> int:
    """Deliver a webhook; return the status of the answer."""
    headers = {"X-Salla-Security-Strategy": "Token", "Authorization": "a-webhook-token"}
    return http.post("/webhooks/salla/shop", json=EVENT, headers=headers).status_code


@pytest.mark.parametrize("trouble", ["gone", "locked"])
def test_a_webhook_that_is_not_stored_is_to_be_sent_again(
    desk: Desk, http: httpx.Client, trouble: str
) -> None:
    """The sender gets 503 while nothing can be stored, and 200 once it is; one hint is kept."""
    with TROUBLES[trouble](desk.store):
        assert hook(http) == 503
    assert hook(http) == 200
    with desk.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM hints").scalar() == 1


def test_the_pages_of_a_consent_say_try_again(desk: Desk, http: httpx.Client) -> None:
    """A browser that comes while the database is away gets 503 and a sentence, no traceback."""
    with gone(desk.store):
        page = http.get("/oauth/hubspot/start", params={"ticket": "T" * 40})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "Nothing was kept; try again in a minute." in page.text


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("full", "disk of the database is full. Make room"),
        ("gone", "cannot be opened"),
        ("locked", "locked by another process"),
    ],
)
def test_the_process_stays_alive_and_says_what_is_wrong(
    desk: Desk, trouble: str, says: str
) -> None:
    """`/readyz` names the trouble and its remedy, `/healthz` stays 200; both mend by themselves."""
    pulse = Pulse(desk.store.ping, 60)
    health = Health({"database": Part(pulse.wrong), "loop": Part(lambda: None, vital=True)})
    server = WebServer(site(health), listening("127.0.0.1", 0))
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as http:
        pulse.beat()
        assert http.get("/readyz").status_code == 200
        with TROUBLES[trouble](desk.store):
            with pytest.raises(Unavailable):
                pulse.beat()
            ready, live = http.get("/readyz"), http.get("/healthz")
            assert (ready.status_code, live.status_code) == (503, 200)
            assert says in ready.json()["parts"]["database"]
            assert str(file_of(desk.store)) not in ready.text
        pulse.beat()
        assert http.get("/readyz").status_code == 200
    server.stop()


def test_everything_goes_on_after_the_database_was_away(desk: Desk, http: httpx.Client) -> None:
    """Loops, clock and outbox outlive a trouble of several beats: a press then ends as ever."""
    sync = desk.failed(honey())
    with gone(desk.store):
        desk.surface.ring()
        time.sleep(1.5)
        assert http.get("/healthz").status_code == 200
    desk.books.missing.clear()
    desk.press("retry", str(sync.id))
    desk.work()
    (told,) = desk.slack.wait_for("chat.postEphemeral", seconds=20)
    assert "synced successfully" in words(told.body)
    assert desk.row(sync.id).status is Status.SUCCESS


def test_clock_and_loops_tick_on_without_a_database() -> None:
    """A job and a step that find no database come again at their time, and count as alive."""
    tries: list[str] = []

    def in_vain(what: str) -> Any:
        tries.append(what)
        raise Unavailable(Trouble.AWAY, "db.example")

    schedule, loop = Schedule(SystemClock()), Loop("vain", lambda: in_vain("step"))
    schedule.every(0.1, partial(in_vain, "job"))
    schedule.start()
    loop.start()
    try:
        deadline = time.monotonic() + 10
        while min(tries.count("job"), tries.count("step")) < 2:
            assert time.monotonic() < deadline, tries
            time.sleep(0.02)
        assert schedule.age_seconds() < 1
        assert loop.age_seconds() < WITHOUT_DATABASE_SECONDS + 1
    finally:
        loop.stop()
        schedule.stop()
