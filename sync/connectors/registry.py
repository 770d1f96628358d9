"""Which systems there are, and how to open each."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sync.clock import Clock
from sync.connectors import daftra, hubspot, quickbooks, salla
from sync.connectors.base import Connector, Credential, Destination, Fixed, Mappings, Pace, Source
from sync.connectors.daftra import Daftra
from sync.connectors.hubspot import HubSpotSource
from sync.connectors.hubspot_answers import is_expired as hubspot_expired
from sync.connectors.hubspot_answers import patient
from sync.connectors.hubspot_destination import HubSpotDestination
from sync.connectors.quickbooks import QuickBooksSource
from sync.connectors.quickbooks_answers import is_expired as quickbooks_expired
from sync.connectors.quickbooks_destination import QuickBooksDestination
from sync.connectors.salla import Salla
from sync.connectors.spec import Opened, Spec
from sync.connectors.transport import Heed, Transport, unheeded
from sync.documents import Account
from sync.systems import DESTINATIONS, TITLES
from sync.times import Times

WIDTHS = {"daftra": 2, "hubspot": hubspot.WIDTH, "quickbooks": quickbooks.WIDTH}
"""How many syncs of one destination connection run at once."""

ADDRESSES = {
    "salla": salla.BASE_URL,
    "daftra": "",
    "hubspot": hubspot.BASE_URL,
    "quickbooks": quickbooks.BASE_URL,
}
"""Where each system is; a site of Daftra has an address of its own."""


class UnknownSystem(Exception):
    """No connector of ours speaks to this system."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a connector works with: a clock, a pace, the total time-out, what it may remember.

    `heed` hears every answer; `search_pace` is for searches that are limited apart.
    """

    clock: Clock
    pace: Pace
    timeout: float
    mappings: Mappings
    heed: Heed = unheeded
    search_pace: Pace | None = None


def base_url_of(system: str, base_url: str) -> str:
    """Return where the system is, its own address where none is given. Raises UnknownSystem."""
    if system not in TITLES:
        raise UnknownSystem(system)
    return base_url.rstrip("/") or ADDRESSES[system]


def open_source(system: str, spec: Spec, means: Means, credential: Credential) -> Source:
    """Open a source. Raises UnknownSystem."""
    base = base_url_of(system, spec.base_url)
    match system:
        case "salla":
            return _salla(spec, base, means, credential)
        case "hubspot":
            return HubSpotSource(_hubspot(spec, base, means, credential))
        case "quickbooks":
            return QuickBooksSource(_quickbooks(spec, base, means, credential))
        case _:
            raise UnknownSystem(system)


def open_destination(system: str, spec: Spec, means: Means, credential: Credential) -> Destination:
    """Open a destination. Raises UnknownSystem."""
    base = base_url_of(system, spec.base_url)
    match system:
        case "daftra":
            return Daftra(_daftra(spec, base, means, credential))
        case "hubspot":
            return HubSpotDestination(_hubspot(spec, base, means, credential))
        case "quickbooks":
            return QuickBooksDestination(_quickbooks(spec, base, means, credential))
        case _:
            raise UnknownSystem(system)


def check_account(
    system: str, spec: Spec, clock: Clock, times: Times, credential: Credential | None = None
) -> Account:
    """Ask, with harmless reads, whose account this is. Raises ReadError or UnknownSystem.

    A destination then makes what our marks need there. Without `credential`, `spec.token` opens.
    """
    means = Means(clock, _at_once, times.request_timeout, _Nothing())
    opened = credential or Fixed(spec.token)
    if system not in DESTINATIONS:
        return _checked(open_source(system, spec, means, opened), lambda: None)
    destination = open_destination(system, spec, means, opened)
    return _checked(destination, destination.set_up)


def _checked(connector: Connector, then: Callable[[], None]) -> Account:
    try:
        account = connector.check()
        then()
    finally:
        connector.close()
    return account


def _salla(spec: Spec, base: str, means: Means, credential: Credential) -> Source:
    accounts = salla.ACCOUNTS_URL if base == salla.BASE_URL else base
    api, who = (
        Transport(
            "salla",
            url,
            credential,
            timeout=means.timeout,
            clock=means.clock,
            pace=means.pace,
            heed=means.heed,
            headers={"Accept-Language": "en"},
            expired=salla.is_expired,
        )
        for url in (base, accounts)
    )
    return Salla(spec.name, spec.api_prefix or salla.PREFIX, api, who, means.clock)


def _daftra(spec: Spec, base: str, means: Means, credential: Credential) -> Opened:
    transport = Transport(
        "daftra",
        base,
        credential,
        timeout=means.timeout,
        clock=means.clock,
        pace=means.pace,
        heed=means.heed,
        # an Authorization header beside the key makes Daftra refuse both
        auth=lambda key: {"apikey": key},
    )
    return _opened(spec, daftra.PREFIX, base, transport, means)


def _hubspot(spec: Spec, base: str, means: Means, credential: Credential) -> Opened:
    web_url = hubspot.WEB_URL if base == hubspot.BASE_URL else base
    transport = _plain("hubspot", base, _patiently(means), credential, hubspot_expired)
    return _opened(spec, hubspot.PREFIX, web_url, transport, means)


def _quickbooks(spec: Spec, base: str, means: Means, credential: Credential) -> Opened:
    transport = _plain("quickbooks", base, means, credential, quickbooks_expired)
    return _opened(spec, quickbooks.PREFIX, quickbooks.web_url_of(base), transport, means)


def _opened(spec: Spec, prefix: str, web_url: str, transport: Transport, means: Means) -> Opened:
    """Return the open connection; `prefix` and `web_url` hold where it does not name its own."""
    return Opened(
        spec.name,
        spec.api_prefix or prefix,
        (spec.web_url or web_url).rstrip("/"),
        transport,
        means.clock,
        means.mappings,
        spec.account,
    )


def _patiently(means: Means) -> Means:
    """Return means that hear how long HubSpot wants us to wait also where it leaves that unsaid."""
    return replace(means, heed=lambda answer: means.heed(patient(answer)))


def _plain(
    system: str, base: str, means: Means, credential: Credential, expired: Callable[..., bool]
) -> Transport:
    return Transport(
        system,
        base,
        credential,
        timeout=means.timeout,
        clock=means.clock,
        pace=means.pace,
        heed=means.heed,
        search_pace=means.search_pace,
        expired=expired,
    )


def _at_once() -> None:
    """Give a slot at once: a check is a handful of requests."""


class _Nothing:
    """Mappings of a connection that is only checked: it remembers nothing."""

    def get(self, kind: str, key: str) -> str | None:
        del kind, key
        return None

    def chosen(self, kind: str, key: str) -> str | None:
        del kind, key
        return None

    def claim(self, kind: str, key: str) -> bool:
        del kind, key
        return False

    def put(self, kind: str, key: str, value: str) -> None:
        del kind, key, value

    def release(self, kind: str, key: str) -> None:
        del kind, key

    def forget(self, kind: str, key: str) -> None:
        del kind, key
