"""The floor that every build holds: so many seeds a class, each point and each fault well met."""

import os

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.runs import run_many

SEEDS = int(os.environ.get("TEST_FAULT_SEEDS", "2000"))
USUAL = 2000
"""What is to be met is asked for so many seeds; a shorter run must meet its share."""

EVENTS = 12
"""Fewer than `make faults` plays, for every build pays for them."""


def hold(what: Class) -> None:
    """Run the floor of one class; fails where a promise was broken or little was exercised."""
    arena = Arena()
    try:
        figures = run_many(arena, what, range(SEEDS), EVENTS)
    finally:
        arena.close()
    assert not figures.broken, figures.examples
    assert figures.outcomes == figures.clicks
    missing = figures.missing(share=SEEDS / USUAL / len(Class))
    assert not missing, missing
