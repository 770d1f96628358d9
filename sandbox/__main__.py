"""Starts the sandbox: `python -m sandbox --port 3000`.

The workspace gets the port, Salla and Daftra the two after it (0: free ports). One line of JSON
says when all answer, and where. It ends at a signal, or when its standard input ends.
"""

import argparse
import json
import signal
import sys
import threading
from datetime import UTC, datetime

from sandbox import daftra, salla, workspace
from sandbox.seeds import seed
from sandbox.serving import Server


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m sandbox")
    parser.add_argument("--port", type=int, default=3000)
    port = parser.parse_args().port
    story = seed(datetime.now(UTC))
    links: list[dict[str, str]] = []
    try:
        shop = Server(salla.create(story.shop, links=links), port and port + 1)
        books = Server(daftra.create(story.site, links=links), port and port + 2)
        slack = Server(workspace.create(links), port)
    except OSError as error:
        sys.exit(f"The sandbox cannot listen: {error}. Choose another port with --port.")
    links += [
        {"title": "Salla (the store)", "url": shop.url},
        {"title": "Daftra (the books)", "url": books.url},
    ]
    for server in (shop, books, slack):
        server.start()
    where = {"workspace": slack.url, "salla": shop.url, "daftra": books.url, "names": story.names}
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    _wait()
    for server in (slack, shop, books):
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
