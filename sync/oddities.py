"""What is odd in a document's own data: pointed out where a retry keeps failing (rule 9)."""

import unicodedata

LONG = 60
LATIN_LOOKALIKES = ("CYRILLIC", "GREEK")


def oddities(text: str) -> list[str]:
    """Return codes of what may make `text` differ from what it looks like, worst first."""
    found = []
    if text != text.strip():
        found.append("blank_at_the_end")
    if any(unicodedata.category(char) in {"Cc", "Cf"} for char in text):
        found.append("invisible_character")
    if any(char in "\u00a0\u2007\u202f\u2010\u2011\u2012\u2013\u2014" for char in text):
        found.append("special_blank_or_hyphen")
    if _mixed_scripts(text):
        found.append("look_alike_letter")
    if any(unicodedata.category(char) == "Nd" and not char.isascii() for char in text):
        found.append("other_digits")
    if len(text) > LONG:
        found.append("very_long")
    return found


def _mixed_scripts(text: str) -> bool:
    names = [unicodedata.name(char, "") for char in text if char.isalpha()]
    latin = any(name.startswith("LATIN") for name in names)
    return latin and any(name.startswith(LATIN_LOOKALIKES) for name in names)
