"""What people see of a company: transactions, customers, items, and knobs for a bad day."""

import contextlib
import copy
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.faults import Faults
from sandbox.pages import form_of, page
from sandbox.quickbooks.company import SALES, TRANSACTIONS, Company, Fault, Row

SEE_OTHER, NOT_FOUND = 303, 404
CREATES = "/v3/company/[0-9]+/(invoice|creditmemo|refundreceipt)"
KNOBS: dict[str, dict[str, Any]] = {
    "lose the answer of the next create": {"method": "POST", "fault": "drop_after"},
    "drop the next create unseen": {"method": "POST", "fault": "drop_before"},
    "401 to the next request": {"method": "*", "fault": "token_expired"},
    "429 to the next request": {"method": "*", "fault": "status", "status": 429},
    "500 to the next request": {"method": "GET", "fault": "status", "status": 500},
}
TITLES = {"Invoice": "Invoice", "CreditMemo": "Credit memo", "RefundReceipt": "Refund receipt"}


class Pages:
    """The company's pages."""

    def __init__(self, company: Company, faults: Faults, links: list[Any]) -> None:
        self._company = company
        self._faults = faults
        self._links = links

    def routes(self) -> list[Route]:
        """Return the addresses of all pages; those below /app are the real web app's."""
        shown = [Route(f"/app/{one.lower()}", self.transaction) for one in TRANSACTIONS]
        return [
            Route("/", self.transactions),
            *shown,
            Route("/app/invoice/{id}/void", self.void, methods=["POST"]),
            Route("/app/invoice/{id}/quantity", self.quantity, methods=["POST"]),
            Route("/app/invoice/{id}/credit", self.credit, methods=["POST"]),
            Route("/app/invoice/{id}/number", self.number, methods=["POST"]),
            Route("/app/customers", self.customers),
            Route("/app/customerdetail", self.customers),
            Route("/app/customers/{id}", self.change_customer, methods=["POST"]),
            Route("/app/items", self.items, methods=["GET", "POST"]),
            Route("/app/items/{id}/active", self.switch_item, methods=["POST"]),
            Route("/app/taxes", self.taxes),
            Route("/app/taxes/{id}/active", self.switch_tax, methods=["POST"]),
            Route("/app/books", self.close, methods=["POST"]),
            Route("/app/knobs", self.knob, methods=["POST"]),
        ]

    async def transactions(self, request: Request) -> Response:
        rows = [(entity, row) for entity in TRANSACTIONS for row in self._rows(entity)]
        rows.sort(key=lambda pair: pair[1]["MetaData"]["LastUpdatedTime"], reverse=True)
        return self._page(request, "quickbooks_transactions.html", rows=rows, knobs=KNOBS)

    async def transaction(self, request: Request) -> Response:
        path = request.url.path.rpartition("/")[2]
        entity = next(one for one in TRANSACTIONS if one.lower() == path)
        row = self._company.rows[entity].get(request.query_params.get("txnId", ""))
        if row is None:
            return self._page(request, "missing.html", what="transaction", status=NOT_FOUND)
        return self._page(request, "quickbooks_transaction.html", entity=entity, row=row)

    async def void(self, request: Request) -> Response:
        number = request.path_params["id"]
        self._company.void(number)
        return RedirectResponse(f"/app/invoice?txnId={number}", SEE_OTHER)

    async def quantity(self, request: Request) -> Response:
        number, form = request.path_params["id"], await form_of(request)
        row = copy.deepcopy(self._company.get("Invoice", number))
        line = row["Line"][0]
        line["SalesItemLineDetail"]["Qty"] = int(form.get("quantity") or 1)
        price = line["SalesItemLineDetail"]["UnitPrice"]
        line["Amount"] = round(price * line["SalesItemLineDetail"]["Qty"], 2)
        with contextlib.suppress(Fault):  # closed books: the page shows that nothing changed
            self._company.save("Invoice", row)
        return RedirectResponse(f"/app/invoice?txnId={number}", SEE_OTHER)

    async def number(self, request: Request) -> Response:
        """Give an invoice another number."""
        number, form = request.path_params["id"], await form_of(request)
        row = copy.deepcopy(self._company.get("Invoice", number))
        row["DocNumber"] = form.get("number", "").strip() or row["DocNumber"]
        with contextlib.suppress(Fault):  # a number that is taken, a closed month: nothing changed
            self._company.save("Invoice", row)
        return RedirectResponse(f"/app/invoice?txnId={number}", SEE_OTHER)

    async def credit(self, request: Request) -> Response:
        """Take back the first line of an invoice, in a credit memo that names it."""
        sale = self._company.get("Invoice", request.path_params["id"])
        body = {
            "CustomerRef": sale["CustomerRef"],
            "CurrencyRef": sale["CurrencyRef"],
            "BillEmail": sale.get("BillEmail"),
            "DocNumber": f"CM-{sale['DocNumber']}"[:21],
            "Line": [{k: v for k, v in sale["Line"][0].items() if k not in {"Id", "LineNum"}}],
            "LinkedTxn": [{"TxnId": sale["Id"], "TxnType": "Invoice"}],
        }
        try:
            saved = self._company.save("CreditMemo", body)
        except Fault:
            return RedirectResponse(f"/app/invoice?txnId={sale['Id']}", SEE_OTHER)
        return RedirectResponse(f"/app/creditmemo?txnId={saved['Id']}", SEE_OTHER)

    async def customers(self, request: Request) -> Response:
        return self._page(request, "quickbooks_customers.html", customers=self._rows("Customer"))

    async def change_customer(self, request: Request) -> Response:
        form = await form_of(request)
        row = dict(self._company.get("Customer", request.path_params["id"]))
        if "email" in form:
            row["PrimaryEmailAddr"] = {"Address": form["email"].strip()}
        else:
            row["Active"] = not row.get("Active", True)
        if not form.get("email", "x").strip():
            row.pop("PrimaryEmailAddr")
        with contextlib.suppress(Fault):  # the page shows that the address stays as it was
            self._company.save("Customer", row)
        return RedirectResponse("/app/customers", SEE_OTHER)

    async def items(self, request: Request) -> Response:
        if request.method == "POST":
            form = await form_of(request)
            booked = {"IncomeAccountRef": {"value": SALES}}
            item = {"Sku": form.get("sku", ""), "Type": "NonInventory", "UnitPrice": 0, **booked}
            try:
                self._company.save("Item", {**item, "Name": form.get("name") or item["Sku"]})
            except Fault as fault:
                return self._items(request, fault.detail)
            return RedirectResponse("/app/items?saved=1", SEE_OTHER)
        return self._items(request)

    def _items(self, request: Request, wrong: str = "") -> Response:
        saved = "saved" in request.query_params
        rows = self._rows("Item")
        return self._page(request, "quickbooks_items.html", items=rows, saved=saved, wrong=wrong)

    async def switch_item(self, request: Request) -> Response:
        row = dict(self._company.get("Item", request.path_params["id"]))
        row["Active"] = not row.get("Active", True)
        if row["Active"]:
            row["Name"] = row["Name"].removesuffix(" (deleted)")
            self._company.refusals.pop(row["Id"], None)  # entered anew, it is an item like any
        self._company.save("Item", row)
        return RedirectResponse("/app/items", SEE_OTHER)

    async def taxes(self, request: Request) -> Response:
        return self._page(request, "quickbooks_taxes.html", taxes=self._rows("TaxCode"))

    async def switch_tax(self, request: Request) -> Response:
        row = dict(self._company.get("TaxCode", request.path_params["id"]))
        self._company.save("TaxCode", {**row, "Active": not row.get("Active", True)})
        return RedirectResponse("/app/taxes", SEE_OTHER)

    async def close(self, request: Request) -> Response:
        self._company.closed_before = (await form_of(request)).get("day", "")
        return RedirectResponse("/", SEE_OTHER)

    async def knob(self, request: Request) -> Response:
        knob = KNOBS.get((await form_of(request)).get("knob", ""))
        if knob:
            self._faults.add(**knob, path=CREATES if knob["method"] == "POST" else "/v3/company/")
        return RedirectResponse("/", SEE_OTHER)

    def _rows(self, entity: str) -> list[Row]:
        return sorted(self._company.rows[entity].values(), key=lambda row: -int(row["Id"]))

    def _page(self, request: Request, name: str, **model: Any) -> Response:
        given: dict[str, Any] = {
            "waiting": self._faults.waiting,
            "company": self._company,
            "titles": TITLES,
        }
        return page(request, name, self._links, **given, **model)
