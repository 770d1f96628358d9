"""The store: the only door to SQLAlchemy. `Store` opens the database and names its parts."""

from collections.abc import Sequence

from sync.clock import Clock
from sync.store.bulks import Bulks
from sync.store.causes import Causes
from sync.store.choices import Choices
from sync.store.connections import Connections, NoKey
from sync.store.consents import Consent, Consents, hashed
from sync.store.database import BUSY_SECONDS, Database, patience
from sync.store.decisions import Decisions
from sync.store.deeds import Deeds
from sync.store.hints import Hints
from sync.store.history import History, Past
from sync.store.holds import Holds
from sync.store.lanes import Lanes
from sync.store.log import BadCursor, Log, summed
from sync.store.mappings import MappingRows
from sync.store.migrate import NewerSchema, migrate
from sync.store.outbox import Posts
from sync.store.paces import Paces
from sync.store.persistence import Persistence
from sync.store.ping import ping
from sync.store.prechecks import PrecheckRows
from sync.store.presses import Presses
from sync.store.queue import Queue
from sync.store.reports import Reports
from sync.store.sightings import Sighting
from sync.store.surface import Digests, NewsRows, Receipts, Watches
from sync.store.tokens import Tokens
from sync.store.trouble import SAYS, Trouble, Unavailable
from sync.store.work import Fenced, Work


class Store:
    """All state, in one database; every method of its parts is one short transaction.

    Each raises Unavailable where the database itself is in trouble. `busy_seconds` is how long
    SQLite waits for another process' lock, `persistence` how long the end of an attempt is written
    again while it cannot be stored.
    """

    def __init__(
        self,
        url: str,
        keys: Sequence[str] = (),
        *,
        busy_seconds: float = BUSY_SECONDS,
        persistence: Persistence | None = None,
    ) -> None:
        self._database = Database(url, busy_seconds=busy_seconds)
        self.connections = Connections(self._database, keys)
        self.queue = Queue(self._database)
        persistence = persistence or Persistence()
        self.work = Work(self._database, self.queue, persistence)
        self.log = Log(self._database)
        self.causes = Causes(self._database)
        self.reports = Reports(self._database)
        self.choices = Choices(self._database)
        self.deeds = Deeds(self._database)
        self.bulks = Bulks(self._database, self.queue, self.deeds)
        self.prechecks = PrecheckRows(self._database)
        self.lanes = Lanes(self._database)
        self.holds = Holds(self._database)
        self.paces = Paces(self._database)
        self.posts = Posts(self._database)
        self.news = NewsRows(self._database)
        self.watches = Watches(self._database)
        self.digests = Digests(self._database)
        self.receipts = Receipts(self._database)
        self.tokens = Tokens(self._database, self.connections, persistence)
        self.hints = Hints(self._database)
        self.consents = Consents(self._database)
        self.history = History(self._database, self.queue)
        self.presses = Presses(self._database, self.queue, self.receipts)
        self.decisions = Decisions(self._database, self.queue, self.deeds)

    @property
    def database(self) -> Database:
        """The database itself, for what seeds or checks it."""
        return self._database

    def mappings(self, connection: str, clock: Clock) -> MappingRows:
        """Return the mappings of one destination connection."""
        return MappingRows(self._database, connection, clock)

    def migrate(self) -> str | None:
        """Bring the tables up to date. Raises NewerSchema."""
        return migrate(self._database)

    def ping(self) -> None:
        """Write something that takes room, and remove it again. Raises Unavailable."""
        ping(self._database)

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()


__all__ = [
    "SAYS",
    "BadCursor",
    "Consent",
    "Fenced",
    "NewerSchema",
    "NoKey",
    "Past",
    "Persistence",
    "Sighting",
    "Store",
    "Trouble",
    "Unavailable",
    "hashed",
    "patience",
    "summed",
]
