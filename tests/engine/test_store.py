"""The store: pages, figures, triggers, migrations, secrets, the outbox and crowded writers."""

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql

import sync.store
from sync.documents import Account, Booked, Kind
from sync.errors import ErrorType, Failure
from sync.money import Money
from sync.outward import Post, PostState
from sync.records import Actor, Filters, Page, Route, Sync
from sync.states import Move, RefusedMove, Status
from sync.store import BadCursor, Fenced, NewerSchema, NoKey, Store
from sync.store.ledger import write_audit
from sync.store.tables import metadata
from tests.builders import KEY, NOON, a_route, discovered, document, order
from tests.fakes import TurnedClock

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=40)
SETTLE = timedelta(seconds=120)
OTHER_KEY = "b3RvdG90b3RvdG90b3RvdG90b3RvdG90b3RvdG90b3Q="
LANE = "books"
SKU = Failure(ErrorType.SKU_NOT_FOUND, "HONEY-500", "SKU HONEY-500 not found in Daftra")


@pytest.fixture
def url(database_url: str) -> str:
    """Name a fresh database."""
    return database_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give a fresh store with one route."""
    store = Store(url, [KEY])
    store.migrate()
    a_route(store)
    yield store
    store.close()


@pytest.fixture
def clock() -> TurnedClock:
    """Give a clock that stands at noon."""
    return TurnedClock()


def route_of(store: Store) -> Route:
    """Return the one route."""
    return store.connections.routes()[0]


def add(store: Store, number: int, **differs: Any) -> int:
    """Discover document `number`, one second later than the one before; returns its sync's id."""
    one = document(str(number), number=f"I{number}", of=order(str(4000 + number)))
    return discovered(store, route_of(store), replace(one, **differs), NOON + number * SECOND)


def claimed(store: Store, most: int = 1) -> list[Sync]:
    """Claim at noon."""
    return store.queue.claim(LANE, "w", most, NOON, LEASE)


def booked(sync: Sync) -> Booked:
    """Return what the books hold of a sync."""
    total = sync.amount or Money.of(0, "SAR")
    key, number = sync.source_key, f"D{sync.id}"
    return Booked(str(sync.id), number, sync.kind, key, sync.order_number, total, "http://b")


def failed(store: Store, number: int, failure: Failure = SKU, total: str = "115.00 SAR") -> int:
    """Discover and fail a document of this amount; returns its sync's id."""
    amount, currency = total.split()
    sync_id = add(store, number, total=Money.of(amount, currency))
    at = NOON + number * SECOND
    store.work.fail(claimed(store)[0], [failure], at, ())
    return sync_id


def ids(page: Page) -> list[int]:
    """Return the ids on a page."""
    return [row.id for row in page.rows]


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is sent to the database, without BEGIN and COMMIT."""
    heard: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            heard.append((statement, given))

    engines = {store.database._reader, store.database._writer}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", listen)
    yield heard
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", listen)


def in_parallel(threads: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in so many threads that begin together."""
    barrier = threading.Barrier(threads)

    def begin(number: int) -> Any:
        barrier.wait(5)
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def execute(store: Store, statement: str) -> sa.CursorResult[Any]:
    """Write with a statement of our own."""
    with store.database.write() as connection:
        return connection.execute(sa.text(statement))


# --- the log -----------------------------------------------------------------------------------


def test_pages_are_newest_first_and_hold_still_while_rows_arrive(store: Store) -> None:
    """Older and Newer neither repeat nor skip a row, though new ones arrive in between."""
    old = [add(store, number) for number in range(45)][::-1]
    first = store.log.page(Filters(), None, 20)
    assert (ids(first), first.previous) == (old[:20], None)
    new = [add(store, number) for number in range(45, 48)][::-1]
    second = store.log.page(Filters(), first.next, 20)
    third = store.log.page(Filters(), second.next, 20)
    assert ids(second) + ids(third) == old[20:]
    assert third.next is None
    back = store.log.page(Filters(), second.previous, 20)
    assert ids(back) == old[:20]
    newest = store.log.page(Filters(), back.previous, 20)
    assert (ids(newest), newest.previous) == (new, None)
    assert ids(store.log.page(Filters(), newest.next, 20)) == old[:20]


def test_rows_of_the_same_instant_keep_an_order(store: Store) -> None:
    """Equal times are ordered by id, so that a page boundary between them loses nothing."""
    for number in range(7):
        one = document(str(number), number=f"I{number}", of=order(str(number)))
        discovered(store, route_of(store), one)
    seen: list[int] = []
    cursor = None
    while True:
        page = store.log.page(Filters(), cursor, 3)
        seen += ids(page)
        cursor = page.next
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "bnVsbA",  # null
        "WzEsMl0",  # [1,2]
        "WzAsIjIwMjYiLDFd",  # [0,"2026",1]
        "WzAsMSwyXQ",  # [0,1,2]
        "WzAsIjIwMjYtMTEtMjBUMDA6MDA6MDArMDA6MDAiLDk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",  # a huge id
        "WzAsIjIwMjYtMTEtMjBUMDA6MDA6MDArMDA6MDAiLEluZmluaXR5XQ",  # an infinite id
    ],
)
def test_a_strange_cursor_is_refused(store: Store, cursor: str) -> None:
    """A cursor that no page of ours gave out raises BadCursor, whatever is in it."""
    with pytest.raises(BadCursor):
        store.log.page(Filters(), cursor, 20)


def _mixed(store: Store) -> dict[str, int]:
    found = {"sku": failed(store, 1)}
    mail = Failure(ErrorType.CUSTOMER_EMAIL_MISSING, "Sara", "Sara has no email")
    found["mail"] = failed(store, 2, mail)
    found["return"] = add(store, 3, kind=Kind.RETURN)
    ends = [
        store.connections.save(system, name, "http://x", {}, Account("5", name), NOON)
        for system, name in (("salla", "shop2"), ("daftra", "books2"))
    ]
    second = store.connections.add_route(ends[0], ends[1], date(2026, 1, 1), ["completed"])
    one = document("9", number="I9", of=order("4009"))
    found["elsewhere"] = discovered(store, second, one, NOON + 9 * SECOND)
    return found


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(), ["elsewhere", "return", "mail", "sku"]),
        (Filters(statuses=(Status.FAILED,)), ["mail", "sku"]),
        (Filters(statuses=(Status.FAILED, Status.SUCCESS)), ["mail", "sku"]),
        (Filters(kind=Kind.RETURN), ["return"]),
        (Filters(error_type=ErrorType.SKU_NOT_FOUND), ["sku"]),
        (Filters(cause_key="Sara"), ["mail"]),
        (Filters(source="shop2"), ["elsewhere"]),
        (Filters(destination="books"), ["return", "mail", "sku"]),
        (Filters(since=NOON + 3 * SECOND), ["elsewhere", "return"]),
        (Filters(until=NOON + 3 * SECOND), ["mail", "sku"]),
        (Filters(numbers=("I2", "4009", "nothing")), ["elsewhere", "mail"]),
        (Filters(kind=Kind.INVOICE, statuses=(Status.PENDING,)), ["elsewhere"]),
    ],
)
def test_every_filter_narrows(store: Store, filters: Filters, names: Sequence[str]) -> None:
    """Each filter keeps the rows it names and no other; a page stays one statement."""
    found = _mixed(store)
    with statements(store) as heard:
        page = store.log.page(filters, None, 20)
    assert ids(page) == [found[name] for name in names]
    assert len(heard) == 1


def test_numbers_are_found_exactly(store: Store) -> None:
    """An order's or a document's number finds its rows, newest first; a part of one finds none."""
    sale = add(store, 1)
    back = add(store, 2, kind=Kind.RETURN, order=order("4001"))
    assert [row.id for row in store.log.find("4001")] == [back, sale]
    assert [row.id for row in store.log.find("I1")] == [sale]
    assert store.log.find("400") == []


def test_figures_never_mix_currencies(store: Store) -> None:
    """Causes count their syncs and sum amounts per currency."""
    made = [failed(store, number, total="100.50 SAR") for number in (1, 2, 3)]
    made.append(failed(store, 4, total="1.250 KWD"))
    failed(store, 5, replace(SKU, key="WAX-1"), total="7 JPY")
    mail = Failure(ErrorType.CUSTOMER_EMAIL_MISSING, "Sara", "Sara has no email")
    failed(store, 6, mail)
    sku, wax, email = store.causes.open()
    assert (sku.error_type, sku.count, email.count) == (ErrorType.SKU_NOT_FOUND, 4, 1)
    assert sku.amounts == [Money.of("1.250", "KWD"), Money.of("301.50", "SAR")]
    assert (wax.key, wax.amounts) == ("WAX-1", [Money.of("7", "JPY")])
    assert sku.oldest == NOON + SECOND


def test_what_the_engine_retries_by_itself_needs_nobody(store: Store) -> None:
    """A failed sync with a retry of its own is counted as retrying and not for its cause."""
    add(store, 1)
    down = Failure(ErrorType.DESTINATION_DOWN, LANE, "Daftra answered 502")
    store.work.fail(claimed(store)[0], [down], NOON, (), again_at=NOON + SECOND)
    by_status, retrying, waiting, synced, resolved = store.log.counts(NOON)
    assert (by_status[Status.FAILED], retrying, waiting, synced, resolved) == (1, 1, 0, 0, 0)
    assert [(one.count, one.retrying) for one in store.causes.open()] == [(0, 1)]


def test_what_was_resolved_is_counted(store: Store) -> None:
    """A success after a failure counts as synced and as resolved, since the given instant."""
    sync_id = failed(store, 1)
    store.presses.retry(sync_id, Actor("U1"), None, SETTLE, NOON)
    sync = claimed(store)[0]
    store.work.succeed(sync, booked(sync), NOON, ())
    assert store.log.counts(NOON)[3:] == (1, 1)
    assert store.log.counts(NOON + SECOND)[3:] == (0, 0)


# --- rules that outrank all code ---------------------------------------------------------------


def test_a_success_is_final(store: Store) -> None:
    """The database itself refuses to move a success, whatever code asks for it."""
    sync_id = add(store, 1)
    sync = claimed(store)[0]
    store.work.succeed(sync, booked(sync), NOON, ())
    with pytest.raises(sa.exc.IntegrityError, match="a success is final"):
        execute(store, "UPDATE syncs SET status = 'pending'")
    row = store.log.sync(sync_id)
    assert row is not None
    assert row.status is Status.SUCCESS


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET move = 'skip'", "DELETE FROM audit", "DELETE FROM syncs"],
)
def test_the_audit_and_the_log_are_kept(store: Store, statement: str) -> None:
    """The database refuses to change the audit and to delete from it or from the log."""
    add(store, 1)
    with pytest.raises(sa.exc.IntegrityError, match="rows are kept"):
        execute(store, statement)


def test_every_move_leaves_an_audit_row(store: Store) -> None:
    """The audit tells each move with its fence and who made it."""
    sync_id = failed(store, 1)
    store.presses.retry(sync_id, Actor("U1"), None, SETTLE, NOON)
    sync = claimed(store)[0]
    store.work.succeed(sync, booked(sync), NOON, ())
    told = execute(store, "SELECT move, fence, actor_id FROM audit ORDER BY id").all()
    assert [tuple(row) for row in told] == [
        ("discover", 0, "engine"),
        ("start", 1, "engine"),
        ("fail", 1, "engine"),
        ("retry", 1, "U1"),
        ("start", 2, "engine"),
        ("succeed", 2, "engine"),
    ]


def test_a_move_outside_the_table_is_undone(store: Store) -> None:
    """An audit row of a move that does not exist raises, and with it the transaction is undone."""
    add(store, 1)

    def force() -> None:
        with store.database.write() as connection:
            connection.execute(sa.text("UPDATE syncs SET status = 'failed'"))
            write_audit(connection, Move.RETRY, [(1, 0)], Status.SUCCESS, Actor("U1"), NOON)

    with pytest.raises(RefusedMove):
        force()
    assert store.log.page(Filters(), None, 20).rows[0].status is Status.PENDING


def test_a_finish_that_was_committed_is_not_made_twice(store: Store) -> None:
    """Finishing again under the same fence does nothing; under an older fence it is refused."""
    add(store, 1)
    sync = claimed(store)[0]
    for _ in range(2):
        store.work.succeed(sync, booked(sync), NOON, ())
    assert execute(store, "SELECT count(*) FROM audit WHERE move = 'succeed'").scalar() == 1
    with pytest.raises(Fenced):
        store.work.fail(sync, [SKU], NOON, ())


# --- migrations --------------------------------------------------------------------------------


def test_migrating_again_changes_nothing(store: Store, url: str) -> None:
    """A second start finds the tables as they are, and keeps what is in them."""
    add(store, 1)
    again = Store(url, [KEY])
    assert again.migrate() == store.migrate()
    assert len(again.log.page(Filters(), None, 20).rows) == 1
    again.close()


def test_two_starts_at_once_migrate_once(url: str) -> None:
    """Processes that start together on an empty file do not trip over each other."""
    stores = [Store(url, [KEY]) for _ in range(3)]
    revisions = in_parallel(3, lambda number: stores[number].migrate())
    assert len(set(revisions)) == 1
    for store in stores:
        store.close()


def _is_ours(name: str | None, *_: object) -> bool:
    """Leave out the hand-out's own tables: it makes them itself."""
    return not (name or "").startswith("procrastinate_")


def test_migrations_make_the_tables_of_the_code(store: Store) -> None:
    """What the migrations leave is what `tables` says, column by column."""
    with store.database.read() as connection:
        opts = {"compare_type": True, "include_name": _is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def test_a_newer_database_is_refused(store: Store) -> None:
    """A file that a newer invsync has changed is left alone."""
    execute(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchema, match="9999"):
        store.migrate()


# --- secrets -----------------------------------------------------------------------------------


def test_secrets_are_encrypted_at_rest(store: Store, tmp_path: Path) -> None:
    """No byte of a token stands in the file or its journal; its owner reads it back."""
    store.connections.save(
        "salla", "shop", "http://shop", {"token": "canary-5f3a"}, Account("77", "Shop"), NOON
    )
    assert store.connections.secret_of("shop") == ({"token": "canary-5f3a"}, 2)
    rows = execute(store, "SELECT * FROM connections").all()
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert rows
    assert "canary-5f3a" not in str(rows)
    assert all(b"canary-5f3a" not in content for content in files)


def test_swapped_secrets_are_refused(store: Store) -> None:
    """The secret of one connection cannot be used by putting it into another's row."""
    execute(
        store,
        "UPDATE connections SET secret = (SELECT secret FROM connections WHERE name = 'shop')",
    )
    assert store.connections.secret_of("shop")[0] == {"token": "t"}
    with pytest.raises(NoKey):
        store.connections.secret_of("books")


@pytest.mark.parametrize(
    ("keys", "readable"),
    [([OTHER_KEY, KEY], True), ([KEY, OTHER_KEY], True), ([OTHER_KEY], False), ([], False)],
)
def test_keys_rotate(store: Store, url: str, keys: Sequence[str], *, readable: bool) -> None:
    """What an old key wrote is read while that key is listed, and no longer."""
    del store  # it has written with KEY
    later = Store(url, keys)
    if readable:
        assert later.connections.secret_of("shop")[0] == {"token": "t"}
    else:
        with pytest.raises(NoKey):
            later.connections.secret_of("shop")
    later.close()


# --- the surface's rows ------------------------------------------------------------------------


def post(uid: str, channel: str = "C1", key: str | None = None, text: str = "hello") -> Post:
    """Return a message on its way out."""
    return Post(uid, "chat.postMessage", channel, {"text": text}, key)


def test_a_waiting_post_of_the_same_key_is_replaced(store: Store) -> None:
    """Two edits of one message become one, in the first one's place; one on its way is left."""
    store.posts.put([post("a", key="m", text="1"), post("b"), post("c", key="m", text="2")], NOON)
    first = store.posts.claim(NOON, SECOND)
    assert first is not None
    assert (first.uid, first.body, store.posts.get("c")) == ("a", {"text": "2"}, None)
    store.posts.put([post("d", key="m", text="3")], NOON)
    assert store.posts.get("d") is not None


def test_posts_keep_their_order_and_distance_in_a_channel(store: Store) -> None:
    """A channel gets one post at a time, a gap apart, in order; another channel is not kept up."""
    store.posts.put([post("a"), post("b"), post("x", "C2")], NOON)

    def claim(seconds: int) -> Post | None:
        return store.posts.claim(NOON + seconds * SECOND, SECOND)

    assert [one.uid for one in (claim(0), claim(0)) if one] == ["a", "x"]
    assert claim(5) is None, "a is still on its way"
    store.posts.postpone("a", NOON + 30 * SECOND, "ratelimited")
    assert claim(6) is None, "b would overtake a"
    again = claim(31)
    assert again is not None
    assert (again.uid, again.tries) == ("a", 1)
    store.posts.sent("a", {"ts": "1.2"}, NOON)
    assert claim(31) is None
    after = claim(32)
    assert after is not None
    assert after.uid == "b"


def test_a_lost_post_is_adrift(store: Store) -> None:
    """What has been sending for too long is found again; what was sent or failed is not."""
    store.posts.put([post("a"), post("b", "C2"), post("c", "C3")], NOON)
    for _ in range(3):
        store.posts.claim(NOON, SECOND)
    store.posts.sent("b", {"ts": "1.2"}, NOON)
    store.posts.fail("c", "channel_not_found", NOON)
    assert store.posts.next_due(NOON, SECOND) is None
    adrift = store.posts.rescue(NOON + SECOND, NOON, NOON + SECOND)
    assert [(one.uid, one.state) for one in adrift] == [("a", PostState.SENDING)]
    again = store.posts.claim(NOON + SECOND, SECOND)
    assert again is not None
    assert (again.uid, again.result) == ("a", {"asked_at": NOON.isoformat()})


def test_a_receipt_counts_once(store: Store) -> None:
    """A payload's receipt is taken the first time only, until it is swept away."""
    assert store.receipts.first("p1", NOON)
    assert not store.receipts.first("p1", NOON)
    store.receipts.sweep(NOON)
    assert not store.receipts.first("p1", NOON)
    store.receipts.sweep(NOON + SECOND)
    assert store.receipts.first("p1", NOON)


def test_news_is_left_of_what_somebody_watches(store: Store) -> None:
    """A watch leaves news at once and after each move; handled news and ended watches are gone."""
    sync_id, other = add(store, 1), add(store, 2)
    store.watches.add([sync_id], "press", {"user": "U1"}, NOON)
    claimed(store, 2)
    told = store.news.pending()
    assert [one.sync_id for one in told] == [sync_id, sync_id]
    assert store.watches.of(other) == []
    store.news.handled(told, [post("a")], store.watches.of(sync_id), NOON)
    assert (store.news.pending(), store.watches.of(sync_id)) == ([], [])
    assert store.posts.get("a") is not None


def test_a_digest_is_claimed_once(store: Store) -> None:
    """Of eight that claim the same channel and day together one gets it; the next day is free."""
    day = date(2026, 11, 20)
    claims = in_parallel(8, lambda _: store.digests.claim("C1", day, NOON, NOON))
    won = [digest for digest in claims if digest]
    assert len(won) == 1
    store.digests.keep(won[0].id, message={"ts": "1.2"})
    assert store.digests.claim("C1", date(2026, 11, 21), NOON, NOON) is not None
    kept = store.digests.get(won[0].id)
    assert kept is not None
    assert kept.message == {"ts": "1.2"}


# --- crowded writers ---------------------------------------------------------------------------


def test_two_hundred_claims_at_once_lose_and_double_nothing(store: Store) -> None:
    """Eight threads that claim one by one get every row exactly once."""
    for number in range(200):
        add(store, number)

    def work(_: int) -> list[int]:
        mine = []
        while got := claimed(store):
            mine += [sync.id for sync in got]
        return mine

    got = [sync_id for mine in in_parallel(8, work) for sync_id in mine]
    assert sorted(got) == list(range(1, 201))


def test_two_hundred_slots_at_once_are_two_hundred_slots(store: Store) -> None:
    """No booking of a connection's slot is lost: the last one waits behind all others."""
    began = time.monotonic()
    waits = [
        wait
        for mine in in_parallel(
            8, lambda _: [store.paces.book("books", 0.5, 1, NOON, 200).wait for _ in range(25)]
        )
        for wait in mine
    ]
    took = time.monotonic() - began  # PostgreSQL's own clock goes on while they book
    assert sorted(waits) == pytest.approx([slot / 2 for slot in range(200)], abs=0.1 + took)


def test_a_customer_is_made_by_one(store: Store, clock: TurnedClock) -> None:
    """Of eight that want the same new customer one may create it; a dead one's claim is over."""
    mappings = store.mappings("books", clock)
    assert sum(in_parallel(8, lambda _: mappings.claim("client", "sara@example.sa"))) == 1
    clock.turn(301)
    assert mappings.claim("client", "sara@example.sa")
    mappings.put("client", "sara@example.sa", "17")
    clock.turn(301)
    assert not mappings.claim("client", "sara@example.sa")
    assert mappings.get("client", "sara@example.sa") == "17"
    mappings.forget("client", "sara@example.sa")
    assert mappings.claim("client", "sara@example.sa")


# --- statements --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "index"),
    [
        ("claim", "ix_syncs_ready"),
        ("ripen", "ix_syncs_waiting"),
        ("rescue", "ix_syncs_processing"),
        ("retry_overdue", "ix_syncs_retrying"),
        ("page", "ix_syncs_log"),
        ("counts", "ix_syncs_status_log"),
        ("busy", "ix_syncs_ready"),
        ("number", "ix_syncs_order_number"),
    ],
)
def test_what_runs_often_walks_its_own_index(store: Store, step: str, index: str) -> None:
    """The planner takes the index that was made for the statement, and no full scan of the log."""
    steps: dict[str, Callable[[], object]] = {
        "claim": lambda: claimed(store),
        "ripen": lambda: store.queue.ripen(LANE, NOON),
        "rescue": lambda: store.queue.rescue(LANE, "w", 2, NOON, LEASE, SETTLE),
        "retry_overdue": lambda: store.queue.retry_overdue(LANE, NOON, SETTLE),
        "page": lambda: store.log.page(Filters(), None, 20),
        "counts": lambda: store.log.counts(NOON),
        "busy": lambda: store.queue.busy_lanes(NOON, "w", SETTLE),
        "number": lambda: store.log.find("4001"),
    }
    with statements(store) as heard:
        steps[step]()
    statement, given = heard[0]
    told = plan_of(store, statement, given, is_ordered=step == "page")
    assert any(index in line for line in told), told
    assert not [line for line in told if line.startswith("SCAN syncs") and "INDEX" not in line]
    assert not [line for line in told if "Seq Scan on syncs" in line]


def plan_of(store: Store, statement: str, given: Any, *, is_ordered: bool = False) -> list[str]:
    """Return the lines of the plan; a few rows PostgreSQL would scan, and sort, in any table."""
    with store.database.read() as connection:
        if store.database.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            return [row[3] for row in plan]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        if is_ordered:
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        return list(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars())


def _module_statements() -> Iterator[tuple[str, sa.ClauseElement]]:
    for found in pkgutil.iter_modules(sync.store.__path__, "sync.store."):
        for name, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, sa.Select | sa.Update | sa.Insert | sa.Delete):
                yield f"{found.name}.{name}", value


def test_every_statement_is_written_for_postgresql_too() -> None:
    """All statements of the store compile in PostgreSQL's dialect; a claim skips what is locked."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # because it has no types
    made = {
        name: str(statement.compile(dialect=dialect)) for name, statement in _module_statements()
    }
    assert len(made) > 40
    assert "FOR UPDATE SKIP LOCKED" in made["sync.store.queue._CLAIM"]
    assert "status = 'pending'" in made["sync.store.queue._CLAIM"]
