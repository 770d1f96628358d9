"""A bulk retry's one message: what of it is shown, and which bulk retries have one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.ages import Age, age_of
from bot.living import Thing, bar
from bot.posts import Message
from bot.rows import Who, who_of
from sync.batches import Counts
from sync.bulk import Bulk, BulkProgress, BulkState
from sync.bulks import Bulks
from sync.errors import ErrorType
from sync.money import Money


@dataclass(frozen=True, slots=True)
class CauseFacts:
    """What `_bulk.xml` needs of a cause to offer its retry."""

    id: int
    error_type: ErrorType
    key: str
    system: str
    count: int
    amounts: Sequence[Money]


@dataclass(frozen=True, slots=True)
class BulkView:
    """The message for `templates/bulk.xml`; the figures of `cause` are those that were shown."""

    id: int
    cause: CauseFacts
    state: BulkState
    anyway: bool
    counts: Counts
    left: int
    bar: str
    by: Who
    asked_at: datetime
    approver: Who | None
    approve_until: datetime | None
    elapsed: Age
    ended_at: datetime | None
    reason: str | None
    held: bool


def bulk_view(progress: BulkProgress, now: datetime) -> BulkView:
    """Return the message of a bulk retry as seen `now`."""
    bulk, counts = progress.bulk, progress.counts
    total = counts.new + max(progress.left - counts.pending, 0)
    size = bulk.size
    return BulkView(
        id=bulk.id,
        cause=CauseFacts(
            bulk.cause_id, bulk.error_type, bulk.key, bulk.system, size.count, size.amounts
        ),
        state=bulk.state,
        anyway=bulk.anyway,
        counts=counts,
        left=progress.left,
        bar=bar(total - progress.left, total),
        by=who_of(bulk.by),
        asked_at=bulk.created_at,
        approver=who_of(bulk.approver) if bulk.approver else None,
        approve_until=bulk.approve_until,
        elapsed=age_of(bulk.created_at, bulk.finished_at or now),
        ended_at=bulk.finished_at,
        reason=bulk.reason,
        held=progress.held and counts.pending > 0,
    )


def bulk_things(
    bulks: Bulks, draw: Callable[[BulkProgress], Message], channel: str | None, since: datetime
) -> Iterator[Thing]:
    """Yield the bulk retries that were asked for in Slack and go on, or ended `since`.

    One that waits for a second person is shown in `channel`, the digest's, where it has none of its
    own: who must approve cannot see another person's messages.
    """

    def drawn(bulk: Bulk) -> Message | None:
        progress = bulks.progress(bulk.id)
        return draw(progress) if progress else None

    for bulk in bulks.rows.since(since):
        kept, shared = bulk.message or {}, channel if bulk.approve_until else None
        if bulk.message is not None or shared:
            yield Thing(
                kind="bulk",
                id=bulk.id,
                channel=kept.get("channel") or shared,
                person=bulk.by.id,
                kept=kept,
                over=not bulk.active,
                draw=partial(drawn, bulk),
                keep=partial(bulks.rows.keep, bulk.id),
            )
