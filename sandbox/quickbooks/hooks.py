"""The companies' webhooks: signed with the app's verifier token, in both formats (guide, 6)."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.quickbooks.company import Company
from sandbox.webhooks import Deliveries

VERIFIER = "quickbooks-verifier"
OPERATIONS = {"Add": "created", "Create": "created", "Update": "updated", "Void": "voided"}


class Hooks:
    """Tells every change of every company; `old` switches to the format before 2026."""

    def __init__(self, companies: Sequence[Company]) -> None:
        self._old = False
        self.deliveries = Deliveries(self.prove)
        for company in companies:
            company.told = self._teller(company.realm)

    def prove(self, _url: str, body: bytes) -> Mapping[str, str]:
        """Return the signature of the raw body."""
        digest = hmac.new(VERIFIER.encode(), body, hashlib.sha256).digest()
        return {"intuit-signature": base64.b64encode(digest).decode()}

    def _teller(self, realm: str) -> Callable[[str, str, str], None]:
        def tell(entity: str, number: str, operation: str) -> None:
            self.deliveries.send(json.dumps(self._body(realm, entity, number, operation)).encode())

        return tell

    def _body(self, realm: str, entity: str, number: str, operation: str) -> Any:
        now = datetime.now(UTC)
        if self._old:
            changed = {
                "name": entity,
                "id": number,
                "operation": operation,
                "lastUpdated": now.isoformat(),
            }
            event = {"realmId": realm, "dataChangeEvent": {"entities": [changed]}}
            return {"eventNotifications": [event]}
        done = OPERATIONS.get(operation, "deleted")
        return [
            {
                "specversion": "1.0",
                "id": str(uuid.uuid4()),
                "source": "intuit.sandbox=",
                "type": f"qbo.{entity.lower()}.{done}.v1",
                "datacontenttype": "application/json",
                "time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06d}517Z",
                "intuitentityid": number,
                "intuitaccountid": realm,
                "data": {},
            }
        ]

    async def knob(self, request: Request) -> Response:
        """Set the address, `old` and the switches of `Deliveries`; `body` is sent as it is."""
        if request.method == "POST":
            given = await request.json()
            self._old = bool(given.get("old", self._old))
            self.deliveries.turn(given)
            if "body" in given:
                self.deliveries.send(json.dumps(given["body"]).encode())
        return JSONResponse({"ok": True, "old": self._old, **self.deliveries.state()})
