"""Tags become Block Kit: each tag, each limit, each mistake."""

from typing import Any

import pytest

from bot import limits
from bot.blockkit import TemplateError, characters, compiled
from bot.text import FSI, PDI
from sandbox.workspace.blockkit import problems

BUTTON = {
    "type": "button",
    "action_id": "go",
    "text": {"type": "plain_text", "text": "Go", "emoji": False},
}
GO = '<button action="go">Go</button>'


def blocks(inside: str) -> list[dict[str, Any]]:
    """Return the blocks of a message, which Slack must accept."""
    drawn = compiled(f'<message fallback="f">{inside}</message>', "t.xml")["blocks"]
    assert problems(drawn, "message") == []
    return list(drawn)


def modal(inside: str) -> dict[str, Any]:
    """Return a modal, which Slack must accept."""
    drawn = compiled(f'<modal title="T" submit="Save">{inside}</modal>', "t.xml")
    assert problems(drawn, "modal") == []
    return drawn


def mrkdwn(inside: str) -> str:
    """Return the text of a section with `inside`."""
    return str(blocks(f"<section>{inside}</section>")[0]["text"]["text"])


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("plain", "plain"),
        ("<b>bold</b> <i>italic</i> <s>struck</s>", "*bold* _italic_ ~struck~"),
        ("<b>one <i>two</i></b>", "*one _two_*"),
        ("<b>one <b>two</b></b>", "*one two*"),
        ("<b> spaced </b>out", "*spaced* out"),
        ("a<b> b</b>", "a *b*"),
        ("<b>a<br/>b</b>", "*a*\n*b*"),
        ("word<b>bold</b>word", "word\u200b*bold*\u200bword"),
        ("(<b>bold</b>),", "(*bold*),"),
        ("<b></b><i> </i>x", "x"),
        ("<code>SKU  1 </code>", "`SKU  1 `"),
        ("<code>a`b</code>", "`aˋb`"),
        ("<code>*_~:a:</code>", "`*_~:a:`"),
        ("x<code>y</code>", "x\u200b`y`"),
        (
            '<a href="https://x.example/1?a=1&amp;b=2">A &amp; B</a>',
            "<https://x.example/1?a=1&amp;b=2|A &amp; B>",
        ),
        ('<b><a href="https://x.example">A</a></b>', "*<https://x.example|A>*"),
        ('<a href="https://x.example">A|B</a>', "<https://x.example|A\u2223B>"),
        ('<a href="javascript:x">A</a>', "A"),
        ('<a href="">A</a>', "A"),
        ('<a href="https://x.example"> </a>x', "x"),
        ("  a \n b <br/> c  ", "a b\nc"),
        ("<br/>a<br/><br/><br/>b<br/>", "a\n\nb"),
        ("<ul><li>a</li><li><b>b</b></li></ul>c", "• a\n• *b*\nc"),
        ("x<ul><li>a</li></ul>", "x\n• a"),
        ('<mention user="U1"/>', "<@U1>"),
        ('<mention user="U1">Sara</mention>', "<@U1>"),
        ('<mention user="x&gt;y">Sara</mention>', "Sara"),
        ('<date unix="17">1 Jan</date>', "<!date^17^{date_short_pretty}, {time}|1 Jan>"),
        ('<date unix="17" format="{time}|^&gt;">a|b</date>', "<!date^17^{time}|a b>"),
        ("&lt;!channel&gt; &amp;amp;", "&lt;!channel&gt; &amp;amp;"),
        ("&gt; a<br/>&gt; b &gt; c", "\u2060&gt; a\n\u2060&gt; b &gt; c"),
        ("*a* :b:", "∗a∗ :\u2060b:"),
        (f"{FSI}نخيل{PDI}, 5", f"{FSI}نخيل{PDI}, 5"),
        (f"<code>{FSI}٥٠٠{PDI}</code>", f"{FSI}\u200b`٥٠٠`\u200b{PDI}"),
        (f"{PDI}{FSI}{FSI}a", f"{FSI}a{PDI}"),
        ("a\u202eb\u200bc", "abc"),
    ],
)
def test_text_with_tags(inside: str, text: str) -> None:
    """Each tag in a text is written as Slack reads it, blanks collapse, and data stays data."""
    assert mrkdwn(inside) == text


def test_mrkdwn_links_nothing_by_itself() -> None:
    """Sections, fields and contexts are verbatim, plain texts have no emoji."""
    section, context, header = blocks(
        "<section><fields><field>a</field></fields></section><context>b</context><header>c</header>"
    )
    assert section["fields"] == [{"type": "mrkdwn", "text": "a", "verbatim": True}]
    assert context["elements"] == [{"type": "mrkdwn", "text": "b", "verbatim": True}]
    assert header["text"] == {"type": "plain_text", "text": "c", "emoji": False}


def test_plain_text_is_left_as_it_is() -> None:
    """Plain text is sent as it is, because Slack reads no format in it."""
    (header,) = blocks("<header>Al-Noor &amp; Sons *b* :x: &lt;!here&gt;</header>")
    assert header["text"]["text"] == "Al-Noor & Sons *b* :x: <!here>"


def test_the_fallback_is_escaped() -> None:
    """The text of a notification can neither mention nor format."""
    drawn = compiled('<message fallback="&lt;!here&gt; *a*&#10;b"><divider/></message>', "t.xml")
    assert drawn["text"] == "&lt;!here&gt; ∗a∗ b"


def test_a_section_has_room_for_one() -> None:
    """A button stands beside the text; a second one is a mistake of the template."""
    assert blocks(f"<section>a {GO}</section>")[0]["accessory"] == BUTTON
    with pytest.raises(TemplateError, match="room for one"):
        blocks(f"<section>a {GO} {GO.replace('go', 'on')}</section>")


def test_what_is_empty_is_left_out() -> None:
    """What says nothing leaves no trace; where Slack asks for a text there is a dash."""
    assert blocks("<section> </section><context><b/></context><actions/>") == []
    assert blocks("<header> </header>")[0]["text"]["text"] == "–"
    assert blocks(f"<section>{GO}</section>")[0]["text"]["text"] == "–"


def test_a_button_has_what_was_given() -> None:
    """Value, address, style, label and question are where Slack looks for them."""
    (actions,) = blocks(
        '<actions block="row"><button action="go" value="7" url="https://x.example" style="danger"'
        ' label="Go to 7">Go<confirm title="Sure?" ok="Yes" cancel="No" danger="true">It is'
        " <b>final</b></confirm></button></actions>"
    )
    assert actions["block_id"] == "row"
    button = actions["elements"][0]
    assert {name: button[name] for name in ("value", "url", "style", "accessibility_label")} == {
        "value": "7",
        "url": "https://x.example",
        "style": "danger",
        "accessibility_label": "Go to 7",
    }
    assert button["confirm"]["text"]["text"] == "It is *final*"
    assert button["confirm"]["style"] == "danger"


def test_values_are_exact_or_absent() -> None:
    """Blanks and invisible characters stay in a value; a value that is too long never goes."""
    (actions,) = blocks(
        f'<actions><button action="a" value=\'{{"c":"HONEY-٥٠٠\u200b "}}\'>A</button>'
        f'<button action="b" value="{FSI}٥{PDI}">B</button>'
        f'<button action="c" value="{"v" * 2001}">C</button>'
        '<button action="d" url="javascript:x">D</button></actions>'
    )
    assert [one.get("value") for one in actions["elements"]] == [
        '{"c":"HONEY-٥٠٠\u200b "}',
        "٥",
        None,
    ]
    assert "url" not in actions["elements"][2]


def test_menus() -> None:
    """An overflow and a select hold their options; a search asks for its letters."""
    (actions,) = blocks(
        '<actions><overflow action="more"><option value="1" description="why" '
        'url="https://x.example">One</option></overflow>'
        '<select action="pick" placeholder="Pick" initial="2"><option value="1">One</option>'
        '<option value="2">Two</option></select>'
        '<select action="find" external="true" min="3" placeholder="Find"/></actions>'
    )
    more, pick, find = actions["elements"]
    assert more["options"][0]["description"]["text"] == "why"
    assert more["options"][0]["url"] == "https://x.example"
    assert pick["type"] == "static_select"
    assert pick["initial_option"]["text"]["text"] == "Two"
    assert find["type"] == "external_select"
    assert find["min_query_length"] == 3


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        ("", "plain_text_input"),
        ('type="multiline"', "plain_text_input"),
        ('type="date" value="2026-10-09"', "datepicker"),
        ('type="select"', "static_select"),
        ('type="radio" value="b"', "radio_buttons"),
        ('type="checks" value="a b"', "checkboxes"),
        ('type="external" min="2"', "external_select"),
    ],
)
def test_inputs(kind: str, element: str) -> None:
    """Each kind of input is drawn, its block named like the entry in it."""
    options = '<option value="a">A</option><option value="b">B</option>'
    (block,) = modal(
        f'<input name="reason" label="Why" hint="Kept" optional="true" {kind}>{options}</input>'
    )["blocks"]
    assert block["type"] == "input"
    assert block["block_id"] == block["element"]["action_id"] == "reason"
    assert block["element"]["type"] == element
    assert block["optional"] is True


def test_views_have_their_ids() -> None:
    """A modal and Home carry callback and private data; a modal has an alert."""
    view = modal('<alert level="warning">Look <b>here</b></alert>')
    assert view["blocks"][0]["level"] == "warning"
    drawn = compiled('<modal title="T" callback="c" private="p" close="X"/>', "t.xml")
    assert (drawn["callback_id"], drawn["private_metadata"]) == ("c", "p")
    assert compiled("<home><divider/></home>", "t.xml") == {
        "type": "home",
        "blocks": [{"type": "divider"}],
    }


def test_a_table_has_cells_and_links() -> None:
    """Plain cells are raw text, others rich text; columns are aligned."""
    (table,) = blocks(
        '<table><column/><column align="right" wrap="true"/>'
        '<row><cell><a href="https://x.example">1042</a></cell><cell>*1*</cell></row>'
        "<row><cell><b>x</b><code>y</code></cell><cell/></row></table>"
    )
    link = {"type": "link", "url": "https://x.example", "text": "1042"}
    section = {"type": "rich_text_section", "elements": [link]}
    assert table["rows"][0] == [
        {"type": "rich_text", "elements": [section]},
        {"type": "raw_text", "text": "*1*"},
    ]
    assert table["rows"][1][1] == {"type": "raw_text", "text": "–"}
    assert table["column_settings"][1] == {"align": "right", "is_wrapped": True}


def test_pictures_need_an_address() -> None:
    """A picture with a web address is drawn, as a block and beside a text; another is left out."""
    picture = '<image url="{}" alt="A chart" title="Failures"/>'
    (block,) = blocks(picture.format("https://x.example/a.png"))
    assert (block["alt_text"], block["title"]["text"]) == ("A chart", "Failures")
    assert blocks(picture.format("file:///etc/passwd")) == []
    beside = '<section>a<image url="https://x.example/a.png" alt="A"/></section>'
    assert blocks(beside)[0]["accessory"]["type"] == "image"


@pytest.mark.parametrize("text", ["x", "&amp;", "é", "👨‍👩‍👧‍👦", "a b ", "*", f"{FSI}ن{PDI}"])
def test_everything_long_is_cut(text: str) -> None:
    """Whatever is too long is cut with an ellipsis to what Slack takes."""
    long = text * 4_000
    for inside in (
        f"<header>{long}</header>",
        f"<section>{long}</section>",
        f"<section><b>{long}</b></section>",
        f"<section><code>{long}</code></section>",
        f'<section><a href="https://x.example">{long}</a></section>',
        f"<section><fields><field>{long}</field></fields></section>",
        f"<context>{long}</context>",
        f'<actions><button action="a" label="{long}">{long}</button></actions>',
    ):
        assert "…" in str(blocks(inside))
    fallback = compiled(f'<message fallback="{long}"/>', "t.xml")["text"]
    assert len(fallback) <= limits.FALLBACK


def test_a_cut_text_is_as_long_as_can_be() -> None:
    """A text is cut at the limit, not before; one that just fits is whole."""
    assert mrkdwn("x" * 3_000) == "x" * 3_000
    assert mrkdwn("x" * 3_001) == "x" * 2_999 + "…"
    assert mrkdwn("&amp;" * 601) == "&amp;" * 599 + "…"
    assert mrkdwn(f"<b>{'x' * 2_998}</b>") == f"*{'x' * 2_998}*"


def test_a_date_is_never_split() -> None:
    """Where a text is cut, a date is there whole or not at all."""
    date = '<date unix="17" format="{time}">12:00 UTC</date>'
    assert mrkdwn("x" * 2_990 + date) == "x" * 2_990 + "…"


def test_too_many_blocks_keep_the_last_buttons() -> None:
    """What does not fit is left out before the last row of buttons, and the place is marked."""
    drawn = blocks("<section>a</section>" * 60 + f"<actions>{GO}</actions>")
    assert len(drawn) == limits.MESSAGE_BLOCKS
    assert drawn[-1]["type"] == "actions"
    assert drawn[-2]["elements"][0]["text"] == "…"
    assert len(modal("<divider/>" * 120)["blocks"]) == limits.VIEW_BLOCKS


def test_too_many_characters_are_left_out() -> None:
    """All texts of a message stay below what Slack takes in one post."""
    drawn = blocks(f"<section>{'x' * 2_900}</section>" * 6)
    assert characters(drawn) <= limits.MESSAGE_CHARACTERS
    assert len(drawn) == 4


def test_more_fields_and_buttons_continue_below() -> None:
    """Ten fields and twenty-five buttons fit a block; the rest follows in the next."""
    fields = "<field>a</field>" * 23
    assert [
        len(one["fields"]) for one in blocks(f"<section><fields>{fields}</fields></section>")
    ] == [
        10,
        10,
        3,
    ]
    buttons = "".join(f'<button action="a{place}">A</button>' for place in range(30))
    assert [len(one["elements"]) for one in blocks(f"<actions>{buttons}</actions>")] == [25, 5]


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("\n<blink/>", "line 2.*there is no such tag"),
        ('<section colour="red"/>', "no attribute colour"),
        ("<image/>", "needs alt, url"),
        ("<b>x</b>", "<b>: it cannot stand in <message>"),
        ("<header><b>x</b></header>", "cannot stand in <header>"),
        ("words", "stands where only tags may"),
        ("<alert>x</alert>", "cannot stand in <message>"),
        ('<input name="a" label="b"/>', "cannot stand in <message>"),
        ('<actions><button action="">x</button></actions>', "action has 1 to 255"),
        (f"<actions>{GO}{GO}</actions>", "the same action"),
        ('<header block="a">x</header><section block="a">y</section>', "the same id"),
        ('<actions><button action="a" style="red">x</button></actions>', "none of primary, danger"),
        ('<section><date unix="x">y</date></section>', "whole number"),
        ("<table><row><cell/></row><row><cell/><cell/></row></table>", "as many cells"),
        ("<section>", "mismatched tag"),
        ("Al-Noor & Sons", "not well-formed.*: <message"),
    ],
)
def test_mistakes_are_named(inside: str, problem: str) -> None:
    """A wrong tag, attribute, place or value is told with the template and the line."""
    with pytest.raises(TemplateError, match=problem) as raised:
        compiled(f'<message fallback="f">{inside}</message>', "digest.xml")
    assert raised.value.template == "digest.xml"
    assert str(raised.value).startswith(f"digest.xml, line {raised.value.line} ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<message/>", "needs fallback"),
        ("<section/>", "cannot stand alone"),
        ('<modal title="t"><table/></modal>', "cannot stand in <modal>"),
        ('<modal title="t"><input name="a" label="b"/></modal>', "needs submit"),
        (f'<modal title="t" private="{"p" * 3001}"/>', "private has at most"),
        ("", "no element found"),
        ("<home/><home/>", "junk after document element"),
        ("<!DOCTYPE x><home/>", "document type"),
    ],
)
def test_a_surface_is_needed(text: str, problem: str) -> None:
    """What a template writes is one message, modal or Home with all it needs."""
    with pytest.raises(TemplateError, match=problem):
        compiled(text, "t.xml")
