"""Which payload goes where: one listener per kind, then a look-up; one place for what goes wrong.

Whatever happens, Slack gets its acknowledgement and the person a sentence: an unacknowledged
payload shows as a bare warning mark.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Any

import structlog
from slack_bolt import Ack, App, BoltRequest, BoltResponse

from bot.outbox import Outbox
from bot.posts import answer, direct
from bot.show import Show
from bot.straight import Straight
from handlers.actions import Actions
from handlers.commands import Commands
from handlers.forms import Forms
from handlers.incoming import BadPayload, Pressed, pressed
from sync.store import Unavailable, patience

EVERY = re.compile("")
Message = Mapping[str, Any]

LOCK_SECONDS = 1.5
"""How long a press waits for a lock; Slack shows a failure after 3 s without an acknowledgement."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Answers for a listener that failed: logged with a reference, told with the same."""

    outbox: Outbox
    show: Show
    straight: Straight

    def __call__(self, error: Exception, request: BoltRequest) -> BoltResponse:
        """Acknowledge, and tell the person where they look that nothing was lost.

        What the database did not take is told as such: there it is the person who tries again.
        """
        if isinstance(error, Unavailable):
            log.error("listener.not_stored", reason=str(error))
            return self._answered(request, self.show.unstored(error.trouble), self._tell_straight)
        reference = uuid.uuid4().hex[:8]
        log.error("listener.bug", reference=reference, exc_info=error)
        return self._answered(request, self.show.trouble(reference), self._tell)

    def _answered(
        self, request: BoltRequest, message: Message, tell: Callable[[Pressed, Message], None]
    ) -> BoltResponse:
        """Return the acknowledgement, with `message` in it or, for a press, told beside it."""
        if "command" in request.body:
            return BoltResponse(status=200, body={**message, "response_type": "ephemeral"})
        if request.body.get("type") == "view_submission":
            return BoltResponse(status=200, body=_refusal(request, str(message["text"])))
        with suppress(BadPayload):
            tell(pressed(request.body), message)
        return BoltResponse(status=200, body="")

    def _tell(self, press: Pressed, message: Message) -> None:
        put = answer(press.url, message) if press.url else direct(press.user, message)
        try:
            self.outbox.put(put)
        except Unavailable:
            self._tell_straight(press, message)

    def _tell_straight(self, press: Pressed, message: Message) -> None:
        if press.url:
            self.straight.answer(press.url, message)
        elif press.modal:
            self.straight.push(press.trigger, press.modal.title, press.user, message)
        else:
            self.straight.direct(press.user, message)


def _refusal(request: BoltRequest, text: str) -> dict[str, object]:
    """Return the answer that keeps a submitted form open, with `text` at its first field."""
    blocks = (request.body.get("view") or {}).get("blocks") or ()
    fields = [block["block_id"] for block in blocks if block.get("type") == "input"]
    return {"response_action": "errors", "errors": dict.fromkeys(fields[:1], text)}


Listener = Callable[..., BoltResponse]


def listen(
    app: App,
    commands: Commands,
    actions: Actions,
    forms: Forms,
    options: Listener,
    trouble: Trouble,
) -> None:
    """Register the listeners."""
    app.command(EVERY)(_in_time(commands.__call__))
    app.action(EVERY)(_in_time(actions.__call__))
    app.view(EVERY)(_in_time(forms.__call__))
    app.options(EVERY)(_in_time(options))
    app.view_closed(EVERY)(acknowledge)
    app.event(EVERY)(acknowledge)
    app.error(trouble.__call__)


def _in_time(listener: Callable[..., BoltResponse]) -> Callable[..., BoltResponse]:
    """Let a listener give up on a locked database while its answer can still be read."""

    @wraps(listener)
    def listen_in_time(*args: object, **given: object) -> BoltResponse:
        with patience(LOCK_SECONDS):
            return listener(*args, **given)

    return listen_in_time


def acknowledge(ack: Ack) -> BoltResponse:
    """Take a payload that asks for nothing."""
    return ack()
