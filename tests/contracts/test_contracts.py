"""What our connectors send and what the stand-ins answer fits the guides."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.contracts import exchanges
from tests.contracts.recorder import Exchange
from tests.contracts.schemas import Rule, wrongs
from tests.contracts.schemas_crm import HUBSPOT, QUICKBOOKS
from tests.contracts.schemas_sales import DAFTRA, SALLA

CONTRACTS = [
    pytest.param(exchanges.of_salla, SALLA, id="salla"),
    pytest.param(exchanges.of_daftra, DAFTRA, id="daftra"),
    pytest.param(exchanges.of_hubspot, HUBSPOT, id="hubspot"),
    pytest.param(exchanges.of_quickbooks, QUICKBOOKS, id="quickbooks"),
]


@pytest.mark.parametrize(("recorded", "rules"), CONTRACTS)
def test_every_exchange_fits_the_guide(
    recorded: Callable[[], list[Exchange]], rules: list[Rule]
) -> None:
    """Each request of ours and each answer has a schema and fits it, and each schema is used."""
    kept = recorded()
    assert wrongs(rules, kept) == []
    assert any(one.status >= 400 for one in kept), "a refusal is among them"
    unused = [rule.pattern for rule in rules if not any(rule.covers(one) for one in kept)]
    assert unused == []


def test_a_wrong_answer_is_caught() -> None:
    """A number where the guide has a text, a lost field and an unknown path are each reported."""
    kept = exchanges.of_daftra()
    made = next(one for one in kept if one.method == "POST")
    assert wrongs(DAFTRA, [made]) == []
    for broken in (
        replace(made, answer={**made.answer, "id": 181}),
        replace(made, request={"Invoice": made.request["Invoice"]}),
        replace(made, path="/api2/unheard_of.json"),
    ):
        assert len(wrongs(DAFTRA, [broken])) == 1
