"""Whether a document of the books is the one that a failed sync would have made: compared, told."""

import re
from collections.abc import Iterator
from dataclasses import replace

from sync.connectors.base import Destination, Parent, Source
from sync.documents import Booked, Document
from sync.errors import ErrorType, FixData
from sync.mending import NotDone, Why
from sync.records import Sync

_LAST_NUMBER = re.compile(r"(?<![0-9A-Za-z])([0-9]{1,30})(?![0-9A-Za-z])")


def rival_of(
    sync: Sync, source: Source, destination: Destination, parent: Parent | None, named: str
) -> Booked:
    """Return the document of the books that `named` means, once it agrees with the sync's.

    `parent` is the sale of a return. Raises NotDone, and ReadError where a system does not answer.
    """
    document = source.read(sync.source_id)
    if document.reverses_sale and parent and parent.total:
        document = replace(document, total=parent.total)
    matches = destination.find(sync.source_key, document, parent)
    if matches.ours:
        raise NotDone(Why.OURS, matches.ours.number or matches.ours.id)
    booked = _named(sync, destination, matches.foreign, named.strip())
    differs = "; ".join(_differs(document, booked, destination))
    if differs:
        raise NotDone(Why.DIFFERS, differs)
    return booked


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


def _differs(document: Document, booked: Booked, destination: Destination) -> Iterator[str]:
    """Yield in what the two do not agree: kind, key, currency, amount, order, date."""
    if booked.kind is not document.kind:
        yield f"it is a {booked.kind.value}, not a {document.kind.value}"
    if booked.key is not None:
        yield f"it was made for another document ({booked.key})"
    off = abs(booked.total.amount - document.total.amount)
    same_currency = booked.total.currency == document.total.currency
    if not same_currency or off > destination.tolerance(document).amount:
        yield f"{booked.total} there, {document.total} here"
    if booked.order_number is not None and booked.order_number != document.order.number:
        yield f"order {booked.order_number} there, {document.order.number} here"
    if booked.issued is not None and booked.issued != document.issued:
        yield f"dated {booked.issued} there, {document.issued} here"
