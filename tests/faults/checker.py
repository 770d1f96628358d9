"""What must hold after any run, judged from what is left behind.

Written apart from the engine and importing nothing of it: plain SQL over the tables, the rows of
the audit, and the ledgers that the fakes kept for themselves (`evidence`). The moves, the known
error types and the spans stand here once more, on purpose.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.evidence import Booking, Evidence, Press, Said, Sent

Row = Mapping[str, Any]
Query = Callable[[str], Sequence[Any]]
"""Asks in plain SQL and returns rows by column name."""


EDGES = {
    ("pending", "start"): "processing",
    ("processing", "succeed"): "success",
    ("processing", "fail"): "failed",
    ("processing", "postpone"): "pending",
    ("processing", "rescue"): "processing",
    ("failed", "retry"): "pending",
    ("pending", "hurry"): "pending",
    ("failed", "skip"): "skipped",
    ("failed", "link"): "success",
    ("skipped", "reopen"): "pending",
}
NEW_FENCE = frozenset({"start", "rescue"})
KNOWN_ERRORS = frozenset(
    {
        "sku_not_found",
        "item_inactive",
        "customer_email_missing",
        "customer_invalid",
        "customer_inactive",
        "name_conflict",
        "tax_not_mapped",
        "account_not_mapped",
        "currency_unsupported",
        "amount_mismatch",
        "field_invalid",
        "conflict",
        "already_synced",
        "period_closed",
        "prerequisite_pending",
        "unauthorized",
        "permission_denied",
        "account_suspended",
        "rate_limited",
        "destination_down",
        "stale",
        "outcome_unknown",
        "not_found",
        "not_ready",
        "compliance_rejected",
        "unknown",
    }
)
UNDER_WAY = frozenset({"queued", "hurried", "processing", "waits_for_connection"})
POST_LIFE = timedelta(hours=24)
"""What could not be said in Slack for a day is given up."""

LEASE, SETTLE, TICK = timedelta(seconds=40), timedelta(seconds=300), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, and by what."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


def check(query: Query, seen: Evidence) -> list[Violation]:
    """Return everything that is wrong; an empty list is the promise kept."""
    rows = {row["id"]: row for row in query("SELECT * FROM syncs")}
    audit = query("SELECT * FROM audit ORDER BY id")
    found = [
        *once(seen.bookings),
        *amounts(rows.values(), seen),
        *ended(rows.values(), seen),
        *edges(audit),
        *nothing_after_success(rows.values(), audit, seen.sent),
        *one_in_flight(seen.sent),
        *answered(query, rows, seen),
        *folds(rows, audit, query("SELECT sync_id, number FROM attempts")),
        *not_stuck(audit, seen),
        *patient(rows, audit, seen.sent),
        *digests(query("SELECT * FROM digests"), seen),
        *renewals(seen),
        *secrets(query, seen),
        *causes(query, rows),
    ]
    return list(found)


def once(bookings: Sequence[Booking]) -> Iterator[Violation]:
    """I1: per source document at most one destination document."""
    count: dict[tuple[str, str], int] = defaultdict(int)
    for one in bookings:
        count[one.source_id, one.kind] += 1
    for document, times in count.items():
        if times > 1:
            yield Violation("I1", f"{document} was booked {times} times")


def amounts(rows: Iterable[Row], seen: Evidence) -> Iterator[Violation]:
    """I2: a success agrees with its source and its booking, to the minor unit."""
    booked = {(one.source_id, one.kind): one for one in seen.bookings}
    for row in rows:
        document = (row["source_id"], row["kind"])
        if row["status"] != "success":
            continue
        entry, wanted = booked.get(document), seen.wanted[document]
        if entry is None:
            yield Violation("I2", f"{document} is a success and in no ledger")
        elif not (entry.minor, entry.currency) == wanted == (row["amount_minor"], row["currency"]):
            yield Violation("I2", f"{document}: wanted {wanted}, booked {entry.minor}")


def ended(rows: Iterable[Row], seen: Evidence) -> Iterator[Violation]:
    """I3: after the heal each document is a success, or failed with a known error.

    A return may wait for a sale that has failed.
    """
    if seen.ended_at is None:
        return
    rows = list(rows)
    known = {(row["source_id"], row["kind"]) for row in rows}
    sold = {row["order_id"]: row["status"] for row in rows if row["kind"] == "invoice"}
    for document in seen.wanted.keys() - known:
        yield Violation("I3", f"{document} was never found")
    for row in rows:
        waits = row["waiting_for"] == "prerequisite" and sold.get(row["order_id"]) != "success"
        shown = row["status"] == "failed" and row["error_type"] in KNOWN_ERRORS
        if not (row["status"] == "success" or shown or (row["status"] == "pending" and waits)):
            yield Violation("I3", f"{row['source_id']} ended as {row['status']} {row['reason']}")
        if shown and row["error_type"] != "amount_mismatch":
            yield Violation("I3", f"{row['source_id']} failed in calm weather: {row['reason']}")


def edges(audit: Sequence[Row]) -> Iterator[Violation]:
    """I4: only moves of the table."""
    for row in audit:
        if row["move"] == "discover":
            legal = row["was"] is None and row["became"] == "pending"
        else:
            legal = EDGES.get((row["was"], row["move"])) == row["became"]
        if not legal:
            yield Violation("I4", f"{row['was']} -{row['move']}-> {row['became']}")


def nothing_after_success(
    rows: Iterable[Row], audit: Sequence[Row], sent: Sequence[Sent]
) -> Iterator[Violation]:
    """I5: no create is sent after the success."""
    named = {row["id"]: (row["source_id"], row["kind"]) for row in rows}
    over: dict[tuple[str, str], datetime] = {}
    for row in audit:
        if row["move"] in {"succeed", "link"}:
            over.setdefault(named[row["sync_id"]], instant(row["at"]))
    for one in sent:
        ended_at = over.get((one.source_id, one.kind))
        if ended_at and one.at > ended_at:
            yield Violation("I5", f"{one.source_id} was sent after its success")


def one_in_flight(sent: Sequence[Sent]) -> Iterator[Violation]:
    """I6: at most one create of a document is in flight."""
    last: dict[tuple[str, str], Sent] = {}
    for one in sorted(sent, key=lambda each: each.at):
        before = last.get((one.source_id, one.kind))
        if before and one.at < before.until:
            yield Violation("I6", f"two creates of {one.source_id} at the same time")
        last[one.source_id, one.kind] = one


def answered(query: Query, rows: Mapping[int, Row], seen: Evidence) -> Iterator[Violation]:
    """I7: each acknowledged press has one outcome, which its person reads, and then the end."""
    if not seen.presses:
        return
    kept = {row["receipt"]: _json(row["answer"]) for row in query("SELECT * FROM receipts")}
    for press in seen.presses:
        answer = (kept.get(press.receipt) or {}).get("answer")
        if answer is None:
            yield Violation("I7", f"{press.receipt} was acknowledged and has no outcome")
        elif seen.listened and seen.ended_at and seen.ended_at - press.at < POST_LIFE:
            yield from _told(press, answer, rows[press.sync_id], seen.said)


def _told(press: Press, answer: str, row: Row, said: Sequence[Said]) -> Iterator[Violation]:
    mine = [one for one in said if press.user in {one.user, one.channel.removeprefix("D-")}]
    shown = f"pressed {answer} {press.sync_id}"
    if not any(one.text == shown for one in mine):
        yield Violation("I7", f"{press.user} never read: {shown}")
    over = row["status"] in {"success", "failed", "skipped"}
    ends = f"ended {press.sync_id} "
    told = any(one.text.startswith(ends) and one.at >= press.at for one in mine)
    if answer in UNDER_WAY and over and not told:
        yield Violation("I7", f"{press.user} was never told how {press.sync_id} ended")


def folds(
    rows: Mapping[int, Row], audit: Sequence[Row], attempts: Sequence[Row]
) -> Iterator[Violation]:
    """I8: the audit, folded, is the table: status, fence, attempts; every row follows the last."""
    status: dict[int, str | None] = defaultdict(lambda: None)
    fence: dict[int, int] = defaultdict(int)
    starts: dict[int, int] = defaultdict(int)
    for row in audit:
        sync_id = row["sync_id"]
        fence[sync_id] += row["move"] in NEW_FENCE
        starts[sync_id] += row["move"] == "start"
        if row["was"] != status[sync_id] or row["fence"] != fence[sync_id]:
            yield Violation("I8", f"audit of {sync_id} does not follow at {row['move']}")
        status[sync_id] = row["became"]
        fence[sync_id] = row["fence"]
    numbers: dict[int, list[int]] = defaultdict(list)
    for row in attempts:
        numbers[row["sync_id"]].append(row["number"])
    for sync_id, row in rows.items():
        folded = (status[sync_id], fence[sync_id], starts[sync_id])
        if folded != (row["status"], row["fence"], row["attempts"]):
            yield Violation("I8", f"sync {sync_id} is not what its audit says: {folded}")
        if sorted(numbers[sync_id]) != list(range(1, row["attempts"] + 1)):
            yield Violation("I8", f"sync {sync_id} has attempts {numbers[sync_id]}")


def spells(audit: Sequence[Row]) -> Iterator[tuple[int, datetime, datetime | None]]:
    """Yield (sync, last START or RESCUE, end or None) of each stretch of processing."""
    since: dict[int, datetime] = {}
    for row in audit:
        if row["became"] == "processing":
            since[row["sync_id"]] = instant(row["at"])
        elif row["sync_id"] in since:
            yield row["sync_id"], since.pop(row["sync_id"]), instant(row["at"])
    for sync_id, at in since.items():
        yield sync_id, at, None


def not_stuck(audit: Sequence[Row], seen: Evidence) -> Iterator[Violation]:
    """I9: once somebody works, nothing stays processing longer than lease, settle and a tick.

    The heal's strides are at most an hour apart, so what began before it must end at its second.
    """
    if seen.healed_at is None or seen.ended_at is None:
        return
    longest = LEASE + SETTLE + TICK + timedelta(seconds=400)
    for sync_id, since, until in spells(audit):
        if until is None:
            yield Violation("I9", f"sync {sync_id} is processing since {since}")
        elif until - max(since, seen.healed_at) > longest:
            yield Violation("I9", f"sync {sync_id} was processing for {until - since}")


def patient(
    rows: Mapping[int, Row], audit: Sequence[Row], sent: Sequence[Sent]
) -> Iterator[Violation]:
    """I10: no create of a document before the moment that a Retry-After named for it.

    It counts once it is written down: an answer that died with its process was never heard.
    """
    heard: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in audit:
        if row["error_type"] == "rate_limited":
            sync = rows[row["sync_id"]]
            heard[sync["source_id"], sync["kind"]].append(instant(row["at"]))
    asked: dict[tuple[str, str], Sent] = {}
    for one in sent:
        document = (one.source_id, one.kind)
        before = asked.get(document)
        early = before and before.not_before and one.at < before.not_before
        if before and early and any(before.at <= at <= one.at for at in heard[document]):
            yield Violation("I10", f"{one.source_id} was sent before its Retry-After was over")
        if one.not_before:
            asked[document] = one


def digests(rows: Sequence[Row], seen: Evidence) -> Iterator[Violation]:
    """I11: one digest a channel and local date; posted twice only where nobody could know."""
    days: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        days[row["channel"], str(row["local_date"])] += 1
    for day, times in days.items():
        if times > 1:
            yield Violation("I11", f"{times} digests of {day}")
    posts: dict[str, list[Said]] = defaultdict(list)
    for one in seen.said:
        if one.uid and one.channel == seen.digest_channel:
            posts[one.uid].append(one)
    for uid, copies in posts.items():
        if len(copies) > 1 and not any(one.lost for one in copies[:-1]):
            yield Violation("I11", f"{uid} was posted {len(copies)} times")
    newest = max((row["id"] for row in rows), default=None)
    if seen.listened and seen.ended_at and newest and f"digest-{newest}" not in posts:
        yield Violation("I11", f"digest {newest} was claimed and never posted")


def renewals(seen: Evidence) -> Iterator[Violation]:
    """I12: a single-use refresh token is used once; the grant lives."""
    if seen.spoilt:
        yield Violation("I12", "a second use of a refresh token revoked the grant")
    for token, times in seen.renewals.items():
        if seen.single_use and times > 1:
            yield Violation("I12", f"{token} was used {times} times")


def causes(query: Query, rows: Mapping[int, Row]) -> Iterator[Violation]:
    """I14: a failed sync has its causes, no other is counted, and every tally is what it counts."""
    stops: dict[int, list[Row]] = defaultdict(list)
    for one in query("SELECT * FROM blockers"):
        stops[one["sync_id"]].append(one)
    counted: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for number, row in rows.items():
        failed = row["status"] == "failed"
        if failed and not stops[number]:
            yield Violation("I14", f"{number} failed, and no cause says why")
        if any(bool(one["open"]) != failed for one in stops[number]):
            yield Violation("I14", f"{number} is {row['status']}, its causes count otherwise")
        places = [(one["cause_id"], len(stops[number]) == 1) for one in stops[number]]
        for place in [*places, (0, False)] if failed else ():
            tally = counted[(*place, row["not_before"] is not None, row["currency"] or "")]
            tally[0] += 1
            tally[1] += row["amount_minor"] or 0
    kept: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    for one in query("SELECT * FROM tallies WHERE count <> 0"):
        tally = kept[one["cause_id"], bool(one["sole"]), bool(one["retrying"]), one["currency"]]
        tally[0] += one["count"]
        tally[1] += one["minor"]
    if dict(kept) != dict(counted):
        yield Violation("I14", f"the tallies say {dict(kept)}, the syncs {dict(counted)}")
    named = {one["cause_id"] for found in stops.values() for one in found}
    for one in query("SELECT * FROM causes"):
        if (one["closed_at"] is None) != (one["id"] in named):
            yield Violation("I14", f"cause {one['id']} is closed at {one['closed_at']}")


def secrets(query: Query, seen: Evidence) -> Iterator[Violation]:
    """I13: no canary in the tables' plain text, in Slack, or in what is logged."""
    texts = [*seen.plain, *(one.text for one in seen.said)]
    for table in ("connections", "syncs", "attempts", "blockers", "posts", "audit", "lanes"):
        texts += [str(dict(row)) for row in query(f"SELECT * FROM {table}")]  # noqa: S608 - because the names stand here
    for canary in seen.canaries:
        if any(canary in text for text in texts):
            yield Violation("I13", f"{canary} stands in plain text")


def days_of(rows: Sequence[Any], channel: str, wanted: Iterable[str]) -> Iterator[Violation]:
    """I11 over weeks: each local day of `wanted` has exactly one digest."""
    days = [str(row["local_date"]) for row in rows if row["channel"] == channel]
    for day in wanted:
        if days.count(day) != 1:
            yield Violation("I11", f"{day} has {days.count(day)} digests")


def harmless(texts: Iterable[str], names: Iterable[str]) -> Iterator[Violation]:
    """I13 for people: nothing that came from data may act as Slack's own mark-up."""
    for text in texts:
        for name in names:
            if name in text:
                yield Violation("I13", f"{name} stands unescaped")


def instant(value: Any) -> datetime:
    """Return a stored instant, whichever database kept it."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise TypeError(f"not an instant: {value!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
