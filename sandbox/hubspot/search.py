"""The search endpoint: groups ORed, filters ANDed, an index that lags, at most 10,000 results."""

import operator
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.hubspot.portal import Portal, Refused, Thing

MOST, CAP, USUAL = 200, 10_000, 10
GROUPS, FILTERS = 6, 18
INSTANTS = {"hs_createdate", "hs_lastmodifieddate"}
COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "GT": operator.gt,
    "GTE": operator.ge,
    "LT": operator.lt,
    "LTE": operator.le,
}


def run(portal: Portal, kind: str, asked: Mapping[str, Any]) -> tuple[list[Thing], int, str | None]:
    """Return the page, how many match in all, and where the next page begins. Raises Refused."""
    groups = asked.get("filterGroups", [])
    if len(groups) > GROUPS or any(len(one.get("filters", [])) > FILTERS for one in groups):
        raise Refused(400, "VALIDATION_ERROR", "too many filters")
    limit, after = int(asked.get("limit", USUAL)), int(asked.get("after") or 0)
    if limit > MOST or after + limit > CAP:
        raise Refused(400, "VALIDATION_ERROR", "a search returns 200 at once and 10,000 in all")
    shown = time.time() - portal.lag
    found = [
        one
        for one in portal.objects[kind].values()
        if one.at <= shown and (not groups or any(_fits(one, group) for group in groups))
    ]
    for sort in reversed(asked.get("sorts", []) or ["hs_object_id"]):
        _sort(found, sort)
    page = found[after : after + limit]
    more = after + limit < len(found)
    return page, len(found), str(after + limit) if more else None


def _sort(found: list[Thing], sort: str | Mapping[str, str]) -> None:
    if isinstance(sort, str):
        name, backwards = sort.removeprefix("-"), sort.startswith("-")
    else:
        name = sort["propertyName"]
        backwards = sort.get("direction", "ASCENDING").startswith("DESC")
    found.sort(key=lambda one: _key(one, name), reverse=backwards)


def _fits(thing: Thing, group: Mapping[str, Any]) -> bool:
    return all(_passes(thing, one) for one in group.get("filters", []))


def _passes(thing: Thing, one: Mapping[str, Any]) -> bool:
    value = value_of(thing, one["propertyName"])
    match one["operator"]:
        case "HAS_PROPERTY":
            return value is not None
        case "NOT_HAS_PROPERTY":
            return value is None
        case "EQ":
            return (value or "").casefold() == str(one["value"]).casefold()
        case "NEQ":
            return (value or "").casefold() != str(one["value"]).casefold()
        case "IN":
            wanted = {str(each).casefold() for each in one["values"]}
            return (value or "").casefold() in wanted
        case "CONTAINS_TOKEN":
            return _has_token(value or "", str(one["value"]))
        case compared if compared in COMPARISONS:
            if value is None:
                return False
            return COMPARISONS[compared](_number(value), _number(str(one["value"])))
        case other:
            raise Refused(400, "VALIDATION_ERROR", f"unknown operator {other}")


def _has_token(text: str, wanted: str) -> bool:
    """Return whether a word of `text` is `wanted`, whose asterisks stand for anything."""
    pattern = ".*".join(map(re.escape, wanted.casefold().split("*")))
    return any(re.fullmatch(pattern, word) for word in re.findall(r"[^\W_]+", text.casefold()))


def value_of(thing: Thing, name: str) -> str | None:
    """Return a property as the index holds it: instants and days in milliseconds since 1970."""
    if name == "hs_object_id":
        return thing.id
    if name in INSTANTS:
        at = thing.created if name == "hs_createdate" else thing.at
        return str(int(at * 1000))
    value = thing.properties.get(name)
    if value and name.endswith("_date"):
        day = datetime.fromisoformat(value[:10]).replace(tzinfo=UTC)
        return str(int(day.timestamp() * 1000))
    return value


def _number(text: str) -> Decimal:
    if "-" in text[1:]:
        moment = datetime.fromisoformat(text)
        return Decimal(int(moment.timestamp() * 1000))
    return Decimal(text)


def _key(thing: Thing, name: str) -> tuple[int, Decimal, str]:
    value = value_of(thing, name)
    try:
        return 0, Decimal(value or 0), ""
    except ArithmeticError:
        return 1, Decimal(0), value or ""
