"""The store's webhooks (guide, section 5): who subscribed to what, and how each proves us."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.salla import shapes
from sandbox.salla.answers import INVALID, NOT_FOUND, failure, success
from sandbox.salla.store import MERCHANT, Invoice, Order, Shop
from sandbox.webhooks import Deliveries

SECRET = "salla-webhook-secret"  # noqa: S105 - of the sandbox only
EVERYTHING = "*"
STRATEGIES = ("signature", "token", "none")
EVENTS = ("order.created", "order.status.updated", "invoice.created", "order.refunded")


@dataclass
class Hook:
    """One address that hears of one event, or of all."""

    id: int
    name: str
    event: str
    strategy: str = "signature"
    secret: str = SECRET
    deliveries: Deliveries = field(init=False)

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.prove)

    def prove(self, url: str, body: bytes) -> Mapping[str, str]:
        """Return the headers of the hook's strategy: a signature of the body, or the secret."""
        del url
        if self.strategy == "none":
            return {}
        named = {"X-Salla-Security-Strategy": self.strategy.title()}
        if self.strategy == "token":
            told = f"not {self.secret}" if self.deliveries.forge else self.secret
            return {**named, "Authorization": told}
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {**named, "X-Salla-Signature": digest}

    def shape(self) -> dict[str, Any]:
        """Return what the API tells of it."""
        return {
            "id": self.id,
            "name": self.name,
            "event": self.event,
            "version": 2,
            "type": "manual",
            "url": self.deliveries.url,
            "security_strategy": self.strategy,
        }


class Hooks:
    """All hooks of a store: the app's own, set with `/sandbox/webhooks`, and the subscribed."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._own = Hook(1, "app", EVERYTHING)
        self._hooks = {self._own.id: self._own}
        self._base = ""
        shop.told = self.tell

    def tell(self, event: str, about: Order | Invoice) -> None:
        """Send an event to everybody who listens to it."""
        listening = [one for one in self._hooks.values() if one.event in {EVERYTHING, event}]
        if not any(one.deliveries.url for one in listening):
            return
        envelope = {
            "event": event,
            "merchant": int(MERCHANT),
            "created_at": datetime.now(UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000"),
            "data": self._data(about),
        }
        body = json.dumps(envelope, ensure_ascii=False).encode()
        for one in listening:
            one.deliveries.send(body)

    def _data(self, about: Order | Invoice) -> dict[str, Any]:
        if isinstance(about, Invoice):
            return shapes.invoice(about, whole=True)
        return shapes.order(self._shop, about, self._base, light=False, arabic=True)

    # --- over HTTP -------------------------------------------------------------------------------

    async def knob(self, request: Request) -> Response:
        """Set the app's own address: url, strategy, secret and the switches of `Deliveries`."""
        if request.method == "POST":
            given = await request.json()
            if given.get("strategy", self._own.strategy).lower() not in STRATEGIES:
                return JSONResponse({"ok": False, "error": f"known: {STRATEGIES}"}, 400)
            self._base = str(request.base_url).rstrip("/")
            self._own.strategy = given.get("strategy", self._own.strategy).lower()
            self._own.secret = str(given.get("secret", self._own.secret))
            self._own.deliveries.turn(given)
        state = self._own.deliveries.state()
        return JSONResponse({"ok": True, "strategy": self._own.strategy, **state})

    async def events(self, request: Request) -> Response:
        del request
        return success([{"label": event, "event": event, "group": "sandbox"} for event in EVENTS])

    async def all(self, request: Request) -> Response:
        del request
        return success([one.shape() for one in self._hooks.values() if one is not self._own])

    async def subscribe(self, request: Request) -> Response:
        return self._saved(request, await request.json(), Hook(max(self._hooks) + 1, "", ""))

    async def update(self, request: Request) -> Response:
        found = self._hooks.get(request.path_params["id"])
        if found is None or found is self._own:
            return failure(NOT_FOUND, "The webhook is not found")
        return self._saved(request, await request.json(), found)

    async def unsubscribe(self, request: Request) -> Response:
        number = request.query_params.get("id", "")
        found = self._hooks.get(int(number)) if number.isdecimal() else None
        if found is None or found is self._own:
            return failure(NOT_FOUND, "The webhook is not found")
        del self._hooks[found.id]
        found.deliveries.stop()
        return success({"message": "The webhook is deleted", "code": 200})

    def _saved(self, request: Request, given: dict[str, Any], hook: Hook) -> Response:
        event, url = given.get("event", hook.event), given.get("url", hook.deliveries.url)
        strategy = given.get("security_strategy", hook.strategy)
        wrong = {
            "event": event not in EVENTS,
            "url": not str(url).startswith(("http://", "https://")),
            "security_strategy": strategy not in STRATEGIES,
        }
        fields = {name: ["is not valid"] for name, bad in wrong.items() if bad}
        if fields:
            return failure(INVALID, "alert.invalid_fields", fields)
        self._base = str(request.base_url).rstrip("/")
        hook.name, hook.event, hook.strategy = str(given.get("name", hook.name)), event, strategy
        hook.secret = str(given.get("secret", hook.secret))
        hook.deliveries.url = url
        self._hooks[hook.id] = hook
        return success(hook.shape())
