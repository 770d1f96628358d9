"""Tokens that end: renewed by the clock, by one at a time, saved before they are used.

Salla revokes a whole grant when one refresh token is used twice; HubSpot and QuickBooks take the
same one again (guides, section 1). So a renewal whose answer was lost is asked again there, and
never at Salla: the old token serves until it ends, and then a person reconnects.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sync.clock import Clock
from sync.connectors.oauth import OAuthApp, OAuthRefused, Tokens, renewed
from sync.connectors.transport import Unanswered
from sync.errors import ErrorType, Failure, Reconnect, TryLater
from sync.store import Store
from sync.store.tokens import Held
from sync.systems import title_of

MARGINS = {
    "salla": timedelta(days=1),
    "hubspot": timedelta(minutes=5),
    "quickbooks": timedelta(minutes=5),
}
"""How long before its end a token is renewed (guides, section 1), at most half of its lifetime."""

SINGLE_USE = frozenset({"salla"})
FRESH = timedelta(seconds=60)
"""A token younger than this that is refused is not renewed again: the account refuses us."""

LEASE_FACTOR = 2
"""A claim belongs to a process that is gone after so many time-outs."""

LOOK_SECONDS = 0.05
SOON = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Known:
    """A token in memory; `due` is when it is renewed, None where it does not end."""

    token: str
    due: datetime | None
    ends_at: datetime | None


class _NeverAgain(Reconnect):
    """A single-use refresh token was sent and nothing came back; the old token may still serve."""


class StoredToken:
    """The credential of one connection (implements `sync.connectors.base.Credential`).

    `timeout`: how many seconds a renewal may take, waiting for another one's included.
    """

    def __init__(self, store: Store, name: str, system: str, clock: Clock, timeout: float) -> None:
        self._store = store
        self._name = name
        self._system = system
        self._clock = clock
        self._timeout = timeout
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._dead: tuple[int, Reconnect] | None = None

    def token(self) -> str:
        """Return a token that is good now. Raises Reconnect or TryLater."""
        known = self._known
        if known and (known.due is None or self._clock.now() < known.due):
            return known.token
        with self._lock:
            self._known = self._current()
            return self._known.token

    def renew(self, refused: str) -> bool:
        """Return whether there is another token than the refused one. Raises as `token`."""
        with self._lock:
            held = self._store.tokens.held(self._name)
            known = self._read(held)
            if known.token == refused:
                if "refresh_token" not in held.secret or self._is_fresh(held):
                    return False
                known = self._renewal(held)
            self._known = known
            return known.token != refused

    def _is_fresh(self, held: Held) -> bool:
        issued_at = _instant(held.secret.get("issued_at"))
        return issued_at is not None and self._clock.now() - issued_at < FRESH

    def _current(self) -> _Known:
        """Return what is in the store, renewed where it is due."""
        held = self._store.tokens.held(self._name)
        known, now = self._read(held), self._clock.now()
        if known.due is None or now < known.due or "refresh_token" not in held.secret:
            return known
        try:
            return self._renewal(held)
        except (TryLater, _NeverAgain):
            if known.ends_at is None or now >= known.ends_at:
                raise
            return replace(known, due=min(known.ends_at, now + FRESH))

    def _read(self, held: Held) -> _Known:
        ends_at = _instant(held.secret.get("expires_at"))
        issued_at = _instant(held.secret.get("issued_at"))
        margin = MARGINS.get(self._system, timedelta(0))
        if ends_at and issued_at:
            margin = min(margin, (ends_at - issued_at) / 2)
        due = ends_at - margin if ends_at else None
        return _Known(held.secret.get("token", ""), due, ends_at)

    def _renewal(self, held: Held) -> _Known:
        """Renew, or wait for whoever does; a dead grant is not asked for again."""
        if self._dead and self._dead[0] == held.version:
            dead = self._dead[1]
            raise Reconnect(dead.failure, self._name)
        now, lease = self._clock.now(), timedelta(seconds=LEASE_FACTOR * self._timeout)
        until = self._store.tokens.claim(self._name, held.version, now, lease)
        if until is None:
            return self._other_one(held.version)
        held = self._store.tokens.held(self._name)  # as it stands now that nobody else touches it
        if held.sent_at and self._system in SINGLE_USE:
            self._store.tokens.lost(self._name, held.version, until)
            raise self._never_again()
        tokens = self._asked(held, until)
        self._store.tokens.save(self._name, held.version, _merged(held.secret, tokens, now))
        return self._read(self._store.tokens.held(self._name))

    def _asked(self, held: Held, until: datetime) -> Tokens:
        """Send the renewal under its mark. Raises Reconnect or TryLater."""
        rows, name, version = self._store.tokens, self._name, held.version
        app, refresh_token = self._app(held), held.secret["refresh_token"]
        if not rows.sending(name, version, until, self._clock.now()):
            raise self._later("is being renewed by another process")
        try:
            return renewed(app, refresh_token, now=self._clock.now(), timeout=self._timeout)
        except TryLater as unsent:
            rows.release(name, version, until)
            raise TryLater(replace(unsent.failure, key=name), unsent.wait) from unsent
        except OAuthRefused as refused:
            rows.release(name, version, until)
            raise self._refusal(version, refused) from refused
        except Unanswered as lost:
            rows.lost(name, version, until)
            if self._system in SINGLE_USE:
                raise self._never_again() from lost
            reason = f"{title_of(self._system)} {lost}"
            raise TryLater(Failure(ErrorType.DESTINATION_DOWN, name, reason)) from lost

    def _other_one(self, version: int) -> _Known:
        """Wait until whoever holds the claim has renewed. Raises TryLater."""
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline:
            found = self._store.tokens.held(self._name)
            if found.version != version:
                return self._read(found)
            if found.claimed_until is None:
                raise self._later("was not renewed by another process")
            time.sleep(LOOK_SECONDS)
        raise self._later("is being renewed by another process")

    def _app(self, held: Held) -> OAuthApp:
        secret = held.secret
        return OAuthApp(
            self._system,
            secret.get("client_id", ""),
            secret.get("client_secret", ""),
            "",
            secret.get("token_url", ""),
        )

    def _refusal(self, version: int, refused: OAuthRefused) -> Reconnect:
        """Return the error of a refused renewal, remembered until the secret changes."""
        said = f"{title_of(self._system)} refused to renew the token: {refused.description}"
        error = Reconnect(Failure(ErrorType.UNAUTHORIZED, self._name, said), self._name)
        self._dead = (version, error)
        return error

    def _never_again(self) -> _NeverAgain:
        reason = (
            f"{title_of(self._system)} did not answer the renewal of its token, and asking twice"
            " would revoke it: reconnect the store"
        )
        return _NeverAgain(Failure(ErrorType.UNAUTHORIZED, self._name, reason), self._name)

    def _later(self, what: str) -> TryLater:
        reason = f"The token of {self._name} {what}"
        return TryLater(Failure(ErrorType.STALE, self._name, reason), SOON)


def _merged(secret: dict[str, str], tokens: Tokens, now: datetime) -> dict[str, str]:
    """Return the secret with its tokens renewed; an end that is not told is not the old one."""
    given = {
        "token": tokens.token,
        "refresh_token": tokens.refresh_token or secret["refresh_token"],
        "issued_at": now.isoformat(),
        "expires_at": tokens.expires_at.isoformat() if tokens.expires_at else "",
    }
    return {name: value for name, value in {**secret, **given}.items() if value}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
