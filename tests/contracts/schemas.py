"""What each system asks for and answers, as we read it in its guide: small JSON schemas.

More properties than named here are welcome; named ones must be there and of their type. A path
pattern is a whole regular expression. A body that is None was not sent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from tests.contracts.recorder import Exchange

Schema = Mapping[str, Any]
FAILED = 400

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
NOTHING: Schema = {"type": "null"}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
DIGITS: Schema = {"type": "string", "pattern": r"^\d+$"}
AMOUNT: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
TEXT_OR_NONE: Schema = {"type": ["string", "null"]}


def record(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """Return an object that has each of `required` and may have `optional`."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


def rows(one: Schema, at_least: int = 0) -> Schema:
    """Return a list of `one`."""
    return {"type": "array", "items": one, "minItems": at_least}


def either(*these: Schema) -> Schema:
    """Return what fits at least one."""
    return {"anyOf": list(these)}


@dataclass(frozen=True, slots=True)
class Rule:
    """The contract of one call; `refusal` is what any status from 400 carries."""

    method: str
    pattern: str
    answer: Schema
    refusal: Schema
    request: Schema = field(default_factory=lambda: NOTHING)

    def covers(self, one: Exchange) -> bool:
        """Return whether it is about this exchange."""
        return one.method == self.method and re.fullmatch(self.pattern, one.path) is not None

    def wrongs(self, one: Exchange) -> Iterator[str]:
        """Yield everything in the exchange that does not fit."""
        answer = self.refusal if one.status >= FAILED else self.answer
        for part, schema, body in (
            ("request", self.request, one.request),
            ("answer", answer, one.answer),
        ):
            for error in Draft202012Validator(schema).iter_errors(body):
                yield f"{one.name}: {part} {error.json_path}: {error.message}"


def wrongs(rules: list[Rule], exchanges: list[Exchange]) -> list[str]:
    """Return what does not fit, and which exchanges no rule covers."""
    found: list[str] = []
    for one in exchanges:
        rule = next((rule for rule in rules if rule.covers(one)), None)
        found += rule.wrongs(one) if rule else [f"{one.name}: no schema"]
    return found
