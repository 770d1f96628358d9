"""A precheck's one message, ten goods a page: what of it is shown, and which have one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.actions import BadValue, id_of
from bot.ages import Age, age_of
from bot.living import Thing
from bot.posts import Message
from bot.rows import Who, who_of
from sync.precheck import MOST_FINDINGS, Finding, Precheck, PrecheckState
from sync.store import Store

PAGE = 10


@dataclass(frozen=True, slots=True)
class PrecheckView:
    """A page of a precheck for `templates/precheck.xml`.

    `living` is the one message that all see; the other pages are shown to one person.
    """

    id: int
    route: str
    source_system: str
    destination_system: str
    destination: str
    state: PrecheckState
    stopping: bool
    living: bool
    looked: int
    missing: int
    rows: Sequence[Finding]
    first: int
    last: int
    listed: int
    creatable: int
    near: int
    made: int
    refused: int
    most: int
    reason: str | None
    by: Who
    creator: Who | None
    elapsed: Age
    previous: str | None
    next: str | None

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in {PrecheckState.LOOKING, PrecheckState.CREATING}


def precheck_view(
    precheck: Precheck, now: datetime, start: int = 0, *, living: bool = True
) -> PrecheckView:
    """Return the page that begins with the finding at `start`, as seen `now`."""
    found = precheck.findings
    start = min(max(start, 0), max(len(found) - 1, 0)) // PAGE * PAGE
    rows = found[start : start + PAGE]
    end = start + len(rows)
    return PrecheckView(
        **{name: getattr(precheck, name) for name in _SAME},
        living=living,
        rows=rows,
        first=start + 1,
        last=end,
        listed=len(found),
        creatable=len(precheck.creatable),
        near=sum(bool(one.near) for one in found),
        made=len(precheck.made),
        refused=len(precheck.refused),
        most=MOST_FINDINGS,
        by=who_of(precheck.by),
        creator=who_of(precheck.creator) if precheck.creator else None,
        elapsed=age_of(precheck.created_at, precheck.finished_at or now),
        previous=page_value(precheck.id, start - PAGE) if start else None,
        next=page_value(precheck.id, end) if end < len(found) else None,
    )


_SAME = (
    *("id", "route", "source_system", "destination_system", "destination", "state", "stopping"),
    *("looked", "missing", "reason"),
)


def page_value(precheck_id: int, start: int) -> str:
    """Return the value of a button that leads to a page of a precheck."""
    return f"{precheck_id} {start}"


def page_in(value: str | None) -> tuple[int, int]:
    """Return the precheck and the first finding that a button leads to. Raises BadValue."""
    first, blank, second = (value or "").partition(" ")
    if not blank:
        raise BadValue(value or "")
    return id_of(first), id_of(second)


def precheck_things(
    store: Store, draw: Callable[[Precheck], Message], since: datetime
) -> Iterator[Thing]:
    """Yield the prechecks that were begun in Slack and go on, or ended `since`."""
    for precheck in store.prechecks.since(since):
        if precheck.message:
            yield Thing(
                kind="precheck",
                id=precheck.id,
                channel=precheck.message.get("channel"),
                person=precheck.by.id,
                kept=precheck.message,
                over=not precheck.active,
                draw=partial(draw, precheck),
                keep=partial(store.prechecks.keep, precheck.id),
            )
