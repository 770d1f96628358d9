"""The tags of our templates: which there are, where each may stand, and how they are read.

`docs/templates.md` explains them to whoever writes a template; `bot/blockkit.py` draws them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MARKS = {"b": "*", "i": "_", "s": "~"}
INLINE = frozenset({*MARKS, "code", "a", "br", "date", "mention", "channel", "ul"})
_SURFACES = frozenset({"message", "modal", "home"})
_PROSE = frozenset({"section", "field", "context", "alert", "confirm", "cell", "li", *MARKS})
_HOLDERS = frozenset({"section", "actions"})


class TemplateError(Exception):
    """A template that cannot be drawn: which one, where, and what is wrong with it."""

    def __init__(self, template: str, line: int, problem: str, source: str = "") -> None:
        shown = f": {source.strip()[:100]}" if source else ""
        super().__init__(f"{template}, line {line} of what it wrote: {problem}{shown}")
        self.template = template
        self.line = line


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a tag may stand (nowhere: it is a root), its attributes, and whether it holds text."""

    inside: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    text: bool = False


def _rule(inside: frozenset[str] | str, needs: str = "", may: str = "", *, text: bool) -> Rule:
    where = frozenset(inside.split()) if isinstance(inside, str) else inside
    return Rule(where, frozenset(needs.split()), frozenset(may.split()), text)


RULES = {
    "message": _rule("", "fallback", text=False),
    "modal": _rule("", "title", "submit close callback private", text=False),
    "home": _rule("", "", "callback private", text=False),
    "header": _rule(_SURFACES, "", "block", text=True),
    "section": _rule(_SURFACES, "", "block", text=True),
    "context": _rule(_SURFACES, "", "block", text=True),
    "actions": _rule(_SURFACES, "", "block", text=False),
    "divider": _rule(_SURFACES, text=False),
    "image": _rule(_SURFACES | {"section"}, "url alt", "title block", text=False),
    "alert": _rule("modal", "", "level block", text=True),
    "table": _rule("message home", "", "block", text=False),
    "column": _rule("table", "", "align wrap", text=False),
    "row": _rule("table", text=False),
    "cell": _rule("row", text=True),
    "fields": _rule("section", text=False),
    "field": _rule("fields", text=True),
    "button": _rule(_HOLDERS, "action", "value url style label", text=True),
    "overflow": _rule(_HOLDERS, "action", text=False),
    "select": _rule(_HOLDERS, "action", "placeholder external min initial", text=False),
    "input": _rule(
        "modal home",
        "name label",
        "type block hint optional value placeholder min max",
        text=False,
    ),
    "option": _rule("overflow select input", "value", "description url", text=True),
    "confirm": _rule("button overflow select", "title ok cancel", "danger", text=True),
    "b": _rule(_PROSE, text=True),
    "i": _rule(_PROSE, text=True),
    "s": _rule(_PROSE, text=True),
    "code": _rule(_PROSE, text=True),
    "a": _rule(_PROSE, "href", text=True),
    "br": _rule(_PROSE, text=False),
    "date": _rule(_PROSE, "unix", "format", text=True),
    "mention": _rule(_PROSE, "user", text=True),
    "channel": _rule(_PROSE, "id", text=False),
    "ul": _rule(_PROSE - {"li"}, text=False),
    "li": _rule("ul", text=True),
}


@dataclass(slots=True)
class Tag:
    """One tag as it was read: its attributes, and its texts and tags in order."""

    name: str
    attributes: dict[str, str]
    template: str
    line: int
    children: "list[str | Tag]" = field(default_factory=list)

    def tags(self, *names: str) -> "Iterator[Tag]":
        """Yield the tags inside that have one of `names`; all of them when none is given."""
        for child in self.children:
            if isinstance(child, Tag) and (not names or child.name in names):
                yield child

    def words(self) -> str:
        """Return the text that stands directly inside."""
        return "".join(child for child in self.children if isinstance(child, str))

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute, or `default`."""
        return self.attributes.get(name, default)

    def choice(self, name: str, *valid: str) -> str:
        """Return an attribute that must be one of `valid`, or nothing where it is absent."""
        value = self.get(name)
        if value and value not in valid:
            raise self.error(f'{name}="{value}" is none of {", ".join(valid)}')
        return value

    def yes(self, name: str) -> bool:
        """Tell whether an attribute is "true"; absent means no."""
        return self.choice(name, "true", "false") == "true"

    def number(self, name: str) -> int | None:
        """Return an attribute that must be a whole number, or None where it is absent."""
        value = self.get(name)
        if not value:
            return None
        try:
            return int(value)
        except ValueError:
            raise self.error(f'{name}="{value}" is not a whole number') from None

    def error(self, problem: str) -> TemplateError:
        """Return the error that names this tag's template and line."""
        return TemplateError(self.template, self.line, f"<{self.name}>: {problem}")


def read(text: str, template: str) -> Tag:
    """Return the root tag of `text`; raises TemplateError for what RULES does not allow."""
    return _Reader(template).read(text)


class _Reader:
    def __init__(self, template: str) -> None:
        self._template = template
        self._open: list[Tag] = []
        self._root: Tag | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, text: str) -> Tag:
        try:
            self._parser.Parse(text, True)  # noqa: FBT003 - expat takes it by place only
        except expat.ExpatError as error:
            source = (text.splitlines() or [""])[min(error.lineno, text.count("\n") + 1) - 1]
            problem = expat.ErrorString(error.code)
            raise TemplateError(self._template, error.lineno, problem, source) from None
        if self._root is None:
            raise TemplateError(self._template, 1, "there is no tag")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        tag = Tag(name, attributes, self._template, line)
        parent = self._open[-1] if self._open else None
        _allowed(tag, parent)
        if parent is None:
            self._root = tag
        else:
            parent.children.append(tag)
        self._open.append(tag)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        parent = self._open[-1]
        if RULES[parent.name].text:
            parent.children.append(text)
        elif text.strip():
            raise parent.error(f'"{text.strip()[:40]}" stands where only tags may')

    def _doctype(self, *_parts: object) -> None:
        raise TemplateError(self._template, 1, "a document type has no place here")


def _allowed(tag: Tag, parent: Tag | None) -> None:
    rule = RULES.get(tag.name)
    if rule is None:
        raise tag.error("there is no such tag")
    where = parent.name if parent else ""
    if where not in rule.inside and (where or rule.inside):
        raise tag.error(f"it cannot stand in <{where}>" if where else "it cannot stand alone")
    if unknown := sorted(tag.attributes.keys() - rule.needs - rule.may):
        raise tag.error(f"it has no attribute {', '.join(unknown)}")
    if missing := sorted(rule.needs - tag.attributes.keys()):
        raise tag.error(f"it needs {', '.join(missing)}")
