"""Hypothesis searches the same world for the shortest way to break a promise."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.checker import edges, once, one_in_flight
from tests.faults.heal import heal
from tests.faults.runs import evidence_of, judged, query_of
from tests.faults.world import World

_arena: list[Arena] = []


def arena() -> Arena:
    """Return the one database of this module's runs."""
    if not _arena:
        _arena.append(Arena())
    return _arena[0]


def teardown_module() -> None:
    """Give the database back."""
    while _arena:
        _arena.pop().close()


class Weathered(RuleBasedStateMachine):
    """Hypothesis says what happens next; `luck` seeds the dice of that one happening."""

    world: World

    @initialize(what=st.sampled_from(Class), seed=st.integers(0, 3))
    def begin(self, what: Class, seed: int) -> None:
        """Set out a house."""
        self._joined = arena().joined()
        self._joined.__enter__()
        self.world = World(arena(), what, seed)
        self.world.open()

    @rule(luck=st.integers(0, 255))
    def step(self, luck: int) -> None:
        """Step some threads; faults and kills by luck."""
        self.world.dice.seed(luck)
        self.world.let_run()

    @rule(luck=st.integers(0, 255))
    def tick(self, luck: int) -> None:
        """Let time pass, and every process do what it does at a tick."""
        self.world.dice.seed(luck)
        self.world.tick()

    @rule(luck=st.integers(0, 63))
    def webhook(self, luck: int) -> None:
        """Deliver webhooks, doubled, late or forged."""
        self.world.dice.seed(luck)
        self.world.hint()

    @rule(luck=st.integers(0, 63))
    def click(self, luck: int) -> None:
        """Let one or two people press Retry, once or twice."""
        self.world.dice.seed(luck)
        self.world.click()

    @rule(luck=st.integers(0, 63))
    def redeliver(self, luck: int) -> None:
        """Let Slack deliver again."""
        self.world.dice.seed(luck)
        self.world.redeliver()

    @rule(luck=st.integers(0, 63))
    def talk(self, luck: int) -> None:
        """Let hints be followed, posts be sent, the digest be due."""
        self.world.dice.seed(luck)
        self.world.talk()

    @rule()
    def spawn_worker(self) -> None:
        """Start a process."""
        self.world.spawn_process()

    @rule(luck=st.integers(0, 15))
    def kill(self, luck: int) -> None:
        """Kill a process where one of its threads is parked."""
        self.world.dice.seed(luck)
        tasks = self.world.stage.tasks
        if tasks:
            self.world.kill(self.world.dice.choice(tasks))

    @rule(luck=st.integers(0, 15))
    def pause_or_resume(self, luck: int) -> None:
        """Stop a process with all its threads, or let it go on."""
        self.world.dice.seed(luck)
        self.world.freeze()

    @rule(luck=st.integers(0, 15))
    def token_event(self, luck: int) -> None:
        """End a token, revoke a grant, or reconnect."""
        self.world.dice.seed(luck)
        self.world.token()

    @rule(luck=st.integers(0, 3))
    def clock_event(self, luck: int) -> None:
        """Let the machine sleep for an hour or a day."""
        self.world.dice.seed(luck)
        self.world.set_clock()

    @invariant()
    def keeps_the_promise(self) -> None:
        """Nothing is booked twice, sent twice at a time, or moved off the table."""
        if not hasattr(self, "world"):
            return
        seen = evidence_of(self.world)
        audit = query_of(arena())("SELECT * FROM audit ORDER BY id")
        found: list[Any] = [*once(seen.bookings), *one_in_flight(seen.sent), *edges(audit)]
        assert found == []

    def teardown(self) -> None:
        """Heal, and hold the whole promise against what is left."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.dice.seed(0)
            heal(self.world)
            assert judged(self.world) == []
        finally:
            self.world.close()
            self._joined.__exit__(None, None, None)


Weathered.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestWeathered = Weathered.TestCase
