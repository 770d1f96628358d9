"""Our key of a document: the same for ever, whatever is tried, renamed or restarted."""

from sync.documents import Kind


def key_of(system: str, account: str, kind: Kind, source_id: str) -> str:
    """Return the key that every create of this document carries and every look-up asks for.

    `account` is what the system calls its company, store or site, never our name of the connection.
    """
    return f"v1:{system}:{account}:{kind.value}:{source_id}"
