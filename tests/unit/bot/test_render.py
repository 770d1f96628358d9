"""Values become what people read: money, moments, days, names; mistakes have a place."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.render import Renderer
from bot.tags import TemplateError
from bot.text import FSI, PDI
from sync.money import Money

MOMENT = datetime(2026, 10, 9, 6, 0, tzinfo=UTC)
Write = Callable[..., str]


@pytest.fixture
def said(tmp_path: Path) -> Write:
    """Return a function that draws a section of a template and gives its text."""

    def draw(inside: str, how: dict[str, Any] | None = None, **model: Any) -> str:
        text = f'<message fallback="f"><section>{inside}</section></message>'
        (tmp_path / "t.xml").write_text(text, encoding="utf-8")
        drawn = Renderer(tmp_path, words={"ar": Shouting()}).show("t", **(how or {}), **model)
        return str(drawn["blocks"][0]["text"]["text"])

    return draw


class Shouting(NullTranslations):
    """A language in which everything is said in capitals."""

    def gettext(self, message: str) -> str:
        """Say it louder."""
        return message.upper().replace("%(NAME)S", "%(name)s")


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("41250", "SAR", "SAR 41,250.00"),
        ("1.5", "KWD", "KWD 1.500"),
        ("900", "JPY", "JPY 900"),
        ("-12.5", "USD", "-USD 12.50"),
        ("0", "SAR", "SAR 0.00"),
        ("1234567890123.45", "SAR", "SAR 1,234,567,890,123.45"),
    ],
)
def test_money(said: Write, amount: str, currency: str, shown: str) -> None:
    """An amount has its currency's decimals, all its digits and the language's separators."""
    assert said("{{ one|money }}", one=Money(Decimal(amount), currency)) == shown


@pytest.mark.parametrize(
    ("filter_name", "shown"),
    [
        ("when", "<!date^1791525600^{date_short_pretty}, {time}|9 Oct 2026, 09:00 UTC+03>"),
        ("date", "<!date^1791525600^{date_short_pretty}|9 Oct 2026>"),
        ("time", "<!date^1791525600^{time}|09:00 UTC+03>"),
        ("ago", "<!date^1791525600^{ago}|9 Oct 2026, 09:00 UTC+03>"),
    ],
)
def test_moments(said: Write, filter_name: str, shown: str) -> None:
    """Slack shows a moment in the reader's zone; the fallback says it in the zone asked for."""
    zone = {"zone": ZoneInfo("Asia/Riyadh")}
    assert said(f"{{{{ at|{filter_name} }}}}", zone, at=MOMENT) == shown


def test_moments_without_a_zone(said: Write) -> None:
    """The fallback is in UTC unless a zone is given; a moment of no zone is refused."""
    assert said("{{ at|time }}", at=MOMENT).endswith("|06:00 UTC>")
    with pytest.raises(TemplateError, match="has no zone"):
        said("{{ at|time }}", at=MOMENT.replace(tzinfo=None))


def test_days_and_counts(said: Write) -> None:
    """A day is a day anywhere; a count has separators."""
    assert said("{{ day|day }}", day=date(2026, 10, 9)) == "Fri 9 Oct"
    assert said("{{ count|number }}", count=12_400) == "12,400"


def test_reasons_are_cut_at_forty(said: Write) -> None:
    """Forty characters are whole, forty-one are not, and what nobody sees does not count."""
    assert said("{{ one|cut40 }}", one="x" * 40) == "x" * 40
    assert said("{{ one|cut40 }}", one="x" * 41) == "x" * 39 + "…"
    assert said("{{ one|cut40 }}", one="\u200b" * 50 + "&" * 40) == "&amp;" * 40
    assert said("{{ one|cut(3) }}", one="abcd") == "ab…"


def test_names_of_the_other_direction_are_isolated(said: Write) -> None:
    """Arabic in an English message is isolated, in sentences too; Latin is not."""
    assert said("{{ one }}, {{ two }}", one="نخيل", two="Noor") == f"{FSI}نخيل{PDI}, Noor"
    assert said("{% trans one=one %}By {{ one }}{% endtrans %}", one="ن") == f"By {FSI}ن{PDI}"
    assert said("{{ one|isolate }}", one="Noor") == f"{FSI}Noor{PDI}"
    assert said("{{ one }} {{ two }}", {"locale": "ar"}, one="ن", two="N") == f"ن {FSI}N{PDI}"


def test_sentences_are_translated(said: Write) -> None:
    """Marked words are said in the reader's language, values in them stay as they are."""
    text = "{% trans name=name %}sent by {{ name }}{% endtrans %}"
    assert said(text, {"locale": "ar"}, name="50% <b>") == f"SENT BY {FSI}50% &lt;b&gt;{PDI}"
    assert said(text, name="50%") == "sent by 50%"


def test_plurals(said: Write) -> None:
    """One and many have their own words."""
    text = "{% trans count=n %}{{ count }} page{% pluralize %}{{ count }} pages{% endtrans %}"
    assert (said(text, n=1), said(text, n=2)) == ("1 page", "2 pages")


def test_nothing_is_said_for_none(said: Write) -> None:
    """None leaves no trace."""
    assert said("a{{ one }}b", one=None) == "ab"


def test_words_of_tags(said: Write) -> None:
    """A sentence with tags gives its words: dates and people by name, lines apart."""
    text = (
        "{% macro one() %}<b>{{ x }}</b> {{ at|time }}<br/><mention user='U1'>Sara</mention>"
        "{% endmacro %}{{ one()|striptags }}"
    )
    assert said(text, x="<i>", at=MOMENT) == "&lt;i&gt; 06:00 UTC Sara"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("<home>\n\n{{ nobody }}</home>", 3, "'nobody' is undefined"),
        ("<home>\n{{ one.nothing }}</home>", 2, "no attribute 'nothing'"),
        ("<home>\n{% if %}</home>", 2, "Expected an expression"),
        ("<home>\n<section>x</home>", 2, "mismatched tag"),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, text: str, line: int, problem: str) -> None:
    """A missing value, wrong syntax and wrong tags are told with template and line."""
    (tmp_path / "t.xml").write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=problem) as raised:
        Renderer(tmp_path).show("t", one=1)
    assert (raised.value.template, raised.value.line) == ("t.xml", line)


def test_macros_bring_their_reader(tmp_path: Path) -> None:
    """A macro imported with context knows zone and language; without, it says what is missing."""
    (tmp_path / "_m.xml").write_text("{% macro m(at) %}{{ at|time }}{% endmacro %}", "utf-8")
    use = '{{% from "_m.xml" import m {} %}}<home><section>{{{{ m(at) }}}}</section></home>'
    (tmp_path / "t.xml").write_text(use.format("with context"), "utf-8")
    assert "06:00 UTC" in str(Renderer(tmp_path).show("t", at=MOMENT))
    (tmp_path / "t.xml").write_text(use.format(""), "utf-8")
    with pytest.raises(TemplateError, match="with context"):
        Renderer(tmp_path).show("t", at=MOMENT)
    assert Renderer(tmp_path).names == ["t"]
