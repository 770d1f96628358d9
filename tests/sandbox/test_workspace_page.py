"""The workspace's page in a real browser: what is drawn, typed, chosen, and never run."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from slack_sdk import WebClient

from sandbox import workspace
from sandbox.serving import Server

HOSTILE = "<img src=x onerror=alert(1)> &lt;script&gt;alert(2)&lt;/script&gt;"


def words(text: str) -> dict[str, str]:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": text}


def prose(text: str) -> dict[str, Any]:
    """Return a section of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


OPTIONS = [
    {"text": words("Show"), "value": "1", "description": words("all of it")},
    {"text": words("Retry"), "value": "2"},
]


@pytest.fixture(scope="module")
def slack() -> Iterator[Server]:
    """Start one workspace without an app."""
    server = Server(workspace.create([{"title": "The books", "url": "http://127.0.0.1:9"}]))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def page(browser: Browser, slack: Server) -> Iterator[Page]:
    """Open the page as the finance clerk; anything that the browser complains of fails."""
    complaints: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    opened.goto(slack.url)
    yield opened
    opened.close()
    assert complaints == []


def post(slack: Server, *blocks: dict[str, Any], text: str = "posted") -> str:
    """Let the app post; returns the ts."""
    client = WebClient(workspace.BOT_TOKEN, base_url=f"{slack.url}/api/")
    return str(client.chat_postMessage(channel="C0FINANCE", text=text, blocks=blocks)["ts"])


def drawn(page: Page, ts: str) -> Any:
    """Return the message on the page."""
    return page.locator(f'#messages [data-ts="{ts}"]')


def test_marks_become_what_they_mean(slack: Server, page: Page) -> None:
    """Bold, code, quotes, code blocks, links, mentions and moments are drawn as such."""
    ts = post(
        slack,
        prose("*bold* `code` <https://example.test|link> <@U0ONCALL1>\n> said\n```\nkept  so\n```"),
        prose("<!date^1795240000^{time}|then>"),
    )
    message = drawn(page, ts)
    expect(message.locator("strong", has_text="bold")).to_be_visible()
    expect(message.locator(".text code")).to_have_text("code")
    expect(message.locator("a")).to_have_attribute("href", "https://example.test")
    expect(message.locator(".mention")).to_have_text("@Omar Farouk")
    expect(message.locator("blockquote")).to_have_text("said")
    expect(message.locator("pre")).to_have_text("kept  so")
    expect(message.locator(".text time")).to_have_text("08:46")


def test_data_is_never_run(slack: Server, page: Page) -> None:
    """Markup in a message, a cell or a javascript: link is shown as text and does nothing."""
    link = {"type": "link", "url": "javascript:alert(3)", "text": "press"}
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": HOSTILE}, link]}
    cell = {"type": "raw_text", "text": HOSTILE}
    ts = post(
        slack,
        prose(HOSTILE),
        {"type": "rich_text", "elements": [section]},
        {"type": "table", "rows": [[cell], [cell]]},
    )
    message = drawn(page, ts)
    expect(message.locator("td")).to_have_text(HOSTILE)
    expect(message.locator("img, script, a")).to_have_count(0)


def test_a_table_is_a_table(slack: Server, page: Page) -> None:
    """A table has a head and rows, with amounts at the end of their column."""
    rows = [[{"type": "raw_text", "text": text} for text in row] for row in (("No", "SAR"), "12")]
    ts = post(slack, {"type": "table", "rows": rows, "column_settings": [{}, {"align": "right"}]})
    message = drawn(page, ts)
    expect(message.locator("th")).to_have_text(["No", "SAR"])
    expect(message.locator("td.right")).to_have_text("2")


def test_a_menu_is_worked_by_keyboard(slack: Server, page: Page) -> None:
    """The menu of a message opens, moves by arrows, and Escape gives the focus back."""
    menu = {"type": "overflow", "action_id": "more", "options": OPTIONS}
    message = drawn(page, post(slack, {**prose("a row"), "accessory": menu}))
    opener = message.get_by_role("button", name="More actions")
    opener.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(message.get_by_role("menuitem", name="Retry")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(message.get_by_role("menu")).to_be_hidden()


def test_a_press_that_nobody_takes_is_marked(slack: Server, page: Page) -> None:
    """A press asks first where it is to be confirmed, and is marked where no app takes it."""
    sure = {name: words(name) for name in ("title", "text", "confirm", "deny")}
    button = {"type": "button", "action_id": "go", "text": words("Go on"), "confirm": sure}
    message = drawn(page, post(slack, {"type": "actions", "elements": [button]}))
    message.get_by_role("button", name="Go on").click()
    page.get_by_role("alertdialog").get_by_role("button", name="confirm").click()
    expect(message.locator(".press.warned")).to_be_visible()


def test_only_the_right_person_sees_a_whisper(slack: Server, page: Page) -> None:
    """An ephemeral message is marked as such, and gone when somebody else looks."""
    client = WebClient(workspace.BOT_TOKEN, base_url=f"{slack.url}/api/")
    client.chat_postEphemeral(channel="C0FINANCE", user="U0CLERK01", text="only Layla")
    whisper = page.locator(".message.only", has_text="only Layla")
    expect(whisper).to_contain_text("Only visible to you")
    page.get_by_label("Who you are").select_option("U0ONCALL1")
    expect(whisper).to_have_count(0)
    page.get_by_label("Who you are").select_option("U0CLERK01")


def test_commands_are_suggested_and_refused_in_threads(slack: Server, page: Page) -> None:
    """Typing a slash offers commands; in a thread a command is refused as Slack refuses it."""
    page.get_by_label("Message or command").fill("/invsync f")
    expect(page.get_by_role("listbox")).to_contain_text("/invsync failed")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message or command")).to_have_value("/invsync failed")
    page.get_by_label("Message or command").fill("good morning")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("type a command")
    page.get_by_label("Message or command").fill("")
    message = drawn(page, post(slack, prose("a thread begins")))
    message.hover()
    message.get_by_role("button", name="Thread").click()
    page.get_by_label("Reply in the thread").fill("/invsync log")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Drawer")).to_contain_text("not supported in threads")


def test_the_page_allows_no_inline_script(slack: Server) -> None:
    """The page's policy lets nothing run that is not a file of the page."""
    policy = httpx.get(slack.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
