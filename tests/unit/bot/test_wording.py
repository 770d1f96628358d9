"""A message as text alone says what its blocks say, and nothing in it comes alive."""

from bot.wording import LONGEST, wording


def _mrkdwn(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text}


def test_every_block_has_its_line() -> None:
    """Headers, sections, fields, contexts, pictures and links are read from top to bottom."""
    blocks = [
        {"type": "header", "text": _plain("71 need you")},
        {
            "type": "section",
            "text": _mrkdwn("*HONEY-500*"),
            "fields": [_mrkdwn("SAR 41,250.00")],
            "accessory": {
                "type": "button",
                "text": _plain("Open"),
                "url": "https://a.example/1?a=1&b",
            },
        },
        {"type": "divider"},
        {
            "type": "context",
            "elements": [_mrkdwn("since 09:00"), {"type": "image", "alt_text": "map"}],
        },
        {
            "type": "actions",
            "elements": [{"type": "button", "text": _plain("Retry"), "value": "1"}],
        },
    ]
    assert wording({"text": "short", "blocks": blocks}).splitlines() == [
        "71 need you",
        "*HONEY-500*",
        "SAR 41,250.00",
        "<https://a.example/1?a=1&amp;b|Open>",
        "since 09:00",
        "map",
    ]


def test_rich_text_and_tables() -> None:
    """Cells stand beside each other; people and links of rich text stay what they are."""
    parts = [
        {"type": "text", "text": "by "},
        {"type": "user", "user_id": "U1"},
        {"type": "link", "url": "https://a.example", "text": "here"},
    ]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "1042"}, rich]]}
    said = "by <@U1><https://a.example|here>"
    assert wording({"blocks": [rich, table]}).splitlines() == [said, f"1042 | {said}"]


def test_data_stays_data() -> None:
    """What was plain in its block is no mention, link or format in the text."""
    hostile = "<!channel> & *bold* <https://x.example|y>"
    text = wording({"blocks": [{"type": "header", "text": _plain(hostile)}]})
    assert "<" not in text
    assert "*" not in text


def test_a_message_without_words_keeps_its_text() -> None:
    """Where the blocks say nothing, the message's own text does."""
    assert wording({"text": "71 failed", "blocks": [{"type": "divider"}]}) == "71 failed"
    assert wording({"text": "71 failed"}) == "71 failed"


def test_it_is_cut_between_lines() -> None:
    """A text that Slack would cut or split ends with a whole line and a sign of more."""
    blocks = [{"type": "section", "text": _mrkdwn(f"{number} " + "x" * 990)} for number in range(9)]
    lines = wording({"text": "short", "blocks": blocks}).splitlines()
    assert (len(lines), lines[-1]) == (4, "…")
    one = [{"type": "section", "text": _mrkdwn("x" * (LONGEST + 1))}]
    assert wording({"text": "short", "blocks": one}) == "short"
