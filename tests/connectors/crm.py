"""A HubSpot account as its staff and its API see it, and both of our ends open to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from sandbox import hubspot
from sandbox.hubspot.portal import Portal
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.connectors.base import Fixed, Mappings, Parent
from sync.connectors.hubspot import PREFIX, HubSpotAccount, HubSpotSource
from sync.connectors.hubspot_answers import is_expired
from sync.connectors.hubspot_destination import HubSpotDestination
from sync.connectors.spec import Opened
from sync.connectors.transport import Transport
from sync.documents import Document
from sync.outcomes import Created
from tests.connectors.conftest import Remembered
from tests.connectors.sales import KEY, soon


@dataclass
class Crm:
    """The running account, a client that is its staff, and our ends."""

    portal: Portal
    url: str
    staff: httpx.Client
    source: HubSpotSource
    destination: HubSpotDestination
    mappings: Remembered

    def add(self, kind: str, **properties: str) -> str:
        """Add an object; returns its id."""
        body = {"properties": properties, "associations": []}
        return self._id(self.staff.post(f"/crm/v3/objects/{kind}", json=body))

    def change(self, kind: str, one: str, **properties: str) -> None:
        """Change an object."""
        path = f"/crm/v3/objects/{kind}/{one}"
        self.staff.patch(path, json={"properties": properties}).raise_for_status()

    def get(self, kind: str, one: str, *properties: str, **params: str) -> dict[str, Any]:
        """Return an object with these properties."""
        asked = {"properties": ",".join(properties), **params}
        found = self.staff.get(f"/crm/v3/objects/{kind}/{one}", params=asked)
        body: dict[str, Any] = found.raise_for_status().json()
        return body

    def link(self, invoice: str, kind: str, one: str) -> None:
        """Associate an invoice with an object."""
        path = f"/crm/v4/objects/invoices/{invoice}/associations/default/{kind}/{one}"
        self.staff.put(path).raise_for_status()

    def draft(
        self,
        *lines: Mapping[str, str],
        contact: str | None = None,
        day: str = "2026-11-20",
        **properties: str,
    ) -> str:
        """Add a draft with lines and, unless it is "", a contact; returns its id."""
        dates = {"hs_invoice_date": day, "hs_due_date": "2026-12-20"}
        invoice = self.add("invoices", **{"hs_currency": "USD", **dates, **properties})
        for line in lines or ({"hs_sku": "ABC-1"},):
            given = {"name": "Widget", "quantity": "1", "price": "100", **line}
            self.link(invoice, "line_items", self.add("line_items", **given))
        if contact != "":
            self.link(invoice, "contacts", contact or self.contact())
        return invoice

    def contact(self, email: str = "ada@example.com", **properties: str) -> str:
        """Return the contact with an e-mail, added where there is none."""
        path = f"/crm/v3/objects/contacts/{email}"
        found = self.staff.get(path, params={"idProperty": "email"})
        if found.is_success:
            return self._id(found)
        names = {"firstname": "Ada", "lastname": "Byron", **properties}
        return self.add("contacts", email=email, **names)

    def invoice(self, *lines: Mapping[str, str], **given: Any) -> str:
        """Add an open invoice; returns its id."""
        invoice = self.draft(*lines, **given)
        self.change("invoices", invoice, hs_invoice_status="open")
        return invoice

    def create(self, one: Document, key: str = KEY, parent: Parent | None = None) -> str:
        """Create a document; returns its id in HubSpot."""
        assert not self.destination.blockers(one)
        outcome = self.destination.create(self.destination.plan(key, one, parent), sent_by=soon())
        assert isinstance(outcome, Created), outcome
        return outcome.destination_id

    def force(self, invoice: str, name: str, value: str) -> None:
        """Set a property of an invoice that only HubSpot itself sets."""
        self.portal.objects["invoices"][invoice].properties[name] = value

    def unlink(self) -> None:
        """Lose all associations."""
        self.portal.associations.clear()

    def fault(self, **fault: Any) -> None:
        """Let a fault wait."""
        self.staff.post("/sandbox/faults", json=[fault]).raise_for_status()

    def another(self, mappings: Mappings) -> HubSpotDestination:
        """Return one more end to the same account, which remembers elsewhere."""
        return _end(HubSpotDestination, self.url, PREFIX, mappings)

    def calls(self) -> dict[str, int]:
        """Return how often each endpoint was called since the last time, and begin anew."""
        counted: dict[str, int] = self.staff.get("/sandbox/requests").json()["by"]
        self.staff.delete("/sandbox/requests").raise_for_status()
        return {name: count for name, count in counted.items() if "/sandbox/" not in name}

    def ours(self, key: str = KEY) -> list[dict[str, Any]]:
        """Return the invoices that carry our key, drafts too."""
        given = "hs_invoice_status,hs_amount_billed,invsync_key"
        asked = {"properties": given, "associations": "line_items,contacts", "limit": "100"}
        listed = self.staff.get("/crm/v3/objects/invoices", params=asked).json()["results"]
        return [one for one in listed if one["properties"].get("invsync_key") == key]

    def _id(self, answer: httpx.Response) -> str:
        return str(answer.raise_for_status().json()["id"])


@contextmanager
def crm(prefix: str = PREFIX) -> Iterator[Crm]:
    """Start an empty account with one product, and open both ends."""
    portal = Portal()
    portal.limited = False
    server = Server(hubspot.create(portal)).start()
    mappings = Remembered()
    source = _end(HubSpotSource, server.url, prefix, mappings)
    destination = _end(HubSpotDestination, server.url, prefix, mappings)
    headers = {"Authorization": f"Bearer {hubspot.TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers) as staff:
        account = Crm(portal, server.url, staff, source, destination, mappings)
        destination.set_up()
        account.add("products", name="Widget", hs_sku="ABC-1", price="100")
        yield account
    source.close()
    destination.close()
    server.stop()


EndT = TypeVar("EndT", bound=HubSpotAccount)


def _end(kind: type[EndT], url: str, prefix: str, mappings: Mappings) -> EndT:
    """Open an end of ours to the account at `url`."""
    clock = SystemClock()
    transport = Transport(
        "hubspot",
        url,
        Fixed(hubspot.TOKEN),
        timeout=5.0,
        clock=clock,
        pace=lambda: None,
        expired=is_expired,
    )
    web = "https://app.hubspot.com"
    return kind(Opened("crm", prefix, web, transport, clock, mappings, hubspot.PORTAL))
