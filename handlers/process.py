"""Long-running processes: what they join, how many there may be, and how they end."""

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog

from bot.render import Renderer
from bot.settings import Settings
from bot.show import Show
from bot.slack import open_workspace
from bot.web import Site, WebServer
from handlers.commandline import WrongUse
from handlers.surface import Surface
from sync.engine import Engine
from sync.handout import Handout
from sync.lanes import guarded

TEMPLATES = Path(__file__).parent.parent / "templates"
GRACE_SECONDS = 25.0
"""How long what runs may take to end; container supervisors kill after 30."""

WORKERS_SECONDS = 60.0

log = structlog.get_logger(__name__)


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Hold the lock file of an SQLite database: one long-running process at a time."""
    path = database_url.removeprefix("sqlite:///")
    if path == database_url:
        yield
        return
    with _lock_file(f"{path}.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(f"Another serve works on {path}. End it first.") from None
        yield


def _lock_file(name: str) -> TextIO:
    try:
        return Path(name).open("w", encoding="utf-8")
    except OSError as error:
        step = "Let the user that runs invsync write it"
        raise WrongUse(f"{name} cannot be opened: {error.strerror}. {step}.") from None


def until_stopped(ended: Callable[[], bool]) -> None:
    """Return at Ctrl-C, at SIGTERM, or when `ended`."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(1.0):
        if ended():
            return


@contextmanager
def served(site: Site, listener: socket.socket) -> Iterator[None]:
    """Serve health, consents and webhooks over HTTP until the block ends."""
    web = WebServer(site, listener)
    web.start()
    try:
        yield
    finally:
        web.stop()


@contextmanager
def handout_of(database_url: str) -> Iterator[Handout | None]:
    """Give the hand-out of a database that several processes work on; None for a file."""
    if database_url.startswith("sqlite:"):
        yield None
        return
    handout = Handout(database_url)
    handout.prepare()
    try:
        yield handout
    finally:
        handout.close()


@contextmanager
def serving(
    settings: Settings, engine: Engine, handout: Handout | None = None, *, http: bool
) -> Iterator[Surface]:
    """Join engine and Slack and run both until the block ends.

    With a hand-out the lanes, sweeps and backfills are left to the workers.
    """
    workspace = open_workspace(settings)
    show = Show(Renderer(TEMPLATES), engine.clock, settings.timezone)
    surface = Surface(settings, workspace, engine, show, http=http)
    alone = handout is None
    if handout:
        surface.every(WORKERS_SECONDS, partial(_look_for_workers, handout))
    surface.start(alone=alone)
    engine.start(alone=alone, sweeping=alone, handout=handout)
    try:
        yield surface
    finally:
        engine.stop()
        surface.stop()


def _look_for_workers(handout: Handout) -> None:
    if handout.workers() == 0:
        log.error("no worker runs", next="start one beside this process: app.py work")


@contextmanager
def working(engine: Engine, handout: Handout) -> Iterator[None]:
    """Drain lanes, sweep sources and walk backfills while the block runs."""
    drains = handout.worker(engine.lanes.drain, guarded)
    engine.start(alone=False, sweeping=True, handout=handout)
    drains.start()
    try:
        yield
    finally:
        engine.stop(GRACE_SECONDS)
        if not drains.stop(GRACE_SECONDS):
            os._exit(0)  # a stuck request would hold the interpreter; its lease hands the row on


@contextmanager
def lanes_of(engine: Engine, *, backfilling: bool = False) -> Iterator[None]:
    """Work the lanes that nobody else holds while the block runs."""
    engine.start(alone=False, sweeping=False, backfilling=backfilling)
    try:
        yield
    finally:
        engine.stop()
