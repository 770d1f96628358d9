"""The stand-in of QuickBooks: what its API accepts, refuses, replays and tells."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import quickbooks
from sandbox.quickbooks import Company
from sandbox.serving import Server
from tests.sandbox.letterbox import Letterbox

BASE = f"/v3/company/{quickbooks.REALM}"


@dataclass
class Far:
    """A running company with a customer and an item, and a client that holds its token."""

    company: Company
    http: httpx.Client
    customer: str
    item: str

    def body(self, **values: Any) -> dict[str, Any]:
        """Return an invoice of two units at 100."""
        detail = {"ItemRef": {"value": self.item}, "Qty": 2, "UnitPrice": 100}
        kind = "SalesItemLineDetail"
        lines = [{"Amount": 200, "DetailType": kind, kind: detail}]
        return {"CustomerRef": {"value": self.customer}, "Line": lines, **values}

    def post(self, path: str = "/invoice", body: Any = None, **params: Any) -> httpx.Response:
        """Send a body below the company."""
        return self.http.post(f"{BASE}{path}", json=body, params=params)

    def bill(self, **values: Any) -> dict[str, Any]:
        """Create an invoice; returns it."""
        made: dict[str, Any] = self.post(body=self.body(**values)).raise_for_status().json()
        return dict(made["Invoice"])

    def query(self, text: str) -> dict[str, Any]:
        """Return the QueryResponse of a query."""
        answer = self.http.get(f"{BASE}/query", params={"query": text})
        return dict(answer.raise_for_status().json()["QueryResponse"])


@pytest.fixture
def far() -> Iterator[Far]:
    """Start a company."""
    company = Company()
    server = Server(quickbooks.create(company)).start()
    address = {"Address": "ada@example.com"}
    customer = company.add("Customer", DisplayName="Engines", PrimaryEmailAddr=address)
    item = company.add("Item", Name="Widget", Sku="ABC-1")
    headers = {"Authorization": f"Bearer {quickbooks.TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers) as http:
        yield Far(company, http, customer["Id"], item["Id"])
    server.stop()


def fault(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and element of a refusal."""
    error = answer.json()["Fault"]["Error"][0]
    return answer.status_code, error["code"], error.get("element")


def test_a_create_is_answered_with_the_whole_object(far: Far) -> None:
    """200, ids as texts, the subtotal's line, total and balance, and a trace id."""
    answer = far.post(body=far.body(DocNumber="1043"), requestid="r1")
    made = answer.json()["Invoice"]
    assert answer.status_code == 200
    assert answer.headers["intuit_tid"]
    assert (made["SyncToken"], made["TotalAmt"], made["Balance"]) == ("0", 200.0, 200.0)
    assert made["Line"][-1]["DetailType"] == "SubTotalLineDetail"
    assert far.http.get(f"{BASE}/invoice/{made['Id']}").json()["Invoice"] == made


def test_a_request_id_replays_the_first_answer(far: Far) -> None:
    """Whatever the body says now, there is one row and the old answer."""
    first = far.post(body=far.body(DocNumber="1"), requestid="r1").json()["Invoice"]
    again = far.post(body=far.body(DocNumber="2"), requestid="r1").json()["Invoice"]
    assert again == first
    assert len(far.http.get("/sandbox/ledger").json()["creates"]) == 1


def test_a_refused_create_is_not_replayed(far: Far) -> None:
    """Only what was stored is kept under its request id."""
    wrong = far.body(CustomerRef={"value": "999"})
    assert fault(far.post(body=wrong, requestid="r1")) == (400, "2500", "CustomerRef")
    assert far.post(body=far.body(), requestid="r1").json()["Invoice"]["TotalAmt"] == 200.0


def test_numbers_are_unique_only_while_the_company_warns(far: Far) -> None:
    """6140, unless the warning is off."""
    far.bill(DocNumber="1043")
    assert fault(far.post(body=far.body(DocNumber="1043"))) == (400, "6140", "DocNumber")
    far.http.post("/sandbox/company", json={"warns_duplicates": False})
    far.bill(DocNumber="1043")


def test_names_are_unique_over_customers_and_vendors(far: Far) -> None:
    """6240 also for an inactive name, which is marked as deleted."""
    far.company.add("Vendor", DisplayName="Paper", Active=False)
    for name in ("engines", "Paper"):
        assert fault(far.post("/customer", {"DisplayName": name}))[1] == "6240"
    assert fault(far.post("/item", {"Name": "Widget"}))[1] == "6240"


def test_inactive_and_missing_references_are_refused(far: Far) -> None:
    """610 for what was made inactive, 2500 for what never was; the element is named."""
    far.company.rows["Item"][far.item]["Active"] = False
    assert fault(far.post(body=far.body())) == (400, "610", "ItemRef")
    del far.company.rows["Item"][far.item]
    assert fault(far.post(body=far.body())) == (400, "2500", "ItemRef")


def test_business_rules(far: Far) -> None:
    """Sums of lines, closed books, the customer's currency, and lengths."""
    wrong = far.body()
    wrong["Line"][0]["Amount"] = 201
    assert fault(far.post(body=wrong))[1] == "6070"
    assert fault(far.post(body=far.body(CurrencyRef={"value": "EUR"})))[1] == "6000"
    assert fault(far.post(body=far.body(DocNumber="1" * 22)))[1:] == ("2050", "DocNumber")
    far.bill(DocNumber="1" * 21)
    far.company.closed_before = "2026-11-20"
    assert fault(far.post(body=far.body(TxnDate="2026-11-20")))[1] == "6000"
    far.bill(TxnDate="2026-11-21")


def test_updates_need_the_newest_sync_token(far: Far) -> None:
    """5010 otherwise; a sparse update keeps what it leaves out, a full one clears it."""
    one = far.bill(CustomerMemo={"value": "Thanks"})
    change = {"Id": one["Id"], "SyncToken": "0", "sparse": True, "DueDate": "2026-12-20"}
    changed = far.post(body=change).json()["Invoice"]
    assert (changed["SyncToken"], changed["CustomerMemo"]) == ("1", {"value": "Thanks"})
    assert fault(far.post(body=change))[1] == "5010"
    full = far.body(Id=one["Id"], SyncToken="1")
    assert "CustomerMemo" not in far.post(body=full).json()["Invoice"]


def test_a_refused_update_changes_nothing(far: Far) -> None:
    """The row is as it was."""
    one = far.bill()
    wrong = far.body(Id=one["Id"], SyncToken="0", DocNumber="1" * 22)
    assert far.post(body=wrong).status_code == 400
    assert far.http.get(f"{BASE}/invoice/{one['Id']}").json()["Invoice"] == one


def test_queries(far: Far) -> None:
    """Conditions, escapes, IN, dates, order, paging and counting; no key without a match."""
    far.company.add("Item", Name="O'Neil", Sku="O'N")
    for day in (18, 19, 20):
        far.bill(TxnDate=f"2026-11-{day}", DocNumber=f"N{day}")
    assert far.query("select * from Item where Sku = 'O\\'N'")["Item"][0]["Name"] == "O'Neil"
    assert far.query("select * from Invoice where DocNumber = 'none'") == {}
    listed = far.query("select * from Invoice where DocNumber in ('N18', 'N20')")["Invoice"]
    assert [one["DocNumber"] for one in listed] == ["N18", "N20"]
    text = "select * from Invoice where TxnDate >= '2026-11-19' orderby TxnDate desc"
    assert [one["DocNumber"] for one in far.query(text)["Invoice"]] == ["N20", "N19"]
    page = far.query("select * from Invoice orderby Id startposition 2 maxresults 1")
    assert [one["DocNumber"] for one in page["Invoice"]] == ["N19"]
    assert far.query("select count(*) from Invoice") == {"totalCount": 3}
    both = "select * from Invoice where DocNumber = 'N18' or DocNumber = 'N19'"
    answer = far.http.get(f"{BASE}/query", params={"query": both})
    assert fault(answer)[:2] == (400, "4000")


def test_inactive_names_show_only_when_asked_for(far: Far) -> None:
    """They come back marked."""
    far.company.add("Item", Name="Old", Sku="OLD", Active=False)
    assert far.query("select * from Item where Sku = 'OLD'") == {}
    text = "select * from Item where Sku = 'OLD' and Active in (true, false)"
    assert far.query(text)["Item"][0]["Name"] == "Old (deleted)"


def test_changes_tell_deletions_and_reach_30_days(far: Far) -> None:
    """A stub says that it is deleted; further back is refused."""
    one = far.bill()
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    asked = {"entities": "Invoice,CreditMemo", "changedSince": since}
    far.post(body={"Id": one["Id"], "SyncToken": "0"}, operation="delete").raise_for_status()
    told = far.http.get(f"{BASE}/cdc", params=asked).json()["CDCResponse"][0]["QueryResponse"]
    assert [(row["Id"], row["status"]) for row in told[0]["Invoice"]] == [(one["Id"], "Deleted")]
    asked["changedSince"] = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    assert fault(far.http.get(f"{BASE}/cdc", params=asked))[1] == "4001"


def test_a_void_keeps_the_invoice_without_amounts(far: Far) -> None:
    """Its note says so."""
    one = far.bill(PrivateNote="mine")
    token = {"Id": one["Id"], "SyncToken": "0"}
    gone = far.post(body=token, operation="void").json()["Invoice"]
    assert (gone["TotalAmt"], gone["PrivateNote"]) == (0, "Voided\nmine")


def test_a_batch_answers_each_item(far: Far) -> None:
    """One that fails does not stop the others; more than 30 are refused."""
    items: list[dict[str, Any]] = [
        {"bId": "1", "Query": "select * from Item"},
        {"bId": "2", "operation": "create", "Invoice": far.body(CustomerRef={"value": "9"})},
        {"bId": "3", "operation": "create", "Invoice": far.body()},
    ]
    told = far.post("/batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert told[0]["QueryResponse"]["Item"][0]["Sku"] == "ABC-1"
    assert told[1]["Fault"]["Error"][0]["code"] == "2500"
    assert told[2]["Invoice"]["TotalAmt"] == 200.0
    assert far.post("/batch", {"BatchItemRequest": items[:1] * 31}).status_code == 400


def test_taxes_outside_the_us_are_rounded_once_a_rate(far: Far) -> None:
    """Three lines of 0.33 at 5 % make 0.05, and a line without a code is refused."""
    far.company.country = "GB"
    assert fault(far.post(body=far.body()))[1] == "6000"
    rate = far.company.add("TaxRate", RateValue=5)["Id"]
    rates = {"TaxRateDetail": [{"TaxRateRef": {"value": rate}}]}
    code = far.company.add("TaxCode", Name="5", SalesTaxRateList=rates)["Id"]
    kind = "SalesItemLineDetail"
    detail = {"ItemRef": {"value": far.item}, "TaxCodeRef": {"value": code}}
    row = far.bill(Line=[{"Amount": 0.33, "DetailType": kind, kind: detail} for _ in range(3)])
    assert (row["TxnTaxDetail"]["TotalTax"], row["TotalAmt"]) == (0.05, 1.04)


def test_wrong_tokens_and_other_companies_are_refused(far: Far) -> None:
    """401 with 3200, 403 with 3100."""
    wrong = {"Authorization": "Bearer nothing"}
    assert far.http.get(f"{BASE}/preferences", headers=wrong).status_code == 401
    assert fault(far.http.get("/v3/company/999/preferences"))[:2] == (403, "3100")


def test_limits_are_kept_where_they_are_on(far: Far) -> None:
    """More than ten requests within a second are throttled."""
    far.http.post("/sandbox/company", json={"limited": True})
    statuses = [far.http.get(f"{BASE}/preferences").status_code for _ in range(12)]
    assert statuses.count(429) in {1, 2}


def test_changes_are_told_by_signed_events_in_both_formats(far: Far, box: Letterbox) -> None:
    """The signature is that of the raw body; the old format names entity and operation."""
    far.http.post("/sandbox/webhooks", json={"url": box.url}).raise_for_status()
    made = far.bill()
    event = box.read(1)[0][0]
    assert (event["type"], event["intuitentityid"]) == ("qbo.invoice.created.v1", made["Id"])
    proof = hmac.new(quickbooks.VERIFIER.encode(), box.bodies[0], hashlib.sha256).digest()
    assert box.headers[0]["intuit-signature"] == base64.b64encode(proof).decode()
    far.http.post("/sandbox/webhooks", json={"old": True}).raise_for_status()
    far.bill()
    told = box.read(2)[1]["eventNotifications"][0]
    assert told["dataChangeEvent"]["entities"][0]["operation"] == "Create"


def test_an_item_needs_an_account_and_a_customer_an_address(far: Far) -> None:
    """2020 without an income account, 2500 with an unknown one, 2210 for what is no address."""
    item = {"Name": "New", "Sku": "NEW-1", "Type": "NonInventory"}
    booked = {"IncomeAccountRef": {"value": quickbooks.SALES}}
    unknown = {"IncomeAccountRef": {"value": "987"}}
    buyer = {"DisplayName": "Grace", "PrimaryEmailAddr": {"Address": "no address"}}
    for path, body, code in (
        ("/item", item, "2020"),
        ("/item", {**item, **unknown}, "2500"),
        ("/item", {**item, **booked, "Sku": "x" * 101}, "2050"),
        ("/customer", buyer, "2210"),
    ):
        answer = far.post(path, body)
        assert answer.status_code == 400
        assert answer.json()["Fault"]["Error"][0]["code"] == code
    made = far.post("/item", {**item, **booked}).raise_for_status().json()["Item"]
    assert (made["Sku"], made["Active"]) == ("NEW-1", True)
