"""The log page: 20 rows, newest first, with Newer and Older (product, section 2, rule 6)."""

from dataclasses import dataclass, replace

from bot.actions import page_value
from bot.rows import Row, row_of
from sync.records import Filters, Page, Sync

TWO_LINKS = 2
"""The document's and its order's."""


@dataclass(frozen=True, slots=True)
class LogView:
    """A page for `templates/log.xml`; `newer`, `older` and `here` are button values."""

    rows: tuple[Row, ...]
    filters: Filters
    filtered: bool
    newer: str | None
    older: str | None
    here: str
    may_act: bool
    several: bool
    """Whether the cause that was asked for is not the first of some document's."""


def log_view(
    page: Page, filters: Filters, cursor: str | None, *, may_act: bool, links: int = TWO_LINKS
) -> LogView:
    """Return the view of `page`, which `filters` and `cursor` lead to.

    Each row has up to two `links`; fewer where long addresses would fill the message.
    """
    here = page_value(filters, cursor)
    rows = (row_of(sync, page=here) for sync in page.rows)
    return LogView(
        rows=tuple(_linked(row, links) for row in rows),
        filters=filters,
        filtered=filters != Filters(),
        newer=page_value(filters, page.previous) if page.previous else None,
        older=page_value(filters, page.next) if page.next else None,
        here=here,
        may_act=may_act,
        several=any(not _shows(row, filters) for row in page.rows),
    )


def _shows(sync: Sync, filters: Filters) -> bool:
    """Return whether the row's own reason is of the cause that was asked for."""
    return filters.error_type in {None, sync.error_type} and (
        filters.cause_key in {None, sync.cause_key}
    )


def _linked(row: Row, links: int) -> Row:
    return replace(
        row,
        url=row.url if links else None,
        source_url=row.source_url if links == TWO_LINKS else None,
    )
