"""Rows of work that one process at a time holds by its lease, whatever the work is."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from sync.store.database import Database, UtcDateTime

FREE = {"owner": None, "lease_until": None}
"""The columns of a row that anybody may claim."""


class Held(Protocol):
    """A row as a value: who holds it says whether a change is still its holder's."""

    @property
    def id(self) -> int:
        """The row's id."""
        ...

    @property
    def owner(self) -> str | None:
        """The name that it was claimed under, None while nobody holds it."""
        ...


RowT = TypeVar("RowT", bound=Held)
StateT = TypeVar("StateT", bound=StrEnum)


class Leased(Generic[RowT, StateT]):
    """The rows of one table as values, each public method one short transaction.

    `select` joins to the table what a value needs, which `value` makes of a row. Only rows in a
    state of `worked` are claimed and changed by their holder; `active` are those that have not
    come to their end, and `begins` is what the first claim makes of which state. The columns `id`,
    `state`, `owner`, `lease_until`, `finished_at`, `receipt`, `reason` and `message` are used.
    """

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        select: sa.Select[Any],
        value: Callable[[RowMapping], RowT],
        *,
        worked: Sequence[StateT],
        active: Sequence[StateT] = (),
        begins: tuple[StateT, StateT] | None = None,
    ) -> None:
        self._database = database
        self._table = table
        self._value = value
        self._is_worked = table.c.state.in_([state.value for state in worked])
        self._is_active = table.c.state.in_([state.value for state in active or worked])
        self._all = select.order_by(table.c.id)
        self._claim = self._claiming(begins)

    def _claiming(self, begins: tuple[StateT, StateT] | None) -> sa.UpdateBase:
        table, at = self._table, UtcDateTime()
        ended = table.c.lease_until <= sa.bindparam("now", type_=at)
        free = (
            sa.select(table.c.id)
            .where(self._is_worked, sa.or_(table.c.lease_until.is_(None), ended))
            .order_by(table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .correlate(None)
            .scalar_subquery()
        )
        claim = (
            sa.update(table)
            .where(table.c.id == free)
            .values(owner=sa.bindparam("by_owner"), lease_until=sa.bindparam("leased", type_=at))
        )
        if begins:
            before, after = (state.value for state in begins)
            began = sa.case((table.c.state == before, after), else_=table.c.state)
            claim = claim.values(state=began)
        return claim.returning(table.c.id)

    def claim(self, owner: str, now: datetime, lease: timedelta) -> RowT | None:
        """Take the oldest one that is to be worked, that nobody holds and that need not wait."""
        given = {"by_owner": owner, "now": now, "leased": now + lease}
        with self._database.write() as connection:
            claimed = connection.execute(self._claim, given).scalar()
            return None if claimed is None else self._one(connection, self._table.c.id == claimed)

    def give(self, held: RowT) -> None:
        """Give it back: whoever comes next goes on."""
        self._changed(held, FREE)

    def end(self, held: RowT, state: StateT, reason: str | None, now: datetime) -> None:
        """End it."""
        with self._database.write() as connection:
            self._end(connection, held, state, reason, now)

    def expire(self) -> None:
        """End all leases: for the one long-running process, at its start."""
        with self._database.write() as connection:
            taken = sa.update(self._table).where(self._table.c.owner.is_not(None))
            connection.execute(taken.values(FREE))

    def get(self, row_id: int) -> RowT | None:
        """Return one of them, or None."""
        with self._database.read() as connection:
            return self._first(connection, self._table.c.id == row_id)

    def active(self) -> list[RowT]:
        """Return those that have not ended, oldest first."""
        with self._database.read() as connection:
            return self._many(connection, self._is_active)

    def since(self, moment: datetime) -> list[RowT]:
        """Return those that have not ended and those that ended since `moment`, oldest first."""
        shown = sa.or_(self._is_active, self._table.c.finished_at >= moment)
        with self._database.read() as connection:
            return self._many(connection, shown)

    def keep(self, row_id: int, message: dict[str, Any]) -> None:
        """Keep what the surface knows of its message."""
        with self._database.write() as connection:
            kept = sa.update(self._table).where(self._table.c.id == row_id)
            connection.execute(kept.values(message=message))

    # --- inside a transaction of the caller's ----------------------------------------------------

    def _end(
        self,
        connection: Connection,
        held: RowT,
        state: StateT,
        reason: str | None,
        now: datetime,
    ) -> bool:
        """End it; returns whether it was still ours."""
        values = {"state": state.value, "reason": reason, "owner": None, "finished_at": now}
        return self._change(connection, held, values)

    def _change(self, connection: Connection, held: RowT, values: Mapping[str, Any]) -> bool:
        """Change what we hold; returns whether it is still ours."""
        table = self._table
        mine = sa.update(table).where(
            table.c.id == held.id, table.c.owner == held.owner, self._is_worked
        )
        return connection.execute(mine.values(values)).rowcount > 0

    def _changed(self, held: RowT, values: Mapping[str, Any]) -> RowT | None:
        """Change what we hold, as a transaction; returns it as it stands, None if not ours."""
        with self._database.write() as connection:
            if not self._change(connection, held, values):
                return None
            return self._one(connection, self._table.c.id == held.id)

    def _begun(self, connection: Connection, receipt: str | None) -> RowT | None:
        """Return what a receipt began before, or None."""
        if receipt is None:
            return None
        return self._first(connection, self._table.c.receipt == receipt)

    def _one(self, connection: Connection, *where: sa.ColumnElement[bool]) -> RowT:
        return self._value(connection.execute(self._all.where(*where)).mappings().one())

    def _first(self, connection: Connection, *where: sa.ColumnElement[bool]) -> RowT | None:
        """Return the oldest one of which all that is true, or None."""
        found = connection.execute(self._all.where(*where)).mappings().first()
        return self._value(found) if found else None

    def _many(self, connection: Connection, *where: sa.ColumnElement[bool]) -> list[RowT]:
        found = connection.execute(self._all.where(*where)).mappings()
        return [self._value(row) for row in found]
