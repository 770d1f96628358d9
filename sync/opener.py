"""Opens connectors from stored connections: one each, renewed when its credentials change."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from sync.clock import Clock
from sync.connectors.base import Credential, Destination, Fixed, Source
from sync.connectors.registry import Means, open_destination, open_source
from sync.connectors.spec import Spec
from sync.errors import ErrorType, Failure, TryLater
from sync.pacing import Pacing
from sync.records import Connection, Route
from sync.store import Store
from sync.times import Times
from sync.tokens import StoredToken


class _Closable(Protocol):
    def close(self) -> None: ...


ConnectorT = TypeVar("ConnectorT", bound=_Closable)


class Opener:
    """Gives the two ends of a route, open and paced; once closed, it raises TryLater instead."""

    def __init__(self, store: Store, clock: Clock, times: Times) -> None:
        self._store = store
        self._clock = clock
        self._times = times
        self.pacing = Pacing(store, clock)
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], tuple[int, _Closable]] = {}
        self._retired: dict[tuple[str, str], _Closable] = {}
        self._closed = False

    def route(self, route_id: int) -> Route:
        """Return the route with this id."""
        return next(route for route in self._store.connections.routes() if route.id == route_id)

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return source and destination of a route."""
        route = self.route(route_id)
        return self.source(route.source), self.destination(route.destination)

    def source(self, connection: Connection) -> Source:
        """Return the connection's source."""
        return self._opened("source", connection, self._open_source)

    def destination(self, connection: Connection) -> Destination:
        """Return the connection's destination."""
        return self._opened("destination", connection, self._open_destination)

    def pace(self, connection_name: str) -> None:
        """Book the connection's next slot and sleep until it. Raises TryLater where it is far."""
        connection = self._store.connections.get(connection_name)
        if connection:
            self.pacing.pace_of(connection)()

    def close(self) -> None:
        """Close everything that was opened, and open nothing more."""
        with self._lock:
            self._closed = True
            for connector in (*(one for _, one in self._open.values()), *self._retired.values()):
                connector.close()
            self._open.clear()
            self._retired.clear()

    def _opened(
        self, end: str, connection: Connection, build: Callable[[Connection, Spec], ConnectorT]
    ) -> ConnectorT:
        secret, version = self._store.connections.secret_of(connection.name)
        with self._lock:
            if self._closed:  # what opened now, nobody would close
                reason = "invsync is being stopped; ask again once it has started"
                raise TryLater(Failure(ErrorType.DESTINATION_DOWN, connection.name, reason))
            kept = self._open.get((end, connection.name))
            if kept and kept[0] == version:
                return cast("ConnectorT", kept[1])
            if kept:
                self._retire((end, connection.name), kept[1])
            opened = build(connection, _spec(connection, secret))
            self._open[end, connection.name] = (version, opened)
        return opened

    def _retire(self, place: tuple[str, str], renewed: _Closable) -> None:
        """Keep what was renewed open for the attempts that still use it, until the next renewal."""
        before = self._retired.get(place)
        if before:
            before.close()
        self._retired[place] = renewed

    def _open_source(self, connection: Connection, spec: Spec) -> Source:
        credential = self._credential_of(connection)
        return open_source(connection.system, spec, self._means_of(connection), credential)

    def _open_destination(self, connection: Connection, spec: Spec) -> Destination:
        credential = self._credential_of(connection)
        return open_destination(connection.system, spec, self._means_of(connection), credential)

    def _means_of(self, connection: Connection) -> Means:
        return Means(
            self._clock,
            self.pacing.pace_of(connection),
            self._times.request_timeout,
            self._store.mappings(connection.name, self._clock),
            self.pacing.heed_of(connection),
            self.pacing.search_pace_of(connection),
        )

    def _credential_of(self, connection: Connection) -> Credential:
        secret, _version = self._store.connections.secret_of(connection.name)
        if "refresh_token" not in secret:
            return Fixed(secret.get("token", ""))
        timeout = self._times.request_timeout
        return StoredToken(self._store, connection.name, connection.system, self._clock, timeout)


def _spec(connection: Connection, secret: dict[str, str]) -> Spec:
    return Spec(
        name=connection.name,
        base_url=connection.base_url,
        api_prefix=connection.api_prefix,
        web_url=connection.web_url,
        token=secret.get("token", ""),
        account=connection.account,
        options={},
    )
