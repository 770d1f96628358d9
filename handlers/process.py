"""What a long-running process needs: to be the only one, and to end when it is told to."""

import fcntl
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.web import Site, WebServer
from handlers.commandline import WrongUse


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Hold the lock file of an SQLite database: one long-running process at a time."""
    path = database_url.removeprefix("sqlite:///")
    if path == database_url:
        yield
        return
    with Path(f"{path}.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(f"Another serve works on {path}. End it first.") from None
        yield


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
