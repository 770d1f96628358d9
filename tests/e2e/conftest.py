"""A house for each module: every module may change its world, and runs beside the others."""

from collections.abc import Iterator

import pytest

from tests.e2e.house import House, lived_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run a house with a past of some 80 documents."""
    with lived_in(tmp_path_factory.mktemp("house")) as house:
        yield house
