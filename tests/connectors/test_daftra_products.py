"""Products that Daftra lacks, shares or is given: exact, one at a time, never twice."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from sandbox import daftra
from sync.clock import SystemClock
from sync.connectors.base import Choice, Destination, Fixed, Good, Kept, Mappings
from sync.connectors.registry import Means, open_destination
from sync.connectors.spec import Spec
from sync.errors import ErrorType, FixData, ReadError, Reconnect, TryLater
from sync.money import Money
from sync.store import Store
from tests.builders import document
from tests.connectors.conftest import Ends
from tests.fakes import TurnedClock
from tests.sqlite import fresh_file

HONEY = Good("HONEY-500", "Honey 500 g", Money.of("45", "SAR"))


@dataclass
class Desk:
    """Two people's connections to one site, over the mappings of one database."""

    ends: Ends
    people: list[Destination]
    mappings: Mappings
    clock: TurnedClock

    def codes(self, sku: str = HONEY.sku) -> int:
        """Return how many products have exactly this code."""
        products = list(self.ends.seed.site.products.values())
        return sum(one.code == sku for one in products)


@pytest.fixture
def desk(ends: Ends, tmp_path: Path) -> Iterator[Desk]:
    """Open the site twice over a database in a file."""
    store, clock = Store(fresh_file(tmp_path)), TurnedClock()
    mappings = store.mappings("books", clock)
    means = Means(SystemClock(), lambda: None, 5.0, mappings)
    spec = Spec("books", ends.books_url, None, None, "", "", {})
    people = [open_destination("daftra", spec, means, Fixed(daftra.KEY)) for _ in range(2)]
    yield Desk(ends, people, mappings, clock)
    for one in people:
        one.close()
    store.close()


@pytest.mark.parametrize(
    "sku", ["HONEY-500", "HONEY-500 ", "HONEY-٥٠٠", "A&B=C?#%20+", "🍯", "'--"]
)
def test_a_product_is_created_with_exactly_its_sku(desk: Desk, sku: str) -> None:
    """Blanks, digits and signs as they are; the document that it blocked is free."""
    one = document(sku=sku)
    assert desk.people[0].blockers(one)
    made = desk.people[0].create_product(replace(HONEY, sku=sku))
    assert made == Choice(made.id, "Honey 500 g", sku)
    assert desk.ends.seed.site.products[int(made.id)].price == 45
    assert not desk.people[0].blockers(one)
    assert desk.people[1].create_product(replace(HONEY, sku=sku)) == made
    assert desk.codes(sku) == 1
    page = httpx.get(f"{desk.ends.books_url}/owner/products").text
    assert "Honey 500 g" in page


def test_two_people_at_once_make_one_product(desk: Desk) -> None:
    """One creates it; the other gets it, or is told that it is just being made."""
    answers: list[Choice | TryLater] = []
    begin = threading.Barrier(2)

    def press(person: Destination) -> None:
        begin.wait(5)
        try:
            answers.append(person.create_product(HONEY))
        except TryLater as later:
            answers.append(later)

    threads = [threading.Thread(target=press, args=(one,)) for one in desk.people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    made = {one.id for one in answers if isinstance(one, Choice)}
    assert (len(answers), len(made), desk.codes()) == (2, 1, 1)


def test_a_lost_answer_is_found_next_time(desk: Desk) -> None:
    """The product was made, its answer lost: the next press finds it."""
    desk.ends.fault(desk.ends.books_url, method="POST", path="/api2/products", fault="drop_after")
    with pytest.raises(TryLater):
        desk.people[0].create_product(HONEY)
    assert desk.people[1].create_product(HONEY).code == "HONEY-500"
    assert desk.codes() == 1


def test_a_create_that_never_arrived_is_repeated_once_its_claim_is_stale(desk: Desk) -> None:
    """For five minutes nobody makes it again, for it may still arrive."""
    desk.ends.fault(desk.ends.books_url, method="POST", path="/api2/products", fault="drop_before")
    for person in (0, 1):
        with pytest.raises(TryLater):
            desk.people[person].create_product(HONEY)
    assert desk.codes() == 0
    desk.clock.turn(301)
    assert desk.people[1].create_product(HONEY).code == "HONEY-500"
    assert desk.codes() == 1


@pytest.mark.parametrize(
    ("method", "fault", "kind"),
    [
        ("GET", {"fault": "drop_before"}, TryLater),
        ("GET", {"fault": "half_json"}, FixData),
        ("POST", {"fault": "status", "status": 429, "retry_after": "3"}, TryLater),
        ("POST", {"fault": "status", "status": 403}, Reconnect),
        ("POST", {"fault": "token_expired"}, Reconnect),
    ],
)
def test_what_surely_made_nothing_gives_the_claim_back(
    desk: Desk, method: str, fault: dict[str, object], kind: type[ReadError]
) -> None:
    """A failed look, a refused pace or a refused key: the next press creates it at once."""
    desk.ends.fault(desk.ends.books_url, method=method, path="/api2/products", **fault)
    with pytest.raises(kind):
        desk.people[0].create_product(HONEY)
    desk.people[1].create_product(HONEY)
    assert desk.codes() == 1


def test_what_daftra_refuses_is_said_in_its_words(desk: Desk) -> None:
    """The claim is given back each time; an SKU of blanks asks Daftra nothing."""
    for _ in range(2):
        with pytest.raises(FixData, match="product_code: must have at most 255 characters"):
            desk.people[0].create_product(replace(HONEY, sku="x" * 256))
    with pytest.raises(FixData, match="needs an SKU"):
        desk.people[0].create_product(replace(HONEY, sku="  "))


def test_a_name_fits_into_daftra(desk: Desk) -> None:
    """A very long one is cut, and where there is none the SKU stands for it."""
    assert desk.people[0].create_product(replace(HONEY, name="é" * 300)).name == "é" * 255
    assert desk.people[0].create_product(replace(HONEY, sku="B", name=" ")).name == "B"


def test_a_price_of_another_currency_is_left_out(desk: Desk) -> None:
    """The site keeps its books in SAR: 45 dollars are not 45 riyals."""
    dollars = replace(HONEY, price=Money.of("45", "USD"))
    made = desk.people[0].create_product(dollars)
    assert desk.ends.seed.site.products[int(made.id)].price == 0


def test_a_product_that_was_remembered_and_deleted_is_made_again(desk: Desk) -> None:
    """What is remembered of it neither hides the cause nor stops the create."""
    first = desk.people[0].create_product(HONEY)
    del desk.ends.seed.site.products[int(first.id)]
    (stop,) = desk.people[0].blockers(document(sku="HONEY-500"))
    assert stop.error_type is ErrorType.SKU_NOT_FOUND
    second = desk.people[0].create_product(HONEY)
    del desk.ends.seed.site.products[int(second.id)]
    assert desk.people[1].create_product(HONEY).id not in {first.id, second.id}
    assert desk.codes() == 1


def test_several_with_one_sku_are_a_conflict_everywhere(desk: Desk) -> None:
    """Which one is meant is not ours to guess; one that is inactive does not count."""
    site = desk.ends.seed.site
    twins = [site.add_product("Honey", "HONEY-500") for _ in range(2)]
    (stop,) = desk.people[0].blockers(document(sku="HONEY-500"))
    assert list(desk.people[0].stops(["HONEY-500"])) == [stop]
    assert (stop.error_type, stop.key) == (ErrorType.CONFLICT, "HONEY-500")
    assert str(twins[0].id) in stop.reason
    with pytest.raises(FixData) as error:
        desk.people[0].create_product(HONEY)
    assert error.value.failure == stop
    twins[0].status = 1
    assert not desk.people[0].blockers(document(sku="HONEY-500"))
    assert desk.people[0].create_product(HONEY).id == str(twins[1].id)


def test_an_inactive_product_is_returned_as_such(desk: Desk) -> None:
    """It is there: a second one with its SKU would not help."""
    twin = desk.ends.seed.site.add_product("Honey", "HONEY-500")
    twin.status = 1
    made = desk.people[0].create_product(HONEY)
    assert (made.id, made.active) == (str(twin.id), False)
    (stop,) = desk.people[0].stops(["HONEY-500"])
    assert stop.error_type is ErrorType.ITEM_INACTIVE


@pytest.mark.parametrize(
    ("wanted", "near"),
    [(["WAX-7"], "WAX-7 "), (["WAX-7", "NOPE"], "Wax-7")],
    ids=["one", "several"],
)
def test_a_near_code_in_the_answer_is_told(desk: Desk, wanted: list[str], near: str) -> None:
    """What the look is answered with beside the missing SKU is named, for no other request."""
    site = desk.ends.seed.site
    site.add_product("Wax", near)
    site.add_product("Wax", "wax-7").status = 1
    httpx.delete(f"{desk.ends.books_url}/sandbox/requests")
    stop = desk.people[0].stops(wanted)[0]
    asked = httpx.get(f"{desk.ends.books_url}/sandbox/requests").json()
    assert (asked["total"], stop.error_type) == (1, ErrorType.SKU_NOT_FOUND)
    assert stop.near == near
    (stop,) = desk.people[0].blockers(document(sku="WAX-7"))
    assert stop.near == near


def test_many_skus_are_asked_for_in_batches(ends: Ends) -> None:
    """Sixty SKUs cost three requests; each is compared letter by letter, and told once."""
    for number in range(58):
        ends.seed.site.add_product("Thing", f"T-{number}")
    skus = [f"T-{number}" for number in range(57)] + ["t-57", "T-1 ", "NOPE", "NOPE", ""]
    httpx.delete(f"{ends.books_url}/sandbox/requests")
    stops = {stop.key: stop.error_type for stop in ends.destination.stops(skus)}
    missing = ErrorType.SKU_NOT_FOUND
    assert stops == {"t-57": missing, "T-1 ": missing, "NOPE": missing, "": missing}
    asked = httpx.get(f"{ends.books_url}/sandbox/requests").json()
    assert asked["total"] == 3


def test_a_batch_whose_filter_is_ignored_is_asked_one_by_one(ends: Ends) -> None:
    """The first page of everything tells nothing of what is missing."""
    ends.seed.site.deaf = True
    for number in range(60):
        ends.seed.site.add_product("Thing", f"T-{number}")
    assert list(ends.destination.stops(["T-59"])) == []
    assert [stop.key for stop in ends.destination.stops(["T-59", "T-60"])] == ["T-60"]
    found = ends.destination.choices(Kept.PRODUCT, "t-59")
    assert [one.code for one in found] == ["T-59"]
