"""Bulk retries at work: one look whether the cause is gone, then all its documents, in portions.

A bulk retry is a row that one process at a time holds by its lease. Nothing is sent while the cause
is still there, unless somebody who may decided so; it ends when nothing of it is open any more.
"""

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import structlog

from sync.bulk import Approval, Bulk, BulkProgress, BulkState, Limits
from sync.causes import Cause, Checked, Verdict
from sync.clock import Clock
from sync.lanes import guarded, owner_name
from sync.records import Actor
from sync.store import Store
from sync.store.queue import CHUNK
from sync.times import Times

log = structlog.get_logger("bulk retries")


class _Left(Exception):
    """The work is no longer ours: its lease went to another, or the process ends."""


class Looks(Protocol):
    """Looks whether causes are gone."""

    def check(self, cause: Cause, *, anew: bool = False) -> Checked:
        """Return what the look tells; one of the last minute counts unless `anew`."""
        ...


class Bulks:
    """The bulk retries of all causes; `sent` rings whoever works what was sent back."""

    def __init__(
        self,
        store: Store,
        probing: Looks,
        clock: Clock,
        times: Times,
        limits: Limits | None = None,
        sent: Callable[[], None] = lambda: None,
        portion: int = CHUNK,
    ) -> None:
        self.store = store
        self.rows = store.bulks
        self.clock = clock
        self.limits = limits or Limits()
        self._probing = probing
        self._times = times
        self._sent = sent
        self._portion = portion
        self._ended = False
        self._owner = owner_name()
        self._claims = itertools.count(1)
        self._rung = threading.Condition()
        self._works: list[threading.Thread] = []
        self._keeper = threading.Thread(target=self._keep, name="bulk-retries", daemon=True)

    # --- the door --------------------------------------------------------------------------------

    def begin(
        self,
        cause: Cause,
        by: Actor,
        receipt: str | None = None,
        *,
        anyway: bool = False,
        message: dict[str, Any] | None = None,
    ) -> Bulk:
        """Write a bulk retry of a cause down; it begins soon, or once a second person approved it.

        `anyway` sends although the cause may still be there; `message` is kept for the surface. A
        receipt that was given before changes nothing. Raises AlreadyRunning while another one of
        the cause is active, Nothing where there is nothing that a person could retry.
        """
        now = self.clock.now()
        bulk = self.rows.begin(
            cause.id, by, receipt, self.limits, now, anyway=anyway, message=message
        )
        self.ring()
        return bulk

    def approve(self, bulk_id: int, by: Actor) -> tuple[Approval, Bulk | None]:
        """Let a large bulk retry go, as somebody else than who asked; counted again first."""
        answer = self.rows.approve(bulk_id, by, self.clock.now())
        self.ring()
        return answer

    def stop(self, bulk_id: int, by: Actor) -> Bulk | None:
        """Send nothing more back; what is queued is finished. Returns the bulk retry, or None."""
        bulk = self.rows.stop(bulk_id, self.clock.now())
        log.info("stopping", bulk=bulk_id, by=by.id)
        self.ring()
        return bulk

    def progress(self, bulk_id: int) -> BulkProgress | None:
        """Return a bulk retry with its counts as of now, or None."""
        bulk = self.rows.get(bulk_id)
        if bulk is None:
            return None
        return BulkProgress(bulk, self.rows.counts(bulk_id), self.store.lanes.is_held(bulk.lane))

    # --- the threads -----------------------------------------------------------------------------

    def start(self, *, alone: bool = False) -> None:
        """Begin to work what is active; `alone`: this is the one long-running process."""
        if alone:
            self.rows.expire()
        self._keeper.start()

    def end(self) -> None:
        """Begin nothing else, and leave what runs at its next portion."""
        with self._rung:
            self._ended = True
            self._rung.notify_all()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for the running work to leave."""
        until = self.clock.now() + timedelta(seconds=seconds)
        if self._keeper.is_alive():  # first: it may be starting another one
            self._keeper.join(seconds)
        for work in self._works:
            work.join(max(0.0, (until - self.clock.now()).total_seconds()))

    def ring(self) -> None:
        """Look now: something was begun, approved or stopped."""
        with self._rung:
            self._rung.notify_all()

    def _rest(self) -> None:
        with self._rung:
            if not self._ended:
                self._rung.wait(self._times.tick)

    def _keep(self) -> None:
        while not self._ended:
            guarded("bulk retries", self._take)
            self._rest()

    def _take(self) -> None:
        self._works = [thread for thread in self._works if thread.is_alive()]
        if self.rows.lapse(self.clock.now()):
            self._sent()
        while not self._ended and (bulk := self._claimed()):
            thread = threading.Thread(
                target=self._work, args=[bulk], name=f"bulk-{bulk.id}", daemon=True
            )
            self._works.append(thread)
            thread.start()

    def _claimed(self) -> Bulk | None:
        """Take one under a name of its own, so that a lost lease is lost to us too."""
        owner = f"{self._owner}:{next(self._claims)}"
        return self.rows.claim(owner, self.clock.now(), self._times.leasing)

    # --- the work --------------------------------------------------------------------------------

    def _work(self, bulk: Bulk) -> None:
        def give_up(reference: str) -> None:
            reason = f"Something went wrong on our side, reference {reference}"
            self.rows.end(bulk, BulkState.FAILED, reason, self.clock.now())

        guarded(f"bulk retry {bulk.id}", lambda: self._run(bulk), broken=give_up)

    def _run(self, bulk: Bulk) -> None:
        try:
            reason = None if bulk.anyway or bulk.sent else self._in_the_way(bulk)
            if reason is not None:
                self._end(self._held(bulk), BulkState.STILL, reason)
                return
            self._until_quiet(self._send(bulk))
        except _Left:
            return

    def _in_the_way(self, bulk: Bulk) -> str | None:
        """Return why the cause is still there, or None where it is gone or only a try can tell."""
        cause = self.store.causes.get(bulk.cause_id)
        if cause is None:
            return None
        checked = self._probing.check(cause)
        if checked.verdict is Verdict.STILL and checked.at < bulk.created_at:
            checked = self._probing.check(cause, anew=True)  # it may have been mended since
        return checked.reason if checked.verdict is Verdict.STILL else None

    def _send(self, bulk: Bulk) -> Bulk:
        """Send everything back, portion by portion, until all is sent or somebody stops it."""
        while bulk.state is not BulkState.STOPPING and not bulk.all_sent:
            self._unless_ended(bulk)
            before = bulk.sent
            sent = self.rows.send(bulk, self._times, self.clock.now(), self._portion)
            if sent is None:
                raise _Left
            bulk = sent
            if bulk.sent > before:
                self._sent()
            elif not bulk.all_sent:
                self._rest()
        return bulk

    def _until_quiet(self, bulk: Bulk) -> None:
        """Wait until what was sent back has come to its end, then end the bulk retry."""
        while self.rows.counts(bulk.id).pending:
            bulk = self._held(bulk)
            self._rest()
        bulk = self._held(bulk)
        self._end(bulk, BulkState.DONE if bulk.all_sent else BulkState.STOPPED, None)

    def _held(self, bulk: Bulk) -> Bulk:
        """Keep the lease, and return the bulk retry as it stands. Raises _Left."""
        self._unless_ended(bulk)
        beaten = self.rows.beat(bulk, self.clock.now() + self._times.leasing)
        if beaten is None:
            raise _Left
        return beaten

    def _unless_ended(self, bulk: Bulk) -> None:
        if self._ended:
            self.rows.give(bulk)
            raise _Left

    def _end(self, bulk: Bulk, state: BulkState, reason: str | None) -> None:
        self.rows.end(bulk, state, reason, self.clock.now())
        self._sent()
