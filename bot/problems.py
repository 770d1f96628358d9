"""What somebody typed or pressed and we cannot follow, as a value that names it."""

from dataclasses import dataclass
from enum import StrEnum

from bot.verbs import FilterName, Verb


class Wrong(StrEnum):
    """What is wrong with it. The words and the next step are in `templates/wrong.xml`."""

    UNKNOWN_VERB = "unknown_verb"
    UNKNOWN_FILTER = "unknown_filter"
    UNKNOWN_WORD = "unknown_word"
    """A word that this verb has no use for."""

    WRONG_VALUE = "wrong_value"
    """A known filter with a value it does not take."""

    NO_NUMBER = "no_number"
    NOT_A_NUMBER = "not_a_number"
    TOO_MANY = "too_many"
    """More numbers than `limit`."""

    NOT_FOUND = "not_found"
    """Nothing in the log has this number."""

    OLD_PAGE = "old_page"
    """A cursor or a button's value that no page of ours has given out."""

    UNKNOWN_SYSTEM = "unknown_system"
    OTHER_SYSTEM = "other_system"
    """The connection of that name is of another system."""

    NOT_REGISTERED = "not_registered"
    """No client id and secret are set for the system."""

    UNKNOWN_ROUTE = "unknown_route"
    """No route has this name; nothing given: it must be said which of several."""

    NO_ROUTE = "no_route"
    """There is no route yet."""

    NO_PERIOD = "no_period"
    """A backfill without its days, and its form could not be opened."""

    REVERSED = "reversed"
    FUTURE = "future"
    TOO_LONG = "too_long"
    """Periods that no backfill can walk."""

    RUNNING = "running"
    """A backfill of the route has not ended."""

    NOT_RUNNING = "not_running"
    """There is no backfill to stop."""

    NO_CAUSE = "no_cause"
    """No open cause has this number or key; nothing given: one must be named."""

    WHICH_CAUSE = "which_cause"
    WHICH_DOCUMENT = "which_document"
    """The name stands for several: `valid` are the first of them; nothing where each has that."""

    NO_REASON = "no_reason"
    NO_RECORD = "no_record"
    """No document of the destination was named."""

    NO_END = "no_end"
    """Not a moment until when a cause may rest."""

    NO_PERSON = "no_person"
    """No person of the workspace who may look at it; nothing given: somebody must be named."""

    NO_CHANNEL = "no_channel"
    """A digest was asked for and no channel is set for it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, what was `given`, and what would have been right.

    `near` are the words that come closest, nearest first; `valid` all that would do; `limit` is
    the most that `verb` takes.
    """

    wrong: Wrong
    given: str = ""
    verb: Verb | None = None
    filter: FilterName | None = None
    near: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()
    limit: int = 0
