"""The list of causes: what stops documents now, largest amount first, ten a page.

A page's buttons carry what the list was narrowed to, never what it holds: each page is drawn anew.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.actions import BadValue
from bot.cause import CauseLine, cause_line
from bot.text import units
from sync.causes import Cause
from sync.errors import ErrorType

PAGE = 10
LONGEST_PLACE = 230
"""What a block's id has room for beside the number of a cause: Slack takes 255 characters."""

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which causes are asked for; what is None is not asked.

    `owner` is a Slack user id or `nobody`; `destination` the connection's name.
    """

    error_type: ErrorType | None = None
    key: str | None = None
    destination: str | None = None
    owner: str | None = None

    def fits(self, cause: Cause) -> bool:
        """Return whether the cause is one of those."""
        whose = cause.owner.id if cause.owner else NOBODY
        return (
            self.error_type in {None, cause.error_type}
            and self.key in {None, cause.key, str(cause.id)}
            and self.destination in {None, cause.lane}
            and self.owner in {None, whose}
        )


@dataclass(frozen=True, slots=True)
class CausesView:
    """A page of the list; `newer` and `older` are the values of the buttons to the others."""

    rows: Sequence[CauseLine]
    wanted: Wanted
    count: int
    """How many causes there are on all pages."""

    first: int
    last: int
    previous: str | None
    next: str | None
    place: str
    """The value of this page, which its rows carry; nothing where it is too long for them."""

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked for."""
        return self.wanted != Wanted()


def causes_view(
    causes: Sequence[Cause],
    wanted: Wanted,
    start: int,
    now: datetime,
    names: Mapping[int, str] | None = None,
) -> CausesView:
    """Return the page that begins with the cause at `start`, of the open `causes`, as seen now.

    `names` are those of customers, by the number of the cause that is about them.
    """
    found = largest([cause for cause in causes if wanted.fits(cause)])
    start = min(max(start, 0), max(len(found) - 1, 0)) // PAGE * PAGE
    shown = found[start : start + PAGE]
    end = start + len(shown)
    return CausesView(
        rows=[
            cause_line(cause, now, place=place, name=(names or {}).get(cause.id, ""))
            for place, cause in enumerate(shown, start=1)
        ],
        wanted=wanted,
        count=len(found),
        first=start + 1,
        last=end,
        previous=causes_value(wanted, start - PAGE) if start else None,
        next=causes_value(wanted, end) if end < len(found) else None,
        place=_short(causes_value(wanted, start)),
    )


def _short(value: str) -> str:
    return value if units(value) <= LONGEST_PLACE else ""


def largest(causes: Sequence[Cause]) -> list[Cause]:
    """Return causes by amount, the largest first; what needs nobody comes last.

    Currencies are never summed: each cause counts by its largest share of what all causes together
    stop in one currency, then by its documents.
    """
    sums: Counter[str] = Counter()
    for cause in causes:
        for money in cause.amounts:
            sums[money.currency] += abs(money.minor)

    def rank(cause: Cause) -> tuple[bool, float, int, int]:
        shares = (abs(one.minor) / sums[one.currency] for one in cause.amounts if one.minor)
        return (not cause.count, -max(shares, default=0.0), -cause.count, cause.id)

    return sorted(causes, key=rank)


def causes_value(wanted: Wanted, start: int) -> str:
    """Return the value of a button that leads to a page of the list."""
    kept = {name: value for name, value in asdict(wanted).items() if value is not None}
    return json.dumps({**kept, "from": start}, ensure_ascii=False, separators=(",", ":"))


def causes_of(value: str | None) -> tuple[Wanted, int]:
    """Return which page of which list a button leads to. Raises BadValue."""
    text = value or ""
    try:
        kept = json.loads(text)
        start = int(kept.pop("from"))
        named = ErrorType(kept.pop("error_type")) if "error_type" in kept else None
        rest = {name: str(one) for name, one in kept.items()}
        return Wanted(error_type=named, **rest), start
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadValue(text) from None
