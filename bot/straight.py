"""Answers that go straight to Slack, for when the database cannot keep them in the outbox.

One try within a listener's time: an answer that does not arrive is only missing, never wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.sender import may_answer
from bot.web_api import READ_TIMEOUT_SECONDS, TROUBLE, error_code

Message = Mapping[str, Any]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Straight:
    """Tells one person something, beside the outbox."""

    client: WebClient
    """With a short time-out: a listener waits for it."""

    def answer(self, response_url: str, message: Message) -> None:
        """Show `message` beside what was pressed, to the presser alone."""
        if not may_answer(response_url, self.client.base_url):
            log.warning("straight.foreign_response_url")
            return
        shown = {**message, "response_type": "ephemeral", "replace_original": False}
        webhook = WebhookClient(response_url, timeout=READ_TIMEOUT_SECONDS, retry_handlers=[])
        try:
            webhook.send_dict(shown)
        except TROUBLE as error:
            log.warning("straight.unsent", error=str(error))

    def push(self, trigger: str, title: Message, user: str, message: Message) -> None:
        """Lay `message` over the modal that was pressed; where Slack refuses, tell it directly."""
        content = {"type": "modal", "title": title, "blocks": message["blocks"]}
        try:
            self.client.views_push(trigger_id=trigger, view=content)
        except TROUBLE as error:
            log.warning("straight.not_pushed", error=error_code(error) or str(error))
            self.direct(user, message)

    def direct(self, user: str, message: Message) -> None:
        """Send `message` as a direct message."""
        try:
            self.client.chat_postMessage(channel=user, **message)
        except TROUBLE as error:
            log.warning("straight.unsent", error=error_code(error) or str(error))
