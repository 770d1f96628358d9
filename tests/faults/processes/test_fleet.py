"""Workers and serves on one PostgreSQL: paused, ended, cut off, and all of it at random."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.engine.url import make_url

from sync.store import Unavailable
from sync.store.lanes import LEASE
from tests.faults.processes.fleet import Fleet, fleet, until
from tests.postgres import own_server

TICK = 1.0
LEASE_SECONDS = LEASE.total_seconds()
SETTLE, ATTEMPT = 3.0, 4.0
"""The fleet's settle time, and what a busy machine may need beside it."""


WORKERS = "SELECT count(*) FROM procrastinate_workers"


@pytest.fixture
def made(tmp_path: Path, fresh_database: Callable[[str], str]) -> Iterator[Fleet]:
    """Give a fleet on PostgreSQL."""
    with fleet(tmp_path, fresh_database("postgresql")) as made:
        yield made


def all_once(made: Fleet) -> bool:
    """Return whether the books hold each sale exactly once."""
    return set(made.booked().values()) == {1}


def test_a_paused_worker_wakes_up_as_a_stranger(made: Fleet) -> None:
    """Stopped beyond its leases under a mark, it sends nothing for what others took over."""
    zombie = made.work(at="before_send")
    made.sell()
    zombie.reached()
    zombie.signal(signal.SIGSTOP)
    made.work()
    assert made.settles() < LEASE_SECONDS + SETTLE + TICK + 4 * ATTEMPT
    zombie.go()
    zombie.signal(signal.SIGCONT)
    made.sell(4)
    made.settles()
    assert all_once(made)
    assert zombie.process.poll() is None


def test_a_worker_that_is_told_to_end_lets_its_send_arrive(made: Fleet) -> None:
    """SIGTERM during a create: its answer is taken, the lane is given back, the exit code is 0."""
    made.house.fault("daftra", "hang", "POST", "/api2/invoices", seconds=0.7)
    leaving = made.work(at="before_send")
    made.sell(3)
    leaving.reached()
    leaving.go()
    time.sleep(0.2)
    leaving.signal(signal.SIGTERM)
    assert leaving.ends() == 0
    assert made.ask("SELECT owner FROM lanes WHERE name = 'books'") == [None]
    left = "SELECT id FROM syncs WHERE status = 'processing' AND waiting_for IS NULL"
    assert made.ask(left) == []
    made.work()
    made.settles()
    assert all_once(made)


def test_a_lost_ask_is_healed_by_the_tick(made: Fleet) -> None:
    """Nobody rings a worker for what was put in beside it, and it is worked all the same."""
    made.work()
    made.sell()
    made.settles()
    made.sell()
    assert made.settles() < TICK + ATTEMPT
    assert all_once(made)


def test_a_click_in_one_process_is_worked_by_another(made: Fleet) -> None:
    """Two serves and a worker: Retry pressed in Slack ends in the books, and the person is told."""
    sold = made.house.sale("GHOST-1")
    made.work()
    made.serve()
    made.serve()
    clerk = made.house.clerk
    until(lambda: made.ask("SELECT id FROM syncs WHERE status = 'failed'"), "a failed sync")
    until(clerk.looks, "the digest")
    number = sold.reference_id
    made.house.create_product("GHOST-1")
    clerk.types(f"/invsync retry {number}", "synced")


def test_the_database_restarts_amid_everything(tmp_path: Path) -> None:
    """PostgreSQL crashes twice while workers create: they go on by themselves, nothing doubles."""
    with own_server() as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        with fleet(tmp_path, url.render_as_string(hide_password=False)) as made:
            workers = [made.work(), made.work()]
            until(lambda: _working(made) == len(workers), "both workers")
            for _ in range(2):
                made.sell(6)
                until(lambda: any(made.booked().values()), "a first create")
                pid = server.get_pid()
                assert pid is not None
                os.kill(pid, signal.SIGQUIT)  # an immediate shutdown: no checkpoint, no goodbye
                until(partial(_is_gone, pid), "its end")
                server.ensure_postgres_running()
                made.settles()
            assert all_once(made)
            assert [worker.process.poll() for worker in workers] == [None, None]


def _working(made: Fleet) -> int:
    """Return how many workers have said that they live; none before their tables are made."""
    try:
        return int(str(made.ask(WORKERS)[0]))
    except Unavailable:
        return 0


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_three_serves_post_one_digest(made: Fleet) -> None:
    """However many processes ask for it in the same second, the channel gets one digest."""
    for _ in range(3):
        made.serve()
    oncall = made.house.oncall
    until(oncall.looks, "the digest")
    time.sleep(3)
    digests = [one for one in oncall.looks() if "Invoice sync" in str(one.get("text"))]
    assert len(digests) == 1


def test_whatever_hits_the_fleet_every_sale_is_booked_once(made: Fleet) -> None:
    """Three workers, two serves, kills, pauses and ends at random: none lost, none twice."""
    dice = random.Random(7)  # noqa: S311 - dice of a test
    made.serve()
    made.serve()
    workers = [made.work() for _ in range(3)]
    for _ in range(6):
        made.sell(4)
        time.sleep(dice.uniform(0.2, 1.2))
        hit = dice.randrange(len(workers))
        match dice.choice(["kill", "pause", "end"]):
            case "kill":
                workers[hit].kill()
                workers[hit] = made.work()
            case "end":
                workers[hit].signal(signal.SIGTERM)
                workers[hit] = made.work()
            case _:
                workers[hit].signal(signal.SIGSTOP)
                time.sleep(dice.choice([0.5, LEASE_SECONDS + 2]))
                workers[hit].signal(signal.SIGCONT)
    made.settles(90)
    assert all_once(made)
