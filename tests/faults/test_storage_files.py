"""What a start says about a file that it cannot use: one clear sentence, exit code 2, no harm."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from handlers.commandline import WrongUse
from handlers.process import alone
from sync.store import NewerSchema, Store, Trouble, Unavailable
from sync.store.trouble import SAYS, network_disk, trouble_of
from tests.builders import KEY

ROOT = Path(__file__).parents[2]
WRONG_USE = 2


AS_NOBODY = """
import os, sys, tempfile
import app
url = os.environ["INVSYNC_DATABASE_URL"]
with tempfile.TemporaryDirectory() as folder:
    os.environ["INVSYNC_DATABASE_URL"] = f"sqlite:///{folder}/invsync.db"
    app.main()  # a first run loads every module: nobody may not read where Python is
os.environ["INVSYNC_DATABASE_URL"] = url
if os.geteuid() == 0:
    os.setuid(65534)  # root writes everywhere, whatever the permissions say
sys.exit(app.main())
"""


def run(url: str, *program: str) -> "subprocess.CompletedProcess[str]":
    """Run `log` on a database."""
    env = {"PATH": os.environ["PATH"], "INVSYNC_DATABASE_URL": url, "INVSYNC_SECRET_KEYS": KEY}
    return subprocess.run(  # noqa: S603 because it is our own program, without a shell
        [sys.executable, *(program or (str(ROOT / "app.py"),)), "failed", "--json"],
        env={**env, "PYTHONPATH": str(ROOT)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(url: str, *program: str) -> str:
    """Return the sentence with which a command ends: with 2, and nothing but the sentence."""
    ended = run(url, *program)
    assert ended.returncode == WRONG_USE, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stderr


def made(folder: Path) -> Path:
    """Make a database with all tables; returns its file."""
    path = folder / "invsync.db"
    store = Store(f"sqlite:///{path}", [KEY])
    store.migrate()
    store.close()
    return path


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The folder that does not exist is named, and is not made."""
    said = refused(f"sqlite:///{tmp_path}/nowhere/invsync.db")
    assert f"the folder {tmp_path}/nowhere does not exist" in said
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A URL that names a folder is told as such."""
    assert f"{tmp_path} is a folder, not a file" in refused(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"PDF or something else, and longer than a header" * 99, b"x"])
def test_what_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Another program's file is named, and not a byte of it changes."""
    path = tmp_path / "letter.pdf"
    path.write_bytes(content)
    said = refused(f"sqlite:///{path}")
    assert str(path) in said
    assert SAYS[Trouble.UNREADABLE][0] in said
    assert path.read_bytes() == content


def test_no_new_file_is_made_beside_the_log_of_a_moved_one(tmp_path: Path) -> None:
    """A write-ahead log without its file means that the file was moved: both stay as they are."""
    path = tmp_path / "invsync.db"
    rest = tmp_path / "invsync.db-wal"
    rest.write_bytes(b"the last commits")
    assert "invsync.db-wal beside it does" in refused(f"sqlite:///{path}")
    assert rest.read_bytes() == b"the last commits"
    assert not path.exists()


def test_a_damaged_file_is_told_so(tmp_path: Path) -> None:
    """A file whose pages were overwritten is told to be damaged, with what to do."""
    path = made(tmp_path)
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)
    said = refused(f"sqlite:///{path}")
    assert "damaged" in said
    assert "backup" in said


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file of a later invsync is left as it is."""
    path = made(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "newer than this invsync (revision 9999). Update invsync." in refused(
        f"sqlite:///{path}"
    )
    with pytest.raises(NewerSchema):
        Store(f"sqlite:///{path}").migrate()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_read_only_file_is_told_so(open_folder: Path) -> None:
    """A file that we may read and not write is named, with who must be let in."""
    path = made(open_folder)
    for one in open_folder.iterdir():
        one.chmod(0o444)
    open_folder.chmod(0o555)
    try:
        said = refused(f"sqlite:///{path}", "-c", AS_NOBODY)
    finally:
        open_folder.chmod(0o755)
    assert str(path) in said
    assert "cannot be written" in said or "cannot be opened" in said


def test_a_folder_that_cannot_be_written_is_told_so(open_folder: Path) -> None:
    """No file yet, and no right to make one: the folder is named."""
    open_folder.chmod(0o555)
    try:
        said = refused(f"sqlite:///{open_folder}/invsync.db", "-c", AS_NOBODY)
    finally:
        open_folder.chmod(0o755)
    assert f"the folder {open_folder} cannot be written" in said


def test_a_disk_without_room_is_told_so(tmp_path: Path) -> None:
    """A start on a file that may not grow ends with what to do, and leaves no half table."""
    path = tmp_path / "invsync.db"
    store = Store(f"sqlite:///{path}", [KEY])
    store.database.may_create = True
    with store.database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=20")
    with pytest.raises(Unavailable, match="disk of the database is full") as told:
        store.migrate()
    assert "Make room" in str(told.value)
    with store.database.read() as connection:
        assert not sa.inspect(connection).get_table_names()
    store.close()


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    """A PostgreSQL that nobody answers at is named; its password is not shown."""
    del tmp_path
    said = refused("postgresql+psycopg://invsync:s3cret@127.0.0.1:9/books")
    assert "127.0.0.1, database books" in said
    assert "s3cret" not in said


def test_a_lock_file_that_cannot_be_opened_is_told_so(tmp_path: Path) -> None:
    """`serve` says which file keeps it from knowing that it is the only one."""
    (tmp_path / "invsync.db.lock").mkdir()
    url = f"sqlite:///{tmp_path}/invsync.db"
    with (
        pytest.raises(WrongUse, match=r"\.lock cannot be opened: Is a directory"),
        alone(url),
    ):
        pass


def test_network_disks_are_known_by_the_table_of_mounts() -> None:
    """The mount that holds the file decides, the innermost one; blanks in names are understood."""
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\n"
        "nas:/vol /srv/data nfs4 rw 0 0\n"
        "/dev/sdb1 /srv/data/local xfs rw 0 0\n"
        "//nas/share /mnt/my\\040share cifs rw 0 0\n"
    )
    kinds = {
        "/var/lib/invsync.db": None,
        "/srv/data/invsync.db": "nfs4",
        "/srv/data/local/invsync.db": None,
        "/srv/database/invsync.db": None,
        "/mnt/my share/invsync.db": "cifs",
    }
    assert {path: network_disk(Path(path), mounts) for path in kinds} == kinds


def test_a_wrong_statement_is_no_trouble_of_the_database(tmp_path: Path) -> None:
    """A bug of ours stays what it is: neither repeated nor told as the disk's fault."""
    store = Store(f"sqlite:///{made(tmp_path)}")
    with pytest.raises(sa.exc.OperationalError) as bug, store.database.write() as connection:
        connection.exec_driver_sql("SELEKT 1")
    assert trouble_of(bug.value) is None
    store.close()
