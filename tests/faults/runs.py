"""Runs by the thousand, and the figures they add up to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.checker import Query, Violation, check, spells
from tests.faults.evidence import Booking, Evidence, Press, Said, Sent
from tests.faults.house import EVENTS
from tests.faults.identity import CANARY
from tests.faults.weather import POINTS, Fault
from tests.faults.workspace import CHANNEL
from tests.faults.world import World

LEAST_KILLS = 20
LEAST_FAULTS = 50
FEW = 5
"""A short run may well meet none of what is as rare as that."""


@dataclass
class Figures:
    """What a number of runs did, met and broke; figures of several processes can be added."""

    runs: int = 0
    events: int = 0
    documents: int = 0
    creates: int = 0
    replays: int = 0
    found: int = 0
    clicks: int = 0
    outcomes: int = 0
    longest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Add the figures of other runs."""
        for name in ("runs", "events", "documents", "creates", "replays", "found", "clicks"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.outcomes += other.outcomes
        self.longest = max(self.longest, other.longest)
        self.faults += other.faults
        self.kills += other.kills
        self.broken += other.broken
        self.examples = [*self.examples, *other.examples][:20]

    def missing(self, share: float = 1.0) -> list[str]:
        """Return what was hardly exercised: points and faults that came too seldom.

        `share` is the part of a whole run that these figures are of.
        """
        kills, met = _at_least(LEAST_KILLS * share), _at_least(LEAST_FAULTS * share)
        points = [f"{p}: {self.kills[p]} kills" for p in POINTS if self.kills[p] < kills]
        faults = [f"{f}: {self.faults[f]}" for f in Fault if self.faults[f] < met]
        return points + faults


def _at_least(expected: float) -> int:
    """Return how often what is expected so often must come; fewer than FEW is left to chance."""
    return int(expected) if expected >= FEW else 0


def evidence_of(world: World) -> Evidence:
    """Return what the systems around the engine recorded in a run."""
    shelf = world.shelf.documents.values()
    clicks = [click for click in world.slack.clicks if click.acked_at]
    return Evidence(
        wanted={(d.source_id, d.kind.value): (d.total.minor, d.total.currency) for d in shelf},
        bookings=[
            Booking(e.source_id, e.kind, e.minor, e.currency, e.at) for e in world.server.entries
        ],
        sent=[
            Sent(r.source_id, r.kind, r.at, r.until, r.not_before) for r in world.server.requests
        ],
        presses=[Press(c.receipt, c.user, c.sync_id, c.at) for c in clicks],
        said=[
            Said(m.at, m.channel, m.user, m.text, m.uid, m.lost)
            for m in world.slack.messages
            if m.method != "chat.update"
        ],
        renewals=world.identity.renewals,
        single_use=world.identity.single_use,
        spoilt=any(grant.spoilt for grant in world.identity.grants),
        canaries=[CANARY],
        plain=world.trace,
        healed_at=world.healed_at,
        ended_at=world.stage.clock.now() if world.healed_at else None,
        listened=world.talks,
        digest_channel=CHANNEL,
    )


def query_of(arena: Arena) -> Query:
    """Return what asks the run's database in plain SQL."""

    def query(text: str) -> Sequence[Any]:
        with arena.store.database.read() as connection:
            return connection.execute(sa.text(text)).mappings().all()

    return query


def judged(world: World) -> list[Violation]:
    """Return what a finished run has broken."""
    return check(query_of(world.arena), evidence_of(world))


def run_one(
    arena: Arena, what: Class, seed: int, events: int = EVENTS
) -> tuple[World, list[Violation]]:
    """Run a seed and judge it; a crash of the engine is a violation too."""
    world = World(arena, what, seed, events)
    try:
        world.run()
    except Exception as error:  # noqa: BLE001 - because any crash is a finding of its own
        return world, [Violation("crash", f"{type(error).__name__}: {error}")]
    return world, judged(world)


def run_many(arena: Arena, what: Class, seeds: Iterable[int], events: int = EVENTS) -> Figures:
    """Run seeds of one class, with so many events each; returns their figures."""
    figures = Figures()
    with arena.joined():
        for seed in seeds:
            world, broken = run_one(arena, what, seed, events)
            _count(figures, world, broken)
    return figures


def _count(figures: Figures, world: World, broken: Sequence[Violation]) -> None:
    query = query_of(world.arena)
    figures.runs += 1
    figures.events += world.events + world.stage.steps
    figures.documents += len(world.shelf.documents)
    figures.creates += len(world.server.requests)
    figures.replays += sum(one.replayed for one in world.server.requests)
    noted = query("SELECT count(*) AS n FROM syncs WHERE note = 'already_synced'")
    figures.found += int(noted[0]["n"])
    figures.clicks += len(world.slack.clicks)
    figures.outcomes += int(query("SELECT count(*) AS n FROM receipts")[0]["n"])
    for _, since, until in spells(query("SELECT * FROM audit ORDER BY id")):
        if until:
            slept = sum((by for at, by in world.asleep if since <= at <= until), timedelta())
            figures.longest = max(figures.longest, (until - since - slept).total_seconds())
    figures.faults += world.weather.met
    figures.kills += world.weather.kills
    for one in broken:
        figures.broken[one.invariant] += 1
        figures.examples.append(f"{world.what} seed {world.seed}: {one}")
    del figures.examples[20:]


def as_json(figures: Figures) -> dict[str, Any]:
    """Return figures as they stand in the JSON file."""
    return {
        "runs": figures.runs,
        "events": figures.events,
        "faults": {fault.value: figures.faults[fault] for fault in Fault},
        "kills": {name: figures.kills[name] for name in [*POINTS, "between", "asleep"]},
        "documents": figures.documents,
        "creates": figures.creates,
        "replays": figures.replays,
        "found_by_look_up": figures.found,
        "duplicates": figures.broken["I1"],
        "lost": figures.broken["I3"],
        "amount_mismatches": figures.broken["I2"],
        "illegal_moves": figures.broken["I4"],
        "broken": dict(figures.broken),
        "clicks": figures.clicks,
        "outcomes": figures.outcomes,
        "longest_processing_seconds": figures.longest,
        "examples": figures.examples,
        "not_exercised": figures.missing(),
    }
