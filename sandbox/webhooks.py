"""Sends a stand-in's webhooks: signed, in order, repeated until taken, and badly on request."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx

TIMEOUT_SECONDS = 5.0
NO_ANSWER = 0

Sign = Callable[[str, bytes], Mapping[str, str]]
"""Takes the target's address and the raw body, returns the headers that prove the sender."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One request: when (monotonic seconds), the status it got (0: none), and its count."""

    at: float
    status: int
    attempt: int


@dataclass(frozen=True, slots=True)
class _Letter:
    body: bytes
    attempt: int = 1
    due: float = 0.0


class Deliveries:
    """Posts bodies to `url` (None: nothing is sent); what is not taken goes again after `delays`.

    Switches: `duplicate` sends each twice, `forge` proves another body than the one it sends,
    `hold` keeps what is sent until `release`. `log` tells every request.
    """

    def __init__(self, sign: Sign, delays: Sequence[float] = (0.5, 1.0, 2.0)) -> None:
        self.url: str | None = None
        self.duplicate = False
        self.forge = False
        self.hold = False
        self.log: list[Tried] = []
        self._sign = sign
        self._delays = tuple(delays)
        self._waiting: list[_Letter] = []
        self._held: list[_Letter] = []
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False

    def send(self, body: bytes) -> None:
        """Queue a delivery; returns at once."""
        if self.url is None:
            return
        letters = [_Letter(body)] * (2 if self.duplicate else 1)
        with self._news:
            if self.hold:
                self._held += letters
            else:
                self._queue(letters)

    def release(self, *, reverse: bool = False) -> None:
        """Send what `hold` kept, the newest first if `reverse`, and keep nothing more."""
        with self._news:
            self.hold = False
            self._queue(self._held[::-1] if reverse else self._held)
            self._held = []

    def turn(self, given: Mapping[str, Any]) -> None:
        """Turn what a script names: url, duplicate, forge, hold, release (forward or reverse)."""
        if "url" in given:
            self.url = given["url"] or None
        self.duplicate = bool(given.get("duplicate", self.duplicate))
        self.forge = bool(given.get("forge", self.forge))
        self.hold = bool(given.get("hold", self.hold))
        if "release" in given:
            self.release(reverse=given["release"] == "reverse")

    def state(self) -> dict[str, Any]:
        """Return the switches, how many are open, and the log, as JSON has them."""
        with self._news:
            log = [asdict(one) for one in self.log]
        switches = {"duplicate": self.duplicate, "forge": self.forge, "hold": self.hold}
        return {"url": self.url, **switches, "open": self.open, "log": log}

    @property
    def open(self) -> int:
        """How many deliveries are held, wait, or are on their way."""
        with self._news:
            return len(self._waiting) + len(self._held)

    def stop(self) -> None:
        """Send nothing more."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        if self._thread:
            self._thread.join(TIMEOUT_SECONDS + 1)

    def _queue(self, letters: Sequence[_Letter]) -> None:
        self._waiting += letters
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()
        self._news.notify_all()

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            while (letter := self._next()) is not None:
                tried = self._post(client, letter)
                with self._news:
                    self.log.append(tried)
                    self._waiting.remove(letter)
                    self._repeat(letter, tried)

    def _next(self) -> _Letter | None:
        """Wait for the delivery that is due first; None at the end."""
        with self._news:
            while not self._ended:
                first = min(self._waiting, key=lambda letter: letter.due, default=None)
                left = first.due - time.monotonic() if first else None
                if first and left is not None and left <= 0:
                    return first
                self._news.wait(left)
            return None

    def _post(self, client: httpx.Client, letter: _Letter) -> Tried:
        url = self.url or ""
        proven = letter.body + b" " if self.forge else letter.body
        headers = {"Content-Type": "application/json", **self._sign(url, proven)}
        try:
            status = client.post(url, content=letter.body, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = NO_ANSWER
        return Tried(time.monotonic(), status, letter.attempt)

    def _repeat(self, letter: _Letter, tried: Tried) -> None:
        taken = httpx.codes.is_success(tried.status)
        if not taken and letter.attempt <= len(self._delays):
            due = tried.at + self._delays[letter.attempt - 1]
            self._waiting.append(replace(letter, attempt=letter.attempt + 1, due=due))
