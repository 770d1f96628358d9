"""The subset of the query language: AND only, one entity, paging (guide, section 2)."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.quickbooks.company import ENTITIES, NAMES, Company, Fault

USUAL, MOST = 100, 1000
_QUERY = re.compile(
    r"\s*select\s+(?P<what>\*|count\(\*\)|[\w.,\s]+?)\s+from\s+(?P<entity>\w+)"
    r"(?:\s+where\s+(?P<where>.+?))?"
    r"(?:\s+order\s*by\s+(?P<order>[\w.]+)(?:\s+(?P<way>asc|desc))?)?"
    r"(?:\s+startposition\s+(?P<start>\d+))?(?:\s+maxresults\s+(?P<most>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(
    r"\s*(?P<field>[\w.]+)\s*(?P<op><=|>=|=|<|>|\bin\b|\blike\b)\s*(?P<value>.+?)\s*",
    re.IGNORECASE | re.DOTALL,
)
_TEXT = re.compile(r"'((?:\\.|[^'\\])*)'")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)

Row = dict[str, Any]


def run(company: Company, text: str) -> Row:
    """Return the QueryResponse of a query; empty without a match. Raises Fault 4000."""
    found = _QUERY.fullmatch(text)
    if not found:
        raise Fault("4000", "Error parsing query", f"QueryParserError: {text[:80]}")
    entity = next((one for one in ENTITIES if one.lower() == found["entity"].lower()), None)
    if entity is None:
        raise Fault("4000", "Error parsing query", f"no entity {found['entity']}")
    tests = _tests(found["where"] or "")
    rows = [row for row in company.rows[entity].values() if all(one(row) for one in tests)]
    asks_inactive = re.search(r"\bactive\b", found["where"] or "", re.IGNORECASE)
    if entity in NAMES and not asks_inactive:
        rows = [row for row in rows if row.get("Active") is not False]
    if found["what"].lower().startswith("count"):
        return {"totalCount": len(rows)}
    if found["order"]:
        rows.sort(key=lambda row: _key(_value(row, found["order"])))
        rows = rows[::-1] if (found["way"] or "").lower() == "desc" else rows
    start, most = int(found["start"] or 1), min(int(found["most"] or USUAL), MOST)
    page = rows[start - 1 : start - 1 + most]
    if not page:
        return {}
    return {entity: page, "startPosition": start, "maxResults": len(page)}


def _tests(where: str) -> list[Callable[[Row], bool]]:
    """Return a test for each condition; texts are taken out first, for they may hold anything."""
    texts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        texts.append(re.sub(r"\\(.)", r"\1", match[1]))
        return f"'{len(texts) - 1}'"

    bare = _TEXT.sub(keep, where)
    if not bare.strip():
        return []
    if re.search(r"\bor\b|\bjoin\b|'.*?'{2}", bare, re.IGNORECASE) or bare.count("'") % 2:
        raise Fault("4000", "Error parsing query", "only AND is known")
    return [_test(part, texts) for part in _AND.split(bare)]


def _test(part: str, texts: list[str]) -> Callable[[Row], bool]:
    found = _CONDITION.fullmatch(part)
    if not found:
        raise Fault("4000", "Error parsing query", f"QueryValidationError: {part[:80]}")
    name, op = found["field"], found["op"].lower()
    values = [_literal(one.strip(), texts) for one in found["value"].strip("() ").split(",")]

    def passes(row: Row) -> bool:
        value = _value(row, name)
        if op == "in":
            return any(_same(value, one) for one in values)
        if op == "like":
            pattern = re.escape(str(values[0])).replace("%", ".*")
            return bool(re.fullmatch(pattern, str(value or ""), re.IGNORECASE))
        if op == "=":
            return _same(value, values[0])
        if value is None:
            return False
        left, right = _key(value), _key(values[0])
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[op]

    return passes


def _literal(text: str, texts: list[str]) -> Any:
    if text.startswith("'"):
        return texts[int(text.strip("'"))]
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


def _value(row: Row, name: str) -> Any:
    """Return a field by its path, in any case; references and addresses by what they hold."""
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, dict):
            return None
        value = next((one for key, one in value.items() if key.lower() == part.lower()), None)
    if isinstance(value, dict):
        return value.get("Address", value.get("value"))
    return value


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool):
        return (value is not False) is wanted
    return str(value if value is not None else "").casefold() == str(wanted).casefold()


def _key(value: Any) -> tuple[int, Any]:
    text = str(value)
    try:
        return (0, datetime.fromisoformat(text).timestamp()) if "T" in text else _number(text)
    except ValueError:
        return _number(text)


def _number(text: str) -> tuple[int, Any]:
    try:
        return 1, Decimal(text)
    except InvalidOperation:
        return 2, text
