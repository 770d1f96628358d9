"""The renewal of a connection's token: claimed by one, marked before it is sent, saved before use.

No transaction is open while the system is asked. `version` counts the tokens of a connection, and
`until` is whose claim it is: every statement asks for them, so what comes late changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from sync.store.connections import Connections
from sync.store.database import Database
from sync.store.persistence import Persistence
from sync.store.tables import connections


@dataclass(frozen=True, slots=True)
class Held:
    """A connection's secret as it stands.

    `claimed_until`: who renews it has until then; `sent_at`: a renewal was sent and never ended.
    """

    secret: dict[str, str] = field(repr=False)
    version: int
    claimed_until: datetime | None
    sent_at: datetime | None


_STATE = sa.select(
    connections.c.secret,
    connections.c.token_version,
    connections.c.renewal_until,
    connections.c.renewal_sent_at,
).where(connections.c.name == sa.bindparam("called"))

_THIS = sa.and_(
    connections.c.name == sa.bindparam("called"),
    connections.c.token_version == sa.bindparam("seen"),
)
_OURS = sa.and_(_THIS, connections.c.renewal_until == sa.bindparam("claimed"))
_FREE = sa.or_(
    connections.c.renewal_until.is_(None), connections.c.renewal_until < sa.bindparam("now")
)
_CLAIM = sa.update(connections).where(_THIS, _FREE).values(renewal_until=sa.bindparam("until"))
_SENDING = sa.update(connections).where(_OURS).values(renewal_sent_at=sa.bindparam("now"))
_RELEASE = sa.update(connections).where(_OURS).values(renewal_until=None, renewal_sent_at=None)
_LOST = sa.update(connections).where(_OURS).values(renewal_until=None)
_SAVE = (
    sa.update(connections)
    .where(_THIS)
    .values(
        secret=sa.bindparam("renewed"),
        token_version=connections.c.token_version + 1,
        renewal_until=None,
        renewal_sent_at=None,
    )
)


class Tokens:
    """The rows of connections, as renewals see them."""

    def __init__(self, database: Database, rows: Connections, persistence: Persistence) -> None:
        self._database = database
        self._rows = rows
        self._persistence = persistence

    def held(self, name: str) -> Held:
        """Return the secret with its version. Raises NoKey."""
        with self._database.read() as connection:
            text, version, until, sent_at = connection.execute(_STATE, {"called": name}).one()
        return Held(self._rows.decrypted(name, text), version, until, sent_at)

    def claim(self, name: str, version: int, now: datetime, lease: timedelta) -> datetime | None:
        """Return until when this caller may renew that version; None where another one does."""
        until = now + lease
        given = {"called": name, "seen": version, "now": now, "until": until}
        return until if self._changed(_CLAIM, given) else None

    def sending(self, name: str, version: int, until: datetime, now: datetime) -> bool:
        """Commit that the renewal leaves now; False where the claim is no longer ours."""
        given = {"called": name, "seen": version, "claimed": until, "now": now}
        return self._changed(_SENDING, given)

    def release(self, name: str, version: int, until: datetime) -> None:
        """Give the claim back: the renewal never left, or it was refused."""
        self._changed(_RELEASE, {"called": name, "seen": version, "claimed": until})

    def lost(self, name: str, version: int, until: datetime) -> None:
        """End the claim and leave the mark: nobody knows whether the renewal arrived."""
        self._changed(_LOST, {"called": name, "seen": version, "claimed": until})

    def save(self, name: str, version: int, secret: dict[str, str]) -> bool:
        """Keep renewed tokens, whoever has claimed since; False where others were kept before.

        Tried again while the database is in trouble: the system has given the old ones up.
        """
        given = {"called": name, "seen": version, "renewed": self._rows.encrypted(name, secret)}
        return self._persistence(lambda: self._changed(_SAVE, given))

    def _changed(self, change: sa.Update, given: dict[str, object]) -> bool:
        with self._database.write() as connection:
            return connection.execute(change, given).rowcount == 1
