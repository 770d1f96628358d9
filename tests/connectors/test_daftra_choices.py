"""What a person may choose in Daftra, and how what was chosen stands in a document."""

from dataclasses import replace
from decimal import Decimal

import pytest

from sandbox.daftra import Tax
from sync.connectors.base import Choice, Kept
from sync.documents import Kind
from sync.errors import ErrorType, FixData, ReadError, Reconnect, TryLater
from sync.outcomes import Rejected
from tests.builders import document
from tests.connectors.conftest import Ends
from tests.connectors.test_daftra import KEY, created, soon


def test_daftra_keeps_products_and_taxes(ends: Ends) -> None:
    """Accounts are not chosen here, and asking for them is answered with nothing."""
    assert ends.destination.keeps == {Kept.PRODUCT, Kept.TAX}
    assert list(ends.destination.choices(Kept.ACCOUNT, "")) == []
    assert ends.destination.choice(Kept.ACCOUNT, "1") is None


@pytest.mark.parametrize(
    ("term", "codes"),
    [
        ("TEA", {"TEA-200"}),
        ("tea-2", {"TEA-200"}),
        (" Tea-200 ", {"TEA-200"}),
        ("SOUVENIR", {"100%_OFF 🍯'\""}),
        ("%_off", {"100%_OFF 🍯'\""}),
        ("🍯", {"100%_OFF 🍯'\""}),
        ("'\"", {"100%_OFF 🍯'\""}),
        ("عسل", {"ASAL-1"}),
        ("%%", set()),
        ("\\", set()),
        ("x" * 500, set()),
        ("no such thing", set()),
    ],
)
def test_products_are_searched_by_any_term(ends: Ends, term: str, codes: set[str]) -> None:
    """A part of name or code, in any letters; signs that databases read as patterns are plain."""
    ends.seed.site.add_product("Souvenir", "100%_OFF 🍯'\"")
    ends.seed.site.add_product("عسل سدر", "ASAL-1")
    found = ends.destination.choices(Kept.PRODUCT, term)
    assert {one.code for one in found} == codes


def test_a_search_without_a_term_gives_the_first_hundred(ends: Ends) -> None:
    """However many products there are."""
    for number in range(130):
        ends.seed.site.add_product(f"Thing {number}", f"T-{number}")
    assert len(ends.destination.choices(Kept.PRODUCT, "")) == 100
    assert len(ends.destination.choices(Kept.PRODUCT, "thing")) == 100
    assert [one.code for one in ends.destination.choices(Kept.PRODUCT, "T-129")] == ["T-129"]


def test_a_product_is_read_anew_by_its_id(ends: Ends) -> None:
    """With what changed since; an id that nothing has, or that is none, is None."""
    product = ends.seed.site.product_by_code("TEA-200")
    assert product is not None
    product.status = 1
    read = ends.destination.choice(Kept.PRODUCT, str(product.id))
    assert read == Choice(str(product.id), product.name, "TEA-200", active=False)
    for odd in ("999999", "", "../invoices/1", "٣", "1 OR 1"):
        assert ends.destination.choice(Kept.PRODUCT, odd) is None


def test_taxes_that_prices_contain_are_no_choice(ends: Ends) -> None:
    """Our prices are net: only exclusive taxes are found, by name or percentage."""
    ends.seed.site.taxes[7] = Tax(7, "Zero rated", Decimal("0.00"))
    ends.seed.site.taxes[8] = Tax(8, "VAT inside", Decimal(15), included=True)
    assert ends.destination.choice(Kept.TAX, "7") == Choice("7", "Zero rated", "0")
    assert ends.destination.choice(Kept.TAX, "8") is None
    assert [one.id for one in ends.destination.choices(Kept.TAX, "zero")] == ["7"]
    assert [one.code for one in ends.destination.choices(Kept.TAX, "15")] == ["15"]
    assert {one.code for one in ends.destination.choices(Kept.TAX, "")} == {"15", "0"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"fault": "token_expired"}, Reconnect),
        ({"fault": "status", "status": 403}, Reconnect),
        ({"fault": "status", "status": 429}, TryLater),
        ({"fault": "drop_before"}, TryLater),
        ({"fault": "html_502"}, TryLater),
        ({"fault": "half_json"}, FixData),
        ({"fault": "wrong_type"}, FixData),
    ],
)
def test_a_search_on_a_bad_day_is_a_readable_error(
    ends: Ends, fault: dict[str, object], kind: type[ReadError]
) -> None:
    """Never another exception."""
    ends.fault(ends.books_url, method="GET", path="/v2/api/entity/product", **fault)
    with pytest.raises(kind):
        ends.destination.choices(Kept.PRODUCT, "tea")


def test_a_chosen_product_stands_for_its_sku(ends: Ends) -> None:
    """The document is no longer blocked, and its line is booked with the chosen product."""
    product = ends.seed.site.product_by_code("TEA-200")
    assert product is not None
    one = document(sku="HONEY-٥٠٠")
    assert ends.destination.blockers(one)
    ends.mappings.choices["product", "HONEY-٥٠٠"] = str(product.id)
    assert list(ends.destination.stops(["HONEY-٥٠٠"])) == []
    number = created(ends, one)
    (line,) = ends.seed.site.documents[int(number)].lines
    assert line.product_id == product.id


def test_nothing_can_be_chosen_for_a_line_without_sku(ends: Ends) -> None:
    """It would stand for every line without one."""
    one = document()
    one = replace(one, lines=[replace(one.lines[0], sku=None)])
    ends.mappings.choices["product", ""] = "101"
    (stop,) = ends.destination.blockers(one)
    assert (stop.error_type, stop.key) == (ErrorType.SKU_NOT_FOUND, "")


@pytest.mark.parametrize("kind", Kind)
def test_a_chosen_product_that_went_inactive_is_told_by_its_sku(ends: Ends, kind: Kind) -> None:
    """What was chosen is trusted; the refused create names the SKU, and the choice stays."""
    product = ends.seed.site.product_by_code("TEA-200")
    assert product is not None
    ends.mappings.choices["product", "HONEY-500"] = str(product.id)
    one = document(sku="HONEY-500", kind=kind)
    product.status = 1
    for arabic in (False, True):
        ends.seed.site.arabic = arabic
        assert not ends.destination.blockers(one)
        outcome = ends.destination.create(ends.destination.plan(KEY, one, None), sent_by=soon())
        assert isinstance(outcome, Rejected)
        failure = outcome.failure
        assert (failure.error_type, failure.key) == (ErrorType.ITEM_INACTIVE, "HONEY-500")
        assert "that was chosen for SKU HONEY-500 is switched off in Daftra" in failure.reason
        assert list(ends.destination.stops(["HONEY-500"])) == [failure], "a look notices it too"
    assert ends.mappings.chosen("product", "HONEY-500") == str(product.id)


def test_a_chosen_product_that_is_gone_is_told_by_its_sku(ends: Ends) -> None:
    """The refusal and a look say the same of it."""
    ends.mappings.choices["product", "HONEY-500"] = "987654"
    one = document(sku="HONEY-500")
    outcome = ends.destination.create(ends.destination.plan(KEY, one, None), sent_by=soon())
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.error_type, outcome.failure.key) == (
        ErrorType.SKU_NOT_FOUND,
        "HONEY-500",
    )
    assert "no longer in Daftra" in outcome.failure.reason
    assert list(ends.destination.stops(["HONEY-500"])) == [outcome.failure]


def test_a_chosen_tax_stands_for_its_percentage(ends: Ends) -> None:
    """Of two taxes of 15 % the chosen one is booked."""
    ends.seed.site.taxes[7] = Tax(7, "VAT of services", Decimal(15))
    ends.mappings.choices["tax", "15"] = "7"
    number = created(ends, document())
    assert [line.tax_id for line in ends.seed.site.documents[int(number)].lines] == [7]


@pytest.mark.parametrize(
    ("value", "words"), [(Decimal(5), "is one of 5 %"), (None, "no longer in Daftra")]
)
def test_a_chosen_tax_that_would_change_the_total_blocks(
    ends: Ends, value: Decimal | None, words: str
) -> None:
    """Another percentage, or a tax that is gone, is told before anything is booked."""
    if value is not None:
        ends.seed.site.taxes[7] = Tax(7, "Low", value)
    ends.mappings.choices["tax", "15"] = "7"
    (stop,) = ends.destination.blockers(document())
    assert (stop.error_type, stop.key) == (ErrorType.TAX_NOT_MAPPED, "15")
    assert words in stop.reason


def test_a_remembered_tax_that_is_gone_is_forgotten_by_the_refusal(ends: Ends) -> None:
    """The create that names it is refused, by percentage; the next one finds the present tax."""
    one = document()
    ends.mappings.put("tax", "15", "999")
    ends.destination.blockers(one)
    outcome = ends.destination.create(ends.destination.plan(KEY, one, None), sent_by=soon())
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.error_type, outcome.failure.key) == (ErrorType.TAX_NOT_MAPPED, "15")
    created(ends, one)


def test_a_tax_that_cannot_be_made_asks_for_a_choice(ends: Ends) -> None:
    """Daftra refuses the new tax: a person maps the percentage to one that is there."""
    one = document()
    lines = [replace(one.lines[0], tax_percent=Decimal("7.50"))]
    one = replace(one, lines=lines, total=replace(one.total, amount=Decimal("107.50")))
    ends.seed.site.fixed_taxes = True
    ends.destination.blockers(one)
    with pytest.raises(FixData) as error:
        ends.destination.plan(KEY, one, None)
    failure = error.value.failure
    assert (failure.error_type, failure.key) == (ErrorType.TAX_NOT_MAPPED, "7.5")
    assert not ends.ledger()
