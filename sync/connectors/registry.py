"""Which systems there are, and how to open each."""

from sync.clock import Clock
from sync.connectors.base import Connector, Destination, Mappings, Pace, Source
from sync.connectors.daftra import PREFIX as DAFTRA_PREFIX
from sync.connectors.daftra import Daftra
from sync.connectors.salla import ACCOUNTS_URL, BASE_URL, PREFIX, Salla
from sync.connectors.spec import Spec
from sync.connectors.transport import Transport
from sync.documents import Account
from sync.times import Times

SOURCES = ("salla",)
DESTINATIONS = ("daftra",)

RATES = {"salla": (2.0, 20), "daftra": (2.0, 6)}
"""Requests a second and burst: Salla's smallest plan, 120 a minute; for Daftra, which publishes no
figure, the guide's cap."""

WIDTHS = {"daftra": 2}
"""How many syncs of one destination connection run at once (Daftra guide, section 6)."""


class UnknownSystem(Exception):
    """No connector of ours speaks to this system."""


def base_url_of(system: str, base_url: str) -> str:
    """Return where the system is, its own address where none is given. Raises UnknownSystem."""
    if system not in SOURCES + DESTINATIONS:
        raise UnknownSystem(system)
    return base_url.rstrip("/") or (BASE_URL if system == "salla" else "")


def open_source(system: str, spec: Spec, *, clock: Clock, pace: Pace, timeout: float) -> Source:
    """Open a source. Raises UnknownSystem."""
    if system not in SOURCES:
        raise UnknownSystem(system)
    base = base_url_of(system, spec.base_url)
    headers = {"Authorization": f"Bearer {spec.token}", "Accept-Language": "en"}
    accounts = ACCOUNTS_URL if base == BASE_URL else base
    api, who = (
        Transport(system, url, headers, timeout=timeout, clock=clock, pace=pace)
        for url in (base, accounts)
    )
    return Salla(spec.name, spec.api_prefix or PREFIX, api, who, clock)


def open_destination(
    system: str, spec: Spec, *, clock: Clock, pace: Pace, timeout: float, mappings: Mappings
) -> Destination:
    """Open a destination. Raises UnknownSystem."""
    if system not in DESTINATIONS:
        raise UnknownSystem(system)
    base = base_url_of(system, spec.base_url)
    # an Authorization header beside the key makes Daftra refuse both
    headers = {"apikey": spec.token}
    api = Transport(system, base, headers, timeout=timeout, clock=clock, pace=pace)
    prefix = spec.api_prefix or DAFTRA_PREFIX
    return Daftra(spec.name, prefix, spec.web_url or base, api, clock, mappings)


def check_account(system: str, spec: Spec, clock: Clock, times: Times) -> Account:
    """Ask, with a harmless read, whose account this is. Raises ReadError or UnknownSystem."""
    opened: Connector
    if system in DESTINATIONS:
        opened = open_destination(
            system,
            spec,
            clock=clock,
            pace=_at_once,
            timeout=times.request_timeout,
            mappings=_Nothing(),
        )
    else:
        opened = open_source(
            system, spec, clock=clock, pace=_at_once, timeout=times.request_timeout
        )
    try:
        return opened.check()
    finally:
        opened.close()


def _at_once() -> None:
    """Give a slot at once: a check is two requests."""


class _Nothing:
    """Mappings of a connection that is only checked: it remembers nothing."""

    def get(self, kind: str, key: str) -> str | None:
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
