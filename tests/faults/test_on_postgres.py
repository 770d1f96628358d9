"""The same storms on PostgreSQL: fewer of them, for a server takes its time."""

from collections.abc import Iterator

import pytest

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.runs import run_many
from tests.postgres import Postgres

SEEDS = 8


@pytest.fixture
def arena(postgres: Postgres) -> Iterator[Arena]:
    """Give a database of the server, emptied between runs."""
    url = postgres.fresh()
    made = Arena(url)
    yield made
    made.close()
    postgres.drop(url)


@pytest.mark.parametrize("what", Class)
def test_no_seed_breaks_a_promise_on_postgres(arena: Arena, what: Class) -> None:
    """What holds on SQLite holds on a server."""
    figures = run_many(arena, what, range(SEEDS))
    assert not figures.broken, figures.examples
    assert figures.outcomes == figures.clicks
