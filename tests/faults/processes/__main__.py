"""`python -m tests.faults.processes` prints how soon a fleet recovers from what hits it."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from sync.records import Actor
from tests.e2e.house import CHANNEL
from tests.faults.processes.fleet import Child, Fleet, fleet, until
from tests.postgres import own_server

BACKLOG = 50_000
ROUNDS = 5
SOME = 3
STARTS_OF = "SELECT count(*) FROM audit WHERE move = 'start' AND sync_id = {}"
STARTS = "SELECT count(*) FROM audit WHERE move IN ('start', 'rescue')"
FAILED = "SELECT id FROM syncs WHERE status = 'failed' AND error_type = 'sku_not_found' ORDER BY id"
FAILED_AGAIN = "SELECT id FROM syncs WHERE id = {} AND status = 'failed'"
COPIED = (
    "route_id, source_id, kind, order_id, order_number, lane, status, attempts, retries, failures, "
    "postponements, fence, due, priority, trigger, actor_id, actor_name, discovered_at, at"
)
COPIES = (
    f"INSERT INTO syncs (source_key, {COPIED}) SELECT 'copy:' || n, route_id, source_id, kind, "  # noqa: S608 - our own columns
    "order_id, order_number, lane, 'pending', 0, 0, 0, 0, 0, due, 30, trigger, actor_id, "
    "actor_name, discovered_at, at FROM syncs, generate_series(1, :count) AS n WHERE id = :copied"
)


def main() -> None:
    """Measure one thing after the other, each on a fleet of its own."""
    figures: list[tuple[str, Callable[[Fleet], float]]] = [
        ("kill -9 beside a waiting twin: next start elsewhere", _after(_killed)),
        ("SIGSTOP: next start elsewhere", _after(_stopped)),
        ("SIGTERM: next start elsewhere", _after(_ended)),
        ("/invsync retry in Slack, lane idle, to its start", _idle),
        ("press behind a backlog of 50,000 to its start", _behind),
    ]
    for name, measure in figures:
        with ExitStack() as stack:
            made, _ = _fresh(stack)
            print(f"{name:56} {measure(made):6.2f} s", flush=True)  # noqa: T201 - its output
    with ExitStack() as stack:
        made, crash = _fresh(stack)
        print(f"{'PostgreSQL crashed and is back: next success':56} {_crashed(made, crash):6.2f} s")  # noqa: T201


def _fresh(stack: ExitStack) -> tuple[Fleet, Callable[[], None]]:
    """Give a fleet on a server of its own, and what crashes the server and starts it again."""
    server = stack.enter_context(own_server())
    folder = Path(stack.enter_context(TemporaryDirectory()))
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    made = stack.enter_context(fleet(folder, url, INVSYNC_TICK_SECONDS="1"))

    def crash() -> None:
        pid = server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        time.sleep(1)
        server.ensure_postgres_running()

    return made, crash


def _killed(child: Child) -> None:
    child.kill()


def _stopped(child: Child) -> None:
    child.signal(signal.SIGSTOP)


def _ended(child: Child) -> None:
    child.go()
    child.signal(signal.SIGTERM)


def _after(hit: Callable[[Child], None]) -> Callable[[Fleet], float]:
    """Return what measures from a hit on the worker of a lane to the next start in it."""

    def measure(made: Fleet) -> float:
        held = made.work(at="lookup.done")
        made.sell(6)
        held.reached()
        made.work()
        time.sleep(2)  # the twin has started and waits
        before = _starts(made)
        hit(held)
        return until(lambda: _starts(made) > before, "a start elsewhere")

    return measure


def _idle(made: Fleet) -> float:
    """Type a retry in Slack while nothing else is to do."""
    made.work()
    made.serve()
    sold = made.house.sale("GHOST-1")
    (route,) = made.engine.routes()
    made.engine.sweeper.sweep(route)
    clerk = made.house.clerk
    until(clerk.looks, "the digest")
    spent = []
    for _ in range(ROUNDS):
        until(lambda: made.ask(FAILED), "its failure")
        time.sleep(1)
        before: list[object] = [_starts(made)]
        began = time.monotonic()
        clerk.driver.command(clerk.id, CHANNEL, f"/invsync retry {sold.reference_id}")
        until(partial(_has_changed, made, STARTS, before), "a start")
        spent.append(time.monotonic() - began)
    return sorted(spent)[ROUNDS // 2]


def _behind(made: Fleet) -> float:
    """Press Retry on a failed sale while 50,000 others wait in the lane."""
    made.house.sale("GHOST-1")
    (route,) = made.engine.routes()
    made.engine.sweeper.sweep(route)
    made.work()
    until(lambda: made.ask(FAILED), "a failed sale")
    sync_id = int(str(made.ask(FAILED)[0]))
    with made.engine.store.database.write() as connection:
        connection.execute(sa.text(COPIES), {"copied": sync_id, "count": BACKLOG})
    until(lambda: _starts(made) > SOME, "the lane's work")
    mine = STARTS_OF.format(sync_id)
    spent = []
    for _ in range(ROUNDS):
        before = made.ask(mine)
        until(lambda: made.ask(FAILED_AGAIN.format(sync_id)), "its failure")
        began = time.monotonic()
        made.engine.retry(sync_id, Actor("U1"))
        until(partial(_has_changed, made, mine, before), "its start")
        spent.append(time.monotonic() - began)
    return sorted(spent)[ROUNDS // 2]


def _has_changed(made: Fleet, query: str, before: list[object]) -> bool:
    return made.ask(query) != before


def _crashed(made: Fleet, crash: Callable[[], None]) -> float:
    made.work()
    made.work()
    made.sell(30)
    until(lambda: _starts(made) > SOME, "the lane's work")
    crash()
    before = _ends(made)
    return until(lambda: _ends(made) > before, "a success")


def _starts(made: Fleet) -> int:
    return int(str(made.ask(STARTS)[0]))


def _ends(made: Fleet) -> int:
    return int(str(made.ask("SELECT count(*) FROM syncs WHERE status = 'success'")[0]))


if __name__ == "__main__":
    main()
