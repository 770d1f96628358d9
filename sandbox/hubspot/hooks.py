"""The account's webhooks: batches of events, signed v3 over method, address, body and time."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.hubspot.access import CLIENT_SECRET
from sandbox.hubspot.portal import PORTAL, TYPE_IDS, Portal, Thing
from sandbox.webhooks import Deliveries

APP = 54321


class Hooks:
    """Tells every change; what the app itself changed carries INTEGRATION and its id."""

    def __init__(self, portal: Portal) -> None:
        self._age_ms = 0
        self._events = itertools.count(100)
        self.deliveries = Deliveries(self.prove)
        portal.told = self.tell

    def prove(self, url: str, body: bytes) -> Mapping[str, str]:
        """Return signature and time of the request that leaves now."""
        stamp = str(int(time.time() * 1000) - self._age_ms)
        signed = f"POST{url}".encode() + body + stamp.encode()
        digest = hmac.new(CLIENT_SECRET.encode(), signed, hashlib.sha256).digest()
        return {
            "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
            "X-HubSpot-Request-Timestamp": stamp,
        }

    def tell(self, kind: str, thing: Thing, event: str, changed: Mapping[str, str | None]) -> None:
        """Send an event for each changed property, or one for the object."""
        names = [*changed] if event == "propertyChange" else [""]
        events = [self._event(kind, thing, event, name, changed.get(name)) for name in names]
        if events:
            self.deliveries.send(json.dumps(events).encode())

    def _event(
        self, kind: str, thing: Thing, event: str, name: str, value: str | None
    ) -> dict[str, object]:
        told: dict[str, object] = {
            "eventId": next(self._events),
            "subscriptionId": 1234,
            "portalId": int(PORTAL),
            "appId": APP,
            "occurredAt": int(time.time() * 1000),
            "subscriptionType": f"object.{event}",
            "attemptNumber": 0,
            "objectId": int(thing.id),
            "objectTypeId": TYPE_IDS[kind],
            "changeSource": "INTEGRATION" if thing.by_app else "CRM_UI",
            "sourceId": str(APP) if thing.by_app else "userId:1",
        }
        if name:
            told |= {"propertyName": name, "propertyValue": value}
        return told

    async def knob(self, request: Request) -> Response:
        """Set the address, `age` (seconds) and the switches of `Deliveries`; `body` goes as is."""
        if request.method == "POST":
            given = await request.json()
            self._age_ms = int(float(given.get("age", self._age_ms / 1000)) * 1000)
            self.deliveries.turn(given)
            if "body" in given:
                self.deliveries.send(json.dumps(given["body"]).encode())
        return JSONResponse({"ok": True, **self.deliveries.state()})
