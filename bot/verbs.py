"""The verbs of `/invsync`, in the order that help lists them (product, section 6)."""

from enum import StrEnum


class Verb(StrEnum):
    """What can be typed after `/invsync`."""

    STATUS = "status"
    """The card; also what the bare command shows."""

    LOG = "log"
    FAILED = "failed"
    CAUSES = "causes"
    SHOW = "show"
    RETRY = "retry"
    SYNC = "sync"
    FIX = "fix"
    SKIP = "skip"
    REOPEN = "reopen"
    LINK = "link"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    BACKFILL = "backfill"
    PRECHECK = "precheck"
    DIGEST = "digest"
    CONNECT = "connect"
    PAUSE = "pause"
    RESUME = "resume"
    HELP = "help"


class DigestWord(StrEnum):
    """What `digest` can be asked to do."""

    NOW = "now"
    PREVIEW = "preview"


STOP = "stop"
"""The word that ends a backfill."""

ROUTE = "route"
"""What names a route before the colon, for `sync`, `backfill` and `precheck`."""


class CauseFilter(StrEnum):
    """The filters of `causes`, as they are typed before the colon."""

    ERROR = "error"
    CAUSE = "cause"
    SKU = "sku"
    DEST = "dest"
    OWNER = "owner"


class FilterName(StrEnum):
    """The filters of `log` and `failed`, as they are typed before the colon."""

    STATUS = "status"
    TYPE = "type"
    ERROR = "error"
    CAUSE = "cause"
    SOURCE = "source"
    DEST = "dest"
    SINCE = "since"
    FROM = "from"
    TO = "to"


SHARE = "share"
"""The word that makes an answer visible to the whole channel."""
