"""A backfill in a terminal: followed to its end, stopped by Ctrl-C, told as JSON."""

import _thread
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.backfilling import backfill
from handlers.commandline import WrongUse
from handlers.terminal import Terminal
from sync.batches import BatchState
from sync.money import Money
from sync.store import Store
from tests.builders import KEY
from tests.engine.test_backfill import FIRST, MOST_OPEN, House
from tests.fakes import Books, TurnedClock
from tests.sqlite import fresh_file

OPTIONS = {"route": "", "from": "2026-01-01", "to": "2026-03-31"}


class Lane(threading.Thread):
    """Works what is ready until it is ended."""

    def __init__(self, house: House, books: Books) -> None:
        super().__init__(daemon=True)
        self._house = house
        self._books = books
        self._ended = threading.Event()

    def run(self) -> None:
        """Work, look again, work."""
        while not self._ended.wait(0.02):
            self._house.work(self._books)

    def end(self) -> None:
        """Work no more."""
        self._ended.set()
        self.join(5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that walks its backfills."""
    store = Store(fresh_file(tmp_path), [KEY])
    made = House(store)
    made.backfills.start()
    yield made
    made.backfills.end()
    made.backfills.join(5)
    store.close()


def test_a_backfill_is_followed_to_its_end(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command waits, says what became of the documents, and as JSON says no more than that."""
    house.fill(3)
    lane = Lane(house, Books(TurnedClock(house.clock.now())))
    lane.start()
    ended = backfill(house.backfills, [house.route], OPTIONS, Terminal(as_json=False))
    assert ended.batch.state is BatchState.DONE
    said = capsys.readouterr().out
    assert "Backfill of shop:books, 2026-01-01 to 2026-03-31: done." in said
    assert "3 listed, 3 put in, 3 synced, 0 failed, 0 pending." in said
    assert f"Synced: {Money.of('345.00', 'SAR')}" in said
    backfill(house.backfills, [house.route], OPTIONS, Terminal(as_json=True))
    lane.end()
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["listed"], told["known"], told["new"]) == ("done", 3, 3, 0)


def test_ctrl_c_stops_it_cleanly(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C puts nothing more in and waits for what is queued; the end says it was stopped."""
    house.fill(MOST_OPEN + 5, FIRST)

    def press() -> None:
        (batch,) = house.when_begun()
        house.when(batch, lambda one: one.counts.pending == MOST_OPEN)
        while house.progress(batch).batch.state is not BatchState.STOPPING:
            _thread.interrupt_main()  # again where a destructor swallowed it
            time.sleep(3)
        with house.store.database.write() as connection:
            connection.exec_driver_sql("UPDATE syncs SET status = 'success'")

    finger = threading.Thread(target=press)
    # a browser that another test has opened may listen to Ctrl-C in our place
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        finger.start()
        ended = backfill(house.backfills, [house.route], OPTIONS, Terminal(as_json=False))
        finger.join(5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.batch.state, ended.counts.synced) == (BatchState.STOPPED, MOST_OPEN)
    said = capsys.readouterr()
    assert "Stopping" in said.err
    assert ": stopped." in said.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"route": "shop:ledger"}, "There is no route shop:ledger"),
        ({"from": "soon"}, "'soon' is no day"),
        ({"from": "2026-04-01"}, "first day is after the last"),
    ],
)
def test_wrong_use_is_named(house: House, change: dict[str, str], said: str) -> None:
    """An unknown route and a wrong period are wrong use, in the words that Slack would answer."""
    with pytest.raises(WrongUse) as wrong:
        backfill(house.backfills, [house.route], {**OPTIONS, **change}, Terminal(as_json=False))
    assert said in str(wrong.value).replace("\u200b", "")
    with pytest.raises(WrongUse):
        backfill(house.backfills, [], OPTIONS, Terminal(as_json=False))
