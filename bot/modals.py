"""Opening modals: the one call to Slack that a listener makes, for its trigger lives 3 seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk import WebClient

from bot.web_api import TROUBLE, error_code

STACKED = "push_limit_reached"
"""What Slack says where three modals stand above each other already (docs "Modals")."""

log = structlog.get_logger(__name__)


class Stacked(Exception):
    """No modal can be opened above this one: three stand there."""


@dataclass(frozen=True, slots=True)
class Modals:
    """Opens modals with a short client."""

    client: WebClient

    def open(self, trigger: str, content: Mapping[str, Any]) -> bool:
        """Open a modal over what the person looks at; False where Slack would not."""
        return self._show(self.client.views_open, trigger, content)

    def push(self, trigger: str, content: Mapping[str, Any]) -> bool:
        """Open a modal over the one that a button was pressed in; False where Slack would not.

        Raises Stacked.
        """
        return self._show(self.client.views_push, trigger, content)

    def _show(self, call: Callable[..., Any], trigger: str, content: Mapping[str, Any]) -> bool:
        try:
            call(trigger_id=trigger, view=dict(content))
        except TROUBLE as error:
            code = error_code(error)
            if code == STACKED:
                raise Stacked from error
            log.warning("view.not_opened", error=code or str(error))
            return False
        return True
