"""What a connector is opened with. Every host, prefix and link base is a setting."""

from collections.abc import Mapping
from dataclasses import dataclass

from sync.clock import Clock
from sync.connectors.base import Mappings
from sync.connectors.transport import Transport


@dataclass(frozen=True, slots=True)
class Spec:
    """A connection as an operator describes it; an empty `base_url` means the system's own."""

    name: str
    base_url: str
    api_prefix: str | None
    web_url: str | None
    token: str
    account: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is open: what a connector is made of; `web_url` ends without a slash."""

    name: str
    prefix: str
    web_url: str
    transport: Transport
    clock: Clock
    mappings: Mappings
    account: str
