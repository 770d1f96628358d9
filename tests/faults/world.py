"""One run: a seed decides the weather, the processes, the clock and every interleaving.

A run sets out a route with three documents, sales and returns, lets some thirty things happen in a
hundred and more steps, then lets the weather clear and everybody finish, and hands what is left to
the checker. The trace tells what happened step by step; the same seed writes the same trace.
"""

from collections.abc import Callable
from datetime import timedelta

from sync.connectors.webhooks import Hint
from sync.records import Actor
from tests.faults.heal import heal
from tests.faults.house import House
from tests.faults.process import FIXED, LANE, SHOP, Process, rotating
from tests.faults.weather import Fault
from tests.faults.workspace import Click

USERS = ("U1", "U2")
LEAPS = (0, 0, 1, 1, 3, 6, 21, 41, 90, 301)
"""How many seconds an event lets pass: under and over a time-out, a lease, `settle`."""


DEADLY = {
    "start": 0.0,
    "asleep": 0.005,
    "between": 0.01,
    "slack.posting": 0.2,
    "slack.posted": 0.3,
    "digest.recorded": 0.3,
}
"""How often a process dies where a thread of it is parked; elsewhere four times in a hundred."""


class World(House):
    """A house in its weather, and everything that can happen to it."""

    def run(self) -> "World":
        """Let everything happen, then heal."""
        self.open()
        try:
            for _ in range(self.events):
                self.event()
            heal(self)
        finally:
            self.close()
        return self

    def open(self) -> None:
        """Set out the house, and let the source tell of its documents."""
        super().open()
        self.hint()
        someone = self.someone()
        self.spawn_once(someone, "hints", someone.engine.hearing.follow)

    def event(self) -> None:
        """Let one thing happen, by dice."""
        happens = self.dice.choices(list(HAPPENINGS), list(HAPPENINGS.values()))[0]
        happens(self)

    def let_run(self) -> None:
        """Step a few threads; each may die with its process where it is parked."""
        for _ in range(self.dice.randint(2, 24)):
            ready = [one for one in self.stage.ready() if not self.frozen(one)]
            if not ready:
                return
            task = self.dice.choice(ready)
            if self.weather.strikes(DEADLY.get(task.parked_at, 0.04)):
                self.kill(task)
            else:
                self.stage.step(task)

    def tick(self) -> None:
        """Let time pass; every process that runs does what it does at a tick."""
        seconds = self.dice.choice(LEAPS)
        self.stage.clock.turn(timedelta(seconds=seconds))
        self.server.arrive()
        for process in self.awake():
            if self.dice.random() < 0.5:
                self.spawn_once(process, "turn", process.turn)
        if self.dice.random() < 0.3:
            keeper = self.someone()
            self.spawn_once(keeper, "holding", keeper.engine.holding.look)
        self.let_run()

    def pause_lane(self) -> None:
        """Let somebody pause the books, or resume them."""
        process = self.someone()
        holding = process.engine.holding
        if self.dice.random() < 0.4:
            process.spawn("pause", lambda: holding.pause(LANE, Actor("U1")))
        else:
            process.spawn("resume", lambda: holding.resume(LANE))
        self.let_run()

    def talk(self) -> None:
        """Let a process look at hints, posts, news and the digest."""
        process = self.someone()
        work = {
            "hints": process.engine.hearing.follow,
            "deliver": process.deliver,
            "digest": process.digests.tick,
            "sweep": lambda: process.engine.sweeper.sweep(self.route),
            "rescue": process.outbox.rescue,
        }
        weights = [3, 5, 2, 1, 1] if self.talks else [3, 0, 0, 1, 0]
        name = self.dice.choices(list(work), weights)[0]
        self.spawn_once(process, name, work[name])
        if name == "digest":  # its minute has come for everybody
            for other in self.awake():
                self.spawn_once(other, name, other.digests.tick)
        self.let_run()

    def hint(self) -> None:
        """Deliver webhooks that are due, in any order, to some process."""
        now = self.stage.clock.now()
        due = [one for one in self.waiting_hints if one[0] <= now]
        self.waiting_hints = [one for one in self.waiting_hints if one[0] > now]
        self.dice.shuffle(due)
        if self.dice.random() < 0.2:
            due.append((now, Hint("forged", "1", f"f{len(self.trace)}", "invoice", "404")))
        for _, one in due:
            process = self.someone()
            process.spawn("hint", lambda one=one: self.arena.store.hints.keep([one], now))  # type: ignore[misc]  # because a default binds it now
        if self.shelf.hidden and self.dice.random() < 0.5:
            self.shelf.hidden.remove(min(self.shelf.hidden))
        self.let_run()

    def click(self) -> None:
        """Let somebody press Retry; perhaps twice, perhaps two people at once."""
        known = sorted(self.statuses())
        if not known:
            return
        sync_id = self.dice.choice(known)
        first = self.press(self.dice.choice(USERS), sync_id)
        if self.weather.meets(Fault.DOUBLE_CLICK, 0.2):
            self.press(first.user, sync_id)
        if self.weather.meets(Fault.TWO_PEOPLE, 0.2):
            self.press(next(user for user in USERS if user != first.user), sync_id)
        self.let_run()

    def press(self, user: str, sync_id: int) -> Click:
        """Let somebody press Retry on a sync."""
        receipt = f"t{len(self.slack.clicks)}:{self.seed}"
        click = Click(receipt, user, sync_id, self.stage.clock.now())
        self.slack.clicks.append(click)
        self.deliver(click)
        return click

    def deliver(self, click: Click) -> None:
        """Let Slack deliver a press to some process."""
        process = self.someone()
        click.deliveries += 1
        self.note(f"click {click.receipt} {click.user} {click.sync_id} #{click.deliveries}")
        process.spawn(f"click-{click.receipt}", lambda: self._press(process, click))

    def _press(self, process: Process, click: Click) -> None:
        def ack() -> None:
            click.acked_at = click.acked_at or self.stage.clock.now()

        process.press(click.body(), ack)  # type: ignore[arg-type]  # because Bolt's ack is more than this

    def redeliver(self) -> None:
        """Let Slack deliver again what nobody acknowledged, or what came long ago."""
        for click in self.slack.clicks:
            unheard = click.acked_at is None and click.deliveries < 4
            if unheard or (click.deliveries < 3 and self.weather.strikes(0.05)):
                self.weather.met[Fault.REDELIVERED] += 1
                self.deliver(click)
        self.let_run()

    def freeze(self) -> None:
        """Stop a process with all its threads, or let one go on."""
        process = self.dice.choice(self.processes) if self.processes else None
        if process and not self.weather.calm:
            process.frozen = not process.frozen
            self.weather.met[Fault.PAUSED] += process.frozen
            self.note(f"{'stop' if process.frozen else 'continue'} {process.name}")

    def set_clock(self) -> None:
        """Let an hour or a day pass unseen, as on a machine that slept."""
        hours = self.dice.choice([1, 1, 24])
        self.weather.met[Fault.CLOCK] += 1
        self.asleep.append((self.stage.clock.now(), timedelta(hours=hours)))
        self.stage.clock.turn(timedelta(hours=hours))
        self.server.arrive()

    def token(self) -> None:
        """Let the grant be taken away, let the token end, or let somebody reconnect."""
        match self.dice.choice(["revoke", "end", "end", "reconnect", "reconnect"]):
            case "revoke" if self.weather.meets(Fault.REFUSED, 0.4):
                self.identity.revoke()
            case "end":
                self.weather.met[Fault.EXPIRED] += 1
                self.stage.clock.turn(timedelta(minutes=20))
            case _:
                self.reconnect()
        self.let_run()

    def reconnect(self) -> None:
        """Let a person connect again what was refused."""
        process, name = self.someone(), rotating(self.server)
        process.spawn("connect", lambda: process.connect(name, self.identity.consent()))
        other = LANE if name == SHOP else SHOP
        if other in self.refused():
            process.spawn("connect", lambda: process.connect(other, {"token": FIXED}))


HAPPENINGS: dict[Callable[[World], None], int] = {
    World.let_run: 16,
    World.tick: 32,
    World.talk: 12,
    World.hint: 4,
    World.click: 8,
    World.redeliver: 4,
    World.spawn_process: 6,
    World.freeze: 4,
    World.set_clock: 1,
    World.pause_lane: 2,
    World.token: 2,
}
"""What can happen, by weight."""
