"""Starts the sandbox in a process of its own, and points the app at it."""

import json
import secrets
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.settings import Settings
from demo.past import remember
from sync.connectors.registry import check_account
from sync.connectors.spec import Spec
from sync.engine import Engine

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


class NotStarted(Exception):
    """The sandbox did not come up; the text is its own."""


@dataclass(frozen=True)
class Sandbox:
    """The running sandbox: where its parts are, and order numbers of its story by name."""

    workspace: str
    salla: str
    daftra: str
    names: dict[str, int]
    process: "subprocess.Popen[str]"
    folder: Path

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.poll() is not None

    def settings(self) -> Settings:
        """Return the settings that point the app at this sandbox."""
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
                **TIMES,
            }
        )

    def fill(self, engine: Engine) -> None:
        """Connect both systems and put the documents' past into the log."""
        shop, books = (
            engine.connect(
                system,
                name,
                url,
                {"token": f"{system}-sandbox-token" if system == "salla" else KEY},
                check_account(system, _spec(name, url, system), engine.clock, engine.times),
            )
            for system, name, url in (
                ("salla", "shop", self.salla),
                ("daftra", "books", self.daftra),
            )
        )
        since = (engine.clock.now() - PAST).date()
        route = engine.add_route(shop, books, since, ["completed"])
        remember(engine, route, self.salla, self.daftra)


KEY = "daftra-sandbox-key"


def _spec(name: str, url: str, system: str) -> Spec:
    token = "salla-sandbox-token" if system == "salla" else KEY
    return Spec(name, url, None, None, token, "", {})


@contextmanager
def running(port: int) -> Iterator[Sandbox]:
    """Run the sandbox until the block ends; `port` 0 takes free ones. Raises NotStarted.

    The database beside it is new each time: the sandbox begins anew, too.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "sandbox", "--port", str(port)],
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
        where["salla"],
        where["daftra"],
        where["names"],
        process,
        FOLDER.resolve() / str(urlsplit(where["workspace"]).port),
    )
