"""Sending documents from a terminal: fetched by number, sent again by number or by cause."""

from collections.abc import Sequence

from handlers.commandline import WrongUse
from handlers.pausing import is_stuck
from handlers.process import lanes_of
from handlers.terminal import Terminal, outcome, replaced, retried, settled
from handlers.terminal_causes import cause_of
from sync.bulk import AlreadyRunning, BulkProgress, BulkState, Nothing
from sync.engine import Engine
from sync.records import TERMINAL, Answer, Found, Retried

LOOK_SECONDS = 0.5


def bring_numbers(
    engine: Engine, numbers: Sequence[str], route: str | None, out: Terminal, *, wait: bool
) -> bool:
    """Fetch orders and print a line each; False where one is not there or stays unsynced."""
    if route and route not in {one.name for one in engine.routes()}:
        raise WrongUse(f"There is no route {route}. See: app.py routes list")
    with lanes_of(engine):
        answers = engine.bring(numbers, TERMINAL, route)
        ids = [one.id for answer in answers for one in answer.syncs]
        rows = settled(engine, ids) if wait else engine.syncs(ids)
    answers = [replaced(answer, [rows[one.id] for one in answer.syncs]) for answer in answers]
    out.numbers(answers)
    failed = any(is_stuck(one) for answer in answers for one in answer.syncs)
    return not failed and all(answer.found is Found.FOUND for answer in answers)


def retry_numbers(engine: Engine, numbers: Sequence[str], out: Terminal, *, as_json: bool) -> bool:
    """Send documents back to their lanes and wait; False where one is missing or still stuck."""
    answers: list[tuple[str, Retried]] = []
    with lanes_of(engine):
        for number in numbers:
            found = engine.find(number)
            answers += [(number, engine.retry(one.id, TERMINAL)) for one in found] or [
                (number, Retried(Answer.NOT_FOUND, None))
            ]
        rows = settled(engine, [answer.sync.id for _, answer in answers if answer.sync])
    if as_json:
        out.data({"numbers": [retried(number, answer, rows) for number, answer in answers]})
    for number, answer in answers:
        out.say(outcome(number, answer, rows.get(answer.sync.id) if answer.sync else None))
    return len(rows) >= len(answers) and not any(is_stuck(row) for row in rows.values())


def retry_cause(engine: Engine, given: str, out: Terminal, *, as_json: bool) -> bool:
    """Look once whether a cause is gone, then send all its documents back; False where any fails.

    Follows it to its end; Ctrl-C lets nothing more be sent. Raises WrongUse.
    """
    cause = cause_of(engine, given)
    with lanes_of(engine, backfilling=True):
        try:
            begun = engine.bulks.begin(cause, TERMINAL)
        except AlreadyRunning as running:
            raise WrongUse(f"{running}. Its message in Slack shows how it goes.") from None
        except Nothing:
            raise WrongUse(f"Cause {cause.id} stops nothing that can be retried.") from None
        ended = _followed(engine, begun.id, out)
    _print(ended, out, as_json=as_json)
    return ended.bulk.state is BulkState.DONE and not ended.counts.failed


def _followed(engine: Engine, bulk_id: int, out: Terminal) -> BulkProgress:
    stopping = False
    while True:
        try:
            found = engine.bulks.progress(bulk_id)
            if found is None:
                raise WrongUse(f"Bulk retry {bulk_id} is gone from the database.")
            if not found.bulk.active or found.held or found.bulk.state is BulkState.ASKED:
                return found
            engine.clock.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            engine.bulks.stop(bulk_id, TERMINAL)
            out.complain("Stopping: nothing more is sent back, what is queued is finished.")


def _print(ended: BulkProgress, out: Terminal, *, as_json: bool) -> None:
    bulk, counts = ended.bulk, ended.counts
    if as_json:
        out.data(
            {
                "bulk_id": bulk.id,
                "cause_id": bulk.cause_id,
                "state": bulk.state.value,
                "reason": bulk.reason,
                "sent": bulk.sent,
                "synced": counts.synced,
                "failed": counts.failed,
                "pending": counts.pending + counts.waiting,
            }
        )
        return
    if bulk.state is BulkState.ASKED:
        out.say(
            f"{bulk.size.count} documents need a second person. "
            "Nothing is sent until an approver agrees in Slack, within 24 hours."
        )
        return
    if bulk.state is BulkState.STILL:
        out.say(f"Still there, nothing was sent: {bulk.reason}")
        return
    if ended.held:
        out.say(f"{bulk.lane} is held: what is left waits for the connection.")
    out.say(
        f"{bulk.state.value}: {counts.synced} synced, {counts.failed} failed, "
        f"{counts.pending + counts.waiting} left."
    )
