"""A hold's one message in the digest's channel: what waits, how it goes on, how it ended."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.living import Thing, bar
from bot.posts import Message
from bot.rows import Who, who_of
from sync.money import Money
from sync.records import HoldKind
from sync.store import Store
from sync.store.holds import Going, HoldRow


@dataclass(frozen=True, slots=True)
class HoldMessageView:
    """The message for `templates/hold.xml`."""

    connection: str
    system: str
    kind: HoldKind
    reason: str
    by: Who
    since: datetime
    next_at: datetime | None
    waiting: int
    amounts: Sequence[Money]
    going: Going
    bar: str
    opened: bool
    ended: bool

    @property
    def resting(self) -> int:
        """How many of those that were let go wait for something else, such as their sale."""
        return self.going.total - self.going.synced - self.going.failed - self.going.left


def hold_message_view(hold: HoldRow) -> HoldMessageView:
    """Return the message of a hold as it stands."""
    going = hold.going
    return HoldMessageView(
        connection=hold.connection,
        system=hold.system,
        kind=hold.kind,
        reason=hold.reason,
        by=who_of(hold.by),
        since=hold.began_at,
        next_at=hold.next_at,
        waiting=hold.waiting,
        amounts=hold.amounts,
        going=going,
        bar=bar(going.total - going.left, going.total),
        opened=hold.opened_at is not None,
        ended=hold.ended_at is not None,
    )


def hold_things(
    store: Store, draw: Callable[[HoldRow], Message], channel: str | None, since: datetime
) -> Iterator[Thing]:
    """Yield the holds that go on, or ended `since`; they are shown in `channel`, the digest's.

    Nothing where no channel is set; one that ended before it was ever shown needs no message.
    """
    for hold in store.holds.stories(since) if channel else ():
        kept = hold.message or {}
        if kept or not hold.ended_at:
            yield Thing(
                kind="hold",
                id=hold.id,
                channel=kept.get("channel") or channel,
                person=None,
                kept=kept,
                over=hold.ended_at is not None,
                draw=partial(draw, hold),
                keep=partial(store.holds.keep, hold.id),
            )
