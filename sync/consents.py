"""Connecting in the browser: one way from a ticket to a checked connection, each step once.

ticket (in a link that only the admin sees) -> state (in the browser's address) and a cookie (in the
browser itself) -> code -> tokens -> whose account is it? -> connection. A state without its cookie
leads nowhere: a link that somebody else opened cannot connect *their* account to our books.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sync.connectors.oauth import (
    OAuthApp,
    OAuthRefused,
    Tokens,
    authorization_url,
    exchange,
)
from sync.connectors.registry import UnknownSystem, check_account
from sync.connectors.spec import Spec
from sync.documents import Account
from sync.engine import Engine, OtherAccount
from sync.errors import ErrorType, ReadError, TryLater
from sync.records import Actor, Connection
from sync.store import Consent, hashed
from sync.systems import TITLES

GOOD_FOR = timedelta(minutes=10)
"""How long a ticket leads to a consent page, and a state back from it."""

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Registration:
    """Our app at one system; an empty `base_url` is the system's own."""

    app: OAuthApp
    base_url: str = ""
    webhook_secret: str | None = None


class Stop(StrEnum):
    """Where a way ended without a connection."""

    NO_TICKET = "no_ticket"
    """Not ours, or of an installation that began in the system's own store."""

    EXPIRED = "expired"
    USED = "used"
    OTHER_BROWSER = "other_browser"
    DENIED = "denied"
    """The person said no on the consent page."""

    CODE_REFUSED = "code_refused"
    """The code had expired or was used: the system gave no tokens for it."""

    NOT_REACHED = "not_reached"
    OTHER_ACCOUNT = "other_account"
    NO_SCOPE = "no_scope"
    REFUSED = "refused"
    """The tokens do not open the account."""

    NOT_REGISTERED = "not_registered"
    """No client id and secret are set for this system."""


class Stopped(Exception):
    """No connection came of it; `detail` is what the system said, without secrets."""

    def __init__(self, stop: Stop, system: str, detail: str = "") -> None:
        super().__init__(f"{stop}: {detail}")
        self.stop = stop
        self.system = system
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes next, and the cookie that it takes along."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A way that came to its end."""

    connection: Connection
    account: Account
    by: Actor
    waiting: int
    """How many documents had waited for it."""


class Consents:
    """Leads admins through; `public_url` is how their browsers reach us."""

    def __init__(
        self, engine: Engine, registrations: Mapping[str, Registration], public_url: str
    ) -> None:
        self._engine = engine
        self._registrations = registrations
        self._public_url = public_url.rstrip("/")

    def name_for(self, system: str, name: str | None) -> str:
        """Return the connection's name: as asked, else the one there is, else the system's."""
        if name:
            return name
        known = [one.name for one in self._engine.connections() if one.system == system]
        return known[0] if known else system

    def offer(self, system: str, name: str | None, by: Actor, team: str | None) -> str:
        """Return a link, good once and for ten minutes, that begins the way for this person.

        Raises UnknownSystem, OtherAccount (the name stands for another system) and Stopped where
        nothing is registered with the system.
        """
        if system not in TITLES:
            raise UnknownSystem(system)
        named = self.name_for(system, name)
        known = self._engine.store.connections.get(named)
        if known and known.system != system:
            raise OtherAccount(known)
        if system != "daftra":
            self._registration(system)
        ticket = secrets.token_hex(32)  # Salla strips hyphens: hexadecimal has none
        self._engine.store.consents.offer(ticket, system, named, by, team, self._engine.clock.now())
        return f"{self._public_url}/oauth/{system}/start?ticket={ticket}"

    def begin(self, system: str, ticket: str) -> Begun:
        """Turn a ticket into the address of the consent page. Raises Stopped."""
        self._open(system, ticket)
        app = self._registration(system).app
        state, cookie = secrets.token_hex(32), secrets.token_hex(32)
        url, verifier = authorization_url(app, self._redirect_uri(system), state)
        now = self._engine.clock.now()
        if not self._engine.store.consents.start(ticket, state, cookie, verifier, now):
            raise Stopped(Stop.USED, system)
        return Begun(url, cookie)

    def finish(self, system: str, query: Mapping[str, str], cookie: str) -> Connected:
        """Come back from the consent page: exchange, check, connect. Raises Stopped."""
        state = query.get("state", "")
        consent = self._open(system, state)
        if not consent.cookie or not hmac.compare_digest(consent.cookie, hashed(cookie)):
            raise Stopped(Stop.OTHER_BROWSER, system)
        if not self._engine.store.consents.use(state, self._engine.clock.now()):
            raise Stopped(Stop.USED, system)
        if query.get("error"):
            raise Stopped(Stop.DENIED, system, query.get("error_description", ""))
        tokens = self._tokens(system, query, consent)
        return self._connect(system, consent, tokens, query.get("realmId", ""))

    def peek(self, system: str, ticket: str) -> Consent:
        """Return what a ticket stands for, while a form is to be filled. Raises Stopped."""
        return self._open(system, ticket)

    def give_key(self, system: str, ticket: str, base_url: str, key: str) -> Connected:
        """Connect with an API key that was typed into our own form. Raises Stopped.

        The ticket stays good where the key does not open the account: people mistype.
        """
        consent = self._open(system, ticket)
        spec = Spec(consent.name, base_url, None, None, key, "", {})
        account = self._checked(system, spec)
        if not self._engine.store.consents.use(ticket, self._engine.clock.now()):
            raise Stopped(Stop.USED, system)
        return self._kept(system, consent, base_url, {"token": key}, account)

    def _open(self, system: str, secret: str) -> Consent:
        consent = self._engine.store.consents.get(secret)
        if consent is None or consent.system != system:
            raise Stopped(Stop.NO_TICKET, system)
        if consent.used_at:
            raise Stopped(Stop.USED, system)
        since = consent.started_at or consent.created_at
        if self._engine.clock.now() - since > GOOD_FOR:
            raise Stopped(Stop.EXPIRED, system)
        return consent

    def _registration(self, system: str) -> Registration:
        found = self._registrations.get(system)
        if found is None:
            raise Stopped(Stop.NOT_REGISTERED, system)
        return found

    def _redirect_uri(self, system: str) -> str:
        return f"{self._public_url}/oauth/{system}/callback"

    def _tokens(self, system: str, query: Mapping[str, str], consent: Consent) -> Tokens:
        try:
            return exchange(
                self._registration(system).app,
                query.get("code", ""),
                self._redirect_uri(system),
                consent.verifier,
                now=self._engine.clock.now(),
                timeout=self._engine.times.request_timeout,
            )
        except OAuthRefused as refused:
            raise Stopped(Stop.CODE_REFUSED, system, refused.description) from refused
        except TryLater as error:
            raise Stopped(Stop.NOT_REACHED, system, error.failure.reason) from error

    def _connect(self, system: str, consent: Consent, tokens: Tokens, realm: str) -> Connected:
        registration = self._registration(system)
        account_id = tokens.account or realm
        spec = Spec(consent.name, registration.base_url, None, None, tokens.token, account_id, {})
        account = self._checked(system, spec)
        secret = _secret(registration, tokens, self._engine.clock.now())
        return self._kept(system, consent, registration.base_url, secret, account)

    def _checked(self, system: str, spec: Spec) -> Account:
        try:
            return check_account(system, spec, self._engine.clock, self._engine.times)
        except TryLater as error:
            raise Stopped(Stop.NOT_REACHED, system, error.failure.reason) from error
        except ReadError as error:
            scope = error.failure.error_type is ErrorType.PERMISSION_DENIED
            stop = Stop.NO_SCOPE if scope else Stop.REFUSED
            raise Stopped(stop, system, error.failure.reason) from error

    def _kept(
        self,
        system: str,
        consent: Consent,
        base_url: str,
        secret: dict[str, str],
        account: Account,
    ) -> Connected:
        holds = self._engine.store.log.holds()
        waiting = sum(hold.waiting for hold in holds if hold.connection == consent.name)
        known = self._engine.store.connections.get(consent.name)
        try:
            connection = self._engine.connect(
                system,
                consent.name,
                base_url,
                secret,
                account,
                by=consent.by,
                api_prefix=known.api_prefix if known else None,
                web_url=known.web_url if known else None,
            )
        except OtherAccount as other:
            both = f"{other.known.account_name} ({other.known.account})"
            detail = f"{consent.name}: {both}; {account.name} ({account.id})"
            raise Stopped(Stop.OTHER_ACCOUNT, system, detail) from other
        return Connected(connection, account, consent.by, waiting)


def _secret(registration: Registration, tokens: Tokens, now: datetime) -> dict[str, str]:
    app = registration.app
    kept = {
        "token": tokens.token,
        "refresh_token": tokens.refresh_token,
        "issued_at": now.isoformat(),
        "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else None,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "token_url": app.token_url,
        "webhook_secret": registration.webhook_secret,
    }
    return {name: value for name, value in kept.items() if value}
