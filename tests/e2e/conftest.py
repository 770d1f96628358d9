"""A house for each module: every module may change its world, and runs beside the others."""

from collections.abc import Iterator

import pytest

from sync.connectors.registry import RATES
from tests.e2e.house import House, lived_in


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Book slots without waiting: the stand-ins ask for no pace, which has tests of its own."""
    with pytest.MonkeyPatch.context() as rates:
        for system in RATES:
            rates.setitem(RATES, system, (1000.0, 1000))
        yield


@pytest.fixture(scope="module")
def house(quick: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run a house with a past of some 80 documents."""
    del quick
    with lived_in(tmp_path_factory.mktemp("house")) as house:
        yield house
