"""The pace over real sockets: the limiters of the stand-ins have nothing to refuse."""

import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox import hubspot, quickbooks
from sandbox.seeds_crm import seed_crm
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.connectors.registry import check_account
from sync.connectors.spec import Spec
from sync.documents import Account
from sync.engine import Engine
from sync.errors import TryLater
from sync.opener import Opener
from sync.store import Store
from sync.systems import STATUSES
from sync.times import Times
from tests.builders import KEY
from tests.sqlite import fresh_file

ENOUGH = 40
"""Requests to each system: several times what it takes in a second."""

PATIENCE = 60


class Counted:
    """ASGI: counts the answers of `app` by status."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.by_status: Counter[int] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve, and count the answer."""

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.by_status[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counting)


def test_no_limiter_refuses_anything(tmp_path: Path) -> None:
    """Both ways between HubSpot and QuickBooks run at their limits, and nobody answers 429."""
    now = datetime.now(UTC)
    trade = seed_crm(now)
    trade.portal.limited = trade.company.limited = True
    counted = {
        "hubspot": Counted(hubspot.create(trade.portal)),
        "quickbooks": Counted(quickbooks.create(trade.company)),
    }
    tokens = {"hubspot": hubspot.TOKEN, "quickbooks": quickbooks.TOKEN}
    with ExitStack() as stack:
        store = Store(fresh_file(tmp_path), [KEY])
        stack.callback(store.close)
        engine = Engine(store, SystemClock(), Times.of(request_timeout=2, settle=6))
        ends = {}
        for system, app in counted.items():
            server = Server(app).start()
            stack.callback(server.stop)
            account = quickbooks.REALM if system == "quickbooks" else ""
            spec = Spec(system, server.url, None, None, tokens[system], account, {})
            whose = check_account(system, spec, engine.clock, engine.times)
            secret = {"token": tokens[system]}
            ends[system] = engine.connect(system, system, server.url, secret, whose)
        since = (now - timedelta(days=40)).date()
        engine.add_route(ends["hubspot"], ends["quickbooks"], since, STATUSES["hubspot"])
        engine.add_route(ends["quickbooks"], ends["hubspot"], since, STATUSES["quickbooks"])
        stack.callback(engine.stop)
        engine.start(alone=True, sweeping=True)
        deadline = time.monotonic() + PATIENCE
        while any(one.by_status.total() < ENOUGH for one in counted.values()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert [one.by_status[429] for one in counted.values()] == [0, 0]


@pytest.mark.parametrize(
    ("system", "headers", "seconds"),
    [("daftra", {"Retry-After": "7"}, 7), ("daftra", {}, 60), ("hubspot", {}, 10)],
)
def test_a_refused_read_stops_the_connection(
    tmp_path: Path, system: str, headers: dict[str, str], seconds: float
) -> None:
    """Whoever meets a 429, here a check, the connection rests as long as the system asks."""

    async def refuse(_request: Request) -> JSONResponse:
        return JSONResponse({"policyName": "TEN_SECONDLY_ROLLING"}, 429, headers)

    server = Server(Starlette(routes=[Route("/{path:path}", refuse)])).start()
    store = Store(fresh_file(tmp_path), [KEY])
    now, clock = datetime.now(UTC), SystemClock()
    whose = Account("5", "Books")
    end = store.connections.save(system, "end", server.url, {"token": "t"}, whose, now)
    opener = Opener(store, clock, Times.of(request_timeout=2, settle=6))
    with pytest.raises(TryLater):
        opener.destination(end).check()
    slot = store.paces.look(["end"], clock.now())["end"]
    assert slot.wait == pytest.approx(seconds, abs=1.5)
    opener.close()
    server.stop()
    store.close()
