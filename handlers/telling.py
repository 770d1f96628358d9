"""Answers a press where the person is looking: in the modal, in the channel, or directly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk import WebClient

from bot.outbox import Outbox
from bot.posts import answer, direct, uid_of, view, whisper
from bot.web_api import TROUBLE, error_code
from handlers.incoming import Modal, Pressed

Message = Mapping[str, Any]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells one person what came of their press."""

    outbox: Outbox
    client: WebClient

    def __call__(self, press: Pressed, message: Message) -> None:
        """Answer where the person is looking."""
        uid = uid_of(press.receipt, "told")
        if press.modal:
            self._push(press, press.modal, message)
        elif press.url:
            self.outbox.put_once(answer(press.url, message, uid))
        elif press.channel:
            self.outbox.put_once(whisper(press.channel, press.user, message, uid=uid))
        else:
            self.outbox.put_once(direct(press.user, message, uid))

    def instead(self, press: Pressed, content: Message) -> None:
        """Show a modal in the place of the one that was pressed in, where none fits above it."""
        if press.modal:
            shown = {**content, "private_metadata": press.modal.private}
            self.outbox.put_once(view(press.modal.id, shown, uid_of(press.receipt, "told")))

    def opens(self, press: Pressed, content: Message) -> bool:
        """Open a modal, above the one that was pressed in; False where Slack did not."""
        opened = self.client.views_push if press.modal else self.client.views_open
        try:
            opened(trigger_id=press.trigger, view=dict(content))
        except TROUBLE as error:
            log.warning("modal.not_opened", error=error_code(error) or str(error))
            return False
        return True

    def _push(self, press: Pressed, modal: Modal, message: Message) -> None:
        content = {"type": "modal", "title": modal.title, "blocks": message["blocks"]}
        try:
            self.client.views_push(trigger_id=press.trigger, view=content)
        except TROUBLE:
            self.outbox.put_once(direct(press.user, message, uid_of(press.receipt, "told")))
