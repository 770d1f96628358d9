"""No data, whatever it holds, becomes anything but text."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from bot.check import unsafe
from bot.render import Renderer
from bot.text import FSI, PDI, clean
from sandbox.workspace.blockkit import problems
from tests.unit.bot.names import NAMES

EVERYWHERE = """
<message fallback="{{ name }}: {{ name|cut40 }}">
  <header>{{ name }}</header>
  <section>
    {{ name }} <b>{{ name }}</b> <i>{{ name|cut40 }}</i> <code>{{ name }}</code>
    <a href="{{ name }}">{{ name }}</a> <a href="https://x.example/{{ name }}">{{ name }}</a>
    {% trans name=name %}Said by {{ name }}.{% endtrans %} <mention user="{{ name }}">x</mention>
    <fields><field>{{ name }}</field><field><s>{{ name|isolate }}</s></field></fields>
    <button action="go" value="{{ name }}" url="{{ name }}" label="{{ name }}">{{ name }}
      <confirm title="{{ name }}" ok="{{ name }}" cancel="{{ name }}">{{ name }}</confirm></button>
  </section>
  <context>{{ name }}<ul><li>{{ name }}</li></ul></context>
  <actions>
    <overflow action="a"><option value="1" description="{{ name }}">{{ name }}</option></overflow>
    <select action="b" placeholder="{{ name }}"><option value="1">{{ name }}</option></select>
  </actions>
  <table><row><cell>{{ name }}</cell><cell><b>{{ name }}</b></cell></row></table>
  <image url="https://x.example/{{ name }}" alt="{{ name }}" title="{{ name }}"/>
</message>
"""
IN_A_VIEW = """
<modal title="{{ name }}" submit="{{ name }}" close="{{ name }}">
  <alert>{{ name }}</alert>
  <input name="why" label="{{ name }}" hint="{{ name }}" placeholder="{{ name }}"
    value="{{ name }}"/>
  <section>{{ name }}</section>
</modal>
"""
ANY = st.text(
    st.sampled_from("<>&!@#|*_~`:;/ab1\n\"'{}%\u202e\u2068\u2069\u200bن٥👍\x00\u0301")
    | st.characters()
)
TOKEN = re.compile(r"<(?:https://x\.example/[^\s<>|]*\||https?://[^\s<>|]+\||@[UW][A-Z0-9]+>)")


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """Return a renderer of templates that put one name wherever a text can stand."""
    folder = tmp_path_factory.mktemp("templates")
    for name, text in (("message", EVERYWHERE), ("modal", IN_A_VIEW)):
        Path(folder, f"{name}.xml").write_text(text, encoding="utf-8")
    Path(folder, "one.xml").write_text(
        '<message fallback="-"><section>.{{ name }}</section><section>{{ name }}.</section>'
        "<section>.<code>{{ name }}</code></section></message>",
        encoding="utf-8",
    )
    return Renderer(folder)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_only_text(renderer: Renderer, name: str) -> None:
    """Each of sixty hostile names, put everywhere at once, leaves a message that Slack takes."""
    harmless(renderer, name)


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_any_text_is_only_text(renderer: Renderer, name: str) -> None:
    """No text breaks a tag, leaves an unescaped bracket or exceeds a limit."""
    harmless(renderer, name)


@settings(max_examples=20, deadline=None)
@given(ANY, st.integers(1, 4_000))
def test_any_length_fits(renderer: Renderer, name: str, times: int) -> None:
    """No length exceeds a limit, wherever the escapes and the cut fall."""
    harmless(renderer, (name * times)[:6_000])


@pytest.mark.parametrize("name", [name for name in NAMES if "`" not in name and len(name) < 200])
def test_people_read_and_copy_what_was_written(renderer: Renderer, name: str) -> None:
    """In code, a name is there character for character, entities and unseen characters aside."""
    text = renderer.show("one", name=name)["blocks"][2]["text"]["text"]
    code = text[text.index("`") + 1 : text.rindex("`")]
    assert decoded(code) == clean(name)


@pytest.mark.parametrize("name", [name for name in NAMES if len(name) < 200])
def test_no_name_formats(renderer: Renderer, name: str) -> None:
    """Outside code no name has a mark between words' edges, an emoji's name or a first quote."""
    for block in renderer.show("one", name=name)["blocks"][:2]:
        text = block["text"]["text"]
        assert not re.search(r"`|(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])", text)
        assert not re.search(r":[a-z+][\w+'-]*:|:100:", text)
        assert not re.match(r"[\s\u2068]*&gt;", text)


def harmless(renderer: Renderer, name: str) -> None:
    """Draw the name everywhere: nothing of it may be read as more than text."""
    message = renderer.show("message", name=name)
    assert list(unsafe(message)) == []
    assert problems(message["blocks"], "message") == []
    assert len(message["text"]) <= 4_000
    for block in Block.parse_all(message["blocks"]):
        block.validate_json()
    view = renderer.show("modal", name=name)
    assert list(unsafe(view)) == []
    assert problems(view, "modal") == []
    for text in mrkdwn_of(message):
        assert "<" not in TOKEN.sub("", text)
        assert text.count(FSI) == text.count(PDI)


def mrkdwn_of(part: Any) -> list[str]:
    """Return all mrkdwn texts."""
    if isinstance(part, list):
        return [text for one in part for text in mrkdwn_of(one)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if part.get("type") == "mrkdwn" else []
    return own + [text for one in part.values() for text in mrkdwn_of(one)]


def decoded(text: str) -> str:
    """Return what Slack shows for a text with entities."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
