"""Draws templates: Jinja2 writes tags, `bot.blockkit` makes Block Kit of them.

Every value is escaped for the tags by Jinja2 and for Slack by the compiler; a value that runs
against the direction of the reader's language is isolated. Filters: `docs/templates.md`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from gettext import NullTranslations
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final, Protocol

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateRuntimeError,
    TemplateSyntaxError,
    pass_context,
)
from jinja2 import TemplateError as JinjaError
from jinja2.runtime import Context, Undefined
from markupsafe import Markup, escape

from bot.blockkit import compiled
from bot.tags import TemplateError
from bot.text import clean, cut, isolate, runs_against, without_isolates, xml_safe
from sync.money import decimals

REASON_CHARACTERS: Final = 40
"""Where a row cuts the reason (product, section 2, rule 6)."""

TEMPLATES: Final = Path(__file__).parent.parent / "templates"

_READER = "reader"
_LINE_END = re.compile(r"<br\s*/>|</li>")


class Amount(Protocol):
    """What the filter `money` takes: an amount in major units and its ISO 4217 currency."""

    @property
    def amount(self) -> Decimal: ...  # noqa: D102 - told by the class
    @property
    def currency(self) -> str: ...  # noqa: D102 - told by the class


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom something is drawn."""

    locale: Locale
    zone: tzinfo
    words: NullTranslations


class Renderer:
    """Draws the templates of a directory; `locale` is the language unless a call says another."""

    def __init__(
        self,
        templates: Path = TEMPLATES,
        locale: str = "en",
        words: Mapping[str, NullTranslations] | None = None,
    ) -> None:
        self._locale = locale
        self._words = words or {}
        self._environment = _environment(templates)

    def show(
        self,
        template: str,
        /,
        *,
        locale: str | None = None,
        zone: tzinfo | None = None,
        **model: Any,
    ) -> dict[str, Any]:
        """Return the message or view that `templates/{template}.xml` makes of `model`.

        `zone` (UTC unless given) is for texts in which Slack cannot show the reader's own. Raises
        TemplateError for a template that is wrong or lacks a value.
        """
        language = locale or self._locale
        words = self._words.get(language) or NullTranslations()
        reader = Reader(Locale.parse(language, sep=_separator(language)), zone or UTC, words)
        name = f"{template}.xml"
        try:
            text = self._environment.get_template(name).render({**model, _READER: reader})
        except JinjaError as error:
            raise _named(name, error) from error
        return compiled(xml_safe(text), name)

    @property
    def names(self) -> list[str]:
        """The templates that can be shown; those that only lend macros begin with `_`."""
        found = self._environment.list_templates(extensions=["xml"])
        return [name.removesuffix(".xml") for name in found if not name.startswith("_")]


class Pages:
    """Draws the pages that a browser shows, `templates/pages/*.html`; every value is escaped."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        self._environment = _environment(templates / "pages")

    def show(self, page: str, /, **model: Any) -> str:
        """Return the HTML of a page."""
        reader = Reader(Locale.parse("en"), UTC, NullTranslations())
        template = self._environment.get_template(f"{page}.html")
        return template.render({**model, _READER: reader})


def _separator(language: str) -> str:
    return "-" if "-" in language else "_"


def _named(name: str, error: JinjaError) -> TemplateError:
    """Return the error with the place where Jinja2 stopped, in the template's own lines."""
    if isinstance(error, TemplateSyntaxError):
        return TemplateError(Path(error.filename or name).name, error.lineno, str(error.message))
    frames = [one for one in extract_tb(error.__traceback__) if one.filename.endswith(".xml")]
    where, line = (frames[-1].filename, frames[-1].lineno) if frames else (name, None)
    return TemplateError(Path(where).name, line or 1, str(error))


def _environment(templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_told,
        extensions=["jinja2.ext.i18n"],
    )
    # With the new style a translation is markup and its values are escaped one by one.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # because i18n adds it
    environment.globals.update(gettext=_gettext, ngettext=_ngettext)
    environment.filters.update(FILTERS)
    return environment


def _reader(context: Context) -> Reader:
    reader = context.get(_READER)
    if not isinstance(reader, Reader):
        raise TemplateRuntimeError("a macro that shows values is imported with context")
    return reader


@pass_context
def _told(context: Context, value: Any) -> Any:
    """Return a value as it is told: nothing for None, isolated where its direction asks for it."""
    if value is None:
        return ""
    if hasattr(value, "__html__") or isinstance(value, Undefined):
        return value
    text = without_isolates(str(value))
    rtl = _reader(context).locale.text_direction == "rtl"
    return isolate(text) if runs_against(text, rtl=rtl) else text


def _phrase(context: Context, message: str, values: Mapping[str, Any]) -> Markup:
    told = {name: escape(_told(context, value)) for name, value in values.items()}
    return Markup(message) % told  # noqa: S704 - a message is the template's, its values escaped


@pass_context
def _gettext(context: Context, message: str, /, **values: Any) -> Markup:
    return _phrase(context, _reader(context).words.gettext(message), values)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int, /, **values: Any) -> Markup:
    message = _reader(context).words.ngettext(one, many, count)
    return _phrase(context, message, {"num": count, **values})


@pass_context
def _money(context: Context, sum_of: Amount) -> str:
    """`SAR 41,250.00`: the code, and the digits and decimals of the language and the currency."""
    digits = decimals(sum_of.currency)
    pattern = "¤¤ #,##0" + ("." + "0" * digits if digits else "")
    locale = _reader(context).locale
    return format_currency(
        sum_of.amount, sum_of.currency, pattern, locale=locale, currency_digits=False
    )


@pass_context
def _plain(context: Context, sum_of: Amount) -> str:
    """`41,250`: an amount where its currency is said beside it; decimals only where there are."""
    whole = sum_of.amount == sum_of.amount.to_integral_value()
    digits = 0 if whole else decimals(sum_of.currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(sum_of.amount, pattern, locale=_reader(context).locale)


@pass_context
def _number(context: Context, value: float | Decimal) -> str:
    """`12,400`: a count with the separators of the language."""
    return format_decimal(value, locale=_reader(context).locale)


@pass_context
def _when(context: Context, moment: datetime) -> Markup:
    return _date_tag(context, moment, "{date_short_pretty}, {time}", "d MMM y, HH:mm")


@pass_context
def _date(context: Context, moment: datetime) -> Markup:
    return _date_tag(context, moment, "{date_short_pretty}", "d MMM y")


@pass_context
def _time(context: Context, moment: datetime) -> Markup:
    return _date_tag(context, moment, "{time}", "HH:mm")


@pass_context
def _ago(context: Context, moment: datetime) -> Markup:
    return _date_tag(context, moment, "{ago}", "d MMM y, HH:mm")


@pass_context
def _day(context: Context, day: date) -> str:
    """`Thu 9 Oct`: a calendar day, of no zone."""
    return format_date(day, "EEE d MMM", locale=_reader(context).locale)


def _date_tag(context: Context, moment: datetime, shape: str, fallback: str) -> Markup:
    """Return a `<date>`: Slack shows it in its reader's zone, older clients show the fallback."""
    if moment.tzinfo is None:
        raise TemplateRuntimeError(f"{moment} has no zone")
    reader = _reader(context)
    local = moment.astimezone(reader.zone)
    text = format_datetime(local.replace(tzinfo=None), fallback, locale=reader.locale)
    told = f"{text} {_zone_name(local)}" if "HH" in fallback else text
    tag = Markup('<date unix="{}" format="{}">{}</date>')
    return tag.format(int(moment.timestamp()), shape, told)


def _zone_name(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return name if name.isalpha() else f"UTC{name}"


def _cut(value: Any, most: int) -> str:
    """Cut to `most` characters as people count them; what nobody sees does not count."""
    return cut(clean(_words_of(value)), most)


def _cut40(value: Any) -> str:
    return _cut(value, REASON_CHARACTERS)


def _isolate(value: Any) -> Markup:
    return escape(isolate(_words_of(value)))


def _words_of(value: Any) -> str:
    """Return the words of some tags: for attributes, and before something is cut."""
    if hasattr(value, "__html__"):
        return Markup(_LINE_END.sub(" ", value.__html__())).striptags()  # noqa: S704 - was markup
    return "" if value is None else str(value)


FILTERS = {
    "money": _money,
    "plain": _plain,
    "number": _number,
    "when": _when,
    "date": _date,
    "time": _time,
    "ago": _ago,
    "day": _day,
    "cut": _cut,
    "cut40": _cut40,
    "isolate": _isolate,
    "striptags": _words_of,
}
"""What templates can do with a value; `docs/templates.md` explains each."""
