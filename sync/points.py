"""Named places where a crash matters. In production a point does nothing.

Tests stop a worker at a point and count documents at the destination: exactly one.
"""

from collections.abc import Callable


def _nothing(_name: str) -> None:
    """Do nothing: the point of production."""


_reached: Callable[[str], None] = _nothing


def point(name: str) -> None:
    """Say that the place called `name` was reached."""
    _reached(name)


def watch(reached: Callable[[str], None] | None) -> None:
    """Let `reached` hear of every point from now on; None: nobody."""
    global _reached  # noqa: PLW0603 - one switch for the process, off in production
    _reached = reached or _nothing
