"""Consents on their way: a ticket leads to a state, a state to a connection, each once.

Only hashes of tickets, states and cookies are kept: who reads the table cannot walk the way.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from sync.records import Actor
from sync.store.database import Database
from sync.store.tables import consents


@dataclass(frozen=True, slots=True)
class Consent:
    """Who asked to connect what; `used` once the way was walked to its end."""

    system: str
    name: str
    by: Actor
    team: str | None
    created_at: datetime
    started_at: datetime | None
    used_at: datetime | None
    verifier: str | None
    cookie: str | None


_BY_STATE = consents.select().where(consents.c.state == sa.bindparam("asked"))


class Consents:
    """The ways that are open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def offer(
        self, ticket: str, system: str, name: str, by: Actor, team: str | None, now: datetime
    ) -> None:
        """Keep a ticket for a person who may connect `name`."""
        row = {
            "state": hashed(ticket),
            "system": system,
            "name": name,
            "actor_id": by.id,
            "actor_name": by.name,
            "team": team,
            "created_at": now,
        }
        with self._database.write() as connection:
            connection.execute(consents.insert(), row)

    def get(self, secret: str) -> Consent | None:
        """Return what a ticket or a state stands for, or None."""
        with self._database.read() as connection:
            row = connection.execute(_BY_STATE, {"asked": hashed(secret)}).mappings().first()
        return _consent(row) if row else None

    def start(
        self, ticket: str, state: str, cookie: str, verifier: str | None, now: datetime
    ) -> bool:
        """Turn a ticket into the state that the browser carries; False where it was used."""
        change = (
            sa.update(consents)
            .where(consents.c.state == hashed(ticket), consents.c.started_at.is_(None))
            .values(state=hashed(state), cookie=hashed(cookie), verifier=verifier, started_at=now)
        )
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    def use(self, secret: str, now: datetime) -> bool:
        """Mark a state (or a ticket that needs none) as used; False where it was before."""
        change = (
            sa.update(consents)
            .where(consents.c.state == hashed(secret), consents.c.used_at.is_(None))
            .values(used_at=now, verifier=None)
        )
        with self._database.write() as connection:
            return connection.execute(change).rowcount == 1

    def forget(self, before: datetime) -> None:
        """Drop what was offered before that instant."""
        with self._database.write() as connection:
            connection.execute(sa.delete(consents).where(consents.c.created_at < before))


def hashed(secret: str) -> str:
    """Return what stands for a secret in the table."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _consent(row: RowMapping) -> Consent:
    return Consent(
        system=row["system"],
        name=row["name"],
        by=Actor(row["actor_id"], row["actor_name"]),
        team=row["team"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        used_at=row["used_at"],
        verifier=row["verifier"],
        cookie=row["cookie"],
    )
