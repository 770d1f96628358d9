"""Whether a cause is gone: asked of the systems, read-only, within two seconds, kept for a minute.

One look serves all documents of a cause. Where only a try can tell, it says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sync.causes import Cause, Checked, Verdict
from sync.clock import Clock
from sync.connectors.base import Destination, Source
from sync.connectors.transport import within
from sync.documents import Document
from sync.errors import HOLDING, ErrorType, Failure, ReadError
from sync.opener import Opener
from sync.records import Sync
from sync.store import Store
from sync.systems import title_of

SECONDS = 2.0
KEPT = timedelta(seconds=60)

OF_PRODUCTS = frozenset({ErrorType.SKU_NOT_FOUND, ErrorType.ITEM_INACTIVE})
OF_RIVALS = frozenset({ErrorType.CONFLICT, ErrorType.ALREADY_SYNCED})
OF_SOURCES = frozenset({ErrorType.NOT_FOUND, ErrorType.NOT_READY})
NOBODY_KNOWS = "Only a try can tell"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look told, in whose words, and the near code that its answer held."""

    verdict: Verdict
    reason: str
    near: str = ""


class Probing:
    """Looks whether causes are gone."""

    def __init__(self, store: Store, opener: Opener, clock: Clock) -> None:
        self._store = store
        self._opener = opener
        self._clock = clock

    def check(self, cause: Cause, *, anew: bool = False) -> Checked:
        """Return whether the cause is gone; a look of the last minute counts unless `anew`."""
        now = self._clock.now()
        if cause.checked and not anew and now < cause.checked.at + KEPT:
            return cause.checked
        try:
            with within(SECONDS):
                found = self._ask(cause)
        except ReadError as error:
            found = _Found(Verdict.UNSURE, error.failure.reason)
        checked = Checked(found.verdict, found.reason, self._clock.now())
        self._store.causes.judge(cause.id, checked, found.near)
        return checked

    def _ask(self, cause: Cause) -> _Found:
        if cause.error_type in HOLDING:
            return self._connection(cause)
        newest = self._store.causes.syncs(cause.id, 1)
        sync = self._store.log.sync(newest[0]) if newest else None
        if sync is None:
            return _Found(Verdict.UNSURE, NOBODY_KNOWS)
        source, destination = self._opener.ends_of(sync.route_id)
        if cause.error_type in OF_PRODUCTS and cause.key:
            return _judged(cause, destination.stops([cause.key]), foreseen=True)
        if cause.error_type is ErrorType.AMOUNT_MISMATCH and sync.destination_id:
            return _compared(sync, source, destination)
        return self._document(cause, sync, source, destination)

    def _document(
        self, cause: Cause, sync: Sync, source: Source, destination: Destination
    ) -> _Found:
        """Ask with the newest document that it stops."""
        document = self._store.choices.completed(sync.lane, source.read(sync.source_id))
        if cause.error_type in OF_SOURCES:
            return _Found(Verdict.GONE, f"{title_of(sync.source_system)} shows the document")
        foreseen = cause.error_type in destination.foresees
        found = _judged(cause, destination.blockers(document), foreseen=foreseen)
        if cause.error_type in OF_RIVALS and found.verdict is not Verdict.STILL:
            return _rival(sync, document, destination)
        return found

    def _connection(self, cause: Cause) -> _Found:
        """Ask whether the connection lets us in; its refusal is the answer."""
        connection = self._store.connections.get(cause.key)
        if connection is None:
            return _Found(Verdict.UNSURE, NOBODY_KNOWS)
        try:
            feeds = any(
                route.source.id == connection.id for route in self._store.connections.routes()
            )
            end = self._opener.source if feeds else self._opener.destination
            end(connection).check()
        except ReadError as error:
            refused = error.failure.error_type in HOLDING
            verdict = Verdict.STILL if refused else Verdict.UNSURE
            return _Found(verdict, error.failure.reason)
        return _Found(Verdict.GONE, f"{title_of(connection.system)} lets us in")


def _judged(cause: Cause, stops: Sequence[Failure], *, foreseen: bool) -> _Found:
    for one in stops:
        same_key = one.key == cause.key or (cause.subject and one.subject == cause.subject)
        if one.error_type is cause.error_type and same_key:
            return _Found(Verdict.STILL, one.reason, one.near)
    for one in stops:
        if one.key == cause.key:
            return _Found(Verdict.STILL, one.reason)
    if foreseen:
        return _Found(Verdict.GONE, f"{title_of(cause.system)} has no objection any more")
    return _Found(Verdict.UNSURE, NOBODY_KNOWS)


def _rival(sync: Sync, document: Document, destination: Destination) -> _Found:
    matches = destination.find(sync.source_key, document, None)
    if matches.ours or not matches.foreign:
        system = title_of(sync.destination_system)
        return _Found(Verdict.GONE, f"{system} holds no other document of it")
    rival = matches.foreign
    named = rival.number or rival.id
    return _Found(Verdict.STILL, f"{named} over {rival.total} is not ours: {rival.url}")


def _compared(sync: Sync, source: Source, destination: Destination) -> _Found:
    document = source.read(sync.source_id)
    booked = destination.read(sync.destination_id or "", sync.kind)
    differs = abs(booked.total.amount - document.total.amount)
    agree = booked.total.currency == document.total.currency
    if agree and differs <= destination.tolerance(document).amount:
        return _Found(Verdict.GONE, f"Both say {document.total} now")
    says = f"{title_of(sync.source_system)} says {document.total}"
    return _Found(
        Verdict.STILL, f"{says}, {title_of(sync.destination_system)} holds {booked.total}"
    )
