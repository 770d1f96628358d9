"""The identity server of a system whose tokens end, and the source that asks for them.

A single-use refresh token that comes a second time revokes the whole grant, as Salla's does. The
engine's renewals come through `renewed`, which stands for the request to the token endpoint.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sync.connectors.base import Credential
from sync.connectors.oauth import OAuthRefused, Tokens
from sync.connectors.transport import Answer, Unanswered
from sync.documents import Account, Document, Header, Order
from sync.errors import ErrorType, Failure, FixData, TryLater
from tests.builders import header_of
from tests.faults.books import READ_FAULTS, raise_for
from tests.faults.stage import Stage
from tests.faults.weather import Fault, Weather

LIFETIME = timedelta(minutes=20)
CANARY = "canary-7f3a"
"""Part of every secret: it must be found nowhere in plain text."""


@dataclass(slots=True)
class Grant:
    """What one consent opened; `spoilt` where a second use of a refresh token revoked it."""

    number: int
    revoked: bool = False
    spoilt: bool = False


@dataclass
class Identity:
    """Hands out tokens; `renewals` counts how often each refresh token was taken."""

    stage: Stage
    weather: Weather
    single_use: bool
    note: Callable[[str], None]
    grants: list[Grant] = field(default_factory=list)
    ends: dict[str, datetime] = field(default_factory=dict)
    renewals: dict[str, int] = field(default_factory=dict)
    current: str = ""

    def consent(self) -> dict[str, str]:
        """Return the secret of a new grant, as a connection keeps it."""
        self.grants.append(Grant(len(self.grants) + 1))
        now = self.stage.clock.now()
        tokens = self._issue()
        return {
            "token": tokens.token,
            "refresh_token": tokens.refresh_token or "",
            "issued_at": now.isoformat(),
            "expires_at": (now + LIFETIME).isoformat(),
            "client_id": "app",
            "client_secret": f"{CANARY}-client",
            "token_url": "http://identity/token",
        }

    def opens(self, token: str) -> bool:
        """Return whether an access token is good now."""
        ends_at = self.ends.get(token)
        return (
            ends_at is not None
            and self.stage.clock.now() <= ends_at
            and token.endswith(f"-g{self.grants[-1].number}")
            and not self.grants[-1].revoked
        )

    def revoke(self) -> None:
        """End the grant: somebody removed our app."""
        self.grants[-1].revoked = True

    def renew(self, refresh_token: str) -> Tokens:
        """Answer one request at the token endpoint. Raises as `sync.connectors.oauth.renewed`."""
        if self.weather.meets(Fault.REFUSED, 0.1):
            down = Failure(ErrorType.DESTINATION_DOWN, "", "no token now")
            raise TryLater(down)
        self.note("renewal")
        grant = self.grants[-1]
        of_this_grant = refresh_token.endswith(f"-g{grant.number}")
        used = of_this_grant and refresh_token != self.current
        if self.single_use and used and not grant.revoked:
            grant.revoked = grant.spoilt = True
        if grant.revoked or not of_this_grant:
            raise OAuthRefused("invalid_grant", "the grant is gone")
        self.renewals[refresh_token] = self.renewals.get(refresh_token, 0) + 1
        tokens = self._issue()
        if self.weather.meets(Fault.REFUSED, 0.1):
            raise Unanswered("did not answer the request for a token")
        return tokens

    def _issue(self) -> Tokens:
        number, grant = len(self.ends) + 1, self.grants[-1].number
        ends_at = self.stage.clock.now() + LIFETIME
        token = f"{CANARY}-a{number}-g{grant}"
        self.ends[token] = ends_at
        if self.single_use or not self.current.endswith(f"-g{grant}"):
            self.current = f"{CANARY}-r{number}-g{grant}"
        return Tokens(token, self.current, ends_at, "")


@dataclass
class Shelf:
    """The source itself: documents, shared by all processes; `hidden` are not readable yet."""

    documents: dict[str, Document] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def visible(self) -> list[Document]:
        """Return what the API shows now."""
        return [one for name, one in self.documents.items() if name not in self.hidden]


@dataclass
class Shop:
    """The connector of one process to the source."""

    shelf: Shelf
    stage: Stage
    weather: Weather
    credential: Credential
    opens: Callable[[str], bool]
    system: str
    connection: str = "shop"

    def check(self) -> Account:
        """Say whose shop this is, as a probe asks."""
        self._ask()
        return Account("77", "Shop")

    def close(self) -> None:
        """Nothing to close."""

    def headers(self, since: date, until: date | None = None) -> Iterator[Header]:
        """Yield every header of the period."""
        self._ask()
        last = until or date.max
        found = [header_of(one) for one in self.shelf.visible()]
        return (one for one in found if since <= one.issued <= last)

    def changes(self, after: datetime, since: date) -> Iterator[Header]:
        """Yield every header since that day: the shelf does not tell when it changed."""
        del after
        return self.headers(since)

    def hinted(self, entity: str, object_id: str) -> Sequence[Header]:
        """Return the document that an event is about, where it can be read."""
        self._ask()
        if object_id in self.shelf.hidden:
            missing = Failure(ErrorType.NOT_READY, self.connection, "not readable yet")
            raise TryLater(missing)
        known = self.shelf.documents.get(object_id)
        return [header_of(known)] if known and entity == "invoice" else []

    def headers_of(self, order: Order) -> Sequence[Header]:
        """Return the headers of one order."""
        self._ask()
        return [header_of(one) for one in self.shelf.visible() if one.order.id == order.id]

    def order(self, order_id: str) -> Order:
        """Return one order."""
        return next(one.order for one in self.shelf.visible() if one.order.id == order_id)

    def order_by_number(self, number: str) -> Order | None:
        """Return the order with this number, or None."""
        found = (one.order for one in self.shelf.visible() if one.order.number == number)
        return next(found, None)

    def read(self, source_id: str) -> Document:
        """Return one document."""
        self._ask()
        if source_id in self.shelf.hidden:
            raise FixData(Failure(ErrorType.NOT_FOUND, source_id, "no such document"))
        return self.shelf.documents[source_id]

    def _ask(self) -> None:
        """Spend a token on a read; raises what goes wrong with it."""
        token = self.credential.token()
        if not self.opens(token) and self.credential.renew(token):
            token = self.credential.token()
        wrong = None
        fault = self.weather.pick(0.05, READ_FAULTS)
        if fault is Fault.LIMITED:
            wrong = Answer(429, {"retry-after": "11"}, b"{}")
        elif fault in {Fault.BROKEN, Fault.GARBLED, Fault.DROPPED}:
            wrong = Answer(502, {}, b"{}")
        elif fault is Fault.REFUSED or not self.opens(token):
            wrong = Answer(401, {}, b"{}")
        raise_for(wrong, self.system, self.connection, self.stage.clock.now())
