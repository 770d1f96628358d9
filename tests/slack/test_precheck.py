"""Prechecks as people meet them: a command, one living message, its pages, Create all, Stop."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync.clock import SystemClock
from sync.connectors.base import Good
from sync.precheck import PrecheckState
from sync.prechecks import Prechecks
from tests.engine.test_precheck import Range, Shelf
from tests.fakes import Ends, TurnedClock
from tests.slack.desk import OPERATOR, SECOND, TIMES, VIEWER, Desk, actions, words
from tests.slack.scripted import CHANNEL


class Office(Desk):
    """A desk with somebody who works at the prechecks over the test's shelf."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.shelf, self.range = Shelf(), Range(TurnedClock())
        ends = Ends(self.shelf, self.range)
        self.prechecks = Prechecks(self.store, ends, SystemClock(), TIMES)

    def close(self) -> None:
        """End the work first."""
        self.prechecks.end()
        self.prechecks.join(5)
        super().close()

    def sell(self, *skus: str) -> None:
        """Put goods on the shelf."""
        self.shelf.sold += [Good(sku, f"Name of {sku}") for sku in skus]

    def told(self, fits: Callable[[str], bool]) -> str:
        """Wait until the living message fits; returns all of its words."""
        clock = self.engine.clock
        deadline = clock.now() + timedelta(seconds=12)
        while True:
            calls = [*self.slack.of("chat.postMessage"), *self.slack.of("chat.update")]
            said = [words(call.body) for call in calls]
            if said and fits(said[-1]):
                return said[-1]
            assert clock.now() < deadline, said
            clock.sleep(0.05)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Give a running surface whose prechecks a test works at."""
    made = Office(tmp_path)
    yield made
    made.close()


def test_a_precheck_from_its_command_to_its_creates(office: Office) -> None:
    """One message says what is missing; Create all makes it, and the same message says so."""
    office.sell("HONEY-500", "DATES-1", "TEA-1")
    office.range.stock("honey-500")
    office.prechecks.start()
    assert "has begun" in office.type("precheck").text
    said = office.told(lambda text: "Create all" in text)
    assert "3 products without a match in Daftra" in said
    assert "differs by case" in said
    assert office.slack.of("chat.postMessage")[0].body["channel"] == CHANNEL
    (precheck,) = office.store.prechecks.since(office.engine.clock.now() - timedelta(days=1))
    office.press("precheck_create", str(precheck.id), SECOND)
    done = office.told(lambda text: "products created" in text)
    assert "2 were created" in done
    assert len(office.slack.of("chat.postMessage")) == 1
    assert office.range.created == ["DATES-1", "TEA-1"]
    office.press("precheck_create", str(precheck.id), OPERATOR)
    office.slack.wait_for("response_url", 2)
    assert office.range.created == ["DATES-1", "TEA-1"]


def test_the_same_click_creates_once(office: Office) -> None:
    """Delivered twice, a press has one effect."""
    office.sell("DATES-1")
    office.prechecks.start()
    office.type("precheck")
    office.told(lambda text: "Create all" in text)
    press = office.payload("precheck_create", "1")
    office.deliver(press)
    office.deliver(press)
    office.told(lambda text: "products created" in text)
    assert office.range.created == ["DATES-1"]


def test_all_is_there(office: Office) -> None:
    """A destination that knows everything is told in a sentence, without a button to create."""
    office.sell("DATES-1")
    office.range.stock("DATES-1")
    office.prechecks.start()
    office.type("precheck shop:books")
    said = office.told(lambda text: "knows each of them" in text)
    assert "Create all" not in said


def test_further_pages_are_for_whoever_asks(office: Office) -> None:
    """The message names ten; the next ones are shown to one person, and turn in place."""
    office.sell(*(f"TEA-{one:02}" for one in range(25)))
    office.prechecks.start()
    office.type("precheck")
    said = office.told(lambda text: "1 to 10 of 25" in text and "Show more" in text)
    assert "TEA-10" not in said
    office.press("precheck_show", "1 10", VIEWER)
    page = office.slack.wait_for("response_url")[-1].body
    assert "11 to 20 of 25" in words(page)
    assert {action for action, _ in actions(page)} == {"precheck_page.1", "precheck_page.2"}
    office.press("precheck_page.2", "1 20", VIEWER)
    assert "21 to 25 of 25" in words(office.slack.wait_for("response_url", 2)[-1].body)


def test_one_at_a_time_and_a_stop(office: Office) -> None:
    """A second precheck of the route is told of the first; Stop ends it, and then one may begin."""
    office.sell("DATES-1")
    office.type("precheck")
    assert "running already" in office.type("precheck", SECOND).text
    assert "ends at its next step" in office.type("precheck stop").text
    office.prechecks.start()
    office.told(lambda text: "was stopped" in text)
    assert "is running, so there is nothing to stop" in office.type("precheck stop").text
    assert "has begun" in office.type("precheck").text
    office.told(lambda text: "Create all" in text)


def test_who_may_only_look_creates_nothing(office: Office) -> None:
    """A viewer sees what is missing and is refused to create it; an old button is told as one."""
    office.sell("DATES-1")
    office.prechecks.start()
    office.type("precheck")
    office.told(lambda text: "Create all" in text)
    office.press("precheck_create", "1", VIEWER)
    office.slack.wait_for("response_url")
    found = office.store.prechecks.get(1)
    assert found
    assert found.state is PrecheckState.LOOKED
    for action, value in (
        ("precheck_create", "99"),
        ("precheck_stop", "99"),
        ("precheck_show", "99 0"),
        ("precheck_show", "banana"),
        ("precheck_page.1", "99 0"),
    ):
        before = len(office.slack.of("response_url"))
        assert office.press(action, value).status == 200
        told = office.slack.wait_for("response_url", before + 1)[-1].body
        assert "older message" in words(told)


def test_a_route_that_is_not_there(office: Office) -> None:
    """An unknown route is named with those there are."""
    assert "shop:books" in words(office.type("precheck nowhere:books").body)
