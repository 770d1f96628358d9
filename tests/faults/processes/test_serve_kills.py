"""`serve` dies while it speaks to Slack; the one that follows says everything once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.e2e.house import CHANNEL
from tests.faults.processes.fleet import Fleet, fleet, until

POSTING = ("slack.posting", "slack.posted", "digest.recorded")
PRESSING = ("click.stored", "click.acked")
FAILED = "SELECT id FROM syncs WHERE status = 'failed'"


def digests(made: Fleet) -> int:
    """Return how many digests stand in the channel."""
    seen = made.house.oncall.looks()
    return sum("Invoice sync" in str(one.get("text")) for one in seen)


def listens(made: Fleet) -> None:
    """Wait until a process has opened its socket to Slack."""
    clerk = made.house.clerk
    until(lambda: clerk.driver.command(clerk.id, CHANNEL, "/invsync help")["ok"], "a socket")


def posted_once(made: Fleet, point: str) -> str | None:
    """Kill on the way of the digest; returns what was wrong with what the channel shows."""
    held = made.serve(at=point)
    held.reached()
    held.kill()
    made.serve()
    until(lambda: digests(made), f"the digest after a kill at {point}")
    listens(made)
    made.house.clerk.types("/invsync help", "log")  # what waited before it has been sent
    return None if digests(made) == 1 else f"killed at {point}: {digests(made)} digests"


def pressed_once(made: Fleet, point: str) -> str | None:
    """Kill in the middle of a press on Retry; returns what was wrong afterwards."""
    sold = made.house.sale("GHOST-1")
    made.orders.append(sold.reference_id)
    held = made.serve(at=point)
    until(lambda: made.ask(FAILED), "a failed sale")
    listens(made)
    clerk = made.house.clerk
    rows = clerk.types("/invsync failed", str(sold.reference_id))
    made.house.create_product("GHOST-1")
    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(clerk.click, rows, "Retry")
        held.reached()
        held.kill()
        made.serve()
        made.settles()
        pressed.cancel() or pressed.exception(30)
    retries = [sync.retries for sync in made.engine.find(str(sold.reference_id))]
    once = set(made.booked().values()) == {1} and retries == [1]
    return None if once else f"killed at {point}: {made.booked()}, {retries} retries"


SCENARIOS: dict[str, Callable[[Fleet, str], str | None]] = {
    **dict.fromkeys(POSTING, posted_once),
    **dict.fromkeys(PRESSING, pressed_once),
}


def test_a_serve_that_dies_says_and_does_everything_once(tmp_path: Path) -> None:
    """A digest stands once, a press retries once, wherever the process was killed."""
    with ExitStack() as stack, ThreadPoolExecutor(len(SCENARIOS)) as pool:
        fleets = {
            point: stack.enter_context(fleet(tmp_path / point, f"sqlite:///{tmp_path}/{point}.db"))
            for point in SCENARIOS
        }
        running = [pool.submit(SCENARIOS[point], made, point) for point, made in fleets.items()]
        assert [one.result() for one in running if one.result()] == []
