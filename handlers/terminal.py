"""The log in a terminal: JSON for machines (the contract's fields), tables for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from bot.text import clean, cut
from handlers.pausing import WAITS, waits
from sync.batches import Progress as Backfilled
from sync.engine import Engine
from sync.figures import Figures
from sync.records import (
    Answer,
    Attempt,
    Found,
    Numbered,
    Page,
    Retried,
    Sync,
    WaitingFor,
)
from sync.states import Status
from sync.stories import Story

COLOURS = {
    Status.PENDING: "yellow",
    Status.PROCESSING: "cyan",
    Status.SUCCESS: "green",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
}
REASON = 40
LONGEST_WAIT = timedelta(minutes=10)
LOOK_SECONDS = 0.2


def row(sync: Sync) -> dict[str, Any]:
    """Return a row of the log with the contract's names; the amount is a decimal string."""
    return {
        "order_number": sync.order_number,
        "document_number": sync.document_number,
        "type": sync.kind.value,
        "status": sync.status.value,
        "retries": sync.retries,
        "attempts": sync.attempts,
        "error_type": sync.error_type.value if sync.error_type else None,
        "reason": sync.reason,
        "amount": str(sync.amount.amount) if sync.amount else None,
        "currency": sync.amount.currency if sync.amount else None,
        "route": sync.route,
        "source_url": sync.source_url,
        "destination_id": sync.destination_id,
        "destination_number": sync.destination_number,
        "destination_url": sync.destination_url,
        "attempted_at": instant(sync.attempted_at),
        "waiting_for": sync.waiting_for.value if sync.waiting_for else None,
        "sync_id": sync.id,
    }


def page(found: Page) -> dict[str, Any]:
    """Return a page of the log as the contract names it."""
    return {
        "rows": [row(sync) for sync in found.rows],
        "next": found.next,
        "previous": found.previous,
    }


def story(told: Story) -> dict[str, Any]:
    """Return a row with its attempts and blockers."""
    return {
        **row(told.sync),
        "attempts_list": [_attempt(attempt) for attempt in told.attempts],
        "blockers": [
            {"error_type": one.error_type.value, "key": one.key, "reason": one.reason}
            for one in told.blockers
        ],
        "needs_investigation": told.sync.needs_investigation,
        "oddities": list(told.oddities),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "trigger": attempt.trigger.value,
        "actor": attempt.actor.name or attempt.actor.id,
        "started_at": instant(attempt.started_at),
        "finished_at": instant(attempt.finished_at),
        "outcome": attempt.outcome,
        "error_type": attempt.error_type.value if attempt.error_type else None,
        "reason": attempt.reason,
    }


def numbered(answer: Numbered) -> dict[str, Any]:
    """Return what became of one number."""
    return {
        "number": answer.number,
        "found": answer.found.value,
        "reason": answer.reason,
        "rows": [row(sync) for sync in answer.syncs],
    }


def retried(number: str, answer: Retried, rows: Mapping[int, Sync]) -> dict[str, Any]:
    """Return what became of one press; `rows` tells how each document stands by now."""
    shown = row(rows.get(answer.sync.id, answer.sync)) if answer.sync else None
    return {"number": number, "answer": answer.answer.value, "row": shown}


def instant(moment: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def backfilled(found: Backfilled) -> dict[str, Any]:
    """Return how a backfill stands; amounts are decimal strings, one per currency."""
    batch, counts, tally = found.batch, found.counts, found.batch.place.tally
    amounts = {"synced": counts.synced_amounts, "failed": counts.failed_amounts}
    return {
        "backfill_id": batch.id,
        "route": batch.route,
        "from": batch.first.isoformat(),
        "to": batch.last.isoformat(),
        "state": batch.state.value,
        "reason": batch.reason,
        "listed": tally.listed,
        "new": counts.new,
        "known": tally.known,
        "failed_before": tally.failed_before,
        "left_out": tally.left_out,
        "passed_over": tally.passed_over,
        "pending": counts.pending,
        "waiting": counts.waiting,
        "synced": counts.synced,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "amounts": {
            name: [{"amount": str(one.amount), "currency": one.currency} for one in sums]
            for name, sums in amounts.items()
        },
    }


class Bar:
    """A bar on the error stream that follows one backfill; where nobody watches, nothing."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, found: Backfilled, share: float) -> None:
        """Draw the backfill as it stands; `share` is how much of it is done, 0 to 1."""
        told = clean(_counted(found) + (f" ({found.batch.reason})" if found.batch.reason else ""))
        self._bar.update(self._task, completed=share, description=told)


class Terminal:
    """Prints to people, or JSON only."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def data(self, value: Any) -> None:
        """Print JSON."""
        self._out.print(Text(json.dumps(value, ensure_ascii=False, indent=2)))

    def say(self, text: str) -> None:
        """Print a sentence; on the error stream while JSON is asked for."""
        (self._err if self._as_json else self._out).print(Text(text))

    def complain(self, text: str) -> None:
        """Print a sentence to the error stream."""
        self._err.print(Text(text))

    def bar(self) -> Bar:
        """Return a bar for a backfill."""
        return Bar(self._err)

    def backfill(self, found: Backfilled) -> None:
        """Print how a backfill ended."""
        if self._as_json:
            self.data(backfilled(found))
            return
        batch, tally = found.batch, found.batch.place.tally
        self.say(f"Backfill of {batch.route}, {batch.first} to {batch.last}: {batch.state.value}.")
        self.say(f"{tally.listed} listed, {found.counts.new} put in, {_counted(found)}.")
        for name, sums in (
            ("Synced", found.counts.synced_amounts),
            ("Failed", found.counts.failed_amounts),
        ):
            if sums:
                self.say(f"{name}: {', '.join(str(money) for money in sums)}")
        if tally.known:
            before = f", {tally.failed_before} of them failed before" if tally.failed_before else ""
            self.say(f"{tally.known} were in the log already and are left alone{before}.")
        if tally.passed_over:
            self.say(f"{tally.passed_over} could not be read. {clean(batch.place.odd or '')}")
        if batch.reason:
            self.say(f"It ended because: {clean(batch.reason)}")

    def page(self, found: Page) -> None:
        """Print a page of the log."""
        if self._as_json:
            self.data(page(found))
            return
        if not found.rows:
            self.say("Nothing here yet. Next: app.py sync ORDER, or app.py log without filters.")
            return
        self._out.print(_table(found.rows))
        if found.next:
            self.say(f"Older: --cursor {found.next}")

    def routes(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print the routes, or how to add the first."""
        if self._as_json:
            self.data({"rows": rows})
            return
        for row in rows:
            self.say("  ".join(f"{key}: {value}" for key, value in row.items()))
        if not rows:
            self.say("No route yet. Next: app.py routes add SOURCE DESTINATION --since 2026-01-01")

    def stories(self, stories: Sequence[Story]) -> None:
        """Print documents with their attempts."""
        if self._as_json:
            self.data({"rows": [story(one) for one in stories]})
            return
        for one in stories:
            self._out.print(_table([one.sync]))
            self.say(f"  {one.sync.reason or 'no failure'}")
            for attempt in one.attempts:
                self.say(_line(attempt))

    def figures(self, figures: Figures) -> None:
        """Print what failed, by cause."""
        if self._as_json:
            self.data(json.loads(json.dumps(asdict(figures), default=str)))
            return
        needing = [cause for cause in figures.causes if cause.count]
        for cause in needing:
            amounts = ", ".join(str(money) for money in cause.amounts)
            what = f"{cause.error_type.value} {cause.key}".rstrip()
            self.say(f"{what}: {cause.count} documents, {amounts}, releases {cause.releases}")
        if not needing:
            self.say("Nothing needs you.")

    def numbers(self, answers: Sequence[Numbered]) -> None:
        """Print a line per number."""
        if self._as_json:
            self.data({"numbers": [numbered(answer) for answer in answers]})
            return
        for answer in answers:
            if answer.found is not Found.FOUND:
                detail = f" ({answer.reason})" if answer.reason else ""
                self.say(f"{answer.number}: {answer.found.value}{detail}")
            for sync in answer.syncs:
                reason = f": {sync.reason}" if sync.status is Status.FAILED else ""
                self.say(f"{answer.number}: {sync.kind} {sync.number} {sync.status}{reason}")


def settled(engine: Engine, ids: Sequence[int]) -> dict[int, Sync]:
    """Wait until none of the syncs moves by itself any more, ten minutes at most; return them."""
    deadline = engine.clock.now() + LONGEST_WAIT
    while True:
        rows = engine.syncs(ids)
        moving = [sync for sync in rows.values() if _moves(sync)]
        if not moving or engine.clock.now() > deadline:
            return rows
        engine.clock.sleep(LOOK_SECONDS)


def _moves(sync: Sync) -> bool:
    waits = sync.waiting_for in {WaitingFor.PREREQUISITE, WaitingFor.CONNECTION}
    return sync.status is Status.PROCESSING or (sync.status is Status.PENDING and not waits)


def route_rows(engine: Engine) -> list[dict[str, Any]]:
    """Return the routes with how their last sweeps went."""
    sweeps = engine.store.connections.sweeps()
    return [
        {
            "route": route.name,
            "since": route.since.isoformat(),
            "statuses": list(route.statuses),
            "swept_at": instant(sweeps[route.name][0]),
            "sweep_reason": sweeps[route.name][1],
        }
        for route in engine.routes()
    ]


def replaced(answer: Numbered, syncs: Sequence[Sync]) -> Numbered:
    """Return the answer with its documents as they stand now."""
    return replace(answer, syncs=syncs)


def outcome(number: str, answer: Retried, sync: Sync | None) -> str:
    """Return one line for one pressed document."""
    if sync is None:
        return f"{number}: record not found"
    match answer.answer:
        case Answer.ALREADY_SYNCED:
            return f"{number}: was already synced as {sync.destination_number}. Nothing sent."
        case Answer.SKIPPED:
            return f"{number}: skipped by a person. Nothing sent."
        case _ if sync.status is Status.SUCCESS:
            return f"{number}: Invoice synced successfully"
        case _ if waits(sync):
            return f"{number}: {WAITS}"
        case _ if sync.status is Status.FAILED:
            return f"{number}: Failed to sync invoice. {sync.reason}"
        case _:
            return f"{number}: {sync.status.value}. {sync.reason or ''}".rstrip()


def _table(syncs: Sequence[Sync]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("Document", "Order", "Type", "Last attempt (UTC)"):
        table.add_column(title)
    table.add_column("Amount", justify="right")
    table.add_column("Status")
    table.add_column("Reason")
    for sync in syncs:
        moment = sync.attempted_at.strftime("%Y-%m-%d %H:%M") if sync.attempted_at else ""
        table.add_row(
            clean(sync.document_number or "-"),
            clean(sync.order_number),
            sync.kind.value,
            moment,
            str(sync.amount or ""),
            Text(sync.status.value, style=COLOURS[sync.status]),
            Text(cut(clean(sync.reason or ""), REASON)),
        )
    return table


def _counted(found: Backfilled) -> str:
    counts = found.counts
    return f"{counts.synced} synced, {counts.failed} failed, {counts.pending} pending"


def _line(attempt: Attempt) -> str:
    who = attempt.actor.name or attempt.actor.id
    moment = attempt.started_at.strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"  {attempt.number}. {moment} {attempt.trigger} by {who}: {attempt.outcome or 'running'}"
    )
