"""The checker of blocks, held to slack_sdk's models, to wrong payloads and to nonsense."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models import blocks as sdk
from slack_sdk.models.views import View

from sandbox.workspace.blockkit import problems

Json = dict[str, Any]
WORDS = {"type": "plain_text", "text": "Go"}
OPTION = {"text": WORDS, "value": "one"}
CONFIRM = {"title": WORDS, "text": WORDS, "confirm": WORDS, "deny": WORDS}
CELL = {"type": "raw_text", "text": "x"}
TYPED = {"type": "plain_text_input", "action_id": "typed"}
INPUT = {"type": "input", "label": WORDS, "element": TYPED}


def long(length: int, kind: str = "plain_text") -> Json:
    """Return a text object of some length."""
    return {"type": kind, "text": "x" * length}


def actions(element: Json) -> list[Json]:
    """Return a message with one element."""
    return [{"type": "actions", "elements": [element]}]


def button(**more: Any) -> list[Json]:
    """Return a message with one button."""
    return actions({"type": "button", "action_id": "go", "text": WORDS, **more})


def select(**more: Any) -> list[Json]:
    """Return a message with one select."""
    return actions({"type": "static_select", "action_id": "choose", **more})


def table(*rows: list[Json], **more: Any) -> list[Json]:
    """Return a message with one table."""
    return [{"type": "table", "rows": list(rows), **more}]


def modal(*blocks: Json, **more: Any) -> Json:
    """Return a modal with a submit button."""
    return {"type": "modal", "title": WORDS, "submit": WORDS, "blocks": list(blocks), **more}


WRONG_MESSAGES = {
    "confirm is no object": button(confirm="sure?"),
    "confirm is empty": button(confirm={}),
    "confirm title too long": button(confirm={**CONFIRM, "title": long(101)}),
    "confirm text too long": button(confirm={**CONFIRM, "text": long(301)}),
    "confirm button too long": button(confirm={**CONFIRM, "deny": long(31)}),
    "address is no web address": button(url="javascript:alert(1)"),
    "unknown key of a button": button(colour="red"),
    "action_id is no string": button(action_id=["go"]),
    "action_id too long": button(action_id="x" * 256),
    "option is no object": select(options=["one"]),
    "option text too long": select(options=[{**OPTION, "text": long(76)}]),
    "option value too long": select(options=[{**OPTION, "value": "x" * 151}]),
    "option description too long": select(options=[{**OPTION, "description": long(76)}]),
    "too many options": select(options=[OPTION] * 101),
    "no options": select(options=[]),
    "initial option is none of them": select(options=[OPTION], initial_option={"value": "two"}),
    "placeholder too long": select(options=[OPTION], placeholder=long(151)),
    "group without a label": select(option_groups=[{"options": [OPTION]}]),
    "overflow with six": actions({"type": "overflow", "options": [OPTION] * 6}),
    "eleven boxes": actions({"type": "checkboxes", "options": [OPTION] * 11}),
    "day that is none": actions({"type": "datepicker", "initial_date": "2026-13-01"}),
    "text input among buttons": actions(TYPED),
    "ragged table": table([CELL], [CELL, CELL]),
    "empty cell": table([{"type": "raw_text", "text": ""}]),
    "unknown cell": table([{"type": "picture", "text": "x"}]),
    "too many rows": table(*[[CELL]] * 101),
    "too many column settings": table([CELL], column_settings=[{}] * 21),
    "tables too long together": table([long(6000, "raw_text")]) * 2,
    "markdown without text": [{"type": "markdown"}],
    "markdown too long": [{"type": "markdown", "text": "x" * 12_001}],
    "rich text without elements": [{"type": "rich_text"}],
    "picture's title too long": [
        {"type": "image", "image_url": "https://x", "alt_text": "x", "title": long(2001)}
    ],
    "unknown key of a section": [{"type": "section", "text": WORDS, "colour": "red"}],
    "fields are no list": [{"type": "section", "fields": None}],
    "block_id is no string": [{"type": "divider", "block_id": ["x"]}],
    "button in a context": [{"type": "context", "elements": [{"type": "button", "text": WORDS}]}],
}
WRONG_MODALS = {
    "no title": {"type": "modal", "blocks": []},
    "title too long": modal(title=long(25)),
    "submit too long": modal(submit=long(25)),
    "input without submit": {"type": "modal", "title": WORDS, "blocks": [INPUT]},
    "button as an input": modal({**INPUT, "element": {"type": "button", "text": WORDS}}),
    "label too long": modal({**INPUT, "label": long(2001)}),
    "hint too long": modal({**INPUT, "hint": long(2001)}),
    "table in a modal": modal(*table([CELL])),
    "markdown in a modal": modal({"type": "markdown", "text": "x"}),
    "too many blocks": modal(*[{"type": "divider"}] * 101),
    "callback_id too long": modal(callback_id="x" * 256),
    "private_metadata too long": modal(private_metadata="x" * 3001),
    "external_id too long": modal(external_id="x" * 256),
}


@pytest.mark.parametrize("blocks", WRONG_MESSAGES.values(), ids=WRONG_MESSAGES)
def test_what_a_message_may_not_have(blocks: list[Json]) -> None:
    """Each wrong part of a message is named with a pointer to it."""
    found = problems(blocks, "message")
    assert found
    assert all("json-pointer:/blocks" in one for one in found)


@pytest.mark.parametrize("view", WRONG_MODALS.values(), ids=WRONG_MODALS)
def test_what_a_modal_may_not_have(view: Json) -> None:
    """Each wrong part of a modal is named with a pointer to it."""
    found = problems(view, "modal")
    assert found
    assert all("json-pointer:/" in one for one in found)


def test_an_alert_stands_in_a_modal_only() -> None:
    """An alert is refused in a message and at home, and taken in a modal."""
    alert = {"type": "alert", "text": WORDS}
    assert problems([alert], "message")
    assert problems({"type": "home", "blocks": [alert]}, "home")
    assert problems(modal(alert), "modal") == []


def test_lengths_at_the_limit_pass() -> None:
    """A text of exactly the limit is taken: limits count what is allowed."""
    blocks = [
        {"type": "header", "text": long(150)},
        {"type": "section", "text": long(3000)},
        *select(options=[OPTION] * 100, placeholder=long(150)),
        *table([long(10_000, "raw_text")]),
    ]
    assert problems(blocks, "message") == []
    assert problems(modal(title=long(24), private_metadata="x" * 3000), "modal") == []


def test_characters_are_counted_as_code_points() -> None:
    """A character outside the basic plane counts once, as Slack counts it."""
    assert problems([{"type": "header", "text": {**WORDS, "text": "😀" * 150}}], "message") == []
    assert problems([{"type": "header", "text": {**WORDS, "text": "😀" * 151}}], "message")


SDK_OPTIONS = [sdk.Option(text="One", value="1", description="the first")]
SDK_CONFIRM = sdk.ConfirmObject(title="Sure?", text="Really?", confirm="Yes", deny="No")
SDK_ELEMENTS = [
    sdk.ButtonElement(text="Go", action_id="b", value="1", style="primary", confirm=SDK_CONFIRM),
    sdk.ButtonElement(text="See", action_id="l", url="https://example.test/"),
    sdk.OverflowMenuElement(action_id="o", options=SDK_OPTIONS),
    sdk.StaticSelectElement(action_id="s", placeholder="Choose", options=SDK_OPTIONS),
    sdk.ExternalDataSelectElement(action_id="e", placeholder="Find", min_query_length=1),
    sdk.DatePickerElement(action_id="d", initial_date="2026-01-31"),
    sdk.CheckboxesElement(action_id="c", options=SDK_OPTIONS, initial_options=SDK_OPTIONS),
    sdk.RadioButtonsElement(action_id="r", options=SDK_OPTIONS, initial_option=SDK_OPTIONS[0]),
]
SDK_BLOCKS = [
    sdk.HeaderBlock(text="Head"),
    sdk.SectionBlock(text="*bold*", fields=["one", "two"], accessory=SDK_ELEMENTS[2]),
    sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="small")]),
    sdk.ActionsBlock(elements=SDK_ELEMENTS),
    sdk.DividerBlock(),
    sdk.ImageBlock(image_url="https://example.test/a.png", alt_text="A", title="A"),
]


def test_what_the_sdk_builds_passes() -> None:
    """What slack_sdk's own models build is taken, in a message, at home and in a modal."""
    blocks = [block.to_dict() for block in SDK_BLOCKS]
    assert problems(blocks, "message") == []
    assert problems({"type": "home", "blocks": blocks}, "home") == []
    element = sdk.PlainTextInputElement(action_id="p", multiline=True, max_length=9)
    asked = sdk.InputBlock(label="Why", element=element, hint="Short", optional=True)
    view = View(type="modal", title="Ask", submit="Save", close="No", blocks=[asked, *SDK_BLOCKS])
    assert problems(view.to_dict(), "modal") == []


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "fields", "options", "rows", "confirm"]),
            inner | st.sampled_from(["section", "actions", "button", "table", "input", "overflow"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(NONSENSE)
@settings(max_examples=200)
def test_nonsense_is_answered_in_words(blocks: Any) -> None:
    """Whatever is sent as blocks, the checker says what is wrong and never breaks."""
    assert all(isinstance(one, str) for one in problems(blocks, "message"))
