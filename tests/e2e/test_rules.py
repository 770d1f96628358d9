"""The seeds' rules of syncing, one by one, as persons meet them in the channel."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from demo.driver import buttons_of, text_of
from sandbox.catalogue import REFUSALS
from tests.e2e.house import House, Message, Person, button_of, lived_in, read, until

SYNCED = "Invoice synced successfully"
FAILED = "Failed to sync invoice"
FOUND = re.compile(r"^[✓✗○◐] (\w+) · (\S+) · (Invoice|Return) · order (\d+)$", re.MULTILINE)
PAGE = 20


def synced(house: House, sku: str = "WIDGET-001") -> int:
    """Sync a new sale; return its order number."""
    order = house.sale(sku).reference_id
    house.clerk.types(f"/invsync sync {order}", f"INV-{order}", SYNCED)
    return order


def failed(house: House, sku: str = "NOT-THERE") -> int:
    """Sync a new sale that fails; return its order number."""
    number = house.sale(sku).reference_id
    house.clerk.types(f"/invsync sync {number}", f"INV-{number}", FAILED)
    return number


def shown(person: Person, order: int) -> str:
    """Return what the row of an order's invoice says in the log."""
    return read(person.types(f"/invsync log {order}", f"order {order}"))


def test_rule_1_statuses_after_retry(house: House) -> None:
    """A retried sync is pending, then processing while work goes on, then has its final status."""
    order = failed(house)
    house.fault("daftra", "hang", "GET", "/", seconds=0.45, times=6)
    before = house.clerk.known()
    house.clerk.types(f"/invsync retry {order}", f"INV-{order} is pending again and will be sent")
    until(lambda: "◐ Processing" in shown(house.clerk, order), "the sync at work")
    house.clerk.sees(FAILED, f"INV-{order}", since=before)
    assert "✗ Failed" in shown(house.clerk, order)


def test_rule_2_failed_can_be_retried(house: House) -> None:
    """A failed sync has a Retry that sends it again, and succeeds once its cause is gone."""
    order = failed(house, "RULE-2")
    house.create_product("RULE-2")
    house.clerk.types(f"/invsync retry {order}", SYNCED, f"INV-{order}")


def test_rule_2_pending_can_be_retried(house: House) -> None:
    """A press on a pending sync moves it to the front and counts as no retry."""
    order = house.seed.names["waiting"]
    row = house.clerk.types(f"/invsync log {order}", "Pending")
    number = re.findall(r"CN-\d+", read(row))[0]
    answer = house.clerk.presses(row, f"Retry {number}", number, "moved to the front")
    assert "Failed" not in read(answer)
    assert "retried" not in shown(house.clerk, order)


def test_rule_2_success_cannot_be_retried(house: House) -> None:
    """A synced document has no Retry; typing one sends nothing and says so."""
    order = synced(house)
    row = house.clerk.types(f"/invsync log {order}", "Success")
    assert not [one for one in buttons_of(row) if one["text"]["text"] == "Retry"]
    before = house.creates()
    house.clerk.types(f"/invsync retry {order}", "was already synced on", "Nothing sent")
    assert house.creates() == before


def test_rule_2_processing_waits_until_it_completes(house: House) -> None:
    """A press on a sync at work sends nothing, says so, and tells the outcome when it ends."""
    order = failed(house, "RULE-2B")
    house.create_product("RULE-2B")
    house.fault("daftra", "hang", "GET", "/", seconds=0.45, times=6)
    house.clerk.types(f"/invsync retry {order}", "is pending again")
    until(lambda: "◐ Processing" in shown(house.clerk, order), "the sync at work")
    house.oncall.types(f"/invsync retry {order}", f"INV-{order} is processing")
    for person in (house.clerk, house.oncall):
        person.sees(SYNCED, f"INV-{order}")
    assert len(house.booked(order)) == 1


def test_rule_3_synced_before_is_skipped(house: House) -> None:
    """Syncing again is skipped and says so: no second invoice stands in the destination."""
    order = synced(house)
    before = house.creates()
    house.clerk.types(f"/invsync sync {order}", "already synced on", "Nothing sent")
    assert house.creates() == before
    assert len(house.booked(order)) == 1


def test_rule_3_only_unsynced_or_failed_ones_are_sent(house: House) -> None:
    """Of a synced, a failed and a new document together, the last two alone are sent."""
    done, broken, new = synced(house), failed(house, "RULE-3"), house.sale("TEA-200").reference_id
    house.create_product("RULE-3")
    before = house.creates()
    answer = house.clerk.types(f"/invsync sync {done} {broken} {new}", f"{done}: Invoice")
    assert read(answer).count("Nothing sent") == 1
    for order in (broken, new):
        house.clerk.sees(SYNCED, f"INV-{order}")
    assert house.creates() == before + 2
    assert [len(house.booked(order)) for order in (done, broken, new)] == [1, 1, 1]


def test_rule_3_what_the_books_hold_is_found_by_its_key(house: House) -> None:
    """What the books hold under our key is not booked twice, even if our log is new."""
    order = house.sale("WIDGET-001")
    (invoice,) = house.seed.shop.invoices_of(order.id)
    site, product = house.seed.site, house.seed.site.product_by_code("WIDGET-001")
    client = next(one for one in site.clients.values() if one.email == "sara@example.sa")
    number = str(order.reference_id)
    head = {"client_id": client.id, "date": invoice.at.date().isoformat(), "currency_code": "SAR"}
    line = {"product_id": getattr(product, "id", 0), "unit_price": "40", "quantity": 1, "tax1": 1}
    key = [{"label": "invsync_key", "value": f"v1:salla:1305146709:invoice:{invoice.id}"}]
    site.book(0, {**head, "po_number": f"SALLA-{number}"}, [line], key)
    before = house.creates()
    house.clerk.types(f"/invsync sync {number}", SYNCED, "Already synced: it was in Daftra")
    assert house.creates() == before


def test_rule_4_counts_retries_and_asks_for_investigation(house: House) -> None:
    """Each retry of a failed sync counts; its third failure marks it as needing investigation."""
    order = failed(house, "RULE-4")
    assert "retried" not in shown(house.clerk, order)
    told = house.clerk.types(f"/invsync retry {order}", FAILED, f"INV-{order}")
    assert "investigation" not in read(told)
    assert "retried once" in shown(house.clerk, order)
    told = house.clerk.types(f"/invsync retry {order}", FAILED, f"INV-{order}")
    assert "Needs investigation: failed 3 times" in read(told)
    row = shown(house.clerk, order)
    assert "retried 2 times" in row
    assert "needs investigation" in row


@pytest.mark.parametrize(
    ("story", "name", "meaning", "action"),
    [
        (
            "honey",
            "SKU not found",
            "The product does not exist in Daftra",
            "Create it in Daftra with the exact SKU",
        ),
        (
            "email",
            "Customer email missing",
            "The customer has no email",
            "Add an email to the contact",
        ),
        ("token", "Unauthorized", "The system refused our access", "Reconnect the system"),
        (
            "foreign",
            "Already synced",
            "It exists in Daftra",
            "Check there, a retry may not be needed",
        ),
    ],
)
def test_rule_5_error_types_with_meaning_and_action(
    house: House, story: str, name: str, meaning: str, action: str
) -> None:
    """View names the error type, what it means and what to do."""
    order = house.seed.names[story]
    row = house.clerk.types(f"/invsync log {order}", f"order {order}", "Failed")
    view = read(house.clerk.opens(row, "View"))
    for words in (name, meaning, f"Do: {action}"):
        assert words in view


def test_rule_5_a_sku_matches_exactly(house: House) -> None:
    """A SKU that differs by case or by a blank is not found, and is named as it is."""
    for sku in ("wIDGET-001", "WIDGET-001 x"):
        assert f"SKU {sku} not found in Daftra" in shown(house.clerk, failed(house, sku))


def test_rule_5_one_unknown_line_fails_the_whole_document(house: House) -> None:
    """One line of two is unknown: nothing is booked, no partial invoice."""
    order = house.sale("WIDGET-001")
    (invoice,) = house.seed.shop.invoices_of(order.id)
    items = (*invoice.items, replace(invoice.items[0], id=invoice.items[0].id + 5000, sku="NO-1"))
    house.seed.shop.add(replace(order, items=items), replace(invoice, items=items))
    told = house.clerk.types(f"/invsync sync {order.reference_id}", FAILED)
    assert "SKU NO-1 not found in Daftra" in read(told)
    assert house.booked(order.reference_id) == []


def test_rule_6_columns(house: House) -> None:
    """A row has both numbers as links, type, last attempt, amount, reason and status."""
    order = failed(house, "RULE-6")
    row = text_of(house.clerk.types(f"/invsync log {order}", f"order {order}"))
    assert re.search(rf"<{house.salla}/orders/order/\w+\|INV-{order}>", row)
    assert re.search(rf"<{house.salla}/orders/order/\w+\|{order}>", row)
    assert "SAR 46.00" in row
    assert "SKU RULE-6 not found in Daftra" in row
    assert re.search(r"<!date\^\d+\^", row) or "UTC+03" in row
    done = text_of(house.clerk.types(f"/invsync log {synced(house)}", "Success"))
    assert re.search(rf"<{house.daftra}/owner/invoices/view/\d+\|INV-\d+>", done)


def test_rule_6_twenty_a_page_newest_first(house: House) -> None:
    """Pages hold 20 rows, newest first, none twice; Older and Newer lead there and back."""
    newest = synced(house)
    first = house.clerk.types("/invsync log", "Sync log", "Older")
    rows = _rows(first)
    assert len(rows) == PAGE
    assert rows[0][1] == f"INV-{newest}"
    second = house.clerk.presses(first, "Older", "Sync log", "Newer")
    assert len(_rows(second)) == PAGE
    assert not set(_rows(second)) & set(rows)
    again = house.clerk.presses(second, "Newer", "Sync log", "Older")
    assert _rows(again) == rows


def test_rule_6_reasons_are_cut_at_40_characters(house: House) -> None:
    """A reason of 40 characters stands whole, one of 41 is cut, and View has the whole of 4,000."""
    whole, cut, long = (f"Daftra: {REFUSALS[sku]}" for sku in REFUSALS)
    assert [len(whole), len(cut), len(long)] == [40, 41, 4000]
    log = house.clerk.types("/invsync failed error:unknown", "Sync log")
    lines = read(log).splitlines()
    assert whole in lines
    assert cut not in lines
    assert f"{cut[:39]}…" in lines
    number = next(row[1] for row in _rows(log) if _reason(log, row[1]) == f"{long[:39]}…")
    view = read(house.clerk.opens(log, f"View {number}"))
    assert re.sub(r"\s", "", long) in re.sub(r"\s", "", view)


def test_rule_6_invoice_and_return_are_two_records(house: House) -> None:
    """An order with an invoice and a credit note gives a record of each type."""
    order = house.sale("WIDGET-001")
    house.give_back(order)
    number = order.reference_id
    house.clerk.types(f"/invsync sync {number}", f"CN-{number}", SYNCED)
    log = house.clerk.types(f"/invsync log {number}", f"CN-{number}")
    assert {row[:3] for row in _rows(log)} == {
        ("Success", f"INV-{number}", "Invoice"),
        ("Success", f"CN-{number}", "Return"),
    }
    assert len(house.booked(number)) == 2


def test_rule_6_only_the_successful_record_appears(house: House) -> None:
    """A document with failed and successful attempts is one row, the success, without a reason."""
    order = house.seed.names["third"]
    log = house.clerk.types(f"/invsync log {order}", f"order {order}")
    assert [row[0] for row in _rows(log)] == ["Success"]
    assert "not found" not in read(log)
    assert "retried 2 times" in read(log)


def test_rule_6_nothing_yet_says_what_to_do_next(tmp_path: Path) -> None:
    """An empty log says that it is empty and what to type next."""
    with lived_in(tmp_path, past=False) as empty:
        log = empty.clerk.types("/invsync log", "Nothing has been synced yet")
        assert "Next: type /invsync sync 1042" in read(log)


def test_rule_7_sentences_row_and_view(house: House) -> None:
    """Retry answers with the two sentences, word for word, the row follows, View leads on."""
    order = failed(house, "RULE-7")
    log = house.clerk.types(f"/invsync log {order}", "Failed")
    for word in ("Retry", "View"):
        assert button_of(log, word)["accessibility_label"] == f"{word} INV-{order}"
    view = house.clerk.opens(log, "View")
    assert _opens(view, "Open order in Salla", f"{house.salla}/orders/order/")
    told = house.clerk.presses(log, "Retry", FAILED)
    assert f"INV-{order}: ✗ {FAILED}. SKU RULE-7 is still missing in Daftra." in read(told)
    log = _row_follows(house.clerk, log, "Failed", "retried once")
    house.create_product("RULE-7")
    told = house.clerk.presses(log, "Retry", SYNCED)
    assert f"INV-{order}: ✓ {SYNCED}." in read(told)
    log = _row_follows(house.clerk, log, "✓ Success")
    assert _opens(house.clerk.opens(log, "View"), "Open invoice in Daftra", f"{house.daftra}/owner")


def test_rule_7_view_opens_the_pages(house: House) -> None:
    """Both links of View lead to pages that show the document."""
    order = synced(house)
    row = house.clerk.types(f"/invsync log {order}", "Success")
    books, store = buttons_of(house.clerk.opens(row, "View"))[:2]
    assert f"SALLA-{order}" in httpx.get(books["url"]).text
    assert str(order) in httpx.get(store["url"]).text


def test_rule_9_needs_investigation_points_out_odd_data(house: House) -> None:
    """After three failures View gives the advice and points out what is odd in the data."""
    sku = "WIDGET\u2011001"
    order = failed(house, sku)
    for _ in range(2):
        house.clerk.types(f"/invsync retry {order}", FAILED, f"INV-{order}")
    row = house.clerk.types(f"/invsync log {order}", "needs investigation")
    view = read(house.clerk.opens(row, "View"))
    for words in (
        "Needs investigation: it failed 3 times.",
        "Read the reason of each attempt below",
        "Check that the fix was really applied",
        "Look at the document in both systems, Salla and Daftra",
        "Look for odd data: special characters, unusual values",
        "Then ask for help",
        f"{sku} has a special blank or hyphen that looks like a plain one",
    ):
        assert words in view


def _rows(log: Message) -> list[tuple[str, ...]]:
    """Return status, number, type and order of every row, as they stand."""
    return [tuple(found) for found in FOUND.findall(read(log))]


def _reason(log: Message, number: str) -> str:
    """Return the reason that the row of `number` shows."""
    lines = read(log).splitlines()
    at = next(n for n, line in enumerate(lines) if f" {number} " in line)
    return lines[at + 2]


def _row_follows(person: Person, log: Message, *words: str) -> Message:
    """Return the same log when its row says `words`."""

    def same() -> Message | None:
        found = [one for one in person.looks() if one["ts"] == log["ts"]]
        return found[0] if found and all(word in read(found[0]) for word in words) else None

    return until(same, f"the row with {words}") or {}


def _opens(view: Message, words: str, url: str) -> bool:
    """Return whether the modal's first element is this link."""
    first = view["blocks"][0]["elements"][0]
    return bool(first["text"]["text"] == words and first["url"].startswith(url))
