"""What happens when someone presses a button: parse, ask the gate, act, show.

Acknowledged when the effect is stored; what people then read goes through the outbox. Opening a
View is the one call to Slack inside a listener, because its trigger lives three seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from slack_bolt import Ack, BoltResponse
from slack_sdk import WebClient

from bot.actions import ActionId, BadValue, action_of, id_of, page_of, sync_of
from bot.outbox import Outbox
from bot.permissions import Action
from bot.posts import replacement, uid_of, view
from bot.problems import Problem, Wrong
from bot.show import Show
from bot.verbs import Verb
from bot.watching import Drawn, Follows
from bot.web_api import TROUBLE, error_code
from handlers import pausing
from handlers.following import follow
from handlers.gate import Gate
from handlers.incoming import Payload, Pressed, pressed
from handlers.links import Links
from handlers.telling import Teller
from sync.backfill import Backfills
from sync.engine import Engine
from sync.points import point
from sync.records import Actor, Answer, Retried, Sync
from sync.store import BadCursor

Message = Mapping[str, Any]
Handler = Callable[[Pressed, Actor], None]
log = structlog.get_logger(__name__)

UNDER_WAY = frozenset(
    {Answer.QUEUED, Answer.HURRIED, Answer.PROCESSING, Answer.WAITS_FOR_CONNECTION}
)
"""Answers after which there is an end to be told."""

NEEDED: Mapping[ActionId | None, Action] = {
    ActionId.RETRY: Action.RETRY,
    ActionId.RECONNECT: Action.CONNECT,
    ActionId.RESUME: Action.PAUSE,
    ActionId.STOP: Action.STOP,
    ActionId.FIX: Action.FIX,
    ActionId.CHECK: Action.BULK,
    ActionId.CHECK_ANYWAY: Action.DECIDE,
    ActionId.REOPEN: Action.DECIDE,
    ActionId.LINK_ANYWAY: Action.DECIDE,
    ActionId.BULK_STOP: Action.STOP,
    ActionId.BULK_APPROVE: Action.DECIDE,
    ActionId.CAUSE_MENU: Action.ASSIGN,
    ActionId.PRECHECK_STOP: Action.STOP,
    ActionId.PRECHECK_CREATE: Action.FIX,
}
"""What a button asks for beyond a look."""


@dataclass(frozen=True, slots=True)
class Actions:
    """The buttons of all messages and modals."""

    engine: Engine
    outbox: Outbox
    show: Show
    gate: Gate
    client: WebClient
    links: Links
    backfills: Backfills
    teller: Teller
    others: Mapping[ActionId | None, Handler] = field(default_factory=dict)
    """The buttons that other modules answer, each with its own look at rights."""

    def __call__(self, ack: Ack, body: Payload) -> BoltResponse:
        """Do what the pressed button asks for; a link opens by itself and is acknowledged."""
        press = pressed(body)
        handlers: Mapping[ActionId | None, Handler] = {
            ActionId.RETRY: self.retry,
            ActionId.VIEW: self.view,
            ActionId.LOG_NEWER: self.turn,
            ActionId.LOG_OLDER: self.turn,
            ActionId.LOG_REFRESH: self.turn,
            ActionId.SHOW_ALL: self.show_all,
            ActionId.RECONNECT: self.reconnect,
            ActionId.RESUME: self.resume,
            ActionId.STOP: self.stop,
            **self.others,
        }
        handler = handlers.get(action_of(press.action))
        if handler:
            self._handle(press, handler)
        acknowledged = ack()
        point("click.acked")
        return acknowledged

    def _handle(self, press: Pressed, handler: Callable[[Pressed, Actor], None]) -> None:
        needed = NEEDED.get(action_of(press.action), Action.LOOK)
        person = self.gate.passed(press.user, press.team, needed)
        if not isinstance(person, Actor):
            self.teller(press, person)
            return
        try:
            handler(press, person)
        except BadValue as bad:
            self.teller(press, self.show.wrong(bad.problem))
        except BadCursor:
            self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE)))

    def retry(self, press: Pressed, person: Actor) -> None:
        """Send a sync back to its lane; what became of it is told when it ends."""
        sync_id = sync_of(press.value)
        retried = self.engine.retry(sync_id, person, press.receipt)
        point("click.stored")
        if retried.sync and retried.answer in UNDER_WAY:
            follow(self.engine, press, retried.sync.id)
        number = retried.sync.number if retried.sync else str(sync_id)
        self._answer(press, number, retried)

    def view(self, press: Pressed, _person: Actor) -> None:
        """Open a document with all that is known of it."""
        story = self.engine.story(sync_of(press.value))
        if story is None:
            self.teller(press, self.show.wrong(Problem(Wrong.NOT_FOUND, press.value or "")))
            return
        private = press.modal.private if press.modal else press.channel or ""
        content = {**self.show.document(story), "private_metadata": private}
        opens = self.client.views_push if press.modal else self.client.views_open
        try:
            opened = opens(trigger_id=press.trigger, view=content)
        except TROUBLE as error:
            log.warning("view.not_opened", error=error_code(error) or str(error))
            self.teller(press, self.show.story(story))
            return
        self._keep_fresh(story.sync, Drawn(opened["view"]["id"], private, self._now()))

    def _keep_fresh(self, sync: Sync, modal: Drawn) -> None:
        """Let an open View follow its document, and what stops it."""
        watches = self.engine.store.watches
        watches.add([sync.id], Follows.MODAL, modal.target(), modal.at, quiet=True)
        if self.engine.sync(sync.id) != sync:  # it moved while the modal opened
            watches.add([sync.id], Follows.MODAL, modal.target(), modal.at)

    def _now(self) -> datetime:
        return self.engine.clock.now()

    def turn(self, press: Pressed, _person: Actor) -> None:
        """Put another page of the log in the place of this one."""
        filters, cursor = page_of(press.value)
        message = self.show.log(self.engine.log(filters, cursor), filters, cursor)
        if press.url:
            self.outbox.put_once(replacement(press.url, message, uid_of(press.receipt, "page")))

    def show_all(self, press: Pressed, _person: Actor) -> None:
        """Show the rows behind a line of the digest, to this person alone."""
        filters, cursor = page_of(press.value)
        self.teller(press, self.show.log(self.engine.log(filters, cursor), filters, cursor))

    def reconnect(self, press: Pressed, person: Actor) -> None:
        """Give an admin the link that opens a refused connection again."""
        name = press.value or ""
        known = self.engine.store.connections.get(name)
        if known is None:
            self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE, name[:40])))
            return
        self.teller(press, self.links.link(known.system, name, person, press.team))

    def resume(self, press: Pressed, _person: Actor) -> None:
        """Let what waits behind a paused connection go again; its message counts it down."""
        self.teller(press, pausing.resumed(self.engine, self.show, press.value or ""))

    def stop(self, press: Pressed, person: Actor) -> None:
        """Let a backfill put nothing more in; its message says so itself."""
        batch = self.backfills.stop(id_of(press.value), person)
        if batch is None:
            self.teller(press, self.show.wrong(Problem(Wrong.NOT_RUNNING, verb=Verb.BACKFILL)))
            return
        told = "stopping" if batch.active else "ended"
        self.teller(press, self.show.backfill_told(batch, told))

    def _answer(self, press: Pressed, number: str, retried: Retried) -> None:
        """Say what was done; in a modal that follows the sync, the modal itself says it."""
        story = self.engine.story(retried.sync.id) if press.modal and retried.sync else None
        if press.modal and story and retried.answer in {Answer.QUEUED, Answer.HURRIED}:
            content = {**self.show.document(story), "private_metadata": press.modal.private}
            self.outbox.put_once(view(press.modal.id, content, uid_of(press.receipt, "modal")))
        else:
            self.teller(press, self.show.retried([(number, retried)]))
