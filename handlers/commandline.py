"""What is typed in a terminal, as values; what cannot be followed is named, with the next step."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from bot.problems import Problem
from bot.render import Renderer
from bot.verbs import Verb
from handlers import parse
from handlers.words import words as read_words
from sync.engine import Engine
from sync.outward import Post
from sync.records import Connection, Filters, Route
from sync.systems import PAIRS, STATUSES

TRY_OUT = (
    "To try invsync without an account: python app.py demo\n"
    "To run it for a workspace, set what is missing above, then: python app.py serve"
)
WORKS_ITSELF = (
    "With SQLite `serve` works by itself. For more machines, name a PostgreSQL that all can reach: "
    "INVSYNC_DATABASE_URL=postgresql+psycopg://user:password@host/invsync"
)

TEMPLATES = Path(__file__).parent.parent / "templates"


class WrongUse(Exception):
    """What was typed cannot be done; the message says why and what to do."""


def filters_of(verb: str, words: Sequence[str]) -> Filters:
    """Return the filters that `log` or `failed` was given, as in Slack. Raises WrongUse."""
    parsed = parse.parse(" ".join([verb, *words]), datetime.now(UTC))
    if isinstance(parsed, parse.Log):
        return parsed.filters
    raise wrong_use(parsed)


def numbers_of(words: Sequence[str]) -> list[str]:
    """Return the numbers among what was typed. Raises WrongUse."""
    found = parse.numbers(read_words(" ".join(words)), Verb.SYNC)
    if isinstance(found, Problem):
        raise wrong_use(found)
    return list(found)


def connection_of(engine: Engine, name: str) -> Connection:
    """Return the connection called `name`. Raises WrongUse."""
    found = engine.store.connections.get(name)
    if found is None:
        known = ", ".join(one.name for one in engine.connections()) or "none yet"
        raise WrongUse(f"There is no connection {name} (known: {known}). See: app.py connect")
    return found


def ends_of(engine: Engine, source: str, destination: str) -> tuple[Connection, Connection]:
    """Return both ends of a route. Raises WrongUse where one cannot be that end."""
    ends = connection_of(engine, source), connection_of(engine, destination)
    if (ends[0].system, ends[1].system) not in PAIRS:
        pairs = ", ".join(f"{one} feeds {other}" for one, other in sorted(PAIRS))
        raise WrongUse(f"{source} cannot feed {destination}: {pairs}.")
    return ends


def routed(
    engine: Engine, source: str, destination: str, since: str, statuses: Sequence[str] | None
) -> Route:
    """Let a source feed a destination from a day on, or from today. Raises WrongUse."""
    ends = ends_of(engine, source, destination)
    first_day = day_of(since) if since else engine.clock.now().date()
    return engine.add_route(ends[0], ends[1], first_day, statuses or STATUSES[ends[0].system])


def day_of(text: str) -> date:
    """Return the day that `text` names. Raises WrongUse."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text!r} is no day. Example: 2026-01-01") from None


def put(engine: Engine, *posts: Post) -> None:
    """Leave posts for the running `serve` to send."""
    engine.store.posts.put(posts, engine.clock.now())


def wrong_use(parsed: object) -> WrongUse:
    """Return the problem in the words that Slack would answer with."""
    if not isinstance(parsed, Problem):
        return WrongUse("Only filters and numbers can stand here. See: app.py --help")
    return WrongUse(str(Renderer(TEMPLATES).show("wrong", problem=parsed)["text"]))
