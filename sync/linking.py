"""Which document of the books stands for a failed sync, as a person named it, beside its own."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sync.comparing import Compared, compared
from sync.connectors.base import Destination, Parent, Source
from sync.documents import Booked, Unbooked
from sync.errors import ErrorType, FixData
from sync.mending import NotDone, Why
from sync.records import Sync

_LAST_NUMBER = re.compile(r"(?<![0-9A-Za-z])([0-9]{1,30})(?![0-9A-Za-z])")


def rival_of(
    sync: Sync, source: Source, destination: Destination, parent: Parent | None, named: str
) -> Compared:
    """Return the document of the books that `named` means, beside the sync's own.

    `parent` is the sale of a return. Raises NotDone where there is none or ours is there, and
    ReadError where a system does not answer.
    """
    document = source.read(sync.source_id)
    if document.reverses_sale and parent and parent.total:
        document = replace(document, total=parent.total)
    matches = destination.find(sync.source_key, document, parent)
    ours = matches.ours or _own(sync, destination)
    if ours:
        raise NotDone(Why.OURS, ours.number or ours.id)
    booked = _named(sync, destination, matches.foreign, named.strip())
    tolerance, found = destination.tolerance(document), booked == matches.foreign
    return compared(sync.id, document, booked, tolerance, found=found)


def _own(sync: Sync, destination: Destination) -> Booked | None:
    """Return the document that an attempt has created, whatever has become of its number since."""
    if not sync.destination_id:
        return None
    try:
        own = destination.read(sync.destination_id, sync.kind)
    except FixData as error:
        if error.failure.error_type is not ErrorType.NOT_FOUND:
            raise
        return None
    return None if own.state is Unbooked.VOIDED else own


def _named(sync: Sync, destination: Destination, foreign: Booked | None, named: str) -> Booked:
    """Return the document with this id, number or address; without one the order's own."""
    if foreign and named in {"", foreign.id, foreign.number, foreign.url}:
        return foreign
    if not named:
        raise NotDone(Why.NO_RECORD)
    for document_id in _ids(named):
        try:
            return destination.read(document_id, sync.kind)
        except FixData as error:
            if error.failure.error_type is not ErrorType.NOT_FOUND:
                raise
    raise NotDone(Why.GONE, named[:80])


def _ids(named: str) -> Iterator[str]:
    """Yield what may be the id: what was typed, or the last number of an address."""
    if "://" not in named:
        yield named
        return
    numbers = _LAST_NUMBER.findall(named.partition("://")[2])
    yield from numbers[-1:]
