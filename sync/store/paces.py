"""How fast a connection may be asked: GCRA, one row per limit, shared by all processes.

`tat` is when the next slot is free, in seconds since 1970. On PostgreSQL the database's own clock
tells `now`, so that the clocks of several machines do not matter; on SQLite the caller's does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from sync.store.database import Database
from sync.store.tables import paces

EASING = 10.0
"""For so many seconds after a refusal no other one slows the pace again: they were one burst."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What answers have taught of a limit.

    `rate`: requests a second that the system itself tells, None where it tells nothing;
    `slowed`: the share of the rate that is left after a refusal, `ago` seconds before now.
    """

    rate: float | None = None
    slowed: float = 1.0
    ago: float = 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot `wait` seconds from now; it is ours where it is `booked`.

    `closed`: for so many seconds nobody may ask, whatever was booked before; below zero: open.
    """

    wait: float
    booked: bool
    closed: float
    learned: Learned


def _number(name: str) -> sa.BindParameter[float]:
    return sa.bindparam(name, type_=sa.Double())


class Paces:
    """The rows of all limits; `key` is a connection's name, or one of its limits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = sqlite if database.is_sqlite else postgresql
        self._add = dialect.insert(paces).on_conflict_do_nothing()
        now: sa.ColumnElement[float] = _number("moment")
        if not database.is_sqlite:
            clock = sa.extract("epoch", sa.func.clock_timestamp())
            now = sa.cast(clock, sa.Double())
        ours = paces.c.connection == sa.bindparam("of_key")
        told = (
            (paces.c.tat - now).label("left"),
            (paces.c.closed_until - now).label("closed"),
            paces.c.rate,
            paces.c.slowed,
            (now - paces.c.slowed_at).label("ago"),
        )
        earliest = now - _number("credit")
        self._book = (
            sa.update(paces)
            .where(ours, paces.c.tat <= now + _number("longest"))
            .values(tat=_later(paces.c.tat, earliest) + _number("step"))
            .returning(*told)
        )
        named = paces.c.connection.in_(sa.bindparam("keys", expanding=True))
        self._look = sa.select(paces.c.connection, *told).where(named)
        self._delay = (
            sa.update(paces)
            .where(ours)
            .values(
                tat=_later(paces.c.tat, now + _number("wait")),
                closed_until=_later(paces.c.closed_until, now + _number("wait")),
            )
        )
        self._slow = (
            sa.update(paces)
            .where(ours, paces.c.slowed_at < now - EASING)
            .values(slowed=_number("share"), slowed_at=now)
        )
        self._learn = sa.update(paces).where(ours).values(rate=_number("told"))

    def book(self, key: str, step: float, burst: int, now: datetime, longest: float) -> Slot:
        """Book the next slot, `step` seconds after the one before, if it is within `longest`.

        After a rest `burst` slots are free at once.
        """
        given = {"step": step, "credit": (burst - 1) * step, "longest": longest}
        with self._database.write() as connection:
            asked = {"of_key": key, **_at(now), **given}
            row = connection.execute(self._book, asked).mappings().first()
            if row is None:
                connection.execute(self._add, {"connection": key, "tat": 0.0})
                row = connection.execute(self._book, asked).mappings().first()
        if row is None:
            return self.look([key], now)[key]
        return replace(_slot(row), wait=max(0.0, row["left"] - step), booked=True)

    def look(self, keys: Sequence[str], now: datetime) -> dict[str, Slot]:
        """Return the next slot of each limit that is known; `wait` is below zero after a rest."""
        with self._database.read() as connection:
            found = connection.execute(self._look, {"keys": list(keys), **_at(now)}).mappings()
            return {row["connection"]: _slot(row) for row in found}

    def delay(self, key: str, seconds: float, now: datetime) -> None:
        """Let no request be before `seconds` from now, as a Retry-After asks."""
        self._write(self._delay, key, now, wait=seconds)

    def slow(self, key: str, share: float, now: datetime) -> None:
        """Keep to `share` of the rate from now on, after a refusal; once for a burst of them."""
        self._write(self._slow, key, now, share=share)

    def learn(self, key: str, rate: float, now: datetime) -> None:
        """Keep the rate that the system itself tells, in requests a second."""
        self._write(self._learn, key, now, told=rate)

    def _write(self, statement: sa.Update, key: str, now: datetime, **given: float) -> None:
        asked = {"of_key": key, **_at(now), **given}
        with self._database.write() as connection:
            if not connection.execute(statement, asked).rowcount:
                connection.execute(self._add, {"connection": key, "tat": 0.0})
                connection.execute(statement, asked)


def _later(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one > other, one), else_=other)


def _at(now: datetime) -> dict[str, Any]:
    return {"moment": now.timestamp()}


def _slot(row: RowMapping) -> Slot:
    learned = Learned(row["rate"], row["slowed"], row["ago"])
    return Slot(row["left"], booked=False, closed=row["closed"], learned=learned)
