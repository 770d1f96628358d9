"""Pause and resume, from Slack and a terminal, and what a terminal says of what waits."""

from typing import assert_never

from bot.show import Message, Show
from handlers.commandline import WrongUse
from sync.engine import Engine
from sync.holding import Pausing
from sync.records import TERMINAL, Actor, Sync, WaitingFor
from sync.states import Status

WAITS = "waits for the connection. Nothing was sent; it goes by itself once the connection is open."


def pause_line(engine: Engine, name: str) -> str:
    """Pause a connection; returns what to say. Raises WrongUse."""
    name = _meant(engine, name)
    match engine.holding.pause(name, TERMINAL):
        case Pausing.DONE:
            return f"{name}: paused. Its documents wait, whole. Next: app.py resume {name}"
        case Pausing.ALREADY:
            return f"{name}: is held already; nothing is sent until that ends."
        case Pausing.UNKNOWN:
            raise WrongUse(_unknown(name))
        case other:
            assert_never(other)


def resume_line(engine: Engine, name: str) -> str:
    """Resume a connection; returns what to say. Raises WrongUse."""
    name = _meant(engine, name)
    match engine.holding.resume(name):
        case Pausing.DONE:
            return f"{name}: resumed. One document goes first, the others follow."
        case Pausing.ALREADY:
            return f"{name}: is not paused."
        case Pausing.UNKNOWN:
            raise WrongUse(_unknown(name))
        case other:
            assert_never(other)


_PAUSED = {Pausing.DONE: "paused", Pausing.ALREADY: "held", Pausing.UNKNOWN: "unknown"}
_RESUMED = {Pausing.DONE: "resumed", Pausing.ALREADY: "running", Pausing.UNKNOWN: "unknown"}


def paused(engine: Engine, show: Show, name: str, by: Actor) -> Message:
    """Pause a connection for somebody in Slack; returns the answer."""
    name = _meant(engine, name)
    return show.paused(_PAUSED[engine.holding.pause(name, by)], name, _names(engine))


def resumed(engine: Engine, show: Show, name: str) -> Message:
    """Resume a connection for somebody in Slack; returns the answer."""
    name = _meant(engine, name)
    return show.paused(_RESUMED[engine.holding.resume(name)], name, _names(engine))


def _names(engine: Engine) -> list[str]:
    return sorted(_ends(engine))


def _ends(engine: Engine) -> dict[str, str]:
    """Return the system of every connection that a route uses, by name."""
    ends = [end for route in engine.routes() for end in (route.source, route.destination)]
    return {end.name: end.system for end in ends}


def _meant(engine: Engine, name: str) -> str:
    """Return the connection that is meant: its own name, or that of a system that has only one."""
    ends = _ends(engine)
    named = [one for one, system in ends.items() if system == name.lower()]
    return named[0] if name not in ends and len(named) == 1 else name


def is_stuck(sync: Sync) -> bool:
    """Return whether a document did not get where it was sent: it failed, or its lane is held."""
    return sync.status is Status.FAILED or waits(sync)


def waits(sync: Sync) -> bool:
    """Return whether a document waits for a connection that is held."""
    return sync.status is Status.PENDING and sync.waiting_for is WaitingFor.CONNECTION


def _unknown(name: str) -> str:
    return f"No route uses a connection {name}. See: app.py routes list"
