"""A backfill's one message: what of it is shown, and which backfills have one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from bot.actions import page_value
from bot.ages import Age, age_of
from bot.living import BAR, Thing, bar
from bot.posts import Message
from bot.rows import Who, who_of
from sync.backfill import Backfills
from sync.batches import Batch, BatchState, Counts, Progress, Tally
from sync.records import Filters, Route
from sync.states import Status


@dataclass(frozen=True, slots=True)
class BackfillView:
    """The message for `templates/backfill.xml`; days are the source's."""

    id: int
    route: str
    source: str
    source_system: str
    destination: str
    destination_system: str
    first: date
    last: date
    state: BatchState
    walked: bool
    percent: int
    bar: str
    tally: Tally
    counts: Counts
    by: Who
    elapsed: Age
    reason: str | None
    odd: str | None
    refused: str | None
    """The connection that must be opened again before it goes on."""

    held: bool
    show_failed: str
    """The page of what failed on the route since the backfill began."""

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in {BatchState.QUEUED, BatchState.RUNNING, BatchState.STOPPING}


@dataclass(frozen=True, slots=True)
class FormView:
    """What a form shows: the routes to choose from, and what was given before it opened."""

    routes: Sequence[Route]
    chosen: int | None = None
    """The id of the route that is chosen at first."""

    first: date | None = None
    last: date | None = None


def backfill_view(progress: Progress, now: datetime) -> BackfillView:
    """Return the message of a backfill as seen `now`."""
    batch, counts = progress.batch, progress.counts
    failed = Filters(
        statuses=(Status.FAILED,),
        source=batch.source,
        destination=batch.destination,
        since=batch.created_at,
    )
    share = done_share(progress)
    return BackfillView(
        id=batch.id,
        route=batch.route,
        source=batch.source,
        source_system=batch.source_system,
        destination=batch.destination,
        destination_system=batch.destination_system,
        first=batch.first,
        last=batch.last,
        state=batch.state,
        walked=batch.walked,
        percent=int(share * 100),
        bar=bar(int(share * BAR), BAR),
        tally=batch.place.tally,
        counts=counts,
        by=who_of(batch.by),
        elapsed=age_of(batch.created_at, batch.finished_at or now),
        reason=batch.reason,
        odd=batch.place.odd,
        refused=batch.place.refused if batch.reason else None,
        held=progress.held and counts.pending > 0,
        show_failed=page_value(failed),
    )


def done_share(progress: Progress) -> float:
    """Return how much is done, 0 to 1: of the days those walked, of their documents those ended."""
    batch, counts = progress.batch, progress.counts
    if batch.state is BatchState.DONE:
        return 1.0
    days = (batch.last - batch.first).days + 1
    walked = (batch.place.day - batch.first).days if batch.place.day else days
    ended = (counts.new - counts.pending) / counts.new if counts.new else 1.0
    return walked / days * ended


def backfill_things(
    backfills: Backfills, draw: Callable[[Progress], Message], since: datetime
) -> Iterator[Thing]:
    """Yield the backfills that were begun in Slack and go on, or ended `since`."""

    def drawn(batch: Batch) -> Message | None:
        progress = backfills.progress(batch.id)
        return draw(progress) if progress else None

    for batch in backfills.rows.since(since):
        if batch.message:
            yield Thing(
                kind="backfill",
                id=batch.id,
                channel=batch.message.get("channel"),
                person=batch.by.id,
                kept=batch.message,
                over=not batch.active,
                draw=partial(drawn, batch),
                keep=partial(backfills.rows.keep, batch.id),
            )
