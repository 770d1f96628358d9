"""HubSpot over HTTP: its paths under either prefix, its reads and its writes.

Bodies and answers are the same under `v3` and the date-based prefixes (HubSpot guide, section 1);
only the paths differ. A search sends all five of its fields, as the published schema requires, and
keeps to the pace of searches, which is below that of other requests (guide, section 6).
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sync.clock import Clock
from sync.connectors.fields import Fields
from sync.connectors.hubspot_answers import PASSING, classify, parsed, patient
from sync.connectors.outcome import outcome_of, refusal_of, retry_after
from sync.connectors.transport import Answer, Transport, Unanswered, Unsent
from sync.errors import ErrorType, Failure, FixData, ReadError, Reconnect, TryLater
from sync.outcomes import Ambiguous, Created, Outcome

TITLE = "HubSpot"
PER_PAGE = 200
PER_BATCH = 100
SEARCH_SECONDS = 0.25
"""From search to search: HubSpot allows 4 to 5 a second."""

NOT_AN_OBJECT = "what is no JSON object"


class Api:
    """One account's API. `prefix` is `v3` or a date such as `2026-03`."""

    def __init__(self, name: str, prefix: str, transport: Transport, clock: Clock) -> None:
        self.name = name
        self._prefix = prefix
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._next_search = 0.0
        self.classify = partial(classify, name)

    def close(self) -> None:
        """Give sockets back."""
        self._transport.close()

    def objects(self, kind: str, *parts: str) -> str:
        """Return the path of a kind of objects, or of one by its id or unique value."""
        base = "/crm/v3/objects" if self._prefix == "v3" else f"/crm/objects/{self._prefix}"
        return "/".join((base, kind, *(quote(part, safe="") for part in parts)))

    def properties(self, kind: str) -> str:
        """Return the path of the properties of a kind of objects."""
        base = "/crm/v3/properties" if self._prefix == "v3" else f"/crm/properties/{self._prefix}"
        return f"{base}/{kind}"

    def associating(self, start: str, end: str) -> str:
        """Return the path that associates many pairs of two kinds, by the default type."""
        v3 = self._prefix == "v3"
        base = "/crm/v4/associations" if v3 else f"/crm/associations/{self._prefix}"
        return f"{base}/{start}/{end}/batch/associate/default"

    def association(self, invoice_id: str, contact_id: str) -> str:
        """Return the path of what links an invoice with a contact."""
        if self._prefix == "v3":
            return f"/crm/v4/objects/invoices/{invoice_id}/associations/contacts/{contact_id}"
        return self.objects("invoices", invoice_id, "associations", "contacts", contact_id)

    def details(self) -> dict[str, Any]:
        """Return what HubSpot says of the account itself. Raises ReadError."""
        return self._read("GET", "/account-info/v3/details")

    def tax_percent(self, group: str) -> Decimal | None:
        """Return the percent of a rate in the account's tax library, None where it is not told.

        Raises ReadError for any other trouble than a rate that is gone or a scope that is missing.
        """
        version = "v1" if self._prefix == "v3" else self._prefix
        try:
            found = self.get(f"/tax-rates/{version}/tax-rates/{quote(group, safe='')}")
        except (FixData, Reconnect) as error:
            if error.failure.error_type in {ErrorType.NOT_FOUND, ErrorType.PERMISSION_DENIED}:
                return None
            raise
        return Fields(f"HubSpot's tax rate {group}", found).amount("percentageRate")

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object at `path`. Raises ReadError."""
        return self._read("GET", path, params=params)

    def one(self, kind: str, value: str, properties: Sequence[str], **params: str) -> Fields | None:
        """Return one object by its id, or by `idProperty`; None where there is none.

        Raises ReadError.
        """
        asked = {"properties": ",".join(properties), **params}
        try:
            found = self.get(self.objects(kind, value), asked)
        except FixData as error:
            if error.failure.error_type is ErrorType.NOT_FOUND:
                return None
            raise
        return Fields(f"HubSpot's {kind} {value}", found)

    def many(self, kind: str, ids: Sequence[str], properties: Sequence[str]) -> list[Fields]:
        """Return the objects with these ids, those that are there. Raises ReadError."""
        found: list[Fields] = []
        for start in range(0, len(ids), PER_BATCH):
            body = {
                "inputs": [{"id": one} for one in ids[start : start + PER_BATCH]],
                "properties": list(properties),
                "propertiesWithHistory": [],
            }
            answer = self._read("POST", self.objects(kind, "batch", "read"), body=body)
            found += Fields(f"HubSpot's {kind}", answer).each("results")
        return found

    def search(
        self,
        kind: str,
        filters: Sequence[Mapping[str, Any]],
        properties: Sequence[str],
    ) -> list[Fields]:
        """Return the objects with the lowest ids that meet all filters. Raises ReadError.

        The index lags behind what was written and compares texts whatever their case, so its
        answer proves no absence, and what it finds is compared by the caller.
        """
        return self.search_any(kind, [filters] if filters else [], properties)

    def search_any(
        self,
        kind: str,
        groups: Sequence[Sequence[Mapping[str, Any]]],
        properties: Sequence[str],
    ) -> list[Fields]:
        """Return the objects that meet all filters of at least one group. Raises ReadError."""
        body = {
            "filterGroups": [{"filters": list(filters)} for filters in groups],
            "properties": list(properties),
            "sorts": ["hs_object_id"],
            "limit": PER_PAGE,
            "after": "0",
        }
        self._await_search()
        answer = self._read("POST", self.objects(kind, "search"), body=body)
        return list(Fields(f"HubSpot's {kind}", answer).each("results"))

    def walk(
        self, kind: str, filters: Sequence[Mapping[str, Any]], properties: Sequence[str]
    ) -> Iterator[Fields]:
        """Yield every object that meets all filters, by rising id. Raises ReadError.

        Each page begins behind the last id, not at an offset: what changes or comes while the
        pages are read shifts none of them, and the cap of 10,000 results is never reached.
        """
        last = "0"
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            page = self.search(kind, [*filters, beyond], properties)
            fresh = [one for one in page if int(one.text("id")) > int(last)]
            yield from fresh
            if len(page) < PER_PAGE or not fresh:
                return
            last = max((one.text("id") for one in fresh), key=int)

    def write(
        self, method: str, path: str, body: Any, *, paced: bool = True
    ) -> dict[str, Any] | Outcome:
        """Send one write, once; returns the answer's object, or what became of it instead.

        Raises ReadError where no token could be had: nothing was sent.
        """
        event: Answer | Unsent | Unanswered
        try:
            event = patient(self._transport.send(method, path, body=body, paced=paced))
        except (Unsent, Unanswered) as trouble:
            return self.outcome(trouble)
        if event.status >= HTTPStatus.MULTIPLE_CHOICES:
            return self.outcome(event)
        data = parsed(event)
        if isinstance(data, dict):
            return data
        reason = f"{TITLE} answered {event.status} with {NOT_AN_OBJECT}"
        return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, self.name, reason))

    def delete(self, path: str) -> Outcome | None:
        """Remove what is at `path`; None where it is gone. Raises ReadError (no token)."""
        try:
            answer = patient(self._transport.send("DELETE", path))
        except (Unsent, Unanswered) as trouble:
            return self.outcome(trouble)
        gone = answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status == HTTPStatus.NOT_FOUND
        return None if gone else self.outcome(answer)

    def outcome(self, event: Answer | Unsent | Unanswered) -> Outcome:
        """Decide what became of a write that brought no usable answer."""
        if isinstance(event, Answer) and event.status in PASSING:
            reason = self.classify(event, parsed(event)).reason
            return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, self.name, reason))
        return outcome_of(
            event,
            system="hubspot",
            connection=self.name,
            classify=self.classify,
            now=self._clock.now(),
        )

    def created(self, kind: str, properties: Mapping[str, Any]) -> Outcome:
        """Create one object without associations. Raises ReadError (no token)."""
        body = {"properties": dict(properties), "associations": []}
        answer = self.write("POST", self.objects(kind), body)
        if not isinstance(answer, dict):
            return answer
        if answer.get("id"):
            return Created(str(answer["id"]))
        reason = f"{TITLE} answered the create of {kind} without an id"
        return Ambiguous(Failure(ErrorType.OUTCOME_UNKNOWN, self.name, reason))

    def refusal(self, answer: Answer) -> ReadError:
        """Return the error that a refused read raises."""
        now = self._clock.now()
        if answer.status in PASSING:
            failure = self.classify(answer, parsed(answer))
            return TryLater(failure, retry_after(answer, now))
        return refusal_of(answer, TITLE, self.name, self.classify, now)

    def _read(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        try:
            answer = patient(self._transport.send(method, path, params=params, body=body))
        except Unsent as error:
            raise TryLater(self._down(f"could not be reached: {error}")) from error
        except Unanswered as error:
            raise TryLater(self._down(str(error))) from error
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self.refusal(answer)
        data = parsed(answer)
        if not isinstance(data, dict):
            reason = f"{TITLE} answered {method} {path} with {NOT_AN_OBJECT}: {answer.text[:300]}"
            raise FixData(Failure(ErrorType.UNKNOWN, "unreadable", reason))
        return data

    def _down(self, what: str) -> Failure:
        return Failure(ErrorType.DESTINATION_DOWN, self.name, f"{TITLE} {what}")

    def _await_search(self) -> None:
        with self._lock:
            begins = max(time.monotonic(), self._next_search)
            self._next_search = begins + SEARCH_SECONDS
        self._clock.sleep(max(0.0, begins - time.monotonic()))
