"""A run is its seed: the same one does the same again, and the checker sees what is there."""

from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.runs import Figures, run_many, run_one


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    """Give a database in memory."""
    made = Arena()
    yield made
    made.close()


@pytest.mark.parametrize("what", Class)
def test_the_same_seed_leaves_the_same_trace(arena: Arena, what: Class) -> None:
    """Two runs of a seed agree in every step; another seed does otherwise."""
    with arena.joined():
        first, again, other = (run_one(arena, what, seed)[0] for seed in (7, 7, 8))
    assert first.trace == again.trace
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_figures_of_processes_add_up(arena: Arena) -> None:
    """What two processes count is what one would have counted."""
    halves = Figures()
    for seeds in (range(4), range(4, 8)):
        halves.add(run_many(arena, Class.KEYED, seeds))
    whole = run_many(arena, Class.KEYED, range(8))
    assert halves == whole
