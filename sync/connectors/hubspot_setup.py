"""The properties of our own that HubSpot must have before anything is written there."""

from collections.abc import Iterator
from typing import Any

from sync.connectors.fields import Fields
from sync.connectors.hubspot_api import Api
from sync.connectors.hubspot_shapes import CREDITED, CREDITS, KEY, LINE_KEY, SKU_KEY

GROUPS = {
    "invoices": "invoice_information",
    "line_items": "lineiteminformation",
    "products": "productinformation",
}
"""The group of properties that each kind of objects has from the start."""


def missing_properties(api: Api) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is to be made: the kind of objects and the body. Raises ReadError."""
    for kind, wanted in _wanted().items():
        listed = Fields(f"HubSpot's properties of {kind}", api.get(api.properties(kind)))
        there = {one.text("name"): one.maybe("groupName") for one in listed.each("results")}
        group = _group(kind, there)
        for body in wanted:
            if body["name"] not in there:
                yield kind, {**body, "groupName": group}


def _group(kind: str, there: dict[str, str | None]) -> str:
    """Return the group that a property of HubSpot's own stands in, else the usual name."""
    groups = [group for name, group in there.items() if group and name.startswith("hs_")]
    return GROUPS[kind] if GROUPS[kind] in groups or not groups else groups[0]


def _wanted() -> dict[str, list[dict[str, Any]]]:
    """Return our properties by kind; the unique ones are what a second create runs into."""
    return {
        "invoices": [
            _text(KEY, "invsync key", unique=True),
            {
                "name": CREDITED,
                "label": "invsync credited total",
                "type": "number",
                "fieldType": "number",
            },
            {
                "name": CREDITS,
                "label": "invsync credits",
                "type": "string",
                "fieldType": "textarea",
            },
        ],
        "line_items": [_text(LINE_KEY, "invsync line key", unique=True)],
        "products": [_text(SKU_KEY, "invsync SKU", unique=True)],
    }


def _text(name: str, label: str, *, unique: bool) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": unique,
    }
