"""Buttons, menus and inputs: the tags that people press or fill in, as Block Kit elements.

Texts that are too long are cut. An id must fit; a button or option whose value does not fit is left
out, because half a value would mean something else.
"""

from typing import Any

from bot import limits
from bot.inline import mrkdwn
from bot.tags import Tag
from bot.text import capped, clean_around, units, web_address, without_isolates

Element = dict[str, Any]

EMPTY = "–"
"""Stands where Slack asks for a text and there is none."""


def plain(text: str, most: int) -> Element:
    """Return a plain_text object: nothing in it is read as a format, a mention or an emoji."""
    return {"type": "plain_text", "text": words(text, most) or EMPTY, "emoji": False}


def prose(tag: Tag, most: int) -> Element:
    """Return what stands in `tag` as a mrkdwn object; Slack links nothing in it by itself."""
    return {"type": "mrkdwn", "text": mrkdwn(tag, most) or EMPTY, "verbatim": True}


def label(tag: Tag, most: int) -> Element:
    """Return the text that stands directly in `tag` as a plain_text object."""
    return plain(tag.words(), most)


def words(text: str, most: int) -> str:
    """Return an attribute that people read, on one line and cut."""
    return capped(" ".join(clean_around(text).split()), most)


def identifier(tag: Tag, name: str) -> str:
    """Return an attribute that Slack keeps for us, such as action or block; it must fit."""
    value = without_isolates(tag.get(name))
    if not value or units(value) > limits.ID:
        raise tag.error(f"{name} has 1 to {limits.ID} characters")
    return value


def block_id(tag: Tag) -> Element:
    """Return the block's id where the template gives one; else Slack makes it."""
    return {"block_id": identifier(tag, "block")} if "block" in tag.attributes else {}


def elements(parent: Tag) -> list[Element]:
    """Return the buttons and menus that stand in `parent`, without those that cannot work."""
    drawn = [_DRAW[tag.name](tag) for tag in parent.tags(*_DRAW)]
    kept = [element for element in drawn if element]
    ids = [element["action_id"] for element in kept if "action_id" in element]
    if len(set(ids)) < len(ids):
        raise parent.error("two elements have the same action")
    return kept


def _button(tag: Tag) -> Element | None:
    value, url = without_isolates(tag.get("value")), web_address(tag.get("url"))
    if units(value) > limits.VALUE:
        return None
    drawn: Element = {
        "type": "button",
        "action_id": identifier(tag, "action"),
        "text": label(tag, limits.BUTTON),
        "value": value,
        "url": url if url and units(url) <= limits.URL else None,
        "style": tag.choice("style", "primary", "danger"),
        "accessibility_label": words(tag.get("label"), limits.LABEL),
    }
    return _filled(drawn) | _confirm(tag)


def _overflow(tag: Tag) -> Element | None:
    options = _options(tag, limits.OVERFLOW_OPTIONS)
    if not options:
        return None
    drawn = {"type": "overflow", "action_id": identifier(tag, "action"), "options": options}
    return drawn | _confirm(tag)


def _select(tag: Tag) -> Element | None:
    drawn = _menu(tag, "external" if tag.yes("external") else "static", tag.get("initial"))
    if drawn is None:
        return None
    return {**drawn, "action_id": identifier(tag, "action")} | _confirm(tag)


def _menu(tag: Tag, source: str, initial: str) -> Element | None:
    placeholder = tag.get("placeholder")
    drawn: Element = {"type": f"{source}_select"}
    if placeholder:
        drawn["placeholder"] = plain(placeholder, limits.PLACEHOLDER)
    if source == "external":
        return drawn | _filled({"min_query_length": tag.number("min")})
    options = _options(tag, limits.OPTIONS)
    return drawn | _chosen(options, initial) if options else None


def _chosen(options: list[Element], value: str) -> Element:
    first = next((option for option in options if option["value"] == value), None)
    return _filled({"options": options, "initial_option": first})


def _options(tag: Tag, most: int) -> list[Element]:
    drawn = [_option(option, in_overflow=tag.name == "overflow") for option in tag.tags("option")]
    return [option for option in drawn if option][:most]


def _option(tag: Tag, *, in_overflow: bool) -> Element | None:
    value = without_isolates(tag.get("value"))
    if not value or units(value) > limits.OPTION_VALUE:
        return None
    description = tag.get("description")
    more = {
        "description": plain(description, limits.OPTION) if description else None,
        "url": web_address(tag.get("url")) if in_overflow else None,
    }
    return {"text": label(tag, limits.OPTION), "value": value} | _filled(more)


def _confirm(tag: Tag) -> Element:
    found = next(tag.tags("confirm"), None)
    if found is None:
        return {}
    drawn = {
        "title": plain(found.get("title"), limits.CONFIRM_TITLE),
        "text": prose(found, limits.CONFIRM_TEXT),
        "confirm": plain(found.get("ok"), limits.CONFIRM_BUTTON),
        "deny": plain(found.get("cancel"), limits.CONFIRM_BUTTON),
    }
    return {"confirm": drawn | ({"style": "danger"} if found.yes("danger") else {})}


def image(tag: Tag) -> Element | None:
    """Return a picture with the words for those who cannot see it, or None without an address."""
    url = web_address(tag.get("url"))
    if url is None or units(url) > limits.URL:
        return None
    alt = words(tag.get("alt"), limits.IMAGE_WORDS) or EMPTY
    return {"type": "image", "image_url": url, "alt_text": alt}


def entry(tag: Tag) -> Element | None:
    """Return what people type into or choose from in an `<input>`; None where nothing can be."""
    kind = tag.choice("type", *_ENTRIES) or "text"
    drawn = _ENTRIES[kind](tag)
    return None if drawn is None else {**drawn, "action_id": identifier(tag, "name")}


def _typed(tag: Tag) -> Element:
    placeholder, most = tag.get("placeholder"), tag.number("max")
    return {"type": "plain_text_input", "multiline": tag.get("type") == "multiline"} | _filled(
        {
            "placeholder": plain(placeholder, limits.PLACEHOLDER) if placeholder else None,
            "initial_value": capped(without_isolates(tag.get("value")), limits.TYPED),
            "min_length": tag.number("min"),
            "max_length": min(most, limits.TYPED) if most else None,
        }
    )


def _day(tag: Tag) -> Element:
    """Draw a day to choose; `value` is YYYY-MM-DD."""
    return {"type": "datepicker"} | _filled({"initial_date": tag.get("value")})


def _listed(tag: Tag) -> Element | None:
    return _menu(tag, "static", tag.get("value"))


def _searched(tag: Tag) -> Element | None:
    return _menu(tag, "external", "")


def _radio(tag: Tag) -> Element | None:
    options = _options(tag, limits.FEW_OPTIONS)
    return {"type": "radio_buttons"} | _chosen(options, tag.get("value")) if options else None


def _checks(tag: Tag) -> Element | None:
    """Draw boxes; those that `value` names, apart by blanks, are ticked."""
    options = _options(tag, limits.FEW_OPTIONS)
    ticked = [option for option in options if option["value"] in tag.get("value").split()]
    boxes = _filled({"options": options, "initial_options": ticked})
    return {"type": "checkboxes"} | boxes if options else None


def _filled(drawn: Element) -> Element:
    """Leave out what has no value."""
    return {name: value for name, value in drawn.items() if value not in (None, "", [])}


_DRAW = {"button": _button, "overflow": _overflow, "select": _select, "image": image}
_ENTRIES = {
    "text": _typed,
    "multiline": _typed,
    "date": _day,
    "select": _listed,
    "external": _searched,
    "radio": _radio,
    "checks": _checks,
}
