"""Scenes for mistakes that the simulator's own world cannot make: each is played right and wrong.

Played right a scene finds nothing; played with its mistake it must find something.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from apscheduler.triggers.cron import CronTrigger

import bot.text
from bot.samples import FAILED
from bot.show import Show
from bot.subscriptions import Digests, Subscription
from sync.engine import Engine
from sync.records import Actor
from sync.store import Store, Unavailable
from sync.times import Times
from tests.builders import KEY, a_route, discovered, document
from tests.fakes import TurnedClock
from tests.faults.checker import Violation, answered, days_of, harmless
from tests.faults.evidence import Evidence, Press
from tests.faults.workspace import CHANNEL, Plain
from tests.unit.bot.drawn import a_show

CAIRO = ZoneInfo("Africa/Cairo")
BEFORE_THE_GAP = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
"""Four days before Cairo's clocks skip the hour from midnight."""

NAMES = ("<!channel>", "<@U1>", "<https://x.example|y>")
WAIT_SECONDS = 5.0


def cron_digest(*, mistaken: bool = True) -> Sequence[Violation]:
    """Post a digest at midnight in Cairo for a week, by a cron trigger where mistaken."""
    with OwnStore() as store:
        clock = TurnedClock(BEFORE_THE_GAP)
        engine = Engine(store, clock, Times.of())
        posted = Digests(
            engine,
            lambda _post: None,
            cast("Show", Plain()),
            Subscription(CHANNEL, time(0, 0), CAIRO),
        )
        trigger = CronTrigger(hour=0, minute=0, timezone=CAIRO)
        fires = trigger.get_next_fire_time(None, clock.now())
        for _ in range(7 * 24 * 4):
            clock.turn(900)
            if not mistaken:
                posted.tick()
            elif fires and clock.now() >= fires:
                posted.now()
                fires = trigger.get_next_fire_time(fires, clock.now())
        with store.database.read() as connection:
            rows = connection.execute(sa.text("SELECT * FROM digests")).mappings().all()
        first = date(2026, 4, 21)
        wanted = [str(first + timedelta(days=days)) for days in range(6)]
        return list(days_of(rows, CHANNEL, wanted))


def deferred_transactions(*, mistaken: bool = True) -> Sequence[Violation]:
    """Let two processes press at the same moment; deferred, one finds its snapshot outdated."""
    with OwnStore() as one, Opened(str(one.database.url)) as other:
        route = a_route(one)
        ids = [discovered(one, route, document(n, number=f"104{n}")) for n in ("1", "2")]
        if mistaken:
            _defer(one)
        presses = [Press(f"t:{n}", "U1", ids[n], BEFORE_THE_GAP) for n in (0, 1)]
        rival = threading.Thread(target=lambda: _press(other, presses[1]))
        begun = threading.Event()

        def after_first_look(_one: Any, _two: Any, statement: str, *_: Any) -> None:
            if statement.startswith("SELECT") and not begun.is_set():
                begun.set()
                rival.start()
                rival.join(0.3)  # where the other must wait for us, it does

        sa.event.listen(one.database._writer, "after_cursor_execute", after_first_look)
        _press(one, presses[0])
        rival.join(WAIT_SECONDS)

        def query(text: str) -> Sequence[Any]:
            with other.database.read() as connection:
                return connection.execute(sa.text(text)).mappings().all()

        rows = {row["id"]: row for row in query("SELECT * FROM syncs")}
        return list(answered(query, rows, Evidence({}, [], [], presses)))


def _defer(store: Store) -> None:
    """Let the store's write transactions begin as SQLite's own default does."""

    def begun_late(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        return statement.replace("BEGIN IMMEDIATE", "BEGIN"), parameters

    sa.event.listen(store.database._writer, "before_cursor_execute", begun_late, retval=True)


def unescaped_name(*, mistaken: bool = True) -> Sequence[Violation]:
    """Tell the end of a sync whose reason carries mark-up; where mistaken, nothing is escaped."""
    with patch.object(bot.text, "escaped", (lambda text: text) if mistaken else bot.text.escaped):
        told = [a_show().finished(replace(FAILED, reason=name, customer=name)) for name in NAMES]
    return list(harmless((text for one in told for text in _marked_up(one)), NAMES))


def _marked_up(message: Any) -> Iterator[str]:
    """Yield the texts of a message in which Slack reads mark-up."""
    if isinstance(message, list):
        for part in message:
            yield from _marked_up(part)
    elif isinstance(message, dict):
        if "blocks" in message or message.get("type") == "mrkdwn":
            yield str(message.get("text", ""))
        for part in message.values():
            yield from _marked_up(part)


def _press(store: Store, press: Press) -> None:
    try:
        store.presses.retry(
            press.sync_id, Actor(press.user), press.receipt, timedelta(seconds=300), press.at
        )
    except (Unavailable, sa.exc.OperationalError):
        return  # the person reads that nothing was stored


class Opened:
    """A store that is closed in the end."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, [KEY], busy_seconds=WAIT_SECONDS)

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


class OwnStore:
    """A store with a file of its own, gone in the end."""

    def __enter__(self) -> Store:
        self._folder = tempfile.TemporaryDirectory()
        url = f"sqlite:///{Path(self._folder.name)}/scene.db"
        self._store = Store(url, [KEY], busy_seconds=WAIT_SECONDS)
        self._store.migrate()
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._folder.cleanup()


Scene = Callable[..., Sequence[Violation]]
SCENES: Sequence[Scene] = (cron_digest, deferred_transactions, unescaped_name)
