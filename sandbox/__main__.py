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
from sandbox.seeds import seed
from sandbox.seeds_crm import seed_crm
from sandbox.serving import Server

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
    port = parser.parse_args().port
    story, trade = seed(datetime.now(UTC)), seed_crm(datetime.now(UTC))
    links: list[dict[str, str]] = []
    apps: dict[str, ASGIApp] = {
        "workspace": workspace.create(links),
        "salla": salla.create(story.shop, links=links),
        "daftra": daftra.create(story.site, links=links),
        "hubspot": hubspot.create(trade.portal, links=links),
        "quickbooks": quickbooks.create(trade.company, links=links),
    }
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
    told = {**where, "names": story.names, "crm_names": trade.names}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    _wait()
    for server in servers.values():
        server.stop()


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
