"""The site's webhooks: a hint that a document was made or deleted, without any proof (guide, 6)."""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.daftra.site import CREDIT_NOTE, INVOICE, REFUND, Document, Site
from sandbox.webhooks import Deliveries

MODELS = {INVOICE: "Invoice", CREDIT_NOTE: "CreditNote", REFUND: "RefundReceipt"}


class Hooks:
    """Tells of every document that is created or deleted; the address holds the secret."""

    def __init__(self, site: Site) -> None:
        self.deliveries = Deliveries(_unproven)
        site.told = self.tell

    def tell(self, event: str, one: Document) -> None:
        """Send a hint: the event and the document's id, nothing else."""
        model = MODELS[one.type]
        hint = {"event": f"{model} {event}", "model": model, "action": event, "id": str(one.id)}
        self.deliveries.send(json.dumps(hint).encode())

    async def knob(self, request: Request) -> Response:
        """Set the address and the switches of `Deliveries`."""
        if request.method == "POST":
            self.deliveries.turn(await request.json())
        return JSONResponse({"ok": True, **self.deliveries.state()})


def _unproven(url: str, body: bytes) -> Mapping[str, str]:
    del url, body
    return {}
