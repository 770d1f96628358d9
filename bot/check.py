"""Draws every template with its samples, as they are and with hostile texts in place of their own.

For `app.py check` and the tests: what is wrong comes back as lines to read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import count
from typing import Any

from bot import limits
from bot.blockkit import characters
from bot.render import Renderer
from bot.samples import Samples
from bot.samples import samples as our_samples
from bot.tags import TemplateError
from bot.text import clean_around

HOSTILE = (
    "<!channel> <@U0SARA> <https://evil.example|Pay here>",
    "</section><button action='x'>",
    "Al-Noor & Sons \"quoted\" 'twice' ]]> <![CDATA[",
    "*bold* _italic_ ~struck~ `code` ```block```",
    "> quoted\n>>> and more",
    ":tada: :100: @here #general",
    "&lt;!channel&gt; &amp;amp; &#60;",
    "{{ 7 * 7 }} {% raw %} %(count)s %s",
    "a\x00b\x1b[31m\ufffe\ud800\u2028c\r\nd",
    "\u202eGNP.exe\u2066\u2068open\u2069\u2069\u2069",
    "مؤسسة النخيل التجارية 500",
    "ﷺ \u200fHONEY-٥٠٠\u200b ",
    "👨‍👩‍👧‍👦🇸🇦👍🏽 e\u0301" + "\u0301" * 200,
    "|^{date} javascript:alert(1)",
    "https://evil.example/a|b>c d\"'<!here>",
    "data:text/html,<script>",
    "W" * 5_000,
    "&" * 5_000,
    " ",
    "",
)
"""Texts that a customer, an upstream answer or a product code may hold."""

_OURS = re.compile(
    r"<(?:https?://[^\s<>|]+\|[^<>\n]+|!date\^\d+\^[^<>|^]+\|[^<>\n]+|@[UW][A-Z0-9]+|#[CG][A-Z0-9]+)>"
)
_NOT_SEEN = re.compile("[\n\u200b]")  # the line ends and separators that the compiler writes
_STRAY = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")


def check_templates(renderer: Renderer, samples: Samples | None = None) -> list[str]:
    """Return what is wrong with the templates, one line for each problem; empty is good."""
    samples = our_samples() if samples is None else samples
    problems = [f"{name}.xml: it has no samples" for name in renderer.names if name not in samples]
    for name, models in samples.items():
        for place, model in enumerate(models):
            problems += _drawn(renderer, name, model, "sample")
            problems += _drawn(renderer, name, hostile(model, place), "hostile sample")
    return list(dict.fromkeys(problems))


def hostile(model: Mapping[str, Any], first: int = 0) -> dict[str, Any]:
    """Return `model` with each text in it replaced by one of HOSTILE in turn, from `first` on.

    Enum members and the actions of buttons stay: they are ours, never data.
    """
    turn = count(first)
    return {name: _spoilt(value, turn) for name, value in model.items()}


def unsafe(drawn: Any) -> Iterator[str]:
    """Yield what of a message or view Slack would read as a mention, a link or an entity of data's.

    Also what nobody can see: control, zero-width and direction characters.
    """
    if isinstance(drawn, list):
        for part in drawn:
            yield from unsafe(part)
    elif isinstance(drawn, dict):
        is_mrkdwn = drawn.get("type") == "mrkdwn" or "blocks" in drawn
        for name, value in drawn.items():
            if name != "text" or not isinstance(value, str):
                yield from unsafe(value)
            elif is_mrkdwn and _STRAY.search(_OURS.sub("", value)):
                yield f"not escaped: {value[:60]}"
            elif clean_around(seen := _NOT_SEEN.sub("", value)) != seen:
                yield f"not cleaned: {value[:60]!r}"


def _drawn(renderer: Renderer, name: str, model: Mapping[str, Any], what: str) -> Iterator[str]:
    try:
        drawn = renderer.show(name, **model)
    except TemplateError as error:
        yield f"{error} ({what})"
        return
    for problem in unsafe(drawn):
        yield f"{name}.xml: {problem} ({what})"
    is_message = "text" in drawn
    if len(drawn["blocks"]) > (limits.MESSAGE_BLOCKS if is_message else limits.VIEW_BLOCKS):
        yield f"{name}.xml: too many blocks ({what})"
    if is_message and characters(drawn["blocks"]) > limits.MESSAGE_CHARACTERS:
        yield f"{name}.xml: too many characters ({what})"


def _spoilt(value: Any, turn: Iterator[int]) -> Any:
    if type(value) is str:
        return HOSTILE[next(turn) % len(HOSTILE)]
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: _spoilt(getattr(value, field.name), turn)
            for field in fields(value)
            if field.init and not field.name.endswith("action")
        }
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {name: _spoilt(one, turn) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_spoilt(one, turn) for one in value)
    return value
