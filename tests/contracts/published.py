"""The systems' published descriptions, where the environment names a folder that has them.

The folder's layout: `hubspot/*.json`, `daftra/daftra-api2.openapi.json` and
`salla/salla-merchant.openapi.yml` (OpenAPI 3.0), `quickbooks/qbo-v3-types.json` (fields by type).
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.contracts.recorder import Exchange

VARIABLE = "INVSYNC_API_DESCRIPTIONS"


def folder() -> Path | None:
    """Return where the descriptions are, None where nobody said."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def loaded(path: Path) -> dict[str, Any]:
    """Return a description."""
    text = path.read_text(encoding="utf-8")
    described: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    return described


@dataclass(frozen=True, slots=True)
class Described:
    """One OpenAPI 3.0 file and what stands before its paths."""

    document: dict[str, Any]
    base: str = ""

    def wrongs(self, one: Exchange) -> list[str] | None:
        """Return what does not fit, or None where the file has no such operation."""
        operation = self._operation(one)
        if operation is None:
            return None
        told = operation["responses"].get(str(one.status)) or operation["responses"].get("default")
        parts = [("answer", told, one.answer)]
        if one.request is not None:
            parts.append(("request", operation.get("requestBody"), one.request))
        return [
            f"{one.name}: {part} {error}"
            for part, given, body in parts
            for error in self._errors(given, body)
        ]

    def _operation(self, one: Exchange) -> dict[str, Any] | None:
        # a path without placeholders is meant before one that has them
        for path in sorted(self.document["paths"], key=lambda path: path.count("{")):
            operation = self.document["paths"][path].get(one.method.lower())
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.base + path))
            if operation and re.fullmatch(pattern, one.path):
                found: dict[str, Any] = operation
                return found
        return None

    def _errors(self, given: Any, body: Any) -> Iterator[str]:
        given = self._resolved(given) if given else {}
        content = given.get("content", {})
        media = content.get("application/json") or content.get("*/*")
        if not media or "schema" not in media:
            return
        schema = {**_modern(media["schema"]), "components": _modern(self.document["components"])}
        for error in Draft202012Validator(schema).iter_errors(body):
            yield f"{error.json_path}: {error.message[:200]}"

    def _resolved(self, given: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in given:
            found: Any = self.document
            for step in given["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            given = found
        return given


def _modern(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema has it: `nullable` is a type of its own."""
    if isinstance(schema, list):
        return [_modern(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _modern(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def fields_of(types: dict[str, Any], name: str) -> set[str]:
    """Return the names of all fields of a QuickBooks type, with those it extends."""
    one = types[name]
    own = {field["name"] for field in one["fields"]}
    return own | (fields_of(types, one["extends"]) if one.get("extends") in types else set())
