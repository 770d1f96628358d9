"""Both stand-ins with the seeded data over real sockets, and how the tests ask them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import daftra, salla, workspace
from sandbox.seeds import Seed, seed
from sandbox.serving import Server
from tests.sandbox.letterbox import Letterbox

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DISK = "sam-ssd-256g"


@dataclass
class Far:
    """A running store and running books, and a client to each that holds its token."""

    seed: Seed
    shop: httpx.Client
    books: httpx.Client

    def fault(
        self, fault: str, method: str = "POST", path: str = "/api2/invoices", **how: Any
    ) -> None:
        """Let a fault wait at the books."""
        given = [{"method": method, "path": path, "fault": fault, **how}]
        self.books.post("/sandbox/faults", json=given).raise_for_status()

    def booked(self) -> int:
        """Return how many creates the books have stored."""
        return len(self.books.get("/sandbox/ledger").json()["creates"])

    def listed(self, path: str, **query: Any) -> list[Any]:
        """Return the rows of a list of the store."""
        rows: list[Any] = self.shop.get(f"/admin/v2{path}", params=query).json()["data"]
        return rows

    def create(self, *items: dict[str, Any], model: str = "Invoice", **head: Any) -> httpx.Response:
        """Create a document for Sara; without `items` one disk at 100 with tax."""
        key = head.pop("key", "k1")
        client = next(c for c in self.seed.site.clients.values() if c.email == "sara@example.sa")
        body = {
            model: {"client_id": client.id, "date": "2026-11-20", **head},
            "InvoiceItem": list(items) or [self.line("100")],
            "InvoiceCustomField": [{"label": "invsync_key", "value": key}],
        }
        plural = {"Invoice": "invoices", "CreditNote": "credit_notes"}[model]
        return self.books.post(f"/api2/{plural}.json", json=body)

    def line(self, price: str, **more: Any) -> dict[str, Any]:
        """Return a line of one disk."""
        product = self.seed.site.product_by_code(DISK)
        assert product is not None
        return {"product_id": product.id, "unit_price": price, "quantity": 1, "tax1": 1, **more}

    def read(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the invoice that `answer` says was created, as the books read it back."""
        number = answer.json()["id"]
        invoice: dict[str, Any] = self.books.get(f"/api2/invoices/{number}.json").json()["data"][
            "Invoice"
        ]
        return invoice


class Switch:
    """ASGI: hands each request to the `app` of the running test."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Switch, Switch, str, str]]:
    """Start a server for the store and one for the books, kept for a module's tests."""
    shop, books = Switch(), Switch()
    to_shop, to_books = Server(shop).start(), Server(books).start()
    yield shop, books, to_shop.url, to_books.url
    to_shop.stop()
    to_books.stop()


@pytest.fixture
def far(servers: tuple[Switch, Switch, str, str]) -> Iterator[Far]:
    """Fill both stand-ins with the seeded data, anew for each test."""
    shop, books, shop_url, books_url = servers
    story = seed(NOW)
    shop.app, books.app = salla.create(story.shop), daftra.create(story.site)
    bearer = {"Authorization": f"Bearer {salla.TOKEN}"}
    with (
        httpx.Client(base_url=shop_url, headers=bearer) as to_shop,
        httpx.Client(base_url=books_url, headers={"apikey": daftra.KEY}) as to_books,
    ):
        yield Far(story, to_shop, to_books)


@pytest.fixture
def box() -> Iterator[Letterbox]:
    """Serve a letterbox for webhooks."""
    letterbox = Letterbox()
    server = Server(letterbox).start()
    letterbox.url = f"{server.url}/hooks"
    yield letterbox
    server.stop()


@pytest.fixture(scope="module")
def slack() -> Iterator[Server]:
    """Start one workspace without an app."""
    server = Server(workspace.create()).start()
    yield server
    server.stop()


@pytest.fixture
def client(slack: Server) -> WebClient:
    """Give the app's client, which repeats nothing."""
    return WebClient(workspace.BOT_TOKEN, base_url=f"{slack.url}/api/", retry_handlers=[])
