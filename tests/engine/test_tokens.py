"""Tokens that end: renewed once for all, saved before use, never asked for twice at Salla."""

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Faults, Faulty
from sandbox.oauth import Authority, OAuthError, client_of
from sandbox.serving import Server
from sync.clock import Clock, SystemClock
from sync.documents import Account
from sync.errors import ErrorType, Reconnect, TryLater
from sync.store import NoKey, Store
from sync.tokens import StoredToken
from tests.builders import KEY, NOON
from tests.fakes import TurnedClock
from tests.sqlite import fresh_file

OTHER_KEY = "b3RvdG90b3RvdG90b3RvdG90b3RvdG90b3RvdG90b3Q="
HOUR = 3600.0
TIMEOUT = 2.0
PATIENCE = 20.0
SYSTEMS = ("salla", "hubspot", "quickbooks")
REUSERS = ("hubspot", "quickbooks")
THREADS = 3
ROUNDS = 20


@dataclass
class Desk:
    """A token endpoint of an `Authority`, and the store that holds a grant of it as `shop`."""

    system: str
    store: Store
    db: str
    authority: Authority
    clock: TurnedClock
    faults: Faults = field(default_factory=Faults)
    url: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    hangs: threading.Event | None = None
    """Set: the next answer is held back until it is set again."""

    rotated: threading.Event = field(default_factory=threading.Event)
    """Set once a renewal was granted."""

    async def answer(self, request: Request) -> Response:
        """Renew, as the system would."""
        form = dict(parse_qsl((await request.body()).decode()))
        form |= client_of(request.headers.get("authorization", ""))
        self.calls.append(form)
        try:
            tokens = self.authority.token(form)
        except OAuthError as refused:
            return JSONResponse(refused.body, refused.status)
        self.rotated.set()
        if self.hangs:
            await run_in_threadpool(self.hangs.wait, PATIENCE)
        return JSONResponse(
            {
                "access_token": tokens.access,
                "refresh_token": tokens.refresh,
                "expires_in": int(tokens.lifetime),
            }
        )

    def connect(self, **differs: str) -> dict[str, str]:
        """Keep a new grant, as a consent does; returns its secret."""
        given, now = self.authority.issue("acme"), self.clock.now()
        secret = {
            "token": given.access,
            "refresh_token": given.refresh,
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(seconds=self.authority.lifetime)).isoformat(),
            "client_id": "app",
            "client_secret": "canary-client",
            "token_url": f"{self.url}/token",
            **differs,
        }
        account = Account("77", "Shop")
        self.store.connections.save(self.system, "shop", "http://shop", secret, account, now)
        return secret

    def credential(self, clock: Clock | None = None, timeout: float = TIMEOUT) -> StoredToken:
        """Open the connection's credential, as another process would."""
        return StoredToken(self.store, "shop", self.system, clock or self.clock, timeout)

    def secret(self) -> dict[str, str]:
        """Return what the store holds."""
        return self.store.connections.secret_of("shop")[0]

    def fault(self, fault: str, **more: Any) -> None:
        """Let a fault wait at the token endpoint."""
        self.faults.add(method="POST", path="/token", fault=fault, **more)

    def opens(self, token: str) -> bool:
        """Return whether the system takes this access token."""
        held = self.authority.holder(token)
        return held is not None and not held.revoked

    def turn(self, hours: float) -> None:
        """Turn the clock on."""
        self.clock.turn(hours * HOUR)


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> str:
    """Name each system with tokens that end."""
    name: str = request.param
    return name


@pytest.fixture
def desk(tmp_path: Path, system: str) -> Iterator[Desk]:
    """Serve an authority whose tokens live for ten hours, and keep a grant of it."""
    db = fresh_file(tmp_path)
    store = Store(db, [KEY])
    authority = Authority(
        "app",
        "canary-client",
        "read",
        10 * HOUR,
        rotates=system == "quickbooks",
        single_use=system == "salla",
        refresh_overlap=60.0,
    )
    desk = Desk(system, store, db, authority, TurnedClock(NOON))
    routes = [Route("/token", desk.answer, methods=["POST"])]
    server = Server(Faulty(Starlette(routes=routes), desk.faults, Response)).start()
    desk.url = server.url
    desk.connect()
    yield desk
    if desk.hangs:
        desk.hangs.set()
    server.stop()
    store.close()


def test_a_good_token_is_not_renewed(desk: Desk) -> None:
    """Until half of its lifetime, or the margin, is left, a token is used as it is."""
    credential = desk.credential()
    token = desk.secret()["token"]
    assert credential.token() == token
    desk.turn(4.9)
    assert credential.token() == token
    assert not desk.calls


def test_a_token_is_renewed_before_it_ends(desk: Desk) -> None:
    """HubSpot's and QuickBooks' are renewed five minutes before, Salla's at half of ten hours."""
    credential = desk.credential()
    old = desk.secret()["token"]
    desk.turn(5.1)
    early = credential.token() != old
    assert early == (desk.system == "salla")
    desk.turn(4.85)
    new = credential.token()
    assert new != old
    assert desk.opens(new)
    assert desk.secret()["token"] == new
    renewed_at, ends_at = (
        datetime.fromisoformat(desk.secret()[name]) for name in ("issued_at", "expires_at")
    )
    assert ends_at - renewed_at == timedelta(hours=10)
    assert desk.credential().token() == new


def test_the_tokens_are_saved_before_they_are_used(desk: Desk) -> None:
    """What `token` gives is in the store, encrypted, under the next version, with no mark left."""
    desk.turn(9.95)
    token = desk.credential().token()
    held = desk.store.tokens.held("shop")
    assert (held.secret["token"], held.version) == (token, 2)
    assert (held.claimed_until, held.sent_at) == (None, None)
    with desk.store.database.read() as connection:
        row = connection.execute(sa.text("SELECT secret, secret_version FROM connections")).one()
    assert token not in row.secret
    assert row.secret_version == 1, "a renewal opens no connector anew"


def test_a_token_without_an_end_is_kept(desk: Desk) -> None:
    """Where the answer told no end, the token serves until it is refused."""
    desk.connect(expires_at="")
    credential = desk.credential()
    desk.turn(10_000)
    assert credential.token() == desk.secret()["token"]
    assert not desk.calls


def test_a_refused_token_is_renewed_once(desk: Desk) -> None:
    """A 401 brings another token; refused within a minute again, there is no other one."""
    credential = desk.credential()
    old = credential.token()
    desk.turn(1)
    assert credential.renew(old)
    new = credential.token()
    assert new != old
    assert not credential.renew(new)
    assert not desk.credential().renew(new), "another process knows the token's age too"
    assert len(desk.calls) == 1
    desk.turn(0.02)
    assert credential.renew(new)


def test_a_token_that_another_process_renewed_is_taken(desk: Desk) -> None:
    """What was refused here but is already replaced in the store asks nobody."""
    here, there = desk.credential(), desk.credential()
    old = here.token()
    desk.turn(1)
    assert there.renew(old)
    assert here.renew(old)
    assert here.token() == there.token() != old
    assert len(desk.calls) == 1


def test_a_key_that_stays_has_no_other_one(desk: Desk) -> None:
    """A token without a refresh token is used to its end and after, and never renewed."""
    account = Account("77", "Shop")
    desk.store.connections.save(
        desk.system, "shop", "http://shop", {"token": "t"}, account, desk.clock.now()
    )
    credential = desk.credential()
    desk.turn(1000)
    assert credential.token() == "t"
    assert not credential.renew("t")
    assert not desk.calls


def test_an_ended_token_is_renewed(desk: Desk) -> None:
    """After days of sleep the first call renews."""
    desk.turn(100)
    assert desk.opens(desk.credential().token())
    assert len(desk.calls) == 1


# --- refusals and lost answers -------------------------------------------------------------------


def test_a_dead_grant_asks_for_a_person_and_is_not_asked_again(desk: Desk) -> None:
    """invalid_grant is a Reconnect, remembered until somebody connects anew."""
    credential = desk.credential()
    desk.authority.revoke()
    desk.turn(9.95)
    for _ in range(3):
        with pytest.raises(Reconnect) as raised:
            credential.token()
        failure = raised.value.failure
        assert (failure.error_type, failure.key) == (ErrorType.UNAUTHORIZED, "shop")
        assert "refused to renew the token" in failure.reason
    assert len(desk.calls) == 1
    desk.connect()
    assert desk.opens(credential.token())


def test_no_secret_stands_in_a_failure(desk: Desk) -> None:
    """Neither our app's secret nor a token is in the sentence that people read."""
    secret = desk.secret()
    desk.authority.revoke()
    desk.turn(9.95)
    with pytest.raises(Reconnect) as raised:
        desk.credential().token()
    texts = [str(raised.value), repr(raised.value), repr(desk.store.tokens.held("shop"))]
    cause = raised.value.__cause__
    texts += [str(cause), repr(cause)]
    for name in ("token", "refresh_token", "client_secret"):
        assert all(secret[name] not in text for text in texts)


def test_a_renewal_that_never_left_leaves_nothing(desk: Desk) -> None:
    """Where nobody listens the old token serves, then callers try later; no claim or mark stays."""
    desk.connect(token_url="http://127.0.0.1:1/token")
    credential = desk.credential()
    desk.turn(9.95)
    assert credential.token() == desk.secret()["token"]
    desk.turn(0.1)
    with pytest.raises(TryLater) as raised:
        credential.token()
    assert (raised.value.failure.error_type, raised.value.failure.key) == (
        ErrorType.DESTINATION_DOWN,
        "shop",
    )
    held = desk.store.tokens.held("shop")
    assert (held.claimed_until, held.sent_at) == (None, None)


def test_a_refused_token_is_no_reason_to_reconnect_while_the_endpoint_is_down(desk: Desk) -> None:
    """A 401 met while the token endpoint slows us down is tried later, not shown to a person."""
    credential = desk.credential()
    old = credential.token()
    desk.turn(1)
    desk.fault("status", status=429, retry_after="7")
    with pytest.raises(TryLater) as raised:
        credential.renew(old)
    assert raised.value.wait == timedelta(seconds=7)
    assert credential.renew(old)


@pytest.mark.parametrize("system", REUSERS, indirect=True)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "html_502"])
def test_a_lost_answer_is_asked_for_again(desk: Desk, fault: str) -> None:
    """HubSpot and QuickBooks take the same refresh token again: the next call renews."""
    desk.turn(11)
    desk.fault(fault)
    credential = desk.credential()
    with pytest.raises(TryLater):
        credential.token()
    assert desk.store.tokens.held("shop").sent_at is not None
    assert desk.opens(credential.token())
    assert desk.store.tokens.held("shop").sent_at is None


@pytest.mark.parametrize("system", ["salla"], indirect=True)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "html_502"])
def test_salla_is_never_asked_twice(desk: Desk, fault: str) -> None:
    """After a lost answer the old token serves until it ends; then a person reconnects."""
    old = desk.secret()["token"]
    desk.fault(fault)
    desk.turn(6)
    for _ in range(3):
        assert desk.credential().token() == old
    desk.turn(4)
    with pytest.raises(Reconnect, match="asking twice would revoke it: reconnect the store"):
        desk.credential().token()
    with pytest.raises(Reconnect):
        desk.credential().renew(old)
    assert len(desk.calls) <= 1
    assert desk.opens(old), "the grant was not revoked"
    new = desk.connect()["token"]
    assert desk.credential().token() == new
    desk.turn(6)
    assert desk.credential().token() != new, "the mark went with the reconnect"


def test_a_reconnect_wins_over_a_renewal_on_its_way(desk: Desk) -> None:
    """Tokens that come back after somebody connected anew change nothing."""
    desk.turn(11)
    desk.hangs = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(desk.credential(timeout=PATIENCE).token)
        assert desk.rotated.wait(PATIENCE)
        secret = desk.connect()
        desk.hangs.set()
        assert late.result(PATIENCE) == secret["token"]
    assert desk.secret()["token"] == secret["token"]


# --- one at a time -------------------------------------------------------------------------------


def test_others_wait_for_the_one_that_renews(desk: Desk) -> None:
    """While one renews, other threads and processes wait, and get its token."""
    desk.turn(11)
    desk.hangs = threading.Event()
    first, second = desk.credential(timeout=PATIENCE), desk.credential(timeout=PATIENCE)
    with ThreadPoolExecutor(4) as pool:
        one = pool.submit(first.token)
        assert desk.rotated.wait(PATIENCE)
        others = [pool.submit(credential.token) for credential in (first, second, second)]
        assert not any(other.done() for other in others)
        desk.hangs.set()
        tokens = {future.result(PATIENCE) for future in (one, *others)}
    assert len(tokens) == 1
    assert len(desk.calls) == 1


def test_who_waits_too_long_tries_later(desk: Desk) -> None:
    """A claim that does not end within the time-out is a passing trouble."""
    desk.turn(11)
    now = desk.clock.now()
    assert desk.store.tokens.claim("shop", 1, now, timedelta(hours=1))
    with pytest.raises(TryLater) as raised:
        desk.credential(timeout=0.2).token()
    assert raised.value.failure.error_type is ErrorType.STALE
    assert not desk.calls


def test_a_claim_that_ran_out_sends_nothing(desk: Desk) -> None:
    """Who slept through its claim may neither send nor end the next one's."""
    rows, now = desk.store.tokens, desk.clock.now()
    late = rows.claim("shop", 1, now, timedelta(seconds=4))
    assert late
    now += timedelta(seconds=5)
    until = rows.claim("shop", 1, now, timedelta(seconds=4))
    assert until
    assert not rows.sending("shop", 1, late, now)
    rows.release("shop", 1, late)
    rows.lost("shop", 1, late)
    assert rows.held("shop").claimed_until == until
    assert rows.sending("shop", 1, until, now)


def _renew_often(db: str, system: str, tokens: Any) -> None:
    """Use tokens that are always due, in several threads (of another process)."""
    store = Store(db, [KEY])
    credential = StoredToken(store, "shop", system, SystemClock(), PATIENCE)
    with ThreadPoolExecutor(THREADS) as pool:
        turns = pool.map(lambda _: credential.token(), range(THREADS * ROUNDS))
        for token in turns:
            tokens.put(token)
    store.close()


def test_two_processes_lose_no_grant(desk: Desk) -> None:
    """In a race of processes and threads each renewal is one rotation, and the last is kept."""
    desk.authority.lifetime = 0.0
    desk.connect()
    context = multiprocessing.get_context("spawn")
    tokens: Any = context.Queue()
    processes = [
        context.Process(target=_renew_often, args=(desk.db, desk.system, tokens)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    seen = [tokens.get(timeout=2 * PATIENCE) for _ in range(2 * THREADS * ROUNDS)]
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, 0]
    held = desk.store.tokens.held("shop")
    assert len(desk.calls) == desk.authority.renewals == held.version - 2 >= 50
    assert all(desk.opens(token) for token in seen)
    assert desk.opens(desk.credential(SystemClock()).token()), "the last refresh token is good"


# --- killed ---------------------------------------------------------------------------------------


def _renew_once(db: str, system: str, now: datetime) -> None:
    store = Store(db, [KEY])
    StoredToken(store, "shop", system, TurnedClock(now), TIMEOUT).token()


def _killed_in_a_renewal(desk: Desk) -> None:
    """Kill a process whose renewal was granted and not yet answered."""
    desk.hangs = threading.Event()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_renew_once, args=(desk.db, desk.system, desk.clock.now()))
    process.start()
    assert desk.rotated.wait(PATIENCE)
    process.kill()
    process.join(PATIENCE)
    desk.hangs.set()
    desk.hangs = None


@pytest.mark.parametrize("system", REUSERS, indirect=True)
def test_a_kill_after_the_mark_is_mended_once_the_claim_ran_out(desk: Desk) -> None:
    """The claim of the dead holds for two time-outs; then the same refresh token is used again."""
    desk.turn(11)
    _killed_in_a_renewal(desk)
    with pytest.raises(TryLater):
        desk.credential(timeout=0.2).token()
    desk.clock.turn(2 * TIMEOUT + 1)
    assert desk.opens(desk.credential().token())
    assert len(desk.calls) == 2


@pytest.mark.parametrize("system", ["salla"], indirect=True)
def test_a_kill_after_the_mark_keeps_the_grant_of_salla(desk: Desk) -> None:
    """Salla is not asked again: the old token serves until it ends, then a person reconnects."""
    old = desk.secret()["token"]
    desk.turn(6)
    _killed_in_a_renewal(desk)
    credential = desk.credential(timeout=0.2)
    assert credential.token() == old
    desk.clock.turn(2 * TIMEOUT + 61)
    assert credential.token() == old
    desk.turn(4)
    with pytest.raises(Reconnect, match="Salla did not answer the renewal"):
        credential.token()
    assert len(desk.calls) == 1
    assert desk.opens(old)


# --- keys -----------------------------------------------------------------------------------------


def _text_of(desk: Desk, name: str) -> str:
    query = sa.text("SELECT secret FROM connections WHERE name = :name")
    with desk.store.database.read() as connection:
        return str(connection.execute(query, {"name": name}).scalar_one())


def _save(store: Store, name: str) -> None:
    store.connections.save(
        "daftra", name, "http://books", {"token": "t"}, Account("1", "Books"), NOON
    )


one_system = pytest.mark.parametrize("system", ["hubspot"], indirect=True)


@one_system
def test_keys_rotate_to_the_first(desk: Desk) -> None:
    """After a rotation the first key alone reads every secret, and tokens still renew."""
    _save(desk.store, "books")
    both, new = Store(desk.db, [OTHER_KEY, KEY]), Store(desk.db, [OTHER_KEY])
    before = new.connections
    with pytest.raises(NoKey):
        before.secret_of("shop")
    assert both.connections.rotate() == 2
    assert before.secret_of("books") == ({"token": "t"}, 1)
    assert before.secret_of("shop")[0]["client_secret"] == "canary-client"
    desk.turn(11)
    credential = StoredToken(new, "shop", desk.system, desk.clock, TIMEOUT)
    assert desk.opens(credential.token())
    both.close()
    new.close()


@one_system
def test_a_missing_key_rotates_nothing(desk: Desk) -> None:
    """Where one secret's key is gone its connection is named, and no other secret is rewritten."""
    other = Store(desk.db, [OTHER_KEY])
    _save(other, "a-books")
    _save(desk.store, "b-books")
    texts = [_text_of(desk, name) for name in ("a-books", "b-books", "shop")]
    with pytest.raises(NoKey, match="a-books"):
        desk.store.connections.rotate()
    with pytest.raises(NoKey, match="b-books"):
        other.connections.rotate()
    assert [_text_of(desk, name) for name in ("a-books", "b-books", "shop")] == texts
    other.close()


@one_system
def test_a_swapped_row_opens_nothing(desk: Desk) -> None:
    """A secret that was put into another connection's row is refused, also for tokens."""
    _save(desk.store, "books")
    swap = sa.text("UPDATE connections SET secret = :secret WHERE name = 'shop'")
    with desk.store.database.write() as connection:
        connection.execute(swap, {"secret": _text_of(desk, "books")})
    with pytest.raises(NoKey, match="shop"):
        desk.credential().token()
    with pytest.raises(NoKey, match="shop"):
        desk.store.connections.rotate()
