"""The list of causes where a person sees it: drawn as it stands, and drawn anew in its place.

Slack does not say in which message of one person a button was pressed, nor what that message shows.
So each row of the list carries its page in its block's id, and the press its response_url.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bot.actions import BadValue
from bot.cause import OF_CUSTOMERS
from bot.causes import Wanted, causes_of
from bot.living import Kind, Thing
from bot.posts import replacement, uid_of
from bot.show import Message, Show
from sync.engine import Engine
from sync.outward import Post


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands: the response_url of a press in it, and its page's value."""

    url: str
    page: str

    def kept(self) -> dict[str, str]:
        """Return it for a form's private metadata or an errand."""
        return {"url": self.url, "page": self.page}


def place_of(url: str | None, block: str) -> Place | None:
    """Return the list that a pressed row stands in, or None where it stands in none."""
    page = block.partition(" ")[2]
    try:
        causes_of(page)
    except BadValue:
        return None
    return Place(url, page) if url else None


def kept_place(kept: Mapping[str, Any] | None) -> Place | None:
    """Return a place that was kept, or None."""
    return Place(str(kept["url"]), str(kept["page"])) if kept else None


def shown_at(channel: str | None, place: Place | None) -> dict[str, Any]:
    """Return where a bulk retry is shown: its message in a channel, its end in a list."""
    return {"channel": channel, **({"list": place.kept()} if place else {})}


def causes_page(engine: Engine, show: Show, wanted: Wanted, start: int = 0) -> Message:
    """Return a page of the list of what stops documents now."""
    store = engine.store
    causes = store.causes.open()
    names = store.reports.customers(one.id for one in causes if one.error_type in OF_CUSTOMERS)
    return show.causes(causes, wanted, start, names)


def anew(engine: Engine, show: Show, place: Place, receipt: str) -> Post:
    """Return the list as it stands now, in the place of the one that a fix began from."""
    wanted, start = causes_of(place.page)
    page = causes_page(engine, show, wanted, start)
    return replacement(place.url, page, uid_of(receipt, "list"))


def with_lists(kind: Kind, redraw: Callable[[Place, str], None]) -> Kind:
    """Return a kind of living messages whose ends are seen in the list that they were begun from.

    `redraw` gets the list's place and the name of what ended.
    """

    def things(since: datetime) -> Iterator[Thing]:
        for thing in kind(since):
            place = kept_place(thing.kept.get("list"))
            yield replace(thing, keep=partial(_keep, thing, place, redraw)) if place else thing

    return things


def _keep(
    thing: Thing, place: Place, redraw: Callable[[Place, str], None], kept: dict[str, Any]
) -> None:
    if kept.get("ended"):
        redraw(place, thing.place)
    thing.keep(kept)
