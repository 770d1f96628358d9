"""Draws the pictures of the documentation: `python -m tests.browser.pictures [folder]`.

The whole try-out runs beside a browser, the journeys are played, and what a person sees on the way
is kept as PNG files, by default in docs/images.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect, sync_playwright

from tests.browser.conftest import MILLISECONDS
from tests.browser.journeys import (
    ADMIN,
    CLERK,
    MANAGER,
    SECOND,
    SKU,
    Hand,
    TryOut,
    close,
    expired_token,
    is_now,
    message,
    missing_email,
    missing_sku,
    throw_switch,
    tried_out,
    types,
)
from tests.e2e.house import until

FOLDER = Path(__file__).parents[2] / "docs" / "images"
SIZE: ViewportSize = {"width": 1110, "height": 1800}
HIGHEST = 1100.0
PLACE = """one => {
  one.scrollIntoView({ block: "start" });
  const { x, y, width, height } = one.getBoundingClientRect();
  return width ? { x, y, width, height } : null;
}"""
"""Scrolls to an element and tells where it is then; null where it was just drawn anew."""


@dataclass(frozen=True, slots=True)
class Album:
    """Where pictures are kept, and the page they are taken of."""

    page: Page
    folder: Path

    def take(self, name: str, where: Locator) -> None:
        """Keep what stands there: its upper part, where it is very long.

        The page is cut, as the element itself is drawn anew with each news.
        """
        self.page.mouse.move(0, 0)
        until(lambda: self._cut(name, where), f"a still picture of {name}")

    def _cut(self, name: str, where: Locator) -> bool:
        """Cut the page where the element is; return whether it stayed there meanwhile."""
        box: FloatRect | None = where.evaluate(PLACE)
        if box is None:
            return False
        clip: FloatRect = {**box, "height": min(box["height"], HIGHEST)}
        self.page.screenshot(path=self.folder / f"{name}.png", clip=clip)
        return bool(where.evaluate(PLACE) == box)


def sights(album: Album) -> None:
    """Take the pictures of what stands open before anything is mended."""
    page = album.page
    digest = message(page, "need you")
    digest.get_by_role("button", name=re.compile(f"^View: .*{SKU}$")).click()
    cause = page.get_by_role("dialog", name="Cause")
    expect(cause.get_by_role("button", name=re.compile("^View INV-")).first).to_be_visible()
    album.take("cause", cause)
    close(page)
    _form(album, digest, "Tax not mapped", "Choose the tax", "fix-tax")
    for entry, title in (("Assign…", "assign"), ("Snooze…", "snooze")):
        _menu(album, digest, entry, f"fix-{title}")
    is_now(page, MANAGER)
    _menu(album, digest, "Skip…", "fix-skip")
    _link(album)
    is_now(page, CLERK)
    _document(album)
    types(page, "/invsync precheck shop:books")
    precheck = message(page, "Precheck of").filter(has_text="without a match")
    expect(precheck.get_by_role("button", name="Stop")).to_have_count(0)
    album.take("precheck", precheck)
    types(page, "/invsync log")
    album.take("log", message(page, "Sync log"))


def _form(album: Album, where: Locator, fix: str, title: str, name: str) -> None:
    where.get_by_role("button", name=re.compile(f"^Fix.*{fix}")).first.click()
    form = album.page.get_by_role("dialog", name=title)
    expect(form).to_be_visible()
    album.take(name, form)
    close(album.page)


def _menu(album: Album, digest: Locator, entry: str, name: str) -> None:
    """Take the form that an entry of the first cause's menu opens."""
    digest.get_by_role("button", name="More actions").first.click()
    digest.get_by_role("menuitem", name=entry).first.click()
    form = album.page.get_by_role("dialog")
    expect(form).to_contain_text(SKU)
    album.take(name, form)
    close(album.page)


def _link(album: Album) -> None:
    types(album.page, "/invsync causes error:conflict")
    listed = message(album.page, "What stops documents")
    listed.get_by_role("button", name=re.compile("^Fix: ")).first.click()
    form = album.page.get_by_role("dialog")
    expect(form).to_be_visible()
    album.take("fix-link", form)
    close(album.page)


def _document(album: Album) -> None:
    """Take the View of a document that two products stop."""
    types(album.page, f"/invsync causes cause:{SECOND}")
    listed = message(album.page, "What stops documents").filter(has_text=SECOND)
    listed.get_by_role("button", name=re.compile("^View: ")).click()
    cause = album.page.get_by_role("dialog", name="Cause")
    cause.get_by_role("button", name=re.compile("^View INV-")).first.click()
    view = album.page.get_by_role("dialog", name=re.compile("^Invoice INV-"))
    expect(view).to_contain_text(SECOND)
    album.take("document", view)
    close(album.page)


def journeys(album: Album, tryout: TryOut) -> None:
    """Play the journeys and take what is seen on the way."""
    page, hand = album.page, Hand(album.page)
    missing_sku(hand, album.take)
    missing_email(hand, album.take)
    page.get_by_label("Workspace").get_by_role("button", name="# finance-sync").click()
    throw_switch(page)
    tryout.sweep()
    is_now(page, ADMIN)
    expired_token(hand, album.take)
    released = message(page, "is connected again").filter(has_not_text="need you")
    expect(released).to_contain_text(re.compile(r"[4-9]\d of 313 went through"))
    album.take("hold-release", released)


def draw(folder: Path) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=MILLISECONDS)
    chromium = shutil.which("chromium")
    with tried_out() as tryout, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport=SIZE).new_page()
        page.set_default_timeout(MILLISECONDS)
        page.goto(tryout.sandbox.workspace)
        album = Album(page, folder)
        sights(album)
        journeys(album, tryout)
        browser.close()


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
