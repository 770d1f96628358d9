"""Texts from elsewhere are cleaned, isolated, cut and made inert."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text import (
    FSI,
    PDI,
    capped,
    clean,
    clean_around,
    cut,
    graphemes,
    inert,
    inert_code,
    inert_within,
    isolate,
    runs_against,
    units,
    web_address,
    without_isolates,
    xml_safe,
)
from tests.unit.bot.names import NAMES

UNSEEN = "\u200b\ufeff\u2028\u2029" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
ANY = st.text(st.characters(), max_size=60)
FAMILY = "👨‍👩‍👧‍👦"


def test_names_are_sixty() -> None:
    """The corpus has sixty different names."""
    assert len(set(NAMES)) == 60


@given(ANY)
def test_clean_leaves_nothing_unseen(text: str) -> None:
    """A cleaned text has no control, surrogate, direction or zero-width character, on one line."""
    for character in clean(text):
        assert unicodedata.category(character) not in {"Cc", "Cs"}
        assert character not in UNSEEN


def test_clean_keeps_joiners_and_marks() -> None:
    """Joiners and the right-to-left mark of Arabic currency stay; a line end is a blank."""
    assert clean("می\u200cخواهم") == "می\u200cخواهم"
    assert clean(FAMILY) == FAMILY
    assert clean("١٠\u00a0ر.س.\u200f") == "١٠\u00a0ر.س.\u200f"
    assert clean("one\r\ntwo\tthree") == "one two three"


@given(ANY)
def test_isolates_are_balanced(text: str) -> None:
    """Whatever comes in, isolates that stay are closed and none stands in another."""
    found = [character for character in clean_around(text) if character in {FSI, PDI}]
    assert found == [FSI, PDI] * (len(found) // 2)


def test_isolate_and_back() -> None:
    """An isolated text is framed once, and is itself again for copying."""
    assert isolate("نخيل") == f"{FSI}نخيل{PDI}"
    assert isolate(isolate("نخيل")) == isolate("نخيل")
    assert without_isolates(isolate("نخيل")) == "نخيل"
    assert isolate("") == ""


def test_direction_is_told_apart() -> None:
    """Arabic runs against an English page and Latin against an Arabic one."""
    assert runs_against("HONEY-٥٠٠", rtl=False)
    assert not runs_against("Al-Noor 500", rtl=False)
    assert runs_against("HONEY", rtl=True)
    assert not runs_against("نخيل", rtl=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 39 + "…"),
        ("é" * 40, "é" * 40),
        ("é" * 41, "é" * 39 + "…"),
        ("e\u0301" * 40, "e\u0301" * 40),
        ("e\u0301" * 41, "e\u0301" * 39 + "…"),
        (FAMILY * 40, FAMILY * 40),
        (FAMILY * 41, FAMILY * 39 + "…"),
        ("🇸🇦" * 41, "🇸🇦" * 39 + "…"),
        ("", ""),
    ],
)
def test_cut_counts_what_people_see(text: str, shown: str) -> None:
    """Forty characters are not cut, forty-one are cut to thirty-nine and an ellipsis."""
    assert cut(text, 40) == shown


@given(ANY, st.integers(1, 50))
def test_cut_is_never_longer(text: str, most: int) -> None:
    """A cut text has at most as many characters as asked, and graphemes joined are the text."""
    assert len(list(graphemes(cut(text, most)))) <= most
    assert "".join(graphemes(text)) == text


def test_graphemes_stay_whole() -> None:
    """Families, flags, skin tones, variation selectors and accents are one character each."""
    parts = [FAMILY, "🇸🇦", "🇪🇬", "👍🏽", "❤️", "e\u0301", "كَ", "a"]
    assert list(graphemes("".join(parts))) == parts


@given(ANY, st.integers(3, 80))
def test_capped_fits(text: str, most: int) -> None:
    """A capped text fits in UTF-16 units, its isolates closed."""
    shown = capped(clean_around(text), most)
    assert units(shown) <= most
    assert shown.count(FSI) == shown.count(PDI)


@given(ANY, st.integers(8, 80))
def test_inert_within_fits(text: str, most: int) -> None:
    """An escaped text fits, and every ampersand in it begins a whole entity."""
    shown = inert_within(clean(text), most)
    assert units(shown) <= most
    assert "&" not in shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("*bold*", "∗bold∗"),
        ("(*bold*)", "(∗bold∗)"),
        ("_i_ ~s~ `c`", "ˍiˍ ∼s∼ ˋcˋ"),
        ("snake_case_name 2*3", "snake_case_name 2*3"),
        ("a`b", "aˋb"),
        ("> quoted", "\u2060&gt; quoted"),
        ("2 > 1", "2 &gt; 1"),
        (":tada:", ":\u2060tada:"),
        ("10:30:45", "10:30:45"),
        (":100:", ":\u2060100:"),
        ("sku: a: b", "sku: a: b"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_inert_reads_as_written(text: str, shown: str) -> None:
    """Escapes and look-alikes come only where Slack would read more than the text."""
    assert inert(text) == shown


def test_code_is_exact() -> None:
    """Between backticks every character stays, only a backtick is drawn as another."""
    assert inert_code("HONEY_*500*:a: ") == "HONEY_*500*:a: "
    assert inert_code("a`b<c>") == "aˋb&lt;c&gt;"


@pytest.mark.parametrize(
    ("given_address", "address"),
    [
        ("https://books.example/invoices/45?a=1&b=2", "https://books.example/invoices/45?a=1&b=2"),
        ("http://127.0.0.1:3002/owner/1", "http://127.0.0.1:3002/owner/1"),
        ('https://x.example/a|b>c d"<', "https://x.example/a%7Cb%3Ec%20d%22%3C"),
        ("https://x.example/نخيل", "https://x.example/%D9%86%D8%AE%D9%8A%D9%84"),
        ("https://x.example/a%20b", "https://x.example/a%20b"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://", None),
        ("https://slack.com@evil.example/", None),
        ("https://[bad", None),
        ("https://x.example:99999/", None),
        ("//evil.example", None),
        ("", None),
    ],
)
def test_only_web_addresses_become_links(given_address: str, address: str | None) -> None:
    """An http or https address is made safe for a link; anything else is none."""
    assert web_address(given_address) == address


@given(ANY)
def test_xml_safe_can_always_be_read(text: str) -> None:
    """What stays can stand in XML 1.0: no control character but tab and line ends, no surrogate."""
    for character in xml_safe(text):
        assert character in "\t\n\r" or " " <= character <= "\ud7ff" or character >= "\ue000"
        assert character not in "\ufffe\uffff"
