"""Causes and prechecks by command, with the real connectors: in the workspace and in a terminal."""

import re

from demo.driver import buttons_of
from tests.e2e.house import House, Message, read
from tests.e2e.test_commandline import DONE, WITH_FAILURES, WRONG_USE, Shell


def test_what_would_fail_is_found_and_created_before_it_does(house: House) -> None:
    """A product that only the store knows is named, created by one press, and its order syncs."""
    order = house.sale("PRE-1200", name="Saffron")
    clerk = house.clerk
    clerk.types("/invsync precheck", "has begun")
    found = clerk.sees("without a match in Daftra", "Create all")
    label = _label(found, "Create all")
    assert clerk.click(found, label)["ok"]
    said = read(clerk.sees("products created"))
    assert "PRE-1200" in said or "Show more" in said
    synced = clerk.types(f"/invsync sync {order.reference_id}", str(order.reference_id))
    assert "PRE-1200" not in read(synced)
    again = house.oncall.types("/invsync precheck", "has begun")
    assert "only looks" in read(again)


def test_a_cause_from_the_terminal(house: House) -> None:
    """`causes` lists it, `retry --cause` sends nothing while it stands and all once it is gone."""
    shell = Shell(house)
    order = house.sale("TERM-77", name="Cumin")
    shell.says("sync", str(order.reference_id), code=WITH_FAILURES)
    rows = shell.data("causes", "sku:TERM-77")["rows"]
    (row,) = rows
    assert (row["documents"], row["releases"], row["error_type"]) == (1, 1, "sku_not_found")
    assert "TERM-77" in shell.says("causes")
    still = shell.says("retry", "--cause", str(row["cause_id"]), code=WITH_FAILURES)
    assert "nothing was sent" in still
    assert not house.booked(order.reference_id)
    house.create_product("TERM-77")
    told = shell.data("retry", "--cause", "TERM-77", code=DONE)
    assert (told["synced"], told["failed"]) == (1, 0)
    assert len(house.booked(order.reference_id)) == 1
    assert "no open cause" in shell.says("retry", "--cause", "TERM-77", code=WRONG_USE)
    assert "Name documents or one cause" in shell.says("retry", code=WRONG_USE)


def test_a_precheck_from_the_terminal(house: House) -> None:
    """It names what is missing, `--create` makes it once, and exits with 1 while some is left."""
    house.sale("TERM-88", name="Cardamom")
    shell = Shell(house)
    found = shell.data("precheck", "--create", code=WITH_FAILURES)
    assert found["state"] == "created"
    made = {row["sku"]: row["created_id"] for row in found["rows"]}
    assert made["TERM-88"]
    later = shell.data("precheck", code=WITH_FAILURES)
    assert later["state"] == "looked"
    assert {row["sku"] for row in later["rows"]} == {sku for sku in made if not made[sku]}


def _label(message: Message, start: str) -> str:
    labels = [str(one["text"]["text"]) for one in buttons_of(message)]
    return next(one for one in labels if re.match(start, one))
