"""Bulk retries at work: one look whether the cause is gone, then all its documents, in portions.

A bulk retry is a row that one process at a time holds by its lease. Nothing is sent while the cause
is still there, unless somebody who may decided so; it ends when nothing of it is open any more.
"""

from collections.abc import Callable
from typing import Any, Protocol

import structlog

from sync.bulk import Approval, Bulk, BulkProgress, BulkState, Limits
from sync.causes import Cause, Checked, Verdict
from sync.clock import Clock
from sync.crew import Crew, Left, Work
from sync.records import Actor
from sync.store import Store
from sync.store.queue import CHUNK
from sync.times import Times

log = structlog.get_logger("bulk retries")


class Looks(Protocol):
    """Looks whether causes are gone."""

    def check(self, cause: Cause, *, anew: bool = False) -> Checked:
        """Return what the look tells; one of the last minute counts unless `anew`."""
        ...


class Bulks(Crew[Bulk]):
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
        super().__init__("bulk retry", self.rows, clock, times.tick, times.leasing)
        self.limits = limits or Limits()
        self.probing = probing
        self.times = times
        self.sent = sent
        self.portion = portion

    def prepare(self) -> None:
        """End what nobody approved in time."""
        if self.rows.lapse(self.clock.now()):
            self.sent()

    def work_on(self, row: Bulk) -> Work:
        """Return the work at a bulk retry."""
        return _Retry(self, row)

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


class _Retry:
    """One thread's way through one bulk retry."""

    def __init__(self, home: Bulks, bulk: Bulk) -> None:
        self._home = home
        self._bulk = bulk

    def run(self) -> None:
        """Send all of it back and wait for its end, unless the cause is still there. Raises Left.

        What was sent before tells that the cause was gone, or that somebody wanted a try.
        """
        bulk = self._bulk
        reason = None if bulk.anyway or bulk.sent else self._in_the_way()
        if reason is not None:
            self._hold()
            self._end(BulkState.STILL, reason)
            return
        self._send()
        self._until_quiet()

    def give_up(self, reason: str) -> None:
        """End the bulk retry, which a bug of ours broke off."""
        self._end(BulkState.FAILED, reason)

    def _in_the_way(self) -> str | None:
        """Return why the cause is still there, or None where it is gone or only a try can tell."""
        cause = self._home.store.causes.get(self._bulk.cause_id)
        if cause is None:
            return None
        checked = self._home.probing.check(cause)
        if checked.verdict is Verdict.STILL and checked.at < self._bulk.created_at:
            checked = self._home.probing.check(cause, anew=True)  # it may have been mended since
        return checked.reason if checked.verdict is Verdict.STILL else None

    def _send(self) -> None:
        """Send everything back, portion by portion, until all is sent or somebody stops it."""
        home = self._home
        while self._bulk.state is not BulkState.STOPPING and not self._bulk.all_sent:
            self._unless_ended()
            before, now = self._bulk.sent, home.clock.now()
            sent = home.rows.send(self._bulk, home.times, now, home.portion)
            self._bulk = _still_ours(sent)
            if self._bulk.sent > before:
                home.sent()
            elif not self._bulk.all_sent:
                home.rest()

    def _until_quiet(self) -> None:
        """Wait until what was sent back has come to its end, then end the bulk retry."""
        while self._home.rows.counts(self._bulk.id).pending:
            self._hold()
            self._home.rest()
        self._hold()
        self._end(BulkState.DONE if self._bulk.all_sent else BulkState.STOPPED, None)

    def _hold(self) -> None:
        """Keep the lease, and learn how the bulk retry stands. Raises Left."""
        self._unless_ended()
        home = self._home
        until = home.clock.now() + home.times.leasing
        self._bulk = _still_ours(home.rows.beat(self._bulk, until))

    def _unless_ended(self) -> None:
        if self._home.ended:
            self._home.rows.give(self._bulk)
            raise Left

    def _end(self, state: BulkState, reason: str | None) -> None:
        self._home.rows.end(self._bulk, state, reason, self._home.clock.now())
        self._home.sent()


def _still_ours(bulk: Bulk | None) -> Bulk:
    if bulk is None:
        raise Left
    return bulk
