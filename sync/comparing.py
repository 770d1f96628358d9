"""A document of a source beside one of the books: what agrees, what a person may confirm, what not.

Amount and currency must agree, for a link makes a document of the books stand for a sale. Order and
day may differ where somebody typed it by hand: that is shown side by side and confirmed knowingly.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sync.documents import Booked, Document, Kind, Unbooked
from sync.money import Money


class Part(StrEnum):
    """What is compared."""

    KIND = "kind"
    OWNER = "owner"
    """Whether it was made for another document of ours."""

    STATE = "state"
    """Whether it stands in the books: a draft and a voided document do not."""

    AMOUNT = "amount"
    ORDER = "order"
    DAY = "day"


TO_CONFIRM = frozenset({Part.ORDER, Part.DAY})
"""What a person may confirm although it differs."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing, as the source and as the destination have it; empty where one does not tell it."""

    part: Part
    here: str
    there: str
    same: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Two documents side by side: `called` is the source's, `booked` that of the books."""

    sync_id: int
    called: str
    customer: str
    booked: Booked
    pairs: Sequence[Pair]

    @property
    def differs(self) -> Sequence[Pair]:
        """Return what does not agree."""
        return [pair for pair in self.pairs if not pair.same]

    @property
    def refused(self) -> bool:
        """Whether nobody may link them."""
        return any(pair.part not in TO_CONFIRM for pair in self.differs)

    @property
    def seen(self) -> str:
        """Return what a person confirms, in short: what differs now, of this very document."""
        shown = [f"{pair.part}\n{pair.here}\n{pair.there}" for pair in self.differs]
        whole = "\n\n".join([self.booked.id, *shown])
        return hashlib.sha256(whole.encode()).hexdigest()[:16] if shown else ""

    @property
    def said(self) -> str:
        """Return what differs, in a sentence for the log."""
        return "; ".join(_said(pair) for pair in self.differs)


_WORDS = {
    Part.OWNER: "it was made by invsync for another document",
    Part.AMOUNT: "{pair.there} there, {pair.here} here",
    Part.ORDER: "order {pair.there} there, {pair.here} here",
    Part.DAY: "dated {pair.there} there, {pair.here} here",
}
_KINDS = {Kind.INVOICE: "an invoice", Kind.RETURN: "a return"}
_STATES = {Unbooked.DRAFT: "a draft", Unbooked.VOIDED: "voided"}


def _said(pair: Pair) -> str:
    if pair.part is Part.KIND:
        return f"it is {_KINDS[Kind(pair.there)]}, not {_KINDS[Kind(pair.here)]}"
    if pair.part is Part.STATE:
        return f"it is {_STATES[Unbooked(pair.there)]}, so it does not stand in the books"
    if pair.part is Part.ORDER and not pair.there:
        return f"no order number there, {pair.here} here"
    return _WORDS[pair.part].format(pair=pair)


def compared(
    sync_id: int, document: Document, booked: Booked, tolerance: Money, *, found: bool = False
) -> Compared:
    """Return both side by side; totals agree up to `tolerance`, which taxes alone may make.

    `found`: the destination found it under the order's number, as it writes that itself.
    """
    off = abs(booked.total.amount - document.total.amount)
    same_currency = booked.total.currency == document.total.currency
    agree = same_currency and off <= tolerance.amount
    here, there = document.order.number, booked.order_number
    same_order = found or there in {here, document.number} - {None}
    day = booked.issued
    pairs = [
        Pair(Part.AMOUNT, str(document.total), str(booked.total), agree),
        Pair(Part.ORDER, here, there or "", same_order),
        Pair(Part.DAY, str(document.issued), str(day or ""), day in {None, document.issued}),
    ]
    return Compared(
        sync_id,
        document.called,
        document.customer.name,
        booked,
        [*_never(document, booked), *pairs],
    )


def _never(document: Document, booked: Booked) -> Sequence[Pair]:
    """Return what rules a document out, whatever its figures say."""
    found = []
    if booked.kind is not document.kind:
        found.append(Pair(Part.KIND, document.kind.value, booked.kind.value, same=False))
    if booked.key is not None:
        found.append(Pair(Part.OWNER, "", booked.key, same=False))
    if booked.state is not None:
        found.append(Pair(Part.STATE, "", booked.state.value, same=False))
    return found
