"""One attempt of one sync, from the source document to the compared destination document.

read -> wait for the sale -> look up by our key -> blockers -> plan -> slot -> MARK -> create ->
read back -> compare -> finish. No transaction is open during a foreign call. The look-up comes
before every create, also the first: the database may be new, the books are not.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from sync.clock import Clock
from sync.connectors.base import Destination, Parent, Plan, Source
from sync.connectors.transport import taping
from sync.documents import Booked, Document, Kind
from sync.errors import (
    HOLDING,
    ErrorType,
    Failure,
    FixData,
    ReadError,
    Reconnect,
    TryLater,
    told_apart,
)
from sync.money import Money
from sync.outcomes import Ambiguous, Created, NotSent, Rejected
from sync.points import point
from sync.policy import POSTPONEMENTS, backoff, retries_itself
from sync.records import ALREADY_SYNCED, ROUNDED, Exchange, HoldKind, Sync, WaitingFor
from sync.states import Status
from sync.store import Store
from sync.store.holds import Trouble
from sync.systems import title_of
from sync.times import Times

PREREQUISITE_LOOK = timedelta(hours=1)
"""A return is let go by its sale's success; this look is only the net below."""


class Ends(Protocol):
    """Opens the two ends of a route and books slots at a connection."""

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return source and destination of a route."""
        ...

    def pace(self, connection_name: str) -> None:
        """Book the connection's next slot and sleep until it."""
        ...


class Hears(Protocol):
    """Is told whether connections answer."""

    def answered(self, lane: str, connection: str) -> None:
        """Hear that a connection answered an attempt of this lane."""
        ...

    def silent(self, sync: Sync, connection: str, reason: str) -> None:
        """Hear that it gave no answer, or a server's error."""
        ...


class Deaf:
    """Hears nothing: connections are not watched."""

    def answered(self, lane: str, connection: str) -> None:
        """Pass over it."""

    def silent(self, sync: Sync, connection: str, reason: str) -> None:
        """Pass over it."""


@dataclass(slots=True)
class Attempt:
    """What one attempt knows while it runs."""

    sync: Sync
    exchanges: Sequence[Exchange]
    began_at: datetime
    looked_up: bool = False

    @property
    def in_doubt(self) -> bool:
        """Whether an earlier create may have arrived and no look-up has told."""
        return self.sync.sent_at is not None and not self.looked_up


class Worker:
    """Runs attempts. Results are written only where the fence matches; raises Fenced otherwise."""

    def __init__(
        self,
        store: Store,
        opener: Ends,
        clock: Clock,
        times: Times,
        breaker: Hears | None = None,
    ) -> None:
        self._store = store
        self._opener = opener
        self._clock = clock
        self._times = times
        self._breaker = breaker or Deaf()

    def run(self, sync: Sync) -> None:
        """Take a claimed sync to the end of its attempt."""
        with taping() as exchanges:
            attempt = Attempt(sync, exchanges, self._clock.now())
            source, destination = self._opener.ends_of(sync.route_id)
            try:
                document = source.read(sync.source_id)
                self._store.work.describe(sync, document)
                self._breaker.answered(sync.lane, source_of(sync))
                self._carry(
                    attempt, self._store.choices.completed(sync.lane, document), destination
                )
            except ReadError as error:
                self._stopped(attempt, error)

    def give_up(self, sync: Sync, reference: str) -> None:
        """FAIL a sync that met a bug of ours: visible, its mark untouched, nothing lost."""
        failure = Failure(ErrorType.UNKNOWN, "bug", f"Unexpected error, reference {reference}")
        self._fail(sync, [failure], (), resolved=False)

    def _carry(self, attempt: Attempt, document: Document, destination: Destination) -> None:
        parent = parent_of(self._store, attempt.sync)
        if document.kind is Kind.RETURN and parent is None:
            self._await_sale(attempt)
            return
        if document.reverses_sale and parent and parent.total:
            document = replace(document, total=parent.total)
            self._store.work.describe(attempt.sync, document)
        if attempt.sync.destination_id:
            booked = destination.read(attempt.sync.destination_id, document.kind)
            self._conclude(attempt, document, destination, booked)
            return
        key = attempt.sync.source_key
        matches = destination.find(key, document, parent)
        attempt.looked_up = True
        point("lookup.done")
        if matches.ours:
            self._conclude(attempt, document, destination, matches.ours, note=ALREADY_SYNCED)
            return
        if attempt.sync.sent_at and self._store.work.postponements(attempt.sync) >= POSTPONEMENTS:
            self._unanswered(attempt)
            return
        stops = list(destination.blockers(document))
        if matches.foreign and matches.foreign.total == document.total:
            stops.insert(0, self._foreign(matches.foreign, document))
        if stops:
            self._breaker.answered(attempt.sync.lane, attempt.sync.lane)
            self._fail(attempt.sync, stops, attempt.exchanges)
            return
        plan = destination.plan(key, document, parent)
        self._create(attempt, document, destination, plan, parent)

    def _await_sale(self, attempt: Attempt) -> None:
        sync, now = attempt.sync, self._clock.now()
        reason = f"The sale of order {sync.order_number} is not synced yet"
        failure = Failure(ErrorType.PREREQUISITE_PENDING, sync.order_id, reason)
        self._store.work.postpone(
            sync,
            failure,
            now + PREREQUISITE_LOOK,
            now,
            attempt.exchanges,
            waiting_for=WaitingFor.PREREQUISITE,
        )

    def _foreign(self, rival: Booked, document: Document) -> Failure:
        reason = (
            f"{rival.number or rival.id} holds order {document.order.number} "
            f"over {rival.total} and is not ours: {rival.url}"
        )
        return Failure(ErrorType.ALREADY_SYNCED, document.order.number, reason)

    def _create(
        self,
        attempt: Attempt,
        document: Document,
        destination: Destination,
        plan: Plan,
        parent: Parent | None,
    ) -> None:
        sync = attempt.sync
        self._opener.pace(sync.lane)  # slept out before the mark: a marked create leaves at once
        marked_at = self._clock.now()
        lease_until = marked_at + self._times.leasing
        self._store.work.mark(sync, _hash(plan), marked_at, lease_until)
        point("intent.committed")
        point("before_send")
        outcome = destination.create(plan, sent_by=marked_at + self._times.timeout)
        point("after_response")
        match outcome:
            case Created(_, Booked() as booked):
                self._conclude(attempt, document, destination, booked)
            case Created(destination_id):
                self._read_back(attempt, document, destination, destination_id, marked_at)
            case Ambiguous(failure):
                self._await_answer(attempt, failure, marked_at)
            case Rejected(failure):
                self._rejected(attempt, document, destination, failure, parent)
            case NotSent(failure, wait):
                self._postpone(sync, failure, wait, attempt.exchanges, resolved=True)
            case _:
                assert_never(outcome)

    def _read_back(
        self,
        attempt: Attempt,
        document: Document,
        destination: Destination,
        destination_id: str,
        marked_at: datetime,
    ) -> None:
        """Learn number and total of what was created; a lost read is settled like a lost answer."""
        try:
            booked = destination.read(destination_id, document.kind)
        except ReadError as error:
            self._await_answer(attempt, error.failure, marked_at)
            return
        self._conclude(attempt, document, destination, booked)

    def _await_answer(self, attempt: Attempt, failure: Failure, marked_at: datetime) -> None:
        unknown = Failure(ErrorType.OUTCOME_UNKNOWN, attempt.sync.source_key, failure.reason)
        until = marked_at + self._times.settling
        now = self._clock.now()
        self._store.work.await_answer(attempt.sync, unknown, until, now, attempt.exchanges)
        self._breaker.silent(attempt.sync, attempt.sync.lane, failure.reason)

    def _unanswered(self, attempt: Attempt) -> None:
        """FAIL visibly: create after create got no answer, and the look-up proves none came."""
        sync = attempt.sync
        reason = sync.reason or f"{title_of(sync.destination_system)} did not answer"
        failure = Failure(ErrorType.OUTCOME_UNKNOWN, sync.source_key, reason)
        self._fail(sync, [failure], attempt.exchanges)

    def _rejected(
        self,
        attempt: Attempt,
        document: Document,
        destination: Destination,
        failure: Failure,
        parent: Parent | None,
    ) -> None:
        if failure.error_type in HOLDING:
            self._refused(attempt, failure, attempt.sync.lane)
            return
        self._breaker.answered(attempt.sync.lane, attempt.sync.lane)
        if failure.error_type is ErrorType.CONFLICT:
            matches = destination.find(attempt.sync.source_key, document, parent)
            if matches.ours:
                self._conclude(attempt, document, destination, matches.ours, note=ALREADY_SYNCED)
                return
            if matches.foreign and matches.foreign.total == document.total:
                failure = self._foreign(matches.foreign, document)
            elif matches.foreign:
                failure = replace(failure, key=matches.foreign.number or document.called)
        self._fail(attempt.sync, [failure], attempt.exchanges)

    def _conclude(
        self,
        attempt: Attempt,
        document: Document,
        destination: Destination,
        booked: Booked,
        note: str | None = None,
    ) -> None:
        """SUCCEED where the amounts agree, but for the rounding of taxes; else FAIL, told apart."""
        sync, now = attempt.sync, self._clock.now()
        reason = (
            f"{title_of(sync.source_system)} says {document.total}, "
            f"{title_of(sync.destination_system)} holds {booked.total}"
        )
        if _agree(booked.total, document.total, destination.tolerance(document)):
            differs = booked.total != document.total
            note = note or (ROUNDED if differs else booked.note)
            remark = reason if differs else None
            self._store.work.succeed(sync, booked, now, attempt.exchanges, note, remark)
            self._breaker.answered(sync.lane, sync.lane)
            point("result.committed")
            return
        failure = Failure(ErrorType.AMOUNT_MISMATCH, document.called, reason)
        self._store.work.fail(sync, [failure], now, attempt.exchanges, booked=booked)

    def _stopped(self, attempt: Attempt, error: ReadError) -> None:
        sync, exchanges, in_doubt = attempt.sync, attempt.exchanges, attempt.in_doubt
        match error:
            case Reconnect():
                self._refused(attempt, error.failure, error.connection)
            case TryLater():
                self._postpone(sync, error.failure, error.wait, exchanges, resolved=not in_doubt)
            case FixData() if in_doubt:
                self._postpone(sync, error.failure, None, exchanges, resolved=False)
            case _:
                self._fail(sync, [error.failure], exchanges)

    def _refused(self, attempt: Attempt, failure: Failure, connection: str) -> None:
        """Hold the lane: the sync that met the refusal fails and says so, the others wait."""
        sync, now = attempt.sync, self._clock.now()
        failure = replace(failure, key=connection)  # what a person opens again is the cause
        trouble = Trouble(
            connection,
            HoldKind.REFUSED,
            failure.reason,
            by_sync=sync.id,
            since=attempt.began_at,
        )
        if self._store.holds.hold(sync.lane, trouble, now):
            self._fail(sync, [failure], attempt.exchanges, resolved=not attempt.in_doubt)
            return
        held = self._store.lanes.is_held(sync.lane)  # else its connection has been opened anew
        self._store.work.postpone(
            sync,
            failure,
            None if held else now + backoff(0, self._times.retry_base),
            now,
            attempt.exchanges,
            waiting_for=WaitingFor.CONNECTION if held else WaitingFor.BACKOFF,
            resolved=not attempt.in_doubt,
        )

    def _postpone(
        self,
        sync: Sync,
        failure: Failure,
        wait: timedelta | None,
        exchanges: Sequence[Exchange],
        *,
        resolved: bool,
    ) -> None:
        """POSTPONE a passing trouble with backoff, until its budget is used up; then FAIL."""
        now = self._clock.now()
        if failure.error_type is ErrorType.DESTINATION_DOWN:
            of_source = failure.key == source_of(sync)
            self._breaker.silent(sync, failure.key if of_source else sync.lane, failure.reason)
        tried = self._store.work.postponements(sync)
        until = now + (wait or backoff(tried, self._times.retry_base))
        if tried >= POSTPONEMENTS:
            self._fail(sync, [failure], exchanges, resolved=resolved, earliest=until)
            return
        if not resolved and sync.sent_at:
            until = max(until, sync.sent_at + self._times.settling)
        self._store.work.postpone(
            sync,
            failure,
            until,
            now,
            exchanges,
            waiting_for=WaitingFor.BACKOFF,
            resolved=resolved,
        )

    def _fail(
        self,
        sync: Sync,
        failures: Sequence[Failure],
        exchanges: Sequence[Exchange],
        *,
        resolved: bool = True,
        earliest: datetime | None = None,
    ) -> None:
        now, failed = self._clock.now(), sync.failures + 1
        failures, again_at = [told_apart(one) for one in failures], None
        if retries_itself(failures[0].error_type, failed):
            again_at = now + backoff(failed, self._times.retry_base)
            again_at = max(again_at, earliest or again_at)  # no sooner than a system has asked
        self._store.work.fail(sync, failures, now, exchanges, again_at=again_at, resolved=resolved)
        point("result.committed")


def parent_of(store: Store, sync: Sync) -> Parent | None:
    """Return the sale that a return belongs to, once it is synced; a sale has none."""
    sales = store.queue.sales_of(sync) if sync.kind is Kind.RETURN else ()
    for sale in sales:
        if sale.status is Status.SUCCESS and sale.destination_id:
            return Parent(sale.destination_id, sale.destination_number, sale.amount)
    return None


def source_of(sync: Sync) -> str:
    """Return the name of the source connection: a route's name joins two with a colon."""
    return sync.route.partition(":")[0]


def _agree(booked: Money, wanted: Money, tolerance: Money) -> bool:
    same_currency = booked.currency == wanted.currency == tolerance.currency
    return same_currency and abs(booked.amount - wanted.amount) <= tolerance.amount


def _hash(plan: Plan) -> str:
    text = json.dumps(plan.payload, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
