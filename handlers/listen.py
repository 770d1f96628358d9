"""Which payload goes where: one listener per kind, then a look-up; one place for what goes wrong.

Whatever happens, Slack gets its acknowledgement and the person a sentence: an unacknowledged
payload shows as a bare warning mark.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from slack_bolt import Ack, App, BoltRequest, BoltResponse

from bot.outbox import Outbox
from bot.posts import answer, direct
from bot.show import Show
from handlers.actions import Actions
from handlers.commands import Commands
from handlers.forms import Forms
from handlers.incoming import BadPayload, pressed

EVERY = re.compile("")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Answers for a listener that failed: logged with a reference, told with the same."""

    outbox: Outbox
    show: Show

    def __call__(self, error: Exception, request: BoltRequest) -> BoltResponse:
        """Acknowledge, and tell the person where they look that nothing was lost."""
        reference = uuid.uuid4().hex[:8]
        log.error("listener.bug", reference=reference, exc_info=error)
        message = dict(self.show.trouble(reference))
        if "command" in request.body:
            return BoltResponse(status=200, body={**message, "response_type": "ephemeral"})
        if request.body.get("type") == "view_submission":
            return BoltResponse(status=200, body=_refusal(request, str(message["text"])))
        self._tell(request, message)
        return BoltResponse(status=200, body="")

    def _tell(self, request: BoltRequest, message: Mapping[str, object]) -> None:
        try:
            press = pressed(request.body)
        except BadPayload:
            return
        put = answer(press.url, message) if press.url else direct(press.user, message)
        self.outbox.put(put)


def _refusal(request: BoltRequest, text: str) -> dict[str, object]:
    """Return the answer that keeps a submitted form open, with `text` at its first field."""
    blocks = (request.body.get("view") or {}).get("blocks") or ()
    fields = [block["block_id"] for block in blocks if block.get("type") == "input"]
    return {"response_action": "errors", "errors": dict.fromkeys(fields[:1], text)}


def listen(app: App, commands: Commands, actions: Actions, forms: Forms, trouble: Trouble) -> None:
    """Register the listeners."""
    app.command(EVERY)(commands.__call__)
    app.action(EVERY)(actions.__call__)
    app.view(EVERY)(forms.__call__)
    app.view_closed(EVERY)(acknowledge)
    app.event(EVERY)(acknowledge)
    app.error(trouble.__call__)


def acknowledge(ack: Ack) -> BoltResponse:
    """Take a payload that asks for nothing."""
    return ack()
