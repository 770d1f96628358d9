"""The harness is worth what it catches: every known mistake, and nothing where there is none."""

import pytest

from tests.faults.mutants import MUTANTS, Mutant
from tests.faults.scenes import SCENES, Scene


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_known_mistake_is_caught(mutant: Mutant) -> None:
    """With this mistake in the engine the checker objects within so many seeds."""
    found, _runs = mutant.catch()
    assert found, f"{mutant.name} was not caught"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene_played_right_is_well(scene: Scene) -> None:
    """Without the mistake the same scene finds nothing."""
    assert scene(mistaken=False) == []


def test_there_are_twelve() -> None:
    """No mistake was dropped from the list."""
    assert len({mutant.name for mutant in MUTANTS}) == 12
