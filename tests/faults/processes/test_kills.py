"""A worker dies at every named point, and its successor ends what it left: once, and all of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.processes.fleet import Fleet, fleet

POINTS = (
    "job.claimed",
    "lookup.done",
    "intent.committed",
    "before_send",
    "after_send",
    "after_response",
    "result.committed",
)
SALES = 3


def beside(fleet: Fleet, point: str) -> None:
    """Kill a worker at `point` while another one waits beside it."""
    held = fleet.work(at=point)
    fleet.sell(SALES)
    held.reached()
    fleet.work()
    held.kill()


def again(fleet: Fleet, point: str) -> None:
    """Kill the one process of a file's database at `point`, and start it again."""
    held = fleet.serve(at=point)
    fleet.sell(SALES)
    held.reached()
    held.kill()
    fleet.serve()


FORMS: dict[str, Callable[[Fleet, str], None]] = {"sqlite": again, "postgresql": beside}


def scenario(made: Fleet, kind: str, point: str) -> str | None:
    """Kill at `point`; returns what was wrong afterwards."""
    FORMS[kind](made, point)
    made.settles()
    booked = made.booked()
    return None if set(booked.values()) == {1} else f"killed at {point}: {booked}"


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_a_kill_at_any_point_neither_doubles_nor_loses(
    kind: str, tmp_path: Path, fresh_database: Callable[[str], str]
) -> None:
    """Whatever the point, every sale is in the books once and a success in the log."""
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:  # they mostly wait
        fleets = [
            stack.enter_context(fleet(tmp_path / point, _named(fresh_database(kind), point)))
            for point in POINTS
        ]
        wrong = list(pool.map(lambda one, point: scenario(one, kind, point), fleets, POINTS))
    assert [one for one in wrong if one] == []


def _named(url: str, point: str) -> str:
    """Return an address of its own for each point: a server gives one, a folder has one file."""
    return url.replace("invsync.db", f"{point}.db") if url.startswith("sqlite") else url
