"""The house of one run: database, systems, documents, processes, and what threads meet in it.

Everything here is decided by the dice of the run's seed; what happens next is told in `world`.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from sync import points
from sync.connectors.webhooks import Hint
from sync.documents import Account, Document, Kind
from sync.records import Route
from tests.builders import document, order
from tests.faults.arena import Arena
from tests.faults.books import SYSTEMS, Class, Server
from tests.faults.identity import Identity, Shelf
from tests.faults.process import FIXED, LANE, SHOP, Outside, Process, Stumble, rotating
from tests.faults.stage import Killed, Stage, Task
from tests.faults.weather import Fault, Weather
from tests.faults.workspace import Slack

EVENTS = 30
MOST_PROCESSES = 4
INSIDE = frozenset({"lookup.done", "intent.committed", "before_send", "after_response"})
"""Points inside an attempt, where a bug of ours is caught and shown."""
SOURCES = {Class.KEYED: "hubspot", Class.UNIQUE: "quickbooks", Class.SEARCH_ONLY: "salla"}
PAUSES = (3, 19, 21, 41, 90, 320)
TALKING = 3
"""In every third run Slack is listened to as well; in the others its posts only wait."""

REFUSED = """
SELECT held_for FROM lanes WHERE held_kind = 'refused'
UNION SELECT 'shop' FROM routes WHERE sweep_reason IS NOT NULL
"""
BORDER = 0.2
"""How often a thread is stopped between two transactions, to let others pass."""

STARTS: tuple[tuple[datetime, str], ...] = (
    (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), "Asia/Riyadh"),
    (datetime(2026, 4, 23, 21, 30, tzinfo=UTC), "Africa/Cairo"),
    (datetime(2026, 11, 1, 3, 30, tzinfo=UTC), "America/New_York"),
    (datetime(2026, 12, 31, 22, 30, tzinfo=UTC), "Europe/Berlin"),
)
"""An ordinary day, a midnight that does not exist, a night with an hour twice, a year's end."""


def catalogue(dice: random.Random) -> list[Document]:
    """Return three documents: sales, and in some runs returns of the first; amounts by dice."""
    back = dice.choice((0, 0, 1, 2))
    sales = [
        document(
            str(n), number=f"104{n}", of=order(f"404{n}"), total=f"{dice.randint(5, 99999)}.05"
        )
        for n in range(1, 4 - back)
    ]
    returns = [
        document(f"9{n}", number=f"204{n}", kind=Kind.RETURN, of=order("4041"), total=f"{n}.15")
        for n in range(1, back + 1)
    ]
    return [*sales, *returns]


@dataclass
class House:
    """All of one run but its course; `events` things happen before the weather clears."""

    arena: Arena
    what: Class
    seed: int
    events: int = EVENTS
    trace: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    waiting_hints: list[tuple[datetime, Hint]] = field(default_factory=list)
    asleep: list[tuple[datetime, timedelta]] = field(default_factory=list)
    """When the machine slept, and for how long."""

    born: int = 0
    healed_at: datetime | None = None

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.what}:{self.seed}")  # noqa: S311 - because a seed must repeat
        self.talks = self.seed % TALKING == 0
        start, zone = STARTS[self.dice.choice((0, 0, 0, 1, 2, 3))]
        self.stage = Stage(start)
        self.weather = Weather(self.dice)
        if zone != STARTS[0][1]:
            self.weather.met[Fault.CLOCK] += 1
        self.identity = Identity(
            self.stage, self.weather, single_use=self.what is Class.SEARCH_ONLY, note=self.note
        )
        server = Server(self.stage, self.weather, self.what, self.note, self._opens_books)
        self.server = server
        self.shelf = Shelf()
        self.slack = Slack(self.stage, self.weather, self.note)
        self.slack.dark = self.dice.random() < 0.2
        self.outside = Outside(
            self.stage,
            self.weather,
            self.arena.store,
            server,
            self.identity,
            self.shelf,
            self.slack,
            ZoneInfo(zone),
            SOURCES[self.what],
            self.arena.is_sqlite,
        )

    def _opens_books(self, token: str) -> bool:
        return rotating(self.server) == SHOP or self.identity.opens(token)

    def note(self, what: str) -> None:
        """Write a line of the trace."""
        moment = self.stage.clock.now().strftime("%d %H:%M:%S.%f")[:-3]
        who = self.stage.current.name if self.stage.current else "-"
        self.trace.append(f"{moment} {who} {what}")

    @property
    def fingerprint(self) -> str:
        """What is the same where two runs did the same."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    # --- the run -------------------------------------------------------------------------------

    def open(self) -> None:
        """Set out the house: a clean database, a route, documents, the first process."""
        arena = self.arena
        arena.hook = self._border
        arena.renewed = self.identity.renew
        arena.sleep = self.stage.clock.sleep
        arena.seconds = lambda: self.stage.clock.now().timestamp()
        points.watch(self._reached)
        self.route = self.outside.route = self._route()
        for one in catalogue(self.dice):
            self.shelf.documents[one.source_id] = one
            if self.weather.meets(Fault.HINT_EARLY, 0.15):
                self.shelf.hidden.add(one.source_id)
            self._announce(one)
        self.spawn_process(alone=True)

    def close(self) -> None:
        """Leave nothing behind: no thread, no watcher."""
        for process in self.processes:
            self.stage.kill(process)
        points.watch(None)
        self.arena.hook = lambda: None

    def _route(self) -> Route:
        """Set out the route; the second time a class begins at an instant, it is laid out ready."""
        secret = self.identity.consent()
        place = (self.what, self.stage.clock.now())
        if not self.arena.lay_out(place):
            self._build(secret)
            self.arena.keep(place)
        return self.arena.store.connections.routes()[0]

    def _build(self, consented: dict[str, str]) -> None:
        store, now = self.arena.store, self.stage.clock.now()
        systems = {SHOP: SOURCES[self.what], LANE: SYSTEMS[self.what]}
        ends = []
        for name, system in systems.items():
            rotates = rotating(self.server) == name
            secret = consented if rotates else {"token": FIXED}
            account = Account("77", name)
            ends.append(
                store.connections.save(system, name, f"http://{name}", secret, account, now)
            )
        store.lanes.add(LANE)
        store.connections.add_route(ends[0], ends[1], date(2026, 1, 1), ["completed"])

    def _announce(self, one: Document) -> None:
        """Let the source tell of a document: perhaps twice, perhaps late, in any order."""
        now, source = self.stage.clock.now(), self.route.source
        uid = f"e{one.source_id}"
        hint = Hint(source.system, source.account, uid, "invoice", one.source_id)
        late = self.weather.meets(Fault.HINT_LATE, 0.3)
        due = now + timedelta(seconds=self.dice.choice([600, 86400]) if late else 0)
        self.waiting_hints.append((due, hint))
        if self.weather.meets(Fault.HINT_AGAIN, 0.3):
            again = replace(hint, uid=self.dice.choice([uid, f"{uid}-2"]))
            self.waiting_hints.append((due + timedelta(seconds=1), again))

    # --- what threads meet ---------------------------------------------------------------------

    def _reached(self, name: str) -> None:
        task = self.stage.current
        if task is None:
            return
        self.note(name)
        if name in INSIDE and self.weather.meets(Fault.STUMBLED, 0.01):
            raise Stumble(name)
        self._stop(task, name)

    def _border(self) -> None:
        task = self.stage.current
        if task is None or task.killed:
            if task:
                raise Killed
            return
        if self.weather.strikes(BORDER):
            self._stop(task, "between")

    def _stop(self, task: Task, place: str) -> None:
        """Park here; now and then much longer than anybody expects."""
        if self.weather.meets(Fault.PAUSED, 0.03):
            seconds = self.dice.choice(PAUSES)
            self.note(f"paused {seconds} at {place}")
            task.parked_at = place
            self.stage.sleep(self.stage.clock.now() + timedelta(seconds=seconds))
        elif not self.weather.calm:
            self.stage.park(place)

    # --- events --------------------------------------------------------------------------------

    def kill(self, task: Task) -> None:
        """SIGKILL the process of a task, where that task is parked."""
        process = task.owner
        if not isinstance(process, Process):
            raise TypeError(task.name)
        self.weather.met[Fault.KILLED] += 1
        self.weather.kills[task.parked_at] += 1
        self.note(f"kill {process.name} at {task.parked_at}")
        self.stage.kill(process)
        self.processes.remove(process)

    def stop(self, process: Process) -> None:
        """Let a process end in good order: its threads are done, its lanes are given back."""
        if process.owns:
            self.arena.store.lanes.give(LANE, process.name)
        self.stage.kill(process)
        self.processes.remove(process)

    def frozen(self, task: Task) -> bool:
        """Return whether the task's process is stopped."""
        return isinstance(task.owner, Process) and task.owner.frozen

    def spawn_process(self, *, alone: bool = False) -> None:
        """Start a process, where there is room for one."""
        if len(self.processes) >= MOST_PROCESSES:
            return
        self.born += 1
        process = Process(f"p{self.born}", self.outside)
        self.processes.append(process)
        first = alone or not self.processes[:-1]
        process.spawn("start", lambda: process.start(alone=first))
        self.note(f"spawn {process.name}")

    def statuses(self) -> dict[int, str]:
        """Return how each sync stands, by id."""
        query = sa.text("SELECT id, status FROM syncs")
        with self.arena.store.database.read() as connection:
            return {row.id: row.status for row in connection.execute(query)}

    def refused(self) -> set[str]:
        """Return the connections that a lane is held for, and the one whose grant is gone."""
        with self.arena.store.database.read() as connection:
            held = set(connection.execute(sa.text(REFUSED)).scalars())
        gone = {rotating(self.server)} if self.identity.grants[-1].revoked else set()
        return held | gone

    def awake(self) -> list[Process]:
        """Return the processes that are not stopped; a supervisor starts one where all are gone."""
        if not self.processes:
            self.spawn_process()
        return [one for one in self.processes if not one.frozen]

    def someone(self) -> Process:
        """Return some process, one that is awake where there is one."""
        awake = self.awake()
        return self.dice.choice(awake or self.processes)

    def spawn_once(self, process: Process, name: str, work: Callable[[], object]) -> None:
        """Begin a thread, unless one of that name is under way in the process."""
        if not process.has(name):
            process.spawn(name, work)
