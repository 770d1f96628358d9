"""How a setting is declared: by the name that operators write."""

from typing import Any

from pydantic import AliasChoices, Field


def named(name: str, default: Any, example: str) -> Any:
    """Return a field that reads the environment's `name`; `example` is a value that would do."""
    return Field(default=default, validation_alias=AliasChoices(name), examples=[example])
