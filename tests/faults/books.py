"""The destination: a server with a ledger of its own, and the connector that asks it.

Three classes of servers: KEYED answers a repeated request id with its first answer, UNIQUE keeps
one document per key, SEARCH_ONLY books whatever it is sent. What it answers is HTTP; the product's
own classifier decides what that means.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from sync.connectors.base import Credential, Matches, Parent, Plan
from sync.connectors.outcome import Event, outcome_of, refusal_of
from sync.connectors.transport import Answer, Unanswered, Unsent
from sync.documents import Account, Booked, Document, Kind
from sync.errors import ErrorType, Failure, FixData, TryLater
from sync.money import Money
from sync.outcomes import NotSent, Outcome
from sync.points import point
from tests.faults.stage import Stage
from tests.faults.weather import Fault, Weather

TIMEOUT = timedelta(seconds=20)
"""The request's total time-out, as in production."""


class Class(StrEnum):
    """What makes a second create harmless, if anything."""

    KEYED = "keyed"
    UNIQUE = "unique"
    SEARCH_ONLY = "search_only"


SYSTEMS = {Class.KEYED: "quickbooks", Class.UNIQUE: "hubspot", Class.SEARCH_ONLY: "daftra"}
LAGS = {Class.KEYED: 60, Class.UNIQUE: 60, Class.SEARCH_ONLY: 239}
"""The longest index lag, in seconds: a search-only system may take just under 240."""

CREATE_FAULTS = {
    Fault.DROPPED: 3,
    Fault.LOST: 4,
    Fault.LATE: 3,
    Fault.RESET: 2,
    Fault.LIMITED: 2,
    Fault.BROKEN: 3,
    Fault.GARBLED: 2,
    Fault.REFUSED: 1,
    Fault.ROUNDED: 3,
}
READ_FAULTS = {
    Fault.DROPPED: 3,
    Fault.LIMITED: 2,
    Fault.BROKEN: 2,
    Fault.GARBLED: 1,
    Fault.REFUSED: 1,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One document in the ledger; `shown_at` is when a search finds it."""

    id: str
    source_id: str
    kind: str
    key: str
    minor: int
    currency: str
    at: datetime
    shown_at: datetime


@dataclass(slots=True)
class Request:
    """One create that reached the server; in flight from `at` to `until`."""

    source_id: str
    kind: str
    key: str
    at: datetime
    until: datetime
    replayed: bool = False
    not_before: datetime | None = None
    """What a Retry-After in the answer asked for."""


@dataclass
class Server:
    """The system itself, shared by all processes."""

    stage: Stage
    weather: Weather
    what: Class
    note: Callable[[str], None]
    opens: Callable[[str], bool]
    """Tells whether an access token is good."""

    entries: list[Entry] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    on_the_way: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)

    def arrive(self) -> None:
        """Let requests that were on their way arrive once their time has come."""
        now = self.stage.clock.now()
        due = [one for one in self.on_the_way if one[0] <= now]
        self.on_the_way = [one for one in self.on_the_way if one[0] > now]
        for _, commit in sorted(due, key=lambda one: one[0]):
            commit()

    def create(self, body: dict[str, Any], token: str) -> Event:
        """Take a create; faults by dice."""
        self.arrive()
        now = self.stage.clock.now()
        if not self.opens(token):
            return Answer(401, {}, b"{}")
        request = Request(body["source_id"], body["kind"], body["key"], now, now)
        self.requests.append(request)
        fault = self.weather.pick(0.35, CREATE_FAULTS)
        self.note(f"create {body['key']} {fault}")
        event = self._faulty(fault, request, body) if fault else self._booked(request, body)
        point("after_send")
        return event

    def _faulty(self, fault: Fault, request: Request, body: dict[str, Any]) -> Event:
        dice = self.weather.dice
        match fault:
            case Fault.DROPPED:
                return Unanswered("did not answer in time")
            case Fault.LOST:
                self._book(request, body)
                return Unanswered("did not answer in time")
            case Fault.LATE:
                self._book_later(request, body)
                return Unanswered("did not answer in time")
            case Fault.RESET:
                if dice.random() < 0.3:
                    return Unsent("connection refused")
                self._book(request, body)
                return Unanswered("broke the connection")
            case Fault.BROKEN:
                return self._broken(request, body)
            case Fault.GARBLED:
                return self._garbled(request, body)
            case Fault.ROUNDED:
                return self._answer(self._book(request, body, off=1))
            case _:
                return self._turned_away(fault, request)

    def _turned_away(self, fault: Fault, request: Request) -> Event:
        if fault is Fault.REFUSED:
            return Answer(401, {}, b"{}")
        answer = self.limited()
        request.not_before = self._asked(answer)
        return answer

    def _broken(self, request: Request, body: dict[str, Any]) -> Event:
        dice = self.weather.dice
        if dice.random() < 0.3:
            return Answer(503, {"retry-after": dice.choice(["0", "7", "120"])}, b"")
        if dice.random() < 0.5:
            self._book(request, body)
        return Answer(dice.choice([500, 502, 503, 504]), {}, b"<h1>oops</h1>")

    def _garbled(self, request: Request, body: dict[str, Any]) -> Event:
        entry = self._book(request, body)
        named = json.dumps({"id": entry.id}).encode()
        texts = [b'{"id": ', b"<html>fine</html>", b"", b"\xef\xbb\xbf" + named, b'{"id": null}']
        return Answer(200, {}, self.weather.dice.choice([*texts, b'{"id": "", "id": ""}', b"[]"]))

    def limited(self) -> Answer:
        """Return a 429 with one of the forms that a Retry-After takes."""
        at = self.stage.clock.now().replace(microsecond=0) + timedelta(seconds=90)
        forms = [{"retry-after": form} for form in ("0", "30", "3600", format_datetime(at))]
        return Answer(429, self.weather.dice.choice([*forms, {}]), b"{}")

    def _asked(self, answer: Answer) -> datetime | None:
        """Return, by the server's own reading, when it wants to be asked again."""
        form = answer.headers.get("retry-after", "")
        now = self.stage.clock.now()
        if form.isdecimal():
            return now + timedelta(seconds=int(form))
        return now + timedelta(seconds=88) if form else None

    def _booked(self, request: Request, body: dict[str, Any]) -> Event:
        taken = self._standing(body["key"])
        if self.what is Class.UNIQUE and taken and self.weather.dice.random() < 0.5:
            return Answer(409, {}, b'{"category": "CONFLICT"}')
        return self._answer(self._book(request, body))

    def _answer(self, entry: Entry) -> Answer:
        return Answer(201, {}, json.dumps({"id": entry.id}).encode())

    def _standing(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def _book_later(self, request: Request, body: dict[str, Any]) -> None:
        """Let the request arrive after its client has given up, at most one time-out after."""
        at = self.stage.clock.now() + TIMEOUT * self.weather.dice.random()
        request.until = at
        self.on_the_way.append((at, lambda: self._book(request, body, at=at)))

    def _book(
        self, request: Request, body: dict[str, Any], off: int = 0, at: datetime | None = None
    ) -> Entry:
        """Put a document into the ledger, `at` the moment when the request arrived."""
        taken = self._standing(body["key"])
        if taken and self.what is not Class.SEARCH_ONLY:
            request.replayed = True
            return taken
        now = at or self.stage.clock.now()
        longest = LAGS[self.what]
        lag = self.weather.dice.choice([0, longest // 2, longest])
        if lag:
            self.weather.met[Fault.LAGGING] += 1
        entry = Entry(
            str(len(self.entries) + 1),
            body["source_id"],
            body["kind"],
            body["key"],
            body["minor"] + off,
            body["currency"],
            now,
            now + timedelta(seconds=lag),
        )
        self.entries.append(entry)
        self.note(f"booked {entry.id} {entry.key}")
        return entry

    def read_fault(self, token: str) -> Event | None:
        """Return what goes wrong with a read, or None."""
        self.arrive()
        if not self.opens(token):
            return Answer(401, {}, b"{}")
        fault = self.weather.pick(0.06, READ_FAULTS)
        match fault:
            case None:
                return None
            case Fault.DROPPED:
                return Unanswered("did not answer in time")
            case Fault.LIMITED:
                return self.limited()
            case Fault.REFUSED:
                return Answer(401, {}, b"{}")
            case _:
                return Answer(502, {}, b"<h1>oops</h1>")

    def mend(self, wanted: Callable[[Entry], int]) -> None:
        """Let an accountant correct every amount by hand."""
        self.entries = [
            Entry(
                entry.id,
                entry.source_id,
                entry.kind,
                entry.key,
                wanted(entry),
                entry.currency,
                entry.at,
                entry.shown_at,
            )
            for entry in self.entries
        ]


def classify(answer: Answer, _data: Any) -> Failure:
    """Name a refusal, as a connector does."""
    if answer.status == 401:
        return Failure(ErrorType.UNAUTHORIZED, "books", "Unauthorized")
    kind = ErrorType.CONFLICT if answer.status == 409 else ErrorType.FIELD_INVALID
    return Failure(kind, "key", f"refused with {answer.status}")


@dataclass
class Books:
    """The connector of one process: asks the server with its token."""

    server: Server
    credential: Credential
    connection: str = "books"

    @property
    def system(self) -> str:
        """The system that such a server stands for."""
        return SYSTEMS[self.server.what]

    def check(self) -> Account:
        """Say whose books these are, as a probe asks."""
        self._ask()
        return Account("9", "Books")

    def close(self) -> None:
        """Nothing to close."""

    def set_up(self) -> None:
        """Nothing to make."""

    def tolerance(self, document: Document) -> Money:
        """Return nothing: these books round as the source does."""
        return Money.of("0", document.total.currency)

    def find(self, key: str, document: Document, parent: Parent | None) -> Matches:
        """Return what the index shows under exactly our key."""
        del document, parent
        self._ask()
        now = self.server.stage.clock.now()
        shown = [e for e in self.server.entries if e.key == key and e.shown_at <= now]
        return Matches(self._as_booked(shown[0]) if shown else None)

    def read(self, destination_id: str, kind: Kind) -> Booked:
        """Return one document by id: reads do not lag."""
        self._ask()
        for entry in self.server.entries:
            if entry.id == destination_id and entry.kind == kind.value:
                return self._as_booked(entry)
        raise FixData(Failure(ErrorType.NOT_FOUND, destination_id, "no such document"))

    def blockers(self, document: Document) -> Sequence[Failure]:
        """Return a failure for a SKU that the books do not know."""
        unknown = [line.sku or "" for line in document.lines if line.sku in self.unknown]
        return [Failure(ErrorType.SKU_NOT_FOUND, sku, f"SKU {sku} not found") for sku in unknown]

    @property
    def unknown(self) -> set[str]:
        """SKUs that the books do not know now."""
        return {"WIDGET-001"} if self.server.weather.strikes(0.04) else set()

    def plan(self, key: str, document: Document, parent: Parent | None) -> Plan:
        """Return the body of a create."""
        body = {
            "key": key,
            "source_id": document.source_id,
            "kind": document.kind.value,
            "minor": document.total.minor,
            "currency": document.total.currency,
            "parent": parent.id if parent else None,
        }
        return Plan(document.kind, body, document.total)

    def create(self, plan: Plan, *, sent_by: datetime) -> Outcome:
        """Send the create once, unless it is too late to send it."""
        clock = self.server.stage.clock
        token = self.credential.token()
        if clock.now() > sent_by:
            down = Failure(ErrorType.DESTINATION_DOWN, self.connection, "too late to send")
            return NotSent(down)
        event = self.server.create(plan.payload, token)
        if isinstance(event, Unanswered):
            clock.sleep(TIMEOUT.total_seconds() * self.server.weather.dice.random())
        return outcome_of(
            event,
            system=self.system,
            connection=self.connection,
            classify=classify,
            now=clock.now(),
        )

    def _ask(self) -> None:
        """Spend a token on a read; raises what goes wrong with it."""
        token = self.credential.token()
        wrong = self.server.read_fault(token)
        if isinstance(wrong, Answer) and wrong.status == 401 and self.credential.renew(token):
            wrong = self.server.read_fault(self.credential.token())
        raise_for(wrong, self.system, self.connection, self.server.stage.clock.now())

    def _as_booked(self, entry: Entry) -> Booked:
        total = Money.from_minor(entry.minor, entry.currency)
        kind = Kind(entry.kind)
        return Booked(entry.id, entry.id, kind, entry.key, None, total, f"http://books/{entry.id}")


def raise_for(wrong: Event | None, system: str, connection: str, now: datetime) -> None:
    """Raise what a read's answer means, as the product reads it; nothing where it was well."""
    if wrong is None:
        return
    if isinstance(wrong, Answer):
        raise refusal_of(wrong, system, connection, classify, now)
    raise TryLater(Failure(ErrorType.DESTINATION_DOWN, connection, f"{system} {wrong}"))
