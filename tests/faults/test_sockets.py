"""Level 2: the real engine and the stand-ins over real sockets, each create meeting a fault."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sync.connectors.limits import LIMITS, SEARCHES, Limit
from sync.records import TERMINAL
from sync.states import Status
from sync.store import Store
from sync.times import Times
from tests.builders import KEY
from tests.e2e.test_matrix import CREATES, ROUTES, SELL, Trading, standing, until

TIMES = Times.of(request_timeout=1, settle=3, lease=2, retry_base=0.2, sweep=600, tick=0.1)
UNPACED = Limit(10_000, 1.0, burst=10_000)


@dataclass(frozen=True, slots=True)
class Bad:
    """What a create may meet: the fault's own fields, and its number in the catalogue."""

    id: str
    fault: str
    more: tuple[tuple[str, Any], ...] = ()

    def script(self, method: str, path: str) -> dict[str, Any]:
        """Return the fault for one request."""
        return {"method": method, "path": path, "fault": self.fault, **dict(self.more)}


# a 429 that names no time costs a minute: that one is played under the simulator's clock
CATALOGUE = (
    Bad("U1 lost before it was stored", "drop_before"),
    Bad("U2 lost after it was stored", "drop_after"),
    Bad("U3 stored after the time-out", "hang", (("seconds", 1.4),)),
    Bad("U4 cut in the middle", "half_json"),
    Bad("U5 too many, in seconds", "status", (("status", 429), ("retry_after", "1"))),
    Bad("U5 too many, at once", "status", (("status", 429), ("retry_after", "0"))),
    Bad("U6 broken before", "status", (("status", 500),)),
    Bad("U6 away before", "status", (("status", 503), ("retry_after", "1"))),
    Bad("U6 broken after", "status_after", (("status", 502),)),
    Bad("U6 away after", "status_after", (("status", 504),)),
    Bad("U7 a page instead", "html_200"),
    Bad("U7 nothing", "empty_204"),
    Bad("U7 something else", "wrong_type"),
    Bad("U7 no id", "missing_id"),
)


FORMS = [("sqlite", *route) for route in ROUTES] + [("postgresql", *ROUTES[0])]


@pytest.fixture
def trading(
    request: pytest.FixtureRequest, fresh_database: Callable[[str], str]
) -> Iterator[Trading]:
    """Serve all four systems and work the lanes between them; nothing is swept."""
    with ExitStack() as stack:
        rates = stack.enter_context(pytest.MonkeyPatch.context())
        for limits in (LIMITS, SEARCHES):
            for system in limits:
                rates.setitem(limits, system, UNPACED)
        store = Store(fresh_database(request.param), [KEY])
        stack.callback(store.close)
        trading = standing(stack, store, TIMES, datetime.now(UTC))
        trading.engine.start(alone=True, sweeping=False)
        stack.callback(trading.engine.stop)
        yield trading


@pytest.mark.parametrize(("trading", "source", "destination"), FORMS, indirect=["trading"])
def test_each_create_meets_a_fault(trading: Trading, source: str, destination: str) -> None:
    """Whatever happens to its create, each document is booked once, at its amount."""
    method, path = CREATES[destination][0]
    before = trading.creates(destination)
    for bad in CATALOGUE:
        trading.fault(destination, **bad.script(method, path))
    numbers = [SELL[source](trading) for _ in CATALOGUE]
    answers = trading.engine.bring(numbers, TERMINAL)
    ids = [sync.id for answer in answers for sync in answer.syncs]
    assert len(ids) == len(CATALOGUE)
    until(lambda: all(_is_done(trading, sync_id) for sync_id in ids))
    assert trading.creates(destination) == before + len(CATALOGUE)
    left = httpx.post(f"{trading.urls[destination]}/sandbox/faults", json=[]).json()
    assert left["waiting"] == 0


def _is_done(trading: Trading, sync_id: int) -> bool:
    row = trading.engine.sync(sync_id)
    assert row is not None
    failed_for_good = row.status is Status.FAILED and not row.retrying
    assert not failed_for_good, row.reason
    return row.status is Status.SUCCESS
