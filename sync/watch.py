"""A slow look whether open causes are gone: mended in the destination by hand, nobody told us.

It tells and sends nothing: whoever reads the digest retries. Only while a digest stands that shows
what is found; one look per lane and turn, the longest unseen cause first, never at a held lane.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sync.causes import Cause, Verdict
from sync.clock import Clock
from sync.errors import HOLDING, Remedy
from sync.lanes import guarded
from sync.probing import Probing
from sync.store import Store

TURN_SECONDS = 10.0
SHOWN = timedelta(days=7)
"""So long a digest may be edited."""

RESTS = timedelta(minutes=5)
"""Between two looks at one cause."""

RESTS_UNSURE = timedelta(minutes=30)
"""The same where the last look could not tell."""

LEASE = "watch"
_NOT_OURS = frozenset({Remedy.RETRYING, Remedy.WAITING, Remedy.NOTHING})


class Watch:
    """Looks at causes, one after the other; one process at a time."""

    def __init__(
        self,
        store: Store,
        probing: Probing,
        clock: Clock,
        owner: str,
        told: Callable[[], None],
    ) -> None:
        self._store = store
        self._probing = probing
        self._clock = clock
        self._owner = owner
        self._told = told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Look every ten seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other look."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for a look that runs."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.wait(TURN_SECONDS):
            guarded("watch", self._turn_alone)

    def _turn_alone(self) -> None:
        """Take a turn under a lease, so that processes do not look twice."""
        lanes = self._store.lanes
        lanes.add(LEASE)
        with lanes.alone(LEASE, self._owner, self._clock.now()) as ours:
            if ours:
                self.turn()

    def turn(self) -> list[Cause]:
        """Look at one cause of each lane where one is due; returns those that are gone."""
        now, gone = self._clock.now(), []
        if not self._store.digests.living(now - SHOWN):
            return []
        for cause in due(self._store.causes.open(), self._store.reports.held(), now):
            if self._stop.is_set():
                break
            if self._probing.check(cause, anew=True).verdict is Verdict.GONE:
                gone.append(cause)
        if gone:
            self._told()
        return gone


def due(causes: list[Cause], held: set[str], now: datetime) -> list[Cause]:
    """Return the cause of each lane that is to be looked at `now`, the longest unseen."""
    chosen: dict[str, Cause] = {}
    for cause in sorted(causes, key=_seen):
        if cause.lane not in held and _is_due(cause, now):
            chosen.setdefault(cause.lane, cause)
    return list(chosen.values())


def _seen(cause: Cause) -> tuple[bool, float]:
    seen = cause.checked
    return (seen is not None, seen.at.timestamp() if seen else 0.0)


def _is_due(cause: Cause, now: datetime) -> bool:
    """Return whether a look may find it gone: what is known to be gone waits for a person."""
    if not cause.count or cause.error_type in HOLDING or cause.remedy in _NOT_OURS:
        return False
    seen = cause.checked
    if seen is None:
        return True
    rests = RESTS_UNSURE if seen.verdict is Verdict.UNSURE else RESTS
    return seen.verdict is not Verdict.GONE and now >= seen.at + rests
