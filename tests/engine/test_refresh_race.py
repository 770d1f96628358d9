"""A race for a token that may be used once: ten callers of two processes, five hundred tries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.oauth import Authority
from sandbox.serving import Server
from sync.store import Store
from sync.tokens import FRESH, StoredToken
from tests.builders import KEY
from tests.engine.test_tokens import HOUR, Desk
from tests.fakes import TurnedClock

PROCESSES, THREADS, ROUNDS = 2, 5, 50
TIMEOUT = 10.0


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Serve an authority that revokes the whole grant where a refresh token comes twice."""
    store = Store(database_url, [KEY])
    store.migrate()
    authority = Authority("app", "canary-client", "read", 10 * HOUR, rotates=False, single_use=True)
    desk = Desk("salla", store, database_url, authority, TurnedClock())
    server = Server(Starlette(routes=[Route("/token", desk.answer, methods=["POST"])])).start()
    desk.url = server.url
    yield desk
    server.stop()
    store.close()


def test_five_hundred_tries_lose_no_grant(desk: Desk) -> None:
    """Whoever meets the refusal first renews, once; all others get the same new token."""
    refused = desk.connect()["token"]
    stores = [Store(desk.db, [KEY]) for _ in range(PROCESSES)]
    racers = [
        StoredToken(store, "shop", "salla", desk.clock, TIMEOUT)
        for store in stores
        for _ in range(THREADS)
    ]
    line = Barrier(len(racers))

    def race(racer: StoredToken, token: str) -> tuple[bool, str]:
        line.wait()
        return racer.renew(token), racer.token()

    seen = {refused}
    with ThreadPoolExecutor(len(racers)) as pool:
        for number in range(1, ROUNDS + 1):
            desk.clock.turn(FRESH.total_seconds() + 1)
            came = list(pool.map(race, racers, [refused] * len(racers)))
            ((won, token),) = set(came)
            assert won
            assert token not in seen
            assert len(desk.calls) == number
            seen.add(token)
            refused = token
    for store in stores:
        store.close()
    assert PROCESSES * THREADS * ROUNDS == 500
    assert desk.opens(refused)
