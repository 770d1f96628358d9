"""What a connector is opened with. Every host, prefix and link base is a setting."""

from collections.abc import Mapping
from dataclasses import dataclass


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
