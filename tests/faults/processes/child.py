"""The app as its own process that can be held at a fault point.

`python -m tests.faults.processes.child POINT SKIP TELL HEAR ARGS...` runs `app.py ARGS...`; at
POINT (after SKIP passes) it writes a line to the pipe TELL and waits for one on the pipe HEAR.
"""

import os
import sys
import threading

import app
from sync import points
from sync.connectors.limits import LIMITS, SEARCHES, Limit

UNPACED = Limit(100_000, 1.0, burst=100_000)


class Gate:
    """Holds the first thread that comes to a point, until the driver lets it go."""

    def __init__(self, name: str, skip: int, tell: int, hear: int) -> None:
        self._name, self._left = name, skip + 1
        self._tell, self._hear = tell, hear
        self._lock = threading.Lock()

    def reached(self, name: str) -> None:
        """Hear of a point."""
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if self._left:
                return
        os.write(self._tell, b"reached\n")
        os.read(self._hear, 1)


def main() -> None:
    """Run the app with one point watched; the stand-ins ask for no pace."""
    point, skip, tell, hear = sys.argv[1:5]
    for limits in (LIMITS, SEARCHES):
        limits.update(dict.fromkeys(limits, UNPACED))
    points.watch(Gate(point, int(skip), int(tell), int(hear)).reached)
    sys.argv[1:] = sys.argv[5:]
    sys.exit(app.main())


if __name__ == "__main__":
    main()
