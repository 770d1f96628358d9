"""What is wrong with the database itself, told apart from bugs, as one exception for all callers.

SQLite's result codes are those of https://sqlite.org/rescode.html, PostgreSQL's classes those of
appendix A of its manual. Everything else that a driver raises is a bug of ours and stays as it is.
"""

import errno
import os
import re
import sqlite3
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.url import URL


class Trouble(StrEnum):
    """Why the database takes or gives nothing."""

    BUSY = "busy"
    """Another process holds the lock for longer than we wait, or all connections are in use."""

    FULL = "full"
    READ_ONLY = "read_only"
    MISSING = "missing"
    """The file or its folder cannot be opened."""

    UNREADABLE = "unreadable"
    """The file is no database, or a damaged one."""

    OLD = "old"
    """Tables are missing: the file was replaced under a running process, perhaps by a backup."""

    BROKEN = "broken"
    """The disk reports an error."""

    AWAY = "away"
    """The server does not answer."""

    REFUSED = "refused"
    """The server answers, and lets us in nowhere."""

    NETWORK = "network"
    """The file stands on a disk of another machine."""


SAYS: dict[Trouble, tuple[str, str]] = {
    Trouble.BUSY: (
        "The database is locked by another process",
        "invsync tries again by itself; if it stays, end what holds it",
    ),
    Trouble.FULL: (
        "The disk of the database is full",
        "Make room; what waits goes on by itself",
    ),
    Trouble.READ_ONLY: (
        "The database cannot be written",
        "Let the user that runs invsync write the file and its folder",
    ),
    Trouble.MISSING: (
        "The database cannot be opened",
        "Correct INVSYNC_DATABASE_URL, or put file and folder where it says",
    ),
    Trouble.UNREADABLE: (
        "The file is no database, or it is damaged",
        "Put a backup in its place, or correct INVSYNC_DATABASE_URL; nothing was changed",
    ),
    Trouble.OLD: (
        "The database lacks tables of this invsync",
        "Start invsync anew, so that it brings them up to date",
    ),
    Trouble.BROKEN: (
        "The disk of the database reports an error",
        "Look at the disk before anything else; a backup of the file is wise",
    ),
    Trouble.AWAY: (
        "The database does not answer",
        "Start it or mend the way to it; what waits goes on by itself",
    ),
    Trouble.REFUSED: (
        "The database server refuses us",
        "Correct name and password in INVSYNC_DATABASE_URL, or create the database",
    ),
    Trouble.NETWORK: (
        "The database stands on a network disk, where SQLite's locks do not hold",
        "Move it to a disk of this machine, or use PostgreSQL",
    ),
}
"""What each is called, and what to do about it."""

_SQLITE = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_IOERR: Trouble.BROKEN,
    sqlite3.SQLITE_CORRUPT: Trouble.UNREADABLE,
    sqlite3.SQLITE_NOTADB: Trouble.UNREADABLE,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_CANTOPEN: Trouble.MISSING,
    sqlite3.SQLITE_PERM: Trouble.MISSING,
}
_DISK = {
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EROFS: Trouble.READ_ONLY,
    errno.EACCES: Trouble.READ_ONLY,
    errno.EPERM: Trouble.READ_ONLY,
    errno.EIO: Trouble.BROKEN,
}
_LACKING = ("no such table", "no such column", "has no column")
"""SQLite tells a missing table by words alone."""

_PRIMARY = 0xFF
"""The low byte of an extended result code is the code itself."""

_POSTGRESQL = {
    "08": Trouble.AWAY,
    "57P": Trouble.AWAY,
    "53100": Trouble.FULL,
    "53": Trouble.BUSY,
    "55P03": Trouble.BUSY,
    "40001": Trouble.BUSY,
    "40P01": Trouble.BUSY,
    "25006": Trouble.READ_ONLY,
    "25P03": Trouble.AWAY,
    "28": Trouble.REFUSED,
    "3D000": Trouble.REFUSED,
    "42P01": Trouble.OLD,
    "42703": Trouble.OLD,
    "XX001": Trouble.UNREADABLE,
    "58": Trouble.BROKEN,
}
"""By the beginning of the SQLSTATE; the longer one counts."""

_LOGIN = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf")
"""libpq tells a refused login by words alone."""

_OCTAL = re.compile(r"\\([0-7]{3})")
"""How /proc/mounts writes blanks in names."""

NETWORK_DISKS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gfs2", "ocfs2"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs2", "davfs"}
)


class Unavailable(Exception):
    """The database took or gave nothing: of what was asked, nothing is kept.

    One exception: where the connection broke at the commit itself, it may have been kept.
    """

    def __init__(self, trouble: Trouble, detail: str) -> None:
        what, step = SAYS[trouble]
        super().__init__(f"{what}: {detail}. {step}.")
        self.trouble = trouble


def unavailable(error: BaseException, url: URL) -> Unavailable | None:
    """Return the exception for what a driver raised; None where it is a bug of ours."""
    trouble = trouble_of(error)
    return Unavailable(trouble, _detail(trouble, url)) if trouble else None


def trouble_of(error: BaseException) -> Trouble | None:
    """Return what is wrong with the database; None where the error is about the statement."""
    if isinstance(error, sa.exc.TimeoutError):
        return Trouble.BUSY  # the pool's own: no connection came free
    if isinstance(error, sa.exc.DBAPIError):
        if not isinstance(error.orig, sqlite3.Error):
            return _of_server(error)
        return trouble_of(error.orig)
    if isinstance(error, OSError):
        return _DISK.get(error.errno or 0)
    if isinstance(error, sqlite3.Error):
        if str(error).startswith(_LACKING):
            return Trouble.OLD
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY)
    return None


def _of_server(error: sa.exc.DBAPIError) -> Trouble | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    for length in (5, 3, 2):
        if state[:length] in _POSTGRESQL:
            return _POSTGRESQL[state[:length]]
    if state or not (error.connection_invalidated or isinstance(error, sa.exc.OperationalError)):
        return None
    refused = any(word in str(error.orig) for word in _LOGIN)
    return Trouble.REFUSED if refused else Trouble.AWAY


def _detail(trouble: Trouble, url: URL) -> str:
    """Return which database it is, without its password, and what can be seen from outside."""
    path = file_of(url)
    if path is None:
        return f"{url.host or 'this machine'}, database {url.database}"
    return _why_closed(path) if trouble is Trouble.MISSING else str(path)


def _why_closed(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    if path.is_dir():
        return f"{path} is a folder, not a file"
    if not path.exists():
        writable = os.access(folder, os.W_OK | os.X_OK)
        return f"{path} does not exist" if writable else f"the folder {folder} cannot be written"
    return f"{path} cannot be opened by the user that runs invsync"


def file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for one in memory or on a server."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in {"", ":memory:"} or name.startswith("file:"):
        return None
    return Path(name).absolute()


def network_disk(path: Path, mounts: str) -> str | None:
    """Return the kind of network disk that `path` is on, by the text of /proc/mounts, or None."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        _device, point, found, *_rest = line.split(" ")
        where = Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), point))
        if path.is_relative_to(where) and len(where.parts) > best:
            best, kind = len(where.parts), found
    return kind if kind in NETWORK_DISKS else None
