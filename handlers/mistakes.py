"""What ends a command of the terminal, as a sentence with the next step; never a traceback."""

from bot.settings import EXAMPLES, SettingsError
from handlers.commandline import WrongUse
from sync.connectors.registry import UnknownSystem
from sync.engine import OtherAccount
from sync.errors import ReadError
from sync.store import BadCursor, NewerSchema, NoKey, Unavailable
from sync.systems import TITLES
from sync.times import UnsafeTimes

MISTAKES = (
    WrongUse,
    SettingsError,
    UnsafeTimes,
    OtherAccount,
    UnknownSystem,
    ReadError,
    NoKey,
    BadCursor,
    NewerSchema,
    Unavailable,
)
"""Every way in which a command can be wrong through what it was given."""


def sentence_of(error: Exception) -> str:
    """Return what to tell whoever typed the command."""
    match error:
        case OtherAccount():
            return f"{error}. Choose another --name for what is not the same account."
        case UnknownSystem():
            return f"There is no system {error}. Known: {', '.join(TITLES)}."
        case ReadError():
            return f"{error}. Check the address and the token."
        case NoKey():
            return _no_key(str(error))
        case BadCursor():
            return f"{error} is no cursor. Leave --cursor out to begin at the newest."
        case NewerSchema():
            return f"The database is newer than this invsync (revision {error}). Update invsync."
        case _:
            return str(error)


def _no_key(connection: str) -> str:
    example = f"INVSYNC_SECRET_KEYS={EXAMPLES['INVSYNC_SECRET_KEYS']}"
    if connection:
        return (
            f"No key in INVSYNC_SECRET_KEYS reads the credentials of {connection}. "
            "Add the key they were written with; nothing was changed."
        )
    return f"Credentials are kept encrypted. Example: {example}"
