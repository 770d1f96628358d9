"""Starts the sandbox: `python -m sandbox --port 3000`.

The workspace gets the port, Salla, Daftra, HubSpot and QuickBooks the four after it (0: free
ports). One line of JSON says when all answer, and where. It ends at a signal, or when its standard
input ends.
"""

import argparse
import json
import signal
import sys
import threading
from datetime import UTC, datetime

from starlette.types import ASGIApp

from sandbox import daftra, hubspot, quickbooks, salla, workspace
from sandbox.serving import Server
from sandbox.story import World, tell
from sandbox.story.door import Storied
from sandbox.story.switch import TokenSwitch

TITLES = {
    "salla": "Salla (the store)",
    "daftra": "Daftra (the books)",
    "hubspot": "HubSpot (the CRM)",
    "quickbooks": "QuickBooks (the ledger)",
}


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m sandbox")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--per-minute", type=int, help="requests that Salla takes in a minute")
    given = parser.parse_args()
    port = given.port
    world = tell(datetime.now(UTC))
    world.seed.shop.per_minute = given.per_minute or world.seed.shop.per_minute
    links: list[dict[str, str]] = []
    apps = _apps(world, links)
    try:
        servers = {
            name: Server(app, port and port + n) for n, (name, app) in enumerate(apps.items())
        }
    except OSError as error:
        sys.exit(f"The sandbox cannot listen: {error}. Choose another port with --port.")
    links += [{"title": title, "url": servers[name].url} for name, title in TITLES.items()]
    for server in servers.values():
        server.start()
    where = {name: server.url for name, server in servers.items()}
    told = {**where, "names": world.seed.names, "crm_names": world.trade.names}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    _wait()
    for server in servers.values():
        server.stop()


def _apps(world: World, links: list[dict[str, str]]) -> dict[str, ASGIApp]:
    trade, authority = world.trade, quickbooks.authority()
    crm = hubspot.create(trade.portal, links=links)
    ledger = quickbooks.create(trade.company, links=links, authority=authority)
    switches = {"quickbooks": TokenSwitch(trade.portal, authority)}
    return {
        "workspace": workspace.create(links, switches=switches),
        "salla": salla.create(world.seed.shop, links=links),
        "daftra": daftra.create(world.seed.site, links=links),
        "hubspot": Storied(crm, world.history["hubspot"]),
        "quickbooks": Storied(ledger, world.history["quickbooks"]),
    }


def _wait() -> None:
    """Return when standard input ends or a signal comes."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def outlive() -> None:
        sys.stdin.read()  # ends when whoever started us is gone
        ended.set()

    threading.Thread(target=outlive, daemon=True).start()
    ended.wait()


if __name__ == "__main__":
    main()
