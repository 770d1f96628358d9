"""Connections and routes. Secrets are encrypted at rest and bound to their row.

MultiFernet: the first key writes, every key reads. The connection's name stands inside the
plaintext and is compared on reading, so that rows cannot be swapped.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.engine import RowMapping

from sync.documents import Account
from sync.records import Connection, Route
from sync.store.database import Database
from sync.store.tables import connections, routes


class NoKey(Exception):
    """A credential must be stored or read, and no secret key is set or fits; names its row."""


_BY_NAME = connections.select().where(connections.c.name == sa.bindparam("called"))
_ALL = connections.select().order_by(connections.c.name)
# locked until the rotation is over: a token renewed meanwhile must not be overwritten
_KEPT = _ALL.where(connections.c.secret.is_not(None)).with_for_update()
_REWRITE = (
    sa.update(connections)
    .where(connections.c.id == sa.bindparam("row"))
    .values(secret=sa.bindparam("anew"))
)
_source = connections.alias("source")
_destination = connections.alias("destination")
_ROUTES = (
    sa.select(routes, _source, _destination)
    .set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
    .join_from(routes, _source, _source.c.id == routes.c.source_id)
    .join(_destination, _destination.c.id == routes.c.destination_id)
    .order_by(routes.c.name)
)


class Connections:
    """The accounts we hold and the routes between them."""

    def __init__(self, database: Database, keys: Sequence[str]) -> None:
        self._database = database
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def save(
        self,
        system: str,
        name: str,
        base_url: str,
        secret: dict[str, str],
        account: Account,
        now: datetime,
        *,
        api_prefix: str | None = None,
        web_url: str | None = None,
    ) -> Connection:
        """Add the connection or renew the one of that name. Raises NoKey without a secret key."""
        values = {
            "system": system,
            "base_url": base_url,
            "api_prefix": api_prefix,
            "web_url": web_url,
            "account": account.id,
            "account_name": account.name,
            "secret": self.encrypted(name, secret),
            "connected_at": now,
        }
        renew = (
            sa.update(connections)
            .where(connections.c.name == name)
            .values(
                **values,
                secret_version=connections.c.secret_version + 1,
                token_version=connections.c.token_version + 1,
                renewal_until=None,
                renewal_sent_at=None,
            )
        )
        with self._database.write() as connection:
            if not connection.execute(renew).rowcount:
                added = {**values, "name": name, "created_at": now, "secret_version": 1}
                connection.execute(connections.insert(), added)
            return _connection(connection.execute(_BY_NAME, {"called": name}).mappings().one())

    def get(self, name: str) -> Connection | None:
        """Return the connection called `name`, or None."""
        with self._database.read() as connection:
            row = connection.execute(_BY_NAME, {"called": name}).mappings().first()
        return _connection(row) if row else None

    def all(self) -> list[Connection]:
        """Return every connection, by name."""
        with self._database.read() as connection:
            return [_connection(row) for row in connection.execute(_ALL).mappings()]

    def secret_of(self, name: str) -> tuple[dict[str, str], int]:
        """Return the credentials of a connection and their version. Raises NoKey."""
        with self._database.read() as connection:
            row = connection.execute(_BY_NAME, {"called": name}).mappings().one()
        return self.decrypted(name, row["secret"]), row["secret_version"]

    def add_route(
        self, source: Connection, destination: Connection, since: date, statuses: Sequence[str]
    ) -> Route:
        """Add the route from `source` to `destination`, or change its options."""
        name = f"{source.name}:{destination.name}"
        # from another start, or with other statuses, the source is walked anew
        values = {"since": since, "statuses": list(statuses), "walked_at": None}
        with self._database.write() as connection:
            change = sa.update(routes).where(routes.c.name == name).values(**values)
            if not connection.execute(change).rowcount:
                ends = {"source_id": source.id, "destination_id": destination.id}
                connection.execute(routes.insert(), {**values, **ends, "name": name})
        return next(route for route in self.routes() if route.name == name)

    def routes(self) -> list[Route]:
        """Return every route with both its connections, by name."""
        with self._database.read() as connection:
            return [_route(row) for row in connection.execute(_ROUTES).mappings()]

    def swept(
        self, route: Route, began: datetime, reason: str | None, *, ended: bool, walked: bool
    ) -> None:
        """Remember when a sweep began, and why it failed if it did.

        Only one that came to its end moves the route's watermark; `walked`: it was the whole list.
        """
        values: dict[str, Any] = {"sweep_reason": reason}
        if ended:
            values |= {"swept_at": began, "watermark": began}
        if ended and walked:
            values["walked_at"] = began
        with self._database.write() as connection:
            connection.execute(sa.update(routes).where(routes.c.id == route.id).values(values))

    def sweeps(self) -> dict[str, tuple[datetime | None, str | None]]:
        """Return, by route name, when it was last swept whole and why the last sweep failed."""
        query = sa.select(routes.c.name, routes.c.swept_at, routes.c.sweep_reason)
        with self._database.read() as connection:
            return {name: (at, why) for name, at, why in connection.execute(query)}

    def rotate(self) -> int:
        """Write every secret anew under the first key; returns how many.

        Raises NoKey, naming the connection, where one of our keys is missing: then nothing changes.
        """
        with self._database.write() as connection:
            found = connection.execute(_KEPT).mappings().all()
            for row in found:
                anew = self.encrypted(row["name"], self.decrypted(row["name"], row["secret"]))
                connection.execute(_REWRITE, {"row": row["id"], "anew": anew})
        return len(found)

    def encrypted(self, name: str, secret: dict[str, str]) -> str:
        """Return a secret as its row holds it. Raises NoKey."""
        if self._fernet is None:
            raise NoKey(name)
        return self._fernet.encrypt(json.dumps({"of": name, **secret}).encode()).decode()

    def decrypted(self, name: str, text: str) -> dict[str, str]:
        """Return the secret of the row called `name`. Raises NoKey, also for another row's."""
        if self._fernet is None:
            raise NoKey(name)
        try:
            secret: dict[str, str] = json.loads(self._fernet.decrypt(text.encode()))
        except InvalidToken:
            raise NoKey(name) from None
        if secret.pop("of", None) != name:
            raise NoKey(name)
        return secret


_FIELDS = (
    *("id", "system", "name", "base_url", "api_prefix", "web_url", "account", "account_name"),
)


def _connection(row: RowMapping, prefix: str = "") -> Connection:
    return Connection(**{name: row[prefix + name] for name in _FIELDS})


def _route(row: RowMapping) -> Route:
    return Route(
        id=row["routes_id"],
        name=row["routes_name"],
        source=_connection(row, "source_"),
        destination=_connection(row, "destination_"),
        since=row["routes_since"],
        statuses=tuple(row["routes_statuses"]),
        watermark=row["routes_watermark"],
        walked_at=row["routes_walked_at"],
    )
