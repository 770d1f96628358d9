"""The weather clears: what was promised must now come about.

No fault happens any more, nobody is stopped, the connections are opened again, and people press
what has failed. Strides of the clock are long enough for `settle`, a lease and every backoff.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.faults.process import LANE

if TYPE_CHECKING:
    from tests.faults.world import World

STRIDES = (1, 61, 301, 61, 601, 3601, 61, 301, 3601, 61, 3601, 3601, 3601, 61)
UNSAID = """
SELECT (SELECT count(*) FROM news)
     + (SELECT count(*) FROM posts WHERE state IN ('waiting', 'sending'))
"""
MOST_ROUNDS = 200
MOST_TURNS = 8


def heal(world: "World") -> None:
    """Bring a run to its end."""
    world.weather.calm = True
    world.healed_at = world.stage.clock.now()
    world.note("heal")
    world.shelf.hidden.clear()
    world.slack.dark = False
    for process in world.processes:
        process.frozen = False
    _finish(world)
    for process in list(world.processes):
        world.stop(process)
    world.spawn_process()
    world.processes[0].engine.holding.resume(LANE)
    _finish(world)
    _mend(world)
    for stride in STRIDES:
        if world.refused():
            world.reconnect()
            _finish(world)
        _stride(world, stride)
        if _settled(world):
            break
    if world.talks:
        _say_all(world)


def _stride(world: "World", seconds: int) -> None:
    world.stage.clock.turn(timedelta(seconds=seconds))
    world.server.arrive()
    world.waiting_hints = [(world.stage.clock.now(), hint) for _, hint in world.waiting_hints]
    if world.waiting_hints:
        world.hint()
    for click in world.slack.clicks:
        if click.acked_at is None:
            world.deliver(click)
    _finish(world)
    _press(world)
    process = world.processes[0]
    process.spawn("hints", process.engine.hearing.follow)
    process.spawn("holding", process.engine.holding.look)
    if len(world.statuses()) < len(world.shelf.documents):
        process.spawn("sweep", lambda: process.engine.sweeper.sweep(world.route))
    if world.talks:
        process.spawn("digest", process.digests.tick)
        process.spawn("rescue", process.outbox.rescue)
        process.spawn("deliver", process.deliver)
    _finish(world)
    _work(world)


def _work(world: "World") -> None:
    """Let the lane be turned as long as there is something to claim."""
    process = world.processes[0]
    for _ in range(MOST_TURNS):
        begun = process.begun
        process.spawn("turn", process.turn)
        _finish(world)
        if process.begun == begun:
            return


def _say_all(world: "World") -> None:
    """Let everything be said that is still to be said."""
    process, query = world.processes[0], sa.text(UNSAID)
    for _ in range(MOST_ROUNDS):
        process.spawn("rescue", process.outbox.rescue)
        process.spawn("deliver", process.deliver)
        _finish(world)
        with world.arena.store.database.read() as connection:
            if not connection.execute(query).scalar():
                return
        world.stage.clock.turn(timedelta(seconds=7))


def _finish(world: "World") -> None:
    """Let every thread come to its end; the clock goes on where all of them sleep."""
    stage = world.stage
    while stage.tasks:
        ready = stage.ready()
        if ready:
            stage.step(ready[0])
            continue
        waking = stage.next_waking()
        if waking:
            stage.clock.turn(waking - stage.clock.now())


def _mend(world: "World") -> None:
    """Let an accountant correct amounts, or leave them for the checker to find told."""
    if world.dice.random() < 0.5:
        world.server.mend(lambda entry: world.shelf.documents[entry.source_id].total.minor)


def _press(world: "World") -> None:
    """Let somebody press whatever has failed."""
    for sync_id, status in sorted(world.statuses().items()):
        if status == "failed":
            world.press("U1", sync_id)
    _finish(world)


def _settled(world: "World") -> bool:
    """Return whether nothing is left to wait for: successes, told mismatches, their returns."""
    query = sa.text("SELECT status, error_type, waiting_for, not_before FROM syncs")
    with world.arena.store.database.read() as connection:
        rows = connection.execute(query).all()
    over = (
        row.status == "success"
        or (row.status == "failed" and row.error_type == "amount_mismatch")
        or (row.status == "pending" and row.waiting_for == "prerequisite" and row.not_before)
        for row in rows
    )
    return all(over) and len(rows) == len(world.shelf.documents)
