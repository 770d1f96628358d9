"""Held connections as people meet them: one message that lives, pause, resume, reconnect."""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.documents import Account, Document
from sync.errors import ErrorType, Failure, Reconnect
from sync.records import HoldKind
from sync.store.holds import Trouble
from tests.builders import discovered, document, order
from tests.slack.desk import ADMIN, OPERATOR, TIMES, VIEWER, Desk, actions, words
from tests.slack.scripted import CHANNEL


class Front(Desk):
    """A desk with a digest channel, whose lane keeps to what a hold allows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, INVSYNC_DIGEST_CHANNEL=CHANNEL)

    def work(self) -> None:
        """Look at the holds, then claim what they let begin and run it."""
        self.engine.holding.look()
        now = self.engine.clock.now()
        width = self.store.holds.width("books", 10)
        for sync in self.store.queue.claim("books", "w", width, now, TIMES.leasing):
            self._worker.run(sync)
        self.surface.ring()

    def add(self, *numbers: int) -> list[int]:
        """Let the engine discover documents."""
        now = self.engine.clock.now()
        return [
            discovered(self.store, self.route, self.shop.add(_document(number)), now)
            for number in numbers
        ]

    def told(self, *parts: str) -> Mapping[str, Any]:
        """Wait until a message or its edit says all `parts`; returns it."""
        deadline = time.monotonic() + 10
        while True:
            calls = [*self.slack.of("chat.postMessage"), *self.slack.of("chat.update")]
            for call in calls:
                if all(part in words(call.body) for part in parts):
                    return call.body
            assert time.monotonic() < deadline, [words(call.body) for call in calls]
            time.sleep(0.05)

    def posts(self) -> int:
        """Return how many messages of holds were posted: the digest tells of them too."""
        said = [words(call.body) for call in self.slack.of("chat.postMessage")]
        return sum("Daftra (books)" in one and "Next digest" not in one for one in said)

    def refuse(self) -> None:
        """Let the next request to the books be refused, and one sync meet that."""
        reason = "Daftra refused the key (401)"
        self.books.fails = [Reconnect(Failure(ErrorType.UNAUTHORIZED, "books", reason), "books")]
        (sync,) = self.store.queue.claim("books", "w", 1, self.engine.clock.now(), TIMES.leasing)
        self._worker.run(sync)
        self.surface.ring()

    def reconnect(self) -> None:
        """Connect the books again."""
        known = self.store.connections.get("books")
        assert known is not None
        whose = Account(known.account, known.account_name)
        self.engine.connect("daftra", "books", known.base_url, {"token": "new"}, whose)


def _document(number: int) -> Document:
    return document(str(number), number=f"INV-{number}", of=order(str(number)))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """Give a running surface."""
    made = Front(tmp_path)
    yield made
    made.close()


def test_one_message_tells_of_a_refusal_until_all_have_gone(front: Front) -> None:
    """Posted when the token is refused, edited as documents come and go, final at the end."""
    front.add(1, 2, 3)
    front.refuse()
    posted = front.told("Daftra (books) is disconnected.", "2 documents waiting, SAR 230.00.")
    assert posted["channel"] == CHANNEL
    assert "Nothing is lost, nothing is retried." in words(posted)
    assert ("reconnect", "books") in actions(posted)
    front.add(4)
    front.surface.ring()
    front.told("3 documents waiting, SAR 345.00.")
    front.reconnect()
    front.surface.ring()
    going = front.told("Daftra (books) is connected again.", "0 of 4 went through, 0 failed.")
    assert not actions(going)
    for _ in range(5):
        front.work()
    front.told("4 of 4 went through, 0 failed.", "Nothing waits any more.")
    assert len(front.books.ledger) == 4
    assert front.posts() == 1


def test_an_admin_pauses_and_resumes(front: Front) -> None:
    """The command answers, the message names who paused and offers Resume; nothing is tried."""
    ids = front.add(1, 2)
    answer = front.type("pause books", ADMIN)
    assert "books is paused. Its documents wait, whole" in answer.text
    shown = front.told("Daftra (books) is paused.", "2 documents waiting", ADMIN)
    assert ("resume", "books") in actions(shown)
    front.work()
    assert [front.row(one).attempts for one in ids] == [0, 0]
    assert "is held already" in front.type("pause books", ADMIN).text
    front.press("resume", "books", ADMIN)
    answered = front.slack.wait_for("response_url")[-1].body
    assert "books is resumed. One document goes first" in words(answered)
    for _ in range(3):
        front.work()
    front.told("Daftra (books) is resumed.", "2 of 2 went through")


def test_a_system_that_has_one_connection_is_its_name_too(front: Front) -> None:
    """People say Daftra, not the name of its connection: both pause it."""
    assert "books is paused" in front.type("pause daftra", ADMIN).text
    assert "books is resumed" in front.type("resume Daftra", ADMIN).text


def test_an_outage_is_told_without_anything_to_press(front: Front) -> None:
    """A breaker's message says when it asks again, and that it answers again in the end."""
    front.add(1)
    now = front.engine.clock.now()
    probe_at = now + timedelta(minutes=5)
    trouble = Trouble("books", HoldKind.BREAKER, "Daftra answered 503", probe_at=probe_at)
    front.store.holds.hold("books", trouble, now)
    front.surface.ring()
    shown = front.told("Daftra (books) does not answer.", "1 document waiting", "asked again by")
    assert not actions(shown)
    front.store.holds.open("books", now)
    front.surface.ring()
    front.told("Daftra (books) answers again.", "0 of 1 went through")


@pytest.mark.parametrize("user", [OPERATOR, VIEWER])
def test_only_admins_pause(front: Front, user: str) -> None:
    """Others are told who may; nothing is held, and a press on Resume lets nothing go."""
    assert "needs an admin" in front.type("pause books", user).text
    assert not front.store.lanes.is_held("books")
    front.type("pause books", ADMIN)
    front.press("resume", "books", user)
    front.slack.wait_for("response_url")
    assert front.store.lanes.is_held("books")


def test_a_name_that_is_no_connection_is_told_with_those_that_are(front: Front) -> None:
    """A wrong name or none changes nothing and lists the names."""
    for typed in ("pause nowhere", "pause", "resume"):
        answer = front.type(typed, ADMIN)
        assert "Nothing was changed" in answer.text
        assert "books" in words(answer.body)
    assert "is not paused" in front.type("resume books", ADMIN).text
