"""The list of causes where a person sees it: drawn as it stands, and drawn anew in its place.

Slack does not say what a message that only one person sees shows. So each row of the list carries
its page in its block's id, and each page that is put in the list's place is noted with it: what
ends later draws the page that the list shows by then.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.actions import BadValue
from bot.cause import OF_CUSTOMERS
from bot.causes import Wanted, causes_of
from bot.living import Kind, Thing
from bot.posts import paged, uid_of
from bot.show import Message, Show
from sync.engine import Engine
from sync.outward import Post

URL_LIFE = timedelta(minutes=25)
"""Slack takes a response_url for 30 minutes; what is put in line leaves a little later."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands: the response_url of a press in it, and its page's value.

    `message` names the message, the same for each press in it; `at` is when it was pressed (UTC).
    """

    url: str
    page: str
    message: str
    at: datetime

    def kept(self) -> dict[str, str]:
        """Return it for a form's private metadata or an errand."""
        kept = {"url": self.url, "page": self.page, "message": self.message}
        return {**kept, "at": self.at.isoformat()}

    @property
    def line(self) -> str:
        """Its place in line among the posts, and the key of its pages."""
        return f"list:{uid_of(self.message)}"


def place_of(url: str | None, block: str, message: str, now: datetime) -> Place | None:
    """Return the list that a pressed row stands in, or None where it stands in none."""
    page = block.partition(" ")[2]
    try:
        causes_of(page)
    except BadValue:
        return None
    return Place(url, page, message, now) if url and message else None


def kept_place(kept: Mapping[str, Any] | None) -> Place | None:
    """Return a place that was kept, or None, as for one that does not say in which message."""
    if not kept or "message" not in kept:
        return None
    at = datetime.fromisoformat(kept["at"])
    return Place(str(kept["url"]), str(kept["page"]), str(kept["message"]), at)


def shown_at(channel: str | None, place: Place | None) -> dict[str, Any]:
    """Return where a bulk retry is shown: its message in a channel, its end in a list."""
    return {"channel": channel, **({"list": place.kept()} if place else {})}


def causes_page(engine: Engine, show: Show, wanted: Wanted, start: int = 0) -> Message:
    """Return a page of the list of what stops documents now."""
    store = engine.store
    causes = store.causes.open()
    names = store.reports.customers(one.id for one in causes if one.error_type in OF_CUSTOMERS)
    return show.causes(causes, wanted, start, names)


def turned(engine: Engine, show: Show, place: Place, receipt: str) -> Post:
    """Return the page of `place`, in the place of the one that the list shows. Raises BadValue."""
    return _drawn(engine, show, place, uid_of(receipt, "page"))


def anew(engine: Engine, show: Show, place: Place, receipt: str) -> list[Post]:
    """Return the list as it stands now, in the place of the one that a fix began from.

    It is the page that was turned to last. Nothing, once Slack takes no answer there any more.
    """
    if engine.clock.now() > place.at + URL_LIFE:
        return []
    newest = engine.store.posts.newest(place.line)
    shown = replace(place, page=newest.body["page"]) if newest else place
    return [_drawn(engine, show, shown, uid_of(receipt, "list"))]


def _drawn(engine: Engine, show: Show, place: Place, uid: str) -> Post:
    wanted, start = causes_of(place.page)
    page = causes_page(engine, show, wanted, start)
    return paged(place.url, page, uid, place.line, place.page)


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
    thing.keep(kept)
    if kept.get("ended"):
        redraw(place, thing.place)
