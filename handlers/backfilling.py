"""Beginning and stopping backfills as people name them; what cannot be done is a Problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from bot.backfill import done_share
from bot.problems import Problem, Wrong
from bot.verbs import Verb
from handlers.commandline import WrongUse, day_of, wrong_use
from handlers.terminal import LOOK_SECONDS, Terminal
from handlers.words import nearest
from sync.backfill import Backfills
from sync.batches import AlreadyRunning, BadPeriod, Batch, Flaw, Progress
from sync.records import TERMINAL, Actor, Route

MOST_NAMED = 5
"""How many routes a Problem lists."""

_FLAWS = {
    Flaw.REVERSED: Wrong.REVERSED,
    Flaw.FUTURE: Wrong.FUTURE,
    Flaw.TOO_LONG: Wrong.TOO_LONG,
}


@dataclass(frozen=True, slots=True)
class Period:
    """From which day to which, both included, by the days of the source."""

    first: date
    last: date


def named(routes: Sequence[Route], given: str | None, verb: Verb) -> Route | Problem:
    """Return the route called `given` in any case, the only one where nothing is given."""
    if not routes:
        return Problem(Wrong.NO_ROUTE, verb=verb)
    if given is None:
        return routes[0] if len(routes) == 1 else unknown("", routes, verb)
    same = [route for route in routes if route.name == given]
    alike = [route for route in routes if route.name.casefold() == given.casefold()]
    found = same or alike
    return found[0] if len(found) == 1 else unknown(given, routes, verb)


def begun(
    backfills: Backfills,
    route: Route,
    period: Period,
    by: Actor,
    receipt: str | None = None,
    channel: str | None = None,
) -> Batch | Problem:
    """Begin a backfill whose message stands in `channel`; a repeated receipt changes nothing."""
    told = {"channel": channel} if channel else None
    try:
        return backfills.begin(route, period.first, period.last, by, receipt, told)
    except BadPeriod as bad:
        return Problem(_FLAWS[bad.flaw], period.last.isoformat(), Verb.BACKFILL)
    except AlreadyRunning as running:
        return Problem(Wrong.RUNNING, running.batch.route, Verb.BACKFILL)


def to_stop(backfills: Backfills, given: str | None) -> Batch | Problem:
    """Return the backfill that is to be stopped: that of the route, or the only one."""
    active = backfills.active()
    if not active:
        return Problem(Wrong.NOT_RUNNING, verb=Verb.BACKFILL)
    names = [batch.route for batch in active]
    if given is None:
        return active[0] if len(active) == 1 else _unknown("", names, Verb.BACKFILL)
    found = [batch for batch in active if batch.route.casefold() == given.casefold()]
    return found[0] if len(found) == 1 else _unknown(given, names, Verb.BACKFILL)


def unknown(given: str, routes: Sequence[Route], verb: Verb) -> Problem:
    """Return the problem that names the routes most like what was given."""
    return _unknown(given, [route.name for route in routes], verb)


def _unknown(given: str, names: Sequence[str], verb: Verb) -> Problem:
    near = nearest(given, names, MOST_NAMED)
    return Problem(Wrong.UNKNOWN_ROUTE, given, verb=verb, near=near, valid=near)


def backfill(
    backfills: Backfills, routes: Sequence[Route], options: Mapping[str, str], out: Terminal
) -> Progress:
    """Do what `app.py backfill` was asked to, and show it to its end; returns how it ended.

    `options` are `route` (may be empty where there is only one), `from` and `to`. Ctrl-C stops it
    cleanly: what is queued is finished; a second one leaves that to the next process. Raises
    WrongUse.
    """
    route = named(routes, options["route"] or None, Verb.BACKFILL)
    if isinstance(route, Problem):
        raise wrong_use(route)
    period = Period(day_of(options["from"]), day_of(options["to"]))
    batch = begun(backfills, route, period, TERMINAL)
    if isinstance(batch, Problem):
        raise wrong_use(batch)
    ended = _followed(backfills, batch, out)
    out.backfill(ended)
    return ended


def _followed(backfills: Backfills, batch: Batch, out: Terminal) -> Progress:
    stopping = False
    with out.bar() as bar:
        while True:
            try:
                found = backfills.progress(batch.id)
                if found is None or not found.batch.active:
                    break
                bar.show(found, done_share(found))
                backfills.clock.sleep(LOOK_SECONDS)
            except KeyboardInterrupt:
                if stopping:
                    raise
                stopping = True
                backfills.stop(batch.id, TERMINAL)
                out.complain("Stopping: nothing more is put in, what is queued is finished.")
    if found is None:
        raise WrongUse(f"Backfill {batch.id} is gone from the database.")
    return found
