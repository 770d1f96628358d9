"""A precheck in a terminal: looks, prints what is missing, and creates it where that is asked."""

from typing import Any

from bot.problems import Problem
from bot.text import clean
from bot.verbs import Verb
from handlers.backfilling import named
from handlers.commandline import WrongUse, wrong_use
from handlers.terminal import LOOK_SECONDS, Terminal
from sync.engine import Engine
from sync.precheck import Finding, NothingToCreate, Precheck, PrecheckState, RunningAlready
from sync.records import TERMINAL


def precheck(
    engine: Engine, route_name: str, out: Terminal, *, create: bool, as_json: bool
) -> bool:
    """Precheck a route to its end and print it; False where goods are missing or it ended early.

    Ctrl-C lets it end at its next step. Raises WrongUse.
    """
    route = named(engine.routes(), route_name or None, Verb.PRECHECK)
    if isinstance(route, Problem):
        raise wrong_use(route)
    try:
        found = _followed(engine, engine.prechecks.begin(route, TERMINAL), out)
        if create and found.state is PrecheckState.LOOKED and found.creatable:
            out.complain(f"Creating {len(found.creatable)} products in {found.destination}.")
            creating = engine.prechecks.create(found.id, TERMINAL)
            found = _followed(engine, creating or found, out)
    except RunningAlready as running:
        raise WrongUse(f"A precheck of {running.running.route} is running already.") from None
    except NothingToCreate:
        raise WrongUse("Somebody else has created what was missing. Precheck again.") from None
    _print(found, out, as_json=as_json)
    well = found.state in {PrecheckState.LOOKED, PrecheckState.CREATED}
    return well and all(one.made is not None for one in found.findings)


def as_data(found: Precheck) -> dict[str, Any]:
    """Return a precheck with the contract's names."""
    return {
        "precheck_id": found.id,
        "route": found.route,
        "state": found.state.value,
        "reason": found.reason,
        "looked": found.looked,
        "missing": found.missing,
        "rows": [_row(one) for one in found.findings],
    }


def _row(one: Finding) -> dict[str, Any]:
    return {
        "sku": one.sku,
        "name": one.name,
        "price": str(one.price.amount) if one.price else None,
        "currency": one.price.currency if one.price else None,
        "error_type": one.error_type.value,
        "reason": one.reason,
        "near": [{"id": n.id, "name": n.name, "sku": n.code, "why": n.why} for n in one.near],
        "created_id": one.made,
        "refused": one.refused,
    }


def _followed(engine: Engine, begun: Precheck, out: Terminal) -> Precheck:
    """Wait until it has ended."""
    stopping = False
    while True:
        try:
            found = engine.store.prechecks.get(begun.id)
            if found is None:
                raise WrongUse(f"Precheck {begun.id} is gone from the database.")
            if not found.active:
                return found
            engine.clock.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            engine.prechecks.stop(begun.id)
            out.complain("Stopping at the next step; what was created stays.")


def _print(found: Precheck, out: Terminal, *, as_json: bool) -> None:
    if as_json:
        out.data(as_data(found))
        return
    for one in found.findings:
        out.say(clean(f"{one.sku!r}  {one.name}: {_what(one)}"))
    out.say(
        f"Precheck of {found.route}: {found.state.value}. {found.looked} products looked for, "
        f"{found.missing} without a match, {len(found.creatable)} can be created unseen."
    )
    if found.reason:
        out.say(f"It ended because: {clean(found.reason)}")


def _what(one: Finding) -> str:
    if one.made is not None:
        return f"created as {one.made}"
    if one.refused is not None:
        return f"not created, {one.refused}"
    near = ", ".join(f"{near.code or near.name!r} ({near.why})" for near in one.near)
    return f"near match {near}" if near else one.reason
