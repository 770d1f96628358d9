"""The journeys that people take most, pressed in a browser, and counted.

Everything goes through the page as a person sees it; `Hand` counts what the person does, `Meter`
what Slack and the four systems are asked meanwhile.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
from playwright.sync_api import Locator, Page, expect

import app
from bot.web import listening, port_of
from demo.house import Sandbox, running
from handlers.process import served, serving
from sync.engine import Engine
from tests.e2e.house import AT_ONCE, unpaced, until

CLERK, MANAGER, ADMIN = "U0CLERK01", "U0MANAGER", "U0ADMIN01"
SKU, SECOND = "HONEY-500", "widget-001"
SWEEP_SECONDS = 600.0
Look = Callable[[str, Locator], None]
"""What is called with the name of a sight and where it stands: a picture may be taken."""


def unseen(_name: str, _where: Locator) -> None:
    """Take no picture."""


@dataclass
class Hand:
    """The person's hand: presses, choices and texts typed, each counted."""

    page: Page
    presses: int = 0
    choices: int = 0
    typed: int = 0
    forms: int = 0

    def press(self, where: Locator) -> None:
        """Press a button or a link."""
        self.presses += 1
        where.click()

    def send(self, form: Locator, name: str) -> None:
        """Press the button that sends a form."""
        self.forms += 1
        self.press(form.get_by_role("button", name=name, exact=True))

    def choose(self, where: Locator) -> None:
        """Choose one of several."""
        self.choices += 1
        where.check()

    def type(self, where: Locator, text: str) -> None:
        """Type a text into a field."""
        self.typed += 1
        where.fill(text)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a journey took: the person's deeds, and calls by whom they went to."""

    name: str
    presses: int
    choices: int
    typed: int
    forms: int
    calls: Mapping[str, int]


@dataclass
class Meter:
    """Counts the calls of journeys: to Slack by its exchanges, to the systems by their own."""

    sandbox: Sandbox
    journeys: list[Taken] = field(default_factory=list)
    seen: int = 0
    slack: int = 0

    @contextmanager
    def measuring(self, name: str, page: Page) -> Iterator[Hand]:
        """Give a hand; what it and the app did until the block ends is kept under `name`."""
        hand, before = Hand(page), self._calls()
        yield hand
        calls = {system: count - before[system] for system, count in self._calls().items()}
        self.journeys.append(Taken(name, hand.presses, hand.choices, hand.typed, hand.forms, calls))

    def table(self) -> str:
        """Return all journeys as a table for people."""
        systems = list(self.sandbox.systems)
        heads = ("presses", "choices", "typed", "forms", "Slack", *systems)
        lines = [f"{'journey':<34}" + "".join(f"{head:>11}" for head in heads)]
        for one in self.journeys:
            figures = (one.presses, one.choices, one.typed, one.forms, *one.calls.values())
            lines.append(f"{one.name:<34}" + "".join(f"{figure:>11}" for figure in figures))
        return "\n".join(lines)

    def _calls(self) -> dict[str, int]:
        return {"slack": self._slack(), **self._upstream()}

    def _slack(self) -> int:
        """Return how many calls of the app Slack has answered, as far back as it keeps them."""
        url = f"{self.sandbox.workspace}/driver/exchanges"
        exchanges = httpx.get(url, params={"after": self.seen}).json()["exchanges"]
        self.seen = max((one["n"] for one in exchanges), default=self.seen)
        self.slack += sum(one["kind"] == "from app" for one in exchanges)
        return self.slack

    def _upstream(self) -> dict[str, int]:
        return {
            system: httpx.get(f"{url}/sandbox/requests").json()["total"]
            for system, url in self.sandbox.systems.items()
        }


@dataclass(frozen=True, slots=True)
class TryOut:
    """The running try-out and the app beside it."""

    sandbox: Sandbox
    engine: Engine

    def sweep(self) -> None:
        """Look for what is new in every source, now: by itself that is done every ten minutes."""
        for route in self.engine.store.connections.routes():
            self.engine.sweeper.sweep(route)

    def swept(self) -> bool:
        """Return whether every source was looked through since the start."""
        return all(at for at, _ in self.engine.store.connections.sweeps().values())


@contextmanager
def tried_out() -> Iterator[TryOut]:
    """Run the whole try-out, the store and its books asked without pace.

    At Daftra's pace of two requests a second the journey of 38 documents takes two minutes.
    """
    with ExitStack() as stack:
        stack.enter_context(unpaced("salla", "daftra"))
        sandbox = stack.enter_context(running(0, "--per-minute", str(AT_ONCE)))
        listener = listening("127.0.0.1", 0)
        given = sandbox.settings(f"http://127.0.0.1:{port_of(listener)}")
        settings = given.model_copy(update={"sweep_seconds": SWEEP_SECONDS})
        engine = stack.enter_context(app.opened(settings))
        sandbox.fill(engine)
        surface = stack.enter_context(serving(settings, engine, http=False))
        stack.enter_context(served(surface.site(), listener))
        sandbox.tell(settings.public_url)
        tryout = TryOut(sandbox, engine)
        until(tryout.swept, "the first sweep")
        yield tryout


def message(page: Page, words: str) -> Locator:
    """Return the newest message with these words."""
    return page.get_by_role("article").filter(has_text=words).last


def is_now(page: Page, person: str) -> None:
    """Look at the workspace as somebody else."""
    page.get_by_label("Who you are").select_option(person)


def types(page: Page, command: str) -> None:
    """Type a command into the composer and send it."""
    page.get_by_label("Message or command").fill(command)
    page.get_by_role("button", name="Send").click()


def throw_switch(page: Page) -> None:
    """End QuickBooks' token in the drawer of knobs."""
    page.get_by_role("button", name="Knobs").click()
    page.get_by_role("button", name="End QuickBooks' token").click()
    expect(page.get_by_role("button", name="312 documents wait behind it ✓")).to_be_visible()
    page.get_by_label("Drawer").get_by_role("button", name="Close").click()


def told(hand: Hand) -> None:
    """Wait until the form tells that the fix is done, then close what is open."""
    done = hand.page.get_by_role("dialog", name="Done")
    expect(done).to_contain_text("The retry has begun")
    close(hand.page)


def close(page: Page) -> None:
    """Close all modals; closing is free, a person may as well leave them open."""
    modal = page.get_by_role("dialog")
    while modal.count():
        title = modal.get_attribute("aria-label") or ""
        modal.get_by_role("button", name="Close").or_(
            modal.get_by_role("button", name="Cancel")
        ).first.click()
        expect(page.get_by_role("dialog", name=title, exact=True)).to_have_count(0)


def missing_sku(hand: Hand, look: Look = unseen) -> None:
    """Digest, Fix..., create the product, Fix; ends when the digest's line is done."""
    page = hand.page
    digest = message(page, "need you")
    expect(digest).to_contain_text("38 documents")
    look("digest", digest)
    hand.press(digest.get_by_role("button", name=re.compile(f"^Fix: .*{SKU}$")))
    form = page.get_by_role("dialog", name="Fix the product")
    expect(form).to_contain_text("Fixing it releases 31 of 38 documents")
    hand.choose(form.get_by_label("Create it in Daftra"))
    look("fix-product", form)
    hand.send(form, "Fix")
    told(hand)
    bulk = message(page, SKU).filter(has_text="Asked for by")
    expect(bulk).to_contain_text(re.compile(r"[1-9]\d* done"))
    look("bulk-progress", bulk)
    expect(bulk).to_contain_text("The retry is done")
    expect(bulk).to_contain_text("31 done, 7 failed, 0 left")
    look("bulk-summary", bulk)
    expect(digest).to_contain_text(f"Done: {SKU}, 31 of 38 synced")
    expect(digest).to_contain_text(re.compile(rf"{SECOND}\s*7 documents"))


def missing_email(hand: Hand, look: Look = unseen) -> None:
    """Digest, Show, Fix..., the e-mail, Save; ends when the customer's two are synced."""
    page = hand.page
    digest = message(page, "need you")
    hand.press(digest.get_by_role("button", name=re.compile("^Show: 6 customers")))
    listed = message(page, "What stops documents")
    look("causes", listed)
    hand.press(listed.get_by_role("button", name=re.compile("^Fix: .*Khalid Saleh")))
    form = page.get_by_role("dialog", name="Add the e-mail")
    hand.type(form.get_by_label("E-mail of the customer"), "accounts@saleh.example")
    look("fix-email", form)
    hand.send(form, "Save")
    told(hand)
    expect(digest).to_contain_text("6 documents, 5 customers without e-mail")
    page.get_by_label("Workspace").get_by_role("button", name="invsync", exact=True).click()
    bulk = message(page, "Customer email missing, Daftra")
    expect(bulk).to_contain_text("2 done, 0 failed, 0 left")


def expired_token(hand: Hand, look: Look = unseen) -> None:
    """Reconnect, consent; ends when the message counts down what waited.

    The switch was thrown before, and the page is an admin's.
    """
    page = hand.page
    held = page.locator(f"article[data-ts='{of_hold(page)}']")
    expect(held).to_contain_text(re.compile(r"312 documents waiting, USD 1,21\d,\d{3}\.00"))
    look("hold", held)
    hand.press(held.get_by_role("button", name="Reconnect ledger"))
    link = page.get_by_text("Connect QuickBooks", exact=True).last
    with page.context.expect_page() as opened:
        hand.press(link)
    consent = opened.value
    hand.press(consent.get_by_role("button", name="Allow"))
    expect(consent.get_by_role("heading")).to_have_text("QuickBooks (ledger) is connected")
    consent.close()
    expect(held).to_contain_text("QuickBooks (ledger) is connected again")
    expect(held).to_contain_text(re.compile(r"[1-9]\d* of 313 went through, 0 failed"))


def of_hold(page: Page) -> str:
    """Return the time stamp of the message of the held connection, once 312 wait."""
    waiting = page.get_by_role("article").filter(
        has_not_text="need you", has_text="312 documents waiting"
    )
    expect(waiting).to_have_count(1)
    return waiting.get_attribute("data-ts") or ""
