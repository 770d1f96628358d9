"""The words of fixes that people compare and choose by: two documents, near matches, refusals."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.fix_samples import fix_samples
from bot.fixes import ToldView
from bot.precheck_samples import precheck_samples
from bot.samples import NOW
from sync.comparing import Pair, Part
from sync.connectors.base import Choice
from sync.nearness import Near
from sync.precheck import Precheck, PrecheckState
from tests.unit.bot.drawn import a_show, buttons, read_aloud, words

KEY = "v1:salla:77:invoice:9"


def _both(pairs: Sequence[Pair]) -> ToldView:
    told: list[ToldView] = [one["view"] for one in fix_samples(NOW)["fix_told"]]
    view = next(one for one in told if one.compare and one.compare.value)
    assert view.compare
    return replace(view, compare=replace(view.compare, pairs=pairs))


def test_two_documents_side_by_side_show_no_key_of_ours() -> None:
    """What was made for another document says so; the key under which we know that is not told."""
    pairs = [Pair(Part.OWNER, "", KEY, same=False), Pair(Part.ORDER, "1042", "", same=False)]
    message = a_show().fix_told(_both(pairs))
    said = words(message)
    assert "Made by invsync: for another document" in said
    assert "Order: –" in said
    assert KEY not in said


def test_types_are_named_as_everywhere() -> None:
    """A return is a Return in the comparison too, and the confirmation fits it."""
    message = a_show().fix_told(_both([Pair(Part.KIND, "invoice", "return", same=False)]))
    assert "Type: Return" in words(message)
    (anyway,) = [one for one in buttons(message) if one["action_id"] == "link_anyway"]
    assert anyway["confirm"]["confirm"]["text"] == "They are the same document"


@pytest.mark.parametrize(
    ("near", "said"),
    [
        (Near.SAME, "Is exactly the same"),
        (Near.CASE, "Differs by case"),
        (Near.HYPHEN, "Has another hyphen"),
        (Near.SEVERAL, "Differs in several ways that the eye misses"),
        (Near.SIMILAR, "Is similar"),
    ],
)
def test_a_form_names_a_near_match_as_the_digest_does(near: Near, said: str) -> None:
    """The search of a form has the words of a cause's near match."""
    message: Any = a_show().fix_records([(Choice("7", "Honey", "honey-500"), near)], ())
    assert said in str(message)


def test_a_refused_product_names_where_the_account_is_chosen() -> None:
    """Where products have an income account, a refusal leads to the form that asks for it."""
    sample: Precheck = precheck_samples(NOW)["precheck_told"][0]["precheck"]
    ended = replace(sample, state=PrecheckState.CREATED, finished_at=NOW)
    next_step = "choose it in Fix… of a missing SKU"
    booked = replace(ended, destination_system="quickbooks")
    assert next_step in read_aloud(a_show().precheck(booked))
    assert next_step not in read_aloud(a_show().precheck(ended))
