"""What our connectors send and the stand-ins answer fits the systems' own descriptions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import exchanges
from tests.contracts.published import VARIABLE, Described, fields_of, folder, loaded
from tests.contracts.recorder import Exchange

SALLA_EXCEPTIONS = {
    r"(customer|data)\.email: None is not of type 'string'": (
        "guests and orders by mobile number have no e-mail (guide, section 3)"
    ),
    r"(customer|data)\.mobile: \d+ is not": "mobile arrives as a number (guide, section 3)",
}
HUBSPOT_EXCEPTIONS = {
    r"answer \$.*\.properties\.\w+: None is not of type 'string'": (
        "a property without a value is null (guide, section 3); the file says texts only"
    ),
}
DAFTRA_EXCEPTIONS = {
    r"answer \$.*: '-?[\d.]+' is not (of type|valid under)": (
        "numbers and flags arrive as texts (guide, section 3)"
    ),
    r"request \$\.\w+\.(draft|is_offline|track_stock): [01] is not of type 'boolean'": (
        "the guide's example sends flags as 0 and 1"
    ),
    r"request \$\.CreditNote\.subscription_id: '\d+' is not valid": (
        "ids go back as they came: as texts"
    ),
    r": '\w+' is a required property$": (
        "the file requires every field it names, and says itself that only client_id is needed; "
        "what is really required is in our own schemas"
    ),
    r"InvoiceCustomField: \[.*\] is not of type 'object'": (
        "custom fields are a list in the guide's examples"
    ),
    r"Site\.timezone: '[\w/]+' is not of type 'integer'": (
        "the file numbers zones by a table it does not give; no connector of ours reads it"
    ),
}
"""Known complaints (as patterns), each with why the guide is followed and not the file."""

HUBSPOT_FILES = (
    "invoices.2026-03",
    "lineItems",
    "contacts",
    "products",
    "associations.v4",
    "properties",
)


@pytest.fixture
def described() -> Path:
    """Return the folder of the descriptions; a clone without it has nothing to check here."""
    found = folder()
    if found is None:
        pytest.skip(f"{VARIABLE} does not name a folder with the published descriptions")
    return found


def checked(
    files: list[Described], kept: list[Exchange], exceptions: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Return how many exchanges a file describes, and what does not fit and is not known."""
    told = [
        next((said for file in files if (said := file.wrongs(one)) is not None), None)
        for one in kept
    ]
    spoken = [said for said in told if said is not None]
    found = {wrong for said in spoken for wrong in said}
    strange = {one for one in found if not any(re.search(known, one) for known in exceptions)}
    return len(spoken), sorted(strange)


def as_v3(one: Exchange) -> Exchange:
    """Return the exchange under the older prefix: only the paths differ (guide, section 1)."""
    path = re.sub(r"^/crm/(objects|properties)/2026-03/", r"/crm/v3/\1/", one.path)
    return replace(one, path=path.replace("/crm/associations/2026-03/", "/crm/v4/associations/"))


def test_hubspot_fits_its_descriptions(described: Path) -> None:
    """Objects, searches, batches, properties and associations fit HubSpot's OpenAPI files."""
    files = [Described(loaded(described / f"hubspot/{name}.json")) for name in HUBSPOT_FILES]
    kept = exchanges.of_hubspot()
    for given in (kept, [as_v3(one) for one in kept]):
        count, found = checked(files, given, HUBSPOT_EXCEPTIONS)
        assert found == []
        assert count > 10


def test_daftra_fits_its_description(described: Path) -> None:
    """Documents, products and taxes fit Daftra's OpenAPI file."""
    file = Described(loaded(described / "daftra/daftra-api2.openapi.json"), "/api2")
    count, found = checked([file], exchanges.of_daftra(), DAFTRA_EXCEPTIONS)
    assert found == []
    assert count > 10


def test_salla_fits_its_description(described: Path) -> None:
    """Orders, their invoices and lines fit Salla's OpenAPI file, as far as it goes."""
    file = Described(loaded(described / "salla/salla-merchant.openapi.yml"), "/admin/v2")
    count, found = checked([file], exchanges.of_salla(), SALLA_EXCEPTIONS)
    assert found == []
    assert count > 10


def test_quickbooks_knows_every_field(described: Path) -> None:
    """Each field of each entity that is sent or answered is a field of its published type."""
    types = loaded(described / "quickbooks/qbo-v3-types.json")["types"]
    entities = [pair for one in exchanges.of_quickbooks() for pair in entities_of(one)]
    known = [(name, body) for name, body in entities if name in types]
    strange = {
        f"{name}.{field}" for name, body in known for field in set(body) - fields_of(types, name)
    }
    assert strange == set()
    assert {"Invoice", "CreditMemo", "Customer", "Item"} <= {name for name, _ in known}


def entities_of(one: Exchange) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and body of each entity that an exchange carries."""
    answer = one.answer.get("QueryResponse", one.answer)
    for name, found in answer.items():
        for body in found if isinstance(found, list) else [found]:
            if isinstance(body, dict):
                yield name, body
                if one.request is not None and name != "Fault":
                    yield name, one.request
