"""The Accounting API of one company, as the connector asks it (guide, section 2)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.clock import Clock
from sync.connectors.fields import Fields
from sync.connectors.outcome import Event, outcome_of, read_json
from sync.connectors.quickbooks_answers import classify
from sync.connectors.transport import Transport, Unanswered, Unsent
from sync.outcomes import Outcome

MINOR_VERSION = 75
PAGE = 1000
MOST_PAGES = 1000
MOST_VALUES = 30
"""How many values one IN holds: addresses of requests stay short."""

VERSION: Mapping[str, Any] = {"minorversion": MINOR_VERSION}


def quoted(text: str) -> str:
    """Return a text as the query language writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Api:
    """One company: `base` is the prefix with the realm id."""

    def __init__(self, name: str, base: str, transport: Transport, clock: Clock) -> None:
        self.name = name
        self.base = base
        self._transport = transport
        self._clock = clock

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object at `path` below the company. Raises ReadError."""
        return read_json(
            self._transport,
            f"{self.base}{path}",
            {**(params or {}), **VERSION},
            connection=self.name,
            classify=classify,
            now=self._clock.now(),
        )

    def one(self, entity: str, number: str) -> Fields:
        """Return one object. Raises FixData(not_found)."""
        data = self.get(f"/{entity.lower()}/{number}")
        return Fields(f"QuickBooks' {entity} {number}", data.get(entity))

    def query(self, entity: str, where: str, order: str = "", most: int = PAGE) -> list[Fields]:
        """Return the first page of objects that match. Raises ReadError."""
        return self._page(entity, where, order, 1, most)

    def all(self, entity: str, where: str, order: str = "orderby Id") -> Iterator[Fields]:
        """Yield every object that matches, page by page, none twice."""
        seen: set[str] = set()
        for page in range(MOST_PAGES):
            rows = self._page(entity, where, order, 1 + page * PAGE, PAGE)
            for row in rows:
                if row.text("Id") not in seen:
                    seen.add(row.text("Id"))
                    yield row
            if len(rows) < PAGE:
                return

    def since(self, entity: str, began: datetime) -> Iterator[Fields]:
        """Yield every object changed since `began`, oldest first, none twice.

        Each page goes on from the last instant seen instead of a position: what changes meanwhile
        moves to the end, and positions would skip what slides into its place.
        """
        seen: set[tuple[str, str]] = set()
        at, start = began.isoformat(), 1
        for _ in range(MOST_PAGES):
            where = f"MetaData.LastUpdatedTime >= {quoted(at)}"
            rows = self._page(entity, where, "orderby MetaData.LastUpdatedTime", start, PAGE)
            for row in rows:
                version = row.text("Id"), _changed(row)
                if version not in seen:
                    seen.add(version)
                    yield row
            if len(rows) < PAGE:
                return
            last = _changed(rows[-1])
            start, at = (start + PAGE if last == at else 1), last

    def among(self, entity: str, field: str, values: Sequence[str], also: str) -> list[Fields]:
        """Return the objects whose `field` is one of `values`."""
        found: list[Fields] = []
        for at in range(0, len(values), MOST_VALUES):
            listed = ", ".join(quoted(one) for one in values[at : at + MOST_VALUES])
            found += self.query(entity, f"{field} in ({listed}){also}")
        return found

    def changes(self, entities: Sequence[str], since: datetime) -> dict[str, list[Fields]]:
        """Return what changed since then, stubs of the deleted included (CDC)."""
        asked = {"entities": ",".join(entities), "changedSince": since.isoformat()}
        data = self.get("/cdc", asked)
        found: dict[str, list[Fields]] = {entity: [] for entity in entities}
        for response in Fields("QuickBooks' changes", data).each("CDCResponse"):
            for part in response.each("QueryResponse"):
                for entity in entities:
                    found[entity] += list(part.each(entity))
        return found

    def create(self, entity: str, body: dict[str, Any], request_id: str, *, paced: bool) -> Event:
        """Send a create, once, under its request id; what happened comes back as a value."""
        try:
            return self._transport.post(
                f"{self.base}/{entity.lower()}",
                body,
                params={"requestid": request_id, **VERSION},
                paced=paced,
            )
        except (Unsent, Unanswered) as trouble:
            return trouble

    def outcome(self, entity: str, event: Event) -> Outcome:
        """Decide what became of a create."""

        def named(data: dict[str, Any]) -> Any:
            created = data.get(entity)
            return created.get("Id") if isinstance(created, dict) else None

        return outcome_of(
            event,
            system="quickbooks",
            connection=self.name,
            classify=classify,
            now=self._clock.now(),
            named=named,
        )

    def _page(self, entity: str, where: str, order: str, start: int, most: int) -> list[Fields]:
        condition = f" where {where}" if where else ""
        paging = f"{order} startposition {start} maxresults {most}"
        # Intuit's own language, whose texts `quoted` escapes; no database of ours reads it
        text = f"select * from {entity}{condition} {paging}"  # noqa: S608 - as said above
        data = self.get("/query", {"query": text})
        response = Fields("QuickBooks' answer", data).inner("QueryResponse")
        return list(response.each(entity))


def _changed(row: Fields) -> str:
    return row.inner("MetaData").text("LastUpdatedTime")
