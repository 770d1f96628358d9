"""Both connectors, open against the sandbox's stand-ins over real sockets."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox import daftra, salla
from sandbox.seeds import Seed, seed
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.connectors.base import Destination, Fixed, Source
from sync.connectors.registry import Means, open_destination, open_source
from sync.connectors.spec import Spec

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


@dataclass
class Remembered:
    """Mappings in memory."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict)
    claims: set[tuple[str, str]] = field(default_factory=set)
    choices: dict[tuple[str, str], str] = field(default_factory=dict)

    def get(self, kind: str, key: str) -> str | None:
        """Return the id."""
        return self.kept.get((kind, key))

    def chosen(self, kind: str, key: str) -> str | None:
        """Return what a person chose."""
        return self.choices.get((kind, key))

    def claim(self, kind: str, key: str) -> bool:
        """Claim once."""
        new = (kind, key) not in self.claims
        self.claims.add((kind, key))
        return new

    def put(self, kind: str, key: str, value: str) -> None:
        """Remember."""
        self.kept[kind, key] = value

    def release(self, kind: str, key: str) -> None:
        """Give a claim back."""
        self.claims.discard((kind, key))

    def forget(self, kind: str, key: str) -> None:
        """Drop."""
        self.kept.pop((kind, key), None)


@dataclass
class Ends:
    """A running store and site, and the connectors to them."""

    seed: Seed
    shop_url: str
    books_url: str
    source: Source
    destination: Destination
    mappings: Remembered

    def fault(self, url: str, **fault: Any) -> None:
        """Let a fault wait at one of the stand-ins."""
        httpx.post(f"{url}/sandbox/faults", json=[fault]).raise_for_status()

    def ledger(self) -> list[dict[str, Any]]:
        """Return what the books say they created."""
        creates: list[dict[str, Any]] = httpx.get(f"{self.books_url}/sandbox/ledger").json()[
            "creates"
        ]
        return creates


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Start both stand-ins with the seeded data."""
    story = seed(NOW)
    shop, books = (
        Server(salla.create(story.shop)).start(),
        Server(daftra.create(story.site)).start(),
    )
    mappings, clock = Remembered(), SystemClock()
    means = Means(clock, lambda: None, 3.0, mappings)
    spec = Spec("shop", shop.url, None, None, "", "", {})
    source = open_source("salla", spec, means, Fixed(salla.TOKEN))
    spec = Spec("books", books.url, None, None, "", "", {})
    destination = open_destination("daftra", spec, means, Fixed(daftra.KEY))
    yield Ends(story, shop.url, books.url, source, destination, mappings)
    source.close()
    destination.close()
    shop.stop()
    books.stop()
