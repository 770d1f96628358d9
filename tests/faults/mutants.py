"""Twelve known mistakes, made on purpose: the harness must catch each, or it proves nothing.

A mutant swaps a method or a statement of the real classes while its block runs; production code
has no switch for it. Nine are caught by the simulator's checker, three by a scene of their own
(`scenes`), judged by the same checker.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from slack_bolt import Ack, BoltResponse
from sqlalchemy.engine import Connection

from handlers.actions import Actions
from handlers.incoming import Payload, pressed
from sync.connectors.base import Destination, Plan, Source
from sync.opener import Opener
from sync.outcomes import Ambiguous, Outcome
from sync.outward import Digest
from sync.points import point
from sync.records import Actor, Retried, Sync
from sync.states import MOVES, Move, Status
from sync.store import work
from sync.store.presses import Presses
from sync.store.queue import _BACK
from sync.store.surface import Digests
from sync.store.tables import digests, syncs
from sync.store.tokens import Tokens
from sync.store.work import Work
from sync.times import Times
from sync.worker import Worker
from tests.faults import scenes
from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.checker import Violation
from tests.faults.runs import run_one

MOST_SEEDS = 1500
"""So many runs may pass before a mutant counts as not caught."""


@contextmanager
def swapped(owner: object, **members: Any) -> Iterator[None]:
    """Let `owner`, a class or a module, have other members while the block runs."""
    before = {name: vars(owner)[name] for name in members}
    for name, member in members.items():
        setattr(owner, name, member)
    try:
        yield
    finally:
        for name, member in before.items():
            setattr(owner, name, member)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: `catch` makes it and returns what was found, with how many runs that took."""

    name: str
    catch: Callable[[], tuple[Sequence[Violation], int]]


def _stormed(
    what: Class, mistake: Callable[[], Any], alter: str = "", invariants: str = ""
) -> tuple[Sequence[Violation], int]:
    """Run seeds of a class with a mistake until the checker objects."""
    arena = Arena(alter=alter)
    wanted = set(invariants.split())
    try:
        with mistake(), arena.joined():
            for seed in range(MOST_SEEDS):
                _, broken = run_one(arena, what, seed)
                found = [one for one in broken if one.invariant in wanted]
                if found:
                    return found, seed + 1
    finally:
        arena.close()
    return [], MOST_SEEDS


# --- the nine that the simulator meets --------------------------------------------------------


def no_fence() -> Any:
    """Let a worker that lost its lease write its result."""
    anybody = sa.update(syncs).where(
        syncs.c.id == sa.bindparam("this_sync"),
        sa.bindparam("by_fence", type_=sa.Integer()) >= 0,
        syncs.c.status == sa.literal_column("'processing'"),
    )
    unanswered = anybody.where(syncs.c.waiting_for.is_(None))
    return swapped(work, _UPDATE=anybody, _UPDATE_UNANSWERED=unanswered)


def no_sent_mark() -> Any:
    """Send without a mark: nobody knows afterwards that something may have been created."""

    def mark(self: Work, sync: Sync, payload: str, _now: datetime, until: datetime) -> None:
        with self._database.write() as connection:
            self._hold(connection, sync, {"payload_hash": payload, "lease_until": until})

    return swapped(Work, mark=mark)


def key_per_attempt() -> Any:
    """Send another key with each attempt."""
    run = Worker.run

    def with_own_key(self: Worker, sync: Sync) -> None:
        run(self, replace(sync, source_key=f"{sync.source_key}:{sync.attempts}:{sync.fence}"))

    return swapped(Worker, run=with_own_key)


def search_before_settle() -> Any:
    """Look a document up before its answer can be known."""
    return swapped(Times, settling=property(lambda _times: timedelta(0)))


def success_again() -> Any:
    """Send a success back to its lane; the trigger that forbids it is dropped."""
    press = Presses._press

    def pressed(
        self: Presses,
        connection: Connection,
        sync_id: int,
        by: Actor,
        settle: timedelta,
        now: datetime,
    ) -> Retried:
        self._queue.send_back(connection, sync_id, Status.SUCCESS, by, now)
        return press(self, connection, sync_id, by, settle, now)

    @contextmanager
    def again() -> Iterator[None]:
        MOVES[Status.SUCCESS, Move.HURRY] = Status.PENDING
        _BACK[Status.SUCCESS] = Move.HURRY
        try:
            with swapped(Presses, _press=pressed):
                yield
        finally:
            del MOVES[Status.SUCCESS, Move.HURRY], _BACK[Status.SUCCESS]

    return again()


def retry_on_time_out() -> Any:
    """Send a create again, at once, when its answer does not come."""
    ends_of = Opener.ends_of

    def impatient(self: Opener, route_id: int) -> tuple[Source, Destination]:
        source, destination = ends_of(self, route_id)
        create = type(destination).create

        def twice(plan: Plan, *, sent_by: datetime) -> Outcome:
            outcome = create(destination, plan, sent_by=sent_by)
            if isinstance(outcome, Ambiguous):
                return create(destination, plan, sent_by=sent_by)
            return outcome

        vars(destination)["create"] = twice
        return source, destination

    return swapped(Opener, ends_of=impatient)


def ack_before_store() -> Any:
    """Tell Slack that a press arrived before it is stored."""

    def hasty(self: Actions, ack: Ack, body: Payload) -> BoltResponse:
        press = pressed(body)
        acknowledged = ack()
        point("click.acked")
        self._handle(press, self.retry)
        return acknowledged

    return swapped(Actions, __call__=hasty)


def refresh_without_lock() -> Any:
    """Renew a token without asking whether somebody else does, and without a mark."""

    def claim(
        _rows: Tokens, _name: str, _version: int, now: datetime, lease: timedelta
    ) -> datetime:
        return now + lease

    def sending(*_: object) -> bool:
        return True

    return swapped(Tokens, claim=claim, sending=sending)


ANY_NUMBER = """DROP TABLE digests;
CREATE TABLE digests (id INTEGER PRIMARY KEY, channel TEXT, local_date DATE, since DATETIME,
 posted_at DATETIME, message JSON, groups JSON, drawn_at DATETIME, drawn_for TEXT)"""


def digest_without_row() -> Any:
    """Post a digest whoever has posted it; the table keeps no rule either."""

    def claim(
        self: Digests, channel: str, local_date: date, since: datetime, now: datetime
    ) -> Digest | None:
        given = {"channel": channel, "local_date": local_date, "since": since, "posted_at": now}
        with self._database.write() as connection:
            added = connection.execute(sa.insert(digests).values(**given, groups=[]))
            number = added.inserted_primary_key
        return self.get(number[0]) if number else None

    return swapped(Digests, claim=claim)


UNTRIGGERED = "DROP TRIGGER syncs_success_is_final"
SEARCHED = Class.SEARCH_ONLY


def _scene(play: Callable[[], Sequence[Violation]]) -> tuple[Sequence[Violation], int]:
    return play(), 1


MUTANTS: Sequence[Mutant] = (
    Mutant("no fence", lambda: _stormed(SEARCHED, no_fence, invariants="I1 I4 I6 I8")),
    Mutant("no sent mark", lambda: _stormed(SEARCHED, no_sent_mark, invariants="I1 I6")),
    Mutant("key per attempt", lambda: _stormed(Class.KEYED, key_per_attempt, invariants="I1")),
    Mutant(
        "search before settle", lambda: _stormed(SEARCHED, search_before_settle, invariants="I1")
    ),
    Mutant("ack before store", lambda: _stormed(SEARCHED, ack_before_store, "", "I7")),
    Mutant("CronTrigger for the digest", lambda: _scene(scenes.cron_digest)),
    Mutant("deferred transactions", lambda: _scene(scenes.deferred_transactions)),
    Mutant("refresh without a lock", lambda: _stormed(SEARCHED, refresh_without_lock, "", "I12")),
    Mutant("unescaped name", lambda: _scene(scenes.unescaped_name)),
    Mutant(
        "success claimed again",
        lambda: _stormed(SEARCHED, success_again, UNTRIGGERED, "I4 I5"),
    ),
    Mutant("retry on read time-out", lambda: _stormed(SEARCHED, retry_on_time_out, "", "I1 I6")),
    Mutant(
        "digest without unique row",
        lambda: _stormed(SEARCHED, digest_without_row, ANY_NUMBER, "I11"),
    ),
)
