"""A file of the first release, with rows in it, brought up to date: nothing is lost on the way.

The rows are written with plain SQL, as that release wrote them; no code of today touches them.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync.money import Money
from sync.records import Actor, Answer, Filters
from sync.states import Status
from sync.store import Store
from sync.store.migrate import migrate
from sync.times import Times
from tests.builders import KEY

ROOT = Path(__file__).parents[2]
FIRST = "0001"
DAY = "2026-10-0{} 08:15:00.000000"
TIMES = Times.of(request_timeout=2, settle=6, lease=4, retry_base=1)
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SKU = "SKU HONEY-500 not found in Daftra"

CONNECTIONS: list[dict[str, Any]] = [
    {"id": 1, "system": "salla", "name": "shop", "base_url": "http://shop", "account": "77"},
    {"id": 2, "system": "daftra", "name": "books", "base_url": "http://books", "account": "9"},
]
SYNCS: list[dict[str, Any]] = [
    {"status": "success", "amount_minor": 11500, "destination_id": "501", "note": None},
    {"status": "failed", "amount_minor": 989950, "error_type": "sku_not_found", "failures": 3},
    {"status": "pending", "amount_minor": None, "currency": None},
    {"status": "processing", "amount_minor": 5, "sent_at": DAY.format(4), "fence": 4},
    {"status": "failed", "amount_minor": -23000, "kind": "return", "error_type": "period_closed"},
    {"status": "pending", "amount_minor": 1, "waiting_for": "backoff", "not_before": DAY.format(9)},
    {"status": "skipped", "amount_minor": 2_147_483_648, "customer": "شركة النور ✓ 'x'"},
]
"""What differs from row to row; the amounts are minor units of SAR."""


def _connection(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "account_name": given["name"],
        "secret_version": 1,
        "created_at": DAY.format(1),
        **given,
    }


def _sync(number: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "route_id": 1,
        "source_key": f"v1:salla:77:{given.get('kind', 'invoice')}:{number}",
        "source_id": str(number),
        "kind": "invoice",
        "order_id": f"o{number}",
        "order_number": str(4000 + number),
        "document_number": f"INV-{number}",
        "customer": "Sara Ali",
        "lane": "books",
        "attempts": 1,
        "retries": 0,
        "failures": 0,
        "postponements": 0,
        "fence": 1,
        "due": DAY.format(2),
        "priority": 20,
        "trigger": "sweep",
        "actor_id": "engine",
        "actor_name": "",
        "currency": "SAR",
        "discovered_at": DAY.format(2),
        "at": DAY.format(3),
        **given,
    }


def _insert(file: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    file.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608 because both are ours


def _fill(file: sqlite3.Connection) -> None:
    for one in CONNECTIONS:
        _insert(file, "connections", _connection(one))
    route = {"id": 1, "name": "shop:books", "source_id": 1, "destination_id": 2}
    options = {"since": "2026-01-01", "statuses": '["completed"]', "swept_at": DAY.format(5)}
    _insert(file, "routes", {**route, **options})
    _insert(file, "lanes", {"name": "books"})
    for number, given in enumerate(SYNCS, 1):
        row = _sync(number, given)
        _insert(file, "syncs", row)
        move = {"sync_id": number, "at": row["at"], "move": "discover", "became": "pending"}
        _insert(file, "audit", {**move, "fence": 0, "actor_id": "engine"})
        tried = {"sync_id": number, "number": 1, "trigger": "sweep", "actor_id": "engine"}
        when = {"actor_name": "", "started_at": row["at"], "exchanges": "[]"}
        _insert(file, "attempts", {**tried, **when})
    stop = {"sync_id": 2, "error_type": "sku_not_found", "cause_key": "HONEY-500", "reason": SKU}
    _insert(file, "blockers", stop)
    digest = {"channel": "C0FINANCE", "local_date": "2026-10-03", "since": DAY.format(2)}
    said = {"posted_at": DAY.format(3), "message": '{"ts": "1.2"}', "groups": "[]"}
    _insert(file, "digests", {**digest, **said})
    _insert(file, "receipts", {"receipt": "command:1", "at": DAY.format(3), "answer": "{}"})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a file as the first release left it."""
    path = tmp_path / "invsync.db"
    store = Store(f"sqlite:///{path}", [KEY])
    migrate(store.database, FIRST)
    store.close()
    with closing(sqlite3.connect(path)) as file:
        _fill(file)
        file.commit()
    return path


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table that the first release knew, by table."""
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        tables = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in file.execute(f"SELECT * FROM {name} ORDER BY rowid")]  # noqa: S608 because the file names it
            for (name,) in tables
            if name not in {"alembic_version", "sqlite_sequence"}
        }


def revision(path: Path) -> str:
    """Return the revision that a file is at."""
    with closing(sqlite3.connect(path)) as file:
        return str(file.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def copy_of(path: Path) -> Path:
    """Return where the copy of an old file is."""
    return path.with_name(f"{path.name}.before-{FIRST}")


def test_every_row_and_amount_is_there_afterwards(old: Path) -> None:
    """Each old row stands with each of its values; what is new has its beginning value."""
    before = content(old)
    store = Store(f"sqlite:///{old}", [KEY])
    head = store.migrate()
    store.close()
    after = content(old)
    assert revision(old) == head != FIRST
    for table, rows in before.items():
        kept = [
            {name: row[name] for name in was} for was, row in zip(rows, after[table], strict=True)
        ]
        assert kept == rows, table


def test_the_app_works_on_it(old: Path) -> None:
    """The log, a story, a retry and a claim work on rows of the first release."""
    store = Store(f"sqlite:///{old}", [KEY])
    store.migrate()
    rows = {row.id: row for row in store.log.page(Filters(), None, 20).rows}
    assert [rows[number + 1].status.value for number in range(len(SYNCS))] == [
        given["status"] for given in SYNCS
    ]
    assert rows[2].amount == Money.of("9899.50", "SAR")
    assert rows[5].amount == Money.of("-230.00", "SAR")
    story = store.log.story(2)
    assert story
    assert [blocker.reason for blocker in story.blockers] == [SKU]
    pressed = store.presses.retry(2, Actor("U1", "Omar"), None, TIMES.settling, NOW)
    assert pressed.answer is Answer.QUEUED
    claimed = store.queue.claim("books", "w", 9, NOW, TIMES.leasing)
    assert {sync.id for sync in claimed} == {2, 3}
    assert {sync.status for sync in claimed} == {Status.PROCESSING}
    store.close()


def test_the_rules_hold_on_it(old: Path) -> None:
    """A success stays one and the audit is kept, by triggers, after the migration as before."""
    store = Store(f"sqlite:///{old}", [KEY])
    store.migrate()
    store.close()
    with closing(sqlite3.connect(old)) as file:
        for statement, words in (
            ("UPDATE syncs SET status = 'pending' WHERE id = 1", "a success is final"),
            ("DELETE FROM audit", "audit rows are kept"),
            ("UPDATE audit SET move = 'x'", "audit rows are kept"),
            ("DELETE FROM syncs WHERE id = 3", "syncs rows are kept"),
        ):
            with pytest.raises(sqlite3.IntegrityError, match=words):
                file.execute(statement)


def test_a_copy_is_made_first_and_told(old: Path) -> None:
    """The copy is the old database, whole, with what stood only in its log; the log names it."""
    before = content(old)
    keeper = sqlite3.connect(old)  # keeps the write-ahead log from being folded in
    keeper.execute("INSERT INTO receipts VALUES ('command:2', '2026-10-05 00:00:00.000000', '{}')")
    keeper.commit()
    old.chmod(0o600)
    store = Store(f"sqlite:///{old}", [KEY])
    with capture_logs() as said:
        store.migrate()
    store.close()
    keeper.close()
    copy = copy_of(old)
    kept = content(copy)
    assert revision(copy) == FIRST
    assert [row["receipt"] for row in kept["receipts"]] == ["command:1", "command:2"]
    assert kept["syncs"] == before["syncs"]
    assert copy.stat().st_mode & 0o777 == 0o600
    (told,) = [one for one in said if one["event"] == "database migrated"]
    assert (told["was"], told["copy"]) == (FIRST, str(copy))


def test_nothing_to_change_makes_no_copy(old: Path) -> None:
    """A start on a database that is up to date, and a first start, leave no copy behind."""
    store = Store(f"sqlite:///{old}", [KEY])
    store.migrate()
    copy_of(old).unlink()
    store.migrate()
    store.close()
    fresh = Store(f"sqlite:///{old.parent}/fresh.db", [KEY])
    fresh.migrate()
    fresh.close()
    assert not list(old.parent.glob("*.before-*"))


def test_no_room_for_the_copy_changes_nothing(old: Path) -> None:
    """Where the copy cannot be made there is no migration, and no half of a copy."""
    before = content(old)
    with process(SMALL_FILES, old) as starting:
        said, _ = starting.communicate(timeout=30)
    assert starting.returncode == 2, said
    assert "disk of the database" in said
    assert "Traceback" not in said
    assert revision(old) == FIRST
    assert content(old) == before
    assert not list(old.parent.glob("*.part"))
    assert not copy_of(old).exists()


STARTS = """
import os, sys
from pathlib import Path
from sync.store import Store
store = Store(os.environ["URL"])
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
store.migrate()
store.close()
"""

SMALL_FILES = """
import os, resource, sys
import app
os.environ["INVSYNC_DATABASE_URL"] = os.environ["URL"]
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
sys.argv = ["app.py", "migrate"]
sys.exit(app.main())
"""

DIES = """
import os, signal
import sqlalchemy as sa
from sync.store import Store

def killed(connection, cursor, statement, *_):
    if "CREATE TABLE hints" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(sa.Engine, "before_cursor_execute", killed)
Store(os.environ["URL"]).migrate()
"""


def process(program: str, path: Path) -> "subprocess.Popen[str]":
    """Start a Python program on a database."""
    return subprocess.Popen(  # noqa: S603 because it is our own program, without a shell
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "URL": f"sqlite:///{path}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_migration_that_is_killed_leaves_the_old_revision(old: Path) -> None:
    """SIGKILL in the middle: the old file is as it was, and the next start brings it up to date."""
    before = content(old)
    with process(DIES, old) as dying:
        dying.communicate(timeout=30)
    assert dying.returncode == -signal.SIGKILL
    assert revision(old) == FIRST
    assert content(old) == before
    store = Store(f"sqlite:///{old}", [KEY])
    assert store.migrate() == revision(old) != FIRST
    store.close()
    assert content(copy_of(old)) == before


def test_starts_at_the_same_time_migrate_once(old: Path) -> None:
    """Four processes start together: all end well, and one of them did the work."""
    starting = [process(STARTS, old) for _ in range(4)]
    for one in starting:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    said = [one.communicate("go\n", timeout=60)[0] for one in starting]
    assert [one.returncode for one in starting] == [0] * 4, said
    assert sum("database migrated" in told for told in said) == 1
    assert len(content(old)["syncs"]) == len(SYNCS)
    assert len(list(old.parent.glob("*.before-*"))) == 1
