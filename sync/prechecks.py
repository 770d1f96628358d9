"""Prechecks at work: a source's goods are looked for in the destination before an invoice fails.

A precheck is a row that one process at a time holds by its lease. Looking is read-only and begins
anew where it was interrupted; creating goes on with what was not made yet, and a product is made
once, however often it is asked for.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, Protocol, TypeVar

import structlog

from sync.causes import DeedKind
from sync.clock import Clock
from sync.connectors.base import Choice, Destination, Good, Kept, Source
from sync.connectors.transport import within
from sync.crew import Crew, Left, Work
from sync.errors import ErrorType, Failure, FixData, ReadError, TryLater
from sync.mending import LONGEST_KEY
from sync.nearness import alike, nearest, plain
from sync.precheck import (
    MOST_FINDINGS,
    Finding,
    Found,
    NearMatch,
    Precheck,
    PrecheckState,
)
from sync.records import Actor, Route
from sync.store import Store
from sync.times import Times

LEASE = timedelta(minutes=5)
"""One search of a large destination, at its pace, may take minutes."""

AT_ONCE = 50
"""Goods that are looked for together; a destination asks for them in portions of its own."""

SAVED_EACH = timedelta(seconds=2)
SEARCH_SECONDS = 20.0
TRIES = 5
"""How often a system that asks to wait is asked again, before the precheck ends with its reason."""

LONGEST_WAIT = timedelta(minutes=1)
MOST_NEAR = 3
PIECES = 2
"""How many parts of a code are searched for: a look-alike letter spoils one of them at most."""

_PIECE = re.compile(r"[^\W_]{2,}")
NAMED = "name"
"""Why of a record without a code that has the missing product's name."""

HELD = "The connection is held: documents wait for it, and nothing is asked of it until it opens"

ResultT = TypeVar("ResultT")
log = structlog.get_logger("prechecks")


class _Held(Exception):
    """The connection is held: nothing may be asked of it."""


class _Stopped(Exception):
    """Somebody asked that it ends."""


class Ends(Protocol):
    """Opens the two ends of a route."""

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return source and destination of a route."""
        ...


class Prechecks(Crew[Precheck]):
    """The prechecks of all routes."""

    def __init__(self, store: Store, opener: Ends, clock: Clock, times: Times) -> None:
        self.store = store
        self.rows = store.prechecks
        super().__init__("precheck", self.rows, clock, times.tick, LEASE)
        self.opener = opener
        self.times = times

    def work_on(self, row: Precheck) -> Work:
        """Return the work at a precheck."""
        return _Check(self, row)

    # --- the door --------------------------------------------------------------------------------

    def begin(
        self,
        route: Route,
        by: Actor,
        receipt: str | None = None,
        message: dict[str, Any] | None = None,
    ) -> Precheck:
        """Write a precheck down; it begins soon. `message` is kept for the surface.

        A receipt that was given before changes nothing. Raises RunningAlready.
        """
        begun = self.rows.begin(route, by, receipt, self.clock.now(), message)
        self.ring()
        return begun

    def create(self, precheck_id: int, by: Actor, receipt: str | None = None) -> Precheck | None:
        """Create all goods that nothing in the destination looks like, one after the other.

        None where there is no such precheck. Raises RunningAlready, NothingToCreate.
        """
        creating = self.rows.create(precheck_id, by, receipt)
        self.ring()
        return creating

    def stop(self, precheck_id: int) -> Precheck | None:
        """Let it end at its next step; returns it as it stands, or None."""
        stopping = self.rows.stop(precheck_id)
        self.ring()
        return stopping


class _Check:
    """One thread's way through one precheck."""

    def __init__(self, home: Prechecks, precheck: Precheck) -> None:
        self._home = home
        self._precheck = precheck
        self._found = Found(precheck.looked, precheck.missing, precheck.findings)
        self._saved_at = home.clock.now() - SAVED_EACH
        self._searched: dict[str, Sequence[Choice]] = {}

    def run(self) -> None:
        """Work until the end, a refusal or a stop. Raises Left."""
        creating = self._precheck.state is PrecheckState.CREATING
        try:
            self._save()
            source, destination = self._home.opener.ends_of(self._precheck.route_id)
            if creating:
                self._create(destination)
            else:
                self._look(source, destination)
            self._end(PrecheckState.CREATED if creating else PrecheckState.LOOKED, None)
        except _Stopped:
            self._end(PrecheckState.STOPPED, None)
        except _Held:
            self._end(PrecheckState.FAILED, HELD)
        except ReadError as error:
            if self._home.ended:  # no trouble of the system: the next process goes on at once
                self._home.rows.give(self._precheck)
            else:
                self._end(PrecheckState.FAILED, error.failure.reason)

    # --- looking ---------------------------------------------------------------------------------

    def _look(self, source: Source, destination: Destination) -> None:
        self._found = Found()
        goods = self._patiently(lambda: self._goods(source))
        for start in range(0, len(goods), AT_ONCE):
            self._look_for(goods[start : start + AT_ONCE], destination)
            self._save()

    def _look_for(self, goods: Sequence[Good], destination: Destination) -> None:
        skus = [good.sku for good in goods]
        stops = {stop.key: stop for stop in self._patiently(lambda: destination.stops(skus))}
        self._found = replace(self._found, looked=self._found.looked + len(goods))
        for good in goods:
            if good.sku in stops:
                self._add(good, stops[good.sku], destination)

    def _goods(self, source: Source) -> list[Good]:
        """Return what the source sells, each SKU once."""
        goods: dict[str, Good] = {}
        for good in source.goods():
            goods.setdefault(good.sku, good)
            self._goes_on()
        return list(goods.values())

    def _add(self, good: Good, stop: Failure, destination: Destination) -> None:
        found = self._found
        self._found = replace(found, missing=found.missing + 1)
        if len(found.findings) >= MOST_FINDINGS:
            return
        finding = Finding(good.sku, good.name, good.price, stop.error_type, stop.reason)
        if stop.error_type is ErrorType.SKU_NOT_FOUND:
            near = list(islice(self._near(good, destination), MOST_NEAR))
            finding = replace(finding, near=near)
            self._come_near(finding)
        self._found = replace(self._found, findings=[*found.findings, finding])
        self._goes_on()

    def _near(self, good: Good, destination: Destination) -> Iterator[NearMatch]:
        """Yield what the eye may take for the good: other codes that look the same, or its name.

        A code that is only similar, such as the next number of a series, is another product.
        """
        pieces = sorted(dict.fromkeys(_PIECE.findall(plain(good.sku))), key=len, reverse=True)
        terms = dict.fromkeys((*pieces[:PIECES], good.name))
        seen: set[str] = set()
        for term in terms:
            for choice in self._choices(destination, term):
                why = _why(good, choice)
                if why and choice.id not in seen:
                    seen.add(choice.id)
                    yield NearMatch(choice.id, choice.name, choice.code, why)

    def _come_near(self, finding: Finding) -> None:
        """Let what failed for the SKU already show what was found near it."""
        code = nearest(finding.sku, [near.code for near in finding.near if near.code])
        for cause_id in self._causes_of(finding) if code else ():
            self._home.store.causes.come_near(cause_id, code, self._home.clock.now())

    def _choices(self, destination: Destination, term: str) -> Sequence[Choice]:
        if not term.strip() or Kept.PRODUCT not in destination.keeps:
            return ()
        if term not in self._searched:
            self._searched[term] = self._patiently(lambda: _search(destination, term))
        return self._searched[term]

    # --- creating --------------------------------------------------------------------------------

    def _create(self, destination: Destination) -> None:
        for finding in self._precheck.creatable:
            self._goes_on()
            self._make(finding, destination)
            self._save()

    def _make(self, finding: Finding, destination: Destination) -> None:
        """Create one of them; what the destination refuses does not hinder the others."""
        try:
            made = self._patiently(lambda: destination.create_product(finding.good))
        except FixData as error:
            self._settle(replace(finding, refused=error.failure.reason))
            return
        if made.active:
            self._settle(replace(finding, made=made.id, refused=None))
            self._replace(finding, made)
            self._told(finding, made)
        else:
            self._settle(replace(finding, refused=f"{made.name} is switched off there"))

    def _settle(self, finding: Finding) -> None:
        findings = [finding if one.sku == finding.sku else one for one in self._found.findings]
        self._found = replace(self._found, findings=findings)

    def _told(self, finding: Finding, made: Choice) -> None:
        """Write down who made it, and let what failed for its SKU be looked at anew."""
        home, precheck, now = self._home, self._precheck, self._home.clock.now()
        causes = self._causes_of(finding)
        home.store.deeds.add(
            DeedKind.CREATE_PRODUCT,
            precheck.creator or precheck.by,
            now,
            cause_id=next(iter(causes), None),
            detail={"what": f"{made.name} ({finding.sku})", "precheck": precheck.id},
            receipt=f"precheck:{precheck.id}:{made.id}",
        )
        for cause_id in causes:
            home.store.causes.doubt(cause_id, now)

    def _replace(self, finding: Finding, made: Choice) -> None:
        """Let it stand for its SKU where a record that is gone was chosen for that."""
        choices, precheck = self._home.store.choices, self._precheck
        whose = precheck.destination, Kept.PRODUCT, finding.sku
        if choices.get(*whose):
            by = precheck.creator or precheck.by
            label = f"{made.name} ({finding.sku})"[:LONGEST_KEY]
            choices.put(*whose, made.id, label, by, self._home.clock.now())

    def _causes_of(self, finding: Finding) -> list[int]:
        """Return the open causes that its SKU is missing."""
        return [
            one.id
            for one in self._home.store.causes.open()
            if one.error_type is ErrorType.SKU_NOT_FOUND
            and (one.lane, one.key) == (self._precheck.destination, finding.sku)
        ]

    # --- keeping on ------------------------------------------------------------------------------

    def _patiently(self, ask: Callable[[], ResultT]) -> ResultT:
        """Ask until the system answers; raises what it says where it asks to wait for too long."""
        tries = 0
        while True:
            try:
                return ask()
            except TryLater as error:
                tries += 1
                if tries >= TRIES or self._home.ended:
                    raise
                log.info("precheck waits", precheck=self._precheck.id, reason=error.failure.reason)
                self._wait(error, tries)

    def _wait(self, error: TryLater, tries: int) -> None:
        doubled = timedelta(seconds=self._home.times.retry_base * 2**tries)
        until = self._home.clock.now() + min(error.wait or doubled, LONGEST_WAIT)
        while self._home.clock.now() < until:
            self._save()
            self._home.rest()

    def _goes_on(self) -> None:
        """Keep what was found, now and then. Raises as `_save`."""
        if self._home.clock.now() >= self._saved_at + SAVED_EACH:
            self._save()

    def _save(self) -> None:
        """Keep what was found and the lease. Raises Left, _Stopped, _Held."""
        home, now = self._home, self._home.clock.now()
        if home.ended:
            home.rows.give(self._precheck)
            raise Left
        beaten = home.rows.beat(self._precheck, self._found, now + LEASE)
        if beaten is None:
            raise Left
        self._precheck, self._saved_at = beaten, now
        if beaten.stopping:
            raise _Stopped
        if home.store.lanes.is_held(beaten.destination):
            raise _Held

    def give_up(self, reason: str) -> None:
        """End the precheck, which a bug of ours broke off."""
        self._end(PrecheckState.FAILED, reason)

    def _end(self, state: PrecheckState, reason: str | None) -> None:
        """Keep what was found last, and end."""
        home, now = self._home, self._home.clock.now()
        if home.rows.beat(self._precheck, self._found, now + LEASE):
            home.rows.end(self._precheck, state, reason, now)


def _search(destination: Destination, term: str) -> Sequence[Choice]:
    with within(SEARCH_SECONDS):
        return destination.choices(Kept.PRODUCT, term)


def _why(good: Good, choice: Choice) -> str | None:
    """Return why a record looks like the good, as a code, or None where it does not."""
    if not choice.code:
        return NAMED if plain(choice.name) == plain(good.name) else None
    found = alike(good.sku, choice.code)
    return found.value if found else None
