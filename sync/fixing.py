"""Fixes: what a person does to be rid of a cause, each with its deed, its receipt and a look after.

A fix changes data or keeps a choice; it sends no document. Every deed may be repeated: the same
receipt has one effect, and what it asks of a system is harmless when asked twice.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from sync.causes import Cause, DeedKind
from sync.clock import Clock
from sync.connectors.base import NEW_PRODUCTS, Choice, Destination, Good, Kept, Source
from sync.documents import Line
from sync.errors import ErrorType, ReadError
from sync.linking import rival_of
from sync.mending import (
    LONGEST_KEY,
    MAPS,
    Done,
    NewProduct,
    NotDone,
    Why,
    email_of,
    offers_of,
    reason_of,
    told,
)
from sync.money import Money
from sync.nearness import Nearness, nearest
from sync.probing import Probing
from sync.records import Actor, Sync
from sync.states import Status
from sync.store import Store
from sync.store.choices import EMAIL
from sync.store.decisions import Held, NotFailed, Said
from sync.suggesting import suggestions
from sync.times import Times
from sync.worker import parent_of

MOST_BESIDE = 5


class Ends(Protocol):
    """Opens the two ends of a route."""

    def ends_of(self, route_id: int) -> tuple[Source, Destination]:
        """Return source and destination of a route."""
        ...


class Fixing:
    """Does what people decide about causes; calls systems, so never inside a listener.

    Every deed raises NotDone where it was not done. `woken` is told when work lies ready.
    """

    def __init__(
        self,
        store: Store,
        opener: Ends,
        probing: Probing,
        clock: Clock,
        times: Times,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._opener = opener
        self._probing = probing
        self._clock = clock
        self._times = times
        self._woken = woken

    # --- what can be done ----------------------------------------------------------------------

    def offers(self, cause: Cause) -> Sequence[DeedKind]:
        """Return what would mend a cause here, the likeliest first; calls nothing."""
        sync = self._newest(cause)
        if sync is None:
            return ()
        _, destination = self._opener.ends_of(sync.route_id)
        return offers_of(cause, destination.keeps, shared_sku=self._shares_sku(cause, sync))

    def beside(self, cause: Cause) -> Sequence[tuple[Cause, int]]:
        """Return what else stops documents of this cause, with how many, most first."""
        found = self._store.decisions.beside(cause.id, MOST_BESIDE)
        known = self._store.causes.many([cause_id for cause_id, _ in found])
        return [(known[one], count) for one, count in found if one in known]

    def stopped(self, cause: Cause, most: int) -> Sequence[Sync]:
        """Return the newest documents that a cause stops."""
        ids = self._store.causes.syncs(cause.id, most)
        found = self._store.log.syncs(ids)
        return [found[one] for one in ids if one in found]

    def suggest(self, cause: Cause, term: str) -> Sequence[tuple[Choice, Nearness | None]]:
        """Return records to choose from that fit `term`, those nearest to the cause's key first.

        Within two seconds; what the system does not answer is left out. The nearest SKU is kept
        with the cause, for whoever looks at it next.
        """
        kept = next((MAPS[kind] for kind in self.offers(cause) if kind in MAPS), None)
        sync = self._newest(cause)
        if kept is None or sync is None:
            return ()
        _, destination = self._opener.ends_of(sync.route_id)
        found = suggestions(destination, kept, cause.key, term)
        seen = [one.code for one, _ in found if one.code]
        near = nearest(cause.key, [*seen, cause.near] if term.strip() else seen)
        if near and kept is Kept.PRODUCT:
            self._store.causes.come_near(cause.id, near, self._clock.now())
        return found

    def suggest_accounts(self, cause: Cause, term: str) -> Sequence[tuple[Choice, Nearness | None]]:
        """Return active income accounts that fit `term`, for the new product; within 2 s."""
        sync = self._newest(cause)
        if sync is None or self.account(cause) is None:
            return ()
        _, destination = self._opener.ends_of(sync.route_id)
        return suggestions(destination, Kept.INCOME, "", term)

    def chosen(self, cause: Cause) -> str:
        """Return what a person chose before to stand for the cause's key, or nothing."""
        kinds = (MAPS[kind] for kind in self.offers(cause) if kind in MAPS)
        labels = (self._store.choices.label(cause.lane, kind, cause.key) for kind in kinds)
        return next((label for label in labels if label), "")

    def account(self, cause: Cause) -> str | None:
        """Return which income account was chosen for new products, or nothing; calls nothing.

        None where products of the destination have no account of their own.
        """
        sync = self._newest(cause)
        if sync is None:
            return None
        _, destination = self._opener.ends_of(sync.route_id)
        if Kept.INCOME not in destination.keeps:
            return None
        return self._store.choices.label(cause.lane, Kept.INCOME, NEW_PRODUCTS) or ""

    # --- mending -------------------------------------------------------------------------------

    def give_email(
        self, cause_id: int, email: str, by: Actor, receipt: str | None, *, here: bool = False
    ) -> Done:
        """Give the cause's customer an e-mail: in the source, or for this destination `here`."""
        kind = DeedKind.EMAIL_HERE if here else DeedKind.EMAIL
        if again := self._again(kind, cause_id, receipt):
            return again
        email = email_of(email)
        cause, sync = self._open(cause_id, kind)
        if here:
            self._keep(cause, EMAIL, cause.subject, email, email, by)
        else:
            source, _ = self._opener.ends_of(sync.route_id)
            with told():
                source.set_email(cause.subject, email)
        return self._done(kind, cause, by, receipt, email)

    def choose(self, cause_id: int, record_id: str, by: Actor, receipt: str | None) -> Done:
        """Let an active record of the destination stand for the cause's key."""
        if again := self._again(DeedKind.MAP_PRODUCT, cause_id, receipt):
            return again
        if not record_id:
            raise NotDone(Why.NO_RECORD)
        cause, sync = self._open(cause_id, *MAPS)
        kind = next(kind for kind in self.offers(cause) if kind in MAPS)
        _, destination = self._opener.ends_of(sync.route_id)
        with told():
            record = _active(destination.choice(MAPS[kind], record_id), record_id)
        label = _label(record)
        self._keep(cause, MAPS[kind].value, cause.key, record.id, label, by)
        return self._done(kind, cause, by, receipt, label)

    def create_product(
        self, cause_id: int, wanted: NewProduct, by: Actor, receipt: str | None
    ) -> Done:
        """Create the product with exactly the cause's SKU, or find that it is there.

        What is not given is taken from the newest document that sells it. An income account is
        kept as a choice of the whole destination: the next new product is booked on it too.
        """
        kind = DeedKind.CREATE_PRODUCT
        if again := self._again(kind, cause_id, receipt):
            return again
        cause, sync = self._open(cause_id, kind)
        _, destination = self._opener.ends_of(sync.route_id)
        with told():
            if wanted.account:
                self._book_on(cause, destination, wanted.account, by)
            good = self._good(cause, sync, " ".join(wanted.name.split()), wanted.price)
            record = destination.create_product(good)
        _active(record, good.sku)
        if self._store.choices.get(cause.lane, Kept.PRODUCT, cause.key):  # of a record that is gone
            self._keep(cause, Kept.PRODUCT, cause.key, record.id, _label(record), by)
        return self._done(kind, cause, by, receipt, _label(record))

    # --- deciding ------------------------------------------------------------------------------

    def link(
        self,
        sync_id: int,
        named: str,
        by: Actor,
        receipt: str | None,
        cause_id: int | None = None,
        *,
        seen: str = "",
    ) -> Done:
        """Let a document that is in the books be this failed one, once both were compared.

        `named` is its id, its number or its address; empty: the one that holds the order number.
        `seen` is what somebody confirmed although it differs (`Compared.seen`): it must still be
        what differs.
        """
        if again := self._again(DeedKind.LINK, cause_id, receipt):
            return again
        sync, now = self._linkable(sync_id), self._clock.now()
        source, destination = self._opener.ends_of(sync.route_id)
        with told():
            both = rival_of(sync, source, destination, parent_of(self._store, sync), named)
        holder = self._store.decisions.holder(sync, both.booked)
        if holder is not None:
            raise NotDone(Why.HELD, self._number(holder))
        if both.refused or both.seen not in {"", seen}:
            raise NotDone(Why.DIFFERS if both.refused else Why.DOUBTFUL, both.said, both)
        try:
            self._store.decisions.link(sync, both, cause_id, Said(by, now, receipt))
        except Held as held:
            raise NotDone(Why.HELD, self._number(held.sync_id)) from held
        except NotFailed:
            self._linkable(sync_id)
            raise NotDone(Why.BUSY) from None  # it was tried meanwhile, and has failed again
        self._woken()
        named = both.booked.number or both.booked.id
        return Done(DeedKind.LINK, self._cause(cause_id), None, named)

    def skip(self, sync_id: int, reason: str, by: Actor, receipt: str | None) -> Done:
        """Decide that a failed document is never synced, and say why."""
        said = Said(by, self._clock.now(), receipt)
        try:
            new = self._store.decisions.skip(sync_id, reason_of(reason), said)
        except NotFailed:
            raise NotDone(Why.NOT_FAILED, self._number(sync_id)) from None
        self._woken()
        return Done(DeedKind.SKIP, None, None, self._number(sync_id), again=not new)

    def skip_cause(self, cause_id: int, reason: str, by: Actor, receipt: str | None) -> Done:
        """Decide that no document that this cause stops now is ever synced, and say why."""
        said = Said(by, self._clock.now(), receipt)
        reason, before = reason_of(reason), self._store.decisions.taken(receipt)
        if before is None:
            self._standing(cause_id)
        count = self._store.decisions.skip_all(cause_id, reason, said)
        self._woken()
        again = before is not None
        return Done(DeedKind.SKIP, self._cause(cause_id), None, count=count, again=again)

    def reopen(self, sync_id: int, by: Actor, receipt: str | None) -> Done:
        """Send a skipped document to its lane after all."""
        said = Said(by, self._clock.now(), receipt)
        try:
            new = self._store.decisions.reopen(sync_id, self._times.settling, said)
        except NotFailed:
            raise NotDone(Why.NOT_SKIPPED, self._number(sync_id)) from None
        self._woken()
        return Done(DeedKind.REOPEN, None, None, self._number(sync_id), again=not new)

    def assign(self, cause_id: int, owner: Actor | None, by: Actor, receipt: str | None) -> Done:
        """Give a cause to somebody, or to nobody."""
        if again := self._again(DeedKind.ASSIGN, cause_id, receipt):
            return again
        self._standing(cause_id)
        said = Said(by, self._clock.now(), receipt)
        self._store.decisions.assign(cause_id, owner, said)
        self._woken()
        return Done(DeedKind.ASSIGN, self._cause(cause_id), None, owner.name if owner else "")

    def snooze(self, cause_id: int, until: datetime | None, by: Actor, receipt: str | None) -> Done:
        """Let a cause rest until then (UTC), or until it grows; None wakes it."""
        if again := self._again(DeedKind.SNOOZE, cause_id, receipt):
            return again
        cause, now = self._standing(cause_id), self._clock.now()
        if until is not None and until <= now:
            raise NotDone(Why.PAST)
        self._store.decisions.snooze(cause_id, until, cause.count, Said(by, now, receipt))
        self._woken()
        return Done(DeedKind.SNOOZE, self._cause(cause_id), None)

    # --- parts ---------------------------------------------------------------------------------

    def _again(self, kind: DeedKind, cause_id: int | None, receipt: str | None) -> Done | None:
        """Return what was done under this receipt before, or None."""
        before = self._store.decisions.taken(receipt)
        if before is None:
            return None
        cause = self._cause(cause_id)
        what = str(before.get("what") or before.get("name") or before.get("number") or "")
        return Done(kind, cause, cause.checked if cause else None, what, again=True)

    def _linkable(self, sync_id: int) -> Sync:
        """Return the failed document of which nothing is under way."""
        sync = self._store.log.sync(sync_id)
        if sync is None:
            raise NotDone(Why.UNKNOWN)
        if sync.status is not Status.FAILED:
            raise NotDone(Why.NOT_FAILED, sync.number)
        if sync.sent_at and self._clock.now() < sync.sent_at + self._times.settling:
            raise NotDone(Why.UNSETTLED)
        return sync

    def _standing(self, cause_id: int) -> Cause:
        cause = self._cause(cause_id)
        if cause is None:
            raise NotDone(Why.UNKNOWN)
        if not cause.open:
            raise NotDone(Why.CLOSED)
        return cause

    def _open(self, cause_id: int, *kinds: DeedKind) -> tuple[Cause, Sync]:
        """Return the cause and its newest document, where one of `kinds` mends it."""
        cause = self._standing(cause_id)
        sync = self._newest(cause)
        if sync is None:
            raise NotDone(Why.CLOSED)
        if not set(kinds) & set(self.offers(cause)):
            raise NotDone(Why.NOT_HERE)
        return cause, sync

    def _book_on(self, cause: Cause, destination: Destination, account_id: str, by: Actor) -> None:
        """Keep on which income account new products are booked from now on."""
        account = _active(destination.choice(Kept.INCOME, account_id), account_id)
        self._keep(cause, Kept.INCOME, NEW_PRODUCTS, account.id, _label(account), by)

    def _keep(self, cause: Cause, kind: str, key: str, value: str, label: str, by: Actor) -> None:
        now = self._clock.now()
        self._store.choices.put(cause.lane, kind, key, value, label[:LONGEST_KEY], by, now)

    def _done(
        self, kind: DeedKind, cause: Cause, by: Actor, receipt: str | None, what: str
    ) -> Done:
        """Write the deed down, and look anew whether the cause is gone."""
        now, causes = self._clock.now(), self._store.causes
        new = self._store.deeds.add(
            kind, by, now, cause_id=cause.id, detail={"what": what}, receipt=receipt
        )
        causes.doubt(cause.id, now)
        checked = self._probing.check(causes.get(cause.id) or cause, anew=True)
        self._woken()
        return Done(kind, causes.get(cause.id), checked, what, again=not new)

    def _good(self, cause: Cause, sync: Sync, name: str, price: Money | None) -> Good:
        if name and price:
            return Good(cause.key, name, price)
        try:
            line, currency = self._line(cause, sync)
        except ReadError:
            if not name:
                raise
            return Good(cause.key, name, price)
        usual = Money.of(line.unit_price, currency) if line and line.unit_price > 0 else None
        return Good(cause.key, name or (line.name if line else cause.key), price or usual)

    def _line(self, cause: Cause, sync: Sync) -> tuple[Line | None, str]:
        source, _ = self._opener.ends_of(sync.route_id)
        document = source.read(sync.source_id)
        sold = (line for line in document.lines if line.sku == cause.key)
        return next(sold, None), document.total.currency

    def _shares_sku(self, cause: Cause, sync: Sync) -> bool:
        """Tell whether it is an SKU that several products share: the reason names it."""
        if cause.error_type is not ErrorType.CONFLICT or not cause.key:
            return False
        story = self._store.log.story(sync.id)
        blockers = story.blockers if story else ()
        same = [one.reason for one in blockers if one.key == cause.key]
        return any(f"SKU {cause.key}" in reason for reason in same)

    def _newest(self, cause: Cause) -> Sync | None:
        return next(iter(self.stopped(cause, 1)), None)

    def _cause(self, cause_id: int | None) -> Cause | None:
        return self._store.causes.get(cause_id) if cause_id is not None else None

    def _number(self, sync_id: int) -> str:
        sync = self._store.log.sync(sync_id)
        return sync.number if sync else str(sync_id)


def _active(record: Choice | None, record_id: str) -> Choice:
    if record is None:
        raise NotDone(Why.GONE, record_id)
    if not record.active:
        raise NotDone(Why.INACTIVE, record.name)
    return record


def _label(record: Choice) -> str:
    return f"{record.name} ({record.code})" if record.code else record.name
