"""The line to Slack at its worst: dropped, dead, late, delivered again; one effect, one answer."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App

from bot.slack import Socket, SocketTimes
from bot.web_api import web_client
from demo.driver import Driver, text_of
from sandbox import workspace
from sandbox.serving import Server
from sync.states import Status
from tests.slack.mailroom import workspace_running
from tests.slack.wired import Wired

CLERK, ONCALL, ADMIN = "U0CLERK01", "U0ONCALL1", "U0ADMIN01"
ADMINS_DIRECT = "D0ADMIN01"
QUICK = SocketTimes(ping_seconds=0.2)
NEVER = SocketTimes(ping_seconds=600.0, stale_seconds=0.5, dead_seconds=2.0)
"""Bolt itself would not notice for an hour that its socket is dead."""


@pytest.fixture
def slack() -> Iterator[Server]:
    """Give a workspace."""
    with workspace_running() as server:
        yield server


@pytest.fixture(params=["socket", "http"])
def wired(request: pytest.FixtureRequest, slack: Server, tmp_path: Path) -> Iterator[Wired]:
    """Give a surface, once over a socket and once over HTTP."""
    made = Wired(tmp_path, slack, http=request.param == "http")
    _connected(made)
    yield made
    made.close()


@pytest.fixture
def quick(slack: Server, tmp_path: Path) -> Iterator[Wired]:
    """Give a surface whose socket is asked often whether it lives."""
    made = Wired(tmp_path, slack, socket_times=QUICK)
    _connected(made)
    yield made
    made.close()


def _well_after_a_look(socket: Socket) -> bool:
    socket.check()
    return socket.connected()


def _connected(wired: Wired) -> None:
    _until(lambda: bool(wired.driver.people()["connected"]))


def _until(true: Callable[[], Any], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _retry(wired: Wired, user: str, message: dict[str, Any]) -> dict[str, Any]:
    return wired.click(user, message, "Retry")


def _listed(wired: Wired) -> dict[str, Any]:
    """Return a log that everybody in the channel sees, with one failed document."""
    _until(lambda: wired.type(CLERK, "log share")["ok"], 20.0)  # a busy machine may answer late
    return wired.sees(CLERK, "INV-1042", "Failed")


# --- dropped sockets ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", [True, "abrupt", "mute"], ids=["goodbye", "abrupt", "dead"])
def test_a_lost_socket_is_replaced(quick: Wired, how: Any) -> None:
    """With a goodbye, without one, or silently dead: a new socket takes commands soon."""
    assert quick.type(CLERK, "help")["ok"]
    assert quick.driver.knobs(drop_socket=how)["dropped"] >= 1
    _until(lambda: quick.type(CLERK, "status")["ok"], 20.0)
    assert quick.surface.parts()["socket"].check() is None


def test_no_click_is_lost_with_the_socket(quick: Wired) -> None:
    """A press during the change of sockets is either taken or shown as not taken, never half."""
    sync = quick.failed()
    listed = _listed(quick)
    quick.driver.knobs(drop_socket="abrupt")
    answer = _retry(quick, CLERK, listed)
    row = quick.row(sync.id)
    assert answer["ok"] == (row.status is Status.PENDING)
    _until(lambda: answer["ok"] or _retry(quick, CLERK, listed)["ok"], 20.0)
    assert quick.row(sync.id).retries == 1


def test_a_stale_link_is_rebuilt(slack: Server) -> None:
    """A socket that says it is open and answers nothing is replaced by one that does."""
    client = web_client(workspace.BOT_TOKEN, f"{slack.url}/api/", 2)
    bolt = App(client=client, signing_secret="", process_before_response=True)
    bolt.command("/invsync")(lambda ack: ack("here"))
    socket = Socket(bolt, workspace.APP_TOKEN, client, NEVER)
    driver = Driver(slack.url)
    socket.start()
    assert socket.connected()
    driver.knobs(drop_socket="mute")
    _until(lambda: not socket.connected())
    assert not socket.dead
    _until(lambda: _well_after_a_look(socket), 20.0)
    answer = driver.command(CLERK, "C0FINANCE", "/invsync")
    assert answer["response"]["text"] == "here"
    socket.stop()
    driver.close()


def test_a_process_without_slack_says_that_it_is_dead(slack: Server) -> None:
    """Where no socket can be had for long, the process is told to end for another to start."""
    client = web_client(workspace.BOT_TOKEN, f"{slack.url}/api/", 2)
    bolt = App(client=client, signing_secret="", process_before_response=True)
    socket = Socket(bolt, "xapp-wrong", client, NEVER)
    assert not socket.dead
    socket.start()
    _until(lambda: socket.dead)
    socket.stop()


# --- redelivered and late ----------------------------------------------------------------------


def test_a_redelivered_press_has_one_effect(wired: Wired) -> None:
    """The same press delivered four times, before and after its end, is one try and one answer."""
    sync = wired.failed()
    assert _retry(wired, CLERK, _listed(wired))["ok"]
    acks = wired.driver.knobs(redeliver_last=3)["acks"]
    assert [ack["ok"] for ack in acks] == [True] * 3
    wired.books.missing.clear()
    wired.work()
    wired.sees(CLERK, "Invoice synced successfully")
    wired.driver.knobs(redeliver_last=1)
    assert wired.row(sync.id).retries == 1
    assert wired.books.creates == 1
    assert wired.count(CLERK, "is pending again") == 1
    assert wired.count(CLERK, "Invoice synced successfully") == 1


def test_a_redelivered_command_has_one_effect(wired: Wired) -> None:
    """A `retry` that was typed and delivered again is one try, and says the same again."""
    sync = wired.failed()
    first = wired.type(CLERK, "retry 1042")
    again = wired.driver.knobs(redeliver_last=2)["acks"]
    texts = {one["response"]["text"] for one in (first, *again)}
    assert len(texts) == 1
    assert wired.row(sync.id).retries == 1


def test_a_late_acknowledgement_has_one_effect(wired: Wired) -> None:
    """An answer that Slack counts as too late has its effect once, though Slack asks again."""
    sync = wired.failed()
    listed = _listed(wired)
    wired.driver.knobs(late_ack_s=4)
    assert not _retry(wired, CLERK, listed)["ok"]
    wired.driver.knobs(redeliver_last=1)
    wired.books.missing.clear()
    wired.work()
    wired.sees(CLERK, "Invoice synced successfully")
    assert (wired.row(sync.id).retries, wired.books.creates) == (1, 1)
    assert wired.count(CLERK, "is pending again") == 1


# --- twice at once -----------------------------------------------------------------------------


def test_a_double_click_is_one_try(wired: Wired) -> None:
    """Two presses of one person at once are one try; the second says that it was asked already."""
    sync = wired.failed()
    listed = _listed(wired)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda user: _retry(wired, user, listed), [CLERK, CLERK]))
    assert [answer["ok"] for answer in answers] == [True, True]
    wired.sees(CLERK, "is pending again")
    wired.sees(CLERK, "You asked for it already")
    wired.books.missing.clear()
    wired.work()
    wired.sees(CLERK, "Invoice synced successfully")
    assert (wired.row(sync.id).retries, wired.books.creates) == (1, 1)
    assert wired.count(CLERK, "was first") == 0
    assert wired.count(CLERK, "Invoice synced successfully") == 1


def test_two_people_at_once_are_one_try(wired: Wired) -> None:
    """Two people who press at once lead to one try; one reads who was first, both read the end."""
    sync = wired.failed()
    listed = _listed(wired)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda user: _retry(wired, user, listed), [CLERK, ONCALL]))
    wired.books.missing.clear()
    wired.work()
    for user in (CLERK, ONCALL):
        wired.sees(user, "Invoice synced successfully")

    def told() -> int:
        return wired.count(CLERK, "was first") + wired.count(ONCALL, "was first")

    _until(told)  # it may stand behind the end in line
    assert told() == 1
    assert (wired.row(sync.id).retries, wired.books.creates) == (1, 1)


# --- the digest's channel ----------------------------------------------------------------------


@pytest.mark.parametrize("owner", [None, ONCALL], ids=["an admin", "who is named"])
def test_the_digest_of_a_closed_channel(slack: Server, tmp_path: Path, owner: str | None) -> None:
    """A digest that the channel cannot get goes to the owner, who can read and press it there."""
    wired = Wired(
        tmp_path,
        slack,
        INVSYNC_DIGEST_CHANNEL="C0SHARED1",
        INVSYNC_DIGEST_AT="00:00",
        INVSYNC_OWNER=owner or "",
    )
    reader = owner or ADMIN
    direct = reader.replace("U", "D", 1)
    told = wired.sees(reader, "The digest cannot go to <#C0SHARED1>", channel=direct)
    assert "people of another organisation read it" in text_of(told)
    assert "Invoice sync" in text_of(told)
    assert wired.driver.messages("C0SHARED1", CLERK) == []
    wired.close()
