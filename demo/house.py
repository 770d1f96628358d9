"""Starts the sandbox in a process of its own, and points the app at it."""

import json
import secrets
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bot.settings import Settings
from demo.past import remember
from sync.connectors.registry import check_account
from sync.connectors.spec import Spec
from sync.engine import Engine
from sync.records import Connection
from sync.systems import STATUSES

ROOT = Path(__file__).parent.parent
FOLDER = Path(".demo")
PAST = timedelta(days=40)
TIMES = {
    # short enough to watch a lost answer heal; the promise holds, for the sandbox's index is quick
    "INVSYNC_REQUEST_TIMEOUT_SECONDS": "2",
    "INVSYNC_SETTLE_SECONDS": "6",
    "INVSYNC_LEASE_SECONDS": "4",
    "INVSYNC_RETRY_BASE_SECONDS": "2",
    "INVSYNC_SWEEP_SECONDS": "20",
}


@dataclass(frozen=True)
class Far:
    """One stand-in: our name of its connection, its path of tokens, and its secrets.

    Without `token_path` it is opened by `key` alone. `webhooks` is the path that hears of it.
    """

    name: str
    webhooks: str
    webhook_secret: str
    token_path: str = ""
    client: tuple[str, str] = ("", "")
    key: str = ""


KEY = "daftra-sandbox-key"
HINTS = "daftra-webhook-secret"
FAR: Mapping[str, Far] = {
    "salla": Far(
        "shop",
        "/webhooks/salla/shop",
        "salla-webhook-secret",
        "/oauth2/token",
        ("salla-client", "salla-secret"),
    ),
    "daftra": Far("books", f"/webhooks/daftra/books?key={HINTS}", HINTS, key=KEY),
    "hubspot": Far(
        "crm",
        "/webhooks/hubspot",
        "hubspot-secret",
        "/oauth/2026-03/token",
        ("hubspot-client", "hubspot-secret"),
    ),
    "quickbooks": Far(
        "ledger",
        "/webhooks/quickbooks",
        "quickbooks-verifier",
        "/oauth2/v1/tokens/bearer",
        ("quickbooks-client", "quickbooks-secret"),
    ),
}
ROUTES = (("salla", "daftra"), ("hubspot", "quickbooks"), ("quickbooks", "hubspot"))
CONSENTS = {
    "salla": "/oauth2/auth",
    "hubspot": "/oauth/authorize",
    "quickbooks": "/connect/oauth2",
}
"""Where each system asks a person for consent."""

REALM = "310687"
"""The company of QuickBooks that the consent would name."""


class NotStarted(Exception):
    """The sandbox did not come up; the text is its own."""


@dataclass(frozen=True)
class Sandbox:
    """The running sandbox: where its parts are, and numbers of its story by name.

    `names` are orders of Salla, `crm_names` documents of HubSpot and QuickBooks.
    """

    workspace: str
    systems: Mapping[str, str]
    names: dict[str, int]
    crm_names: dict[str, str]
    process: "subprocess.Popen[str]"
    folder: Path

    @property
    def salla(self) -> str:
        """Where the store is."""
        return self.systems["salla"]

    @property
    def daftra(self) -> str:
        """Where the books are."""
        return self.systems["daftra"]

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def settings(self, public_url: str) -> Settings:
        """Return the settings that point the app at this sandbox; `public_url` is the app's."""
        return Settings.model_validate(
            {
                "SLACK_BOT_TOKEN": "xoxb-sandbox",
                "SLACK_APP_TOKEN": "xapp-sandbox",
                "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
                "SLACK_API_URL": f"{self.workspace}/api/",
                "INVSYNC_DATABASE_URL": f"sqlite:///{self.folder}/invsync.db",
                "INVSYNC_SECRET_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "INVSYNC_DIGEST_CHANNEL": "C0FINANCE",
                "INVSYNC_DIGEST_AT": "00:00",
                "INVSYNC_TIMEZONE": "Asia/Riyadh",
                "INVSYNC_VIEWER_GROUPS": "S0VIEWERS",
                "INVSYNC_OPERATOR_GROUPS": "S0OPERATORS",
                "INVSYNC_APPROVER_GROUPS": "S0APPROVERS",
                "INVSYNC_ADMIN_GROUPS": "S0ADMINS",
                "INVSYNC_LOG_LEVEL": "WARNING",
                "INVSYNC_PUBLIC_URL": public_url,
                **self._registrations(),
                **TIMES,
            }
        )

    def _registrations(self) -> dict[str, str]:
        """Return our app at each system that asks for consent: the sandbox's own addresses."""
        found: dict[str, str] = {}
        for system, path in CONSENTS.items():
            far, url, name = FAR[system], self.systems[system], f"INVSYNC_{system.upper()}"
            found |= {
                f"{name}_CLIENT_ID": far.client[0],
                f"{name}_CLIENT_SECRET": far.client[1],
                f"{name}_AUTHORIZE_URL": f"{url}{path}",
                f"{name}_TOKEN_URL": f"{url}{far.token_path}",
                f"{name}_BASE_URL": url,
                f"{name}_WEBHOOK_SECRET": far.webhook_secret,
            }
        return found

    def fill(self, engine: Engine) -> None:
        """Connect all systems, add the routes, and put the past of all into the log."""
        connections = {system: self._connect(engine, system) for system in FAR}
        since = (engine.clock.now() - PAST).date()
        for source, destination in ROUTES:
            ends = connections[source], connections[destination]
            route = engine.add_route(*ends, since, STATUSES[source])
            remember(engine, route, self.systems[source], self.systems[destination])

    def tell(self, public_url: str) -> None:
        """Let every system send its webhooks to where the app listens."""
        for system, far in FAR.items():
            given = {"url": f"{public_url}{far.webhooks}"}
            answer = httpx.post(f"{self.systems[system]}/sandbox/webhooks", json=given, timeout=10)
            answer.raise_for_status()

    def _connect(self, engine: Engine, system: str) -> Connection:
        """Connect one system, with tokens that end as after a consent in the browser."""
        far, url = FAR[system], self.systems[system]
        secret = {"webhook_secret": far.webhook_secret, "token": far.key}
        if far.token_path:
            secret |= _granted(url, far)
        account = REALM if system == "quickbooks" else ""
        spec = Spec(far.name, url, None, None, secret["token"], account, {})
        whose = check_account(system, spec, engine.clock, engine.times)
        return engine.connect(system, far.name, url, secret, whose)


def _granted(url: str, far: Far) -> dict[str, str]:
    """Return what our app would hold after a consent in the browser."""
    answer = httpx.post(f"{url}/sandbox/token", json={"issue": True}, timeout=10)
    tokens = answer.raise_for_status().json()
    now = datetime.now(UTC)
    lasting = tokens.get("expires_in") or tokens["expires"] - now.timestamp()
    return {
        "token": tokens["access_token"],
        "refresh_token": tokens["refresh_token"],
        "expires_at": (now + timedelta(seconds=lasting)).isoformat(),
        "client_id": far.client[0],
        "client_secret": far.client[1],
        "token_url": f"{url}{far.token_path}",
    }


@contextmanager
def running(port: int, *more: str) -> Iterator[Sandbox]:
    """Run the sandbox until the block ends; `port` 0 takes free ones. Raises NotStarted.

    `more` are further arguments of the sandbox's command line. The database beside it is new each
    time: the sandbox begins anew, too.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "sandbox", "--port", str(port), *more],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C reaches the app, which ends the sandbox in its turn
    )
    try:
        sandbox = _ready(process)
        shutil.rmtree(sandbox.folder, ignore_errors=True)
        sandbox.folder.mkdir(parents=True)
        yield sandbox
    finally:
        process.communicate(timeout=10)  # closes its standard input, at which it ends


def _ready(process: "subprocess.Popen[str]") -> Sandbox:
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("{"):
        raise NotStarted(line.strip() or "The sandbox did not start.")
    where = json.loads(line)
    return Sandbox(
        where["workspace"],
        {system: where[system] for system in FAR},
        where["names"],
        where["crm_names"],
        process,
        FOLDER.resolve() / str(urlsplit(where["workspace"]).port),
    )
