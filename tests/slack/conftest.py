"""Running surfaces, with a digest and without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slack.desk import Desk
from tests.slack.scripted import CHANNEL


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a running surface whose digest of today stands in its channel."""
    made = Desk(tmp_path, INVSYNC_DIGEST_CHANNEL=CHANNEL, INVSYNC_DIGEST_AT="00:00")
    made.slack.wait_for("chat.postMessage")  # midnight has passed: today's digest is due
    yield made
    made.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Desk]:
    """Give a running surface without a digest."""
    made = Desk(tmp_path)
    yield made
    made.close()
