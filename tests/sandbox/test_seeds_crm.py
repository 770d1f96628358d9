"""The seeded trade of HubSpot and QuickBooks: each document is what its name says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import hubspot, quickbooks
from sandbox.seeds_crm import GOODS, INACTIVE, Trade, seed_crm
from sandbox.serving import Server

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def trade() -> Trade:
    """Return both systems, filled."""
    return seed_crm(NOW)


def sale(trade: Trade, name: str) -> dict[str, str | None]:
    """Return the properties of an invoice of HubSpot, by its name."""
    number = trade.names[name]
    for one in trade.portal.objects["invoices"].values():
        if number in {one.id, one.properties.get("hs_number")}:
            return one.properties
    raise AssertionError(number)


def lines(trade: Trade, name: str) -> list[dict[str, str | None]]:
    """Return the line items of an invoice of HubSpot, by its name."""
    invoices = trade.portal.objects["invoices"].values()
    invoice = next(one for one in invoices if one.properties is sale(trade, name))
    items = trade.portal.linked("invoices", invoice.id, "line_items")
    return [trade.portal.objects["line_items"][one].properties for one in items]


def booked(trade: Trade, name: str, entity: str = "Invoice") -> dict[str, Any]:
    """Return a transaction of QuickBooks, by its name."""
    number = trade.names[name]
    rows = trade.company.rows[entity].values()
    return next(row for row in rows if row["DocNumber"] == number)


def test_about_ten_invoices_wait_in_each_system(trade: Trade) -> None:
    """Twelve are open or paid in HubSpot; QuickBooks has eleven, two credit memos, a refund."""
    invoices = trade.portal.objects["invoices"].values()
    ready = [one.properties["hs_invoice_status"] in {"open", "paid"} for one in invoices]
    assert (len(ready), sum(ready)) == (14, 12)
    counts = {entity: len(rows) for entity, rows in trade.company.rows.items()}
    assert [counts[one] for one in ("Invoice", "CreditMemo", "RefundReceipt")] == [11, 2, 1]


def test_both_sell_the_same_goods_under_the_same_skus(trade: Trade) -> None:
    """All but the near misses; one of them is inactive in the books."""
    items = {row["Sku"]: row for row in trade.company.rows["Item"].values()}
    skus = {one.properties["hs_sku"] for one in trade.portal.objects["products"].values()}
    assert skus & items.keys() == GOODS.keys()
    assert skus ^ items.keys() == {"WIDGET-001", "widget-001", "3200"}
    assert [sku for sku, row in items.items() if not row["Active"]] == [INACTIVE]


def test_some_people_are_known_to_one_system_only(trade: Trade) -> None:
    """A buyer without an e-mail is in both; one new customer and one new contact are in one."""
    contacts = {one.properties.get("email") for one in trade.portal.objects["contacts"].values()}
    customers = {
        row.get("PrimaryEmailAddr", {}).get("Address")
        for row in trade.company.rows["Customer"].values()
    }
    assert None in contacts & customers
    assert contacts - customers == {"accounts@brook.example"}
    assert customers - contacts == {"lena@ortiz.example"}


def test_hubspot_holds_what_its_names_say(trade: Trade) -> None:
    """Unknown SKUs, an inactive item, a draft, a void, closed books, discounts and a tax."""
    assert {lines(trade, name)[0]["hs_sku"] for name in ("sku", "sku_too")} == {"WIDGET-001"}
    assert lines(trade, "inactive")[0]["hs_sku"] == INACTIVE
    assert sale(trade, "draft")["hs_invoice_status"] == "draft"
    assert sale(trade, "voided")["hs_invoice_status"] == "voided"
    assert str(sale(trade, "closed")["hs_invoice_date"]) < trade.company.closed_before
    assert lines(trade, "percent_discount")[0]["amount"] == "153.00"
    assert lines(trade, "unit_discount")[0]["amount"] == "63.00"
    assert sale(trade, "taxed")["hs_amount_billed"] == "129.60"


def test_quickbooks_holds_what_its_names_say(trade: Trade) -> None:
    """No e-mail, a void, a tax, shipping and a discount on one invoice."""
    assert "BillEmail" not in booked(trade, "email_in_books")
    assert booked(trade, "voided_in_books")["TotalAmt"] == 0
    assert booked(trade, "taxed_in_books")["TxnTaxDetail"]["TotalTax"] == 18.32
    kinds = [line["DetailType"] for line in booked(trade, "shipping")["Line"]]
    assert kinds == [
        "SalesItemLineDetail",
        "SalesItemLineDetail",
        "DiscountLineDetail",
        "SubTotalLineDetail",
    ]


@pytest.mark.parametrize(
    ("name", "entity"),
    [("partial", "CreditMemo"), ("refunded", "RefundReceipt"), ("orphan", "CreditMemo")],
)
def test_every_credit_names_its_sale(trade: Trade, name: str, entity: str) -> None:
    """A credit links its invoice and never exceeds it; the orphan's is older than the story."""
    credit, of = booked(trade, name, entity), booked(trade, f"{name}_sale")
    assert credit["LinkedTxn"] == [{"TxnId": of["Id"], "TxnType": "Invoice"}]
    assert credit["TotalAmt"] <= of["TotalAmt"]
    old = (NOW - timedelta(days=40)).date().isoformat()
    assert (of["TxnDate"] < old) == (name == "orphan")


def test_the_trade_is_the_same_for_the_same_moment(trade: Trade) -> None:
    """Two sandboxes started at one moment tell the same numbers."""
    assert seed_crm(NOW).names == trade.names


# --- what both new systems share with the others ------------------------------------------------


@pytest.fixture(scope="module", params=["hubspot", "quickbooks"])
def far(request: pytest.FixtureRequest, trade: Trade) -> Iterator[httpx.Client]:
    """Serve one of the two; returns a client to it."""
    if request.param == "hubspot":
        app = hubspot.create(trade.portal)
    else:
        app = quickbooks.create(trade.company)
    server = Server(app).start()
    with httpx.Client(base_url=server.url) as client:
        yield client
    server.stop()


def test_every_stand_in_has_the_same_doors(far: httpx.Client) -> None:
    """Start page, webhooks, call counter and ledger stand at the same addresses everywhere."""
    assert "<h1>" in far.get("/").text
    assert far.get("/sandbox/webhooks").json()["url"] is None
    assert far.get("/sandbox/requests").json() == {"total": 0, "by": {}}
    assert far.get("/sandbox/ledger").json()["creates"] == []
    issued = far.post("/sandbox/token", json={"issue": True}).json()
    assert issued["access_token"] != issued["refresh_token"]
