"""The Slack side as a whole: built from settings, an engine and words; started and stopped at once.

`app.py` starts it beside the engine. Nothing here decides anything; it joins.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from slack_bolt import App

from bot.actions import ActionId
from bot.backfill import backfill_things
from bot.bulking import bulk_things
from bot.channels import Channels
from bot.consent import ConsentPages
from bot.errands import BRING, Bring
from bot.guard import Guard
from bot.holding import hold_things
from bot.listed import Place, anew, with_lists
from bot.living import LivingMessages
from bot.modals import Modals
from bot.news import OPEN, News
from bot.notices import Notices
from bot.outbox import Errand, Outbox
from bot.people import People
from bot.permissions import Role
from bot.posts import direct
from bot.precheck import precheck_things
from bot.repairs import MEND, Mend
from bot.schedule import Schedule
from bot.sender import Sender
from bot.settings import Settings
from bot.show import Show
from bot.slack import Socket, SocketTimes, Workspace, bolt_app, guarded
from bot.straight import Straight
from bot.subscriptions import Digests, Subscription
from bot.watching import Follows
from bot.web import Health, Part, Pulse, Site, fresh, site
from bot.webhooks import webhook_routes
from handlers.actions import Actions, Handler
from handlers.bulking import Bulking
from handlers.causes import Causes
from handlers.causing import CauseButtons
from handlers.commands import Commands
from handlers.deciding import Deciding
from handlers.fixing import Fixes
from handlers.forms import Forms
from handlers.gate import Gate
from handlers.links import Links
from handlers.listen import Trouble, listen
from handlers.prechecking import Prechecking
from handlers.reopening import Reopens
from handlers.telling import Teller
from sync.consents import FORGOTTEN_AFTER, Connected, Consents
from sync.engine import Engine

DIGEST_TICK_SECONDS = 5.0
SOCKET_TICK_SECONDS = 5.0
WARM_SECONDS = 30.0
RESCUE_SECONDS = 60.0
PING_SECONDS = 5.0
SWEEP_SECONDS = 3600.0
RECEIPTS_KEPT = timedelta(hours=24)
"""Slack delivers nothing again after so long."""

SILENT_SECONDS = 60.0


class Surface:
    """What listens to Slack and speaks to it; Socket Mode unless `http`."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        engine: Engine,
        show: Show,
        *,
        http: bool,
        socket_times: SocketTimes | None = None,
    ) -> None:
        self._engine = engine
        self._pulse = Pulse(engine.store.ping, SILENT_SECONDS)
        clock = engine.clock
        channels = Channels(workspace.reads, clock)
        self._people = People(workspace.reads, groups(settings), workspace.team, clock)
        owner = partial(owner_of, settings, self._people)
        notices = Notices(engine.store, clock, show, owner, settings.timezone)
        sender = Sender(workspace.posts, engine.store, channels, clock, undrawn=notices.undrawn)
        self.outbox = Outbox(
            engine.store, sender, clock, _errands(engine, show, workspace), notices.undelivered
        )
        self.digests = Digests(engine, self.outbox.put, show, subscription(settings))
        self._news = News(engine, self.outbox, show, self.digests)
        gate = Gate(self._people, show)
        consents = Consents(engine, settings.registrations, settings.public_url)
        links = Links(consents, show)
        self._public_url = settings.public_url
        secure = settings.public_url.startswith("https:")
        self.pages = ConsentPages(consents, self._connected, secure=secure)
        self._show = show
        self._living = self._messages()
        self._app = bolt_app(workspace, settings)
        self._listen(workspace, gate, channels, links, settings)
        self._socket = None if http else _socket(self._app, settings, workspace, socket_times)
        self.events = _events(self._app, settings, engine) if http else None
        self._schedule = self._scheduled()

    def _listen(
        self,
        workspace: Workspace,
        gate: Gate,
        channels: Channels,
        links: Links,
        settings: Settings,
    ) -> None:
        engine, outbox, show = self._engine, self.outbox, self._show
        backfills = engine.backfills
        reads, zone, digests = workspace.reads, settings.timezone, self.digests
        modals, teller = Modals(reads), Teller(outbox, reads)
        fixes = Fixes(engine, outbox, show, gate, modals, teller, zone)
        forms = Forms(engine, backfills, outbox, show, gate, modals, fixes.forms())
        reopens = Reopens(engine, outbox, show, teller)
        deciding = Deciding(engine, outbox, show, gate, fixes, reopens)
        prechecking = Prechecking(engine, outbox, show, teller)
        others: dict[ActionId | None, Handler] = {
            ActionId.CAUSE: Causes(engine, show, teller),
            **prechecking.handlers(),
            **fixes.handlers(),
            **reopens.handlers(),
            **Bulking(engine, show, teller).handlers(),
            **CauseButtons(engine, outbox, show, teller).handlers(),
        }
        said = digests, channels, links, zone
        asked = backfills, forms, prechecking, deciding
        listen(
            self._app,
            Commands(engine, outbox, show, gate, *said, *asked),
            Actions(engine, outbox, show, gate, reads, links, backfills, teller, others),
            forms,
            fixes.options,
            Trouble(outbox, show, Straight(reads)),
        )

    def _messages(self) -> LivingMessages:
        engine, show, channel = self._engine, self._show, self.digests.channel
        kinds = (
            partial(backfill_things, engine.backfills, show.backfill),
            partial(hold_things, engine.store, show.hold, channel),
            with_lists(partial(bulk_things, engine.bulks, show.bulk, channel), self._redraw),
            partial(precheck_things, engine.store, show.precheck),
        )
        return LivingMessages(kinds, engine.store, self.outbox, engine.clock)

    def _redraw(self, place: Place, ended: str) -> None:
        """Draw the list of causes anew from which something began that is over now."""
        self.outbox.put_once(*anew(self._engine, self._show, place, ended))

    def start(self, *, alone: bool) -> None:
        """Begin; `alone` where no other process sends this database's posts."""
        self._people.warm()
        self._engine.listen(self.ring)
        self.outbox.start(alone=alone)
        self.digests.recover()
        self._news.start()
        self._living.start()
        if self._socket:
            self._socket.start()
        self._schedule.start()

    def every(self, seconds: float, job: Callable[[], None]) -> None:
        """Run `job` each `seconds`, beside our own."""
        self._schedule.every(seconds, job)

    def stop(self) -> None:
        """Take no more payloads, send what is on its way, end."""
        self._schedule.stop()
        if self._socket:
            self._socket.stop()
        self._news.stop()
        self._living.stop()
        self.outbox.stop()

    def ring(self) -> None:
        """Look for news now: the engine has committed something."""
        self._news.ring()
        self._living.ring()

    def site(self) -> Site:
        """Return what is served over HTTP: health, consents, webhooks, perhaps Slack's payloads."""
        engine, public_url = self._engine, self._public_url
        hooks = webhook_routes(engine.store, engine.clock, public_url, engine.hearing.ring)
        return site(Health(self.parts()), self.events, [*self.pages.routes(), *hooks])

    def _connected(self, done: Connected) -> None:
        """Tell who began it that a connection stands, where they will look next."""
        self.outbox.put(direct(done.by.id, self._show.connected(done)))
        self._news.ring()

    @property
    def dead(self) -> bool:
        """Whether the process should end, for its supervisor to start another."""
        return bool(self._socket and self._socket.dead)

    def parts(self) -> dict[str, Part]:
        """Return what `/healthz` and `/readyz` ask."""
        parts = {
            "database": Part(self._pulse.wrong),
            "schedule": Part(fresh(self._schedule.age_seconds, SILENT_SECONDS), vital=True),
            "outbox": Part(fresh(self.outbox.age_seconds, SILENT_SECONDS), vital=True),
            "news": Part(fresh(self._news.age_seconds, SILENT_SECONDS), vital=True),
        }
        if self._socket:
            parts["socket"] = Part(self._socket_state)
        return parts

    def _socket_state(self) -> str | None:
        return None if self._socket and self._socket.connected() else "not connected"

    def _scheduled(self) -> Schedule:
        schedule = Schedule(self._engine.clock)
        schedule.every(DIGEST_TICK_SECONDS, self.digests.tick)
        schedule.every(PING_SECONDS, self._pulse.beat)
        schedule.every(WARM_SECONDS, self._people.warm)
        schedule.every(RESCUE_SECONDS, self.outbox.rescue)
        schedule.every(SWEEP_SECONDS, self._sweep)
        if self._socket:
            schedule.every(SOCKET_TICK_SECONDS, self._socket.check)
        return schedule

    def _sweep(self) -> None:
        now = self._engine.clock.now()
        self._engine.store.receipts.sweep(now - RECEIPTS_KEPT)
        self._engine.store.watches.sweep((Follows.MODAL, Follows.PAGE), now - OPEN)
        self._engine.store.consents.forget(now - FORGOTTEN_AFTER)
        self._engine.hearing.forget()


def _errands(engine: Engine, show: Show, workspace: Workspace) -> Mapping[str, Errand]:
    return {BRING: Bring(engine, show), MEND: Mend(engine, show, workspace.posts)}


def groups(settings: Settings) -> dict[Role, tuple[str, ...]]:
    """Return the user groups of each role."""
    return {
        Role.VIEWER: settings.viewer_groups,
        Role.OPERATOR: settings.operator_groups,
        Role.APPROVER: settings.approver_groups,
        Role.ADMIN: settings.admin_groups,
    }


def owner_of(settings: Settings, people: People) -> str | None:
    """Return who gets what a channel could not get: who is named, else one of the admins."""
    return settings.owner or people.somebody(Role.ADMIN)


def subscription(settings: Settings, channel: str | None = None) -> Subscription | None:
    """Return where and when the digest goes, or None while no channel is named."""
    named = channel or settings.digest_channel
    if not named:
        return None
    clear = settings.digest_when_clear
    return Subscription(named, settings.digest_at, settings.timezone, clear)


def _socket(
    app: App, settings: Settings, workspace: Workspace, times: SocketTimes | None
) -> Socket:
    token = settings.slack_app_token
    return Socket(app, token.get_secret_value() if token else "", workspace.posts, times)


def _events(app: App, settings: Settings, engine: Engine) -> Guard:
    secret = settings.slack_signing_secret
    return guarded(app, secret.get_secret_value() if secret else "", engine.clock)
