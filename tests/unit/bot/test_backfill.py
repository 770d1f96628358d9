"""The message of a backfill: how much is done, and what it says in each state."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.actions import BadValue, id_of
from bot.backfill import backfill_view, done_share
from bot.living import BAR
from bot.render import Renderer
from bot.show import Show
from sync.batches import Batch, BatchState, Counts, Place, Progress, Tally
from sync.records import Actor
from tests.builders import NOON
from tests.fakes import TurnedClock
from tests.slack.desk import actions, words

TEMPLATES = Path(__file__).parents[3] / "templates"
FIRST = date(2026, 1, 1)
BATCH = Batch(
    id=3,
    route_id=1,
    route="shop:books",
    lane="books",
    source="shop",
    source_system="salla",
    destination="books",
    destination_system="daftra",
    first=FIRST,
    last=date(2026, 1, 10),
    state=BatchState.RUNNING,
    place=Place(FIRST),
    reason=None,
    by=Actor("U0SARA", "Sara"),
    owner=None,
    created_at=NOON - timedelta(minutes=12),
    finished_at=None,
    message=None,
)


def progress(counts: Counts | None = None, *, held: bool = False, **changes: object) -> Progress:
    """Return a backfill that is different where it says so."""
    return Progress(replace(BATCH, **changes), counts or Counts(), held)  # type: ignore[arg-type]  # because a test names fields


def said(shown: Progress) -> str:
    """Return everything that the message says."""
    show = Show(Renderer(TEMPLATES), TurnedClock(), ZoneInfo("UTC"))
    return words(show.backfill(shown))


@pytest.mark.parametrize(
    ("day", "counts", "percent"),
    [
        (FIRST, Counts(), 0),
        (date(2026, 1, 6), Counts(), 50),
        (date(2026, 1, 6), Counts(pending=3, synced=1), 12),
        (None, Counts(pending=1, synced=2, failed=1), 75),
        (None, Counts(waiting=1, synced=2), 100),
    ],
)
def test_how_much_is_done(day: date | None, counts: Counts, percent: int) -> None:
    """Of the days those count that were walked, of their documents those that have ended."""
    shown = progress(counts, place=Place(day))
    view = backfill_view(shown, NOON)
    assert view.percent == percent
    assert view.bar.count("█") == int(done_share(shown) * BAR)
    assert len(view.bar) == BAR
    assert view.elapsed.count == 12


def test_each_state_says_what_follows() -> None:
    """A pause names the connection, a stop what is finished, an end what can be done next."""
    refused = progress(reason="Salla: expired", place=Place(FIRST, refused="shop"))
    assert "is paused" in said(refused)
    assert "Salla (shop) is disconnected" in said(refused)
    busy = progress(reason="Salla answered 503")
    assert "tries again by itself" in said(busy)
    held = progress(Counts(pending=2), held=True)
    assert "Daftra (books) is disconnected" in said(held)
    assert "What is queued is finished" in said(progress(state=BatchState.STOPPING))
    stopped = said(progress(state=BatchState.STOPPED))
    assert "was stopped" in stopped
    assert "nothing is doubled" in stopped
    failed = said(progress(state=BatchState.FAILED, reason="The list has no data"))
    assert "It ended because:" in failed


def test_what_was_left_alone_is_said() -> None:
    """Known, earlier failed, left out and unreadable documents are each counted in words."""
    tally = Tally(listed=10, new=2, known=4, failed_before=1, passed_over=1)
    text = said(progress(place=Place(None, tally, tally, None, "Order 9: no number")))
    for part in (
        "Salla listed 10 documents; 0 were put in.",
        "4 were in the log already and are left alone.",
        "1 of these had failed before: a backfill does not send it again, Retry does.",
        "3 are not to be synced",
        "1 could not be read.",
        "Order 9: no number",
    ):
        assert part in text


def test_the_buttons_follow_the_state() -> None:
    """Stop stands while something can be stopped, Show what failed as soon as something has."""
    show = Show(Renderer(TEMPLATES), TurnedClock(), ZoneInfo("UTC"))
    running = show.backfill(progress(Counts(failed=1)))
    assert [name for name, _ in actions(running)] == ["show_all", "stop"]
    done = show.backfill(progress(Counts(synced=1), state=BatchState.DONE))
    assert not actions(done)


@pytest.mark.parametrize("value", [None, "", "x", "-1", "1 2", "9" * 30])
def test_a_value_that_is_no_id(value: str | None) -> None:
    """What is not ours raises BadValue."""
    with pytest.raises(BadValue):
        id_of(value)
