"""`app.py check` finds what is wrong with templates before a person does."""

from dataclasses import dataclass
from pathlib import Path

from bot.check import HOSTILE, check_templates, hostile, unsafe
from bot.render import Renderer
from sync.states import Status


@dataclass(frozen=True, slots=True)
class View:
    """A view model as templates get them."""

    name: str
    status: Status
    retry_action: str
    rows: tuple["View", ...] = ()


def test_good_templates_have_no_problems(tmp_path: Path) -> None:
    """A template that draws its samples, hostile ones too, is fine."""
    text = '<message fallback="{{ name }}"><section>{{ name }}</section></message>'
    (tmp_path / "t.xml").write_text(text, "utf-8")
    assert check_templates(Renderer(tmp_path), {"t": [{"name": "x"}] * len(HOSTILE)}) == []


def test_problems_are_named(tmp_path: Path) -> None:
    """A template without samples, and one that lacks a value, are told by name and line."""
    (tmp_path / "lonely.xml").write_text("<home/>", "utf-8")
    (tmp_path / "wrong.xml").write_text("<home>\n{{ nobody }}</home>", "utf-8")
    lonely, sample, spoilt = check_templates(Renderer(tmp_path), {"wrong": [{}]})
    assert lonely == "lonely.xml: it has no samples"
    assert sample.startswith("wrong.xml, line 2")
    assert spoilt.endswith("(hostile sample)")


def test_only_data_is_spoilt() -> None:
    """Every text becomes a hostile one; enum members and actions stay what they are."""
    view = View("a", Status.FAILED, "retry.1", (View("b", Status.SUCCESS, "retry.2"),))
    spoilt = hostile({"view": view, "names": ["c"], "count": 3}, first=1)
    assert spoilt["view"].name == HOSTILE[1]
    assert spoilt["view"].rows[0].name == HOSTILE[2]
    assert spoilt["names"] == [HOSTILE[3]]
    assert (spoilt["view"].status, spoilt["view"].retry_action) == (Status.FAILED, "retry.1")
    assert spoilt["count"] == 3


def test_what_is_unsafe_is_seen() -> None:
    """A mention, a strange link, a half entity and an unseen character are found in a message."""
    for text in ("<!channel>", "<mailto:x|y>", "a & b", "&am", "a\u202eb", "> x", "<https://x>"):
        assert list(unsafe({"type": "mrkdwn", "text": text})), text
    for text in ("<https://x.example|y>", "<!date^1^{time}|09:00>", "<@U1> &amp; *b*\nc"):
        assert not list(unsafe({"type": "mrkdwn", "text": text})), text
