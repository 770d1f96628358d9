"""A visit by script: what each person does and sees, printed; true only if all of it was right."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from demo.driver import Driver, NotSeen, buttons_of, text_of
from demo.house import Sandbox

CLERK, ONCALL, MANAGER, GUEST = "U0CLERK01", "U0ONCALL1", "U0MANAGER", "U0GUEST01"
NAMES = {
    CLERK: "Layla (clerk)",
    ONCALL: "Omar (on call)",
    MANAGER: "Huda (manager)",
    GUEST: "Sam (guest)",
}
CHANNEL = "C0FINANCE"
SKU = "HONEY-500"
SHOWN = 1200

Seen = Callable[[dict[str, Any]], bool]


def visit(sandbox: Sandbox) -> bool:
    """Play the visit against a running sandbox and app."""
    visitor = _Visitor(sandbox)
    try:
        for step in visitor.steps():
            visitor.out.print(f"[green]✓[/] {step}")
    except (NotSeen, httpx.HTTPError) as error:
        visitor.out.print(Text(f"✗ {error}", style="red"))
        return False
    finally:
        visitor.driver.close()
    visitor.out.print("[bold green]All of it was right.[/]")
    return True


class _Visitor:
    def __init__(self, sandbox: Sandbox) -> None:
        self.out = Console(highlight=False, width=110)
        self.driver = Driver(sandbox.workspace)
        self._books = sandbox.daftra
        self._order = str(sandbox.names["honey"])

    def steps(self) -> Iterator[str]:
        """Act, step by step; each yields what was right. Raises NotSeen."""
        digest = self.sees(CLERK, _says("need you", SKU), "the digest")
        yield "The digest lists what failed, by cause"
        self.press(CLERK, "View")
        self.reads_view("Fix…", SKU, "Fixing it releases")
        yield "View of a cause opens with its figures, what to do and its documents"
        retry, show = f"/invsync retry {self._order}", f"/invsync show {self._order}"
        self.types(CLERK, show)
        self.sees(CLERK, _says("Open order in Salla", "SKU not found", SKU), "the document")
        yield "A document opens with the link to the order, the reason and what to do"
        self.types(CLERK, retry)
        self.sees(CLERK, _says("Failed to sync invoice", SKU), "the failure")
        yield "Retry fails while the product is missing, and says so"
        self.press(GUEST, "Check and retry")
        self.sees(GUEST, _only(), "a refusal")
        yield "A guest is refused, and only the guest sees it"
        httpx.post(f"{self._books}/owner/products", data={"code": SKU, "name": "Honey 500 g"})
        yield f"The product {SKU} is created in Daftra's own page"
        self.types(ONCALL, retry)
        self.sees(ONCALL, _says("Invoice synced successfully"), "the success")
        if self.booked() != 1:
            raise NotSeen(f"one document of the order in Daftra; there are {self.booked()}")
        yield "Retry succeeds, and Daftra's own ledger holds one document of this order"
        before = text_of(digest)
        self.sees(MANAGER, lambda one: _digest(one) and text_of(one) != before, "the digest")
        yield "The digest in the channel has followed"
        self.types(ONCALL, show)
        self.sees(ONCALL, _says("Open invoice in Daftra"), "the document")
        yield "The document now opens the invoice in Daftra"
        yield from self.reads_log()

    def reads_log(self) -> Iterator[str]:
        """Walk the log's pages to and fro."""
        self.types(MANAGER, "/invsync log")
        numbers = text_of(self.sees(MANAGER, _log, "the log"))
        self.press(MANAGER, "Older")
        self.sees(MANAGER, lambda one: _log(one) and text_of(one) != numbers, "page two")
        self.press(MANAGER, "Newer")
        self.sees(MANAGER, lambda one: _log(one) and text_of(one) == numbers, "page one again")
        yield "/invsync log pages to older documents and back"
        self.types(MANAGER, f"/invsync show {self._order}")
        self.sees(MANAGER, _says(self._order, "Success"), "the document")
        yield f"/invsync show {self._order} tells the document's story"

    def types(self, user: str, text: str) -> None:
        """Type a command."""
        self.out.print(f"\n[bold]{NAMES[user]}[/] types {text}")
        self._done(self.driver.command(user, CHANNEL, text))

    def press(self, user: str, word: str) -> None:
        """Press the button called `word` in the newest message that has one."""
        self.out.print(f"\n[bold]{NAMES[user]}[/] presses {word}")
        message = self.driver.wait_for(CHANNEL, user, _offers(word), f"a button {word}")
        button = self.button(message, word)
        where = {"channel": CHANNEL, "ts": message["ts"], "action_id": button["action_id"]}
        self._done(self.driver.click(user, **where, value=button.get("value")))

    def button(self, message: dict[str, Any], word: str) -> dict[str, Any]:
        """Return the button of a message that is called `word`, or begins with it."""
        named = [one for one in buttons_of(message) if one["text"]["text"].startswith(word)]
        found = [one for one in named if one["text"]["text"] == word] or named
        if not found:
            raise NotSeen(f"no button {word} in:\n{text_of(message)}")
        return found[0]

    def sees(self, user: str, seen: Seen, what: str) -> dict[str, Any]:
        """Wait until the person sees it, and print it."""
        message = self.driver.wait_for(CHANNEL, user, seen, what)
        self._print(user, text_of(message))
        return message

    def reads_view(self, first: str, *words: str, user: str = CLERK) -> None:
        """Read the modal that is open: `first` stands on its first button, `words` below."""
        views = self.driver.views(user)
        if not views:
            raise NotSeen("no modal opened")
        text = text_of(views[-1])
        self._print(user, text)
        missing = [word for word in words if word not in text]
        if buttons_of(views[-1])[0]["text"]["text"] != first or missing:
            raise NotSeen(f"the modal begins with {first!r} and says {words}; it says:\n{text}")
        self.driver.close_view(user, views[-1]["id"])

    def booked(self) -> int:
        """Count the order's documents in the books, by their own ledger."""
        ledger = httpx.get(f"{self._books}/sandbox/ledger").json()
        wanted = f"SALLA-{self._order}"
        return sum(one["po_number"] == wanted for one in ledger["documents"])

    def _done(self, answer: dict[str, Any]) -> None:
        if not answer["ok"]:
            raise NotSeen(f"the app did not take it: {answer}")
        self.out.print(f"  acknowledged after {answer['ack_ms']} ms", style="dim")

    def _print(self, user: str, text: str) -> None:
        text = readable(text)
        shown = text if len(text) <= SHOWN else text[:SHOWN] + " ..."
        self.out.print(Panel(Text(shown), title=f"{NAMES[user]} sees", title_align="left"))


def readable(text: str) -> str:
    """Return mrkdwn as a reader sees it: links by their words, marks and escapes gone."""
    words = re.sub(r"<[^<>|]*\|([^<>]*)>", r"\1", text)
    return html.unescape(re.sub(r"[*~`]", "", words))


def _says(*words: str) -> Seen:
    return lambda message: all(word in text_of(message) for word in words)


def _offers(word: str) -> Seen:
    return lambda message: any(one["text"]["text"].startswith(word) for one in buttons_of(message))


def _only() -> Seen:
    return lambda message: bool(message["ephemeral"])


def _digest(message: dict[str, Any]) -> bool:
    return text_of(message).startswith("Invoice sync,")


def _log(message: dict[str, Any]) -> bool:
    return text_of(message).startswith("Sync log")
